"""Orders to an address follow from the documents that their hub knew: who sends them, and what is refused.

A hub looks at the documents and then decides. So the candidates, their costs and the bans are those of its look, and
units and promises are those of its decision. A shortage moves an order only within the first answer's list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from replica.core.base.errors import Refused
from replica.core.base.names import node_of
from replica.core.log.entry import Entry
from replica.core.log.times import recorded_ms
from replica.core.orders.requests import ORDER, Placement
from replica.runtime.ports import Stored
from simulations.addressed import AddressedCommand, Surveyed
from simulations.checkers.checker import Checker
from simulations.delivery_faults import HubKnowledge, wrong_answer, wrong_placement, wrong_refusal
from simulations.history import Ask
from simulations.machine import Machine
from simulations.translation import as_received

WORKLOAD = "deliveries"
"""Only seeds with this workload have orders to an address."""


class DeliveriesChecker(Checker):
    """Orders to an address are sent, refused and promised as the documents say that their hub knew."""

    invariant = 4

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._is_on = WORKLOAD in self.chain.plan.trade.workloads
        self._hubs: dict[str, HubKnowledge] = {}
        self._asks: dict[bytes, AddressedCommand] = {}
        self._noted = 0
        self._may_send: dict[tuple[str, str], tuple[str, ...]] = {}
        """By order and fulfilment: the locations that may send it."""
        self._wholes: dict[tuple[str, str], tuple[str, str]] = {}
        """By order and part: the fulfilment that it was split off."""
        self._moved: list[tuple[tuple[str, str], tuple[str, str], str]] = []
        """Fulfilments that replace another one: that one, its replacement, and where this is."""

    def entry(self, machine: Machine, stored: Stored) -> None:
        if self._is_on and machine.role.role == "hub":
            self._caught_up(machine)

    def appeared(self, entry: Entry) -> None:
        """A fulfilment is where the first answer allows it, also after a shortage moved it."""
        content = entry.content
        if not self._is_on or content.kind != ORDER or content.facts["act"] not in ("step", "split"):
            return
        facts, order = content.facts, content.reference
        if facts["act"] == "split":
            self._wholes[order, facts["part"]] = (order, facts["fulfilment"])
            return
        name = (order, facts["fulfilment"])
        if facts.get("may_send"):
            self._may_send[name] = tuple(facts["may_send"])
        if facts.get("instead_of"):
            self._moved.append(((order, facts["instead_of"]), name, entry.stream.scope))

    def finish(self) -> None:
        for before, name, where in self._moved:
            listed = self._may_send.get(self._wholes.get(before, before))
            if listed is None:
                continue
            self.history.tally("delivery moved")
            if where not in listed or self._may_send.get(name) != listed:
                self.fail(f"{name} is at {where} instead of {before}, which only {listed} may send")

    def refused(self, ask: Ask, refused: Refused, machine: Machine, since: int) -> None:
        asked = ask.asked
        if not isinstance(asked, AddressedCommand) or not isinstance(asked.request, Placement):
            return
        placement, hub = asked.request, self._caught_up(machine)
        if refused.kind not in ("not-deliverable", "insufficient-rights") or placement.order in hub.placed:
            return
        looks = list(self._looks(hub, asked.key, len(machine.disk.stored) + 1, machine.clock.now().wall_ms))
        wrong = self._wrong_since(
            hub, since, lambda then: _first([wrong_refusal(then, look, placement, refused) for look in looks])
        )
        self.history.tally("refused deliveries held to the documents")
        if wrong:
            self.fail(f"{machine.name} refused {asked} with {refused.kind} {refused.facts}: {wrong}")

    def sourced(self, machine: Machine, asked: AddressedCommand, surveyed: Surveyed, shown: Mapping[str, Any]) -> None:
        hub, placement, answer = self._caught_up(machine), asked.request, as_received(shown)
        assert isinstance(placement, Placement)
        end = len(hub.journal.entries) + 1
        looks = list(hub.looks(surveyed, end, machine.clock.now().wall_ms))

        def why(then: HubKnowledge) -> str:
            if surveyed.is_exact and len(then.journal.entries) != surveyed.arrival:
                return "it looked at another moment"
            return _first(["; ".join(filter(None, wrong_answer(then, look, placement, answer))) for look in looks])

        wrong = self._wrong_since(hub, surveyed.arrival, why)
        self.history.tally("sources held to the documents")
        if wrong:
            self.fail(f"{machine.name} says that {asked} would be sent by {shown}: {wrong}")

    def _wrong_since(self, hub: HubKnowledge, since: int, why: Callable[[HubKnowledge], str]) -> str:
        """Why no moment since a number of entries explains an answer; empty if one does."""
        wrong = why(hub)
        stored = hub.machine.disk.stored if wrong else ()
        then = HubKnowledge(hub.disk, hub.machine)
        for index, one in enumerate(stored):
            if index >= since:
                wrong = why(then)
                if not wrong:
                    return ""
            then.take(one)
        return wrong

    # placements --------------------------------------------------------------------------------------------------

    def _check_placed(self, hub: HubKnowledge, asked: AddressedCommand, stored: Stored) -> None:
        """The first entry of an order shows all of it. It follows from some look of its hub, and from the units now."""
        wrong = "the hub did not look for locations"
        for surveyed in self._looks(hub, asked.key, stored.arrival, recorded_ms(stored.entry.content)):
            wrong = "; ".join(filter(None, wrong_placement(hub, surveyed, asked, stored)))
            if not wrong:
                self.history.tally("deliveries held to the documents")
                return
        self.fail(f"{hub.machine.name} placed {asked} as {stored.entry.content.facts}: {wrong}")

    def _looks(self, hub: HubKnowledge, key: bytes, end: int, last_ms: int) -> Iterator[Surveyed]:
        """The looks of a hub for an order, the latest first."""
        for one in reversed(hub.machine.surveyed.get(key, [])):
            if one.arrival < end:
                yield from hub.looks(one, end, last_ms)

    def _asked(self, key: bytes) -> AddressedCommand | None:
        asks = self.history.asks
        for ask in asks[self._noted :]:
            if isinstance(ask.asked, AddressedCommand):
                self._asks[ask.key] = ask.asked
        self._noted = len(asks)
        return self._asks.get(key)

    def _caught_up(self, machine: Machine) -> HubKnowledge:
        """What a hub knows by all of its entries. Each entry is checked before it is taken in."""
        machine.disk.refresh()
        hub = self._hubs.get(machine.name)
        if hub is None or hub.disk is not machine.disk:
            hub = self._hubs[machine.name] = HubKnowledge(machine.disk, machine)
        for stored in machine.disk.stored[len(hub.journal.entries) :]:
            content = stored.entry.content
            if "digest" in content.facts and node_of(stored.entry.stream.writer) == machine.name:
                asked = self._asked(content.key)
                if asked is not None:
                    self._check_placed(hub, asked, stored)
            hub.take(stored)
        return hub


def _first(wrong: Sequence[str]) -> str:
    """What is wrong with the first of several explanations; empty if one explains it."""
    return "" if "" in wrong else next(iter(wrong), "the hub did not look for locations")
