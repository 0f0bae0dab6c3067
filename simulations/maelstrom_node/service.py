"""The service takes messages, lets the replica decide, and answers when the decision is durable.

Before `init` the node does not know its name, so it answers every other request with a temporary error. It handles
requests in order of arrival. Each request has a task that ends with its answer. If any of these tasks or a vital task
of the node fails, the failure is in `failed`. The process then ends and answers open requests with an unknown outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

from replica.core.base.errors import Invalid, Refused
from replica.core.base.names import check_name
from replica.runtime.node import Node
from replica.runtime.ports import Clock, Entropy
from simulations.journal import SimulatedDisk
from simulations.maelstrom_node.connections import MessageNetwork
from simulations.maelstrom_node.counter import add, code_of, make_node, read
from simulations.maelstrom_node.messages import (
    AddMessage,
    AddOk,
    BadRequest,
    Between,
    Body,
    Code,
    Error,
    Garbage,
    Init,
    InitOk,
    Message,
    Read,
    ReadOk,
    Request,
    Topology,
    TopologyOk,
    pack,
    parse,
)

log = structlog.get_logger(__name__)

T = TypeVar("T")

FINISH_S = 2.0
"""How long the last answers may take."""

TEXT_SHOWN_MAX = 200
"""The most bytes of an invalid line in a log message."""


class Service:
    """One node of a pn-counter. Lines come in by `take_line` and go out by `write`."""

    def __init__(
        self, write: Callable[[bytes], None], clock: Clock, entropy: Entropy, disk: SimulatedDisk | None = None
    ) -> None:
        self.node: Node | None = None
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Fails if the process must end."""
        self._write = write
        self._clock = clock
        self._entropy = entropy
        self._disk = disk or SimulatedDisk()
        self._network = MessageNetwork("", (), clock, self._send)
        self._lines = 0
        self._answering: set[asyncio.Task[None]] = set()
        self._conversing: set[asyncio.Task[str]] = set()

    async def take_line(self, line: bytes) -> None:
        """Take the next line. A line that is no message changes nothing and is logged with its number."""
        self._lines += 1
        try:
            await self._take(parse(line))
        except BadRequest as bad:
            self._say(bad.dest, bad.src, bad.error)
        except Garbage as garbage:
            shown = line[:TEXT_SHOWN_MAX].decode(errors="replace")
            log.error("line not understood", line=self._lines, why=str(garbage), text=shown)

    async def stop(self) -> None:
        """Answer all open requests, then end the links and the node."""
        await _finish(self._answering)
        if self.node is not None:
            await self.node.stop()
        await _finish(self._conversing)

    async def abandon(self) -> None:
        """Answer all open requests with an unknown outcome."""
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    async def _take(self, message: Message) -> None:
        src, dest, body = message.src, message.dest, message.body
        if isinstance(body, Init):
            await self._init(src, dest, body)
        elif self.node is None:
            self._turn_down(src, dest, body)
        elif dest != self._network.name:
            raise Garbage(f"this is {self._network.name}, the message is for {dest}")
        elif isinstance(body, AddMessage | Read | Topology):
            self._start(self._answering, self._answer(self.node, src, body))
        else:
            socket = self._network.take(src, body)
            if socket is not None:
                self._start(self._conversing, self.node.peers.converse(socket, is_dialled=False))

    async def _init(self, src: str, dest: str, init: Init) -> None:
        name = init.node_id
        if self.node is not None and (name, init.node_ids) != (self._network.name, self._network.names):
            raise self._bad(src, dest, init, f"this is {self._network.name} already")
        if self.node is None:
            try:
                names = [check_name(each, "node_ids") for each in init.node_ids]
            except Invalid as invalid:
                raise self._bad(src, dest, init, invalid.detail) from None
            if name not in names:
                raise self._bad(src, dest, init, f"{name!r} is not in node_ids")
            await self._begin(name, names)
        self._say(name, src, InitOk(in_reply_to=init.msg_id))

    async def _begin(self, name: str, names: list[str]) -> None:
        structlog.contextvars.bind_contextvars(node=name)
        self._network = network = MessageNetwork(name, names, self._clock, self._send)
        self.node = await make_node(name, self._disk, self._clock, self._entropy, network)
        for task in self.node.start([(peer,) for peer in network.dialled], home_after_s=0.0):
            task.add_done_callback(self._note_failure)
        log.info("began", peers=network.names, dials=network.dialled)

    def _turn_down(self, src: str, dest: str, body: Request | Between) -> None:
        if not isinstance(body, Request):
            return  # a peer that began earlier; it will dial again
        text = "not initialised yet"
        self._say(dest, src, Error(in_reply_to=body.msg_id, code=Code.TEMPORARILY_UNAVAILABLE, text=text))

    async def _answer(self, node: Node, src: str, body: AddMessage | Read | Topology) -> None:
        asked = body.msg_id
        try:
            match body:
                case Topology():
                    answer: Body = TopologyOk(in_reply_to=asked)
                case Read():
                    answer = ReadOk(in_reply_to=asked, value=await read(node.driver))
                case AddMessage(delta=delta):
                    await add(node.driver, delta, src, asked)
                    answer = AddOk(in_reply_to=asked)
        except Refused as refused:
            answer = Error(in_reply_to=asked, code=code_of(refused), text=refused.detail)
        except asyncio.CancelledError:
            text = "the node stops, and the outcome of this request is unknown"
            self._say(self._network.name, src, Error(in_reply_to=asked, code=Code.CRASH, text=text))
            raise
        self._say(self._network.name, src, answer)

    def _bad(self, src: str, dest: str, request: Request, text: str) -> BadRequest:
        return BadRequest(src, dest, Error(in_reply_to=request.msg_id, code=Code.MALFORMED_REQUEST, text=text))

    def _send(self, peer: str, body: Between) -> None:
        self._say(self._network.name, peer, body)

    def _say(self, src: str, dest: str, body: Body) -> None:
        self._write(pack(src, dest, body))

    def _start(self, tasks: set[asyncio.Task[T]], work: Coroutine[Any, Any, T]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(self._note_failure)

    def _note_failure(self, task: asyncio.Task[T]) -> None:
        failure = None if task.cancelled() else task.exception()
        if failure is not None and not self.failed.done():
            self.failed.set_exception(failure)


async def _finish(tasks: set[asyncio.Task[T]]) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=FINISH_S)
