"""A chain of real processes on this machine: hubs and stores as children, each with a port of loopback, a data
directory and a log file of its own.

Rule: no child outlives its chain. Children are in sessions of their own, so that Ctrl-C reaches only the parent.
Leaving the `async with` block ends them all; where the parent dies without a word, the kernel tells them (Linux).
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
"""How long a process may take until it serves; a busy machine starts ten at once."""

STOP_S = 6.0
"""How long a process may take to end after SIGTERM: the 5 s it promises, and one for the machine."""

POLL_S = 0.05

PORTS = range(20_000, 32_000)
"""Below the range the kernel takes client ports from, so that a port is still free after a restart."""

_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class NodeDied(Exception):
    """A process ended that should not have, or never came up; the message ends with its last words."""


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

    @property
    def command(self) -> list[str]:
        """The command line it is started with."""
        own = ["--name", self.name, "--data", str(self.data), "--port", str(self.port)]
        return [sys.executable, "-m", self._module, *own, *self.arguments]

    @property
    def is_running(self) -> bool:
        """Whether there is a process that has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Process id of the last process started."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start the process; returns before it serves."""
        assert not self.is_running, f"{self.name} runs already"
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

    async def ready(self, within_s: float = READY_S) -> None:
        """Wait until it serves. Raises NodeDied when it ends instead, or takes too long."""
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
            raise NodeDied(f"{self.name} does not serve after {within_s:g} s{self.last_words()}")
        raise self.death()

    async def wait(self) -> int:
        """Wait until the process ends; return its exit code, negative for a signal."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, within_s: float = STOP_S) -> int:
        """Ask it to end, insist after a while; return its exit code."""
        if self.is_running:
            self.send(signal.SIGTERM)
            try:
                async with asyncio.timeout(within_s):
                    return await self.wait()
            except TimeoutError:
                return await self.kill()
        return await self.wait()

    async def kill(self) -> int:
        """End it between two instructions (SIGKILL), and wait until it is gone."""
        self.send(signal.SIGKILL)
        return await self.wait()

    def death(self) -> NodeDied:
        """What to say of a process that ended when it should not have."""
        assert self._process is not None
        return NodeDied(f"{self.name} ended with exit code {self._process.returncode}{self.last_words()}")

    def last_words(self, lines: int = 12) -> str:
        """The end of its log, one indented line each."""
        try:
            said = self.log.read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            said = []
        return "".join(f"\n    {line}" for line in said) or "; it said nothing"

    def send(self, number: signal.Signals) -> None:
        if self.is_running and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


class LocalChain:
    """Nodes that live as long as this block: `async with LocalChain(directory) as chain`."""

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
        """Start a hub; wait for `ready` before use. `more` are further flags."""
        return await self.start(name, "hub", ["--region", region, *_each("--peer", peers), *more])

    async def store(
        self, name: str, *, hubs: Sequence[str] = (), region: str = "east", more: Sequence[str] = ()
    ) -> NodeProcess:
        """Start a store; the first of `hubs` is its home."""
        return await self.start(name, "edge_node", ["--region", region, *_each("--hub", hubs), *more])

    async def start(self, name: str, module: str, arguments: Sequence[str]) -> NodeProcess:
        """Start a node of either kind."""
        node = self.nodes[name] = NodeProcess(name, module, self.directory, free_port(), arguments)
        await node.start()
        return node

    async def ready(self) -> None:
        """Wait until every node serves. Raises NodeDied."""
        await asyncio.gather(*(node.ready() for node in self.nodes.values()))

    async def watch(self) -> None:
        """Raise NodeDied as soon as a node ends; never returns."""
        waiting = {asyncio.ensure_future(node.wait()): node for node in self.nodes.values()}
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            raise waiting[done.pop()].death()
        finally:
            for task in waiting:
                task.cancel()

    async def stop(self) -> None:
        """End every node, at once and together; whoever does not end when asked is killed."""
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
    """Return a port of loopback nobody listens on."""
    for port in random.SystemRandom().sample(PORTS, 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port on 127.0.0.1")


def child_environment() -> dict[str, str]:
    """Return the environment of a child: it finds this program, and its flags are all that configures it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SHELFSYNC_")}
    home = str(Path(__file__).resolve().parents[1])
    path = environment.get("PYTHONPATH")
    return {**environment, "PYTHONPATH": f"{home}{os.pathsep}{path}" if path else home}


def _each(flag: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]


def _die_with_parent() -> None:
    """Runs in the child before it becomes the node: have the kernel stop it when the parent is gone."""
    assert _libc is not None
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
