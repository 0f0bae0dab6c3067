"""When an entry was recorded, and when its movements count.

A stamp orders entries: it never repeats and never goes back, and it follows the wall clock if it can. `at` is the wall
clock of the node that recorded. A till says when goods moved (`occurred_at`): the movement counts then, unless that
cannot be true. Then it counts when it was recorded. If the stamps of a node are ahead because its clock was wrong, its
wall clock decides; but the movement counts no earlier than the entries that the node knew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

COUNTER = 1 << 16
"""A stamp is milliseconds since 1970 times this, plus a counter."""

SHOWN_AHEAD_MS = 1_000
"""A stamp at most this far ahead of the wall clock still shows the time of its entry."""

HEARD_AHEAD_MS = 60_000
"""A stamp at most this far ahead may follow an entry of another node."""

DAY_MS = 86_400_000
EARLIEST_MS = 400 * DAY_MS
"""A till may report a movement this late."""

REPORTED_AHEAD_MS = 60_000
"""A till that is further ahead than this is reported."""


@dataclass
class Stamps:
    """The stamps of one node."""

    last: int = 0

    def next(self, now_ms: int) -> int:
        """The stamp of the next entry."""
        self.last = max(now_ms * COUNTER, self.last + 1)
        return self.last

    def hear(self, stamp: int, now_ms: int) -> None:
        """Follow the stamp of another node, unless it is more than a minute ahead."""
        if stamp // COUNTER <= now_ms + HEARD_AHEAD_MS:
            self.last = max(self.last, stamp)


def recorded_ms(stamp: int, now_ms: int) -> int:
    """When an entry with this stamp was recorded, by the wall clock of its node: after 1970 began."""
    stamp_ms = stamp // COUNTER
    return max(now_ms, 1) if stamp_ms - now_ms > SHOWN_AHEAD_MS else stamp_ms


def may_follow(stamp: int, now_ms: int) -> bool:
    """Whether the time of a known entry is later than a wall clock shows, by no more than two right clocks differ."""
    return now_ms * COUNTER < stamp and stamp // COUNTER - now_ms <= HEARD_AHEAD_MS


def told_ms(occurred_us: int | None, at_ms: int) -> int | None:
    """When a till says that goods moved, if the node believes it: not after the entry, and not ages ago."""
    if occurred_us is None:
        return None
    occurred_ms = occurred_us // 1000
    return occurred_ms if at_ms - EARLIEST_MS <= occurred_ms <= at_ms else None


def is_impossible(occurred_us: int, at_ms: int) -> bool:
    """Whether a till's time is so wrong that a person must look at its clock."""
    return not at_ms - EARLIEST_MS <= occurred_us // 1000 <= at_ms + REPORTED_AHEAD_MS


def time_text(time_ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339."""
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{time_ms % 1000:03d}Z"


def moment_text(moment_us: int) -> str:
    """Microseconds since 1970 as a till's time is shown."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment_us)).isoformat()
