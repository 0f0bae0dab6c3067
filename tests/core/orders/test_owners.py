"""Owners of fulfilments: who receives what was paid, who is asked, and who counts an event without effect."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from replica.core.orders.facts import AskFacts, ReportFacts, decode
from replica.core.orders.requests import Handover, OrderEvent, PlacedLine
from tests.core.orders.test_order_parts import at_two_warehouses, outcomes
from tests.core.shuffled import OrderTaker, lines


def owner_after(events: list[str], owners: Mapping[str, str], hosted: bool = False) -> str:
    """The owner of an order at `w-1` after some events, if these nodes own the locations."""
    taker = OrderTaker()
    if not hosted:
        taker.replica.locations = ()
    taker.replica.learn_location_owners(owners)
    taker.place()
    for event in events:
        taker.happen(event)
    taker.keep_up()
    return taker.order().fulfilments["hub-east.1"].owner


@pytest.mark.parametrize(
    ("events", "owner"),
    [([], "hub-east"), (["pay"], "store-1"), (["collect"], "hub-east"), (["cancel"], "hub-east")],
)
def test_a_store_receives_what_was_paid_and_is_still_held(events: list[str], owner: str) -> None:
    assert owner_after(events, {"w-1": "store-1"}) == owner


def test_a_hub_keeps_what_was_paid_where_it_writes_itself_or_knows_no_owner() -> None:
    assert owner_after(["pay"], {"w-1": "store-1"}, hosted=True) == "hub-east"
    assert owner_after(["pay"], {"w-2": "store-2"}) == "hub-east"
    assert owner_after(["pay"], {"w-1": "hub-east"}) == "hub-east"


def test_a_node_that_reports_an_impossible_event_leaves_its_number_to_the_owner() -> None:
    hub, store = OrderTaker("hub-east", store_1={"cola": 5}), OrderTaker("store-1", store_1={})
    hub.place("o-1", PlacedLine(2, "cola"), paid=True)
    hub.ask(Handover("o-1", "hub-east.1", "store-1"))
    hub.tell(store)
    store.happen("collect", number=1)
    store.tell(hub)
    facts = decode(hub.happen("cancel", number=2).content)
    assert isinstance(facts, ReportFacts)
    assert (facts.fulfilment, facts.outcome, facts.number) == ("hub-east.1", "impossible", 0)
    hub.commit()
    asked = decode(hub.entries[-1].content)
    assert isinstance(asked, AskFacts)
    assert asked.request.event == OrderEvent(order="o-1", event="cancel", number=2)


def test_an_impossible_event_is_reported_at_a_fulfilment_that_has_not_ended() -> None:
    taker = at_two_warehouses(paid=True)
    taker.happen("cancel", fulfilment="hub-east.1")
    taker.happen("ship")
    for number in (0, 1):
        facts = decode(taker.happen("pay", number=number).content)
        assert isinstance(facts, ReportFacts)
        assert (facts.fulfilment, facts.outcome) == ("hub-east.2", "impossible")
    assert [one.number for one in taker.order().fulfilments.values()] == [0, 1]


def test_an_impossible_event_that_another_hub_was_told_too_is_reported_once() -> None:
    east, west = OrderTaker(), OrderTaker("hub-west", w_2={"cola": 1})
    less = OrderEvent(order="o-1", event="adjust", lines=lines(cola=1))
    west.ask(less, "k-1")
    east.place(paid=True)
    east.happen("ship")
    assert east.ask(less, "k-1").content.facts["outcome"] == "impossible"
    west.tell(east)
    east.keep_up()
    assert [one.outcome for one in east.order().reports] == ["impossible"]
    assert east.order().waiting == []


def test_a_number_that_a_part_has_had_is_not_counted_again_for_the_rest() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(5, "cola"), paid=True)
    taker.happen("ship", lines=lines(cola=2), number=1)
    assert outcomes(taker.happen("return", number=2)) == {
        "1": ("unchanged", "reserved"),
        "1-1": ("happened", "returned"),
    }
    assert [one.number for one in taker.order().fulfilments.values()] == [1, 2]
    assert outcomes(taker.happen("ship", number=3))["1"] == ("happened", "shipped")
