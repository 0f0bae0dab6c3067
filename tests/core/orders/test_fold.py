"""Orders in the core: what each event does, in any order of events, and that ledger and orders agree."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from replica.core.base.errors import Invalid, NotFound, NotOwner, OrderExists, Overloaded, RightsExhausted
from replica.core.base.limits import PARKED_MS, PARKED_PER_ORDER_MAX
from replica.core.log.entry import Entry
from replica.core.orders.facts import StepFacts, decode
from replica.core.orders.fold import Orders
from replica.core.orders.requests import ORDER, Handover, Housekeeping, OrderEvent, PlacedLine, Placement
from replica.core.state.batch import Image
from replica.core.state.kinds import KINDS
from replica.core.state.replica import Replica
from tests.core.chain import NOW_MS, image_of
from tests.core.shuffled import BOX, CARRIER, OrderTaker, lifecycle, lines, shuffle, write_sku

RULES = json.loads((Path(__file__).parents[2] / "vectors" / "order_rules.json").read_text())


# ---------------------------------------------------------------------------------------------------------------------
# the classic rules


@pytest.mark.parametrize("case", RULES["orderings"], ids=lambda case: "-".join(case["events"]))
def test_events_in_any_order_end_as_the_rules_say(case: dict[str, Any]) -> None:
    taker = OrderTaker()
    more: dict[str, Any] = {"adjust": {"lines": lines(cola=1)}, "exchange": {"lines": lines(cola=1)}}
    more["exchange"]["replacement"] = lines(wings=3)
    for event in case["events"]:
        if event == "reserve":
            taker.place("o-1", PlacedLine(4, "cola"), paid=True)
        else:
            taker.happen(event, **more.get(event, {}))
    taker.now_ms += PARKED_MS
    taker.keep_up()
    assert taker.order().state == case["end"]
    assert bool(taker.order().reports) == ("reported" in case.get("why", ""))
    sold = 4 if case["end"] == "shipped" else 0
    if "adjust" in case["events"]:
        sold -= 2
    assert taker.figures() == (
        100 - sold,
        4 if case["end"] == "reserved" else 0,
        100 - sold - 4 * (case["end"] == "reserved"),
    )
    taker.check()


def test_hold_moves_units_from_free_to_held_and_back() -> None:
    taker = OrderTaker()
    entry = taker.place()
    assert taker.figures() == (100, 2, 98)
    assert (entry.content.kind, entry.content.reference, entry.content.reason) == (ORDER, "o-1", "hold")
    taker.happen("cancel")
    assert taker.figures() == (100, 0, 100)
    taker.check()


def test_return_goes_to_quarantine_and_takes_no_more_than_was_sold() -> None:
    taker = OrderTaker()
    taker.place(paid=True)
    taker.happen("ship")
    taker.happen("return", lines=lines(cola=1))
    taker.happen("return")
    stock = taker.replica.ledger.stock("w-1", "cola")
    assert (stock.figures.on_hand, stock.balance("hub-east/quarantine"), stock.figures.available) == (100, 2, 98)
    with pytest.raises(Invalid, match="nothing left"):
        taker.happen("return", lines=lines(cola=1))
    taker.check()


def test_exchange_without_units_for_the_replacement_changes_nothing() -> None:
    taker = OrderTaker()
    taker.place(paid=True)
    with pytest.raises(RightsExhausted):
        taker.happen("exchange", lines=lines(cola=1), replacement=lines(wings=1_001))
    assert taker.figures() == (100, 2, 98)
    taker.check()


def test_release_lists_the_entries_it_reverses_line_by_line() -> None:
    taker = OrderTaker()
    held = taker.place("o-1", PlacedLine(3, "cola"), PlacedLine(5, "wings"), paid=True)
    exchanged = taker.happen("exchange", lines=lines(wings=2), replacement=lines(cola=4))
    assert [tuple(reversal) for reversal in exchanged.content.facts["reversed"]] == [(held.hash, "wings", 2)]
    cancelled = taker.happen("cancel")
    reversals = sorted(tuple(reversal) for reversal in cancelled.content.facts["reversed"])
    assert reversals == sorted([(held.hash, "cola", 3), (held.hash, "wings", 3), (exchanged.hash, "cola", 4)])
    taker.check()


def test_release_frees_the_units_that_were_taken_though_the_recipe_changed() -> None:
    taker = OrderTaker()
    write_sku(taker, "carrier", {"cola": 6})
    taker.place("o-1", PlacedLine(2, "carrier"), paid=True)
    write_sku(taker, "carrier", {"cola": 4})
    assert taker.figures() == (100, 12, 88)
    taker.happen("adjust", lines=lines(carrier=1))
    assert taker.figures() == (100, 6, 94)
    taker.happen("cancel")
    assert taker.figures() == (100, 0, 100)


# ---------------------------------------------------------------------------------------------------------------------
# placing


def test_lines_with_a_common_item_are_added_up_first() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10, "wings": 1_000})
    write_sku(taker, "carrier", CARRIER)
    write_sku(taker, "box", BOX)
    with pytest.raises(RightsExhausted) as refused:
        taker.place("o-1", PlacedLine(1, "carrier"), PlacedLine(5, "box"))
    (short,) = refused.value.facts["lines"]
    assert (short["line"], short["sku"], short["wanted"], short["free"]) == (1, "box", 5, 4)
    assert taker.figures() == (10, 0, 10)
    taker.place("o-1", PlacedLine(1, "carrier"), PlacedLine(4, "box"))
    assert taker.figures() == (10, 10, 0)
    taker.check()


def test_partial_order_holds_the_units_that_are_there() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 3})
    entry = taker.place("o-1", PlacedLine(5, "cola"), partial=True)
    facts = decode(entry.content)
    assert isinstance(facts, StepFacts)
    assert facts.shown[0].lines == (("cola", 3),)
    with pytest.raises(RightsExhausted):
        taker.place("o-2", PlacedLine(5, "cola"), partial=True)


def test_one_location_that_has_everything_is_taken_before_several() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10, "wings": 1}, w_2={"cola": 5, "wings": 5})
    taker.place("o-1", PlacedLine(4, "cola"), PlacedLine(4, "wings"))
    assert [one.location for one in taker.order().fulfilments.values()] == ["w-2"]


def test_order_larger_than_any_location_is_split_and_adds_up() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10}, w_2={"cola": 15})
    taker.place("o-1", PlacedLine(20, "cola"))
    taken = {one.location: one.lines for one in taker.order().fulfilments.values()}
    assert taken == {"w-2": (("cola", 15),), "w-1": (("cola", 5),)}
    taker.happen("cancel")
    assert taker.figures("cola", "w-1") == (10, 0, 10)
    assert taker.figures("cola", "w-2") == (15, 0, 15)
    taker.check()


def test_line_that_names_a_location_is_taken_there_or_not_at_all() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10}, w_2={"cola": 1})
    with pytest.raises(RightsExhausted):
        taker.place("o-1", PlacedLine(2, "cola", location="w-2"))
    taker.place("o-1", PlacedLine(1, "cola", location="w-2"), PlacedLine(1, "cola"))
    assert sorted(one.location for one in taker.order().fulfilments.values()) == ["w-1", "w-2"]


def test_an_open_order_placed_again_holds_nothing_more_whatever_its_key() -> None:
    taker = OrderTaker()
    first, again = taker.place(), taker.place()
    assert again.content.moves == ()
    assert list(map(list, again.content.facts["shown"])) == list(map(list, first.content.facts["shown"]))
    assert taker.figures() == (100, 2, 98)
    with pytest.raises(OrderExists):
        taker.place("o-1", PlacedLine(3, "cola"))
    request = Placement(order="o-9", lines=(PlacedLine(1, "cola"),))
    assert taker.ask(request, "k") is taker.ask(request, "k")


def test_request_is_read_back_from_its_entry() -> None:
    taker = OrderTaker()
    placement = Placement(
        order="o-1", lines=(PlacedLine(2, "cola", location="w-1"),), channel="web", customer="customer-7", paid=True
    )
    event = OrderEvent(
        order="o-1", event="exchange", fulfilment="", lines=lines(cola=1), replacement=lines(wings=2), number=1
    )
    assert KINDS.request_of(taker.ask(placement).content) == placement
    assert KINDS.request_of(taker.ask(event).content) == event
    assert KINDS.request_of(taker.ask(OrderEvent(order="o-2", event="ship")).content) == OrderEvent(
        order="o-2", event="ship"
    )


# ---------------------------------------------------------------------------------------------------------------------
# events


@pytest.mark.parametrize("event", ["adjust", "exchange"])
def test_event_needs_its_lines(event: str) -> None:
    taker = OrderTaker()
    taker.place(paid=True)
    with pytest.raises(Invalid) as refused:
        taker.happen(event)
    assert refused.value.field == "lines"


def test_adjustment_of_all_units_is_refused_with_a_hint_to_cancel() -> None:
    taker = OrderTaker()
    taker.place(paid=True)
    with pytest.raises(Invalid, match="cancel it instead"):
        taker.happen("adjust", lines=lines(cola=2))
    with pytest.raises(Invalid, match="2 of cola are there"):
        taker.happen("adjust", lines=lines(cola=3))


def test_unpaid_order_is_not_shipped_until_it_is_paid() -> None:
    taker = OrderTaker()
    taker.place()
    assert taker.happen("ship").content.facts["act"] == "park"
    assert taker.order().state == "held"
    taker.happen("pay")
    assert taker.order().state == "shipped"
    assert taker.figures() == (98, 0, 98)
    taker.check()


def test_numbered_events_wait_for_the_one_before() -> None:
    for shuffled in permutations([("adjust", 1), ("exchange", 2), ("ship", 3), ("return", 4)]):
        taker = OrderTaker()
        more: dict[str, Any] = {"adjust": {"lines": lines(cola=1)}}
        more["exchange"] = {"lines": lines(cola=1), "replacement": lines(wings=1)}
        for event, number in shuffled:
            taker.happen(event, number=number, **more.get(event, {}))
        taker.place("o-1", PlacedLine(4, "cola"), paid=True)
        assert taker.order().state == "returned"
        assert taker.order().reports == []
        assert taker.replica.ledger.stock("w-1", "cola").balance("hub-east/quarantine") == 2
        taker.check()


def test_events_that_wait_are_bounded() -> None:
    taker = OrderTaker()
    for _ in range(PARKED_PER_ORDER_MAX):
        taker.happen("ship")
    with pytest.raises(Overloaded):
        taker.happen("ship")


def test_hold_expires_by_the_clock_of_its_owner_and_not_before() -> None:
    taker = OrderTaker()
    taker.place(ttl_s=60)
    taker.place("o-2", ttl_s=60)
    taker.happen("pay", "o-2")
    taker.now_ms += 59_000
    assert taker.replica.orders.due(taker.now_ms, 10) == []
    taker.now_ms += 1_100
    taker.keep_up()
    assert (taker.order().state, taker.order("o-2").state) == ("expired", "reserved")
    assert taker.happen("pay").content.facts["outcome"] == "impossible"
    assert taker.figures() == (100, 2, 98)
    taker.check()


# ---------------------------------------------------------------------------------------------------------------------
# several nodes


def test_fulfilment_is_handed_to_the_store_with_its_units_and_decisions() -> None:
    hub, store = OrderTaker(), OrderTaker("store-1", w_1={"wings": 1})
    hub.place(paid=True)
    hub.ask(Handover("o-1", "hub-east.1", "store-1"))
    hub.tell(store)
    assert hub.replica.ledger.stock("w-1", "cola").balance("store-1/held") == 2
    with pytest.raises(NotOwner):
        hub.happen("ship")
    store.happen("collect")
    store.tell(hub)
    assert hub.order().state == store.order().state == "collected"
    assert hub.replica.orders.digest() == store.replica.orders.digest()
    hub.check()
    store.check()


@pytest.mark.parametrize(("ships", "state"), [(False, "cancelled"), (True, "shipped")])
def test_cancel_after_the_handover_is_a_request_which_the_store_answers(ships: bool, state: str) -> None:
    hub, store = OrderTaker(), OrderTaker("store-1", w_1={"wings": 1})
    hub.place(paid=True)
    hub.ask(Handover("o-1", "hub-east.1", "store-1"))
    hub.tell(store)
    assert hub.happen("cancel").content.facts["act"] == "ask"
    assert hub.order().state == "reserved"
    if ships:
        store.happen("ship")
    hub.tell(store)
    store.ask(Housekeeping("o-1"))
    store.tell(hub)
    assert hub.order().state == store.order().state == state
    assert hub.order().waiting == []
    assert [one.outcome for one in hub.order().reports] == (["impossible"] if ships else [])
    assert hub.replica.ledger.stock("w-1", "cola").balance("hub-east/free") == (98 if ships else 100)
    hub.check()
    store.check()


def test_cancel_of_a_collected_fulfilment_is_impossible_and_not_requested() -> None:
    hub, store = OrderTaker(), OrderTaker("store-1", w_1={"wings": 1})
    hub.place(paid=True)
    hub.ask(Handover("o-1", "hub-east.1", "store-1"))
    hub.tell(store)
    store.happen("collect")
    store.tell(hub)
    assert hub.happen("cancel").content.facts["outcome"] == "impossible"
    assert hub.order().waiting == []
    hub.check()


def test_cancel_of_an_order_at_two_stores_is_requested_from_both() -> None:
    hub = OrderTaker("hub-east", w_1={"cola": 10}, w_2={"cola": 10})
    stores = [OrderTaker("store-1", w_1={"wings": 1}), OrderTaker("store-2", w_2={"wings": 1})]
    hub.place("o-1", *[PlacedLine(2, "cola", location=location) for location in ("w-1", "w-2")], paid=True)
    hub.ask(Handover("o-1", "hub-east.1", "store-1"))
    hub.ask(Handover("o-1", "hub-east.2", "store-2"))
    hub.commit()
    assert hub.happen("cancel").content.facts["act"] == "ask"
    hub.commit()
    for location, store in zip(("w-1", "w-2"), stores, strict=True):
        store.take([entry for entry in hub.entries if entry.stream.scope == location])
        store.ask(Housekeeping("o-1"))
        store.tell(hub)
    assert [one.state for one in hub.order().fulfilments.values()] == ["cancelled", "cancelled"]
    assert hub.order().waiting == stores[0].order().waiting == stores[1].order().waiting == []
    hub.check()


def test_request_that_skips_a_number_is_reported_late_by_the_owner() -> None:
    hub, store = OrderTaker(), OrderTaker("store-1", w_1={"wings": 1})
    hub.place(paid=True)
    hub.ask(Handover("o-1", "hub-east.1", "store-1"))
    hub.happen("cancel", number=3)
    hub.tell(store)
    hub.now_ms += PARKED_MS + 1
    hub.keep_up()
    assert [one.outcome for one in hub.order().reports] == []
    store.now_ms += PARKED_MS + 1
    store.keep_up()
    store.tell(hub)
    assert [one.outcome for one in hub.order().reports] == ["late"]
    assert hub.order().waiting == store.order().waiting == []


def test_early_event_is_recorded_at_the_location_of_its_fulfilment() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10}, w_2={"cola": 10})
    taker.place("o-1", *[PlacedLine(2, "cola", location=location) for location in ("w-1", "w-2")])
    assert taker.happen("ship", fulfilment="hub-east.2").stream.scope == "w-2"


def test_hold_that_is_placed_after_the_clock_was_set_right_expires_in_time() -> None:
    taker = OrderTaker()
    taker.now_ms += 70 * 365 * 86_400_000
    taker.happen("ship", "o-2099")
    taker.now_ms = NOW_MS
    taker.place("o-1", ttl_s=5)
    taker.now_ms += 4_999
    taker.keep_up()
    assert taker.order().state == "held"
    taker.now_ms += 1
    taker.keep_up()
    assert taker.order().state == "expired"


def test_work_due_by_a_clock_far_ahead_waits_for_its_time_by_the_right_clock() -> None:
    taker = OrderTaker()
    taker.place(ttl_s=5)
    taker.happen("return", "o-2", lines=lines(cola=1))
    assert taker.replica.orders.due(taker.now_ms + 2 * PARKED_MS, 9) == ["o-1", "o-2"]
    for name in ("o-1", "o-2"):
        with pytest.raises(NotFound):
            taker.ask(Housekeeping(name))
    assert taker.replica.orders.due(taker.now_ms, 9) == []
    taker.now_ms += 5_000
    taker.keep_up()
    assert taker.order().state == "expired"
    taker.now_ms += PARKED_MS
    taker.keep_up()
    assert [one.outcome for one in taker.order("o-2").reports] == ["late"]
    assert taker.replica.orders.due(1 << 62, 9) == []


def test_reports_of_others_while_the_owner_decides_fold_to_the_same_history() -> None:
    east, west = OrderTaker(), OrderTaker("hub-west", w_2={"cola": 1})
    east.place(paid=True)
    east.happen("ship")
    east.tell(west)
    assert west.happen("cancel").content.facts["act"] == "report"
    east.happen("return", lines=lines(cola=1))
    east.tell(west)
    west.tell(east)
    assert east.order().fulfilments["hub-east.1"].history == west.order().fulfilments["hub-east.1"].history
    assert east.replica.orders.digest() == west.replica.orders.digest()


def test_event_that_reached_another_hub_early_happens_at_the_owner() -> None:
    east, west = OrderTaker(), OrderTaker("hub-west", w_2={"cola": 1})
    west.happen("ship")
    east.place(paid=True)
    west.tell(east)
    east.ask(Housekeeping("o-1"))
    east.tell(west)
    assert east.order().state == west.order().state == "shipped"
    assert west.order().waiting == []
    assert east.replica.orders.digest() == west.replica.orders.digest()


def test_order_placed_at_two_hubs_that_were_cut_off_is_reported() -> None:
    east, west = OrderTaker(), OrderTaker("hub-west", w_2={"cola": 10})
    east.place()
    west.place()
    east.tell(west)
    west.tell(east)
    assert list(east.replica.orders.with_duplicates) == list(west.replica.orders.with_duplicates) == ["o-1"]
    assert east.replica.orders.digest() == west.replica.orders.digest()
    east.check()


# ---------------------------------------------------------------------------------------------------------------------
# many events


def test_events_shuffled_repeated_and_delayed_end_as_in_order() -> None:
    assert shuffle(events_min=1_500, seed=7).differences == []


def test_orders_fold_to_the_same_in_any_order_of_scopes_and_after_a_restart() -> None:
    random = Random(3)
    east = OrderTaker("hub-east", w_1={"cola": 500, "wings": 500}, w_2={"cola": 500, "wings": 500})
    west = OrderTaker("hub-west", w_3={"cola": 1})
    events = [request for number in range(30) for request in lifecycle(random, f"o-{number}")]
    random.shuffle(events)
    for request in events:
        goes_astray = isinstance(request, OrderEvent) and random.random() < 0.2
        (west if goes_astray else east).ask(request)
    west.tell(east)
    east.keep_up()
    east.commit()
    held = [*east.entries]
    digests = []
    for seed in range(5):
        other = OrderTaker("hub-north", w_9={})
        streams = list(dict.fromkeys(entry.stream for entry in held))
        Random(seed).shuffle(streams)
        other.take([entry for stream in streams for entry in held if entry.stream == stream])
        digests.append(other.replica.orders.digest())
        other.check()
    assert digests == [east.replica.orders.digest()] * 5
    loaded = started_again(held)
    assert loaded.digest() == east.replica.orders.digest()
    assert Replica(east.writer, east.locations, Image()).orders.digest() == Orders("x").digest()


def started_again(entries: Iterable[Entry]) -> Orders:
    """The orders of hub-east, loaded from the checkpoint of these entries."""
    packed, loaded = Orders("hub-east"), Orders("hub-east")
    for entry in entries:
        if entry.content.kind == ORDER:
            packed.apply(entry)
    loaded.load(sorted(packed.take_changes()))
    return loaded


def test_orders_that_need_a_look_keep_their_order_in_a_checkpoint() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10})
    for name in ("o-1", "o-2"):
        taker.place(name, PlacedLine(1, "cola"))
    taker.replica.take_batch()
    for name in ("o-2", "o-1"):
        taker.happen("ship", name)
    orders = taker.replica.orders
    loaded = Orders("hub-east")
    loaded.load(sorted(taker.replica.take_batch().checkpoint["orders"]))
    assert [one.name for one in loaded.with_waiting(1)] == [one.name for one in orders.with_waiting(1)] == ["o-2"]
    for name in ("o-2", "o-1"):
        taker.happen("cancel", name)
    loaded = Orders("hub-east")
    loaded.load(sorted(taker.replica.take_batch().checkpoint["orders"]))
    assert list(loaded.with_reports) == list(orders.with_reports) == ["o-2", "o-1"]


def test_orders_placed_twice_keep_their_order_in_a_checkpoint() -> None:
    east, west = OrderTaker(), OrderTaker("hub-west", w_2={"cola": 10})
    for name in ("o-1", "o-2"):
        east.place(name)
    for name in ("o-2", "o-1"):
        west.now_ms += 1
        west.place(name)
    west.tell(east)
    east.commit()
    orders, loaded = east.replica.orders, started_again(east.entries)
    newest = [[one.name for one in some.latest(some.with_duplicates, 1)] for some in (loaded, orders)]
    assert newest == [["o-1"], ["o-1"]]


def test_reports_are_in_order_of_time_whatever_the_order_of_arrival() -> None:
    east, west = OrderTaker(), OrderTaker("hub-west", w_2={"cola": 10})
    for taker, name in ((east, "o-1"), (west, "o-2")):
        taker.place(name, PlacedLine(1, "cola"))
        taker.happen("cancel", name)
    west.now_ms += 10
    west.happen("ship", "o-2")
    east.now_ms += 20
    east.happen("ship", "o-1")
    west.tell(east)
    assert list(east.replica.orders.with_reports) == ["o-2", "o-1"]


def test_placement_that_shows_no_fulfilment_is_no_placement() -> None:
    taker = OrderTaker()
    entry = taker.place()
    facts = {**entry.content.facts, "shown": [], "fulfilment": "hub-west.1"}
    content = msgspec.structs.replace(entry.content, facts=facts, clock=entry.content.clock + 1)
    taker.replica.orders.apply(msgspec.structs.replace(entry, content=content, hash=bytes(16)))
    assert len(taker.order().placed) == 1
    assert taker.replica.orders.take_duplicated() == []


def test_unreadable_entry_is_skipped_and_counted() -> None:
    taker = OrderTaker()
    entry = taker.place()
    for facts in ({}, {"act": 3}, {"act": "park", "request": {"event": {"order": 1}}}, {"act": "park", "request": 3}):
        content = msgspec.structs.replace(entry.content, facts=facts)
        taker.replica.orders.apply(msgspec.structs.replace(entry, content=content))
    assert taker.replica.orders.malformed == 4


def test_a_handover_is_still_due_after_a_full_disk_undid_it() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 5})
    taker.replica.locations = ()
    taker.place(paid=True)
    taker.commit()
    taker.replica.learn_location_owners({"w-1": "store-1"})
    taker.keep_up()
    assert taker.order().fulfilments["hub-east.1"].owner == "store-1"
    taker.replica.restore(image_of([(entry, b"") for entry in taker.entries], taker.writer))
    assert taker.order().fulfilments["hub-east.1"].owner == "hub-east"
    taker.replica.learn_location_owners({"w-1": "store-1"})
    taker.keep_up()
    assert taker.order().fulfilments["hub-east.1"].owner == "store-1"
