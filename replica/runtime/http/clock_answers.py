"""Answers about clocks that are or were wrong: those of nodes, and those of tills."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from replica.core.base.clock import time_text
from replica.core.base.names import node_of
from replica.core.state.clock_faults import DRIFT, PEER, TILL, ClockFault
from replica.core.stock.lines import moment_of


class ClockAnswer(Struct, frozen=True):
    """The clock of a node that is or was wrong, by how much, and who says so.

    `ahead_ms` is negative if the clock is behind. If `by` is the node itself, its stamps are ahead of its wall clock,
    because that clock was wrong before. Else `by` compared the clock with its own; above five minutes it refuses the
    node. `since` and `at` are when `by` recorded this first and last. `until` is when it recorded that the clock is
    right again, null as long as it did not.
    """

    node: str
    by: str
    ahead_ms: int
    since: str
    at: str
    until: str | None


class TillClockAnswer(Struct, frozen=True):
    """A till that reported a movement at a time that cannot be true. The movement counts by when it was recorded.

    `movement` is the newest such entry, `occurred_at` the time that the till said, and `at` when the node recorded it.
    `since` is when the first one was recorded. `until` is when the till reported a possible time again, null before.
    """

    location: str
    till: str
    node: str
    movement: str
    occurred_at: str
    at: str
    since: str
    until: str | None


def clock_answers(faults: Iterable[ClockFault]) -> list[ClockAnswer]:
    """Render the faults of nodes' clocks, one for each node and for who says so, the newest last."""
    streams: dict[tuple[str, str], list[ClockFault]] = {}
    for fault in faults:
        by = node_of(fault.writer)
        if fault.about in (DRIFT, PEER):
            streams.setdefault((fault.name or by, by), []).append(fault)
    answers = [_clock_answer(node, by, found) for (node, by), found in streams.items()]
    return sorted(answers, key=lambda one: (one.at, one.node, one.by))


def _clock_answer(node: str, by: str, faults: Sequence[ClockFault]) -> ClockAnswer:
    """A node writes several streams: what one of them shows about its clock is true of all."""
    newest = max(faults, key=lambda fault: fault.at_ms)
    going = [fault for fault in faults if not fault.until_ms]
    ends = [fault.until_ms for fault in faults if fault.until_ms and (not going or fault.until_ms >= newest.at_ms)]
    return ClockAnswer(
        node=node,
        by=by,
        ahead_ms=newest.ahead_ms,
        since=time_text(min(fault.since_ms for fault in going or [newest])),
        at=time_text(newest.at_ms),
        until=time_text(min(ends)) if ends else None,
    )


def till_clock_answers(faults: Iterable[ClockFault]) -> list[TillClockAnswer]:
    """Render the faults of tills' clocks, the newest last."""
    return [
        TillClockAnswer(
            location=fault.scope,
            till=fault.name,
            node=node_of(fault.writer),
            movement=fault.entry.hex(),
            occurred_at=moment_of(fault.occurred_at).isoformat(),
            at=time_text(fault.at_ms),
            since=time_text(fault.since_ms),
            until=time_text(fault.until_ms) if fault.until_ms else None,
        )
        for fault in faults
        if fault.about == TILL
    ]
