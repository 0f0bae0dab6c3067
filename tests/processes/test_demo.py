"""`shelfsync demo` from the command line: verdicts, failures, and no process left running."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.processes.asking import eventually
from tests.processes.demos import demo

pytestmark = pytest.mark.processes


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


async def test_demo_prints_one_address(tmp_path: Path) -> None:
    async with demo(tmp_path, "--stores", "1", "--regions", "1") as running:
        address = await running.address()
        assert address.startswith("http://127.0.0.1:")
        running.process.send_signal(signal.SIGINT)
        assert await running.ended() == 0
        assert running.output().count("http://") == 1
