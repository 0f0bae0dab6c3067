"""A chain of real processes on this machine: hubs and stores as child processes.

Each has its own loopback port, data directory and log file. Rule: no child outlives its chain. Each child runs in its
own session, so that Ctrl-C reaches only the parent. The end of the `async with` block ends all children. If the parent
is killed, the kernel sends them SIGTERM (Linux).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import aiohttp

READY_S = 30.0
"""How long a process may take to serve; a busy machine starts ten at once."""

STOP_S = 6.0
"""How long a process may take to end after SIGTERM: the guaranteed 5 s, and one more for a busy machine."""

POLL_S = 0.05

PORTS = range(20_000, 32_000)
"""Below the range of the kernel's client ports, so that a port is still free after a restart."""

_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class NodeDied(Exception):
    """A process ended unexpectedly, or never served; the message contains the end of its log."""


class NodeProcess:
    """One node as a child process: start, stop, kill, start again."""

    def __init__(self, name: str, module: str, directory: Path, port: int, arguments: Sequence[str]) -> None:
        self.name = name
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.data = directory / name
        self.log = directory / f"{name}.log"
        self.arguments = tuple(arguments)
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = asyncio.Event()
        """Set while the process should run."""

    @property
    def command(self) -> list[str]:
        """The command line of the process."""
        own = ["--name", self.name, "--data", str(self.data), "--port", str(self.port)]
        return [sys.executable, "-m", self._module, *own, *self.arguments]

    @property
    def is_running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The id of the process that was started last."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start the process. Returns before it serves."""
        assert not self.is_running, f"{self.name} is already running"
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=child_environment(),
                start_new_session=True,
                preexec_fn=_die_with_parent if _libc is not None else None,
            )
        self._wanted.set()

    async def ready(self, within_s: float = READY_S) -> None:
        """Wait until the process serves. Raises NodeDied if it ends or takes too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s), aiohttp.ClientSession() as client:
                while self.is_running:
                    try:
                        async with client.get(f"{self.url}/readyz") as response:
                            if response.status == 200:
                                return
                    except aiohttp.ClientError:
                        pass
                    await asyncio.sleep(POLL_S)
        if self.is_running:
            raise NodeDied(f"{self.name} did not become ready within {within_s:g} s{self.log_end()}")
        raise self.death()

    async def wait(self) -> int:
        """Wait until the process ends; return its exit code, negative for a signal."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, within_s: float = STOP_S) -> int:
        """Send SIGTERM, and SIGKILL after a while; return the exit code."""
        self._wanted.clear()
        if self.is_running:
            self.send(signal.SIGTERM)
            try:
                async with asyncio.timeout(within_s):
                    return await self.wait()
            except TimeoutError:
                return await self.kill()
        return await self.wait()

    async def kill(self) -> int:
        """Send SIGKILL, and wait until the process ended."""
        self._wanted.clear()
        self.send(signal.SIGKILL)
        return await self.wait()

    async def watch(self) -> None:
        """Wait until the process ends by itself, then raise NodeDied. An end that was asked for is none."""
        while True:
            await self._wanted.wait()
            process = self._process
            await self.wait()
            if self._wanted.is_set() and process is self._process:
                raise self.death()

    def death(self) -> NodeDied:
        """The error for a process that ended unexpectedly."""
        assert self._process is not None
        return NodeDied(f"{self.name} ended with exit code {self._process.returncode}{self.log_end()}")

    def log_end(self, lines: int = 12) -> str:
        """The last lines of the log, each on its own indented line."""
        try:
            last = self.log.read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            last = []
        return "".join(f"\n    {line}" for line in last) or "; its log is empty"

    def send(self, number: signal.Signals) -> None:
        if self.is_running and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


class LocalChain:
    """Nodes that run until the end of a block: `async with LocalChain(directory) as chain`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.nodes: dict[str, NodeProcess] = {}

    async def __aenter__(self) -> LocalChain:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.stop()

    async def hub(
        self, name: str, *, region: str = "east", peers: Sequence[str] = (), more: Sequence[str] = ()
    ) -> NodeProcess:
        """Start a hub; call `ready` before use. `more`: further flags."""
        return await self.start(name, "hub", ["--region", region, *_each("--peer", peers), *more])

    async def store(
        self, name: str, *, hubs: Sequence[str] = (), region: str = "east", more: Sequence[str] = ()
    ) -> NodeProcess:
        """Start a store; the first of `hubs` is its home hub."""
        return await self.start(name, "edge_node", ["--region", region, *_each("--hub", hubs), *more])

    async def start(self, name: str, module: str, arguments: Sequence[str]) -> NodeProcess:
        """Start a node of either kind."""
        node = self.nodes[name] = NodeProcess(name, module, self.directory, free_port(), arguments)
        await node.start()
        return node

    async def ready(self) -> None:
        """Wait until all nodes serve. Raises NodeDied."""
        await asyncio.gather(*(node.ready() for node in self.nodes.values()))

    async def watch(self) -> None:
        """Wait until a node ends by itself, then raise NodeDied. A node that was killed on purpose may come back."""
        watching = [asyncio.ensure_future(node.watch()) for node in self.nodes.values()]
        try:
            done, _ = await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            for task in watching:
                task.cancel()

    async def stop(self) -> None:
        """Stop all nodes at the same time; kill each one that does not end in time."""
        started = [node for node in self.nodes.values() if node.is_running]
        ending = asyncio.gather(*(node.stop() for node in started))
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            for node in started:
                node.send(signal.SIGKILL)
            await ending
            raise


def free_port() -> int:
    """Return a free loopback port."""
    for port in random.SystemRandom().sample(PORTS, 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no free port on 127.0.0.1 in {PORTS.start}..{PORTS.stop - 1}")


def child_environment() -> dict[str, str]:
    """Return the environment of a child: it finds this program, and only flags configure it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SHELFSYNC_")}
    root = str(Path(__file__).resolve().parents[1])
    path = environment.get("PYTHONPATH")
    return {**environment, "PYTHONPATH": f"{root}{os.pathsep}{path}" if path else root}


def _each(flag: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def _die_with_parent() -> None:
    """Run in the child before the node starts: the kernel will send SIGTERM when the parent ends."""
    assert _libc is not None
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
