"""Prices at a store: quotes, sales that keep the price they applied, and overrides by the store itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from replica.core.catalog.documents import pack_value
from replica.core.state.commands import DocumentWrite
from tests.callers import Caller

SHOP = {"type": "store", "name": "Shop", "region": "east", "time_zone": "Asia/Shanghai"}
PRICE = {"amount": 199, "currency": "EUR"}
THREE = {"benefit": {"type": "n_for_m", "take": 3, "pay": 2}, "applies_to": {"skus": ["cola"]}}


@pytest.fixture
async def shop(store: Caller) -> Caller:
    """A store whose chain has a price and a promotion of cola."""
    await chain_wide(store, "location", "store-1", SHOP)
    await chain_wide(store, "price", "cola", {**PRICE, "override": {"min": 150, "max": 250}})
    await chain_wide(store, "promotion", "three", THREE)
    return store


async def chain_wide(store: Caller, kind: str, key: str, value: Any) -> None:
    """Write a document of the chain, as a hub would."""
    await store.node.driver.submit(DocumentWrite(kind, key, pack_value(value), f"{kind}-{key}".encode()))


def sale(quantity: int, sku: str = "cola", **options: Any) -> dict[str, Any]:
    """A sale of one line."""
    return {"lines": [{"sku": sku, "quantity": quantity}], **options}


async def test_a_quote_says_what_a_basket_costs_and_why(shop: Caller) -> None:
    quote = await shop.good("/v1/quote", sale(4))
    (line,) = quote["lines"]
    assert (line["list_amount"], line["net_amount"]) == (796, 597)
    assert line["price"]["source"] == {"rank": "chain", "version": 1}
    (discount,) = line["discounts"]
    assert (discount["promotion"], discount["amount"], discount["reason"]) == ("three", 199, "3 for 2")
    (total,) = quote["totals"]
    assert (total["currency"], total["net_amount"]) == ("EUR", 597)
    assert quote["location"] == "store-1"


async def test_a_quote_lists_goods_without_a_price(shop: Caller) -> None:
    quote = await shop.good("/v1/quote", sale(1, "bread"))
    assert quote["lines"] == quote["totals"] == []
    assert [line["sku"] for line in quote["unpriced"]] == ["bread"]


async def test_a_quote_for_a_later_moment_has_the_scheduled_price(shop: Caller) -> None:
    later = {**PRICE, "scheduled": [{"amount": 299, "valid_from": "2030-01-01T00:00:00+08:00"}]}
    await chain_wide(shop, "price", "bread", later)
    for at, amount in (("2029-12-31T15:59:59Z", 199), ("2029-12-31T16:00:00Z", 299)):
        quote = await shop.good("/v1/quote", sale(1, "bread", at=at))
        assert quote["lines"][0]["net_amount"] == amount


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({"lines": [{"quantity": 1}]}, 422, "lines[0].sku"),
        ({"lines": [{"sku": "a", "barcode": "b", "quantity": 1}]}, 422, "lines[0].sku"),
        ({"lines": [{"barcode": "b", "quantity": 1}]}, 404, "lines[0].barcode"),
        ({"lines": [{"sku": "no item!", "quantity": 1}]}, 404, "lines[0].sku"),
        ({"lines": []}, 422, "lines"),
        (sale(1, at="tomorrow"), 422, "at"),
        (sale(1, location="store-2"), 422, "location"),
        (sale(1_000_000_000, "gold"), 422, "lines"),
    ],
)
async def test_a_wrong_basket_names_the_field(shop: Caller, query: dict[str, Any], status: int, field: str) -> None:
    await chain_wide(shop, "price", "gold", {"amount": 10**12, "currency": "EUR"})
    answered, problem = await shop.write("/v1/quote", query)
    assert (answered, problem["field"]) == (status, field)


async def test_a_sale_answers_with_the_price_that_it_applied(shop: Caller) -> None:
    sold = await shop.good("/v1/sales", sale(4))
    quoted = await shop.good("/v1/quote", sale(4))
    assert sold["quote"]["totals"] == quoted["totals"]
    assert sold["quote"]["lines"][0]["discounts"] == quoted["lines"][0]["discounts"]


async def test_a_repeated_sale_answers_with_the_price_of_the_first_one(shop: Caller) -> None:
    first = await shop.write("/v1/sales", sale(1), key="s-1")
    await chain_wide(shop, "price", "wine", {"amount": 1, "currency": "EUR"})
    await shop.good("/v1/documents/price/cola?rank=store", {**PRICE, "amount": 159}, method="PUT")
    assert await shop.write("/v1/sales", sale(1), key="s-1") == first
    assert (await shop.good("/v1/sales", sale(1)))["quote"]["lines"][0]["net_amount"] == 159


async def test_a_sale_without_prices_answers_as_before(shop: Caller) -> None:
    assert "quote" not in await shop.good("/v1/sales", sale(1, "bread"))


async def test_goods_are_sold_although_their_price_is_past_every_bound(shop: Caller) -> None:
    await chain_wide(shop, "price", "gold", {"amount": 10**12, "currency": "EUR"})
    assert "quote" not in await shop.good("/v1/sales", sale(1_000_000_000, "gold"))


async def test_each_sale_of_a_batch_has_its_price(shop: Caller) -> None:
    await shop.good("/v1/sales", sale(1), key="b-1")
    sales = [{"key": f"b-{number}", **sale(number)} for number in (1, 3)] + [{"key": "b-4", **sale(2, "bread")}]
    answer = await shop.good("/v1/sales:batch", {"sales": sales})
    assert [verdict["status"] for verdict in answer["verdicts"]] == [201, 201, 201]
    quotes = [verdict["sale"].get("quote") for verdict in answer["verdicts"]]
    assert [quote and quote["totals"][0]["net_amount"] for quote in quotes] == [199, 398, None]


async def test_a_sale_told_later_has_the_price_of_its_moment(shop: Caller) -> None:
    now = datetime.now(UTC)
    raised = {"amount": 120, "valid_from": (now - timedelta(minutes=30)).isoformat()}
    await chain_wide(shop, "price", "bread", {**PRICE, "amount": 100, "scheduled": [raised]})
    for hours, amount in ((1, 100), (0, 120), (-48, 120), (24 * 3_000, 120)):  # the last two cannot be true
        moment = (now - timedelta(hours=hours)).isoformat()
        sold = await shop.good("/v1/sales", sale(1, "bread", occurred_at=moment))
        assert sold["quote"]["totals"][0]["net_amount"] == amount


async def test_only_the_group_of_the_customer_gets_its_promotion(shop: Caller) -> None:
    staff = {**THREE, "benefit": {"type": "percentage", "percent": 50}, "customer_groups": ["staff"], "priority": 1}
    await chain_wide(shop, "promotion", "staff", staff)
    for group, amount in (("staff", 100), ("", 199), ("club", 199)):
        sold = await shop.write("/v1/sales", sale(1, customer_group=group), key=f"k-{group}")
        assert sold[1]["quote"]["totals"][0]["net_amount"] == amount
    status, problem = await shop.write("/v1/sales", sale(1, customer_group="club"), key="k-staff")
    assert (status, problem["type"]) == (422, "idempotency-key-reused")


async def test_a_store_overrides_a_price_within_the_limits_of_the_chain(shop: Caller) -> None:
    path = "/v1/documents/price/cola?rank=store"
    status, problem = await shop.write(path, {**PRICE, "amount": 149}, method="PUT")
    assert (status, problem["field"]) == (422, "amount")
    await shop.good(path, {**PRICE, "amount": 159}, method="PUT")
    there = await shop.good("/v1/documents/price/cola")
    assert (there["value"]["amount"], there["rank"], there["at"]) == (159, "store", "store-1")
    assert [(one["value"]["amount"], one.get("rank", "chain")) for one in there["overridden"]] == [(199, "chain")]
    assert (await shop.write(path, None, method="DELETE"))[0] == 200
    assert "rank" not in await shop.good("/v1/documents/price/cola")


@pytest.mark.parametrize("query", ["", "?rank=chain", "?rank=region&at=east", "?rank=store&at=store-2"])
async def test_a_store_writes_no_document_of_another_rank_or_store(shop: Caller, query: str) -> None:
    for method, value in (("PUT", PRICE), ("DELETE", None)):
        status, problem = await shop.write(f"/v1/documents/price/cola{query}", value, method=method)
        assert (status, problem["type"], problem["field"]) == (403, "forbidden", "rank")
