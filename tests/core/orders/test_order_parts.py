"""Orders of which a part is shipped, collected, cancelled or returned."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.base.errors import Invalid
from replica.core.base.limits import EVENTS_PER_FULFILMENT_MAX
from replica.core.orders.facts import ParkFacts, SplitFacts, StepFacts, decode
from replica.core.orders.fold import Orders
from replica.core.orders.order import Fulfilment
from replica.core.orders.requests import ORDER, Handover, OrderEvent, PlacedLine, Revocation
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.stock.requests import Count, CountLine, SkuLine
from replica.runtime.http.order_answers import order_answer, order_view
from tests.core.orders.test_repeated_events import order_takers, settle
from tests.core.shuffled import OrderTaker, lines


def parts(taker: OrderTaker, order: str = "o-1") -> dict[str, tuple[str, dict[str, int]]]:
    """State and lines of each fulfilment, by id without the node."""
    found = taker.order(order).fulfilments
    return {name.partition(".")[2]: (one.state, dict(one.lines)) for name, one in found.items()}


def outcomes(entry: Any) -> dict[str, tuple[str, str]]:
    """What the answer says became of the event at each fulfilment, by id without the node: outcome and state."""
    return {one.fulfilment.partition(".")[2]: (one.outcome, one.state) for one in order_answer(entry.content).outcomes}


def at_two_warehouses(**more: Any) -> OrderTaker:
    """Eight cola, five from one warehouse and three from another."""
    taker = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"cola": 3})
    taker.place("o-1", PlacedLine(8, "cola"), **more)
    return taker


def test_customer_takes_two_of_three_and_the_last_one_stays_held_until_it_expires() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10})
    taker.place("o-1", PlacedLine(3, "cola"), ttl_s=60)
    expires_ms = taker.order().fulfilments["hub-east.1"].expires_ms
    entry = taker.happen("collect", lines=lines(cola=2))
    assert parts(taker) == {"1": ("held", {"cola": 1}), "1-1": ("collected", {"cola": 2})}
    assert (taker.figures(), taker.order().state) == ((8, 1, 7), "held")
    assert outcomes(entry) == {"1-1": ("happened", "collected")}
    assert [(one.id, one.lines[0].quantity) for one in order_answer(entry.content).fulfilments] == [
        ("hub-east.1", 1),
        ("hub-east.1-1", 2),
    ]
    assert taker.order().fulfilments["hub-east.1"].expires_ms == expires_ms
    taker.now_ms += 61_000
    taker.keep_up()
    assert parts(taker) == {"1": ("expired", {}), "1-1": ("collected", {"cola": 2})}
    assert (taker.figures(), taker.order().state) == ((8, 0, 8), "collected")
    taker.check()


def test_unpaid_hold_is_adjusted_and_then_collected() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10})
    taker.place("o-1", PlacedLine(3, "cola"), ttl_s=60)
    expires_ms = taker.order().fulfilments["hub-east.1"].expires_ms
    entry = taker.happen("adjust", lines=lines(cola=1))
    assert isinstance(decode(entry.content), StepFacts)
    assert parts(taker) == {"1": ("held", {"cola": 2})}
    assert taker.order().fulfilments["hub-east.1"].expires_ms == expires_ms
    taker.happen("collect")
    assert taker.figures() == (8, 0, 8)
    taker.check()


def test_adjusted_hold_still_expires() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10})
    taker.place("o-1", PlacedLine(3, "cola"), ttl_s=60)
    taker.happen("adjust", lines=lines(cola=1))
    taker.happen("exchange", lines=lines(cola=1), replacement=lines(cola=4))
    assert parts(taker) == {"1": ("held", {"cola": 5})}
    taker.now_ms += 61_000
    taker.keep_up()
    assert (taker.order().state, taker.figures()) == ("expired", (10, 0, 10))


@pytest.mark.parametrize(("event", "figures"), [("ship", (98, 1, 97)), ("cancel", (100, 1, 99))])
def test_part_leaves_or_goes_back_and_the_rest_goes_on(event: str, figures: tuple[int, int, int]) -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(3, "cola"), paid=True)
    taker.happen(event, lines=lines(cola=2))
    assert taker.figures() == figures
    taker.happen("pick")
    taker.happen("ship")
    assert taker.order().fulfilments["hub-east.1"].state == "shipped"
    assert taker.figures() == (figures[0] - 1, 0, figures[0] - 1)
    taker.check()


@pytest.mark.parametrize("event", ["ship", "cancel", "adjust", "return"])
def test_two_lines_of_one_sku_name_no_more_than_there_is(event: str) -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(3, "cola"), paid=True)
    if event == "return":
        taker.happen("ship")
    with pytest.raises(Invalid, match="only 1 of cola") as refused:
        taker.happen(event, lines=(SkuLine(2, "cola"), SkuLine(2, "cola")))
    assert refused.value.field == "lines[1].quantity"
    taker.happen(event, lines=(SkuLine(1, "cola"), SkuLine(1, "cola")))
    assert taker.order().fulfilments["hub-east.1"].lines == (("cola", 1),)
    taker.check()


def test_lines_that_name_everything_are_the_whole_event() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(3, "cola"), PlacedLine(2, "wings"), paid=True)
    entry = taker.happen("ship", lines=lines(cola=3, wings=2))
    assert isinstance(decode(entry.content), StepFacts)
    assert parts(taker) == {"1": ("shipped", {"cola": 3, "wings": 2})}


@pytest.mark.parametrize("event", ["ship", "collect", "cancel", "return"])
def test_lines_past_what_is_held_are_refused_and_name_the_line(event: str) -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(3, "cola"), paid=True)
    if event == "return":
        taker.happen("ship")
    with pytest.raises(Invalid) as refused:
        taker.happen(event, lines=lines(cola=1, wings=1))
    assert refused.value.field == "lines[1].quantity"
    with pytest.raises(Invalid) as refused:
        taker.happen(event, lines=lines(cola=4))
    assert refused.value.field == "lines[0].quantity"


def test_part_event_under_one_key_happens_once_and_under_two_keys_twice() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(3, "cola"), paid=True)
    one_out = OrderEvent(order="o-1", event="ship", lines=lines(cola=1))
    assert taker.ask(one_out, "k-1") is taker.ask(one_out, "k-1")
    assert parts(taker) == {"1": ("reserved", {"cola": 2}), "1-1": ("shipped", {"cola": 1})}
    taker.ask(one_out, "k-2")
    assert parts(taker)["1-2"] == ("shipped", {"cola": 1})
    assert taker.figures() == (98, 1, 97)


def test_part_event_sent_to_two_hubs_under_one_key_happens_once() -> None:
    east, west, north = order_takers()
    one_out = OrderEvent(order="o-1", event="ship", lines=lines(cola=1))
    for taker in (west, north):
        taker.ask(one_out, "k-1")
    east.place("o-1", PlacedLine(3, "cola", location="w-0"), paid=True)
    settle(east, west, north)
    assert parts(west) == {"1": ("reserved", {"cola": 2}), "1-1": ("shipped", {"cola": 1})}
    assert east.order().waiting == []
    assert east.figures("cola", "w-0") == (49, 2, 47)


def test_part_cancellation_asked_at_two_hubs_under_one_key_happens_once() -> None:
    east, west, north = order_takers()
    east.place("o-1", PlacedLine(3, "cola", location="w-0"), paid=True)
    settle(east, west, north)
    one_less = OrderEvent(order="o-1", event="cancel", lines=lines(cola=1))
    for taker in (west, north):
        assert order_answer(taker.ask(one_less, "k-1").content).waiting == "asked"
    settle(east, west, north)
    assert parts(north) == {"1": ("reserved", {"cola": 2}), "1-1": ("cancelled", {})}
    assert east.order().waiting == east.order().reports == []


def test_numbered_part_events_follow_each_other() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(5, "cola"), paid=True)
    taker.happen("ship", lines=lines(cola=1), number=2)
    taker.happen("ship", lines=lines(cola=2), number=1)
    assert parts(taker) == {
        "1": ("reserved", {"cola": 2}),
        "1-1": ("shipped", {"cola": 2}),
        "1-2": ("shipped", {"cola": 1}),
    }
    taker.happen("return", lines=lines(cola=1), number=3)
    taker.happen("return", lines=lines(cola=1), number=3)
    taker.happen("ship", number=4)
    assert taker.replica.ledger.stock("w-1", "cola").balance("hub-east/quarantine") == 1
    assert taker.order().fulfilments["hub-east.1"].state == "shipped"
    assert taker.order().waiting == taker.order().reports == []
    taker.check()


def test_return_takes_units_of_all_parts_of_a_location() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(5, "cola"), paid=True)
    taker.happen("ship", lines=lines(cola=2))
    taker.happen("ship", lines=lines(cola=2))
    entry = taker.happen("return", lines=lines(cola=3))
    assert outcomes(entry) == {"1-1": ("happened", "returned"), "1-2": ("happened", "returned")}
    assert parts(taker) == {"1": ("reserved", {"cola": 1}), "1-1": ("returned", {}), "1-2": ("returned", {"cola": 1})}
    with pytest.raises(Invalid) as refused:
        taker.happen("return", lines=lines(cola=2))
    assert refused.value.field == "lines[0].quantity"
    taker.happen("return")
    assert taker.replica.ledger.stock("w-1", "cola").balance("hub-east/quarantine") == 4
    assert taker.order().waiting == []
    taker.check()


def test_two_lines_of_one_sku_come_back_from_several_parts() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(5, "cola"), paid=True)
    taker.happen("ship", lines=lines(cola=2))
    taker.happen("ship", lines=lines(cola=3))
    taker.happen("return", lines=(SkuLine(2, "cola"), SkuLine(1, "cola"), SkuLine(1, "cola")))
    assert parts(taker) == {"1": ("returned", {}), "1-1": ("returned", {"cola": 1})}
    taker.check()


def test_the_rest_of_an_order_can_leave_as_its_parts_did() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(5, "cola"), paid=True)
    for event in ("ship", "collect"):
        taker.happen(event, lines=lines(cola=1))
    entry = taker.happen("return", fulfilment="hub-east.1", lines=lines(cola=1))
    assert isinstance(decode(entry.content), ParkFacts)
    taker.happen("ship", fulfilment="hub-east.1")
    assert parts(taker)["1"] == ("returned", {"cola": 2})


def test_an_early_return_of_the_whole_order_counts_at_each_of_its_parts() -> None:
    taker = OrderTaker()
    taker.ask(OrderEvent(order="o-1", event="return"), "k-1")
    taker.place("o-1", PlacedLine(3, "cola"), paid=True)
    taker.happen("ship", lines=lines(cola=1))
    assert parts(taker) == {"1": ("reserved", {"cola": 2}), "1-1": ("returned", {})}
    taker.happen("ship", fulfilment="hub-east.1")
    assert parts(taker) == {"1": ("returned", {}), "1-1": ("returned", {})}
    assert taker.order().waiting == taker.order().reports == []


def test_return_of_a_part_does_not_split_it() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(3, "cola"), paid=True)
    taker.happen("ship")
    taker.happen("return", lines=lines(cola=1))
    assert parts(taker) == {"1": ("returned", {"cola": 2})}


def test_early_part_event_happens_when_the_order_is_paid() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(3, "cola"))
    assert isinstance(decode(taker.happen("ship", lines=lines(cola=2)).content), ParkFacts)
    taker.happen("pay")
    assert parts(taker) == {"1": ("reserved", {"cola": 1}), "1-1": ("shipped", {"cola": 2})}
    assert taker.order().waiting == []
    taker.commit()
    ships = [entry.content.facts["act"] for entry in taker.entries if entry.content.reason == "ship"]
    assert ships == ["park", "split"], "the entry of the part settles the event, and no other one is needed"


def test_waiting_event_of_the_order_does_not_wait_for_parts_that_left() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(3, "cola"))
    taker.happen("ship")
    taker.happen("collect", lines=lines(cola=1))
    taker.happen("pay")
    assert parts(taker) == {"1": ("shipped", {"cola": 2}), "1-1": ("collected", {"cola": 1})}
    assert taker.order().waiting == taker.order().reports == []


def test_parts_are_the_same_at_every_node_and_in_a_new_fold() -> None:
    east, west, north = order_takers()
    east.place("o-1", PlacedLine(9, "cola", location="w-0"), paid=True)
    for event, number in (("ship", 1), ("cancel", 2), ("collect", 3)):
        east.happen(event, lines=lines(cola=number))
    settle(east, west, north)
    folded = Orders("hub-west")
    for entry in west.entries:
        if entry.content.kind == ORDER:
            folded.apply(entry)
    assert folded.digest() == west.replica.orders.digest()
    views = order_view(west.order()).fulfilments
    assert [(one.id, one.part_of or "") for one in views] == [
        ("hub-east.1", ""),
        ("hub-east.1-1", "hub-east.1"),
        ("hub-east.1-2", "hub-east.1"),
        ("hub-east.1-3", "hub-east.1"),
    ]
    west.check()


def test_store_splits_what_was_handed_over_to_it() -> None:
    hub, store = OrderTaker("hub-east", w_1={"cola": 10}), OrderTaker("w-1", w_1={"wings": 1})
    hub.place("o-1", PlacedLine(3, "cola"), paid=True)
    hub.ask(Handover("o-1", "hub-east.1", "w-1"))
    hub.tell(store)
    store.happen("collect", lines=lines(cola=2))
    store.happen("cancel", lines=lines(cola=1), fulfilment="hub-east.1")
    assert parts(store) == {"1": ("cancelled", {}), "1-1": ("collected", {"cola": 2})}
    store.tell(hub)
    assert hub.figures() == (8, 0, 8)
    hub.check()


def test_lost_placement_is_undone_with_its_parts() -> None:
    made = [OrderTaker(name, w_1={"cola": 10}) for name in ("hub-east", "hub-west")]
    east, west = made
    west.now_ms += 5
    for taker in made:
        taker.tell(made[0] if taker is west else west)
        taker.place("o-1", PlacedLine(3, "cola"), paid=True)
    west.happen("ship", lines=lines(cola=1))
    for _ in range(3):
        east.tell(west)
        west.tell(east)
    for taker in made:
        found = taker.order()
        assert {one.id: (one.state, one.is_voided) for one in found.fulfilments.values()} == {
            "hub-east.1": ("reserved", False),
            "hub-west.1": ("cancelled", True),
            "hub-west.1-1": ("shipped", True),
        }
        assert [(one.fulfilment, one.outcome) for one in found.reports] == [("hub-west.1-1", "duplicate")]
        assert sorted(found.lost()) == ["hub-west.1", "hub-west.1-1"]
        assert taker.figures() == (19, 3, 16)
        taker.check()


def test_revoked_rest_is_replaced_and_its_part_stays_shipped() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 4}, w_2={"cola": 1})
    taker.place("o-1", PlacedLine(4, "cola"), paid=True)
    taker.happen("ship", lines=lines(cola=3))
    taker.now_ms += 1_000
    decisions.execute(taker.replica, Command("w-1", Count((CountLine("cola", 0),)), b"count"), taker.now_ms)
    taker.ask(Revocation("o-1", "hub-east.1"))
    assert parts(taker) == {
        "1": ("cancelled", {}),
        "1-1": ("shipped", {"cola": 3}),
        "2": ("reserved", {"cola": 1}),
    }
    assert isinstance(taker.order().concerned("hub-east.1")[0], Fulfilment)
    taker.happen("ship", fulfilment="hub-east.1")
    assert parts(taker)["2"] == ("shipped", {"cola": 1})


def test_splits_of_one_fulfilment_are_bounded_and_its_end_stays_possible() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 2 * EVENTS_PER_FULFILMENT_MAX})
    taker.place("o-1", PlacedLine(EVENTS_PER_FULFILMENT_MAX + 9, "cola"), paid=True)
    with pytest.raises(Invalid) as refused:
        for _ in range(EVENTS_PER_FULFILMENT_MAX + 1):
            taker.happen("ship", lines=lines(cola=1))
    assert refused.value.field == "event"
    taker.happen("ship")
    assert taker.order().state == "shipped"
    taker.commit()
    taker.check()


def test_ids_of_parts_never_look_like_ids_of_other_fulfilments() -> None:
    names = ("hub", "hub.1", "hub.1-1", "hub-1")
    ids = [f"{name}.{number}" for name in names for number in (1, 2)]
    assert [Fulfilment(one, "w-1", "hub", "held").part_of for one in ids] == [""] * len(ids)
    assert [Fulfilment(f"{one}-1", "w-1", "hub", "held").part_of for one in ids] == ids
    assert set(ids).isdisjoint(f"{one}-{number}" for one in ids for number in (1, 2))


def test_split_is_one_entry_with_its_moves() -> None:
    taker = OrderTaker()
    held = taker.place("o-1", PlacedLine(3, "cola"), paid=True)
    entry = taker.happen("ship", lines=lines(cola=2))
    facts = decode(entry.content)
    assert isinstance(facts, SplitFacts)
    assert (facts.fulfilment, facts.part, facts.to) == ("hub-east.1", "hub-east.1-1", "shipped")
    assert [tuple(one) for one in entry.content.facts["units"]] == [(held.hash, "cola", 2)]
    assert [(move.source, move.target, move.quantity) for move in entry.content.moves] == [
        ("hub-east/held", "customer", 2)
    ]
