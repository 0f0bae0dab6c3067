"""`POST /v1/documents:preview`: what documents would change, beside what changes when they are written."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.rights.requests import Grant, GrantLine
from replica.runtime.driver import Ingress
from replica.runtime.http import preview_api
from tests.callers import Caller
from tests.core.chain import receipt, store

SHOP = {"type": "store", "name": "Shop", "region": "east", "time_zone": "Europe/Berlin"}
EUR = {"currency": "EUR"}


async def written(hub: Caller, kind: str, key: str, value: Any, rank: str = "chain", at: str = "") -> None:
    await hub.good(f"/v1/documents/{kind}/{key}?new_items=true&rank={rank}&at={at}", value, method="PUT")


def document(kind: str, key: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "key": key, "value": value, **more}


async def preview(hub: Caller, *documents: dict[str, Any], query: str = "") -> dict[str, Any]:
    """Preview documents, and check that nothing was written."""
    before = hub.node.replica.arrival, hub.node.replica.digests()
    answer = await hub.good(f"/v1/documents:preview?new_items=true&{query}", {"documents": list(documents)})
    assert (hub.node.replica.arrival, hub.node.replica.digests()) == before
    return answer


async def chain(hub: Caller) -> None:
    """Two stores with cola in the region east; the first granted the hub four of ten. No rights move by themselves."""
    hub.node.worker("RightsRebalancer").cancel()
    for number in (1, 2):
        await written(hub, "location", f"store-{number}", SHOP)
        away = store(number)
        away.ask(receipt(cola=10 * number, water=3))
        if number == 1:
            away.ask(Grant("hub-east", (GrantLine("cola", 4),)))
        away.commit()
        await (await hub.node.driver.take_in(away.runs(f"store-{number}"), Ingress()))
    await hub.node.housekeeping.learn()
    await written(hub, "sku", "cola", {"recipe": {"cola": 1}})
    await written(hub, "sku", "water", {"recipe": {"water": 1}, "attributes": {"brand": "spring"}})


def of(changes: dict[str, Any], *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(row[field] for field in fields) for row in changes["rows"]]


async def test_policy_shows_the_units_that_it_would_put_online(hub: Caller) -> None:
    await chain(hub)
    answer = await preview(hub, document("policy", "default", {"mode": "safety", "safety_stock": 2}))
    assert [one["status"] for one in answer["verdicts"]] == [200]
    rights = answer["rights"]
    assert of(rights, "location", "item", "available", "now", "then", "difference", "to_grant") == [
        ("store-2", "cola", 20, 0, 18, 18, 18),
        ("store-1", "cola", 10, 0, 8, 8, 4),
        ("store-1", "water", 3, 0, 1, 1, 1),
        ("store-2", "water", 3, 0, 1, 1, 1),
    ]
    assert (rights["total"], rights["is_capped"]) == (4, False)
    assert answer["prices"] == answer["sellable"] == {"rows": [], "total": 0, "is_capped": False}


async def test_policy_concerns_the_goods_that_no_other_policy_decides_about(hub: Caller) -> None:
    await chain(hub)
    await written(hub, "policy", "location:store-1,item:cola", {"mode": "share", "share": 0.5})
    every = document("policy", "default", {"mode": "safety"})
    assert of((await preview(hub, every))["rights"], "location", "item") == [
        ("store-2", "cola"),
        ("store-1", "water"),
        ("store-2", "water"),
    ]
    item = document("policy", "item:cola", {"mode": "safety"})
    assert of((await preview(hub, item))["rights"], "location", "item") == [("store-2", "cola")]
    shop = document("policy", "location:store-1", {"mode": "safety"})
    assert of((await preview(hub, shop))["rights"], "location", "item") == [("store-1", "water")]
    one = document("policy", "location:store-1,item:cola", {"mode": "share", "share": 0.2})
    fields = ("location", "item", "now", "then", "difference", "to_grant")
    assert of((await preview(hub, one))["rights"], *fields) == [("store-1", "cola", 5, 2, -3, 0)]
    cleared = document("policy", "location:store-1,item:cola", None)
    assert of((await preview(hub, cleared))["rights"], *fields) == [("store-1", "cola", 5, 0, -5, 0)]
    both = await preview(hub, cleared, every)
    assert of(both["rights"], *fields)[0] == ("store-2", "cola", 0, 20, 20, 20)
    assert ("store-1", "cola", 5, 10, 5, 6) in of(both["rights"], *fields)


async def test_policy_that_only_splits_anew_shows_its_parts(hub: Caller) -> None:
    await chain(hub)
    await written(hub, "policy", "item:cola", {"mode": "share", "share": 0.5, "channels": {"web": 0.4}})
    value = {"mode": "share", "share": 0.5, "channels": {"web": 0.2, "mall": 0.6}, "regions": {"east": 1.0}}
    row = (await preview(hub, document("policy", "item:cola", value)))["rights"]["rows"][1]
    assert (row["location"], row["now"], row["then"], row["difference"]) == ("store-2", 10, 10, 0)
    assert row["channels"] == {"mall": {"now": 0, "then": 6}, "web": {"now": 4, "then": 2}}
    assert row["regions"] == {"east": {"now": 0, "then": 10}}


async def test_units_of_a_forecast_are_unknown_to_a_hub(hub: Caller) -> None:
    await chain(hub)
    value = {"mode": "safety", "safety_stock": {"forecast": {"quantile": 0.9}}}
    rights = (await preview(hub, document("policy", "item:water", value)))["rights"]
    fields = ("location", "now", "then", "difference", "to_grant")
    assert of(rights, *fields) == [("store-1", 0, None, None, None), ("store-2", 0, None, None, None)]


async def test_price_shows_what_each_place_would_pay_with_promotions(hub: Caller) -> None:
    await chain(hub)
    await written(hub, "price", "cola", {"amount": 100, **EUR})
    half = {"benefit": {"type": "percentage", "percent": 50}, "applies_to": {"skus": ["cola"]}}
    await written(hub, "promotion", "half", half, "store", "store-2")
    answer = await preview(hub, document("price", "cola", {"amount": 120, **EUR}))
    assert of(answer["prices"], "sku", "rank", "at", "locations") == [
        ("cola", "region", "east", 1),
        ("cola", "store", "store-2", 1),
        ("cola", "chain", "", 2),
    ]
    first, second, _ = answer["prices"]["rows"]
    plain = {"list_amount": 100, "amount": 100, "currency": "EUR", "per": 1, "tax_inclusive": True, "promotions": []}
    assert first["now"] == plain
    assert first["then"] == {**plain, "list_amount": 120, "amount": 120}
    assert second["now"] == {**plain, "amount": 50, "promotions": ["half"]}
    assert second["then"] == {**plain, "list_amount": 120, "amount": 60, "promotions": ["half"]}
    await written(hub, "price", "cola", {"amount": 120, **EUR})
    for row in answer["prices"]["rows"]:
        location = row["at"] if row["rank"] == "store" else {"east": "store-1", "": "w-1"}[row["at"]]
        quote = await hub.good("/v1/quote", {"lines": [{"sku": "cola", "quantity": 1}], "location": location})
        assert quote["lines"][0]["net_amount"] == row["then"]["amount"]


async def test_price_of_a_store_concerns_only_that_store(hub: Caller) -> None:
    await chain(hub)
    await written(hub, "price", "cola", {"amount": 100, **EUR})
    own = document("price", "cola", {"amount": 80, **EUR}, rank="store", at="store-2")
    (row,) = (await preview(hub, own))["prices"]["rows"]
    assert (row["rank"], row["at"], row["now"]["amount"], row["then"]["amount"]) == ("store", "store-2", 100, 80)
    region = document("price", "cola", {"amount": 90, **EUR}, rank="region", at="east")
    (row,) = (await preview(hub, region))["prices"]["rows"]
    assert (row["rank"], row["at"], row["locations"], row["then"]["amount"]) == ("region", "east", 2, 90)


async def test_promotion_shows_the_price_of_each_sku_that_it_means(hub: Caller) -> None:
    await chain(hub)
    for sku in ("cola", "water"):
        await written(hub, "price", sku, {"amount": 100, **EUR})
    by_brand = {
        "benefit": {"type": "percentage", "percent": 10},
        "applies_to": {"attributes": {"brand": "spring"}},
    }
    at_all = {"benefit": {"type": "amount_off", "amount": 5, **EUR}, "applies_to": {"all": True}, "combinable": True}
    prices = (await preview(hub, document("promotion", "spring", by_brand)))["prices"]
    assert of(prices, "sku", "rank") == [("water", "region"), ("water", "chain")]
    assert prices["rows"][0]["then"]["amount"] == 90
    both = (await preview(hub, document("promotion", "a", by_brand), document("promotion", "b", at_all)))["prices"]
    amounts = {(row["sku"], row["rank"]): row["then"]["amount"] for row in both["rows"]}
    assert amounts["cola", "region"] == 95
    assert amounts["water", "region"] == 90
    await written(hub, "promotion", "b", at_all)
    gone = (await preview(hub, document("promotion", "b", None)))["prices"]
    assert {(row["sku"], row["now"]["amount"], row["then"]["amount"]) for row in gone["rows"]} == {
        ("cola", 95, 100),
        ("water", 95, 100),
    }


async def test_prices_are_compared_at_the_moment_that_the_caller_names(hub: Caller) -> None:
    await chain(hub)
    await written(hub, "price", "cola", {"amount": 100, **EUR})
    scheduled = {"amount": 100, **EUR, "scheduled": [{"amount": 70, "valid_from": "2050-01-01T00:00:00Z"}]}
    now = await preview(hub, document("price", "cola", scheduled))
    assert now["prices"]["rows"] == []
    later = await preview(hub, document("price", "cola", scheduled), query="moment=2050-01-02T00:00:00Z")
    assert later["at"] == "2050-01-02T00:00:00.000Z"
    assert {row["then"]["amount"] for row in later["prices"]["rows"]} == {70}
    status, problem = await hub.write("/v1/documents:preview?moment=soon", {"documents": [document("price", "x", 1)]})
    assert (status, problem["field"]) == (422, "moment")


async def test_recipe_shows_how_many_could_be_sold_where_its_items_are(hub: Caller) -> None:
    await chain(hub)
    answer = await preview(
        hub,
        document("sku", "cola", {"recipe": {"cola": 6}}),
        document("sku", "mix", {"recipe": {"cola": 2, "water": 1}}),
        document("sku", "water", None),
    )
    fields = ("location", "sku", "now", "then")
    assert sorted(of(answer["sellable"], *fields), key=str) == [
        ("store-1", "cola", 10, 1),
        ("store-1", "mix", None, 3),
        ("store-1", "water", 3, None),
        ("store-2", "cola", 20, 3),
        ("store-2", "mix", None, 3),
        ("store-2", "water", 3, None),
    ]
    await written(hub, "sku", "cola", {"recipe": {"cola": 6}})
    assert (await hub.good("/v1/sellable/cola?location=store-2"))["sellable"] == 3


async def test_invalid_document_gets_its_problem_and_the_others_count(hub: Caller) -> None:
    await chain(hub)
    answer = await preview(
        hub,
        document("policy", "default", {"mode": "keep", "safety_stock": -1}),
        document("price", "cola", {"amount": 100, "currency": "EU"}),
        document("sku", "cola", {"recipe": {"cola": 2}}),
    )
    first, second, third = answer["verdicts"]
    assert (first["status"], first["problem"]["field"]) == (422, "documents[0].value.safety_stock")
    assert (second["status"], second["problem"]["field"]) == (422, "documents[1].value.currency")
    assert (third["status"], third["document"]["value"]["recipe"]) == (200, {"cola": 2})
    assert [answer[name]["total"] for name in ("rights", "prices", "sellable")] == [0, 0, 2]


async def test_later_document_of_one_batch_counts(hub: Caller) -> None:
    await chain(hub)
    twice = [document("policy", "item:cola", {"mode": "share", "share": share}) for share in (0.1, 0.5)]
    assert of((await preview(hub, *twice))["rights"], "location", "then") == [("store-2", 10), ("store-1", 5)]


async def test_lists_are_bounded_and_say_so(hub: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    await chain(hub)
    for sku in ("cola", "water"):
        await written(hub, "price", sku, {"amount": 100, **EUR})
    policy = document("policy", "default", {"mode": "safety"})
    every = {"benefit": {"type": "percentage", "percent": 10}, "applies_to": {"all": True}}
    promotion = document("promotion", "p", every)
    sku = document("sku", "cola", {"recipe": {"cola": 2}})
    short = await preview(hub, policy, promotion, sku, query="limit=1")
    shown = {name: (len(short[name]["rows"]), short[name]["total"]) for name in ("rights", "prices", "sellable")}
    assert shown == {"rights": (1, 4), "prices": (1, 4), "sellable": (1, 2)}
    assert all(short[name]["is_capped"] for name in shown)
    for name in ("PAIRS_MAX", "QUOTES_MAX"):
        monkeypatch.setattr(preview_api, name, 1)
    capped = await preview(hub, policy, promotion, sku)
    assert all((capped[name]["total"], capped[name]["is_capped"]) == (1, True) for name in shown)
    monkeypatch.setattr(preview_api, "QUOTES_MAX", 100)
    monkeypatch.setattr(preview_api, "SKUS_MAX", 1)
    searched = (await preview(hub, promotion))["prices"]
    assert (of(searched, "sku")[0], searched["is_capped"]) == (("cola",), True)


async def test_store_previews_documents_of_its_own_rank(store: Caller) -> None:
    own = document("price", "cola", {"amount": 90, **EUR}, rank="store")
    answer = await preview(store, own, document("policy", "default", {"mode": "safety"}))
    (row,) = answer["prices"]["rows"]
    assert (row["rank"], row["at"], row["now"], row["then"]["amount"]) == ("store", "store-1", None, 90)
    refused = answer["verdicts"][1]
    assert (refused["status"], refused["problem"]["field"]) == (403, "documents[1].rank")
