"""Events of whole orders with several parts: they happen to the parts that go on, or ask for the part that is meant."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from replica.core.base.errors import Invalid, NotOwner
from replica.core.base.limits import PARKED_MS
from replica.core.orders.requests import Handover, PlacedLine
from replica.runtime.http.order_answers import order_answer
from tests.core.orders.test_order_parts import at_two_warehouses, outcomes, parts
from tests.core.shuffled import OrderTaker, lines


def test_order_of_which_a_part_was_shipped_is_cancelled_in_what_is_left() -> None:
    taker = at_two_warehouses(paid=True)
    taker.happen("ship", fulfilment="hub-east.1")
    entry = taker.happen("cancel")
    assert outcomes(entry) == {"1": ("unchanged", "shipped"), "2": ("happened", "cancelled")}
    assert (taker.figures("cola", "w-1"), taker.figures("cola", "w-2")) == ((0, 0, 0), (3, 0, 3))
    assert taker.order().state == "shipped"
    assert outcomes(taker.happen("cancel")) == {"1": ("unchanged", "shipped"), "2": ("repeat", "cancelled")}
    assert taker.order().reports == []
    taker.check()


def test_order_of_which_every_part_left_cannot_be_cancelled() -> None:
    taker = at_two_warehouses(paid=True)
    taker.happen("ship")
    entry = taker.happen("cancel")
    assert entry.content.facts["outcome"] == "impossible"
    assert order_answer(entry.content).state == "shipped"


@pytest.mark.parametrize(
    ("first", "then", "ended"),
    [
        ("cancel", "pay", "reserved"),
        ("cancel", "pick", "picking"),
        ("cancel", "ship", "shipped"),
        ("cancel", "collect", "collected"),
        ("ship", "pick", "picking"),
        ("ship", "ship", "shipped"),
        ("collect", "cancel", "cancelled"),
    ],
)
def test_event_of_the_order_concerns_the_parts_that_go_on(first: str, then: str, ended: str) -> None:
    taker = at_two_warehouses(paid=then != "pay")
    taker.happen(first, fulfilment="hub-east.1")
    before = taker.order().fulfilments["hub-east.1"].state
    entry = taker.happen(then)
    assert outcomes(entry)["2"] == ("happened", ended)
    assert taker.order().fulfilments["hub-east.1"].state == before
    assert taker.order().fulfilments["hub-east.2"].state == ended
    assert taker.order().reports == taker.order().waiting == []


def test_change_of_an_order_concerns_the_only_part_that_can_take_it() -> None:
    taker = at_two_warehouses(paid=True)
    with pytest.raises(Invalid) as refused:
        taker.happen("adjust", lines=lines(cola=1))
    assert refused.value.field == "fulfilment"
    entry = taker.happen("adjust", lines=lines(cola=4))
    assert parts(taker) == {"1": ("amended", {"cola": 1}), "2": ("reserved", {"cola": 3})}
    assert outcomes(entry) == {}
    taker.happen("ship", fulfilment="hub-east.1")
    taker.happen("adjust", lines=lines(cola=1))
    assert parts(taker)["2"] == ("amended", {"cola": 2})


def test_early_change_of_units_at_two_warehouses_is_reported_and_not_guessed() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"cola": 3})
    taker.happen("adjust", lines=lines(cola=1))
    taker.place("o-1", PlacedLine(8, "cola"), paid=True)
    assert parts(taker) == {"1": ("reserved", {"cola": 5}), "2": ("reserved", {"cola": 3})}
    assert [(one.event, one.outcome) for one in taker.order().reports] == [("adjust", "ambiguous")]
    assert taker.order().waiting == []


def test_early_change_happens_once_at_the_part_that_has_the_units() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"cola": 3})
    taker.happen("adjust", lines=lines(cola=4))
    taker.happen("adjust", lines=lines(cola=4), number=1)
    taker.place("o-1", PlacedLine(8, "cola"), paid=True)
    assert parts(taker) == {"1": ("amended", {"cola": 1}), "2": ("reserved", {"cola": 3})}
    assert taker.order().waiting == []
    taker.check()


def test_order_shipped_from_two_warehouses_is_returned_to_both() -> None:
    taker = at_two_warehouses(paid=True)
    taker.happen("ship")
    entry = taker.happen("return")
    assert outcomes(entry) == {"1": ("happened", "returned"), "2": ("happened", "returned")}
    for location, units in (("w-1", 5), ("w-2", 3)):
        assert taker.replica.ledger.stock(location, "cola").balance("hub-east/quarantine") == units
    again = taker.happen("return")
    assert outcomes(again) == {"1": ("repeat", "returned"), "2": ("repeat", "returned")}
    with pytest.raises(Invalid):
        taker.happen("return", lines=lines(cola=1))


def test_return_waits_for_nothing_while_another_part_was_handed_out() -> None:
    taker = at_two_warehouses(paid=True)
    taker.happen("ship", fulfilment="hub-east.1")
    taker.happen("return")
    taker.happen("ship", fulfilment="hub-east.2")
    assert parts(taker) == {"1": ("returned", {}), "2": ("shipped", {"cola": 3})}


def test_part_that_can_be_shipped_is_shipped_and_the_unpaid_one_waits() -> None:
    taker = at_two_warehouses()
    taker.happen("pay", fulfilment="hub-east.1")
    entry = taker.happen("ship")
    assert outcomes(entry) == {"1": ("happened", "shipped"), "2": ("parked", "held")}
    assert order_answer(entry.content).waiting == "parked"
    taker.happen("pay", fulfilment="hub-east.2")
    assert taker.order().fulfilments["hub-east.2"].state == "shipped"
    assert taker.order().waiting == taker.order().reports == []
    taker.check()


def test_unpaid_part_of_a_shipped_order_is_reported_after_the_deadline() -> None:
    taker = at_two_warehouses(ttl_s=7_200)
    taker.happen("pay", fulfilment="hub-east.1")
    taker.happen("ship")
    taker.now_ms += PARKED_MS + 1_000
    taker.keep_up()
    assert [(one.event, one.outcome) for one in taker.order().reports] == [("ship", "late")]


def test_cancellation_releases_the_hubs_part_and_asks_the_store_for_the_other() -> None:
    hub, store = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"cola": 3}), OrderTaker("store-1", store_1={})
    hub.place("o-1", PlacedLine(8, "cola"), paid=True)
    hub.ask(Handover("o-1", "hub-east.2", "store-1"))
    entry = hub.happen("cancel")
    assert outcomes(entry) == {"1": ("happened", "cancelled"), "2": ("asked", "reserved")}
    assert order_answer(entry.content).waiting == "asked"
    assert hub.figures("cola", "w-1") == (5, 0, 5)
    hub.commit()
    store.take([one for one in hub.entries if one.stream.scope == "w-2"])
    store.keep_up()
    assert store.order().fulfilments["hub-east.2"].state == "cancelled"


def test_event_of_the_order_is_not_decided_for_a_part_of_another_node() -> None:
    hub = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"cola": 3})
    hub.place("o-1", PlacedLine(8, "cola"), paid=True)
    hub.ask(Handover("o-1", "hub-east.2", "store-1"))
    with pytest.raises(NotOwner):
        hub.happen("ship")
    assert hub.order().fulfilments["hub-east.1"].state == "reserved"


def test_number_with_lines_at_two_warehouses_asks_for_the_fulfilment() -> None:
    """The number of the second event would be a repeat of the first one's, though another warehouse has its units."""
    taker = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"wings": 3})
    taker.place("o-1", PlacedLine(5, "cola"), PlacedLine(3, "wings"), paid=True)
    for sku in ("cola", "wings"):
        with pytest.raises(Invalid) as refused:
            taker.happen("ship", lines=lines(**{sku: 1}), number=1)
        assert refused.value.field == "fulfilment"
    taker.happen("ship", fulfilment="hub-east.1", lines=lines(cola=1), number=1)
    taker.happen("ship", fulfilment="hub-east.2", lines=lines(wings=1), number=1)
    assert [one.number for one in taker.order().fulfilments.values()] == [1, 1, 1, 1]


def test_early_number_with_lines_of_two_warehouses_is_reported_and_not_dropped() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"wings": 3})
    taker.happen("pick", fulfilment="hub-east.1", number=1)
    taker.happen("ship", lines=lines(wings=1), number=1)
    taker.place("o-1", PlacedLine(5, "cola"), PlacedLine(3, "wings"), paid=True)
    for _ in range(3):
        taker.keep_up()
    order = taker.order()
    assert [one.state for one in order.fulfilments.values()] == ["picking", "reserved"]
    assert ([one.outcome for one in order.reports], order.waiting) == (["ambiguous"], [])


def test_whole_event_costs_in_proportion_to_the_parts() -> None:
    costs = []
    for number in (60, 120):
        taker = OrderTaker("hub-east", w_1={"cola": 200})
        taker.place("o-1", PlacedLine(200, "cola"), paid=True)
        for _ in range(number):
            taker.happen("ship", lines=lines(cola=1))
        calls: Counter[str] = Counter()
        sys.setprofile(lambda frame, kind, _, calls=calls: calls.update([kind]))
        try:
            taker.happen("pick")
        finally:
            sys.setprofile(None)
        costs.append(calls["call"])
    assert costs[1] < 2.5 * costs[0]
