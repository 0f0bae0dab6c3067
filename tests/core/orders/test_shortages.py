"""Shortages: which holds hubs select, what their owners do, and that hubs select nothing twice for one shortage."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import NotFound
from replica.core.base.limits import SELECTIONS_MAX
from replica.core.orders.fold import Orders, held_differences
from replica.core.orders.requests import Handover, Housekeeping, PlacedLine, Revocation
from replica.core.orders.shortages import Candidate, candidates, select, short_by
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.stock.requests import Count, CountLine, GoodsLine, GoodsReceipt
from tests.core.orders.test_exchanges import by_barcode, write_barcode
from tests.core.shuffled import OrderTaker, lines

PAIR = ("w-1", "cola")


def recount(taker: OrderTaker, level: int, location: str = "w-1") -> None:
    """Count this many cola on the shelf."""
    taker.now_ms += 1_000
    key = f"count-{taker.now_ms}".encode()
    decisions.execute(taker.replica, Command(location, Count((CountLine("cola", level),)), key), taker.now_ms)


def place(taker: OrderTaker, name: str, units: int, **more: object) -> None:
    taker.now_ms += 1_000
    taker.place(name, PlacedLine(units, "cola"), **more)


def selected(taker: OrderTaker) -> list[str]:
    """The orders whose holds would be selected now, in order."""
    short = {PAIR: short_by(taker.replica.ledger.stock(*PAIR))}
    return [one.order for one in select(candidates(taker.replica.orders.open(), short), short) if short[PAIR]]


def settle(taker: OrderTaker) -> list[str]:
    """Select the holds to revoke, and revoke them."""
    names = selected(taker)
    for name in names:
        taker.ask(Revocation(name, "hub-east.1"))
    return names


def agree(taker: OrderTaker) -> None:
    assert held_differences(taker.replica.ledger, taker.replica.orders) == []
    assert taker.replica.orders.malformed == 0


def test_newest_unpaid_hold_goes_first_then_the_newest_paid_one_that_nobody_picks() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10})
    place(taker, "unpaid-1", 2)
    place(taker, "paid-1", 2, paid=True)
    place(taker, "unpaid-2", 2)
    place(taker, "paid-2", 2, paid=True)
    place(taker, "picked", 2, paid=True)
    taker.happen("pick", "picked")
    states = {}
    for level, revoked in ((9, ["unpaid-2"]), (7, ["unpaid-1"]), (3, ["paid-2", "paid-1"]), (0, [])):
        recount(taker, level)
        assert settle(taker) == revoked, level
        states.update(dict.fromkeys(revoked, "cancelled"))
        assert {name: taker.order(name).state for name in states} == states
        assert selected(taker) == []
    assert taker.order("picked").state == "picking"
    agree(taker)


@pytest.mark.parametrize(
    ("event", "more"),
    [
        ("pay", {}),
        ("adjust", {"lines": lines(cola=1)}),
        ("exchange", {"lines": lines(cola=1), "replacement": lines(cola=1)}),
        ("cancel", {"lines": lines(cola=1)}),
    ],
)
def test_hold_that_was_placed_last_goes_first_whatever_happened_later(event: str, more: dict[str, Any]) -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10})
    place(taker, "first", 3)
    place(taker, "last", 3)
    for name in ("last", "first"):
        taker.now_ms += 1_000
        taker.happen(event, name, **more)
    recount(taker, 3)
    assert selected(taker) == ["last"]


def test_nothing_is_selected_while_free_units_of_any_node_cover_the_deficit() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10})
    place(taker, "o-1", 6)
    recount(taker, 6)
    assert selected(taker) == []
    with pytest.raises(NotFound):
        taker.ask(Revocation("o-1", "hub-east.1"))
    recount(taker, 5)
    assert selected(taker) == ["o-1"]


def test_hold_moves_to_another_location_with_its_lines_and_its_expiry() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10}, w_2={"cola": 3}, w_3={"cola": 8})
    place(taker, "o-1", 4, ttl_s=600)
    before = taker.order().fulfilments["hub-east.1"]
    expires_ms = before.expires_ms
    recount(taker, 3)
    settle(taker)
    assert {one.id: (one.location, one.state) for one in taker.order().fulfilments.values()} == {
        "hub-east.1": ("w-1", "cancelled"),
        "hub-east.2": ("w-3", "held"),
    }
    moved = taker.order().fulfilments["hub-east.2"]
    assert (moved.lines, moved.expires_ms, moved.instead_of) == ((("cola", 4),), expires_ms, "hub-east.1")
    assert taker.order().state == "held"
    assert [(one.became, one.why) for one in taker.order().parked] == [("moved", "shortage")]
    assert taker.figures("cola", "w-3") == (8, 4, 4)
    taker.happen("pay", fulfilment="hub-east.1", number=1)
    assert taker.order().state == "reserved"
    taker.happen("ship")
    assert taker.order().state == "shipped"
    assert taker.figures("cola", "w-3") == (4, 0, 4)
    assert taker.order().reports == []
    agree(taker)


def test_events_of_a_moved_order_go_on_with_their_numbers() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 4}, w_2={"cola": 4})
    place(taker, "o-1", 4)
    taker.happen("pay", number=1)
    recount(taker, 1)
    settle(taker)
    assert taker.order().fulfilments["hub-east.2"].state == "reserved"
    taker.happen("ship", number=2)
    assert (taker.order().state, taker.order().waiting) == ("shipped", [])


def test_paid_order_stays_paid_where_it_is_moved_to() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 4}, w_2={"cola": 4})
    place(taker, "o-1", 4, paid=True)
    recount(taker, 3)
    settle(taker)
    assert taker.order().fulfilments["hub-east.2"].state == taker.order().state == "reserved"


def test_hold_at_a_location_the_customer_chose_is_cancelled_and_not_moved() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 4}, w_2={"cola": 4})
    taker.place("o-1", PlacedLine(4, "cola"), pickup_at="w-1")
    recount(taker, 3)
    settle(taker)
    assert [(one.location, one.state) for one in taker.order().fulfilments.values()] == [("w-1", "cancelled")]
    assert taker.order().parked[0].became == "cancelled"


def test_a_selected_hold_counts_until_its_owner_answers_by_its_own_view() -> None:
    hub, store = OrderTaker("hub-east", w_1={"cola": 10}), OrderTaker("store-1", w_1={})
    place(hub, "o-1", 2, paid=True)
    place(hub, "o-2", 2, paid=True)
    for name in ("o-1", "o-2"):
        hub.ask(Handover(name, "hub-east.1", "store-1"))
    recount(hub, 3)
    assert settle(hub) == ["o-2"]
    assert (selected(hub), hub.order("o-2").state) == ([], "reserved")
    with pytest.raises(NotFound):
        hub.ask(Revocation("o-2", "hub-east.1"))
    hub.tell(store)
    decisions.execute(hub.replica, Command("w-1", GoodsReceipt((GoodsLine(1, item="cola"),)), b"late"), hub.now_ms)
    hub.tell(store)
    store.ask(Housekeeping("o-2"))
    store.tell(hub)
    assert (hub.order("o-2").state, hub.order("o-2").parked[0].became) == ("reserved", "covered")
    assert hub.order("o-2").reports == []
    recount(hub, 3)
    assert settle(hub) == ["o-2"]
    hub.tell(store)
    store.ask(Housekeeping("o-2"))
    store.tell(hub)
    assert [one.became for one in hub.order("o-2").parked] == ["covered", "cancelled"]
    assert hub.replica.ledger.stock(*PAIR).available == 1
    assert hub.replica.orders.digest() == store.replica.orders.digest()
    agree(hub)
    agree(store)


def test_a_hold_the_owner_picks_meanwhile_is_kept_and_another_is_selected() -> None:
    hub, store = OrderTaker("hub-east", w_1={"cola": 10}), OrderTaker("store-1", w_1={})
    place(hub, "o-1", 2, paid=True)
    place(hub, "o-2", 2, paid=True)
    hub.ask(Handover("o-2", "hub-east.1", "store-1"))
    hub.tell(store)
    recount(hub, 3)
    assert settle(hub) == ["o-2"]
    store.happen("pick", "o-2")
    hub.tell(store)
    store.keep_up()
    store.tell(hub)
    assert hub.order("o-2").parked[0].became == "impossible"
    assert settle(hub) == ["o-1"]
    assert (hub.order("o-1").state, hub.order("o-2").state) == ("cancelled", "picking")


def test_a_hold_that_was_kept_too_often_is_not_selected_again() -> None:
    hub, store = OrderTaker("hub-east", w_1={"cola": 10}), OrderTaker("store-1", w_1={})
    place(hub, "o-1", 2, paid=True)
    hub.ask(Handover("o-1", "hub-east.1", "store-1"))
    for _ in range(SELECTIONS_MAX):
        recount(hub, 1)
        assert settle(hub) == ["o-1"]
        recount(hub, 2)
        hub.tell(store)
        store.ask(Housekeeping("o-1"))
        store.tell(hub)
    recount(hub, 1)
    assert selected(hub) == []
    with pytest.raises(NotFound):
        hub.ask(Revocation("o-1", "hub-east.1"))


def test_two_hubs_that_select_the_same_hold_have_it_revoked_once() -> None:
    east, west = OrderTaker("hub-east", w_1={"cola": 10}), OrderTaker("hub-west", w_9={})
    place(east, "o-1", 2)
    recount(east, 1)
    east.tell(west)
    assert settle(west) == settle(east) == ["o-1"]
    west.tell(east)
    east.keep_up()
    east.tell(west)
    assert east.order().state == west.order().state == "cancelled"
    assert (east.order().waiting, west.order().waiting) == ([], [])
    assert east.replica.orders.digest() == west.replica.orders.digest()
    agree(east)


def test_the_replacement_of_a_hold_is_undone_with_the_placement_that_lost() -> None:
    east = OrderTaker("hub-east", w_1={"cola": 4}, w_2={"cola": 4})
    west = OrderTaker("hub-west", w_9={"cola": 9})
    place(west, "o-1", 4)
    east.now_ms = west.now_ms
    place(east, "o-1", 4)
    recount(east, 3)
    settle(east)
    assert east.order().fulfilments["hub-east.2"].location == "w-2"
    west.tell(east)
    east.tell(west)
    for taker in (east, west):
        assert {one.id: one.state for one in taker.order().fulfilments.values()} == {
            "hub-east.1": "cancelled",
            "hub-east.2": "cancelled",
            "hub-west.1": "held",
        }
        agree(taker)
    assert east.figures("cola", "w-2") == (4, 0, 4)
    assert east.replica.orders.digest() == west.replica.orders.digest()


def test_selections_and_moves_come_back_from_a_checkpoint() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10}, w_2={"cola": 10})
    place(taker, "o-1", 4)
    recount(taker, 3)
    settle(taker)
    loaded = Orders("hub-east")
    loaded.load(taker.replica.take_batch().checkpoint["orders"])
    assert loaded.digest() == taker.replica.orders.digest()
    assert list(loaded.with_shortage) == ["o-1"]
    taker.happen("cancel")
    assert taker.order().state == "cancelled"


def test_a_hold_for_which_a_callers_event_waits_is_selected() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10})
    place(taker, "o-1", 4)
    for _ in range(SELECTIONS_MAX):
        taker.happen("ship")
    recount(taker, 3)
    assert settle(taker) == ["o-1"]
    assert taker.order().state == "cancelled"


def test_the_part_of_an_order_that_is_short_is_selected_although_it_is_not_the_first() -> None:
    taker = OrderTaker("hub-east", w_2={"cola": 9}, w_1={"cola": 9})
    taker.place("o-1", *(PlacedLine(4, "cola", location=location) for location in taker.locations))
    recount(taker, 3)
    (found,) = candidates(taker.replica.orders.open(), {PAIR: 1})
    assert found.request == Revocation("o-1", "hub-east.2")
    assert found.units == {PAIR: 4}


def test_a_revoked_hold_is_moved_to_an_own_location_before_the_one_of_a_store() -> None:
    store, hub = OrderTaker("a-1", a_1={"cola": 9}), OrderTaker("hub-east", w_1={"cola": 4}, w_2={"cola": 9})
    store.give("a-1", "hub-east", cola=9)
    store.tell(hub)
    place(hub, "o-1", 4)
    assert hub.order().fulfilments["hub-east.1"].location == "w-1"
    recount(hub, 3)
    settle(hub)
    assert hub.order().fulfilments["hub-east.2"].location == "w-2"


def test_a_revoked_hold_is_moved_to_a_store_where_the_hub_has_rights() -> None:
    store, hub = OrderTaker("a-1", a_1={"cola": 9}), OrderTaker("hub-east", w_1={"cola": 4}, w_2={"cola": 3})
    store.give("a-1", "hub-east", cola=9)
    store.tell(hub)
    place(hub, "o-1", 4)
    recount(hub, 3)
    settle(hub)
    assert hub.order().fulfilments["hub-east.2"].location == "a-1"


def test_a_moved_hold_is_still_changed_by_the_barcode_it_was_ordered_by() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 4}, w_2={"cola": 4})
    write_barcode(taker, "bottle", "4006381333931", key=b"1")
    taker.place("o-1", PlacedLine(4, barcode="4006381333931"))
    recount(taker, 3)
    settle(taker)
    write_barcode(taker, "bottle", key=b"2")
    taker.happen("adjust", lines=by_barcode("4006381333931"))
    assert dict(taker.order().fulfilments["hub-east.2"].lines) == {"bottle": 3}


# ---------------------------------------------------------------------------------------------------------------------
# selection


def test_holds_of_a_pair_that_is_covered_are_passed_over() -> None:
    other = ("w-1", "wings")
    found = [
        Candidate(False, 9 - number, Revocation(f"o-{number}", "f"), {pair: 5}, False)
        for number, pair in enumerate((PAIR, PAIR, other))
    ]
    assert [one.order for one in select(found, {PAIR: 3, other: 3})] == ["o-0", "o-2"]


holds = st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(1, 9), st.booleans()), max_size=8)


@given(holds, st.integers(0, 30))
def test_enough_holds_are_selected_if_there_are_enough_and_none_twice(
    drawn: list[tuple[bool, int, int, bool]], short: int
) -> None:
    found = [
        Candidate(
            is_paid=is_paid,
            clock=clock,
            request=Revocation(f"o-{number}", "f"),
            units={PAIR: units},
            is_selected=is_selected,
        )
        for number, (is_paid, clock, units, is_selected) in enumerate(drawn)
    ]
    units_of = {one.request: one.units[PAIR] for one in found}
    asked = sum(one.units[PAIR] for one in found if one.is_selected)
    chosen = select(found, {PAIR: short})
    revoked = asked + sum(units_of[one] for one in chosen)
    assert revoked >= short or len(chosen) == sum(not one.is_selected for one in found)
    if chosen:
        assert revoked - units_of[chosen[-1]] < short, "the last one was needed too"
    kinds = {one.request: (one.is_paid, -one.clock) for one in found}
    assert [kinds[one] for one in chosen] == sorted(kinds[one] for one in chosen)
    asked_now = [msgspec.structs.replace(one, is_selected=one.is_selected or one.request in chosen) for one in found]
    assert select(asked_now, {PAIR: short}) == []
