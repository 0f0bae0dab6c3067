"""Prices and promotions over HTTP at a store that runs alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.callers import Caller

PRICE = {"amount": 179, "currency": "EUR"}
SALE = {"benefit": {"type": "n_for_m", "take": 3, "pay": 2}, "applies_to": {"all": True}}
OWN = "?rank=store&at=store-1"


async def put(store: Caller, path: str, value: Any) -> tuple[int, str | None]:
    """Write a document; return the status and the field that is wrong."""
    status, answer = await store.write(f"/v1/documents/{path}", value, method="PUT")
    return status, answer.get("field")


@pytest.mark.parametrize(("path", "value"), [("price/cola", PRICE), ("promotion/sale", SALE)])
async def test_a_store_without_a_connection_writes_its_own_rank_only(store: Caller, path: str, value: Any) -> None:
    assert await put(store, path, value) == (403, "rank")
    assert await put(store, f"{path}{OWN}", value) == (200, None)
    assert (await store.good(f"/v1/documents/{path}"))["value"] == value


async def test_a_store_refuses_promotions_that_compete(store: Caller) -> None:
    assert await put(store, f"promotion/sale{OWN}", SALE) == (200, None)
    assert await put(store, f"promotion/other{OWN}", SALE) == (422, "priority")
    status, _ = await store.write(f"/v1/documents/promotion/sale{OWN}", None, method="DELETE")
    assert (status, await put(store, f"promotion/other{OWN}", SALE)) == (200, (200, None))
