"""Requests as they arrive: which are valid, and which are refused before the node decides."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from replica.core.base.limits import LINES_MAX, QUANTITY_MAX, SALES_PER_BATCH_MAX, TEXT_LENGTH_MAX
from replica.core.stock.requests import (
    Action,
    Adjustment,
    Count,
    Disposition,
    GoodsReceipt,
    KeyedSale,
    OnShortage,
    Quarantine,
    Return,
    Sale,
    SaleBatch,
    SkuLine,
)

COLA = {"sku": "cola", "quantity": 1}


def read(kind: type[Any], value: object) -> Any:
    """Read a request from JSON."""
    return msgspec.json.decode(msgspec.json.encode(value), type=kind)


def test_a_sale_at_a_till_is_recorded_unless_it_says_otherwise() -> None:
    assert read(Sale, {"lines": [COLA]}) == Sale(lines=(SkuLine(1, sku="cola"),), on_shortage=OnShortage.RECORD)
    assert read(Sale, {"lines": [COLA], "on_shortage": "refuse"}).on_shortage is OnShortage.REFUSE


def test_a_return_waits_in_quarantine_unless_it_says_otherwise() -> None:
    assert read(Return, {"lines": [COLA]}).disposition is Disposition.QUARANTINE
    assert read(Return, {"lines": [COLA], "disposition": "restock"}).disposition is Disposition.RESTOCK


@pytest.mark.parametrize("action", ["restock", "write_off", "put"])
def test_quarantine_knows_three_actions(action: str) -> None:
    request = read(Quarantine, {"lines": [{"item": "cola", "quantity": 1, "action": action}]})
    assert request.lines[0].action is Action(action)


def test_a_sale_of_a_batch_is_the_sale_without_its_key() -> None:
    keyed = read(KeyedSale, {"key": "till-1", "lines": [COLA], "till": "3", "receipt": "R", "on_shortage": "refuse",
                             "occurred_at": "2025-06-15T15:06:40+02:00", "customer_group": "staff"})  # fmt: skip
    alone = read(Sale, {"lines": [COLA], "till": "3", "receipt": "R", "on_shortage": "refuse",
                        "occurred_at": "2025-06-15T13:06:40Z", "customer_group": "staff"})  # fmt: skip
    assert keyed.sale() == alone


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Sale, {}),
        (Sale, {"lines": []}),
        (Sale, {"lines": [COLA] * (LINES_MAX + 1)}),
        (Sale, {"lines": [{"sku": "cola"}]}),
        (Sale, {"lines": [{**COLA, "quantity": 0}]}),
        (Sale, {"lines": [{**COLA, "quantity": -1}]}),
        (Sale, {"lines": [{**COLA, "quantity": 1.5}]}),
        (Sale, {"lines": [{**COLA, "quantity": "1"}]}),
        (Sale, {"lines": [{**COLA, "quantity": True}]}),
        (Sale, {"lines": [{**COLA, "quantity": QUANTITY_MAX + 1}]}),
        (Sale, {"lines": [{**COLA, "item": "cola"}]}),
        (Sale, {"lines": [{**COLA, "sku": ""}]}),
        (Sale, {"lines": [{**COLA, "sku": "x" * 65}]}),
        (Sale, {"lines": [COLA], "on_shortage": "maybe"}),
        (Sale, {"lines": [COLA], "colour": "red"}),
        (Sale, {"lines": [COLA], "till": "x" * (TEXT_LENGTH_MAX + 1)}),
        (Sale, {"lines": [COLA], "occurred_at": "2025-06-15T15:06:40"}),
        (Sale, {"lines": [COLA], "occurred_at": 1_750_000_000}),
        (SaleBatch, {"sales": []}),
        (SaleBatch, {"sales": [{"lines": [COLA]}]}),
        (SaleBatch, {"sales": [{"key": "k", "lines": [COLA]}] * (SALES_PER_BATCH_MAX + 1)}),
        (Return, {"lines": [COLA], "disposition": "bin"}),
        (GoodsReceipt, {"lines": [{"item": "", "quantity": 1}]}),
        (Count, {"lines": [{"item": "cola", "counted": -1}]}),
        (Count, {"lines": [{"item": "cola", "counted": QUANTITY_MAX + 1}]}),
        (Count, {"lines": [{"item": "cola", "counted": 1}], "seen": "x" * 65}),
        (Adjustment, {"lines": [{"item": "cola", "delta": 1}]}),
        (Adjustment, {"lines": [{"item": "cola", "delta": 1, "reason": ""}]}),
        (Adjustment, {"lines": [{"item": "cola", "delta": -QUANTITY_MAX - 1, "reason": "x"}]}),
        (Quarantine, {"lines": [{"item": "cola", "quantity": 1, "action": "eat"}]}),
    ],
)
def test_an_invalid_request_is_refused_while_it_is_read(kind: type[Any], value: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(kind, value)


def test_the_largest_request_is_read() -> None:
    assert len(read(Sale, {"lines": [{"sku": "x" * 64, "quantity": QUANTITY_MAX}] * LINES_MAX}).lines) == LINES_MAX


def test_a_field_with_its_default_value_is_not_written() -> None:
    assert msgspec.json.encode(Sale(lines=(SkuLine(1, sku="cola"),))) == b'{"lines":[{"quantity":1,"sku":"cola"}]}'
