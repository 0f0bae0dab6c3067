"""Batches of documents that write changes only, and dry runs, at a hub."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.callers import Caller

COLA = {"recipe": {"cola": 1}, "names": {"en": "Cola", "zh": "可乐"}}
SIX = {"recipe": {"cola": 6}, "barcodes": ["4006381333931"]}


async def batch(hub: Caller, query: str, *documents: dict[str, Any], key: str | None = None) -> list[dict[str, Any]]:
    """Send documents in one batch. Return the verdicts."""
    body = {"documents": list(documents)}
    return list((await hub.good(f"/v1/documents:batch?{query}", body, key=key))["verdicts"])


def sku(key: str, value: Any) -> dict[str, Any]:
    """One document of a batch."""
    return {"kind": "sku", "key": key, "value": value}


async def entries(hub: Caller) -> int:
    """How many entries the hub has written."""
    return int((await hub.good("/v1/status"))["entries"])


async def test_the_same_documents_again_are_unchanged_and_write_no_entry(hub: Caller) -> None:
    documents = sku("cola", COLA), sku("six", SIX)
    written = await batch(hub, "unchanged=skip", *documents)
    before = await entries(hub)
    again = await batch(hub, "unchanged=skip", *documents)
    assert [one.get("unchanged", False) for one in written] == [False, False]
    assert [one["unchanged"] for one in again] == [True, True]
    assert [one["status"] for one in again] == [200, 200]
    assert [one["document"] for one in again] == [one["document"] for one in written]
    assert await entries(hub) == before


async def test_without_the_query_the_same_document_is_written_again(hub: Caller) -> None:
    await batch(hub, "", sku("cola", COLA))
    (again,) = await batch(hub, "", sku("cola", COLA))
    assert (again["document"]["version"], "unchanged" in again) == (2, False)


async def test_the_order_of_names_in_a_value_is_no_change_but_a_type_is(hub: Caller) -> None:
    both = {"recipe": {"cola": 1, "ice": 2}, "attributes": {"size": 1}}
    await batch(hub, "", sku("cup", both))
    (turned,) = await batch(hub, "unchanged=skip", sku("cup", {**both, "recipe": {"ice": 2, "cola": 1}}))
    assert turned["unchanged"]
    for size in (True, 1.5, "1"):
        (other,) = await batch(hub, "unchanged=skip", sku("cup", {**both, "attributes": {"size": size}}))
        assert (other.get("unchanged", False), other["document"]["value"]["attributes"]) == (False, {"size": size})


async def test_a_document_that_is_unchanged_within_its_own_batch_is_written_once(hub: Caller) -> None:
    first, second = await batch(hub, "unchanged=skip", sku("cola", COLA), sku("cola", COLA))
    assert (first.get("unchanged", False), second["unchanged"]) == (False, True)


async def test_a_repeated_key_gets_the_first_answer_and_not_unchanged(hub: Caller) -> None:
    first = await batch(hub, "unchanged=skip", sku("cola", COLA), key="import-1")
    assert await batch(hub, "unchanged=skip", sku("cola", COLA), key="import-1") == first


async def test_two_batches_with_one_document_at_the_same_time_write_it_once(hub: Caller) -> None:
    verdicts = await asyncio.gather(*(batch(hub, "unchanged=skip", sku("cola", COLA)) for _ in range(8)))
    assert sorted(one.get("unchanged", False) for (one,) in verdicts) == [False] + 7 * [True]
    assert {one["document"]["version"] for (one,) in verdicts} == {1}


async def test_clearing_what_has_no_value_is_unchanged(hub: Caller) -> None:
    (never,) = await batch(hub, "unchanged=skip", sku("cola", None))
    assert (never["status"], never["unchanged"], "document" in never) == (200, True, False)
    await batch(hub, "", sku("cola", COLA), sku("cola", None))
    (cleared,) = await batch(hub, "unchanged=skip", sku("cola", None))
    assert (cleared["unchanged"], cleared["document"]["value"]) == (True, None)


async def test_an_unchanged_document_is_not_checked_against_the_catalogue_again(hub: Caller) -> None:
    crate = {"recipe": {"colla-nut": 24}}
    await batch(hub, "new_items=true", sku("nut", {"recipe": {"cola-nut": 1}}), sku("crate", crate))
    (again,) = await batch(hub, "unchanged=skip", sku("crate", crate))
    assert again["unchanged"]


async def test_a_dry_run_gives_each_verdict_and_writes_nothing(hub: Caller) -> None:
    await batch(hub, "", sku("cola", COLA))
    before = await entries(hub)
    verdicts = await batch(
        hub,
        "dry_run=true&unchanged=skip",
        sku("cola", COLA),
        sku("six", SIX),
        sku("bad", {"recipe": {}}),
        sku("crate", {"recipe": {"six": 4}}),
    )
    assert [one["status"] for one in verdicts] == [200, 200, 422, 200]
    assert [one.get("unchanged", False) for one in verdicts] == [True, False, False, False]
    assert verdicts[1]["document"] == {"kind": "sku", "key": "six", "version": 1, "value": SIX}
    assert verdicts[2]["problem"]["field"] == "documents[2].value.recipe"
    assert await entries(hub) == before
    assert (await hub.read("/v1/documents/sku/six"))[0] == 404


async def test_the_key_of_a_dry_run_stays_unused(hub: Caller) -> None:
    await batch(hub, "dry_run=true", sku("cola", COLA), key="import-1")
    (written,) = await batch(hub, "", sku("cola", COLA), key="import-1")
    assert (written["status"], written["document"]["version"]) == (200, 1)


async def test_a_dry_run_of_a_full_batch_answers_each_document(hub: Caller) -> None:
    documents = [sku(f"sku-{number}", {"recipe": {f"sku-{number}": 1}}) for number in range(1_000)]
    verdicts = await batch(hub, "dry_run=true", *documents)
    assert [one["key"] for one in verdicts] == [one["key"] for one in documents]


@pytest.mark.parametrize(("query", "field"), [("dry_run=yes", "dry_run"), ("unchanged=keep", "unchanged")])
async def test_a_query_field_with_another_value_is_refused_by_its_name(hub: Caller, query: str, field: str) -> None:
    status, problem = await hub.write(f"/v1/documents:batch?{query}", {"documents": [sku("cola", COLA)]})
    assert (status, problem["field"]) == (422, field)


async def test_unchanged_documents_do_not_count_as_refused_requests(hub: Caller) -> None:
    await batch(hub, "", sku("cola", COLA))
    await batch(hub, "unchanged=skip", sku("cola", COLA))
    assert hub.node.driver.counters.refused == 0


async def test_a_store_skips_its_own_rank_only(store: Caller) -> None:
    refused = {"kind": "policy", "key": "default", "value": {"mode": "keep"}}
    (verdict,) = await batch(store, "unchanged=skip&dry_run=true", refused)
    assert (verdict["status"], verdict["problem"]["field"]) == (403, "documents[0].rank")
