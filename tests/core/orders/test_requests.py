"""Requests of orders: how a repeat is recognised, and which line an error names."""

from __future__ import annotations

import pytest

from replica.core.base.errors import Invalid, Refused
from replica.core.base.limits import QUANTITY_MAX
from replica.core.catalog.skus import Catalog
from replica.core.orders.placement import resolve_line
from replica.core.orders.requests import OrderEvent, deduplication_id_of, part_deduplication_id, request_digest
from replica.core.stock.requests import SkuLine


def test_the_digest_of_a_request_is_the_same_in_every_release() -> None:
    assert request_digest(OrderEvent("o-1", "cancel")).hex() == "463c1ee75ab29435e4069f777e53ec3d"


def test_an_event_that_may_happen_twice_is_known_by_its_key_unless_it_has_a_number() -> None:
    lines = (SkuLine(1, sku="cola"),)
    assert len(deduplication_id_of(OrderEvent("o-1", "cancel", lines=lines), b"k")) == 16
    assert deduplication_id_of(OrderEvent("o-1", "cancel", lines=lines), b"") == b""
    assert deduplication_id_of(OrderEvent("o-1", "cancel", lines=lines, number=1), b"k") == b""
    assert deduplication_id_of(OrderEvent("o-1", "cancel"), b"k") == b""


def test_each_fulfilment_has_its_own_id_of_its_share_in_an_event() -> None:
    ids = [part_deduplication_id(b"k" * 16, f"hub-east.{number}") for number in (1, 2)]
    assert [len(one) for one in ids] == [16, 16]
    assert len({b"k" * 16, *ids}) == 3
    assert part_deduplication_id(b"", "hub-east.1") == b"", "an event without an id has no shares to tell apart"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (SkuLine(1), "items[3].sku"),
        (SkuLine(1, sku="cola", barcode="4006381333931"), "items[3].sku"),
        (SkuLine(1, sku="cola"), "items[3].sku"),
        (SkuLine(1, barcode="4006381333931"), "items[3].barcode"),
    ],
)
def test_a_line_of_an_order_that_cannot_be_read_names_its_field(line: SkuLine, field: str) -> None:
    with pytest.raises(Refused) as refused:
        resolve_line(Catalog(), line, 3, "items")
    assert refused.value.field == field


def test_a_line_of_an_order_asks_for_no_more_units_than_a_move_may_have() -> None:
    catalog = Catalog(is_open=True)
    assert resolve_line(catalog, SkuLine(QUANTITY_MAX, sku="cola"), 0, "lines") == ("cola", (("cola", 1),))
    with pytest.raises(Invalid) as refused:
        resolve_line(catalog, SkuLine(QUANTITY_MAX + 1, sku="cola"), 2, "lines")
    assert refused.value.field == "lines[2].quantity"
    assert str(QUANTITY_MAX + 1) in refused.value.detail
