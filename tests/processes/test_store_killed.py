"""The process of a store is killed under load, at any moment."""

from __future__ import annotations

import aiohttp
import pytest

from shelfsync.chain import LocalChain
from tests.processes.asking import get, journal, post, times_of
from tests.processes.load import Load

pytestmark = pytest.mark.processes

ROUNDS = 5
RECEIVED = 1_000_000


async def test_every_answered_sale_survives_kill_9_exactly_once(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    store = await chain.store("store-1", more=["--open-catalog"])
    await chain.ready()
    await post(client, f"{store.url}/v1/receipts", {"lines": [{"sku": "cola", "quantity": RECEIVED}]})
    load = Load(client, store.url, seed=20)
    unsure = 0
    for _ in range(ROUNDS):
        async with load.selling():
            await load.some_more(20, 300)
            await store.kill()
        await store.start()
        await store.ready()

        entries = await journal(client, store.url)
        assert times_of((sale.key for sale in load.answered), entries) == {1: len(load.answered)}
        found = times_of((sale.key for sale in load.unsure), entries)
        assert set(found) <= {0, 1}
        unsure += len(load.unsure)

        await load.retry()
        await _check_journal_and_stock(client, store.url, load)
    assert unsure, "no kill interrupted a request, so the test shows nothing"


async def test_repeated_key_gets_the_same_bytes_before_and_after_kill_9(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    store = await chain.store("store-1", more=["--open-catalog"])
    await chain.ready()
    writes = {
        "receipts": {"lines": [{"sku": "cola", "quantity": 100}], "reference": "D-1"},
        "sales": {"lines": [{"sku": "cola", "quantity": 130}], "till": "3"},
        "returns": {"lines": [{"sku": "cola", "quantity": 2}], "disposition": "restock"},
        "counts": {"lines": [{"item": "cola", "counted": 40}]},
        "adjustments": {"lines": [{"item": "cola", "delta": -3, "reason": "broken"}]},
        "quarantine": {"lines": [{"item": "cola", "quantity": 5, "action": "put"}]},
    }
    first = {path: await post(client, f"{store.url}/v1/{path}", body, f"key-{path}") for path, body in writes.items()}
    assert {reply.status for reply in first.values()} == {201}
    reformatted = b'{ "till":"3", "lines":[ {"quantity":130,"sku":"cola"} ] }'

    async def repeat_all() -> None:
        for path, body in writes.items():
            assert await post(client, f"{store.url}/v1/{path}", body, f"key-{path}") == first[path]
        assert await post(client, f"{store.url}/v1/sales", reformatted, "key-sales") == first["sales"]
        assert await post(client, f"{store.url}/v1/sales", reformatted, '"key-sales"') == first["sales"]
        other = await post(client, f"{store.url}/v1/sales", {"lines": [{"sku": "cola", "quantity": 131}]}, "key-sales")
        assert (other.status, other.answer["type"]) == (422, "idempotency-key-reused")
        assert other.answer["field"] == "Idempotency-Key"
        assert len(await journal(client, store.url)) == len(writes)

    await repeat_all()
    await store.kill()
    await store.start()
    await store.ready()
    await repeat_all()


async def test_sigterm_under_load_exits_with_0_in_5_s_and_loses_no_answered_sale(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    store = await chain.store("store-1", more=["--open-catalog"])
    await chain.ready()
    await post(client, f"{store.url}/v1/receipts", {"lines": [{"sku": "cola", "quantity": RECEIVED}]})
    load = Load(client, store.url, seed=5)
    async with load.selling(), client.get(f"{store.url}/v1/feed"):
        await load.some_more(100, 200)
        assert await store.stop(within_s=5.0) == 0
    await store.start()
    await store.ready()
    assert times_of((sale.key for sale in load.answered), await journal(client, store.url)) == {1: len(load.answered)}
    await load.retry()
    await _check_journal_and_stock(client, store.url, load)


async def _check_journal_and_stock(client: aiohttp.ClientSession, url: str, load: Load) -> None:
    """Check that the journal has each answered sale once, with the answered hash, and that the stock matches."""
    entries = {entry["key"]: entry for entry in await journal(client, url)}
    assert len(entries) == len(load.answered) + 1
    for sale, answer in load.answered.items():
        entry = entries[sale.key]
        assert entry["hash"].encode() in answer
        assert [line["quantity"] for line in entry["lines"]] == [sale.quantity]
    stock = await get(client, f"{url}/v1/stock/cola")
    assert stock["on_hand"] == stock["available"] == RECEIVED - load.units
    assert stock["accounts"]["customer"] == load.units
