"""A full disk: the node refuses writes, serves reads, writes nothing partially, and continues once there is space."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from shelfsync.chain import LocalChain
from tests.components import skip_without
from tests.processes.asking import eventually, get, journal, new_key, post, status

pytestmark = pytest.mark.processes

DISK = "2000k"
FILLER_BYTES = 1_000_000
RECEIVED = 1_000_000
PAGE_BYTES = 4_096
REFUSALS = 5
"""After this number of refusals in a row, the disk has no space even for one sale."""

LONG = "receipt-number-" * 16


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The data directory of store-1, on a separate small disk."""
    directory = tmp_path / "store-1"
    directory.mkdir()
    if os.geteuid() != 0:
        skip_without("a small disk", "only root may mount one")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", directory], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        skip_without("a small disk", f"mount failed: {mounted.stderr.decode().strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


async def test_full_disk_refuses_only_writes_and_only_until_there_is_space(
    small_disk: Path, chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(FILLER_BYTES))
    store = await chain.store("store-1", more=["--open-catalog"])
    await chain.ready()
    sales = f"{store.url}/v1/sales"
    body = {"lines": [{"sku": "cola", "quantity": 1}], "receipt": LONG}
    await post(client, f"{store.url}/v1/receipts", {"lines": [{"sku": "cola", "quantity": RECEIVED}]})
    accepted: list[str] = []
    refused: list[str] = []

    async def sell(refusals: int) -> None:
        in_a_row = 0
        while in_a_row < refusals:
            key = new_key()
            reply = await post(client, sales, body, key)
            if reply.status == 507:
                assert (reply.kind, reply.answer["type"]) == ("application/problem+json", "storage-full")
                refused.append(key)
                in_a_row += 1
            else:
                assert reply.status == 201, reply
                accepted.append(key)
                in_a_row = 0

    await asyncio.gather(*(sell(1) for _ in range(16)))
    stock = await get(client, f"{store.url}/v1/stock/cola")
    assert stock["on_hand"] == RECEIVED - len(accepted)

    await sell(REFUSALS)
    assert (await get(client, f"{store.url}/v1/stock/cola"))["on_hand"] == RECEIVED - len(accepted)
    assert (await status(client, store.url))["entries"] == len(accepted) + 1
    assert {entry["key"] for entry in (await journal(client, store.url))[1:]} == set(accepted)
    assert store.is_running

    filler.unlink()

    async def has_space() -> bool:
        return (await post(client, sales, body, refused[0])).status == 201

    await eventually(has_space, "a write succeeds after there is space again")
    for key in [*refused, *accepted[-50:]]:
        assert (await post(client, sales, body, key)).status == 201
    keys = [entry["key"] for entry in await journal(client, store.url)][1:]
    assert sorted(keys) == sorted([*accepted, *refused])
    assert (await get(client, f"{store.url}/v1/stock/cola"))["on_hand"] == RECEIVED - len(keys)

    await store.kill()
    await store.start()
    await store.ready()
    assert [entry["key"] for entry in await journal(client, store.url)][1:] == keys


async def test_node_serves_reads_while_it_refuses_writes(
    small_disk: Path, chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    store = await chain.store("store-1", more=["--open-catalog"])
    await chain.ready()
    (small_disk / "filler").write_bytes(bytes(900_000))
    full = asyncio.Event()
    statuses: list[int] = []

    async def sell() -> None:
        body = {"lines": [{"sku": "cola", "quantity": 1}], "receipt": LONG}
        while len(statuses) < 200:
            if (await post(client, f"{store.url}/v1/sales", body)).status == 507:
                full.set()

    async def read_stock() -> None:
        await full.wait()
        while len(statuses) < 200:
            async with client.get(f"{store.url}/v1/stock/cola") as response:
                statuses.append(response.status)

    await asyncio.gather(*(sell() for _ in range(8)), read_stock())
    assert set(statuses) == {200}


async def test_node_that_starts_on_a_full_disk_reports_it(small_disk: Path, chain: LocalChain) -> None:
    store = await chain.store("store-1")
    await store.ready()
    await store.kill()
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(bytes(PAGE_BYTES)):
            pass
    for shared in small_disk.glob("*-shm"):
        shared.unlink()
        with (small_disk / "filler-2").open("wb", buffering=0) as filler, suppress(OSError):
            while filler.write(bytes(PAGE_BYTES)):
                pass
    await store.start()
    async with asyncio.timeout(10):
        assert await store.wait() == 3
    assert "next to no room" in store.log_end()
    (small_disk / "filler").unlink()
    await store.start()
    await store.ready()
