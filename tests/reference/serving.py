"""Whole nodes without sockets and threads: HTTP in virtual time, over a journal in memory or in a SQLite file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import aiosqlite.core
from aiohttp import web

import edge_node.assembly
import hub.assembly
from edge_node.api import EdgeApi
from edge_node.role import store_role
from hub.api import ORDERS_PATH, HubApi
from hub.role import hub_role
from replica.core.base.names import writer_of
from replica.core.orders.requests import Housekeeping
from replica.core.state import decisions
from replica.core.state.batch import Batch
from replica.core.state.commands import Command
from replica.core.state.housekeeping import keep_orders
from replica.core.state.replica import Replica
from replica.runtime.background import order_housekeeping
from replica.runtime.http import operations, stock_api
from replica.runtime.http.fast_path import FastPath, FastRead, single
from replica.runtime.http.operations import make_app
from replica.runtime.node import Node
from replica.runtime.peering.websocket import HttpNetwork
from simulations.clock import SimulatedClock, SimulatedEntropy
from simulations.full_stack.loop import StackLoop
from simulations.full_stack.worker import NoThread, Worker
from simulations.journal import SimulatedDisk, SimulatedJournal
from simulations.reference.answers import Request

LOCATION = "store-1"
HUB, WAREHOUSE = "hub-east", "warehouse"
INCARNATION = "0a0b0c0d0e0f"
WRITER = writer_of(LOCATION, INCARNATION)


class FixedEntropy(SimulatedEntropy):
    """Entropy by which each new journal is of one incarnation, so that two nodes write equal entries."""

    def random_bytes(self, length: int) -> bytes:
        return bytes.fromhex(INCARNATION) if length == len(INCARNATION) // 2 else super().random_bytes(length)


class PlainDisk:
    """A disk on which each job of a database takes no time."""

    @staticmethod
    def read_s() -> float:
        return 0.0

    write_s = read_s

    @staticmethod
    def expect(batch: Batch) -> None:
        """A disk that never fails need not know what a commit makes durable."""

    @staticmethod
    def carry_out(commit: Callable[[], Any]) -> Any:
        return commit()


class Line(asyncio.Transport):
    """The transport of one connection. It keeps what the node sends."""

    def __init__(self, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self._sent = b""
        self._arrived = asyncio.Event()
        self._is_closing = False
        self.set_protocol(make_protocol())
        self._protocol.connection_made(self)

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def write(self, data: Any) -> None:
        self._sent += bytes(data)
        self._arrived.set()

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True
        self._arrived.set()

    abort = close

    def is_reading(self) -> bool:
        return True

    def pause_reading(self) -> None:
        """Nothing more arrives than one request."""

    resume_reading = pause_reading

    def get_write_buffer_size(self) -> int:
        return 0

    def send(self, data: bytes) -> None:
        """Send bytes to the node."""
        self._protocol.data_received(data)

    async def read(self) -> tuple[int, bytes]:
        """The next answer: status and body."""
        while b"\r\n\r\n" not in self._sent:
            await self._more()
        head, _, rest = self._sent.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers["content-length"])
        while len(rest) < length:
            await self._more()
            rest = self._sent.partition(b"\r\n\r\n")[2]
        self._sent = rest[length:]
        return int(lines[0].split()[1]), rest[:length]

    async def _more(self) -> None:
        assert not self._is_closing, f"the node closed the connection after {self._sent!r}"
        self._arrived.clear()
        await self._arrived.wait()

    def lose(self) -> None:
        """The client is gone."""
        self._is_closing = True
        self._protocol.connection_lost(None)


class Served:
    """One store. `directory`: where its SQLite file is; None keeps the journal in memory."""

    def __init__(self, clock: SimulatedClock, directory: Path | None, *, is_fast: bool) -> None:
        self.node: Node
        self._clock = clock
        self._directory = directory
        self._is_fast = is_fast
        self._disk = SimulatedDisk()

    async def start(self) -> None:
        """Open the journal and serve."""
        app, calls = await (self._assemble() if self._directory is not None else self._assemble_in_memory())
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        assert self._runner.server is not None
        self._fast_path = FastPath(calls, self.node.driver, self._runner.server)
        self.node.start([], 0.0)

    async def stop(self) -> None:
        """Stop as SIGTERM does."""
        self._fast_path.close()
        await self._runner.cleanup()
        await self.node.stop()

    async def _assemble(self) -> tuple[web.Application, Any]:
        assert self._directory is not None
        assembly = await edge_node.assembly.assemble(
            HttpNetwork(),
            name=LOCATION,
            location=LOCATION,
            data=self._directory,
            host="127.0.0.1",
            hubs=(),
            region="store",
            open_catalog=False,
            clock=self._clock,
            entropy=FixedEntropy(Random(0)),
        )
        self.node = assembly.node
        return assembly.app, assembly.fast_calls

    async def _assemble_in_memory(self) -> tuple[web.Application, dict[str, FastRead]]:
        role, journal = store_role(LOCATION), SimulatedJournal(self._disk, WRITER)
        replica = Replica(WRITER, (LOCATION,), await journal.load(), order_policy=role.order_policy)
        entropy = FixedEntropy(Random(0))
        self.node = Node(
            replica, journal, role, region="store", clock=self._clock, entropy=entropy, network=HttpNetwork()
        )
        api = EdgeApi(self.node, LOCATION, ())
        return make_app(api.operations(), loopback_only=False), api.fast_calls

    async def keep_order(self, name: str) -> None:
        """Do what is due about one order."""
        asked = [Command("", Housekeeping(name), b"")]
        await self.node.driver.change(lambda replica, now_ms: decisions.execute_requests(replica, asked, now_ms, {}))

    async def keep_orders(self, stores: Mapping[str, str] = MappingProxyType({})) -> None:
        """Do what is due about orders, such as the expiry of a hold. `stores`: the nodes that it met, by location."""
        while await self.node.driver.change(partial(keep_orders, stores=stores, hubs=(), limit=32)):
            pass

    async def ask(self, requests: Sequence[Request]) -> list[tuple[int, bytes]]:
        """Send requests at once, each on a connection of its own, and read all answers."""
        lines = [Line(self._fast_path) for _ in requests]
        for line, request in zip(lines, requests, strict=True):
            line.send(packed(request, is_fast=self._is_fast))
        answers = [await line.read() for line in lines]
        for line in lines:
            line.lose()
        return answers


def packed(request: Request, *, is_fast: bool) -> bytes:
    """A request as bytes. Only aiohttp understands it unless `is_fast`."""
    target = request.path + (f"?{urlencode(request.query)}" if request.query else "")
    lines = [f"{request.method} {target} HTTP/1.1", "Host: store", f"Content-Length: {len(request.body)}"]
    lines += [f"Idempotency-Key: {request.key}"] if request.key is not None else []
    lines += [] if is_fast else ["X-Slow-Path: 1"]
    return "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode() + request.body


class ServedHub(Served):
    """A hub that hosts the warehouse."""

    async def _assemble(self) -> tuple[web.Application, Any]:
        assert self._directory is not None
        assembly = await hub.assembly.assemble(
            HttpNetwork(),
            name=HUB,
            region="east",
            data=self._directory,
            host="127.0.0.1",
            hosts=(WAREHOUSE,),
            open_catalog=True,
            clock=self._clock,
            entropy=FixedEntropy(Random(0)),
        )
        self.node = assembly.node
        return assembly.app, assembly.fast_calls

    async def _assemble_in_memory(self) -> tuple[web.Application, dict[str, FastRead]]:
        writer, role = writer_of(HUB, INCARNATION), hub_role((WAREHOUSE,))
        journal = SimulatedJournal(self._disk, writer)
        replica = Replica(writer, (WAREHOUSE,), await journal.load(), order_policy=role.order_policy)
        entropy = FixedEntropy(Random(0))
        self.node = Node(
            replica, journal, role, region="east", clock=self._clock, entropy=entropy, network=HttpNetwork()
        )
        api = HubApi(self.node, "east", (WAREHOUSE,))
        fast_calls: dict[str, FastRead] = {ORDERS_PATH: single(api.orders.read_fast)}
        return make_app(api.operations(), loopback_only=False), fast_calls


_is_lean, _has_parts = cache(operations.is_lean), cache(operations.has_parts)


@contextmanager
def light(loop: StackLoop) -> Iterator[None]:
    """Let databases work in the loop, so that nothing waits for a thread, and start nodes fast: without OpenAPI."""

    def make_worker() -> Worker:
        return Worker(loop, PlainDisk)

    with ExitStack() as stack:
        for module, name, instead in (
            (aiosqlite.core, "Thread", NoThread),
            (aiosqlite.core, "SimpleQueue", make_worker),
            (order_housekeeping, "PAUSE_S", 1e9),  # `keep_orders` says when, so that all nodes do it at one time
            (stock_api, "openapi", lambda *described: {}),
            (operations, "is_lean", _is_lean),
            (operations, "has_parts", _has_parts),
        ):
            stack.enter_context(patch.object(module, name, instead))
        yield


def as_json(value: Any) -> bytes:
    """A body."""
    return json.dumps(value).encode()
