"""One node at a time decides about a fulfilment, by the table and by its own clock. All nodes show the same result."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from replica.core.base.clock import stamp_ms
from replica.core.base.names import node_of
from replica.core.log.entry import Entry
from replica.core.orders.order import Fulfilment
from replica.core.orders.requests import ORDER
from simulations.checkers.checker import Checker
from simulations.machine import Machine

PAID = ("reserved", "amended", "exchanged")
WAITING = (*PAID, "picking")

TABLE: Mapping[str, tuple[tuple[str, ...], str]] = {
    "hold": (("",), "held"),
    "reserve": (("",), "reserved"),
    "pay": (("held",), "reserved"),
    "adjust": (("held", *PAID), "amended"),
    "exchange": (("held", *PAID), "exchanged"),
    "pick": (PAID, "picking"),
    "ship": (WAITING, "shipped"),
    "collect": (("held", *WAITING), "collected"),
    "deliver": (("shipped",), "delivered"),
    "return": (("shipped", "delivered", "collected", "returned"), "returned"),
    "expire": (("held",), "expired"),
    "decline": (("held", *WAITING), "declined"),
    "cancel": (("held", *WAITING), "cancelled"),
}
"""For each event, the states that it may follow and the state after it, by a table of the checker's own.

A change leaves an unpaid fulfilment held.
"""

CHANGES = ("adjust", "exchange")
SPLITTING = ("ship", "collect", "decline", "cancel")
"""Events that change an unpaid fulfilment, and events that may concern a part."""

LATE_MS = 10_000
"""A node does due work within this time. Its order housekeeping runs four times a second, and disks are slow."""

REPORTS_SHOWN = 16
"""A fulfilment shows at most this many events that were impossible."""

Noted = tuple[int, bytes, str, str, str]
"""Stamp, entry, event, act, and the state after it, if it changed."""


class FulfilmentCase(Struct):
    """A fulfilment, computed from the entries of all nodes."""

    location: str
    owner: str
    state: str = ""
    expires_ms: int = 0
    number: int = 0
    past: list[Noted] = []


class DecisionsChecker(Checker):
    """Only its owner decides about a fulfilment, no fulfilment is both shipped and cancelled, and due work is done."""

    invariant = 9

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._cases: dict[tuple[str, str], FulfilmentCase] = {}
        self._whole: dict[tuple[str, str], tuple[str, str]] = {}
        """By part: the fulfilment that it was split off."""
        self._moved: list[tuple[tuple[str, str], tuple[str, str], int]] = []
        """Replacing fulfilments, the fulfilments that they replace, and the number of events that they counted."""

    def appeared(self, entry: Entry) -> None:
        content, facts = entry.content, entry.content.facts
        if content.kind != ORDER:
            return
        act, name = facts["act"], (content.reference, facts.get("fulfilment", ""))
        self.history.tally(f"order {content.reason if act == 'step' else act}")
        if facts.get("outcome"):
            self.history.tally(f"order {facts['outcome']}")
        if not name[1]:
            return
        node = node_of(entry.stream.writer)
        case = self._cases.get(name)
        if case is None:
            case = self._cases[name] = FulfilmentCase(location=entry.stream.scope, owner=node)
            if not name[1].startswith(f"{node}."):
                self.fail(f"{node} began {name}, which has the prefix of another node")
        if entry.stream.scope != case.location:
            self.fail(f"{name} is at {case.location}, but {node} wrote about it at {entry.stream.scope}")
        match act:
            case "step":
                self._step(entry, name, case, facts)
            case "split":
                self._split(entry, name, case, facts)
            case "hand_over":
                self._hand_over(name, case, node, facts["to"])
            case _:
                pass
        number = facts.get("number", 0)
        if number and act not in ("step", "split") and node != case.owner:
            self.fail(f"{node} numbered an event of {name}, which {case.owner} owns")
        case.number = max(case.number, number)
        insort(case.past, (content.clock, entry.hash, content.reason, act, case.state if act == "step" else ""))

    def finish(self) -> None:
        replaced = [older for _, older, _ in self._moved]
        for older in dict.fromkeys(replaced):
            if replaced.count(older) > 1:
                self.fail(f"{older} is replaced {replaced.count(older)} times: its goods are held more than once")
        for name, older, number in self._moved:
            if older not in self._cases or self._cases[older].number != number:
                self.fail(f"{name} replaces {older} and counts {number} events of it, which is wrong")
            elif self._cases[older].state == "declined":
                self.history.tally("declined and begun elsewhere")
                if self._was_paid(older) != (self._cases[name].past[0][2] == "reserve"):
                    self.fail(f"{name} replaces {older} as {self._cases[name].past[0][2]}, unlike it")
                if (self._cases[older].location, name[0]) == (self._cases[name].location, older[0]):
                    self.fail(f"{name} replaces {older} at the location that declined it")
            elif self._cases[older].state != "cancelled":
                self.fail(f"{name} replaces {older}, which is {self._cases[older].state}, not cancelled or declined")
        for machine in self.chain.machines.values():
            self._compare(machine)
            self._check_waiting(machine)
        for name, case in sorted(self._cases.items()):
            self._check_due(name, case)

    def _step(self, entry: Entry, name: tuple[str, str], case: FulfilmentCase, facts: Mapping[str, Any]) -> None:
        node, event, to = node_of(entry.stream.writer), entry.content.reason, facts["to"]
        self._check_row(node, event, to, name, case)
        number, revoked = facts.get("number", 0), facts.get("instead_of", "")
        if revoked:
            self._moved.append((name, (name[0], revoked), number))
        else:
            self._check_number(number, name, case)
        now_ms = stamp_ms(entry.content.clock)
        if event == "expire" and now_ms < case.expires_ms:
            self.fail(f"{name} expired {case.expires_ms - now_ms} ms before its time, by the clock of {node}")
        case.state, case.expires_ms = to, facts.get("expires_ms", 0)
        if case.state != "declined" and (case.state == "held") != (case.expires_ms > 0):
            self.fail(f"{name} is {to} and expires at {case.expires_ms}")

    def _was_paid(self, name: tuple[str, str]) -> bool:
        """Whether a fulfilment was paid, or the one that it was split off before."""
        past = self._cases[self._whole.get(name, name)].past
        ends = self._cases[name].past[0][0] if name in self._whole else max(one[0] for one in past)
        return any(one[2] in ("pay", "reserve") and one[4] and one[0] <= ends for one in past)

    def _check_row(self, node: str, event: str, to: str, name: tuple[str, str], case: FulfilmentCase) -> None:
        """The owner wrote the event, and the table has a row for it."""
        if node != case.owner:
            self.fail(f"{node} wrote {event} of {name}, which {case.owner} owns")
        follows, leads_to = TABLE[event]
        if case.state == "held" and event in CHANGES:
            leads_to = "held"
        if case.state not in follows or to != leads_to:
            self.fail(f"{event} led {name} from {case.state or 'nothing'} to {to}")

    def _check_number(self, number: int, name: tuple[str, str], case: FulfilmentCase) -> None:
        """An event follows the one before it, of the fulfilment or of it and all its parts together."""
        whole = self._whole.get(name, name)
        family = [one.number for other, one in self._cases.items() if whole in (other, self._whole.get(other))]
        if number and not case.number < number <= max(family) + 1:
            self.fail(f"event number {number} of {name} was applied after number {case.number}")

    def _split(self, entry: Entry, name: tuple[str, str], case: FulfilmentCase, facts: Mapping[str, Any]) -> None:
        """A part begins in the state after the event. The rest stays in its state."""
        node, event, part = node_of(entry.stream.writer), entry.content.reason, (name[0], facts["part"])
        self._check_row(node, event, facts["to"], name, case)
        self._check_number(facts.get("number", 0), name, case)
        if event not in SPLITTING or part in self._cases or not part[1].startswith(name[1]):
            self.fail(f"{event} split {part} off {name}")
        number = max(case.number, facts.get("number", 0))
        past = (entry.content.clock, entry.hash, event, "split", facts["to"])
        expires_ms = case.expires_ms if event == "decline" else 0
        self._cases[part] = FulfilmentCase(case.location, node, facts["to"], expires_ms, number, [past])
        self._whole[part] = name

    def _hand_over(self, name: tuple[str, str], case: FulfilmentCase, node: str, to: str) -> None:
        if node != case.owner:
            self.fail(f"{node} handed over {name}, which {case.owner} owns")
        if case.state not in WAITING or to == node or to != case.location:
            self.fail(f"{node} handed over {name} to {to}, but it is {case.state} at {case.location}")
        case.owner = to

    # at the end --------------------------------------------------------------------------------------------------

    def _compare(self, machine: Machine) -> None:
        """A machine shows every fulfilment as the entries about it define it."""
        assert machine.node is not None
        scopes, orders = machine.role.scopes, machine.node.replica.orders
        shown = {(order.name, one.id): _case_of(one) for order in orders for one in order.fulfilments.values()}
        here = {name: case for name, case in self._cases.items() if scopes is None or case.location in scopes}
        known = {name: replace(case, past=_in_view(case.past)) for name, case in here.items()}
        for name in sorted({**shown, **known}):
            if shown.get(name) != known.get(name):
                self.fail(f"{machine.name} shows {name} as {shown.get(name)}, but its entries define {known.get(name)}")

    def _check_waiting(self, machine: Machine) -> None:
        """No parked event is left: each was applied, or dropped at its deadline."""
        assert machine.node is not None
        now_ms = self.chain.wall_ms
        for order in machine.node.replica.orders:
            for one in order.waiting:
                if one.goods:  # taken already: `OrderReturnsChecker` checks that their order counts them
                    continue
                if one.deadline_ms + LATE_MS < now_ms:
                    self.fail(
                        f"{machine.name} still parks {one.event}: its deadline was {one.deadline_ms}, now is {now_ms}"
                    )

    def _check_due(self, name: tuple[str, str], case: FulfilmentCase) -> None:
        owner, now_ms = self.chain.machines[case.owner], self.chain.wall_ms
        assert owner.node is not None
        if case.state == "held" and case.expires_ms + LATE_MS < now_ms:
            self.fail(f"{case.owner} holds {name}, which should have expired {now_ms - case.expires_ms} ms ago")
        stores = [machine.role for machine in self.chain.stores]
        location_owner = next((one.name for one in stores if case.location in one.locations), case.owner)
        if case.state in WAITING and case.owner != location_owner and case.location not in owner.role.locations:
            self.fail(f"{name} is paid, but {case.owner} does not hand it over to {location_owner}")


def _in_view(past: list[Noted]) -> list[Noted]:
    """The part of a history that nodes show: every event, but only the first impossible ones."""
    reports = [one for one in past if one[3] == "report"][:REPORTS_SHOWN]
    return [one for one in past if one[3] != "report" or one in reports]


def _case_of(shown: Fulfilment) -> FulfilmentCase:
    past = [(one.clock, one.entry, one.event, one.act, one.state) for one in shown.history]
    return FulfilmentCase(
        location=shown.location,
        owner=shown.owner,
        state=shown.state,
        expires_ms=shown.expires_ms,
        number=shown.number,
        past=past,
    )
