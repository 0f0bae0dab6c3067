"""Hybrid logical clock: stamps that follow causes, close to wall time.

A stamp is one integer, `milliseconds since 1970 << 16 | counter`, so stamps compare as numbers and fit a signed
64-bit column. A node's next stamp is greater than every stamp it has accepted. A node accepts no stamp from too far
in the future, so one wrong clock cannot move the clocks of the whole chain.
Source: Kulkarni et al., Logical Physical Clocks, OPODIS 2014.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from replica.core.base.limits import CLOCK_AHEAD_MAX_MS

COUNTER_BITS = 16


class Moment(NamedTuple):
    """One reading of both clocks, in milliseconds: wall time, which may jump, and elapsed time, which only grows."""

    wall_ms: int
    elapsed_ms: int


def stamp_ms(stamp: int) -> int:
    """Return the wall part of a stamp, in milliseconds since 1970."""
    return stamp >> COUNTER_BITS


def stamp_text(stamp: int) -> str:
    """Return the wall part of a stamp as RFC 3339, UTC, milliseconds."""
    return time_text(stamp >> COUNTER_BITS)


@lru_cache(maxsize=256)
def time_text(time_ms: int) -> str:
    """Return milliseconds since 1970 as RFC 3339, UTC. A time past year 9999 shows as that year's end."""
    seconds, millis = divmod(min(max(time_ms, 0), 253_402_300_799_999), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"


class HybridClock:
    """Issues stamps that never repeat and never go back, whatever the wall clock does."""

    __slots__ = ("last", "refused")

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.refused = 0
        """Number of observed stamps that were too far ahead."""

    def next(self, now_ms: int) -> int:
        """Return the stamp that `tick` would issue."""
        wall = now_ms << COUNTER_BITS
        return wall if wall > self.last else self.last + 1

    def tick(self, now_ms: int) -> int:
        """Issue the next stamp."""
        self.last = self.next(now_ms)
        return self.last

    def observe(self, stamp: int, now_ms: int) -> bool:
        """Advance past the stamp of another node. If it is too far ahead, change nothing and return False."""
        if stamp <= self.last:
            return True
        if stamp_ms(stamp) > now_ms + CLOCK_AHEAD_MAX_MS:
            self.refused += 1
            return False
        self.last = stamp
        return True
