"""Every node names the tills that reported a time that cannot be true, also after a restart.

A node compares the time of a till with its own clock. So nothing is demanded of a node whose own clock was wrong.
"""

from __future__ import annotations

from replica.core.base.names import node_of
from replica.core.log.entry import Entry
from replica.core.state.commands import Command
from replica.core.stock.requests import Sale
from replica.runtime.http.clock_answers import till_clock_answers
from simulations.checkers.checker import Checker
from simulations.history import Ask

TOLERANCE_MS = 60_000
"""How wrong the clock of a node may be: less than the times that tills report."""


class ClockFaultsChecker(Checker):
    """At the end, each node with a location lists every till that reported an impossible time there."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._reported: dict[tuple[str, str], dict[str, None]] = {}
        """By location and till: its entries with such a time."""

    def answered(self, ask: Ask, entry: Entry) -> None:
        clock = self.chain.machines[node_of(entry.stream.writer)].clock
        if not clock.is_right_since(ask.first_tried_s, TOLERANCE_MS):
            return
        if ask.has_impossible_time and isinstance(ask.asked, Command) and isinstance(ask.asked.request, Sale):
            self.history.tally("impossible time")
            till = ask.location, ask.asked.request.till
            self._reported.setdefault(till, {})[entry.hash.hex()] = None

    def finish(self) -> None:
        for (location, till), entries in self._reported.items():
            for machine in self.chain.subscribers(location):
                if machine.node is None:
                    continue
                listed = till_clock_answers(machine.node.replica.clock_faults)
                named = [one for one in listed if (one.location, one.till) == (location, till)]
                if not named:
                    self.fail(f"{machine.name} does not list {till}, which reported {len(entries)} impossible times")
