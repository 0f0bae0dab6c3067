"""A replica that takes orders, and random events of many orders: used by tests and as a command.

`python -m tests.core.shuffled [EVENTS]` shuffles, duplicates and delays this number of events (200,000 by default).
It compares the result with the same events in order, once each.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from itertools import count
from random import Random
from typing import Any

from msgspec import Struct

from replica.core.base.errors import NotFound, NotOwner, OrderEnded
from replica.core.base.limits import PARKED_MS
from replica.core.base.names import node_of
from replica.core.catalog.documents import pack_value
from replica.core.log.entry import Entry, Stream, genesis
from replica.core.log.entry_run import ReceivedRun
from replica.core.orders.fold import held_differences
from replica.core.orders.order import Order
from replica.core.orders.requests import Housekeeping, OrderEvent, OrderRequest, PlacedLine, Placement
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.fold import image_of
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt, SkuLine
from simulations.checkpoints import StoredCheckpoint
from tests.core.chain import NOW_MS

CARRIER, BOX = {"cola": 6}, {"cola": 1, "wings": 200}


class OrderTaker:
    """A replica that takes orders, with stock at its locations. Only a test advances `now_ms`."""

    def __init__(self, name: str = "hub-east", **stock: dict[str, int]) -> None:
        stock = stock or {"w-1": {"cola": 100, "wings": 1_000}}
        self.locations = tuple(name.replace("_", "-") for name in stock)
        self.writer = f"{name}#0000000b"
        self.replica = Replica(self.writer, self.locations, open_catalog=True)
        self.now_ms = NOW_MS
        self.entries: list[Entry] = []
        self._keys = count(1)
        self._checkpoint = StoredCheckpoint(name)
        for location, units in zip(self.locations, stock.values(), strict=True):
            lines = tuple(GoodsLine(number, item=item) for item, number in units.items() if number)
            if lines:
                decisions.execute(
                    self.replica,
                    Command(location, GoodsReceipt(lines), f"stock-{name}-{location}".encode()),
                    self.now_ms,
                )

    def ask(self, request: OrderRequest, key: str = "") -> Entry:
        name = (key or f"{self.writer}-{next(self._keys)}").encode()
        return decisions.execute(self.replica, Command("", request, name), self.now_ms)

    def place(self, order: str = "o-1", *lines: PlacedLine, **more: Any) -> Entry:
        return self.ask(Placement(order=order, lines=lines or (PlacedLine(2, "cola"),), **more))

    def happen(self, event: Any, order: str = "o-1", **more: Any) -> Entry:
        return self.ask(OrderEvent(order=order, event=event, **more))

    def ask_if_possible(self, event: Any, order: str) -> None:
        """Ask for an event, unless another node owns the fulfilment."""
        with suppress(NotOwner):
            self.happen(event, order)

    def keep_up(self) -> None:
        """Do all housekeeping that is due now."""
        for name in self.replica.orders.due(self.now_ms, 1_000):
            with suppress(NotFound):
                self.ask(Housekeeping(name))

    def order(self, name: str = "o-1") -> Order:
        found = self.replica.orders.find(name)
        assert found is not None
        return found

    def figures(self, item: str = "cola", location: str = "") -> tuple[int, int, int]:
        """On hand, reserved, available."""
        figures = self.replica.ledger.stock(location or self.locations[0], item).figures
        return figures.on_hand, figures.reserved, figures.available

    def give(self, location: str, to: str, **units: int) -> None:
        """Give free units to another node."""
        lines = tuple(GrantLine(item, number) for item, number in units.items())
        decisions.execute(
            self.replica, Command(location, Grant(to, lines), f"grant-{next(self._keys)}".encode()), self.now_ms
        )

    def commit(self) -> None:
        batch = self.replica.take_batch()
        self.entries += batch.entries
        self._checkpoint.put(batch)

    def restart(self) -> None:
        """Start again from the checkpoint, which must be the fold of the committed entries."""
        self.replica.restore(self._checkpoint.image(image_of(self.entries, node_of(self.writer))))

    def tell(self, other: OrderTaker) -> None:
        """Send another replica all entries that it lacks, in order."""
        self.commit()
        other.take(self.entries)

    def take(self, entries: list[Entry]) -> None:
        before: dict[Stream, bytes] = {}
        for entry in entries:
            previous = before.get(entry.stream, genesis(entry.stream))
            before[entry.stream] = entry.hash
            if self.replica.head(entry.stream).sequence < entry.sequence:
                decisions.merge(
                    self.replica, [ReceivedRun(entry.stream, entry.sequence, previous, [entry])], self.now_ms
                )
        self.commit()

    def check(self) -> None:
        """Check that the ledger agrees with the orders, and that no account is below zero."""
        assert held_differences(self.replica.ledger, self.replica.orders) == []
        assert self.replica.orders.malformed == 0
        for location_stock in self.replica.ledger.at_location.values():
            assert location_stock.breaches() == {}


def lines(**skus: int) -> tuple[SkuLine, ...]:
    return tuple(SkuLine(quantity, sku) for sku, quantity in skus.items())


def write_sku(taker: OrderTaker, sku: str, recipe: dict[str, int]) -> None:
    """Write the document of a SKU."""
    key = f"{sku}-{len(recipe)}-{sum(recipe.values())}".encode()
    decisions.write(taker.replica, DocumentWrite("sku", sku, pack_value({"recipe": recipe}), key), taker.now_ms)


def lifecycle(random: Random, name: str) -> list[OrderRequest]:
    """The requests of one order, in order."""
    wanted = (PlacedLine(random.randint(3, 6), "cola"), PlacedLine(2, "wings"))
    placed = Placement(order=name, lines=wanted, paid=True)
    happened: list[Any] = []
    if random.random() < 0.3:
        happened.append(("adjust", {"lines": lines(cola=1)}))
    if random.random() < 0.3:
        happened.append(("exchange", {"lines": lines(wings=1), "replacement": lines(cola=1)}))
    end = random.choice(["ship", "collect", "cancel", "ship-return", "pick-ship", "pick-cancel", ""])
    happened += [(event, {}) for event in end.split("-") if event]
    events = [
        OrderEvent(order=name, event=event, number=number, **more)
        for number, (event, more) in enumerate(happened, start=1)
    ]
    return [placed, *events]


def states(taker: OrderTaker) -> dict[str, Any]:
    """The state of every order, and every balance."""
    found: dict[str, Any] = {order.name: order.state for order in taker.replica.orders}
    found.update(taker.replica.ledger.at_location["w-1"].balances())
    return found


class Shuffled(Struct):
    """The comparison of two replicas with the same events: in order, and shuffled.

    They agree if `differences` is empty.
    """

    events: int
    parked: int
    differences: list[str]


def shuffle(events_min: int, seed: int) -> Shuffled:
    """Send events in order to one replica; send them shuffled, delayed and half of them duplicated to another."""
    random = Random(seed)
    orders: list[list[OrderRequest]] = []
    while sum(map(len, orders)) < events_min * 2 / 3:
        orders.append(lifecycle(random, f"o-{len(orders)}"))
    stock = {"cola": 10 * len(orders), "wings": 10 * len(orders)}
    straight, shuffled = OrderTaker("hub-east", w_1=stock), OrderTaker("hub-east", w_1=stock)
    for asked in orders:
        for request in asked:
            straight.ask(request)
        straight.commit()
    events = [request for asked in orders for request in asked]
    events += random.choices(events, k=len(events) // 2)
    random.shuffle(events)
    parked = 0
    for request in events:
        shuffled.now_ms = NOW_MS + random.randrange(PARKED_MS // 2)
        with suppress(OrderEnded):  # a repeated placement
            parked += shuffled.ask(request).content.facts["act"] == "park"
        shuffled.commit()
    shuffled.check()
    ended, expected = states(shuffled), states(straight)
    wrong = [f"{name}: {ended.get(name)}, not {state}" for name, state in expected.items() if ended.get(name) != state]
    wrong += [f"{order.name} has reports" for order in shuffled.replica.orders if order.reports or order.waiting]
    return Shuffled(len(events), parked, wrong)


if __name__ == "__main__":
    started = time.perf_counter()
    found = shuffle(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000, seed=1)
    print(f"{found.events:,} events, {found.parked:,} parked, {time.perf_counter() - started:.1f} s")
    print("\n".join(found.differences[:20]) or "every order and every balance is equal")
    sys.exit(bool(found.differences))
