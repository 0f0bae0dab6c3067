"""`shelfsync demo` as somebody runs it who wants to know whether this works."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shelfsync.chain import child_environment
from tests.processes.asking import eventually

pytestmark = pytest.mark.processes

ENDS_S = 60.0


class Running:
    """A demo under way, with all it says in a file and its data below one directory."""

    def __init__(self, process: asyncio.subprocess.Process, directory: Path) -> None:
        self.process = process
        self.directory = directory

    def said(self) -> str:
        return (self.directory / "said").read_text()

    def children(self) -> dict[str, int]:
        """Process ids of the nodes it runs, by name."""
        found = {}
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = file.read_text().split("\0")
            except OSError:
                continue  # it is gone
            if any(word.startswith(str(self.directory)) for word in words) and "--name" in words:
                found[words[words.index("--name") + 1]] = int(file.parent.name)
        return found

    async def shopping(self) -> None:
        """Wait until shoppers shop."""

        async def seen() -> bool:
            return "the stores are open" in self.said() and len(self.children()) == 3

        await eventually(seen, "the stores open")

    async def ended(self) -> int:
        async with asyncio.timeout(ENDS_S):
            return await self.process.wait()


@asynccontextmanager
async def demo(directory: Path, *flags: str) -> AsyncIterator[Running]:
    with (directory / "said").open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shelfsync", "demo", *flags),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={**child_environment(), "TMPDIR": str(directory)},
        )
    try:
        yield Running(process, directory)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_demo_of_12_seconds_ends_with_a_good_verdict_and_leaves_nothing(tmp_path: Path) -> None:
    async with demo(tmp_path, "--seconds", "12") as running:
        assert await running.ended() == 0, running.said()
        said = running.said()
        assert "verdict: EQUAL" in said
        assert "store-1 is cut off and sells alone" in said
        assert "5 nodes hold the same" in said
        assert not running.children()
        assert [entry.name for entry in tmp_path.iterdir()] == ["said"]


async def test_a_node_that_dies_ends_the_demo_with_the_end_of_its_log(tmp_path: Path) -> None:
    async with demo(tmp_path, "--stores", "2", "--regions", "1") as running:
        await running.shopping()
        os.kill(running.children()["store-2"], signal.SIGKILL)
        assert await running.ended() == 1
        assert "store-2 ended with exit code -9" in running.said()
        assert "peer connected" in running.said()
        assert not running.children()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_demo_that_is_ended_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    async with demo(tmp_path, "--stores", "2", "--regions", "1") as running:
        await running.shopping()
        running.process.send_signal(number)
        assert await running.ended() == (-9 if number is signal.SIGKILL else 1)

        async def nobody_left() -> bool:
            return not running.children()

        await eventually(nobody_left, "all nodes are gone", within_s=6.0)


async def test_ctrl_c_closes_the_stores_and_gives_the_verdict(tmp_path: Path) -> None:
    async with demo(tmp_path, "--stores", "2", "--regions", "1") as running:
        await running.shopping()
        running.process.send_signal(signal.SIGINT)
        assert await running.ended() == 0
        assert "verdict: EQUAL" in running.said()
        assert not running.children()
