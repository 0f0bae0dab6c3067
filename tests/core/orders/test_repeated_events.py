"""Events that callers send twice under one key, to nodes that are cut off from each other: each happens once."""

from __future__ import annotations

from contextlib import suppress
from itertools import permutations
from random import Random
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from replica.core.base.errors import NotOwner
from replica.core.base.limits import PARKED_MS
from replica.core.log.entry import Entry
from replica.core.orders.fold import Orders
from replica.core.orders.order import Fulfilment, Parked
from replica.core.orders.requests import ORDER, Handover, OrderEvent, PlacedLine, Revocation
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.stock.requests import Count, CountLine, GoodsLine, GoodsReceipt
from tests.core.shuffled import OrderTaker, lines

ONE_LESS = OrderEvent(order="o-1", event="adjust", lines=lines(cola=1))
HUBS = ("hub-east", "hub-west", "hub-north")


def order_takers() -> list[OrderTaker]:
    """Hubs that write for a location each; the clock of each next one is ahead."""
    made = [OrderTaker(name, **{f"w_{number}": {"cola": 50, "wings": 50}}) for number, name in enumerate(HUBS)]
    for later, taker in enumerate(made):
        taker.now_ms += later
    settle(*made)
    return made


def place(taker: OrderTaker) -> Entry:
    return taker.place("o-1", PlacedLine(9, "cola", location=taker.locations[0]), paid=True)


def settle(*order_takers: OrderTaker) -> None:
    """Deliver every entry to every node, and let each node do what is due."""
    for _ in range(3):
        for one in order_takers:
            one.keep_up()
            for other in order_takers:
                if one is not other:
                    one.tell(other)
    assert len({taker.replica.orders.digest() for taker in order_takers}) == 1


def receive(taker: OrderTaker, location: str, **items: int) -> None:
    goods = tuple(GoodsLine(units, item=item) for item, units in items.items())
    decisions.execute(taker.replica, Command(location, GoodsReceipt(goods), f"more-{location}".encode()), taker.now_ms)


def held(taker: OrderTaker, sku: str = "cola", order: str = "o-1") -> int:
    return sum(dict(one.lines).get(sku, 0) for one in taker.order(order).fulfilments.values() if one.allocations)


def outcomes(taker: OrderTaker) -> list[str]:
    """The outcomes of the events that waited."""
    taker.commit()
    steps = [entry.content for entry in taker.entries if entry.content.facts.get("settles")]
    return sorted(one.facts.get("outcome") or one.facts["act"] for one in steps)


def test_an_event_parked_at_two_hubs_under_one_key_happens_once() -> None:
    for first, second in ((0, 1), (1, 0)):
        east, *others = order_takers()
        for taker in others:
            assert taker.ask(ONE_LESS, "k-1").content.facts["act"] == "park"
        place(east)
        for index in (first, second):
            others[index].tell(east)
            east.keep_up()
        settle(east, *others)
        for taker in (east, *others):
            assert held(taker) == 8
            assert taker.order().waiting == taker.order().reports == []
            assert outcomes(taker) == ["repeat", "step"]
            taker.check()


def test_a_return_and_an_exchange_that_were_sent_twice_happen_once() -> None:
    east, west, north = order_takers()
    for taker in (west, north):
        taker.ask(OrderEvent(order="o-1", event="exchange", lines=lines(cola=2), replacement=lines(wings=3)), "k-1")
        taker.ask(OrderEvent(order="o-1", event="return", lines=lines(wings=1)), "k-2")
    place(east)
    settle(east, west, north)
    assert (held(east), held(east, "wings")) == (7, 3)
    east.happen("ship")
    settle(east, west, north)
    assert east.replica.ledger.stock("w-0", "wings").balance("hub-east/quarantine") == 1
    assert outcomes(north) == ["repeat", "repeat", "step", "step"]


def test_an_event_that_happened_at_one_hub_and_waits_at_another_happens_once() -> None:
    east, west, north = order_takers()
    assert west.ask(ONE_LESS, "k-1").content.facts["act"] == "park"
    place(east)
    assert east.ask(ONE_LESS, "k-1").content.facts["act"] == "step"
    settle(east, west, north)
    for taker in (east, west, north):
        assert held(taker) == 8
        assert outcomes(taker) == ["repeat"]


def test_an_event_that_waited_and_happened_is_a_repeat_at_the_next_owner() -> None:
    east, west, _ = order_takers()
    store = OrderTaker("store-1", store_1={})
    west.ask(ONE_LESS, "k-1")
    place(east)
    west.tell(east)
    east.keep_up()
    east.ask(Handover("o-1", "hub-east.1", "store-1"))
    east.commit()
    store.take([entry for entry in east.entries if entry.stream.scope == "w-0"])
    assert store.order().fulfilments["hub-east.1"].owner == "store-1"
    assert store.ask(ONE_LESS, "k-1").content.facts["act"] == "repeat"
    assert held(store) == 8
    assert store.ask(ONE_LESS, "k-2").content.facts["act"] == "step"


def test_an_event_that_could_not_happen_is_not_tried_again_for_its_repeat() -> None:
    east, west, north = order_takers()
    more = OrderEvent(order="o-1", event="exchange", lines=lines(cola=1), replacement=lines(wings=60))
    for taker in (west, north):
        taker.ask(more, "k-1")
    place(east)
    west.tell(east)
    east.keep_up()
    assert [one.outcome for one in east.order().reports] == ["short"]
    receive(east, "w-0", wings=60)
    settle(east, west, north)
    assert (held(east), held(east, "wings")) == (9, 0)
    assert outcomes(north) == ["repeat", "short"]


def test_a_replacement_knows_the_events_of_the_fulfilment_it_replaces() -> None:
    east, west = OrderTaker("hub-east", w_1={"cola": 10}, w_2={"cola": 20}), OrderTaker("hub-west", w_3={})
    west.ask(ONE_LESS, "k-1")
    east.place("o-1", PlacedLine(9, "cola"), paid=True)
    east.ask(ONE_LESS, "k-1")
    east.now_ms += 1_000
    decisions.execute(east.replica, Command("w-1", Count((CountLine("cola", 3),)), b"count"), east.now_ms)
    east.ask(Revocation("o-1", "hub-east.1"))
    assert east.order().fulfilments["hub-east.2"].state == "reserved"
    settle(east, west)
    assert held(east) == held(west) == 8
    east.check()


def test_one_event_under_two_keys_and_two_events_under_one_key_both_happen() -> None:
    east, west, north = order_takers()
    two_less = OrderEvent(order="o-1", event="adjust", lines=lines(cola=2))
    west.ask(ONE_LESS, "k-1")
    north.ask(ONE_LESS, "k-2")
    east.ask(ONE_LESS, "k-3")
    settle(east, west)
    north.ask(two_less, "k-3")
    place(east)
    settle(east, west, north)
    assert held(north) == 9 - 1 - 1 - 1 - 2


def test_a_key_used_twice_folds_to_the_same_whichever_scope_comes_first() -> None:
    east, west, north = order_takers()
    for taker in (west, north):
        taker.ask(ONE_LESS, "k-1")
    place(east)
    settle(east, west, north)
    entries = [entry for entry in north.entries if entry.content.kind == ORDER]
    streams = list(dict.fromkeys(entry.stream for entry in entries))
    for order in permutations(streams):
        folded = Orders("hub-north")
        for entry in sorted(entries, key=lambda entry: order.index(entry.stream)):
            folded.apply(entry)
        assert folded.digest() == north.replica.orders.digest()


def test_the_outcome_of_the_owner_stands_though_another_node_reported_it_late() -> None:
    east, west, north = order_takers()
    west.ask(OrderEvent(order="o-1", event="adjust", fulfilment="hub-east.1", lines=lines(cola=1)), "k-1")
    place(east)
    west.tell(east)
    east.keep_up()
    west.now_ms += PARKED_MS
    west.keep_up()
    settle(east, west, north)
    for taker in (east, west, north):
        assert outcomes(taker) == ["late", "step"]
        assert [one.became for one in taker.order().parked] == [""]


def test_packed_orders_of_a_version_without_deduplication_ids_are_read() -> None:
    east, west, _ = order_takers()
    place(east)
    east.ask(ONE_LESS, "k-1")
    west.ask(ONE_LESS, "k-2")
    west.tell(east)
    (packed,) = [state for _, state in folded_of(east).take_changes()]
    name, channel, customer, placed, fulfilments, parked, *rest = msgspec.msgpack.decode(packed)
    ids = [*Fulfilment.__struct_fields__].index("deduplication_ids")
    older = {name: fields[:ids] for name, fields in fulfilments.items()}
    assert fulfilments["hub-east.1"][ids]
    later = [*Parked.__struct_fields__].index("deduplication_id")
    assert parked[0][later]
    unaware = [name, channel, customer, placed, older, [fields[:later] for fields in parked], *rest]
    loaded = Orders("hub-east")
    loaded.load([(1, msgspec.msgpack.encode(unaware))])
    order = loaded.find("o-1")
    assert order is not None
    assert order.fulfilments["hub-east.1"].deduplication_ids == []
    assert [one.deduplication_id for one in order.parked] == [b""]
    assert order.fulfilments["hub-east.1"].allocations == east.order().fulfilments["hub-east.1"].allocations


def folded_of(taker: OrderTaker) -> Orders:
    """A new fold of the entries about orders that a node holds."""
    taker.commit()
    folded = Orders(taker.replica.node)
    for entry in taker.entries:
        if entry.content.kind == ORDER:
            folded.apply(entry)
    return folded


@given(
    st.lists(st.tuples(st.integers(1, 5), st.lists(st.integers(0, 2), min_size=1, max_size=4)), max_size=5),
    st.integers(0, 2**32),
)
@example([(1, [1, 2])], 0)
@example([(1, [1, 0, 2])], 1)
def test_in_any_order_of_delivery_each_key_counts_once(sent: list[tuple[int, list[int]]], seed: int) -> None:
    """Callers send each key to some hubs and place the order at one of them; hubs exchange entries in any order."""
    nodes, random = order_takers(), Random(seed)
    steps: list[Any] = [(number, index) for number, (_, at) in enumerate(sent) for index in at]
    random.shuffle(steps)
    steps.insert(random.randint(0, len(steps)), None)
    taken: dict[int, None] = {}
    for step in steps:
        if step is None:
            nodes[0].place("o-1", PlacedLine(40, "cola"), paid=True)
        else:
            number, index = step
            event = OrderEvent(order="o-1", event="adjust", lines=lines(cola=sent[number][0]))
            with suppress(NotOwner):
                nodes[index].ask(event, f"k-{number}")
                taken[number] = None
        for _ in range(random.randint(0, 2)):
            source, target = random.sample(nodes, 2)
            source.tell(target)
            if random.random() < 0.5:
                target.keep_up()
    settle(*nodes)
    for taker in nodes:
        assert held(taker) == 40 - sum(sent[number][0] for number in taken)
        assert taker.order().waiting == taker.order().reports == []
        taker.check()
