"""Search over HTTP: words and characters, filters, order, pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from replica.core.base.limits import SEARCH_CANDIDATES_MAX
from replica.core.catalog.documents import pack_value
from replica.core.state.commands import DocumentWrite
from replica.runtime.http import search_api
from tests.callers import Caller

GOODS = {
    "cola": ({"en": "Cola classic", "zh": "可口可乐经典"}, {"brand": "acme", "litres": 0.5}, 199),
    "cola-zero": ({"en": "Cola zero", "zh": "零度可乐"}, {"brand": "acme", "litres": 1}, 149),
    "lemon": ({"en": "Lemonade"}, {"brand": "sour", "organic": True}, 249),
    "old-cola": ({"en": "Cola of last year"}, {"brand": "acme"}, 99),
}


@pytest.fixture
async def chain(hub: Caller) -> Caller:
    """A hub with some goods, in stock at two warehouses."""
    documents: list[dict[str, Any]] = []
    for sku, (names, attributes, amount) in GOODS.items():
        value: dict[str, Any] = {"recipe": {sku: 1}, "names": names, "attributes": attributes}
        if sku == "old-cola":
            value["status"] = "ended"
        documents.append({"kind": "sku", "key": sku, "value": value})
        documents.append({"kind": "price", "key": sku, "value": {"amount": amount, "currency": "EUR"}})
    for name, lat in (("w-1", 48.0), ("w-2", 52.0)):
        place = {"type": "warehouse", "name": name, "region": "east", "lat": lat, "lon": 11.0}
        documents.append({"kind": "location", "key": name, "value": place})
    answer = await hub.good("/v1/documents:batch?new_items=true", {"documents": documents})
    assert all(verdict["status"] == 200 for verdict in answer["verdicts"])
    await receive(hub, "w-1", cola=3, lemon=1)
    await receive(hub, "w-2", **{"cola": 4, "cola-zero": 9})
    return hub


async def receive(hub: Caller, location: str, **units: int) -> None:
    """Bring goods in."""
    lines = [{"item": item, "quantity": quantity} for item, quantity in units.items()]
    await hub.good(f"/v1/receipts?location={location}", {"lines": lines})


async def found(caller: Caller, query: str) -> list[str]:
    """The SKUs on the first page of a search."""
    return [one["sku"] for one in (await caller.good(f"/v1/search?{query}"))["skus"]]


@pytest.mark.parametrize("text", ["col", "COLA cl", "可口可乐", "乐", "口可", "典", "acme class"])
async def test_beginnings_of_words_and_each_character_find_a_sku(chain: Caller, text: str) -> None:
    assert "cola" in await found(chain, f"q={quote(text)}")


async def test_a_result_has_names_price_and_units(chain: Caller) -> None:
    (result,) = (await chain.good("/v1/search?q=classic"))["skus"]
    names, attributes, amount = GOODS["cola"]
    expected = {"sku": "cola", "names": names, "attributes": attributes, "available": 7}
    assert result == {**expected, "price": amount, "currency": "EUR"}
    (there,) = (await chain.good("/v1/search?q=classic&location=w-1"))["skus"]
    assert there["available"] == 3


async def test_a_result_has_the_unit_of_measured_goods_only(store: Caller) -> None:
    for sku, unit in (("gouda", "GRM"), ("brie", "EA")):
        value = pack_value({"recipe": {sku: 1}, "names": {"en": f"Cheese {sku}"}, "unit": unit})
        await store.node.driver.submit(DocumentWrite("sku", sku, value, sku.encode(), True))

    skus = (await store.good("/v1/search?q=cheese"))["skus"]

    assert {one["sku"]: one.get("unit") for one in skus} == {"gouda": "GRM", "brie": None}


@pytest.mark.parametrize(
    ("query", "skus"),
    [
        ("q=cola", ["cola", "cola-zero"]),
        ("q=cola&status=any", ["cola", "old-cola", "cola-zero"]),
        ("q=cola&status=ended", ["old-cola"]),
        ("q=cola&sort=price", ["cola-zero", "cola"]),
        ("q=cola&sort=-available", ["cola-zero", "cola"]),
        ("q=cola&price_min=150", ["cola"]),
        ("q=cola&price_max=149", ["cola-zero"]),
        ("q=cola&available_min=8", ["cola-zero"]),
        ("q=acme&attribute.litres=0.5", ["cola"]),
        ("q=acme&attribute.litres=1", ["cola-zero"]),
        ("q=le&attribute.organic=true", ["lemon"]),
        ("q=acme&attribute.brand=sour", []),
        ("q=cola&near=48,11&sort=distance", ["cola", "cola-zero"]),
        ("q=cola&near=52.1,11&sort=distance,-price", ["cola", "cola-zero"]),
        ("q=cola&near=48,11&within_km=10", ["cola"]),
        ("q=nothing", []),
        ("sort=sku", ["cola", "cola-zero", "lemon"]),
        ("q=+&attribute.brand=acme&sort=sku", ["cola", "cola-zero"]),
        ("status=ended", ["old-cola"]),
    ],
)
async def test_filters_and_sort_keys_decide_what_is_shown(chain: Caller, query: str, skus: list[str]) -> None:
    assert await found(chain, query) == skus


async def test_what_is_sold_often_comes_first_at_a_store(store: Caller) -> None:
    for sku in ("cola-a", "cola-b"):
        value = pack_value({"recipe": {sku: 1}, "names": {"en": sku}})
        await store.node.driver.submit(DocumentWrite("sku", sku, value, sku.encode(), True))
    await store.good("/v1/sales", {"lines": [{"sku": "cola-b", "quantity": 2}]})
    assert await found(store, "q=cola") == ["cola-b", "cola-a"]


async def test_pages_follow_each_other_without_gaps(chain: Caller) -> None:
    first = await chain.good("/v1/search?q=cola&status=any&limit=2&sort=sku")
    assert [one["sku"] for one in first["skus"]] == ["cola", "cola-zero"]
    rest = await chain.good(f"/v1/search?q=cola&status=any&limit=2&sort=sku&cursor={first['next']}")
    assert ([one["sku"] for one in rest["skus"]], rest["next"]) == (["old-cola"], None)


async def test_a_changed_or_deleted_sku_is_found_as_it_is_now(chain: Caller) -> None:
    await chain.good("/v1/documents/sku/lemon", {"recipe": {"lemon": 1}, "names": {"en": "Bitter"}}, method="PUT")
    assert (await found(chain, "q=lemonade"), await found(chain, "q=bitter")) == ([], ["lemon"])
    await chain.write("/v1/documents/sku/lemon", None, method="DELETE")
    assert await found(chain, "q=bitter") == []


async def test_a_sku_that_ends_or_begins_again_leaves_or_joins_the_results(chain: Caller) -> None:
    value = {"recipe": {"lemon": 1}, "names": {"en": "Lemonade"}, "attributes": {"organic": True}}
    for status, active, ended in (("ended", [], ["lemon"]), ("active", ["lemon"], [])):
        await chain.good("/v1/documents/sku/lemon", value | {"status": status}, method="PUT")
        assert [await found(chain, f"q=lemonade{more}") for more in ("", "&status=ended")] == [active, ended]
    value["attributes"] = {"organic": False}
    await chain.good("/v1/documents/sku/lemon", value, method="PUT")
    shown = [await found(chain, f"q=lemonade&attribute.organic={flag}") for flag in ("true", "false")]
    assert shown == [[], ["lemon"]]


async def many_teas(store: Caller, number: int) -> list[str]:
    """Write so many SKUs that share a character. Every tenth is green."""
    skus = [f"tea-{count:04}" for count in range(number)]
    writes = [
        DocumentWrite(
            "sku",
            sku,
            pack_value(
                {"recipe": {"tea": 1}, "names": {"zh": f"茶{sku[::-1]}"}, "attributes": {"green": count % 10 == 9}}
            ),
            sku.encode(),
            True,
        )
        for count, sku in enumerate(skus)
    ]
    await store.node.driver.submit_all(writes)
    return skus


async def paged(caller: Caller, query: str) -> list[dict[str, Any]]:
    """All pages of a search."""
    pages = [await caller.good(f"/v1/search?{query}")]
    while pages[-1]["next"] is not None:
        pages.append(await caller.good(f"/v1/search?{query}&cursor={pages[-1]['next']}"))
    return pages


async def test_pages_show_each_of_2000_skus_that_share_a_character_once(store: Caller) -> None:
    skus = await many_teas(store, 2_000)
    pages = await paged(store, f"q={quote('茶')}&limit=97")
    shown = [one["sku"] for page in pages for one in page["skus"]]
    assert sorted(shown) == skus
    first = shown[:SEARCH_CANDIDATES_MAX]
    assert first == sorted(skus[:SEARCH_CANDIDATES_MAX], key=lambda sku: sku[::-1])
    assert [page["is_capped"] for page in pages[:1] + pages[-1:]] == [True, False]


async def test_pages_without_a_text_show_each_sku_of_the_catalogue_once(store: Caller) -> None:
    skus = await many_teas(store, 1_100)
    pages = await paged(store, "limit=100")
    assert sorted(one["sku"] for page in pages for one in page["skus"]) == skus


async def test_pages_with_a_filter_go_on_past_skus_that_do_not_fit_it(store: Caller) -> None:
    skus = await many_teas(store, 1_100)
    pages = await paged(store, f"q={quote('茶')}&attribute.green=true&limit=100")
    assert sorted(one["sku"] for page in pages for one in page["skus"]) == skus[9::10]


async def test_a_page_looks_for_the_first_sku_that_fits_its_filter_far_behind(store: Caller) -> None:
    skus = await many_teas(store, 1_200)
    value = pack_value({"recipe": {"tea": 1}, "names": {"zh": "茶"}, "attributes": {"rare": True}})
    await store.node.driver.submit(DocumentWrite("sku", "zz", value, b"zz", True))
    assert await found(store, f"q={quote('茶')}&attribute.rare=true") == ["zz"]
    assert len(skus) > 2 * SEARCH_CANDIDATES_MAX


async def test_a_request_looks_at_a_bounded_part_of_the_catalogue(
    store: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_api, "STRETCHES_MAX", 2)
    await many_teas(store, 1_200)
    empty = await store.good(f"/v1/search?q={quote('茶')}&attribute.green=none")
    assert (empty["skus"], empty["is_capped"]) == ([], True)
    assert (await store.good(f"/v1/search?q={quote('茶')}&attribute.green=none&cursor={empty['next']}"))["next"] is None


@pytest.mark.parametrize("cursor", ["x", "1.", ".1", "-1", "1.2.3", "1" * 30])
async def test_a_cursor_that_no_page_gave_is_refused(store: Caller, cursor: str) -> None:
    status, problem = await store.read(f"/v1/search?q=cola&cursor={cursor}")
    assert (status, problem["field"]) == (422, "cursor")


async def test_a_search_that_too_many_skus_fit_says_so(store: Caller) -> None:
    for number in range(SEARCH_CANDIDATES_MAX + 1):
        value = pack_value({"recipe": {"cola": 1}, "names": {"en": f"Cola {number}"}})
        await store.node.driver.submit(DocumentWrite("sku", f"c{number}", value, b"%d" % number, True))
    assert (await store.good("/v1/search?q=cola"))["is_capped"]
    assert not (await store.good("/v1/search?q=cola+500"))["is_capped"]


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("q=%21", 422, "q"),
        ("q=" + "a" * 300, 422, "q"),
        ("q=a&sort=size", 422, "sort[0]"),
        ("q=a&sort=distance", 422, "sort[0]"),
        ("q=a&sort=price,-price", 422, "sort[1]"),
        ("q=a&price_min=x", 422, "price_min"),
        ("q=a&price_min=2&price_max=1", 422, "price.most"),
        ("q=a&near=91,0", 422, "near"),
        ("q=a&within_km=5", 422, "within_km"),
        ("q=a&near=1,1&within_km=0", 422, "within_km"),
        ("q=a&attribute.=x", 422, "attribute."),
        ("q=a&attribute.brand=", 422, "attribute.brand"),
        ("q=a&status=gone", 422, "status"),
        ("q=a&limit=101", 422, "limit"),
        ("q=a&cursor=-1", 422, "cursor"),
        ("q=a&location=nowhere", 404, "location"),
    ],
)
async def test_a_wrong_search_names_the_field(chain: Caller, query: str, status: int, field: str) -> None:
    answered, problem = await chain.read(f"/v1/search?{query}")
    assert (answered, problem["field"]) == (status, field)
