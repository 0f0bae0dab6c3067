"""Each unit of an order ends once, and events do what their requests say.

The oracle is the moves of entries: it knows neither fulfilments nor allocations. Of each order, location and item it
counts the units that came to be held, went back, left, and were returned. What nodes show about the order must agree.
Goods that another location took back moved there (`ReturnsChecker`); here they count when the owner counts them.
"""

from __future__ import annotations

from msgspec import UNSET, Struct

from replica.core.base.names import CUSTOMER, HELD, QUARANTINE, bucket_of, node_of
from replica.core.log.entry import Entry
from replica.core.orders.order import Order
from replica.core.orders.requests import ORDER, OrderEvent
from replica.core.state.commands import Command
from replica.core.stock.requests import SkuLine
from simulations.checkers.checker import Checker
from simulations.checkers.orders import HOLDING
from simulations.history import Ask
from simulations.machine import Machine

ITEMS = "item-"
"""Items have names with this prefix. Each is a SKU of one unit; other SKUs have recipes that change."""

UnitsOf = dict[tuple[str, str, str], int]
"""Units by order, location and item."""


class Lot(Struct):
    """Units of one item that one order took at one location, and where they are."""

    held: int = 0
    with_customer: int = 0


class OrderPartsChecker(Checker):
    """Each unit of an order is held, back, or with the customer, and a cancelled order holds nothing any more."""

    invariant = 7

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._lots: dict[tuple[str, str, str], Lot] = {}
        self._recipes: dict[tuple[bytes, str], dict[str, int]] = {}
        """By the entry that took units, and their SKU: the units of each item in one SKU."""
        self._cancelled: dict[tuple[str, str], bytes] = {}
        """By order and fulfilment that a whole cancellation was answered to have ended: the key of the request."""

    def appeared(self, entry: Entry) -> None:
        content = entry.content
        if content.kind != ORDER:
            return
        for _, sku, _, recipe, *_ in content.facts.get("taken", ()):
            units = self._recipes[entry.hash, sku] = {}
            for item, number in recipe:
                units[item] = units.get(item, 0) + number
        if content.facts.get("goods_at"):
            self._count_elsewhere(entry)
        for move in content.moves if content.facts.get("fulfilment") else ():
            lot = self._lots.setdefault((content.reference, entry.stream.scope, move.item), Lot())
            lot.held += ((bucket_of(move.target) == HELD) - (bucket_of(move.source) == HELD)) * move.quantity
            lot.with_customer += ((move.target == CUSTOMER) - (move.source == CUSTOMER)) * move.quantity
            if bucket_of(move.source) == QUARANTINE or min(lot.held, lot.with_customer) < 0:
                self.fail(f"{content.reason} of {content.reference!r} moved {move}: more than the order had, {lot}")
        if content.facts["act"] == "split":
            self.history.tally("order split")

    def _count_elsewhere(self, entry: Entry) -> None:
        """The owner counts goods that it does not move."""
        name, location = entry.content.reference, entry.stream.scope
        for taken_by, sku, quantity in entry.content.facts.get("returned", ()):
            for item, number in self._recipes[taken_by, sku].items():
                lot = self._lots[name, location, item]
                lot.with_customer -= number * quantity
                if lot.with_customer < 0:
                    self.fail(f"goods of {name!r} that left {location} were counted twice: {lot}")

    def answered(self, ask: Ask, entry: Entry) -> None:
        request = ask.asked.request if isinstance(ask.asked, Command) else None
        facts = entry.content.facts
        if not isinstance(request, OrderEvent) or facts["act"] not in ("step", "split"):
            return
        if request.lines is not UNSET and all(_is_item(line) for line in request.lines):
            self._check_units(request, entry)
        if request.event == "cancel" and request.lines is UNSET and not request.fulfilment:
            waiting = [name for name, outcome in facts.get("outcomes", ()) if outcome in ("parked", "asked")]
            node = node_of(entry.stream.writer)
            for name, _, state, _ in facts["shown"]:
                if name not in waiting:
                    self._cancelled[request.order, name] = ask.key
                if name not in waiting and name.startswith(f"{node}.") and state in HOLDING:
                    self.fail(f"{node} cancelled {request.order!r}, but {name} is {state}")

    def _check_units(self, request: OrderEvent, entry: Entry) -> None:
        """The entry moves as many units of each item as the request names. Items are their own SKUs, except boxes."""
        named: dict[str, int] = {}
        for line in request.lines or ():
            named[str(line.sku)] = named.get(str(line.sku), 0) + line.quantity
        taken = [] if request.replacement is UNSET else list(request.replacement)
        if not all(_is_item(line) for line in taken):
            return
        for line in taken:
            named[str(line.sku)] = named.get(str(line.sku), 0) - line.quantity
        moved: dict[str, int] = {}
        for move in entry.content.moves:
            leaves = (bucket_of(move.source) == HELD) - (bucket_of(move.target) == HELD)
            comes_back = request.event == "return" and move.source == CUSTOMER
            moved[move.item] = moved.get(move.item, 0) + (leaves or comes_back) * move.quantity
        for item in sorted({**named, **moved}):
            is_less = request.event == "return" and 0 <= moved.get(item, 0) <= named.get(item, 0)
            if moved.get(item, 0) != named.get(item, 0) and not is_less:  # a return may be spread over several parts
                self.fail(f"{request} moved {moved}")

    def finish(self) -> None:
        for machine in self.chain.machines.values():
            self._compare(machine)

    def _compare(self, machine: Machine) -> None:
        assert machine.node is not None
        scopes = machine.role.scopes
        held, sold = UnitsOf(), UnitsOf()
        for order in machine.node.replica.orders:
            self._add_up(order, held, sold)
            for name, one in order.fulfilments.items():
                key = self._cancelled.get((order.name, name))
                if key is not None and one.allocations:
                    self.fail(f"{machine.name} holds units for {name} of {order.name!r}, which {key!r} cancelled")
        for of, lot in sorted(self._lots.items()):
            if scopes is not None and of[1] not in scopes:
                continue
            if (held.get(of, 0), sold.get(of, 0)) != (lot.held, lot.with_customer):
                self.fail(
                    f"{machine.name} shows {held.get(of, 0)} units of {of} as held and {sold.get(of, 0)} as sold, but"
                    f" {lot.held} are held and {lot.with_customer} are with the customer"
                )

    def _add_up(self, order: Order, held: UnitsOf, sold: UnitsOf) -> None:
        for fulfilment in order.fulfilments.values():
            for allocations, units in ((fulfilment.allocations, held), (fulfilment.sold, sold)):
                for allocation in allocations:
                    for item, number in allocation.recipe:
                        of = (order.name, fulfilment.location, item)
                        units[of] = units.get(of, 0) + number * allocation.quantity


def _is_item(line: SkuLine) -> bool:
    return isinstance(line.sku, str) and line.sku.startswith(ITEMS)
