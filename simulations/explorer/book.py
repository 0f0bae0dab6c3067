"""The book: what entries say, added up in the plainest way. The checks hold the production fold against it.

It shares no code with the fold. It knows units by account, fulfilments by a table of its own, and the requests of the
script. Every problem it finds names the number of the invariant in the design.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from replica.core.log.entry import Entry
from simulations.explorer.script import Script

PAID = ("reserved", "amended", "exchanged")
WAITING = (*PAID, "picking")
TABLE: Mapping[str, tuple[tuple[str, ...], str]] = {
    "hold": (("",), "held"),
    "reserve": (("",), "reserved"),
    "pay": (("held",), "reserved"),
    "pick": (PAID, "picking"),
    "ship": (WAITING, "shipped"),
    "collect": (("held", *WAITING), "collected"),
    "expire": (("held",), "expired"),
    "cancel": (("held", *WAITING), "cancelled"),
    "decline": (("held", *WAITING), "declined"),
    "deliver": (("shipped",), "delivered"),
    "return": (("shipped", "delivered", "collected"), "returned"),
}
"""For each event: the states that it may follow, and the state after it."""

HANDED_OUT = ("shipped", "delivered", "collected")
OPEN = ("held", *WAITING)

OVERDRAWING = ("sale", "count", "correction", "void", "adjustment", "quarantine")
"""Kinds that may take an account below zero: physical facts."""


class Problem(Struct, frozen=True):
    """A guarantee that does not hold."""

    invariant: int
    text: str


class Case(Struct):
    """One fulfilment."""

    location: str
    owner: str
    state: str
    expires_ms: int
    source: str
    """The account that its units came from."""


class Book:
    """Units by account, and fulfilments, after some entries."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.balances: dict[tuple[str, str], int] = {}
        """Units by item and account."""
        self.cases: dict[tuple[str, str], Case] = {}
        """Fulfilments by order and id."""
        self.waiting: dict[bytes, Entry] = {}
        """Events of orders that wait, by the hash of their entry."""
        self.overdrawn: dict[str, int] = {}
        """Units by which the last entry overdrew internal accounts, by item."""
        self.problems: list[Problem] = []

    def add(self, entry: Entry) -> None:
        """Add the next entry. Causes come before their effects."""
        writer = _node(entry.stream.writer)
        self.overdrawn = {}
        for move in entry.content.moves:
            source, target = (move.item, move.source), (move.item, move.target)
            if "/" in move.source:
                if _owner(move.source) != writer:
                    self._fail(4, f"{writer} took from {move.source}")
                before = self.balances.get(source, 0)
                if move.quantity > before:
                    missing = move.quantity - max(0, before)
                    self.overdrawn[move.item] = self.overdrawn.get(move.item, 0) + missing
            self.balances[source] = self.balances.get(source, 0) - move.quantity
            self.balances[target] = self.balances.get(target, 0) + move.quantity
        if entry.content.kind == "order":
            self._order(entry, writer, entry.content.facts)

    def figures(self, item: str) -> tuple[int, int, int]:
        """Units of an item on hand, held, and in quarantine."""
        inside = [(name, units) for (one, name), units in self.balances.items() if one == item and "/" in name]
        held, quarantine = (
            sum(units for name, units in inside if name.endswith(bucket)) for bucket in ("/held", "/quarantine")
        )
        return sum(units for _, units in inside), held, quarantine

    def check_held(self) -> None:
        """The units held are those of open fulfilments, account by account."""
        held = {name: units for name, units in self.balances.items() if name[1].endswith("/held") and units}
        wanted: dict[tuple[str, str], int] = {}
        for (order, _), case in self.cases.items():
            if case.state in OPEN:
                for item, units in self._script.orders[order].items():
                    name = (item, f"{case.owner}/held")
                    wanted[name] = wanted.get(name, 0) + units
        if held != wanted:
            self._fail(7, f"held are {held}, but open fulfilments hold {wanted}")

    def _order(self, entry: Entry, writer: str, facts: Mapping[str, Any]) -> None:
        order, event, act = entry.content.reference, entry.content.reason, facts["act"]
        name = (order, facts.get("fulfilment", ""))
        if act in ("park", "ask"):
            self.waiting[entry.hash] = entry
        self.waiting.pop(facts.get("settles", b""), None)
        if act == "step":
            follows, leads_to = TABLE[event]
            case = self.cases.get(name) or Case(entry.stream.scope, writer, "", 0, f"{writer}/free")
            if case.owner != writer:
                self._fail(9, f"{writer} wrote {event} of {name[1]}, which {case.owner} owns")
            if case.state not in follows or facts["to"] != leads_to:
                self._fail(9, f"{event} led {name[1]} from {case.state or 'nothing'} to {facts['to']}")
            self._check_moves(entry, order, *_route(event, case))
            self.cases[name] = Case(case.location, case.owner, facts["to"], facts.get("expires_ms", 0), case.source)
        elif act == "hand_over":
            case = self.cases.setdefault(name, Case(entry.stream.scope, writer, "", 0, ""))
            if case.owner != writer or case.state not in WAITING:
                self._fail(9, f"{writer} handed over {name[1]}, which is {case.state or 'unknown'} at {case.owner}")
            self._check_moves(entry, order, f"{case.owner}/held", f"{facts['to']}/held")
            case.owner = facts["to"]
        elif entry.content.moves:
            self._fail(7, f"{act} of {event} moved units")

    def _check_moves(self, entry: Entry, order: str, source: str, target: str) -> None:
        moved = {(move.item, move.source, move.target): move.quantity for move in entry.content.moves}
        units = self._script.orders[order] if source else {}
        wanted = {(item, source, target): number for item, number in units.items()}
        if moved != wanted:
            self._fail(7, f"{entry.content.reason} of {order} moved {moved}, not {wanted}")

    def _fail(self, invariant: int, text: str) -> None:
        self.problems.append(Problem(invariant, text))


def book_of(entries: Iterable[Entry], script: Script) -> Book:
    """The book after these entries."""
    book = Book(script)
    for entry in entries:
        book.add(entry)
    return book


def _route(event: str, case: Case) -> tuple[str, str]:
    """The accounts between which an event moves the units of its fulfilment; empty if it moves none."""
    held = f"{case.owner}/held"
    if event in ("hold", "reserve"):
        return case.source, held
    if event in ("cancel", "expire", "decline"):
        return held, case.source
    if event == "return":
        return "customer", f"{case.owner}/quarantine"
    return (held, "customer") if event in ("ship", "collect") else ("", "")


def _node(writer: str) -> str:
    return writer.partition("#")[0]


def _owner(account: str) -> str:
    return account.partition("/")[0]
