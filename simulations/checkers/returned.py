"""The items that came back with a return are those that left with its sale. Computed from requests and sale entries."""

from __future__ import annotations

from collections.abc import Iterable

from replica.core.log.entry import Entry
from replica.core.state.commands import Command
from replica.core.stock.requests import Return, Sale
from simulations.checkers.checker import Checker
from simulations.history import Ask
from simulations.machine import Machine

Bought = tuple[str, str]
"""A location and a till receipt."""


class ReturnsChecker(Checker):
    """After delivery of all entries, the items of kits are where sales, returns and deliveries put them.

    A return brings back what left with its sale: the same share of each item that its entry moved. If the sale never
    happened, the return itself says what it brought. Orders may take such items too.
    """

    invariant = 5

    def finish(self) -> None:
        asks = [ask for ask in self.history.asks if ask.is_by_recipe]
        if not asks:
            return
        for machine in self.chain.machines.values():
            self._check(machine, [ask for ask in asks if _is_seen(machine, ask.location)])

    def _check(self, machine: Machine, asks: Iterable[Ask]) -> None:
        assert machine.node is not None
        on_hand: dict[tuple[str, str], int] = {}
        sales: dict[Bought, Entry] = {}
        sold: dict[Bought, int] = {}
        came: dict[Bought, int] = {}
        happened = [(ask, entry) for ask in asks if (entry := _standing(machine, ask)) is not None]
        for ask, entry in happened:
            request = _request(ask)
            if isinstance(request, Return):
                continue
            sign = -1 if isinstance(request, Sale) else 1
            for move in entry.content.moves:
                pair = ask.location, move.item
                on_hand[pair] = on_hand.get(pair, 0) + sign * move.quantity
            if isinstance(request, Sale):
                bought = ask.location, request.receipt
                sales[bought], sold[bought] = entry, sum(line.quantity for line in request.lines)
        for ask, entry in happened:
            request = _request(ask)
            if not isinstance(request, Return):
                continue
            bought = ask.location, request.original
            units = sum(line.quantity for line in request.lines)
            came[bought] = came.get(bought, 0) + units
            sale = sales.get(bought)
            self.history.tally("returned" if sale is not None else "returned without a sale")
            whole = sold[bought] if sale is not None else units
            for move in (sale or entry).content.moves:
                pair = ask.location, move.item
                on_hand[pair] = on_hand.get(pair, 0) + move.quantity * units // whole
        for (location, item), units in on_hand.items():
            expected = units + self.history.of_orders((location, item))
            shown = machine.node.replica.ledger.stock(location, item).figures.on_hand
            if shown != expected:
                self.fail(f"{machine.name} shows {shown} of {item} at {location}, sales and returns leave {expected}")
        self._check_questions(machine, sold, came)

    def _check_questions(self, machine: Machine, sold: dict[Bought, int], came: dict[Bought, int]) -> None:
        """More came back than was sold: then an entry must say so, and otherwise none."""
        past = {bought for bought in sold if came.get(bought, 0) > sold[bought]}
        said = set()
        for stored in machine.disk.stored:
            content = stored.entry.content
            if content.facts.get("question", [""])[0] == "past-sale":
                said.add((stored.entry.stream.scope, content.facts.get("original") or content.reference))
        for _ in past:
            self.history.tally("returned past its sale")
        if said != past:
            self.fail(f"{machine.name} asks about returns of {sorted(said)}, but more came back of {sorted(past)}")


def _request(ask: Ask) -> object:
    assert isinstance(ask.asked, Command)
    return ask.asked.request


def _is_seen(machine: Machine, location: str) -> bool:
    """Whether a machine stores the entries of a location: a hub all, a store its own."""
    return machine.role.role == "hub" or machine.name == location


def _standing(machine: Machine, ask: Ask) -> Entry | None:
    """The entry of a request that counts: of several nodes that did it, the first one's."""
    entries = machine.disk.under(ask.key)
    return min(entries, key=lambda one: (one.content.clock, one.stream.writer, one.hash), default=None)
