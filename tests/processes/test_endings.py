"""The ends of processes, and requests that must not end one."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from shelfsync.chain import LocalChain, child_environment, free_port
from tests.processes.asking import get, post

pytestmark = pytest.mark.processes


async def test_hub_refuses_a_number_too_large_for_msgpack_and_continues(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    hub = await chain.hub("hub-east")
    await hub.ready()
    value = {"recipe": {"a": 1}, "attributes": {"n": 10**22}}
    reply = await post(client, f"{hub.url}/v1/documents/sku/x", value, method="PUT")
    assert (reply.status, reply.answer["field"]) == (422, "value")
    assert (await get(client, f"{hub.url}/v1/status"))["entries"] == 0


@pytest.mark.parametrize("damage", ["UPDATE streams SET hash = x'00'", "UPDATE segments SET bodies = x'c1'"])
async def test_unreadable_data_ends_the_process_and_releases_the_lock(
    chain: LocalChain, client: aiohttp.ClientSession, damage: str
) -> None:
    store = await chain.store("store-1", more=["--open-catalog"])
    await store.ready()
    await post(client, f"{store.url}/v1/receipts", {"lines": [{"sku": "cola", "quantity": 1}]})
    assert await store.stop() == 0
    with sqlite3.connect(store.data / "journal.sqlite") as connection:
        connection.execute(damage)
    connection.close()
    for _ in range(2):  # the second start shows that the first released the lock
        await store.start()
        async with asyncio.timeout(10):
            assert await store.wait() == 3
    assert "restore a backup" in store.log_end()


@pytest.mark.parametrize("flags", [["--location", "stroe-1"], ["--name", "stroe-1", "--location", "store-1"]])
async def test_a_start_with_flags_of_another_store_is_refused_in_one_line(
    chain: LocalChain, client: aiohttp.ClientSession, flags: list[str]
) -> None:
    store = await chain.store("store-1", more=["--open-catalog"])
    await store.ready()
    await post(client, f"{store.url}/v1/receipts", {"lines": [{"sku": "cola", "quantity": 1}]})
    assert await store.stop() == 0
    command = [sys.executable, "-m", "edge_node", "--name", "store-1", "--data", str(store.data), *flags]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 3
    (line,) = [one for one in ended.stderr.splitlines() if one.startswith("shelfsync: ")]
    assert "'store-1'" in line
    assert "'stroe-1'" in line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
async def test_node_stops_after_each_signal_that_requests_it(chain: LocalChain, number: signal.Signals) -> None:
    hub = await chain.hub("hub-east")
    await hub.ready()
    hub.send(number)
    async with asyncio.timeout(10):
        assert await hub.wait() == 0


@pytest.mark.parametrize(("level", "is_logged"), [("info", False), ("debug", True)])
async def test_invalid_http_is_logged_only_at_level_debug(chain: LocalChain, level: str, is_logged: bool) -> None:
    hub = await chain.hub("hub-east", more=["--log-level", level])
    await hub.ready()
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    writer.write(b"GET /v1/status HTTP/1.1\r\nBad Header: x\r\n\r\n")
    async with asyncio.timeout(10):
        assert b"400" in await reader.read()
    writer.close()
    assert await hub.stop() == 0
    assert ("Traceback" in hub.log_end(100)) == is_logged


async def test_node_serves_and_stops_after_the_reader_of_its_log_is_gone(
    tmp_path: Path, client: aiohttp.ClientSession
) -> None:
    port = free_port()
    reading, writing = os.pipe()
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", "edge_node", "--name", "store-1", "--data", str(tmp_path), "--port", str(port)],
        stdout=writing,
        stderr=writing,
        env=child_environment(),
    )
    os.close(writing)
    try:
        async with asyncio.timeout(20):
            while b'"serving"' not in (line := await asyncio.to_thread(os.read, reading, 65_536)):
                assert line, "the process ended"
        os.close(reading)
        assert (await get(client, f"http://127.0.0.1:{port}/v1/status"))["node"] == "store-1"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 10) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "address", ["http://localhost:notaport", "http://localhost:99999", "http://[::1", "http://:80"]
)
def test_invalid_address_is_a_wrong_flag(tmp_path: Path, address: str) -> None:
    command = [sys.executable, "-m", "edge_node", "--name", "store-1", "--data", str(tmp_path), "--hub", address]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, env=child_environment(), check=False)
    assert ended.returncode == 2
    assert "is not an address" in ended.stderr
