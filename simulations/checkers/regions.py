"""Orders that must survive the loss of a region are on a disk of another region before they are answered."""

from __future__ import annotations

from replica.core.log.entry import Entry
from replica.core.orders.requests import ORDER, Placement
from replica.core.state.commands import Command
from simulations.checkers.checker import Checker
from simulations.history import Ask
from simulations.machine import Machine


class RegionsChecker(Checker):
    """An order with durability `region` is answered only if a hub of another region has it on its disk."""

    invariant = 2

    def answered(self, ask: Ask, entry: Entry) -> None:
        request = ask.asked.request if isinstance(ask.asked, Command) else None
        if not isinstance(request, Placement) or request.durability != "region":
            return
        self.history.tally("answered with another region")
        hub = self.chain.machines[ask.machine]
        shown = [name for name, *_ in entry.content.facts.get("shown", ())]
        others = [one for one in self.chain.hubs if one.role.region != hub.role.region]
        lacking = {one.name: missing for one in others if (missing := self._missing(one, request.order, shown))}
        if len(lacking) == len(others):
            self.fail(f"{hub.name} answered {request.order!r}, but no hub of another region has it: {lacking}")

    def _missing(self, machine: Machine, order: str, shown: list[str]) -> list[str]:
        """Fulfilments of an order that do not begin on the disk of a machine."""
        machine.disk.refresh()
        facts = [
            one.entry.content.facts
            for one in machine.disk.stored
            if one.entry.content.kind == ORDER and one.entry.content.reference == order
        ]
        begun = [name for one in facts for name in (one.get("fulfilment"), one.get("part"))]
        return [name for name in shown if name not in begun]
