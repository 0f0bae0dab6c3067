"""No node lets an event wait for a fulfilment that it would have begun itself, and never did."""

from __future__ import annotations

from replica.core.base.names import node_of
from replica.core.orders.requests import ORDER, OrderEvent, order_request_of
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine


class WaitingChecker(Checker):
    """If a node knows an order, no event waits there for a fulfilment with the name of this node that does not exist.

    What a node knows comes from its entries, in the order in which it stored them.
    """

    invariant = 10

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._begun: dict[str, dict[str, dict[str, None]]] = {}
        """By machine and order: the fulfilments that it knows."""

    def replaced(self, machine: Machine) -> None:
        self._begun.pop(machine.name, None)

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, facts = stored.entry, stored.entry.content.facts
        if entry.content.kind != ORDER:
            return
        begun, order = self._begun.setdefault(machine.name, {}), entry.content.reference
        if facts["act"] == "step":
            begun.setdefault(order, {})[facts["fulfilment"]] = None
        if facts["act"] != "park" or node_of(entry.stream.writer) != machine.name or order not in begun:
            return
        request = order_request_of(facts)
        assert isinstance(request, OrderEvent)
        name = request.fulfilment
        if name.rpartition(".")[0] == machine.name and name not in begun[order]:
            self.fail(f"{machine.name} parked {request}, but it never began that fulfilment")
