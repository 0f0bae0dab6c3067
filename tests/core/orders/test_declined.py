"""A location declines what it was to send, and the node that began it begins it elsewhere, once."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replica.core.base.errors import Refused
from replica.core.orders.facts import NOWHERE, SHORTAGE, UNWANTED
from replica.core.orders.order import Fulfilment
from replica.core.orders.owners import ask_owner
from replica.core.orders.requests import OrderEvent, PlacedLine
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from tests.core.shuffled import OrderTaker, lines


def hub(**stock: int) -> OrderTaker:
    stock = stock or {"w_1": 5, "w_2": 5, "w_3": 5}
    return OrderTaker("hub-east", **{name: {"cola": units} for name, units in stock.items()})


def standing(taker: OrderTaker, order: str = "o-1") -> dict[str, tuple[str, int]]:
    """State and units of each fulfilment, by location."""
    found = taker.order(order).fulfilments.values()
    return {one.location: (one.state, sum(quantity for _, quantity in one.lines)) for one in found}


def reports(taker: OrderTaker) -> list[tuple[str, str, str]]:
    return [(one.fulfilment, one.event, one.outcome) for one in taker.order().reports]


def replacing(taker: OrderTaker, name: str) -> list[Fulfilment]:
    return [one for one in taker.order().fulfilments.values() if one.instead_of == name]


def test_what_a_location_declined_is_held_once_at_another_one() -> None:
    taker = hub()
    taker.place("o-1", PlacedLine(4, "cola"), paid=True)
    taker.happen("decline", fulfilment="hub-east.1")
    taker.keep_up()
    assert standing(taker) == {"w-1": ("declined", 0), "w-2": ("reserved", 4)}
    assert [taker.figures(location=name)[1] for name in ("w-1", "w-2", "w-3")] == [0, 4, 0]
    taker.happen("decline", fulfilment="hub-east.1")  # it names the one that replaces it, which may be declined, too
    taker.keep_up()
    assert standing(taker) == {"w-1": ("declined", 0), "w-2": ("declined", 0), "w-3": ("reserved", 4)}
    taker.check()


def test_a_location_that_declined_is_not_asked_again_for_the_same_goods() -> None:
    taker = hub(w_1=9, w_2=4)
    taker.place("o-1", PlacedLine(4, "cola"), paid=True)
    for name in ("hub-east.1", "hub-east.2"):
        taker.happen("decline", fulfilment=name)
        taker.keep_up()
    assert standing(taker) == {"w-1": ("declined", 0), "w-2": ("declined", 0)}
    assert reports(taker) == [("hub-east.2", "decline", NOWHERE)]
    assert taker.order().state == "declined"
    assert taker.replica.orders.has_exceptions("o-1")
    taker.keep_up()
    assert len(reports(taker)) == 1
    taker.check()


def test_goods_that_a_picker_does_not_find_are_sent_from_elsewhere_and_the_rest_goes_on() -> None:
    taker = hub()
    taker.place("o-1", PlacedLine(4, "cola"), paid=True)
    taker.happen("pick")
    taker.happen("decline", fulfilment="hub-east.1", lines=lines(cola=1))
    taker.keep_up()
    (moved,) = replacing(taker, "hub-east.1-1")
    assert (moved.location, moved.state, moved.lines) == ("w-2", "reserved", (("cola", 1),))
    whole = taker.order().fulfilments["hub-east.1"]
    assert (whole.state, whole.lines) == ("picking", (("cola", 3),))
    taker.check()


def test_an_unpaid_hold_that_is_declined_expires_when_it_would_have() -> None:
    taker = hub()
    taker.place("o-1", PlacedLine(4, "cola"), ttl_s=60)
    before = taker.order().fulfilments["hub-east.1"].expires_ms
    taker.happen("decline")
    taker.keep_up()
    (moved,) = replacing(taker, "hub-east.1")
    assert (moved.state, moved.expires_ms) == ("held", before)
    taker.now_ms = before
    taker.keep_up()
    assert taker.order().state == "declined" and taker.figures(location="w-2")[1] == 0


def test_a_part_of_an_unpaid_hold_that_is_declined_stays_unpaid() -> None:
    taker = hub()
    taker.place("o-1", PlacedLine(4, "cola"), ttl_s=60)
    before = taker.order().fulfilments["hub-east.1"].expires_ms
    taker.happen("decline", lines=lines(cola=3))
    taker.keep_up()
    (moved,) = replacing(taker, "hub-east.1-1")
    assert (moved.state, moved.expires_ms, moved.lines) == ("held", before, (("cola", 3),))


def test_a_location_that_the_customer_chose_is_not_replaced() -> None:
    taker = hub()
    taker.place("o-1", PlacedLine(4, "cola"), pickup_at="w-2", paid=True)
    taker.happen("decline")
    taker.keep_up()
    assert standing(taker) == {"w-2": ("declined", 0)}
    assert reports(taker) == [("hub-east.1", "decline", NOWHERE)]


def test_declined_twice_under_one_key_is_declined_once() -> None:
    taker = hub()
    taker.place("o-1", PlacedLine(4, "cola"), paid=True)
    for _ in range(2):
        taker.happen("decline", fulfilment="hub-east.1", lines=lines(cola=1), number=1)
        taker.keep_up()
    assert len(taker.order().fulfilments) == 3
    taker.check()


def at_a_store() -> tuple[OrderTaker, OrderTaker, OrderTaker]:
    """Two hubs, and a store that owns an order of the first one: it granted that hub the goods. Later others arrive."""
    east, west = hub(w_2=0, w_3=0), OrderTaker("hub-west", w_9={"cola": 9})
    store = OrderTaker("store-1", w_1={"cola": 9})
    for node in (east, west, store):
        node.replica.learn_location_owners({"w-1": "store-1"})
    store.give("w-1", "hub-east", cola=6)
    tell(store, east)
    east.place("o-1", PlacedLine(4, "cola"), paid=True)
    east.keep_up()
    for location in ("w-2", "w-3"):
        receipt = GoodsReceipt((GoodsLine(6, item="cola"),))
        decisions.execute(east.replica, Command(location, receipt, f"later-{location}".encode()), east.now_ms)
    assert east.order().fulfilments["hub-east.1"].owner == "store-1"
    tell(east, store)
    return east, west, store


def tell(one: OrderTaker, other: OrderTaker) -> None:
    """Send what the other is to hear. A store hears of its own location only."""
    one.commit()
    is_store = other.replica.node == "store-1"
    other.take([entry for entry in one.entries if not is_store or entry.stream.scope in ("w-1", "*")])


def exchange(*nodes: OrderTaker) -> None:
    """Let everybody hear everything and do what is due."""
    for _ in range(4):
        for one in nodes:
            one.keep_up()
            for other in nodes:
                if other is not one:
                    tell(one, other)


def test_only_the_node_that_began_it_replaces_what_a_store_declined() -> None:
    east, west, store = at_a_store()
    store.happen("decline", fulfilment="hub-east.1")
    tell(store, west)
    tell(east, west)
    west.keep_up()
    assert standing(west) == {"w-1": ("declined", 0)}
    exchange(west, store, east)
    assert standing(east) == standing(west) == {"w-1": ("declined", 0), "w-2": ("reserved", 4)}
    assert east.replica.orders.digest() == west.replica.orders.digest()
    east.check()


def test_what_the_customer_cancelled_meanwhile_is_not_begun_again() -> None:
    east, _, store = at_a_store()
    store.happen("decline", fulfilment="hub-east.1")
    east.happen("cancel")  # the hub asks the store, and does not know yet that it declined
    tell(store, east)
    east.keep_up()
    assert standing(east) == {"w-1": ("declined", 0)}
    assert ("hub-east.1", "decline", UNWANTED) in reports(east)
    east.check()


def test_a_part_of_a_store_is_not_begun_again_if_the_whole_order_was_cancelled_meanwhile() -> None:
    """A cancellation of the whole order does not name the part, which the hub does not know yet."""
    east, _, store = at_a_store()
    store.happen("decline", fulfilment="hub-east.1", lines=lines(cola=1))
    east.happen("cancel")
    tell(store, east)
    east.keep_up()
    assert ("hub-east.1-1", "decline", UNWANTED) in reports(east)
    assert not [one for one in east.order().fulfilments.values() if one.instead_of]


def test_what_is_left_after_a_cancellation_of_some_units_is_begun_again() -> None:
    east, _, store = at_a_store()
    east.happen("cancel", fulfilment="hub-east.1", lines=lines(cola=1))
    tell(east, store)
    store.keep_up()
    store.happen("decline", fulfilment="hub-east.1")
    tell(store, east)
    east.keep_up()
    (moved,) = replacing(east, "hub-east.1")
    assert (moved.state, moved.lines) == ("reserved", (("cola", 3),))


def test_a_request_to_revoke_a_hold_for_a_shortage_is_no_cancellation_of_the_customer() -> None:
    east, _, store = at_a_store()
    store.happen("decline", fulfilment="hub-east.1")
    order = east.order()
    asked = ask_owner(order, "cancel", order.fulfilments["hub-east.1"], SHORTAGE)
    east.replica.record(*asked.encoded(), b"", east.now_ms)
    tell(store, east)
    east.keep_up()
    (moved,) = replacing(east, "hub-east.1")
    assert (moved.location, moved.state) == ("w-2", "reserved")


def moved_to_a_store() -> tuple[OrderTaker, OrderTaker, OrderTaker]:
    """Two hubs, and a store that owns what replaced the goods of another location."""
    east, west, store = hub(w_2=4), OrderTaker("hub-west", w_9={"cola": 9}), OrderTaker("store-1", w_1={"cola": 9})
    for node in (east, west, store):
        node.replica.learn_location_owners({"w-1": "store-1"})
    store.give("w-1", "hub-east", cola=6)
    tell(store, east)
    east.place("o-1", PlacedLine(4, "cola"), paid=True)
    east.happen("decline", fulfilment="hub-east.1")
    east.keep_up()
    assert (east.order().fulfilments["hub-east.2"].location, east.order().state) == ("w-1", "reserved")
    exchange(east, store, west)
    assert west.order().fulfilments["hub-east.2"].owner == "store-1"
    return east, west, store


def test_a_cancellation_of_what_was_replaced_reaches_the_owner_of_the_new_one() -> None:
    """It waited for ever, because it named a fulfilment that the store does not know."""
    east, west, store = moved_to_a_store()
    first = west.ask(OrderEvent("o-1", "cancel", "hub-east.1"), "cancel-1")
    assert west.ask(OrderEvent("o-1", "cancel", "hub-east.1"), "cancel-1") == first
    exchange(west, store, east)
    assert {name: one.state for name, one in east.order().fulfilments.items()} == {
        "hub-east.1": "declined",
        "hub-east.2": "cancelled",
    }
    assert not west.order().waiting


def test_an_early_event_of_what_was_replaced_happens_to_the_new_one() -> None:
    """It was reported as late, because it named the old one."""
    taker = hub()
    taker.place("o-1", PlacedLine(4, "cola"), paid=True)
    taker.happen("decline", fulfilment="hub-east.1")
    taker.keep_up()
    taker.happen("return", fulfilment="hub-east.1")
    assert taker.order().waiting
    taker.happen("ship", fulfilment="hub-east.1")
    taker.keep_up()
    assert (taker.order().state, taker.order().waiting) == ("returned", [])


def test_a_restarted_node_begins_what_was_declined_before() -> None:
    taker = hub()
    taker.place("o-1", PlacedLine(4, "cola"), paid=True)
    taker.happen("decline")
    taker.commit()
    taker.restart()
    taker.keep_up()
    assert standing(taker)["w-2"] == ("reserved", 4)


def test_a_delivery_follows_a_shipment_and_moves_nothing() -> None:
    taker = hub()
    taker.place("o-1", PlacedLine(4, "cola"), paid=True)
    taker.happen("ship")
    before = taker.figures()
    taker.happen("deliver")
    assert (taker.order().state, taker.figures()) == ("delivered", before)
    taker.happen("return", lines=lines(cola=1))
    assert taker.order().state == "returned"
    assert taker.figures() == (before[0] + 1, 0, before[2])
    taker.check()


@pytest.mark.parametrize("event", ["cancel", "ship", "pick", "collect"])
def test_nothing_else_happens_to_what_was_declined(event: str) -> None:
    taker = hub(w_1=4)
    taker.place("o-1", PlacedLine(4, "cola"), paid=True)
    taker.happen("decline")
    taker.keep_up()
    taker.happen(event)
    assert standing(taker) == {"w-1": ("declined", 0)}
    assert reports(taker)[-1] == ("hub-east.1", event, "impossible")


Step = tuple[str, int, int]


@settings(max_examples=150)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("decline"), st.integers(0, 5), st.integers(0, 3)),
            st.tuples(st.sampled_from(["tell", "keep", "pick", "ship", "cancel"]), st.integers(0, 5), st.just(0)),
        ),
        max_size=14,
    )
)
def test_declined_goods_are_never_held_twice_whatever_the_cuts(steps: list[Step]) -> None:
    """Two hubs and a store exchange entries now and then; the customer gets at most what was ordered."""
    nodes = at_a_store()
    for name, at, units in steps:
        node = nodes[at % 3]
        if name == "tell":
            tell(node, nodes[(at + 1 + at // 3) % 3])
        elif name == "keep":
            node.keep_up()
        else:
            happen(node, name, at, units)
    exchange(*nodes)
    east, west, _ = nodes
    for one in (east, west):
        one.check()
        held = sum(one.replica.ledger.stock(place, "cola").figures.reserved for place in ("w-1", "w-2", "w-3"))
        sold = sum(q for each in one.order().fulfilments.values() for _, q in each.lines if not each.allocations)
        assert held + sold <= 4
        assert east.replica.orders.digest() == one.replica.orders.digest()
        instead = [each.instead_of for each in one.order().fulfilments.values() if each.instead_of]
        assert len(instead) == len(dict.fromkeys(instead))
        assert not one.order().to_begin_again(one.replica.node)


def happen(node: OrderTaker, event: str, at: int, units: int) -> None:
    """Report an event of one fulfilment, if the node knows it."""
    found = node.replica.orders.find("o-1")
    names = sorted(found.fulfilments) if found is not None else []
    if names:
        more = {"lines": lines(cola=units)} if units else {}
        with suppress(Refused):
            node.happen(event, fulfilment=names[at % len(names)], **more)
