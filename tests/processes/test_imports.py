"""`shelfsync import` and `shelfsync export` as commands at a real hub: exit codes, reports, and a killed import."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from shelfsync.chain import LocalChain, NodeProcess, child_environment, free_port
from tests.processes.asking import eventually, get, status

pytestmark = pytest.mark.processes

ENDS_S = 60.0

ROWS = 20_000


class Ended(NamedTuple):
    """The exit code and the outputs of a command."""

    code: int
    output: str
    errors: str


async def start(*arguments: str | Path) -> asyncio.subprocess.Process:
    """Start a command."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shelfsync", *map(str, arguments)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_environment(),
    )


async def run(*arguments: str | Path) -> Ended:
    """Run a command that must end by itself."""
    process = await start(*arguments)
    try:
        async with asyncio.timeout(ENDS_S):
            output, errors = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert process.returncode is not None
    assert "Traceback" not in errors.decode()
    return Ended(process.returncode, output.decode(), errors.decode())


@pytest.fixture
async def hub(chain: LocalChain) -> AsyncIterator[NodeProcess]:
    node = await chain.hub("hub-east", more=["--hosts", "w-1"])
    await chain.ready()
    yield node


def table(path: Path, rows: int) -> Path:
    """A file with SKUs, of which two thirds are made of others."""
    lines = [
        f"sku-{one:06d},{'' if one % 3 == 0 else f'sku-{one - one % 3:06d}:{one % 3 + 1}'},Number {one},第{one}号"
        for one in range(rows)
    ]
    path.write_text("\n".join(["sku,recipe,name.en,name.zh", *lines]), "utf-8")
    return path


async def test_an_import_killed_in_the_middle_goes_on_and_writes_nothing_twice(
    hub: NodeProcess, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = table(tmp_path / "skus.csv", ROWS)
    arguments = ("import", path, "--kind", "skus", "--to", hub.url, "--new-items")
    process = await start(*arguments, "--verdicts", tmp_path / "first.csv")

    async def some() -> bool:
        return int((await status(client, hub.url))["entries"]) >= 1_000

    await eventually(some, "the hub has the first rows", ENDS_S)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    assert process.returncode == -signal.SIGKILL
    ended = await run(*arguments, "--verdicts", tmp_path / "second.csv")
    written, unchanged, refused = (int(part.split()[0]) for part in ended.output.splitlines()[-1].split(", "))
    assert (ended.code, written + unchanged, refused) == (0, ROWS, 0)
    assert unchanged >= 1_000
    assert (await status(client, hub.url))["entries"] == ROWS
    assert (await get(client, f"{hub.url}/v1/documents/sku/sku-000000"))["version"] == 1
    assert len((tmp_path / "second.csv").read_text().splitlines()) == ROWS + 1
    again = await run(*arguments)
    assert (again.code, again.output) == (0, f"0 written, {ROWS} unchanged, 0 refused\n")


async def test_exported_skus_are_unchanged_when_they_are_imported(hub: NodeProcess, tmp_path: Path) -> None:
    path = table(tmp_path / "skus.csv", 10)
    target = ("--kind", "skus", "--to", hub.url)
    assert (await run("import", path, *target, "--new-items")).code == 0
    for name in ("out.csv", "out.ndjson"):
        ended = await run("export", "--kind", "skus", "--from", hub.url, "--output", tmp_path / name)
        assert (ended.code, ended.errors) == (0, f"10 skus written to {tmp_path / name}\n")
        again = await run("import", tmp_path / name, *target)
        assert (again.code, again.output) == (0, "0 written, 10 unchanged, 0 refused\n")
    printed = await run("export", "--kind", "skus", "--from", hub.url)
    assert printed.output == (tmp_path / "out.csv").read_text("utf-8")


async def test_a_refused_row_is_exit_code_1_and_shown(hub: NodeProcess, tmp_path: Path) -> None:
    path = tmp_path / "skus.csv"
    path.write_text("Nr,recipe\ncola,\nsix,cola:x\n")
    ended = await run("import", path, "--kind", "skus", "--to", hub.url, "--map", "sku=Nr", "--dry-run")
    first, last = ended.output.splitlines()
    assert (ended.code, last) == (1, "1 to write, 0 unchanged, 1 refused")
    assert first.startswith("row 3 (six): recipe: 'x' is not a whole number")


async def test_what_cannot_be_read_is_one_line_and_exit_code_2(hub: NodeProcess, tmp_path: Path) -> None:
    path = tmp_path / "skus.csv"
    path.write_text("sku,colour\ncola,red\n")
    target = ("--kind", "skus", "--to", hub.url)
    for arguments, message in (
        ((path, *target), "no column 'colour'"),
        ((tmp_path / "none.csv", *target), "No such file"),
        ((path, *target, "--map", "sku"), "OURS=THEIRS"),
        ((path, *target, "--mapping", tmp_path / "none.toml"), "none.toml"),
        ((path, *target, "--verdicts", tmp_path / "no" / "verdicts.csv"), "verdicts.csv"),
    ):
        ended = await run("import", *arguments)
        assert ended.code == 2, ended
        assert [message in line for line in ended.errors.splitlines() if line.startswith("Error:")] == [True]
    ended = await run("export", "--kind", "levels", "--from", hub.url)
    assert (ended.code, "--location" in ended.errors) == (2, True)


async def test_a_node_that_does_not_answer_is_exit_code_3(tmp_path: Path) -> None:
    path = table(tmp_path / "skus.csv", 1)
    url = f"http://127.0.0.1:{free_port()}"
    for arguments in (("import", path, "--kind", "skus", "--to", url), ("export", "--kind", "skus", "--from", url)):
        ended = await run(*arguments, "--patience", "0")
        assert (ended.code, url in ended.errors) == (3, True)


async def test_a_table_for_spreadsheets_has_no_formulas(hub: NodeProcess, tmp_path: Path) -> None:
    path = tmp_path / "skus.csv"
    path.write_text('sku,name.en\ncola,"=HYPERLINK(""x"")"\ntea,-5 degrees\nmilk,Milk\n')
    assert (await run("import", path, "--kind", "skus", "--to", hub.url)).code == 0
    exported = ("export", "--kind", "skus", "--from", hub.url)
    assert ',"=HYPERLINK(""x"")"' in (await run(*exported)).output
    safe = (await run(*exported, "--for-spreadsheets")).output.splitlines()
    assert safe[1:] == ['cola,cola:1,"\'=HYPERLINK(""x"")"', "milk,milk:1,Milk", "tea,tea:1,'-5 degrees"]
