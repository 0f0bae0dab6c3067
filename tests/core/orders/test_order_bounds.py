"""Orders at the limits of an entry: a node writes an order as a whole or not at all, writes nothing that peers refuse,
and can always release the units it holds."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from edge_node.role import store_role
from replica.core.base.errors import Invalid
from replica.core.base.limits import EVENTS_PER_FULFILMENT_MAX, QUANTITY_MAX, REPORTS_PER_ORDER_MAX
from replica.core.catalog.documents import pack_value
from replica.core.log.entry import check_content, genesis
from replica.core.log.entry_run import ReceivedRun
from replica.core.orders import transitions
from replica.core.orders.facts import StepFacts, decode
from replica.core.orders.machine import DEFAULT_DOCUMENT, DEFAULT_KEY, EXPIRE, ORDER_MACHINE, MachineDocument
from replica.core.orders.placement import lacking
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.housekeeping import keep_orders
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from tests.core.shuffled import OrderTaker, lines, write_sku

MANY = 100
"""Items of a large bundle."""


def stocked_with_bundles(number: int) -> OrderTaker:
    """Cola at one location, the items of bundles at another, and this number of bundles."""
    items = {f"{'i' * 58}{index:03d}": 1 for index in range(MANY)}
    taker = OrderTaker(w_1={"cola": 9}, w_2=dict.fromkeys(items, 10_000))
    for index in range(number):
        write_sku(taker, f"bundle-{index:03d}", items)
    return taker


def write_table(taker: OrderTaker, table: MachineDocument) -> None:
    value = pack_value(msgspec.to_builtins(table))
    decisions.write(
        taker.replica, DocumentWrite(ORDER_MACHINE, DEFAULT_KEY, value, b"table-%d" % len(table.states)), taker.now_ms
    )


def shown_lines(entry: Any) -> tuple[tuple[str, int], ...]:
    facts = decode(entry.content)
    assert isinstance(facts, StepFacts)
    return facts.shown[0].lines


def test_units_of_several_lines_are_split_into_moves_that_peers_accept() -> None:
    taker = OrderTaker(w_1={"big": QUANTITY_MAX})
    for number in range(2):
        more = GoodsReceipt((GoodsLine(QUANTITY_MAX, item="big"),))
        decisions.execute(taker.replica, Command("w-1", more, b"more-%d" % number), taker.now_ms)
    taker.place("o-1", PlacedLine(QUANTITY_MAX, "big"), PlacedLine(QUANTITY_MAX, "big"))
    assert taker.figures("big") == (3 * QUANTITY_MAX, 2 * QUANTITY_MAX, QUANTITY_MAX)
    taker.happen("cancel")
    assert taker.figures("big") == (3 * QUANTITY_MAX, 0, 3 * QUANTITY_MAX)
    taker.commit()
    for entry in taker.entries:
        check_content(entry.content, entry.body)


def test_order_that_is_too_large_at_its_second_location_holds_nothing_at_the_first() -> None:
    taker = stocked_with_bundles(250)
    bundles = [PlacedLine(1, f"bundle-{index:03d}", location="w-2") for index in range(250)]
    with pytest.raises(Invalid) as refused:
        taker.place("o-1", PlacedLine(7, "cola", location="w-1"), *bundles)
    assert refused.value.field == "lines"
    assert taker.figures() == (9, 0, 9)
    assert "o-1" not in taker.replica.orders


def test_exchange_holds_no_more_than_one_entry_can_release() -> None:
    taker = stocked_with_bundles(17)
    taker.place("o-1", PlacedLine(1, "cola"), *[PlacedLine(1, f"bundle-{index:03d}") for index in range(8)], paid=True)
    more = tuple(line for index in range(8, 17) for line in lines(**{f"bundle-{index:03d}": 1}))
    location = max(taker.order().fulfilments.values(), key=lambda one: len(one.allocations))
    with pytest.raises(Invalid) as refused:
        taker.happen("exchange", fulfilment=location.id, lines=lines(**{"bundle-000": 1}), replacement=more)
    assert refused.value.field == "replacement"
    taker.happen("cancel")
    taker.check()


def test_exchange_for_an_unknown_sku_is_reported_once_its_order_is_there() -> None:
    taker = OrderTaker()
    write_sku(taker, "cola", {"cola": 1})
    taker.replica.catalog.is_open = False
    taker.happen("exchange", lines=lines(cola=1), replacement=lines(ghost=1))
    taker.place("o-1", PlacedLine(2, "cola"), paid=True)
    assert [report.outcome for report in taker.order().reports] == ["impossible"]
    assert taker.order().state == "reserved"
    taker.happen("ship")
    taker.check()


def test_exchange_for_an_unknown_sku_stops_no_node_that_merges_its_order() -> None:
    hub, store = OrderTaker("hub-east", w_1={"cola": 10}), OrderTaker("w-1", w_1={"cola": 5})
    write_sku(store, "cola", {"cola": 1})
    store.replica.catalog.is_open, store.replica.order_policy = False, store_role("w-1").order_policy
    hub.replica.learn_location_owners({"w-1": "w-1"})
    hub.replica.locations = ()
    hub.place("o-1", PlacedLine(2, "cola"), paid=True)
    store.now_ms += 5
    store.happen("exchange", fulfilment="hub-east.1", lines=lines(cola=1), replacement=lines(ghost=1))
    store.place("o-1", PlacedLine(2, "cola"), paid=True)
    hub.commit()
    stream = hub.entries[0].stream
    decisions.merge(store.replica, [ReceivedRun(stream, 1, genesis(stream), hub.entries)], store.now_ms)
    assert store.order().fulfilments["hub-east.1"].owner == "w-1"
    assert [report.outcome for report in store.order().reports] == ["impossible"]


def test_reports_leave_room_for_the_events_that_end_an_order() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(2, "cola"), paid=True)
    taker.happen("pick")
    for _ in range(EVENTS_PER_FULFILMENT_MAX + 1):
        taker.happen("adjust", lines=lines(cola=1))
    taker.happen("ship")
    assert taker.order().state == "shipped"
    history = taker.order().fulfilments["hub-east.1"].history
    assert len(history) == REPORTS_PER_ORDER_MAX + 3
    taker.check()


def test_kept_reports_are_the_same_in_any_order_of_delivery() -> None:
    hub, peer = OrderTaker("hub-east"), OrderTaker("hub-west", w_1={})
    hub.place("o-1", PlacedLine(2, "cola"), paid=True)
    hub.happen("pick")
    for _ in range(REPORTS_PER_ORDER_MAX + 5):
        hub.happen("adjust", lines=lines(cola=1))
    hub.tell(peer)
    assert peer.replica.orders.digest() == hub.replica.orders.digest()


def test_hold_that_could_not_expire_by_one_table_does_by_the_next() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(2, "cola"), ttl_s=1)
    rows = tuple(row for row in DEFAULT_DOCUMENT.transitions if row.event != EXPIRE)
    states = tuple(state for state in DEFAULT_DOCUMENT.states if state != "expired")
    write_table(taker, MachineDocument(states, rows))
    taker.now_ms += 2_000
    taker.keep_up()
    assert taker.order().state == "held"
    write_table(taker, DEFAULT_DOCUMENT)
    taker.keep_up()
    assert taker.order().state == "expired"
    taker.check()


def test_answer_to_a_change_shows_the_lines_that_are_left() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(5, "cola"), paid=True)
    assert shown_lines(taker.happen("adjust", lines=lines(cola=2))) == (("cola", 3),)
    assert shown_lines(taker.happen("exchange", lines=lines(cola=1), replacement=lines(wings=4))) == (
        ("cola", 2),
        ("wings", 4),
    )
    assert shown_lines(taker.happen("ship")) == (("cola", 2), ("wings", 4))
    assert shown_lines(taker.happen("return", lines=lines(wings=4))) == (("cola", 2),)


def test_order_for_more_than_all_stock_requests_no_rights() -> None:
    store, hub = OrderTaker("w-1", w_1={"cola": 10}), OrderTaker("hub-east", w_1={})
    store.tell(hub)

    def lacks(units: int) -> dict[tuple[str, str], int] | None:
        return lacking(hub.replica.context(hub.now_ms), Placement(order="o-1", lines=(PlacedLine(units, "cola"),)))

    assert lacks(10) == {("w-1", "cola"): 10}
    assert lacks(11) is None


def test_order_that_the_own_rights_cover_in_part_lacks_all_its_units_and_no_more() -> None:
    store, hub = OrderTaker("w-1", w_1={"cola": 10}), OrderTaker("hub-east", w_1={})
    store.give("w-1", "hub-east", cola=4)
    store.tell(hub)

    def lacks(units: int) -> dict[tuple[str, str], int] | None:
        return lacking(hub.replica.context(hub.now_ms), Placement(order="o-1", lines=(PlacedLine(units, "cola"),)))

    assert (lacks(4), lacks(5), lacks(10), lacks(11)) == ({}, {("w-1", "cola"): 5}, {("w-1", "cola"): 10}, None)


@pytest.mark.parametrize(
    "ordered",
    [
        (PlacedLine(5, "cola"), PlacedLine(1, "six")),
        (PlacedLine(5, "cola"), PlacedLine(6, "cola")),
        (PlacedLine(1, "six"), PlacedLine(1, "six"), PlacedLine(1, "cola")),
    ],
)
def test_order_lacks_the_units_of_all_lines_with_one_item(ordered: tuple[PlacedLine, ...]) -> None:
    store, hub = OrderTaker("w-1", w_1={"cola": 40}), OrderTaker("hub-east", w_1={})
    store.give("w-1", "hub-east", cola=3)
    store.tell(hub)
    write_sku(hub, "six", {"cola": 6})
    units = sum(line.quantity * (6 if line.sku == "six" else 1) for line in ordered)
    assert lacking(hub.replica.context(hub.now_ms), Placement(order="o-1", lines=ordered)) == {("w-1", "cola"): units}


@pytest.mark.parametrize(("available", "asked"), [(5, None), (6, {("w-1", "cola"): 6}), (20, {("w-1", "cola"): 6})])
def test_order_lacks_only_the_items_of_a_recipe_of_which_there_are_too_few(
    available: int, asked: dict[tuple[str, str], int] | None
) -> None:
    store, hub = OrderTaker("w-1", w_1={"cola": available, "box": 1}), OrderTaker("hub-east", w_1={})
    store.give("w-1", "hub-east", cola=3, box=1)
    store.tell(hub)
    write_sku(hub, "six", {"box": 1, "cola": 6})
    placement = Placement(order="o-1", lines=(PlacedLine(1, "six"),))
    assert lacking(hub.replica.context(hub.now_ms), placement) == asked


def test_order_lacks_no_more_of_an_item_for_the_lines_with_other_items() -> None:
    store, hub = OrderTaker("w-1", w_1={"cola": 10, "wings": 4}), OrderTaker("hub-east", w_1={})
    store.give("w-1", "hub-east", cola=3, wings=4)
    store.tell(hub)
    placement = Placement(order="o-1", lines=(PlacedLine(2, "wings"), PlacedLine(5, "cola")))
    assert lacking(hub.replica.context(hub.now_ms), placement) == {("w-1", "cola"): 5}


def test_order_that_the_own_rights_cover_lacks_nothing() -> None:
    hub = OrderTaker("hub-east", w_1={"cola": 10})
    placement = Placement(order="o-1", lines=(PlacedLine(10, "cola"),))
    assert lacking(hub.replica.context(hub.now_ms), placement) == {}


def test_due_work_that_fits_no_entry_stops_no_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    hub, peer = OrderTaker("hub-east", w_1={"cola": 9}), OrderTaker("hub-west", w_1={"cola": 9})
    hub.place()
    peer.now_ms += 5
    peer.place()
    monkeypatch.setattr("replica.core.state.replica.BODY_BYTES_MAX", 10)
    hub.tell(peer)
    assert list(peer.replica.orders.stuck) == ["o-1"]
    assert [one.owner for one in peer.order().fulfilments.values()] == ["hub-west", "hub-east"]


def test_returns_are_taken_past_the_bound_of_other_events_up_to_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "RETURNS_PER_FULFILMENT_MAX", EVENTS_PER_FULFILMENT_MAX + 9)
    taker = OrderTaker("hub-east", w_1={"cola": 2 * EVENTS_PER_FULFILMENT_MAX})
    taker.place("o-1", PlacedLine(2 * EVENTS_PER_FULFILMENT_MAX, "cola"), paid=True)
    taker.happen("ship")
    for _ in range(EVENTS_PER_FULFILMENT_MAX + 7):
        taker.happen("return", lines=lines(cola=1))
    with pytest.raises(Invalid, match="return without an order"):
        taker.happen("return", lines=lines(cola=1))
    taker.check()


def test_due_work_of_housekeeping_that_fits_no_entry_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = OrderTaker("hub-east", w_1={"cola": 9})
    hub.place(ttl_s=5)
    hub.now_ms += 5_000
    monkeypatch.setattr("replica.core.state.replica.BODY_BYTES_MAX", 10)
    assert keep_orders(hub.replica, hub.now_ms, stores={}, hubs=(), limit=9) == 1
    assert list(hub.replica.orders.stuck) == ["o-1"]
