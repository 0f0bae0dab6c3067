"""Goods come back of an order with several parts, of which other nodes own some or the store sees only some."""

from __future__ import annotations

import pytest

from replica.core.base.errors import Invalid, KeyReused
from replica.core.base.limits import PARKED_MS
from replica.core.catalog.documents import pack_value
from replica.core.log.draft import Draft
from replica.core.orders.facts import ReportFacts, encode
from replica.core.orders.requests import OrderEvent, PlacedLine
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.stock.requests import SkuLine
from replica.runtime.http.order_answers import order_answer
from tests.core.orders.test_returns import Chain, bring, quarantined, sold
from tests.core.shuffled import OrderTaker, lines


def chain_with_rights(number: int = 5) -> Chain:
    """A chain whose first hub may sell cola at store-1 and at store-2, and knows who owns these locations."""
    chain = Chain()
    for hub in chain.hubs:
        owners = {store.locations[0]: store.locations[0] for store in chain.stores}
        hub.replica.learn_location_owners(owners, ["hub-east", "hub-west"])
    for store in chain.stores[:2]:
        grant = Grant("hub-east", (GrantLine("cola", number),))
        decisions.execute(store.replica, Command(store.locations[0], grant, b"grant"), store.now_ms)
    chain.settle()
    return chain


def shown(taker: OrderTaker) -> dict[str, tuple[str, dict[str, int]]]:
    """State and units of each fulfilment."""
    return {name: (one.state, dict(one.lines)) for name, one in sorted(taker.order().fulfilments.items())}


def write_crate(hub: OrderTaker, value: object) -> None:
    packed = pack_value(value) if value is not None else None
    write = DocumentWrite("sku", "crate", packed, f"crate-{value}".encode())
    decisions.write(hub.replica, write, hub.now_ms)


def tell_documents(chain: Chain) -> None:
    hub = chain.hubs[0]
    hub.commit()
    for store in chain.stores:
        store.take([entry for entry in hub.entries if entry.stream.scope == "*"])


@pytest.mark.parametrize("parts", [1, 2])
def test_a_whole_return_of_an_own_part_and_parts_of_a_hub_counts_each(parts: int) -> None:
    chain = chain_with_rights()
    hub, store = chain.hubs[0], chain.stores[0]
    hub.place("o-1", PlacedLine(4, "cola", location="store-1"))
    for _ in range(parts):
        hub.happen("collect", lines=lines(cola=1))
    hub.happen("pay")
    chain.settle()
    store.happen("collect")
    chain.settle()
    store.ask(OrderEvent(order="o-1", event="return"), "k-1")
    chain.settle()
    for taker in (hub, store):
        assert (taker.order().state, sold(taker)) == ("returned", 0)
        assert taker.order().reports == taker.order().waiting == []
    assert quarantined(chain) == {"store-1": 4}


@pytest.mark.parametrize("told_first", [True, False])
def test_a_return_told_at_a_hub_reaches_the_store_even_before_the_order_does(told_first: bool) -> None:
    chain = chain_with_rights()
    hub, store = chain.hubs[0], chain.stores[0]
    store.place("o-1", PlacedLine(2, "cola"))
    store.happen("collect")
    if not told_first:
        chain.settle()
    bring(hub, "k-1")
    chain.settle()
    for taker in chain.all:
        taker.now_ms += PARKED_MS + 1_000
    chain.settle()
    assert (store.order().state, sold(store), quarantined(chain)) == ("returned", 1, {"store-1": 1})
    for taker in (hub, store):
        assert taker.order().reports == taker.order().waiting == []


def test_partial_and_whole_cancellations_before_the_order_all_reach_the_store() -> None:
    chain = chain_with_rights()
    hub, store = chain.hubs[0], chain.stores[0]
    for number in (1, 2):
        hub.happen("cancel", lines=lines(cola=number))
    store.place("o-1", PlacedLine(5, "cola"), paid=True)
    chain.settle()
    for taker in (hub, store):
        assert shown(taker)["store-1.1"] == ("reserved", {"cola": 2})
        assert taker.order().reports == taker.order().waiting == []


def test_a_cancellation_that_was_denied_does_not_stand_for_another_one() -> None:
    chain = chain_with_rights()
    hub, store = chain.hubs[0], chain.stores[0]
    hub.happen("cancel", lines=lines(cola=9))
    hub.happen("cancel")
    store.place("o-1", PlacedLine(5, "cola"), paid=True)
    chain.settle()
    assert (hub.order().state, store.order().state, store.figures()[1]) == ("cancelled", "cancelled", 0)


@pytest.mark.parametrize("own_part", ["reserved", "collected", "cancelled"])
def test_units_of_a_part_that_the_store_does_not_see_are_taken(own_part: str) -> None:
    chain = chain_with_rights()
    hub, (first, second) = chain.hubs[0], chain.stores[:2]
    sold_there = PlacedLine(4, "cola", location="store-2")
    hub.place("o-1", PlacedLine(1, "cola", location="store-1"), sold_there, paid=True)
    chain.settle()
    second.happen("collect")
    if own_part != "reserved":
        first.happen("collect" if own_part == "collected" else "cancel")
    chain.settle()
    answer = order_answer(bring(first, cola=3).content)
    assert [(one.sku, one.quantity) for one in answer.taken_back] == [("cola", 3)]
    chain.settle()
    assert shown(hub)["hub-east.1"][0] == own_part
    assert shown(hub)["hub-east.2"] == ("returned", {"cola": 1})
    assert quarantined(chain) == {"store-1": 3}
    assert hub.order().reports == hub.order().waiting == []


@pytest.mark.parametrize("line", [SkuLine(1, "crate"), SkuLine(1, barcode="4006381333931")])
@pytest.mark.parametrize("at", [0, 1])
def test_a_deleted_sku_comes_back_with_its_last_recipe_and_barcode(line: SkuLine, at: int) -> None:
    chain = Chain()
    hub, store = chain.hubs[0], chain.stores[0]
    write_crate(hub, {"recipe": {"cola": 6}, "barcodes": ["4006381333931"]})
    tell_documents(chain)
    store.place("o-1", PlacedLine(1, "crate"))
    store.happen("collect")
    chain.settle()
    write_crate(hub, None)
    tell_documents(chain)
    chain.stores[at].happen("return", lines=(line,))
    chain.settle()
    assert (store.order().state, sold(store), store.order().reports) == ("returned", 0, [])
    assert quarantined(chain) == {f"store-{at + 1}": 6}


@pytest.mark.parametrize("later", ["of_later", "z_of_later"])
def test_an_outcome_of_goods_that_this_version_does_not_know_stops_no_fold(later: str) -> None:
    chain = Chain()
    hub, _, second = chain.sold_at_store_1()
    taken = bring(second, fulfilment="store-1.1")
    noted = [ReportFacts(fulfilment="store-1.1", outcome=later, settles=taken.hash)]
    noted.append(ReportFacts(outcome="passed_on", settles=taken.hash))
    for facts in noted:
        draft = Draft(kind="order", facts=encode(facts), reason="return", reference="o-1")
        second.replica.record("store-2", draft, b"", second.now_ms)
    chain.settle()
    (parked,) = [one for one in hub.order().parked if one.goods]
    assert parked.became == "passed_on"


def sold_in_three_parts(chain: Chain) -> None:
    """Four units leave store-1 as one, one and two, and a hub owns all of them."""
    hub = chain.hubs[0]
    hub.place("o-1", PlacedLine(4, "cola", location="store-1"))
    for part in (lines(cola=1), lines(cola=1), lines(cola=2)):
        hub.happen("collect", lines=part)
    chain.settle()


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("number", [3, 4])
def test_goods_that_left_in_parts_and_come_back_together_are_divided(at: int, number: int) -> None:
    chain = chain_with_rights()
    sold_in_three_parts(chain)
    bring(chain.stores[at], "k-1", cola=number)
    chain.settle()
    assert [sold(taker) for taker in (*chain.hubs, chain.stores[0])] == [4 - number] * 3
    assert quarantined(chain) == {f"store-{at + 1}": number}
    for taker in chain.all[:3]:
        assert taker.order().reports == taker.order().waiting == []


def test_goods_that_left_in_parts_and_were_told_at_two_stores_count_once() -> None:
    chain = chain_with_rights()
    sold_in_three_parts(chain)
    for store in chain.stores[1:]:
        bring(store, "k-1", cola=3)
    chain.settle()
    assert (sold(chain.hubs[0]), sum(quarantined(chain).values())) == (1, 3)
    assert chain.hubs[0].order().reports == chain.hubs[0].order().waiting == []


def test_a_return_of_everything_at_a_store_that_sees_one_part_needs_lines() -> None:
    chain = chain_with_rights()
    hub, store = chain.hubs[0], chain.stores[0]
    hub.place("o-1", PlacedLine(2, "cola", location="w-1"), PlacedLine(1, "cola", location="store-1"), paid=True)
    chain.settle()
    hub.happen("ship", fulfilment="hub-east.1")
    store.happen("collect")
    chain.settle()
    with pytest.raises(Invalid) as refused:
        store.happen("return")
    assert refused.value.field == "lines"
    assert quarantined(chain) == {}
    bring(store, "k-1", cola=3)
    chain.settle()
    assert (sold(hub), quarantined(chain)) == (0, {"store-1": 3})
    assert hub.order().reports == hub.order().waiting == []


@pytest.mark.parametrize("first", ["w-1", "store-1"])
def test_a_return_of_everything_needs_lines_where_the_store_sees_one_part_of_a_hub(first: str) -> None:
    chain = chain_with_rights()
    hub, store = chain.hubs[0], chain.stores[0]
    wanted = [PlacedLine(2, "cola", location="w-1"), PlacedLine(1, "cola", location="store-1")]
    hub.place("o-1", *sorted(wanted, key=lambda line: line.location != first))
    hub.happen("collect")
    chain.settle()
    with pytest.raises(Invalid) as refused:
        store.happen("return")
    assert refused.value.field == "lines"
    bring(store, "k-1", cola=3)
    chain.settle()
    assert (sold(hub), quarantined(chain)) == (0, {"store-1": 3})
    assert hub.order().reports == hub.order().waiting == []


def test_two_returns_before_the_owner_answers_are_counted_at_two_parts() -> None:
    chain = Chain()
    hub, (store, *others) = chain.hubs[0], chain.stores
    store.place("o-1", PlacedLine(4, "cola"))
    for _ in range(2):
        store.happen("collect", lines=lines(cola=2))
    chain.settle()
    for other in others:
        bring(other, f"k-{other.replica.node}", cola=2)
        other.tell(hub)
    chain.settle()
    assert (sold(hub), quarantined(chain)) == (0, {"store-2": 2, "store-3": 2})
    assert hub.order().reports == hub.order().waiting == []


def test_goods_past_all_parts_stand_and_are_reported() -> None:
    chain = chain_with_rights()
    sold_in_three_parts(chain)
    bring(chain.stores[1], cola=5)
    chain.settle()
    assert (sold(chain.hubs[0]), quarantined(chain)) == (4, {"store-2": 5})
    assert [one.outcome for one in chain.hubs[0].order().reports] == ["excess"]


def test_units_of_an_own_part_and_of_a_hubs_part_come_back_at_one_counter() -> None:
    chain = chain_with_rights()
    hub, store = chain.hubs[0], chain.stores[0]
    hub.place("o-1", PlacedLine(4, "cola", location="store-1"))
    hub.happen("collect", lines=lines(cola=1))
    hub.happen("pay")
    chain.settle()
    store.happen("collect")
    chain.settle()
    bring(store, "k-1", cola=4)
    chain.settle()
    assert (sold(hub), sold(store), quarantined(chain)) == (0, 0, {"store-1": 4})
    assert hub.order().reports == hub.order().waiting == []


def test_a_return_sent_again_gets_its_answer_though_goods_of_a_hub_came_first() -> None:
    chain = chain_with_rights()
    hub, store = chain.hubs[0], chain.stores[0]
    for taker, number in ((hub, 2), (store, 1)):
        taker.place("o-1", PlacedLine(number, "cola", location="store-1"))
        taker.happen("collect")
    chain.settle()
    event = OrderEvent(order="o-1", event="return")
    first = store.ask(event, "k-1")
    assert first.content.facts["act"] == "take_back"
    answer = order_answer(first.content)
    assert [(one.id, one.state) for one in answer.fulfilments] == [
        ("hub-east.1", "collected"),
        ("store-1.1", "returned"),
    ]
    assert [(one.fulfilment, one.outcome) for one in answer.outcomes] == [
        ("hub-east.1", "asked"),
        ("store-1.1", "happened"),
    ]
    assert store.ask(event, "k-1") == first
    with pytest.raises(KeyReused):
        store.ask(OrderEvent(order="o-1", event="return", fulfilment="hub-east.1"), "k-1")
    chain.settle()
    assert (sold(store), quarantined(chain)) == (0, {"store-1": 3})


def test_a_whole_return_at_a_store_that_knows_all_parts_of_a_hub_is_taken() -> None:
    chain = chain_with_rights()
    sold_in_three_parts(chain)
    store = chain.stores[0]
    answer = order_answer(store.ask(OrderEvent(order="o-1", event="return"), "k-1").content)
    assert sum(one.quantity for one in answer.taken_back) == 4
    chain.settle()
    assert (store.order().state, sold(store), quarantined(chain)) == ("returned", 0, {"store-1": 4})
    assert store.order().reports == store.order().waiting == []


def test_goods_of_several_parts_come_back_by_the_recipe_they_were_sold_with() -> None:
    chain = chain_with_rights()
    hub, store = chain.hubs[0], chain.stores[0]
    write_crate(hub, {"recipe": {"cola": 2}})
    tell_documents(chain)
    hub.place("o-1", PlacedLine(2, "crate", location="store-1"))
    for _ in range(2):
        hub.happen("collect", lines=lines(crate=1))
    chain.settle()
    write_crate(hub, {"recipe": {"wings": 1}})
    tell_documents(chain)
    store.happen("return", lines=lines(crate=2))
    assert store.replica.ledger.stock("store-1", "cola").figures.quarantined == 4
    chain.settle()
    assert (sold(hub), quarantined(chain), hub.order().reports) == (0, {"store-1": 4}, [])


def test_other_items_are_reported_while_another_return_waits_for_the_owner() -> None:
    chain = Chain()
    hub, (first, second, third) = chain.hubs[0], chain.stores
    write_crate(hub, {"recipe": {"cola": 2}})
    tell_documents(chain)
    first.place("o-1", PlacedLine(1, "crate"))
    first.happen("collect")
    chain.settle()
    second.happen("return", lines=lines(crate=1))
    write_crate(hub, {"recipe": {"wings": 1}})
    tell_documents(chain)
    third.happen("return", lines=lines(crate=1))
    for store in (second, third):
        store.tell(hub)
    chain.settle()
    assert {one.outcome for one in hub.order().reports} == {"excess", "other_items"}


def test_goods_taken_by_another_recipe_than_they_were_sold_by_are_reported() -> None:
    chain = Chain()
    hub, first = chain.hubs[0], chain.stores[0]
    write_crate(hub, {"recipe": {"cola": 2}})
    tell_documents(chain)
    first.place("o-1", PlacedLine(2, "crate"))
    first.happen("collect")
    chain.settle()
    write_crate(hub, {"recipe": {"wings": 1}})
    tell_documents(chain)
    chain.stores[1].happen("return", lines=lines(crate=1))
    chain.settle()
    assert quarantined(chain) == {"store-2": 1}
    for taker in (*chain.hubs, first):
        assert (taker.order().state, sold(taker)) == ("returned", 1)
        reports = {(one.fulfilment, one.event, one.outcome) for one in taker.order().reports}
        assert reports == {("store-1.1", "return", "other_items")}
    assert len(hub.order().reports) <= len(chain.hubs)


def test_goods_taken_under_a_number_that_was_used_are_reported_and_not_counted() -> None:
    chain = Chain()
    hub, first = chain.hubs[0], chain.stores[0]
    first.place("o-1", PlacedLine(5, "cola"))
    first.happen("collect", number=1)
    chain.settle()
    for number in (1, 2):
        bring(chain.stores[1], number=number)
        chain.settle()
    assert (sold(first), quarantined(chain)) == (4, {"store-2": 2})
    for taker in (*chain.hubs, first):
        assert [(one.event, one.outcome) for one in taker.order().reports] == [("return", "number_used")]
    assert hub.order().waiting == []
