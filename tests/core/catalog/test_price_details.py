"""Prices and promotions at their edges: what refusals say, which overrides are reported, and what is left of a line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import convert

from replica.core.base.errors import Invalid
from replica.core.base.limits import AMOUNT_MAX, TOTAL_AMOUNT_MAX
from replica.core.catalog.currencies import check_currency
from replica.core.catalog.discounts import OpenLine
from replica.core.catalog.documents import Documents, pack_value
from replica.core.catalog.prices import admit_price, past_limits, past_limits_until
from replica.core.catalog.promotions import PromotionDocument, check_promotion, read_promotion
from replica.core.catalog.ranks import CHAIN_WIDE, STORE_RANK, Rank
from replica.core.catalog.registers import Register
from replica.core.catalog.selectors import Selector, check_selector
from replica.core.catalog.validity import check_period
from replica.core.catalog.weekly_windows import WeeklyWindow, check_windows
from tests.core.catalog.shop import Shop
from tests.core.catalog.test_discounts import line, saved
from tests.core.catalog.test_prices import (
    EAST,
    NOON,
    STORE,
    amount,
    documents_of,
    overrides_past_limits,
    price,
    write,
)
from tests.core.catalog.test_promotion_index import index_of, of, rival
from tests.core.catalog.test_promotions import EURO, bundle, document, register
from tests.core.catalog.test_validity import ms

MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)


def refusal(check: Callable[[], object]) -> Invalid:
    """Why something is refused."""
    with pytest.raises(Invalid) as refused:
        check()
    return refused.value


@pytest.mark.parametrize(
    ("code", "known"), [("EUT", ["EUR"]), ("EUR ", ["EUR"]), ("12345678", [])], ids=["near", "blank", "far"]
)
def test_a_refused_currency_lists_those_that_may_be_meant(code: str, known: list[str]) -> None:
    refused = refusal(lambda: check_currency(code, "currency"))
    assert refused.facts["known"][: len(known)] == known
    assert refused.facts.keys() == {"known"}
    assert ("Did you mean" in refused.detail) == bool(known)
    assert known or "a minor unit. " in refused.detail


def check_document(**fields: Any) -> None:
    check_promotion(convert(document(**fields), PromotionDocument))


@pytest.mark.parametrize(
    "check",
    [
        lambda: check_selector(Selector(), "applies_to"),
        lambda: check_period(MIDNIGHT, MIDNIGHT),
        lambda: check_windows([WeeklyWindow("08:00", "08:00")], "windows"),
        lambda: check_document(benefit={"type": "n_for_m", "take": 2, "pay": 2}),
        lambda: check_promotion(convert(bundle(("a",), {"all": True}), PromotionDocument)),
        lambda: check_document(benefit=bundle(("a",))["benefit"]),
        lambda: index_of(sale=document(locked=True)).check_lock(promotion_of(document(), "sale", STORE)),
        lambda: index_of().check_lock(promotion_of(document(locked=True), "sale", STORE)),
        lambda: index_of(sale=document()).check_overlap(promotion_of(document()), lambda sku: {}, lambda at: ""),
        lambda: admit_price(documents_of(), "cola", pack_value(price(1, override={"min": 1})), STORE_RANK),
        lambda: shop_with_cars().quote(("car", TOTAL_AMOUNT_MAX // AMOUNT_MAX), ("bike", TOTAL_AMOUNT_MAX)),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_to_do(check: Callable[[], object]) -> None:
    detail = refusal(check).detail
    assert "None" not in detail
    assert len(detail.split(". ")) >= 2


def promotion_of(value: dict[str, Any], promotion_id: str = "new", rank: Rank = CHAIN_WIDE) -> Any:
    return read_promotion(promotion_id, register(value).value, rank)


def shop_with_cars() -> Shop:
    shop = Shop()
    shop.prices(car=AMOUNT_MAX, bike=1)
    return shop


def test_a_basket_may_cost_as_much_as_the_greatest_total() -> None:
    left = TOTAL_AMOUNT_MAX % AMOUNT_MAX
    basket = [("car", TOTAL_AMOUNT_MAX // AMOUNT_MAX), ("bike", left)]
    assert shop_with_cars().net(*basket[: 2 if left else 1]) == TOTAL_AMOUNT_MAX


# ---------------------------------------------------------------------------------------------------------------------
# limits of prices


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "1.50 EUR to 2.50 EUR, with tax."),
        ({"tax_inclusive": False}, "1.50 EUR to 2.50 EUR, without tax."),
        ({"per": 1_000}, "1.50 EUR to 2.50 EUR per 1000, with tax."),
        ({"per": 2}, "1.50 EUR to 2.50 EUR per 2, with tax."),
    ],
)
def test_a_refused_override_says_the_limits_of_the_chain(fields: dict[str, Any], words: str) -> None:
    documents = documents_of(write(price(199, override={"min": 150, "max": 250}, **fields)))
    refused = refusal(lambda: admit_price(documents, "cola", pack_value(price(251, **fields)), STORE_RANK))
    assert refused.facts == {"min": 150, "max": 250}
    assert words in refused.detail


def test_limits_may_allow_one_amount_only() -> None:
    assert amount(documents_of(write(price(199, override={"min": 199, "max": 199})))) == 199


def reported(documents: Documents, at_ms: int = ms(NOON)) -> list[tuple[str, str, str]]:
    """The SKU, the place and the field of each override past the limits."""
    return [(one.sku, one.source.at, one.field) for one in overrides_past_limits(documents, at_ms)]


def test_overrides_are_reported_after_a_sku_without_limits() -> None:
    limited = price(199, override={"min": 150})
    documents = documents_of(
        write(price(10), sku="beer"), write(price(5), STORE, sku="beer"), write(limited), write(price(99), STORE)
    )
    assert reported(documents) == [("cola", "store-1", "amount")]


def test_only_overrides_of_known_ranks_are_reported() -> None:
    documents = documents_of(write(price(199, override={"min": 250})), write(price(99), (150, "east")))
    assert reported(documents) == []


def test_an_override_that_ended_is_not_reported_whatever_its_currency() -> None:
    old = write({**price(199, valid_to=NOON), "currency": "CHF"}, EAST)
    documents = documents_of(write(price(199, override={"min": 150})), old)
    assert [reported(documents, ms(NOON) - offset) for offset in (1, 0, -1)] == [
        [("cola", "east", "currency")],
        [],
        [],
    ]


@pytest.mark.parametrize("other", [{"currency": "CHF"}, {"tax_inclusive": False}])
def test_an_override_of_another_kind_is_past_the_limits_until_it_ends(other: dict[str, Any]) -> None:
    override = write({**price(199, valid_to=NOON), **other}, STORE)
    documents = documents_of(write(price(199, override={"min": 150})), override)
    found = [past_limits(documents, override, ms(NOON) + offset_ms) for offset_ms in (-1, 0, 1)]
    assert [one and one.field for one in found] == [next(iter(other)), None, None]
    assert past_limits_until(documents, override) == ms(NOON)


def test_an_amount_past_the_limits_counts_until_the_next_one_is_in_force() -> None:
    override = write(price(99, scheduled=[{"amount": 199, "valid_from": NOON}]), STORE)
    documents = documents_of(write(price(199, override={"min": 150})), override)
    found = [past_limits(documents, override, ms(NOON) + offset_ms) for offset_ms in (-1, 0)]
    assert [one and one.field for one in found] == ["amount", None]
    assert past_limits_until(documents, override) == ms(NOON)


@pytest.mark.parametrize("other", [{"currency": "CHF"}, {"tax_inclusive": False}])
def test_an_override_in_another_currency_or_without_tax_does_not_count_under_limits(other: dict[str, Any]) -> None:
    documents = documents_of(write(price(199, override={"min": 150})), write({**price(199), **other}, STORE))
    assert amount(documents) == 199
    documents.put(write({**price(189), **other}, STORE, version=2))
    assert amount(documents) == 199


# ---------------------------------------------------------------------------------------------------------------------
# promotions


def test_a_combinable_promotion_can_be_cleared_whatever_else_has_its_priority() -> None:
    for others in ({}, {"other": document(priority=5)}):
        promotions = index_of(sale=document(priority=5, combinable=True), **others)
        assert promotions.put(Register("promotion", "sale", 0, "", 2, 2, "h#0a", None))
        assert [one.id for one in promotions.applying([("cola", {})], [CHAIN_WIDE])] == list(others)


def test_a_refused_promotion_names_the_rank_of_the_other() -> None:
    promotions = index_of(sale=document())
    refused = refusal(lambda: promotions.check_overlap(promotion_of(document()), lambda sku: {}, lambda at: ""))
    assert refused.facts == {"promotion": "sale", "rank": "chain"}


@pytest.mark.parametrize(("groups", "other"), [([], ["staff"]), (["staff"], []), (["a", "staff"], ["staff", "b"])])
def test_a_promotion_for_everybody_competes_with_one_for_a_group(groups: list[str], other: list[str]) -> None:
    promotions = index_of(sale=document(customer_groups=groups, **of("cola")))
    assert rival(promotions, document(customer_groups=other, **of("cola"))) == "sale"
    assert rival(promotions, document(customer_groups=["c"], **of("cola"))) == (None if groups else "sale")


def test_a_promotion_with_a_field_of_a_later_version_is_read() -> None:
    read = read_promotion("sale", pack_value({**document(), "of_next_year": {1: 2}}), CHAIN_WIDE)
    assert read is not None
    assert read.source.version == 0


def test_goods_with_a_price_for_two_units_are_measured() -> None:
    assert [OpenLine("ham_g", {}, 10, 10, per=per).is_measured for per in (1, 2)] == [False, True]


def test_an_amount_off_a_limited_number_of_units_is_for_these_only() -> None:
    value = document(benefit={"type": "amount_off", "amount": 10, **EURO}, max_uses=2)
    assert saved(value, [line("a", 3, 100)]) == 20


def test_a_bundle_ends_at_the_first_unit_that_is_not_dearer() -> None:
    lines = [line("a", 1, 900), line("b", 1, 600), line("c", 1, 400)]
    assert saved(bundle({"all": True}), lines) == 500


def test_a_bundle_that_saves_less_than_a_minor_unit_saves_nothing() -> None:
    assert saved({**bundle({"all": True}), "max_uses": 1}, [OpenLine("a", {}, 2, 1_001, per=1)]) == 0


def test_what_an_exclusive_promotion_leaves_of_a_line_gets_the_next_one() -> None:
    shop = Shop()
    shop.prices(cola=100)
    shop.promotion("first", document(benefit={"type": "percentage", "percent": 50}, max_uses=1, priority=1))
    shop.promotion("next", document(benefit={"type": "amount_off", "amount": 10, **EURO}, priority=2))
    (quoted,) = shop.quote(("cola", 4)).lines
    assert [(one.promotion, one.amount, one.quantity) for one in quoted.discounts] == [
        ("first", 50, 1),
        ("next", 30, 3),
    ]


def test_an_exclusive_promotion_that_takes_nothing_off_takes_no_units() -> None:
    shop = Shop()
    shop.prices(cola=100)
    tiny = {"type": "threshold", "minimum": 1, **EURO, "percent": 0.01}
    shop.promotion("first", document(benefit=tiny, priority=1))
    shop.promotion("next", document(benefit={"type": "amount_off", "amount": 10, **EURO}, priority=2))
    assert shop.net(("cola", 1)) == 90


def test_each_basket_has_the_promotions_of_its_currency_and_all_lines_are_listed() -> None:
    shop = Shop()
    shop.price("cheese", {"amount": 1_000, "currency": "CHF"})
    shop.price("ham_g", {"amount": 200, "per": 100})
    shop.promotion("francs", document(benefit={"type": "amount_off", "amount": 100, "currency": "CHF"}, priority=1))
    shop.promotion("euros", document(benefit={"type": "amount_off", "amount": 10, **EURO}, priority=2))
    quote = shop.quote(("ham_g", 300), ("cheese", 2))
    assert [(line.sku, line.net_amount) for line in quote.lines] == [("cheese", 1_800), ("ham_g", 570)]
    (discount,) = quote.lines[1].discounts
    assert (discount.quantity, discount.reason) == (300, "0.10 EUR off per 100")
