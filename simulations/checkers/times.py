"""The times that answers show are times of the wall clock of the node that gave them."""

from __future__ import annotations

from datetime import datetime

from replica.core.base.names import node_of
from replica.core.log.entry import Entry
from replica.runtime.http.answers import entry_answer
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.history import Ask

TOLERANCE_MS = 4_000
"""How far a stamp may be ahead and be shown as a time, and what a clock drifts in one run."""


class TimesChecker(Checker):
    """No answer shows a time later than the wall clock of its node can have shown since the request was first sent."""

    def answered(self, ask: Ask, entry: Entry) -> None:
        machine = self.chain.machines.get(node_of(entry.stream.writer))
        if machine is None or len(ask.tried) > 1:
            return
        shown_ms = datetime.fromisoformat(entry_answer(Stored(0, entry, b"")).at).timestamp() * 1000
        latest_ms = self.chain.wall_ms + machine.clock.error_since_ms(ask.first_tried_s)
        if entry.content.facts.get("wall") is not None:
            self.history.tally("showed the wall clock")
        if shown_ms > latest_ms + TOLERANCE_MS:
            late_ms = int(shown_ms - latest_ms)
            self.fail(f"{machine.name} shows {ask.key!r} at a time {late_ms} ms after its wall clock")
