"""An order that is placed again is promised only what is held, and shown as the node sees it at that moment."""

from __future__ import annotations

from replica.core.base.names import node_of
from replica.core.orders.requests import ORDER
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine

HOLDING = ("held", "reserved", "amended", "exchanged", "picking")
"""States in which units are held."""


class PlacedAgainChecker(Checker):
    """A positive answer to an order that was placed before shows at least one part that holds units now.

    The states come from the entries of the answering machine, in the order in which it stored them.
    """

    invariant = 9

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._states: dict[str, dict[tuple[str, str], str]] = {}
        """By machine: the state of each fulfilment, by order and name."""

    def replaced(self, machine: Machine) -> None:
        self._states.pop(machine.name, None)

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, facts = stored.entry, stored.entry.content.facts
        if entry.content.kind != ORDER:
            return
        states, order = self._states.setdefault(machine.name, {}), entry.content.reference
        if facts["act"] == "step":
            states[order, facts["fulfilment"]] = facts["to"]
        is_own = node_of(entry.stream.writer) == machine.name
        if not is_own or facts["act"] != "repeat" or "placement" not in (facts.get("request") or {}):
            return
        self.history.tally("order placed again")
        shown = {name: state for name, _, state, _ in facts["shown"]}
        known = {name: states[order, name] for name in shown if (order, name) in states}
        if any(shown[name] != state for name, state in known.items()):
            self.fail(f"{machine.name} showed {order!r} as {shown}, but it is {known}")
        if not any(state in HOLDING for state in known.values()):
            self.fail(f"{machine.name} promised {order!r} again, but it is {known}")
