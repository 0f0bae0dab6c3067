"""A real `shelfsync demo` as a child process, with its output in a file and its data in one directory."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shelfsync.chain import child_environment
from tests.processes.asking import eventually

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

    async def address(self) -> str:
        """Wait until the stores are open; return the one address that the demo prints."""
        found: list[str] = []

        async def seen() -> bool:
            found[:] = re.findall(r"http://\S+", self.output())
            return bool(found)

        await eventually(seen, "the demo prints its address", within_s=ENDS_S)
        (address,) = found
        return address

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
