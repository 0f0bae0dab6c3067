"""Documents over HTTP at a hub: pages, prefixes, history, ranks."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.state.document_kinds import DOCUMENT_KINDS
from tests.callers import Caller

SHOP = {"type": "store", "name": "Shop", "region": "east"}


async def put(hub: Caller, path: str, value: Any) -> dict[str, Any]:
    """Write a document, which must be accepted."""
    return await hub.good(f"/v1/documents/{path}", value, method="PUT")


async def clear(hub: Caller, path: str) -> None:
    """Clear a document."""
    status, answer = await hub.write(f"/v1/documents/{path}", None, method="DELETE")
    assert status == 200, answer


async def listed(hub: Caller, query: str) -> tuple[list[str], str | None]:
    """The keys on a page of SKUs, and the cursor of the next one."""
    page = await hub.good(f"/v1/documents/sku?{query}")
    return [one["key"] for one in page["documents"]], page["next"]


async def test_the_kinds_are_listed_with_the_ranks_of_their_documents(hub: Caller) -> None:
    kinds = {one["kind"]: one["ranks"] for one in (await hub.good("/v1/documents"))["kinds"]}
    assert list(kinds) == list(DOCUMENT_KINDS)
    assert (kinds["price"], kinds["sku"]) == (["chain", "region", "store"], ["chain"])


async def test_the_history_has_each_write_newest_first_and_says_which_one_stands(hub: Caller) -> None:
    for units in (1, 2):
        await put(hub, "sku/cola?new_items=true", {"recipe": {"cola": units}})
    await clear(hub, "sku/cola")
    await put(hub, "sku/other", {"recipe": {"other": 1}})
    history = await hub.good("/v1/documents/sku/cola/history")
    assert [(one["version"], one["is_current"]) for one in history["writes"]] == [(3, True), (2, False), (1, False)]
    assert [one["value"] and one["value"]["recipe"] for one in history["writes"]] == [None, {"cola": 2}, {"cola": 1}]
    assert {one["node"] for one in history["writes"]} == {"hub-east"}
    assert history["next"] is None


async def test_a_long_history_comes_page_by_page(hub: Caller) -> None:
    for number in range(5):
        await put(hub, "sku/cola?new_items=true", {"recipe": {"cola": number + 1}})
    versions, before = [], ""
    while True:
        page = await hub.good(f"/v1/documents/sku/cola/history?limit=2{before}")
        versions += [one["version"] for one in page["writes"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert versions == [5, 4, 3, 2, 1]


async def test_the_history_of_a_document_that_nobody_wrote_is_404(hub: Caller) -> None:
    status, problem = await hub.read("/v1/documents/sku/cola/history")
    assert (status, problem["field"]) == (404, "key")


async def test_a_page_can_be_limited_to_keys_with_a_prefix(hub: Caller) -> None:
    for sku in ("cola", "cola-6", "colb", "bread"):
        await put(hub, f"sku/{sku}?new_items=true", {"recipe": {sku: 1}})
    assert await listed(hub, "prefix=cola") == (["cola", "cola-6"], None)
    assert await listed(hub, "prefix=col&limit=2") == (["cola", "cola-6"], "cola-6")
    assert await listed(hub, "prefix=col&limit=2&cursor=cola-6") == (["colb"], None)
    assert await listed(hub, "limit=4") == (["bread", "cola", "cola-6", "colb"], None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("rank=shop", "rank"),
        ("rank=store&at=store-1", "rank"),
        ("rank=region&at=east", "rank"),
        ("rank=chain&at=east", "at"),
        ("rank=store", "at"),
        ("rank=region&at=%20", "at"),
    ],
)
async def test_a_write_at_a_rank_that_the_kind_does_not_have_names_the_field(
    hub: Caller, query: str, field: str
) -> None:
    await put(hub, "location/store-1", SHOP)
    status, problem = await hub.write(f"/v1/documents/sku/cola?{query}", {"recipe": {"cola": 1}}, method="PUT")
    assert (status, problem["type"], problem["field"]) == (422, "invalid-request", field)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("at=east", 422, "at"),
        ("location=w-1&rank=chain", 422, "location"),
        ("location=nowhere", 404, "location"),
    ],
)
async def test_a_read_at_a_contradictory_or_unknown_place_names_the_field(
    hub: Caller, query: str, status: int, field: str
) -> None:
    await put(hub, "sku/cola", {"recipe": {"cola": 1}})
    for path in ("sku/cola", "sku"):
        answered, problem = await hub.read(f"/v1/documents/{path}?{query}")
        assert (answered, problem["field"]) == (status, field)
