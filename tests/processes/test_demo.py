"""`shelfsync demo` from the command line: verdicts, failures, and no process left running."""

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
    """A running demo, with its output in a file and its data in one directory."""

    def __init__(self, process: asyncio.subprocess.Process, directory: Path) -> None:
        self.process = process
        self.directory = directory

    def output(self) -> str:
        return (self.directory / "output").read_text()

    def children(self) -> dict[str, int]:
        """The process ids of its nodes, by name."""
        found = {}
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = file.read_text().split("\0")
            except OSError:
                continue  # the process has ended
            if any(word.startswith(str(self.directory)) for word in words) and "--name" in words:
                found[words[words.index("--name") + 1]] = int(file.parent.name)
        return found

    async def shopping(self) -> None:
        """Wait until the stores are open."""

        async def seen() -> bool:
            return "the stores are open" in self.output() and len(self.children()) == 3

        await eventually(seen, "the stores open")

    async def ended(self) -> int:
        async with asyncio.timeout(ENDS_S):
            return await self.process.wait()


@asynccontextmanager
async def demo(directory: Path, *flags: str) -> AsyncIterator[Running]:
    with (directory / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shelfsync", "demo", *flags),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**child_environment(), "TMPDIR": str(directory)},
        )
    try:
        yield Running(process, directory)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_demo_of_12_seconds_has_a_good_verdict_and_leaves_no_data(tmp_path: Path) -> None:
    async with demo(tmp_path, "--seconds", "12") as running:
        assert await running.ended() == 0, running.output()
        output = running.output()
        assert "verdict: EQUAL" in output
        assert "store-1 is cut off and sells alone" in output
        assert "5 nodes have the same state" in output
        assert not running.children()
        assert [entry.name for entry in tmp_path.iterdir()] == ["output"]


async def test_demo_ends_with_the_end_of_the_log_of_a_node_that_died(tmp_path: Path) -> None:
    async with demo(tmp_path, "--stores", "2", "--regions", "1") as running:
        await running.shopping()
        os.kill(running.children()["store-2"], signal.SIGKILL)
        assert await running.ended() == 1
        assert "store-2 ended with exit code -9" in running.output()
        assert "peer connected" in running.output()
        assert not running.children()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_demo_that_is_killed_leaves_no_process_running(tmp_path: Path, number: signal.Signals) -> None:
    async with demo(tmp_path, "--stores", "2", "--regions", "1") as running:
        await running.shopping()
        running.process.send_signal(number)
        assert await running.ended() == (-9 if number is signal.SIGKILL else 1)

        async def is_empty() -> bool:
            return not running.children()

        await eventually(is_empty, "all nodes have ended", within_s=6.0)


async def test_ctrl_c_closes_the_stores_and_gives_the_verdict(tmp_path: Path) -> None:
    async with demo(tmp_path, "--stores", "2", "--regions", "1") as running:
        await running.shopping()
        running.process.send_signal(signal.SIGINT)
        assert await running.ended() == 0
        assert "verdict: EQUAL" in running.output()
        assert not running.children()
