"""Orders with everything that an entry can record about them, for the test of the bytes of these entries.

`python -m tests.core.orders.recorded_orders` prints these bytes. The file `tests/vectors/order_facts.json` holds them
as they were first printed. A change of these bytes is a change of the data in databases and at peers.
"""

from __future__ import annotations

import json
from hashlib import blake2b

from msgspec import msgpack

from replica.core.base.limits import PARKED_MS
from replica.core.log.entry import Entry
from replica.core.orders.context import OrderPolicy
from replica.core.orders.machine import (
    ADJUST,
    DEFAULT_DOCUMENT,
    EXCHANGE,
    MachineDocument,
    OrderMachine,
    Transition,
)
from replica.core.orders.requests import (
    ORDER,
    Handover,
    Housekeeping,
    OrderEvent,
    PlacedLine,
    Placement,
    Revocation,
)
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.stock.requests import Count, CountLine, GoodsLine, GoodsReceipt
from tests.core.shuffled import OrderTaker, lines

_CHANGES_WHILE_HELD = (Transition(ADJUST, ("held",), "held"), Transition(EXCHANGE, ("held",), "held"))

EARLIER_MACHINE = OrderMachine(
    MachineDocument(
        DEFAULT_DOCUMENT.states, tuple(row for row in DEFAULT_DOCUMENT.transitions if row not in _CHANGES_WHILE_HELD)
    )
)
"""The table by which the first three lives were recorded: an unpaid hold could not be changed."""


def _earlier(name: str, **stock: dict[str, int]) -> OrderTaker:
    """A replica that decides by the earlier table."""
    taker = OrderTaker(name, **stock)
    taker.replica.fold.machine = EARLIER_MACHINE
    return taker


def _count(taker: OrderTaker, level: int) -> None:
    taker.now_ms += 1_000
    command = Command("w-1", Count((CountLine("cola", level),)), f"count-{taker.now_ms}".encode())
    decisions.execute(taker.replica, command, taker.now_ms)


def _life_at_one_node() -> list[OrderTaker]:
    """Every event, repeats, events that come early, too late and with numbers, and holds that expire."""
    taker = _earlier("hub-east", w_1={"cola": 100, "wings": 50}, w_2={"cola": 20})
    placement = Placement(
        order="o-1",
        lines=(PlacedLine(5, "cola"), PlacedLine(2, "wings")),
        channel="web",
        customer="customer-7",
        paid=True,
    )
    taker.ask(placement)
    taker.ask(placement)
    taker.happen("adjust", lines=lines(cola=1))
    taker.happen("exchange", lines=lines(cola=1), replacement=lines(wings=3))
    for event in ("pick", "pick", "ship", "cancel"):
        taker.happen(event)
    taker.happen("return", lines=lines(wings=1))
    taker.happen("return")
    taker.happen("ship", "o-early")
    taker.happen("adjust", "o-early", lines=lines(cola=1))
    taker.now_ms += PARKED_MS
    taker.keep_up()
    taker.place("o-2", PlacedLine(110, "cola"), ttl_s=60)
    taker.happen("cancel", "o-2", fulfilment="hub-east.1")
    taker.now_ms += 60_000
    taker.keep_up()
    taker.happen("exchange", "o-3", lines=lines(cola=1), replacement=lines(wings=500))
    taker.happen("ship", "o-3", number=3)
    taker.place("o-3", PlacedLine(3, "cola"), pickup_at="w-1")
    taker.happen("pay", "o-3", number=1)
    taker.happen("adjust", "o-3", number=2, lines=lines(cola=1))
    run = [
        Command("", Placement(order=f"o-{n}", lines=(PlacedLine(1, "cola"),), channel="web"), f"k-{n}".encode())
        for n in range(4, 7)
    ]
    decisions.execute_requests(taker.replica, run, taker.now_ms, {})
    taker.happen("collect", "o-4")
    return [taker]


def _life_at_two_nodes() -> list[OrderTaker]:
    """Orders that are handed over, that other nodes request to change, and that are placed at two nodes."""
    east, west = _earlier("hub-east", w_1={"cola": 20}), _earlier("hub-west", w_2={"cola": 20})
    store = _earlier("store-1", w_1={"wings": 1})
    west.now_ms += 5
    for name in ("o-1", "o-2"):
        east.place(name, paid=True)
        east.ask(Handover(name, "hub-east.1", "store-1"))
        east.happen("cancel", name)
    east.tell(store)
    store.ask(Housekeeping("o-1"))
    store.tell(east)
    for taker in (east, west):
        for name in ("o-3", "o-4", "o-5", "o-6"):
            taker.place(name)
    west.happen("ship", "o-4")
    west.happen("pay", "o-4")
    west.happen("pay", "o-5")
    west.happen("cancel", "o-6")
    less = OrderEvent(order="o-3", event="adjust", lines=lines(cola=1))
    less_of_7 = OrderEvent(order="o-7", event="adjust", lines=lines(cola=1))
    west.ask(less_of_7, "sent-twice")
    east.place("o-7", paid=True)
    east.ask(less_of_7, "sent-twice")
    east.ask(less, "early")
    for _ in range(2):
        west.tell(east)
        east.keep_up()
        east.tell(west)
        west.keep_up()
    west.now_ms += PARKED_MS
    west.keep_up()
    return [east, west, store]


def _life_with_shortages() -> list[OrderTaker]:
    """Holds that are revoked: moved, cancelled, and kept because their units are there by then."""
    taker = _earlier("hub-east", w_1={"cola": 10}, w_2={"cola": 4})
    taker.place("o-1", PlacedLine(4, "cola", location="w-1"))
    taker.place("o-2", PlacedLine(4, "cola"), paid=True)
    taker.ask(OrderEvent(order="o-2", event="adjust", lines=lines(cola=1)), "one-less")
    _count(taker, 5)
    for name in ("o-2", "o-1"):
        taker.ask(Revocation(name, "hub-east.1"))
        _count(taker, 2)
    store = _earlier("store-1", w_1={"wings": 1})
    decisions.execute(taker.replica, Command("w-1", GoodsReceipt((GoodsLine(9, item="cola"),)), b"more"), taker.now_ms)
    taker.place("o-3", PlacedLine(4, "cola", location="w-1"), paid=True)
    taker.ask(Handover("o-3", "hub-east.1", "store-1"))
    _count(taker, 1)
    taker.ask(Revocation("o-3", "hub-east.1"))
    _count(taker, 9)
    store.now_ms = taker.now_ms
    taker.tell(store)
    store.ask(Housekeeping("o-3"))
    return [taker, store]


def _life_with_returns() -> list[OrderTaker]:
    """Goods that come back at other locations: counted, and taken twice under one key."""
    hub = OrderTaker("hub-east", w_1={"cola": 10})
    stores = [OrderTaker(name, **{name.replace("-", "_"): {"wings": 1}}) for name in ("store-1", "store-2")]
    hub.place("o-1", PlacedLine(5, "cola"), paid=True)
    hub.happen("ship")
    for store in stores:
        store.replica.order_policy = OrderPolicy(notes_scope=store.locations[0], counter=store.locations[0])
        store.ask(OrderEvent(order="o-1", event="return", lines=lines(cola=2)), "sent-twice")
    for _ in range(2):
        for store in stores:
            store.tell(hub)
            hub.keep_up()
            hub.commit()
            store.take([entry for entry in hub.entries if entry.stream.scope in store.locations])
            store.keep_up()
    return [hub, *stores]


def _life_in_parts() -> list[OrderTaker]:
    """Orders that leave in parts, change while they are held, and take units that they give back."""
    taker = OrderTaker("hub-east", w_1={"cola": 10, "wings": 5}, w_2={"cola": 4})
    taker.place("o-1", PlacedLine(9, "cola", location="w-1"))
    taker.happen("adjust", lines=lines(cola=1))
    taker.happen("exchange", lines=lines(cola=8), replacement=lines(cola=9))
    taker.happen("collect", lines=lines(cola=2))
    taker.happen("cancel", lines=lines(cola=3))
    taker.happen("pay")
    taker.happen("ship", lines=lines(cola=1))
    taker.happen("ship")
    taker.happen("return", lines=lines(cola=3))
    taker.place("o-2", PlacedLine(2, "cola", location="w-1"), PlacedLine(2, "cola", location="w-2"), paid=True)
    taker.happen("ship", "o-2", fulfilment="hub-east.1")
    taker.happen("cancel", "o-2")
    return [taker]


def recorded() -> dict[str, list[str]]:
    """The event and the bytes of the facts of each order entry, and digests of all that was written."""
    written: dict[str, list[str]] = {}
    lives = (_life_at_one_node, _life_at_two_nodes, _life_with_shortages, _life_with_returns, _life_in_parts)
    for life in lives:
        bodies, checkpoints = blake2b(digest_size=16), blake2b(digest_size=16)
        found: list[str] = []
        for taker in life():
            taker.commit()
            for entry in taker.entries:
                bodies.update(entry.body)
                if entry.content.kind == ORDER:
                    found.append(_line(entry))
            for order in taker.replica.orders:
                checkpoints.update(msgpack.encode(order))
        written[life.__name__] = [*dict.fromkeys(found), bodies.hexdigest(), checkpoints.hexdigest()]
    return written


def _line(entry: Entry) -> str:
    return f"{entry.content.facts['act']} {entry.content.reason}: {msgpack.encode(entry.content.facts).hex()}"


if __name__ == "__main__":
    print(json.dumps(recorded(), indent=1))
