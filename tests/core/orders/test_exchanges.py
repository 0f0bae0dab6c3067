"""Exchanges: what an order gives back counts for what it takes instead."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.base.errors import Invalid, RightsExhausted, UnknownSku
from replica.core.catalog.documents import pack_value
from replica.core.orders.context import OrderPolicy
from replica.core.orders.facts import StepFacts, decode
from replica.core.orders.requests import Handover, PlacedLine
from replica.core.rights.requests import Allotment, AllotmentLine
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.stock.requests import OnShortage, Sale, SkuLine
from tests.core.shuffled import CARRIER, OrderTaker, lines, write_sku


def moved(entry: Any) -> list[tuple[str, str, str, int]]:
    return [(move.item, move.source, move.target, move.quantity) for move in entry.content.moves]


def write_policy(taker: OrderTaker, policy: dict[str, Any], key: bytes) -> None:
    decisions.write(taker.replica, DocumentWrite("policy", "default", pack_value(policy), key), taker.now_ms)


def with_a_quota(units: int, **stock: dict[str, int]) -> OrderTaker:
    """A hub whose web orders take from a quota."""
    taker = OrderTaker("hub-east", **stock)
    taker.replica.order_policy = OrderPolicy(hosted=taker.locations, has_quotas=True)
    write_policy(taker, {"mode": "share", "share": 1.0, "channels": {"web": 0.5}}, b"quota")
    allotment = Allotment((AllotmentLine("web", "cola", units),))
    decisions.execute(taker.replica, Command("w-1", allotment, b"allotment"), taker.now_ms)
    return taker


def test_nine_of_ten_are_exchanged_for_ten_of_the_same() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10})
    taker.place("o-1", PlacedLine(9, "cola"), paid=True)
    entry = taker.happen("exchange", lines=lines(cola=9), replacement=lines(cola=10))
    assert taker.figures() == (10, 10, 0)
    assert taker.order().fulfilments["hub-east.1"].lines == (("cola", 10),)
    assert moved(entry) == [("cola", "hub-east/free", "hub-east/held", 1)]
    with pytest.raises(RightsExhausted) as refused:
        taker.happen("exchange", lines=lines(cola=10), replacement=lines(cola=11))
    (short,) = refused.value.facts["lines"]
    assert (short["wanted"], short["free"]) == (11, 10)
    taker.happen("cancel")
    assert taker.figures() == (10, 0, 10)
    taker.check()


def test_last_six_pack_is_exchanged_for_five_singles() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 6})
    write_sku(taker, "carrier", CARRIER)
    taker.place("o-1", PlacedLine(1, "carrier"), paid=True)
    taker.happen("exchange", lines=lines(carrier=1), replacement=lines(cola=5))
    assert taker.figures() == (6, 5, 1)
    taker.happen("exchange", lines=lines(cola=5), replacement=lines(carrier=1))
    assert taker.figures() == (6, 6, 0)
    taker.happen("ship")
    assert taker.figures() == (0, 0, 0)
    taker.check()


def test_exchange_with_enough_free_units_passes_them_through_their_account() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(2, "cola"), paid=True)
    entry = taker.happen("exchange", lines=lines(cola=1), replacement=lines(cola=2))
    assert moved(entry) == [
        ("cola", "hub-east/held", "hub-east/free", 1),
        ("cola", "hub-east/free", "hub-east/held", 2),
    ]


def test_store_keeps_the_units_of_a_hub_that_an_exchange_needs_again() -> None:
    hub, store = OrderTaker("hub-east", w_1={"cola": 9}), OrderTaker("w-1", w_1={"cola": 1})
    hub.place("o-1", PlacedLine(9, "cola"), paid=True)
    hub.ask(Handover("o-1", "hub-east.1", "w-1"))
    hub.tell(store)
    entry = store.happen("exchange", lines=lines(cola=9), replacement=lines(cola=10))
    assert moved(entry) == [("cola", "w-1/free", "w-1/held", 1)]
    facts = decode(entry.content)
    assert isinstance(facts, StepFacts)
    assert [(one.quantity, one.source) for one in facts.taken] == [(1, "w-1/free"), (9, "hub-east/free")]
    store.tell(hub)
    assert hub.replica.orders.digest() == store.replica.orders.digest()
    store.happen("adjust", lines=lines(cola=4))
    store.check()
    store.happen("ship", lines=lines(cola=2))
    store.happen("cancel", fulfilment="hub-east.1")
    balances = store.replica.ledger.stock("w-1", "cola").balances
    assert (balances["hub-east/free"], balances["w-1/free"], balances["w-1/held"]) == (7, 1, 0)
    store.check()


def test_units_of_a_quota_that_was_taken_back_since_count_for_the_exchange() -> None:
    taker = with_a_quota(5, w_1={"cola": 6})
    taker.place("o-1", PlacedLine(5, "cola"), channel="web", paid=True)
    write_policy(taker, {"mode": "share", "share": 1.0}, b"no-quota")
    taker.happen("exchange", lines=lines(cola=5), replacement=lines(cola=6))
    taker.happen("cancel")
    balances = taker.replica.ledger.stock("w-1", "cola").balances
    assert (balances["hub-east/channel.web"], balances["hub-east/free"], balances["hub-east/held"]) == (5, 1, 0)
    taker.check()


def test_pack_of_units_from_two_accounts_goes_back_to_both() -> None:
    taker = with_a_quota(4, w_1={"cola": 6})
    write_sku(taker, "carrier", CARRIER)
    taker.place("o-1", PlacedLine(4, "cola"), channel="web", paid=True)
    write_policy(taker, {"mode": "share", "share": 1.0}, b"no-quota")
    taker.happen("exchange", lines=lines(cola=4), replacement=lines(carrier=1))
    assert taker.figures() == (6, 6, 0)
    taker.happen("cancel")
    balances = taker.replica.ledger.stock("w-1", "cola").balances
    assert (balances["hub-east/channel.web"], balances["hub-east/free"]) == (4, 2)
    taker.check()


def test_exchange_keeps_units_of_the_account_that_orders_take_from_now_first() -> None:
    taker = with_a_quota(2, w_1={"cola": 4})
    taker.place("o-1", PlacedLine(2, "cola"), channel="web", paid=True)
    write_policy(taker, {"mode": "share", "share": 1.0}, b"no-quota")
    taker.happen("exchange", lines=lines(cola=2), replacement=lines(cola=4))
    taker.happen("exchange", lines=lines(cola=4), replacement=lines(cola=3))
    balances = taker.replica.ledger.stock("w-1", "cola").balances
    assert (balances["hub-east/free"], balances["hub-east/channel.web"], balances["hub-east/held"]) == (0, 1, 3)
    taker.check()


def test_exchange_below_zero_makes_the_breach_no_larger() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10})
    taker.place("o-1", PlacedLine(9, "cola"), paid=True)
    sale = Sale(lines=(SkuLine(3, "cola"),), on_shortage=OnShortage.RECORD)
    decisions.execute(taker.replica, Command("w-1", sale, b"sale"), taker.now_ms)
    entry = taker.happen("exchange", lines=lines(cola=9), replacement=lines(cola=9))
    assert moved(entry) == []
    with pytest.raises(RightsExhausted):
        taker.happen("exchange", lines=lines(cola=9), replacement=lines(cola=10))
    assert taker.replica.ledger.stock("w-1", "cola").breach == 2


def test_exchange_of_nearly_all_units_of_a_bundle_counts_each_item() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 3, "wings": 400})
    write_sku(taker, "box", {"cola": 1, "wings": 200})
    taker.place("o-1", PlacedLine(2, "box"), paid=True)
    taker.happen("exchange", lines=lines(box=2), replacement=lines(cola=3, wings=400))
    assert (taker.figures(), taker.figures("wings")) == ((3, 3, 0), (400, 400, 0))
    taker.happen("exchange", lines=lines(cola=2, wings=400), replacement=lines(box=2))
    taker.happen("cancel")
    assert (taker.figures(), taker.figures("wings")) == ((3, 0, 3), (400, 0, 400))
    taker.check()


# ---------------------------------------------------------------------------------------------------------------------
# barcodes


def write_barcode(taker: OrderTaker, sku: str, *barcodes: str, key: bytes) -> None:
    value = pack_value({"recipe": {"cola": 1}, "barcodes": list(barcodes)})
    decisions.write(taker.replica, DocumentWrite("sku", sku, value, key), taker.now_ms)


def by_barcode(barcode: str, quantity: int = 1) -> tuple[SkuLine, ...]:
    return (SkuLine(quantity, barcode=barcode),)


def test_order_placed_by_barcode_is_changed_by_the_same_barcode() -> None:
    taker = OrderTaker()
    write_barcode(taker, "bottle", "4006381333931", key=b"1")
    taker.place("o-1", PlacedLine(5, barcode="4006381333931"), paid=True)
    taker.happen("adjust", lines=by_barcode("4006381333931"))
    taker.happen("exchange", lines=by_barcode("4006381333931"), replacement=lines(wings=2))
    taker.happen("ship", lines=by_barcode("4006381333931", 2))
    taker.happen("cancel", lines=lines(bottle=1))
    taker.happen("ship")
    taker.happen("return", lines=by_barcode("4006381333931"), fulfilment="hub-east.1-1")
    assert [one.lines for one in taker.order().fulfilments.values()] == [(("wings", 2),), (("bottle", 1),), ()]
    taker.check()


def test_barcode_means_what_was_ordered_though_another_sku_has_it_now() -> None:
    taker = OrderTaker()
    write_barcode(taker, "bottle", "4006381333931", key=b"1")
    write_barcode(taker, "can", key=b"0")
    taker.place("o-1", PlacedLine(5, barcode="4006381333931"), PlacedLine(2, "can"), paid=True)
    write_barcode(taker, "bottle", key=b"2")
    write_barcode(taker, "can", "4006381333931", key=b"3")
    taker.happen("adjust", lines=by_barcode("4006381333931", 2))
    assert taker.order().fulfilments["hub-east.1"].lines == (("bottle", 3), ("can", 2))


def test_barcode_of_a_deleted_sku_still_changes_the_order_at_every_node() -> None:
    hub, store = OrderTaker("hub-east", w_1={"cola": 9}), OrderTaker("w-1", w_1={"wings": 1})
    write_barcode(hub, "bottle", "4006381333931", key=b"1")
    hub.place("o-1", PlacedLine(5, barcode="4006381333931"), paid=True)
    decisions.write(hub.replica, DocumentWrite("sku", "bottle", None, b"2"), hub.now_ms)
    hub.ask(Handover("o-1", "hub-east.1", "w-1"))
    hub.tell(store)
    store.happen("adjust", lines=by_barcode("4006381333931", 2))
    assert store.order().fulfilments["hub-east.1"].lines == (("bottle", 3),)


def test_replacement_by_barcode_is_known_by_it_afterwards() -> None:
    taker = OrderTaker()
    write_barcode(taker, "bottle", "4006381333931", key=b"1")
    taker.place("o-1", PlacedLine(5, "wings"), paid=True)
    taker.happen("exchange", lines=lines(wings=5), replacement=by_barcode("4006381333931", 3))
    write_barcode(taker, "bottle", key=b"2")
    taker.happen("adjust", lines=by_barcode("4006381333931"))
    assert taker.order().fulfilments["hub-east.1"].lines == (("bottle", 2),)


def test_goods_ordered_by_sku_are_changed_by_the_barcode_of_now() -> None:
    taker = OrderTaker()
    write_barcode(taker, "bottle", "4006381333931", key=b"1")
    taker.place("o-1", PlacedLine(5, "bottle"), paid=True)
    taker.happen("adjust", lines=by_barcode("4006381333931"))
    assert taker.order().fulfilments["hub-east.1"].lines == (("bottle", 4),)
    with pytest.raises(UnknownSku) as unknown:
        taker.happen("adjust", lines=by_barcode("96385074"))
    assert unknown.value.field == "lines[0].barcode"
    with pytest.raises(Invalid) as refused:
        taker.happen("adjust", lines=(SkuLine(1, "bottle", barcode="4006381333931"),))
    assert refused.value.field == "lines[0].sku"
