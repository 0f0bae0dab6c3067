"""Start and end of a node's process: exit codes, one clear line for each mistake, and the sources of its flags."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from shelfsync.chain import LocalChain, NodeProcess, child_environment, free_port
from tests.components import skip_on_this_machine
from tests.processes.asking import connected_to, eventually, get, metric, post, status

pytestmark = pytest.mark.processes

ENDS_S = 20.0


class Ended(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    output: str

    @property
    def error(self) -> str:
        """The only line about the error."""
        lines = [line for line in self.output.splitlines() if line.startswith(("Error:", "shelfsync:"))]
        assert len(lines) == 1, self.output
        assert "Traceback" not in self.output
        return lines[0]


async def run(*arguments: str | Path, variables: Mapping[str, str] | None = None, module: str = "edge_node") -> Ended:
    """Run a command that must end by itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *map(str, arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**child_environment(), **(variables or {})},
    )
    try:
        async with asyncio.timeout(ENDS_S):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return Ended(process.returncode, output.decode())


def flags(directory: Path, name: str = "store-1") -> list[str | Path]:
    return ["--name", name, "--data", directory / name, "--port", str(free_port())]


@pytest.fixture
async def stopped(chain: LocalChain, client: aiohttp.ClientSession) -> AsyncIterator[NodeProcess]:
    """A store that sold once and was stopped."""
    store = await chain.store("store-1", more=["--open-catalog"])
    await chain.ready()
    assert (await post(client, f"{store.url}/v1/sales", {"lines": [{"sku": "cola", "quantity": 1}]})).status == 201
    assert await store.stop() == 0
    yield store


async def test_two_processes_never_use_one_data_directory(chain: LocalChain, client: aiohttp.ClientSession) -> None:
    store = await chain.store("store-1", more=["--open-catalog"])
    await chain.ready()
    second = await run(*flags(chain.directory))
    assert second.code == 3
    assert "in use by another process" in second.error
    assert str(store.data) in second.error
    assert (await post(client, f"{store.url}/v1/sales", {"lines": [{"sku": "cola", "quantity": 1}]})).status == 201


async def test_a_node_does_not_open_the_data_of_another(stopped: NodeProcess) -> None:
    ended = await run("--name", "store-2", "--data", stopped.data, "--port", str(free_port()))
    assert ended.code == 3
    assert "'store-1'" in ended.error and "'store-2'" in ended.error


async def test_data_of_a_newer_program_is_refused_and_not_changed(stopped: NodeProcess) -> None:
    file = stopped.data / "journal.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 999")
    ended = await run("--name", "store-1", "--data", stopped.data, "--port", str(free_port()))
    assert ended.code == 3
    assert "999" in ended.error and "newer" in ended.error
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (999,)


async def test_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store-1").mkdir()
    (tmp_path / "store-1" / "journal.sqlite").write_bytes(b"not a database, whatever it is called" * 100)
    ended = await run(*flags(tmp_path))
    assert ended.code == 3
    assert "journal.sqlite" in ended.error


async def test_data_directory_that_cannot_be_created_is_refused() -> None:
    ended = await run("--name", "store-1", "--data", "/proc/store-1", "--port", str(free_port()))
    assert ended.code == 3
    assert "/proc/store-1" in ended.error


async def test_an_address_in_use_is_exit_code_4(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for module, more in (("edge_node", []), ("hub", ["--region", "east"])):
            ended = await run(
                "--name", "node-1", "--data", tmp_path / module, "--port", str(port), *more, module=module
            )
            assert ended.code == 4
            assert f"127.0.0.1:{port}" in ended.error


async def test_wrong_flag_or_key_gives_one_clear_line_and_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('colour = "red"')
    flag, key = await _all(
        [
            run(*flags(tmp_path), "--hub", "hub-east:8700"),
            run("--region", "east", *flags(tmp_path), "--config", file, module="hub"),
        ]
    )
    assert (flag.code, key.code) == (2, 2)
    assert "--hub" in flag.error and "hub-east:8700" in flag.error
    assert "'colour'" in key.error and str(file) in key.error


async def test_flags_come_from_command_line_then_environment_then_file(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    hub = await chain.hub("hub-east")
    await chain.ready()
    port = free_port()
    file = chain.directory / "store.toml"
    file.write_text(
        f'name = "from-file"\nlocation = "shop-7"\ndata = "{chain.directory / "data"}"\nport = 1\n'
        f'open-catalog = true\nhub = "{hub.url}"\nhome-after = 1.5\n'
    )
    variables = {"SHELFSYNC_PORT": str(port), "SHELFSYNC_NAME": "from-environment", "SHELFSYNC_CONFIG": str(file)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shelfsync", "edge", "--name", "from-flag"),
        stderr=subprocess.DEVNULL,
        env={**child_environment(), **variables},
    )
    try:
        await _serving(client, port)
        url = f"http://127.0.0.1:{port}"
        found = await status(client, url)
        assert (found["node"], found["location"]) == ("from-flag", "shop-7")
        sale = await post(client, f"{url}/v1/sales", {"lines": [{"sku": "cola", "quantity": 1}]})
        assert sale.status == 201  # the catalogue is open
        await eventually(lambda: connected_to(client, url, "hub-east"), "the store dials the hub from the file")
    finally:
        process.terminate()
        assert await process.wait() == 0


async def test_one_variable_may_contain_several_addresses_of_hubs(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    hub = await chain.hub("hub-east")
    await chain.ready()
    port = free_port()
    variables = {
        "SHELFSYNC_NAME": "store-1",
        "SHELFSYNC_DATA": str(chain.directory / "data"),
        "SHELFSYNC_PORT": str(port),
        "SHELFSYNC_HUB": f"http://127.0.0.1:{free_port()} {hub.url}",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge_node"), stderr=subprocess.DEVNULL, env={**child_environment(), **variables}
    )
    try:
        await _serving(client, port)
        url = f"http://127.0.0.1:{port}"
        await eventually(lambda: connected_to(client, url, "hub-east"), "the store tries the second address")
    finally:
        process.terminate()
        assert await process.wait() == 0


async def test_node_reports_health_readiness_openapi_and_metrics(
    chain: LocalChain, client: aiohttp.ClientSession
) -> None:
    nodes = [await chain.store("store-1"), await chain.hub("hub-east")]
    await chain.ready()
    for node in nodes:
        assert (await get(client, f"{node.url}/healthz"))["status"] == "ok"
        assert (await get(client, f"{node.url}/readyz"))["ready"] is True
        assert (await get(client, f"{node.url}/openapi.json"))["openapi"] == "3.1.0"
        assert await metric(client, node.url, "shelfsync_ready") == 1


async def test_node_without_keys_serves_only_this_machine(chain: LocalChain, client: aiohttp.ClientSession) -> None:
    address = _other_address()
    if address is None:
        skip_on_this_machine("it has no address except loopback")
    store = await chain.store("store-1", more=["--host", "0.0.0.0", "--open-catalog"])
    await chain.ready()
    sale = {"lines": [{"sku": "cola", "quantity": 1}]}
    reply = await post(client, f"http://{address}:{store.port}/v1/sales", sale)
    assert (reply.status, reply.answer["type"]) == (403, "forbidden")
    assert (await post(client, f"{store.url}/v1/sales", sale)).status == 201


async def test_failing_chain_leaves_no_process_running(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        async with LocalChain(tmp_path) as chain:
            node = await chain.store("store-1")
            raise RuntimeError("a failure of the test itself")
    with pytest.raises(ProcessLookupError):
        os.kill(node.pid, 0)


async def _serving(client: aiohttp.ClientSession, port: int) -> None:
    async def ready() -> bool:
        try:
            async with client.get(f"http://127.0.0.1:{port}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    await eventually(ready, f"port {port} serves")


async def _all(runs: Iterable[Coroutine[Any, Any, Ended]]) -> list[Ended]:
    """Run commands at the same time."""
    return list(await asyncio.gather(*runs))


def _other_address() -> str | None:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return None if address.startswith("127.") else address
