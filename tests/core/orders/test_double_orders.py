"""Orders placed at two nodes that were cut off from each other: the name is the key, and one placement stands."""

from __future__ import annotations

from contextlib import suppress
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.role import store_role
from replica.core.base.errors import NotOwner, OrderEnded, OrderExists, RightsExhausted
from replica.core.base.limits import PARKED_MS
from replica.core.log.entry import Stream, genesis
from replica.core.log.entry_run import ReceivedRun
from replica.core.orders.order import Fulfilment
from replica.core.orders.requests import ORDER, Handover, OrderEvent, PlacedLine, Placement
from replica.core.state import decisions, replica
from replica.core.state.batch import Image
from replica.core.state.replica import Replica
from replica.runtime.http.order_answers import order_answer, order_view
from tests.core.shuffled import OrderTaker, lines

SAME = Placement(order="o-1", lines=(PlacedLine(2, "cola"),))
EAST, WEST = "hub-east", "hub-west"
DAY_MS = 86_400_000


def order_takers(**stock: dict[str, int]) -> list[OrderTaker]:
    """Hubs that all write for one warehouse, each with stock of its own there; the clock of each next one is ahead."""
    made = [OrderTaker(name, **(stock or {"w_1": {"cola": 10}})) for name in (EAST, WEST, "hub-north")]
    for later, taker in enumerate(made):
        taker.now_ms += later
    settle(*made)
    return made


def settle(*order_takers: OrderTaker) -> None:
    for _ in range(3):
        for one in order_takers:
            for other in order_takers:
                if one is not other:
                    one.tell(other)
    assert len({taker.replica.orders.digest() for taker in order_takers}) == 1


def of(taker: OrderTaker, node: str, order: str = "o-1") -> Fulfilment:
    return taker.order(order).fulfilments[f"{node}.1"]


def keyed(taker: OrderTaker) -> list[bytes]:
    return [entry.content.key for entry in taker.entries if entry.content.key.startswith(b"void:")]


def test_an_order_placed_at_two_hubs_holds_its_goods_once() -> None:
    east, west, north = order_takers()
    east.place()
    placed = west.place()
    assert (of(east, EAST).state, of(west, WEST).state) == ("held", "held")
    settle(east, west, north)
    for taker in (east, west, north):
        assert (of(taker, EAST).state, of(taker, WEST).state) == ("held", "cancelled")
        assert taker.order().state == "held"
        assert taker.figures() == (30, 2, 28)
        assert keyed(taker) == [f"void:{placed.hash.hex()}".encode()]
        taker.check()


def test_a_placement_that_lost_is_answered_with_the_one_that_won() -> None:
    east, west, north = order_takers()
    first = east.place()
    west.ask(SAME, "k-1")
    settle(east, west, north)
    for taker in (west, north):
        again = [taker.ask(SAME, "k-1"), taker.ask(SAME, "k-1"), taker.ask(SAME, "k-2")]
        for entry in again:
            assert order_answer(entry.content).fulfilments == order_answer(first.content).fulfilments
    view = order_view(west.order())
    assert [(one.id, one.is_duplicate) for one in view.fulfilments] == [("hub-east.1", False), ("hub-west.1", True)]
    assert view.placed_at == order_view(east.order()).placed_at


def test_a_shipped_fulfilment_of_the_placement_that_lost_is_reported() -> None:
    east, west, north = order_takers()
    east.place(paid=True)
    west.place(paid=True)
    west.happen("ship")
    settle(east, west, north)
    for taker in (east, west, north):
        assert (of(taker, EAST).state, of(taker, WEST).state) == ("reserved", "shipped")
        assert [(one.fulfilment, one.outcome) for one in taker.order().reports] == [("hub-west.1", "duplicate")]
        assert taker.figures() == (28, 2, 26)
        assert len(keyed(taker)) == 1
        taker.check()


def test_a_cancelled_placement_that_lost_is_voided_too() -> None:
    east, west, north = order_takers()
    east.place()
    west.place()
    west.happen("cancel")
    settle(east, west, north)
    assert of(north, WEST).is_voided
    assert north.order().state == "held"
    assert len(keyed(north)) == 1


def test_different_orders_of_one_name_both_stand() -> None:
    east, west, north = order_takers()
    east.place("o-1", PlacedLine(2, "cola"))
    west.place("o-1", PlacedLine(3, "cola"))
    settle(east, west, north)
    for taker in (east, west, north):
        assert taker.figures() == (30, 5, 25)
        assert keyed(taker) == []
        assert list(taker.replica.orders.with_conflicts) == ["o-1"]
        shown = order_answer(taker.place("o-1", PlacedLine(3, "cola")).content).fulfilments
        assert [one.id for one in shown] == ["hub-west.1"]
        with pytest.raises(OrderExists):
            taker.place("o-1", PlacedLine(4, "cola"))


def handed_to_a_store() -> tuple[OrderTaker, OrderTaker, OrderTaker]:
    """An order placed at two hubs that have not met. A store owns the fulfilment that lost, and knows only this one."""
    east, west = OrderTaker("hub-east", w_1={"cola": 10}), OrderTaker("hub-west", store_1={"cola": 10})
    west.now_ms += 1
    store = OrderTaker("store-1", store_1={})
    east.place(paid=True)
    west.place(paid=True)
    west.replica.locations = ()
    west.replica.learn_location_owners({"store-1": "store-1"})
    west.keep_up()
    west.commit()
    store.take([entry for entry in west.entries if entry.stream.scope == "store-1"])
    assert of(store, WEST).owner == "store-1"
    return east, west, store


def test_a_store_that_lacks_the_winning_placement_is_asked_to_cancel() -> None:
    east, west, store = handed_to_a_store()
    east.tell(west)
    west.commit()
    (asked,) = [entry for entry in west.entries if entry.content.reason == "cancel"]
    assert asked.content.facts["act"] == "ask"
    store.take([entry for entry in west.entries if entry.stream.scope == "store-1"])
    store.keep_up()
    assert of(store, WEST).state == "cancelled"
    assert store.figures("cola", "store-1") == (10, 0, 10)
    store.tell(west)
    assert of(west, WEST).state == "cancelled"
    assert west.order().to_void("hub-west", {}) == []


def placed_in_a_store(**more: Any) -> tuple[OrderTaker, OrderTaker]:
    """An order that a hub serves from its warehouse, and that a store accepted later, which knows no other location."""
    hub, store = OrderTaker("hub-east", w_1={"cola": 10}), OrderTaker("store-1", store_1={"cola": 10})
    hub.replica.learn_location_owners({"store-1": "store-1"})
    store.now_ms += 1
    hub.place()
    store.place(**more)
    store.tell(hub)
    return hub, store


def hear(store: OrderTaker, hub: OrderTaker) -> None:
    """The store gets what the hub wrote about its location, does what is due, and tells the hub."""
    hub.keep_up()
    hub.commit()
    store.take([entry for entry in hub.entries if entry.stream.scope == "store-1"])
    store.keep_up()
    store.tell(hub)
    hub.keep_up()


def test_a_store_that_placed_the_order_too_is_asked_to_cancel() -> None:
    hub, store = placed_in_a_store()
    hear(store, hub)
    assert of(store, "store-1").state == of(hub, "store-1").state == "cancelled"
    assert of(hub, EAST).state == "held"
    assert store.figures("cola", "store-1") == (10, 0, 10)
    assert len([entry for entry in hub.entries if entry.content.facts.get("act") == "ask"]) == 1
    hear(store, hub)
    assert hub.order().to_void(EAST, {"store-1": "store-1"}) == []
    assert of(hub, EAST).state == "held"


def test_a_hub_asks_the_later_of_two_stores_that_placed_one_order() -> None:
    hub, stores = OrderTaker("hub-east"), [OrderTaker(f"store-{n}", **{f"store_{n}": {"cola": 10}}) for n in (1, 2)]
    hub.replica.learn_location_owners({"store-1": "store-1", "store-2": "store-2"})
    stores[1].now_ms += 1
    for store in stores:
        store.place(paid=True)
        store.tell(hub)
    hub.keep_up()
    hub.commit()
    for store in stores:
        store.take([entry for entry in hub.entries if entry.stream.scope in store.locations])
        store.keep_up()
    assert [of(store, store.locations[0]).state for store in stores] == ["reserved", "cancelled"]


def test_a_payment_in_a_store_pays_for_the_placement_that_stands() -> None:
    hub, store = placed_in_a_store()
    store.happen("pay")
    store.tell(hub)
    hear(store, hub)
    assert (of(hub, EAST).state, of(hub, "store-1").state) == ("reserved", "cancelled")


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_a_cancellation_in_a_store_counts_although_a_hub_asked_for_it_meanwhile(is_cancelled: bool) -> None:
    """The hub took it for the effect of its own request, and kept the goods of a customer who had cancelled."""
    hub, store = placed_in_a_store()
    if is_cancelled:
        store.happen("cancel")
    for _ in range(2):
        hear(store, hub)
    assert of(hub, "store-1").state == "cancelled"
    assert of(hub, EAST).state == ("cancelled" if is_cancelled else "held")
    assert hub.order().reports == []


def test_an_event_handed_out_by_a_clock_ahead_is_reported_late_when_it_waits_again() -> None:
    east, west, _ = order_takers(w_1={"cola": 10})
    east.happen("cancel")
    east.place()
    east.keep_up()
    assert (of(east, EAST).state, east.order().waiting) == ("cancelled", [])
    east.now_ms += 2 * PARKED_MS
    east.keep_up()
    east.now_ms -= 2 * PARKED_MS
    west.place()
    west.tell(east)
    east.keep_up()
    assert [parked.event for parked in east.order().waiting] == [OrderEvent(order="o-1", event="cancel")]
    east.now_ms += 2 * PARKED_MS
    east.keep_up()
    assert east.order().waiting == []
    assert [(one.event, one.outcome) for one in east.order().reports] == [("cancel", "late")]


def test_an_order_whose_step_can_be_recorded_again_is_no_longer_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    east, west, _ = order_takers(w_1={"cola": 10})
    east.place()
    west.now_ms += 1
    west.place()
    with monkeypatch.context() as small:
        small.setattr(replica, "BODY_BYTES_MAX", 10)
        east.tell(west)
    assert list(west.replica.orders.stuck) == ["o-1"]
    west.replica.orders.remind(["o-1"])
    west.keep_up()
    assert (list(west.replica.orders.stuck), of(west, WEST).state) == ([], "cancelled")


def test_a_store_with_the_second_line_of_each_placement_cancels_the_one_that_lost() -> None:
    stock = {"store_1": {"cola": 3}, "store_2": {"cola": 3}}
    east, west = OrderTaker("hub-east", **stock), OrderTaker("hub-west", **stock)
    stores = [OrderTaker("store-1", store_1={}), OrderTaker("store-2", store_2={})]
    west.now_ms += 1
    lines = [PlacedLine(2, "cola", location=location) for location in east.locations]
    for hub in (east, west):
        hub.place("o-1", *lines, paid=True)
        hub.replica.locations = ()
        hub.replica.learn_location_owners({location: location for location in hub.locations})
        hub.keep_up()
    for _ in range(3):
        east.tell(west)
        west.tell(east)
        for store in stores:
            for hub in (east, west):
                hub.commit()
                store.take([entry for entry in hub.entries if entry.stream.scope == store.locations[0]])
            store.keep_up()
            for hub in (east, west):
                store.tell(hub)
    for one in ("hub-west.1", "hub-west.2"):
        assert east.order().fulfilments[one].state == west.order().fulfilments[one].state == "cancelled"
    for store in stores:
        assert store.figures() == (6, 2, 4)
    assert east.order().to_void("hub-east", {}) == west.order().to_void("hub-west", {}) == []


def test_a_placement_that_lost_is_undone_after_a_restart_too() -> None:
    east, west, north = order_takers()
    east.place()
    west.place()
    settle(east, west)
    west.tell(north)
    unfinished = Replica(west.writer, west.locations, None, True)
    for entry in north.entries:
        if entry.content.kind == ORDER and not entry.content.key.startswith(b"void:"):
            unfinished.orders.apply(entry)
    rows = unfinished.orders.take_changes()
    again = Replica(west.writer, west.locations, Image(checkpoint={"orders": rows}), True)
    assert again.orders.due(west.now_ms, 9) == ["o-1"]
    assert again.orders.take_duplicated() == ["o-1"]


def keep_up(*order_takers: OrderTaker) -> None:
    for _ in range(3):
        settle(*order_takers)
        for taker in order_takers:
            taker.keep_up()
    settle(*order_takers)


def test_an_event_of_the_whole_order_concerns_the_placement_that_stands() -> None:
    east, west, north = order_takers()
    east.place()
    west.place()
    settle(east, west, north)
    with pytest.raises(NotOwner) as refused:
        west.happen("pay")
    assert refused.value.facts["owner"] == EAST
    east.happen("pay")
    keep_up(east, west, north)
    for taker in (east, west, north):
        assert (of(taker, EAST).state, of(taker, WEST).state) == ("reserved", "cancelled")
        assert taker.order().reports == []


def test_a_payment_of_the_placement_that_lost_pays_for_the_one_that_stands() -> None:
    east, west, north = order_takers()
    east.place()
    west.place()
    west.happen("pay")
    keep_up(east, west, north)
    for taker in (east, west, north):
        assert (of(taker, EAST).state, of(taker, WEST).state) == ("reserved", "cancelled")
        assert of(taker, EAST).expires_ms == 0
        assert taker.figures() == (30, 2, 28)
        assert taker.order().reports == []
        assert west.order().to_pass_on(WEST, {}) == []


def test_a_payment_of_the_last_of_three_placements_reaches_the_one_that_stands() -> None:
    east, west, north = order_takers()
    for taker in (east, west, north):
        taker.place()
    north.happen("pay")
    west.tell(north)
    east.tell(north)
    asked = [one.event.fulfilment for one in north.order().parked if one.event is not None]
    assert asked == ["hub-west.1", "hub-east.1"]
    keep_up(east, west, north)
    assert [of(north, name).state for name in (EAST, WEST, "hub-north")] == ["reserved", "cancelled", "cancelled"]


def test_a_payment_of_the_placement_that_lost_does_not_concern_a_part_that_left() -> None:
    east, west, north = order_takers()
    east.place()
    east.happen("collect", lines=lines(cola=1))
    east.happen("pay")
    west.place()
    west.happen("pay")
    east.commit()
    own = [entry for entry in east.entries if entry.stream.writer == east.writer]
    decisions.merge(west.replica, [ReceivedRun(own[0].stream, 1, genesis(own[0].stream), own)], west.now_ms)
    keep_up(east, west, north)
    assert {one.id: one.state for one in north.order().fulfilments.values()} == {
        "hub-east.1": "reserved",
        "hub-east.1-1": "collected",
        "hub-west.1": "cancelled",
    }
    assert north.order().reports == []
    assert west.order().to_pass_on(WEST, {}) == []
    assert [parked.event for parked in north.order().parked if parked.event and parked.event.event == "pay"] == []


def test_a_payment_of_the_placement_that_lost_is_asked_for_once_where_a_part_left() -> None:
    east, west, north = order_takers()
    east.place()
    east.happen("collect", lines=lines(cola=1))
    west.place()
    west.happen("pay")
    keep_up(east, west, north)
    assert of(north, EAST).state == "reserved"
    asked = [parked.event.fulfilment for parked in north.order().parked if parked.event and parked.event.event == "pay"]
    assert "hub-east.1" in asked
    assert len(asked) == len(dict.fromkeys(asked))


def test_a_payment_that_both_hubs_took_changes_nothing() -> None:
    east, west, north = order_takers()
    for taker in (east, west):
        taker.place()
        taker.happen("pay")
    keep_up(east, west, north)
    assert (of(north, EAST).state, of(north, WEST).state) == ("reserved", "cancelled")
    assert north.order().reports == []


def test_a_payment_of_the_placement_that_lost_is_reported_if_the_other_expired() -> None:
    east, west, north = order_takers()
    east.place(ttl_s=60)
    west.place(ttl_s=60)
    west.happen("pay")
    east.now_ms += 61_000
    east.keep_up()
    keep_up(east, west, north)
    for taker in (east, west, north):
        assert (of(taker, EAST).state, of(taker, WEST).state) == ("expired", "cancelled")
        (report,) = taker.order().reports
        assert (report.event, report.outcome, report.fulfilment) == ("pay", "impossible", "hub-east.1")


def test_a_payment_of_the_lost_placement_is_reported_if_the_other_was_collected() -> None:
    east, west, north = order_takers()
    east.place()
    east.happen("collect")
    west.place()
    west.happen("pay")
    stream = Stream(east.writer, "w-1")
    held = west.replica.head(stream)
    east.commit()
    unheard = [one for one in east.entries if one.stream == stream and one.sequence > held.sequence]
    # west receives the hold together with the collection
    decisions.merge(west.replica, [ReceivedRun(stream, held.sequence + 1, held.hash, unheard)], west.now_ms)
    keep_up(east, west, north)
    for taker in (east, west, north):
        assert (of(taker, EAST).state, of(taker, WEST).state) == ("collected", "cancelled")
        (report,) = taker.order().reports
        assert (report.event, report.outcome, report.fulfilment) == ("pay", "impossible", "hub-east.1")


def test_a_cancellation_of_the_placement_that_lost_cancels_the_one_that_stands() -> None:
    east, west, north = order_takers()
    east.place()
    east.happen("pay")
    west.place()
    west.happen("cancel")
    keep_up(east, west, north)
    for taker in (east, west, north):
        assert (of(taker, EAST).state, of(taker, WEST).state) == ("cancelled", "cancelled")
        assert taker.figures() == (30, 0, 30)
        taker.check()


def test_a_placement_that_was_undone_cancels_nothing_else() -> None:
    east, west, north = order_takers()
    east.place()
    west.place()
    keep_up(east, west, north)
    keep_up(east, west, north)
    assert of(north, WEST).is_voided
    assert of(north, EAST).state == "held"


def test_an_order_can_be_paid_after_one_of_its_fulfilments_ended() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 2}, w_2={"cola": 2})
    taker.place("o-1", PlacedLine(2, "cola", location="w-1"), PlacedLine(2, "cola", location="w-2"))
    taker.happen("cancel", fulfilment="hub-east.1")
    taker.happen("pay")
    assert [one.state for one in taker.order().fulfilments.values()] == ["cancelled", "reserved"]
    assert taker.order().reports == []


def test_goods_collected_for_a_placement_that_lost_are_reported() -> None:
    east, west, store = handed_to_a_store()
    store.happen("collect")
    store.tell(west)
    east.tell(west)
    west.keep_up()
    west.commit()
    store.take([entry for entry in west.entries if entry.stream.scope == "store-1"])
    store.keep_up()
    store.tell(west)
    assert of(west, WEST).state == "collected"
    (report,) = west.order().reports
    assert (report.event, report.outcome, report.fulfilment) == ("cancel", "impossible", "hub-west.1")
    assert west.order().to_void("hub-west", {}) == []


events = st.sampled_from(["", "pay", "cancel", "ship", "collect"])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), events), max_size=8), st.data())
def test_in_any_order_of_delivery_one_placement_stands(asked: list[tuple[int, int, str]], data: st.DataObject) -> None:
    nodes = order_takers()
    for index, number, event in asked:
        name = f"o-{number}"
        with suppress(RightsExhausted, OrderEnded):
            nodes[index].place(name)
        if event:
            nodes[index].ask_if_possible(event, name)
        if data.draw(st.booleans()):
            source, target = data.draw(st.sampled_from(list(permutations(range(3), 2))))
            nodes[source].tell(nodes[target])
    settle(*nodes)
    for taker in nodes:
        taker.now_ms += PARKED_MS
        taker.check()
        for order in taker.replica.orders:
            lost = order.lost()
            standing = [one for one in order.fulfilments.values() if one.id not in lost]
            assert len(standing) == 1
            for one in order.fulfilments.values():
                assert one.is_voided == (one.id in lost)
                assert not (one.id in lost and one.allocations)
    assert len(keyed(nodes[0])) == len(dict.fromkeys(keyed(nodes[0])))


def test_the_void_of_an_order_is_found_although_the_stamps_of_its_placement_are_ahead() -> None:
    east, west = OrderTaker(EAST, store_1={"cola": 5}), OrderTaker(WEST, store_1={"cola": 5})
    store = OrderTaker("store-1", store_1={"cola": 5})
    store.replica.order_policy = store_role("store-1").order_policy
    west.now_ms += 400 * DAY_MS
    for hub, name in ((east, EAST), (west, WEST)):
        hub.place(paid=True)
        hub.ask(Handover("o-1", f"{name}.1", "store-1"))
        hub.commit()
        store.take([entry for entry in hub.entries if entry.stream.scope == "store-1"])
    store.keep_up()
    store.commit()
    (void,) = [entry for entry in store.entries if entry.content.key.startswith(b"void:")]
    assert of(store, WEST).void == void.hash
