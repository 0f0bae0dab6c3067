"""Promotion documents: what is refused with which field, what is read, and in which order they apply."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import ValidationError, convert, to_builtins

from replica.core.base.errors import Invalid
from replica.core.catalog.documents import pack_value
from replica.core.catalog.promotions import (
    PROMOTION,
    Benefit,
    Promotion,
    PromotionDocument,
    check_promotion,
    in_order,
    read_promotion,
    reason_of,
)
from replica.core.catalog.registers import Register
from tests.core.catalog.test_validity import ms

ALL = {"all": True}
PERCENTAGE = {"type": "percentage", "percent": 20}
EURO = {"currency": "EUR"}


def document(**fields: Any) -> dict[str, Any]:
    """20 % off everything, with some fields changed."""
    return {"benefit": PERCENTAGE, "applies_to": ALL, **fields}


def bundle(*components: Any) -> dict[str, Any]:
    """A bundle for 5.00 of these components, each one unit of a list of SKUs or of a selector."""
    selectors = [{"skus": list(one)} if isinstance(one, tuple) else one for one in components]
    needed = [{"quantity": 1, "applies_to": selector} for selector in selectors]
    return {"benefit": {"type": "bundle", "amount": 500, **EURO, "components": needed}}


def register(value: Any, key: str = "sale", rank: int = 0, at: str = "") -> Register:
    """The write of one promotion."""
    packed = None if value is None else pack_value(value)
    return Register(kind=PROMOTION, key=key, rank=rank, at=at, version=1, clock=1, writer="h#0a", value=packed)


def read_register(write: Register) -> Promotion | None:
    """Read the write of a promotion."""
    return read_promotion(write.key, write.value, (write.rank, write.at), write.version)


@pytest.mark.parametrize(
    "value",
    [
        document(),
        document(benefit={"type": "percentage", "percent": 33.33}),
        document(benefit={"type": "percentage", "percent": 0.01}),
        document(benefit={"type": "amount_off", "amount": 1, **EURO}),
        document(benefit={"type": "n_for_m", "take": 2, "pay": 1}),
        document(benefit={"type": "threshold", "minimum": 1, **EURO, "amount": 1}),
        bundle(("a",), ("b", "c")),
        bundle({"attributes": {"brand": "acme"}}),
    ],
)
def test_a_promotion_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    written = convert(value, PromotionDocument)
    check_promotion(written)
    assert convert(to_builtins(written), PromotionDocument) == written
    read = read_register(register(to_builtins(written)))
    assert read is not None
    assert (read.benefit, read.is_exclusive, read.priority, read.max_uses) == (written.benefit, True, 100, None)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"benefit": PERCENTAGE}, "applies_to"),
        (document(applies_to={}), "applies_to"),
        (document(applies_to={"skus": ["a", "a"]}), "applies_to.skus[1]"),
        (document(benefit={"type": "percentage", "percent": 12.345}), "benefit.percent"),
        (document(benefit={"type": "percentage", "percent": 0.001}), "benefit.percent"),
        (document(benefit={"type": "amount_off", "amount": 1, "currency": "EUX"}), "benefit.currency"),
        (document(benefit={"type": "n_for_m", "take": 2, "pay": 2}), "benefit.pay"),
        (document(benefit={"type": "threshold", "minimum": 1, **EURO}), "benefit"),
        (document(benefit={"type": "threshold", "minimum": 1, **EURO, "amount": 1, "percent": 1}), "benefit"),
        (document(benefit={"type": "threshold", "minimum": 1, **EURO, "percent": 0.125}), "benefit.percent"),
        (document(valid_from="2026-12-01T00:00:00Z", valid_to="2026-12-01T00:00:00Z"), "valid_to"),
        (document(windows=[{"start": "08:00", "end": "08:00"}]), "windows[0].end"),
        ({**bundle(("a",)), "applies_to": ALL}, "applies_to"),
        (bundle({}), "benefit.components[0].applies_to"),
        (bundle(("a",), ALL), "benefit.components[1].applies_to"),
        (bundle(("a",), {"attributes": {"brand": "acme"}}), "benefit.components[1].applies_to"),
        (bundle(("a",), ("b", "a")), "benefit.components[1].applies_to.skus[1]"),
    ],
)
def test_a_promotion_that_makes_no_sense_is_refused_with_its_field(value: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_promotion(convert(value, PromotionDocument))
    assert refused.value.field == field


@pytest.mark.parametrize(
    "value",
    [
        document(benefit={"type": "percentage", "percent": 0}),
        document(benefit={"type": "percentage", "percent": 100.5}),
        document(benefit={"type": "percentage", "percent": 20, "cap": 3}),
        document(benefit={"type": "gift", "sku": "bag"}),
        document(benefit={"type": "n_for_m", "take": 1, "pay": 1}),
        document(benefit={"type": "amount_off", "amount": 0, **EURO}),
        document(max_uses=0),
        document(windows=[{"start": "24:00"}]),
        document(windows=[{"start": "8:00"}]),
        document(windows=[{"days": []}]),
        document(valid_from="2026-12-01T00:00:00"),
        document(priority=-1),
        document(colour="red"),
        bundle(),
    ],
)
def test_a_promotion_out_of_bounds_does_not_fit_the_schema(value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        convert(value, PromotionDocument)


@pytest.mark.parametrize(
    "value",
    [7, {"benefit": {"type": "gift"}}, document(benefit={**PERCENTAGE, "cap": 3}), {"benefit": PERCENTAGE}, None],
)
def test_a_promotion_that_this_version_cannot_read_is_none(value: Any) -> None:
    assert read_register(register(value)) is None


def test_a_promotion_of_an_unknown_rank_is_none() -> None:
    assert read_register(register(document(), rank=7)) is None


def test_a_promotion_of_a_peer_may_have_fields_and_currencies_of_other_times() -> None:
    leva = {"type": "amount_off", "amount": 50, "currency": "BGN"}
    read = read_register(register(document(benefit=leva, colour="red"), rank=200, at="store-1"))
    assert read is not None
    assert (read.rank, read.source.rank, reason_of(read.benefit)) == ((200, "store-1"), "store", "50 BGN off each")


def test_exclusive_promotions_come_first_then_the_lower_number_then_the_lesser_id() -> None:
    several = [
        register(document(combinable=True, priority=1), "a"),
        register(document(priority=2), "z"),
        register(document(priority=2), "b"),
        register(document(priority=1), "y"),
        register(document(combinable=True, priority=0), "x"),
    ]
    read = [one for one in map(read_register, several) if one is not None]
    assert [one.id for one in in_order(read)] == ["y", "b", "z", "x", "a"]


def test_a_promotion_is_in_force_for_its_groups_in_its_period_and_windows() -> None:
    value = document(
        customer_groups=["staff"],
        valid_from="2026-12-01T00:00:00Z",
        valid_to="2026-12-02T00:00:00Z",
        windows=[{"start": "08:00", "end": "09:00"}],
    )
    promotion = read_register(register(value))
    assert promotion is not None
    noon, eight = ms("2026-12-01T12:00:00Z"), 24 * 60 + 8 * 60
    assert promotion.is_in_force(noon, eight, "staff")
    assert not promotion.is_in_force(noon, eight, "")
    assert not promotion.is_in_force(noon, eight - 1, "staff")
    assert not promotion.is_in_force(noon, None, "staff")
    assert not promotion.is_in_force(ms("2026-12-02T00:00:00Z"), eight, "staff")


@pytest.mark.parametrize(
    ("benefit", "per", "reason"),
    [
        ({"type": "percentage", "percent": 20}, 1, "20 % off"),
        ({"type": "percentage", "percent": 12.5}, 1, "12.5 % off"),
        ({"type": "amount_off", "amount": 50, **EURO}, 1, "0.50 EUR off each"),
        ({"type": "amount_off", "amount": 50, **EURO}, 1_000, "0.50 EUR off per 1000"),
        ({"type": "n_for_m", "take": 3, "pay": 2}, 1, "3 for 2"),
        (bundle(("a",), ("b",))["benefit"], 1, "2 together for 5.00 EUR"),
        ({"type": "threshold", "minimum": 5_000, **EURO, "percent": 10}, 1, "10 % off from 50.00 EUR"),
        ({"type": "threshold", "minimum": 5_000, **EURO, "amount": 500}, 1, "5.00 EUR off from 50.00 EUR"),
    ],
)
def test_a_reason_says_what_a_receipt_shows(benefit: dict[str, Any], per: int, reason: str) -> None:
    assert reason_of(convert(benefit, Benefit), per) == reason
