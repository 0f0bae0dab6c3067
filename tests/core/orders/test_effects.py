"""What single entries change in an order, whichever of them come first."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from replica.core.base.clock import COUNTER_BITS
from replica.core.base.names import HUBS
from replica.core.log.entry import Content, Entry, Stream
from replica.core.orders.allocations import Allocation
from replica.core.orders.facts import (
    AskFacts,
    EventRequest,
    HandoverFacts,
    OrderFacts,
    ParkFacts,
    ReportFacts,
    ShownFulfilment,
    SplitFacts,
    StepFacts,
    TakeBackFacts,
    VoidFacts,
    encode,
)
from replica.core.orders.fold import Orders
from replica.core.orders.order import Order, Parked
from replica.core.orders.requests import ORDER, OrderEvent, PlacedLine
from tests.core.orders.test_exchanges import by_barcode, write_barcode
from tests.core.shuffled import OrderTaker, lines

EAST, WEST, STORE = "hub-east#0000000b", "hub-west#0000000b", "store-2#0000000b"


def entry_of(facts: OrderFacts, event: str, at_ms: int, writer: str = EAST, scope: str = "w-1") -> Entry:
    """An entry about the order `o-1` that a node wrote at a moment."""
    clock = at_ms << COUNTER_BITS
    content = Content(ORDER, clock, b"", "", event, "o-1", (), (), encode(facts))
    name = blake2b(f"{writer} {scope} {at_ms}".encode(), digest_size=16).digest()
    return Entry(Stream(writer, scope), at_ms, name, b"", content)


def folded(*entries: Entry) -> Order:
    orders = Orders("hub-east")
    for entry in entries:
        orders.apply(entry)
    assert orders.malformed == 0
    order = orders.find("o-1")
    assert order is not None
    return order


def in_any_order(*entries: Entry) -> Order:
    """The order that two entries of different scopes lead to, whichever comes first."""
    first, second = folded(*entries), folded(*reversed(entries))
    assert first == second
    return first


def placed(digest: bytes, channel: str, at_ms: int, writer: str) -> Entry:
    name = f"{writer.partition('#')[0]}.1"
    shown = (ShownFulfilment(name, "w-1", "held", (("cola", 1),)),)
    step = StepFacts(
        fulfilment=name, to="held", channel=channel, customer=f"c-{channel}", digest=digest, state="held", shown=shown
    )
    return entry_of(step, "hold", at_ms, writer, scope=writer.partition("#")[0])


def test_an_order_has_the_channel_and_customer_of_the_placement_that_stands() -> None:
    order = in_any_order(placed(b"1", "web", 1, EAST), placed(b"2", "shop", 2, WEST))
    assert (order.channel, order.customer) == ("web", "c-web")
    assert [one.digest for one in order.placed] == [b"1", b"2"]


# ---------------------------------------------------------------------------------------------------------------------
# events that wait


PAY = OrderEvent(order="o-1", event="pay", fulfilment="hub-east.1")


@pytest.mark.parametrize(("event", "became"), [(PAY, "impossible"), (OrderEvent(order="o-1", event="pay"), "")])
def test_the_outcome_of_an_event_is_noted_though_the_event_comes_after_it(event: OrderEvent, became: str) -> None:
    parked = entry_of(ParkFacts(request=EventRequest(event), until_ms=9), "pay", 1, WEST, HUBS)
    settled = entry_of(ReportFacts(fulfilment="hub-east.1", outcome="impossible", settles=parked.hash), "pay", 2)
    (one,) = in_any_order(parked, settled).parked
    assert (one.became, one.settled, one.until_ms, one.why) == (became, ["hub-east.1"], 9, "")


def test_an_event_that_happened_to_a_part_has_no_other_outcome() -> None:
    event = OrderEvent(order="o-1", event="ship", fulfilment="hub-east.1", lines=lines(cola=1))
    parked = entry_of(ParkFacts(request=EventRequest(event)), "ship", 1, WEST, HUBS)
    split = SplitFacts(fulfilment="hub-east.1", part="hub-east.1-1", to="shipped", units=(), settles=parked.hash)
    (one,) = in_any_order(parked, entry_of(split, "ship", 2)).parked
    assert (one.became, one.settled) == ("", ["hub-east.1"])


def test_only_a_request_to_revoke_is_listed_as_a_shortage() -> None:
    orders = Orders("hub-east")
    orders.apply(entry_of(ParkFacts(request=EventRequest(PAY)), "pay", 1))
    orders.apply(entry_of(AskFacts(request=EventRequest(PAY)), "pay", 2))
    assert list(orders.with_shortage) == []
    orders.apply(entry_of(AskFacts(request=EventRequest(PAY), reason="shortage"), "pay", 3))
    assert list(orders.with_shortage) == ["o-1"]


# ---------------------------------------------------------------------------------------------------------------------
# goods taken back elsewhere


def taken_back(at_ms: int = 1) -> Entry:
    goods = (Allocation(entry=b"", sku="cola", quantity=1, recipe=(("cola", 1),), source="customer"),)
    event = OrderEvent(order="o-1", event="return", lines=lines(cola=1))
    return entry_of(TakeBackFacts(goods=goods, request=EventRequest(event)), "return", at_ms, STORE, "store-2")


def note(outcome: str, of: Entry, at_ms: int, writer: str) -> Entry:
    return entry_of(ReportFacts(outcome=outcome, settles=of.hash), "return", at_ms, writer, "store-2")


def goods_of(*entries: Entry) -> Parked:
    order = folded(*entries)
    assert (order.reports, order.waiting) == ([], [])
    (one,) = order.parked
    return one


def test_goods_that_a_hub_passed_on_do_not_wait_and_are_no_report() -> None:
    taken = taken_back()
    one = goods_of(taken, note("passed_on", taken, 2, EAST))
    assert (one.became, one.settled) == ("passed_on", [""])


def test_what_became_of_goods_does_not_depend_on_which_note_comes_first() -> None:
    taken = taken_back()
    void = entry_of(VoidFacts(fulfilment="", outcome="duplicate", voids=taken.hash), "return", 4, STORE, "store-2")
    passed, duplicate = note("passed_on", taken, 2, EAST), note("duplicate", taken, 3, WEST)
    assert goods_of(taken, passed, duplicate).became == goods_of(taken, duplicate, passed).became == "duplicate"
    assert goods_of(taken, passed, duplicate, void).became == "void"
    assert goods_of(taken, void, duplicate).became == "void"


def test_a_note_about_goods_that_nobody_took_stops_no_fold() -> None:
    order = folded(note("passed_on", taken_back(), 2, EAST), note("duplicate", taken_back(), 3, WEST))
    assert (order.parked, order.reports) == ([], [])


# ---------------------------------------------------------------------------------------------------------------------
# histories


def test_the_history_of_a_fulfilment_names_no_place_of_goods_that_did_not_come_back() -> None:
    held = placed(b"1", "web", 1, EAST)
    facts: list[OrderFacts] = [
        SplitFacts(fulfilment="hub-east.1", part="hub-east.1-1", to="shipped", units=()),
        ReportFacts(fulfilment="hub-east.1", outcome="impossible"),
        HandoverFacts(fulfilment="hub-east.1", to="hub-west"),
        VoidFacts(fulfilment="hub-east.1", outcome="duplicate", voids=held.hash),
    ]
    order = folded(held, *(entry_of(one, "any", number) for number, one in enumerate(facts, start=2)))
    history = order.fulfilments["hub-east.1"].history
    assert [one.act for one in history] == ["step", "split", "report", "hand_over", "void"]
    assert {one.goods_at for one in history} == {""}
    assert order.fulfilments["hub-east.1"].owner == "hub-west"
    assert order.fulfilments["hub-east.1"].is_voided


def test_a_part_knows_the_barcodes_under_which_its_goods_were_ordered() -> None:
    taker = OrderTaker()
    write_barcode(taker, "bottle", "4006381333931", key=b"1")
    taker.place("o-1", PlacedLine(3, barcode="4006381333931"), paid=True)
    taker.happen("ship", lines=lines(bottle=2))
    write_barcode(taker, "bottle", key=b"2")
    taker.happen("return", lines=by_barcode("4006381333931"))
    assert dict(taker.order().fulfilments["hub-east.1-1"].lines) == {"bottle": 1}
