"""What the fold keeps beside the orders: their numbers, digests and changes, and lists of those that need a look."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from replica.core.base.limits import PARKED_MS
from replica.core.orders.facts import StepFacts, decode
from replica.core.orders.fold import Orders, held_differences
from replica.core.orders.machine import CANCEL, HOLD, MachineDocument, OrderMachine, Transition
from replica.core.orders.order import Order
from replica.core.orders.requests import Handover, PlacedLine, Placement
from replica.core.state import decisions
from replica.core.state.commands import Command
from tests.core.orders.test_double_orders import SAME, order_takers, settle
from tests.core.shuffled import OrderTaker, lines


def place_fast(taker: OrderTaker, *names: str) -> None:
    """Place orders in one run of the fast path."""
    run = [Command("", Placement(order=name, lines=(PlacedLine(1, "cola"),)), name.encode()) for name in names]
    decisions.execute_requests(taker.replica, run, taker.now_ms, {})


def handed_out(taker: OrderTaker) -> list[str]:
    """The orders about which something may be due now; each is handed out once."""
    return sorted(taker.replica.orders.due(taker.now_ms, 99))


def reminded_of(taker: OrderTaker, location: str) -> list[str]:
    """The orders that are handed out because another node owns a location now."""
    handed_out(taker)
    taker.replica.orders.remind_of([location])
    return handed_out(taker)


# ---------------------------------------------------------------------------------------------------------------------
# changes for a checkpoint


def test_each_new_order_has_the_next_number_whichever_path_it_takes() -> None:
    taker = OrderTaker()
    taker.place("o-1", paid=True)
    place_fast(taker, "o-2", "o-3")
    taker.place("o-4", paid=True)
    place_fast(taker, "o-5")
    taker.happen("pay", "o-6")
    assert [order.index for order in taker.replica.orders] == [1, 2, 3, 4, 5, 6]
    assert [number for number, _ in taker.replica.orders.take_changes()] == [1, 2, 3, 4, 5, 6]


def test_a_run_of_fast_orders_forgets_no_other_change_of_its_batch() -> None:
    taker = OrderTaker()
    taker.place("o-1", paid=True)
    place_fast(taker, "o-2", "o-3")
    place_fast(taker, "o-4")
    assert taker.replica.orders.open_names() == ["o-1", "o-2", "o-3", "o-4"]
    assert [number for number, _ in taker.replica.orders.take_changes()] == [1, 2, 3, 4]


# ---------------------------------------------------------------------------------------------------------------------
# digests


def digest_of(order: Order) -> str:
    orders = Orders("hub-east")
    orders.load([(1, msgspec.msgpack.encode(order))])
    return orders.digest()


def ship(order: Order) -> None:
    order.fulfilments["hub-east.1"].state = "shipped"


def take_sku(order: Order) -> None:
    order.fulfilments["hub-east.1"].allocations.clear()


def wait_less(order: Order) -> None:
    order.parked.clear()


def settle_for_one(order: Order) -> None:
    order.parked[0].settled.append("hub-east.1")


def rename(order: Order) -> None:
    order.name = "o-2"


@pytest.mark.parametrize("change", [ship, take_sku, wait_less, settle_for_one, rename])
def test_orders_that_differ_in_anything_have_different_digests(change: Callable[[Order], None]) -> None:
    taker = OrderTaker()
    taker.place()
    taker.happen("ship")
    before = digest_of(taker.order())
    assert before == taker.replica.orders.digest()
    change(taker.order())
    assert digest_of(taker.order()) != before


def test_the_order_of_arrival_changes_no_digest() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 9}, w_2={"cola": 9})
    taker.happen("ship")
    taker.place("o-1", *(PlacedLine(1, "cola", location=one) for one in taker.locations), ttl_s=9)
    taker.order().parked[0].settled += ["hub-east.1", "hub-east.2"]
    other = msgspec.convert(msgspec.to_builtins(taker.order()), Order)
    other.index = 7
    other.fulfilments = dict(reversed(other.fulfilments.items()))
    other.parked[0].settled.reverse()
    assert digest_of(other) == digest_of(taker.order())


# ---------------------------------------------------------------------------------------------------------------------
# orders that need a look


def test_an_order_placed_three_times_stands_where_it_was_placed_twice_first() -> None:
    east, west, north = order_takers()
    for taker, name in ((east, "o-1"), (west, "o-1"), (east, "o-2"), (west, "o-2"), (north, "o-1")):
        for one in (east, west, north):
            one.now_ms += 1_000
        taker.place(name)
    settle(east, west, north)
    assert len(north.order().placed) == 3
    assert list(north.replica.orders.with_duplicates) == ["o-1", "o-2"]


def test_an_order_of_three_requests_stands_where_the_second_one_came() -> None:
    east, west, north = order_takers()
    for number, (taker, name) in enumerate(
        ((east, "o-1"), (west, "o-1"), (east, "o-2"), (west, "o-2"), (north, "o-1")), start=1
    ):
        for one in (east, west, north):
            one.now_ms += 1_000
        taker.place(name, PlacedLine(number, "cola"))
    settle(east, west, north)
    assert len(north.order().requests()) == 3
    assert list(north.replica.orders.with_conflicts) == ["o-1", "o-2"]


def test_only_orders_with_units_of_this_node_at_a_location_are_due_for_its_new_owner() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 50}, w_2={"cola": 50})
    places = [PlacedLine(1, "cola", location=location) for location in taker.locations]
    for name, wanted in (("here", places[:1]), ("there", places[1:]), ("handed", places[1:]), ("left", places)):
        taker.place(name, *wanted, paid=True)
    taker.ask(Handover("handed", "hub-east.1", "store-1"))
    taker.happen("ship", "left", fulfilment="hub-east.2")
    assert reminded_of(taker, "w-2") == ["there"]
    assert reminded_of(taker, "w-1") == ["here", "left"]
    assert reminded_of(taker, "w-3") == []


def test_orders_placed_twice_are_due_for_the_new_owner_of_one_of_their_locations() -> None:
    nodes = order_takers(w_1={"cola": 9}, w_2={"cola": 9})
    for taker in nodes[:2]:
        taker.place("o-1", PlacedLine(2, "cola", location="w-1"))
    settle(*nodes)
    north = nodes[2]
    assert reminded_of(north, "w-1") == ["o-1"]
    assert reminded_of(north, "w-2") == []


def test_events_that_a_hub_parked_are_due_for_the_new_owner_of_their_order() -> None:
    east, west = OrderTaker("hub-east", w_1={"cola": 9}), OrderTaker("hub-west", w_2={"cola": 9})
    west.happen("return", lines=lines(cola=1))
    east.happen("return", "o-2", lines=lines(cola=1))
    for name in ("o-1", "o-2"):
        east.place(name, ttl_s=9)
    east.tell(west)
    assert reminded_of(west, "w-1") == ["o-1"]
    assert reminded_of(west, "w-2") == []


def test_an_event_that_was_reported_late_does_not_happen_afterwards() -> None:
    taker = OrderTaker()
    taker.happen("ship")
    taker.now_ms += PARKED_MS
    taker.keep_up()
    assert [one.outcome for one in taker.order().reports] == ["late"]
    taker.place(paid=True)
    taker.keep_up()
    assert (taker.order().state, taker.order().waiting) == ("reserved", [])


# ---------------------------------------------------------------------------------------------------------------------
# answers and differences


def test_a_placement_that_lost_is_answered_with_the_state_and_expiry_of_the_other() -> None:
    east, west, north = order_takers()
    rows = (Transition(HOLD, (), "amended"), Transition(CANCEL, ("amended",), "cancelled"))
    east.replica.fold.machine = OrderMachine(MachineDocument(("amended", "cancelled"), rows))
    first = east.ask(SAME)
    second = west.ask(SAME)
    settle(east, west, north)
    facts = decode(west.replica.orders.as_placed(second).content)
    expected = decode(first.content)
    assert isinstance(facts, StepFacts)
    assert isinstance(expected, StepFacts)
    assert (facts.state, facts.expires_ms) == ("amended", expected.expires_ms)
    assert facts.shown == expected.shown
    assert west.replica.orders.as_placed(first) is first


def test_units_that_no_order_or_no_account_holds_are_found() -> None:
    taker, other = OrderTaker(), OrderTaker()
    assert held_differences(taker.replica.ledger, taker.replica.orders) == []
    taker.place("o-1", PlacedLine(1, "cola"))
    line = "w-1 hub-east/held cola"
    assert held_differences(other.replica.ledger, taker.replica.orders) == [f"{line}: 0 held, 1 in open fulfilments"]
    assert held_differences(taker.replica.ledger, other.replica.orders) == [f"{line}: 1 held, 0 in open fulfilments"]
    other.place("o-1", PlacedLine(3, "cola"))
    assert held_differences(taker.replica.ledger, other.replica.orders) == [f"{line}: 1 held, 3 in open fulfilments"]
