"""Times of an entry: when its node recorded it, and when its movements count.

A stamp orders entries and is not a time. After one wrong reading of the wall clock, a node's stamps stay ahead until
the right time reaches them. So an entry whose stamp is ahead of its writer's wall clock carries the reading of that
clock as the fact `wall`. Usual entries have no such fact: their stamp shows the time.

The wall clocks of two nodes differ by a little. So the reading alone could put a movement before a count that its node
knew. If the clock has not reached the newest entry at the location that the node knows, the entry carries the time of
that one as the fact `after`, and its movements count no earlier.

A till says when a movement happened (`occurred_at`). The movement counts by this time for counts and forecasts. A time
that cannot be true changes nothing: the movement counts by when it was recorded. A later time than that cannot be true
either, but a till's clock may be a little ahead, so only a larger difference is reported (`impossible_ms`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from replica.core.base.clock import COUNTER_BITS, stamp_ms, time_text
from replica.core.base.limits import (
    CLOCK_AHEAD_MAX_MS,
    OCCURRED_AGE_MAX_MS,
    OCCURRED_AHEAD_MAX_MS,
    STAMP_AHEAD_MS,
)
from replica.core.log.entry import Content
from replica.core.log.voids import CHANGES

WALL = "wall"
"""The fact with the reading of the writer's wall clock, in milliseconds since 1970."""

WALL_MIN_MS = 1
"""The least reading that is noted, because 0 says that there is none. A dead battery sets a clock to 1970."""

AFTER = "after"
"""The fact with the time, as a stamp, of an entry that the writer knew: the movements of its own entry count later."""

OCCURRED_AT = "occurred_at"
"""The fact with the time at which a movement happened by a till's clock, in microseconds since 1970."""


_DAY = 86_400_000_000

_CALENDAR = (-62_135_596_800_000_000 - _DAY, 253_402_300_800_000_000 + _DAY)
"""The years 1 to 9999 of every zone, in microseconds since 1970."""


def is_ahead(clock: int, now_ms: int) -> bool:
    """Whether a stamp is too far ahead of the wall clock to show the time of its entry."""
    return stamp_ms(clock) - now_ms > STAMP_AHEAD_MS


def recorded_ms(content: Content) -> int:
    """When the node recorded an entry, by its wall clock, in milliseconds since 1970."""
    wall_ms, shown_ms = content.facts.get(WALL), stamp_ms(content.clock)
    return wall_ms if type(wall_ms) is int and WALL_MIN_MS <= wall_ms < shown_ms else shown_ms


def recorded_text(content: Content) -> str:
    """When the node recorded an entry, as RFC 3339."""
    return time_text(recorded_ms(content))


def wall_of(content: Content) -> int:
    """When the node recorded an entry, in milliseconds since 1970, if its stamp does not show it; else 0."""
    return recorded_ms(content) if WALL in content.facts else 0


def recorded_clock(content: Content) -> int:
    """When the node recorded an entry, as a stamp."""
    return content.clock if WALL not in content.facts else min(content.clock, recorded_ms(content) << COUNTER_BITS)


def is_cause(stamp: int, now_ms: int) -> bool:
    """Whether the time of a known entry is later than a wall clock shows, by no more than two right clocks differ."""
    return now_ms << COUNTER_BITS < stamp and stamp_ms(stamp) - now_ms <= CLOCK_AHEAD_MAX_MS


def drift_ms(content: Content) -> int:
    """How far the stamp of an entry is ahead of its writer's wall clock because that clock was wrong before; else 0.

    Up to CLOCK_AHEAD_MAX_MS the stamp may follow an entry of another node.
    """
    ahead_ms = stamp_ms(content.clock) - recorded_ms(content)
    return ahead_ms if ahead_ms > CLOCK_AHEAD_MAX_MS else 0


def is_possible(occurred_ms: int, recorded_ms: int) -> bool:
    """Whether a movement that was recorded at one time may have happened at the other."""
    return -OCCURRED_AGE_MAX_MS <= occurred_ms - recorded_ms <= OCCURRED_AHEAD_MAX_MS


def impossible_at(content: Content) -> int | None:
    """The time of a movement by a till, in microseconds since 1970, if it cannot be true; else None."""
    occurred = content.facts.get(OCCURRED_AT)
    if content.kind in CHANGES or not _is_moment(occurred) or is_possible(occurred // 1000, recorded_ms(content)):
        return None
    return occurred


def told_ms(facts: Mapping[str, Any], noted_ms: int) -> int | None:
    """When a movement that was recorded at `noted_ms` happened by its till, in milliseconds since 1970.

    None if the till did not say, or if it cannot be true.
    """
    occurred = facts.get(OCCURRED_AT)
    if not _is_moment(occurred):
        return None
    occurred_ms = occurred // 1000
    is_believed = occurred_ms <= noted_ms and is_possible(occurred_ms, noted_ms)
    return occurred_ms if is_believed else None


def occurred_clock(content: Content) -> int | None:
    """When a movement happened by its till, as a stamp. None if the till did not say, or if it cannot be true."""
    told = told_ms(content.facts, recorded_ms(content))
    return told << COUNTER_BITS if told is not None else None


def moved_ms(content: Content) -> int:
    """When the goods moved: when their till says if that can be true, else when the node recorded it."""
    noted = recorded_ms(content)
    told = told_ms(content.facts, noted)
    return told if told is not None else noted


def effective_clock(content: Content) -> int:
    """The stamp at which an entry's moves count.

    A void, and the correction of a return, count when the entry that they change does. A movement counts when it
    happened, by its till. Else the stamp decides, because it may follow a cause; unless only a clock that was wrong
    before explains it (`drift_ms`).
    """
    facts = content.facts
    if content.kind in CHANGES:
        as_of = facts.get("as_of")
        return as_of if type(as_of) is int else content.clock
    if not (OCCURRED_AT in facts or WALL in facts):
        return content.clock
    occurred = occurred_clock(content)
    if occurred is not None:
        return occurred
    return _caused_clock(content) if drift_ms(content) else content.clock


def _caused_clock(content: Content) -> int:
    """When a node whose stamps drifted recorded an entry, or when the entry did that it follows."""
    after, recorded = content.facts.get(AFTER), recorded_clock(content)
    return after if type(after) is int and is_cause(after, recorded_ms(content)) else recorded


def times_of_change(content: Content) -> Mapping[str, int]:
    """The facts by which a void or a correction of an entry counts when the entry does."""
    told = {OCCURRED_AT: content.facts[OCCURRED_AT]} if counts_by_till(content) else {}
    return {"as_of": effective_clock(content), **told}


def counts_by_till(content: Content) -> bool:
    """Whether the time at which an entry's moves count is that of a till, so that it may be before older entries."""
    if OCCURRED_AT not in content.facts:
        return False
    return content.kind in CHANGES or occurred_clock(content) is not None


def _is_moment(value: object) -> TypeGuard[int]:
    """Whether a fact is a moment of some zone's calendar. A peer may write anything."""
    return type(value) is int and _CALENDAR[0] <= value < _CALENDAR[1]
