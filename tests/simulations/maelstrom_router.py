"""A small replacement for Maelstrom: real node processes, and a network between them with faults from a seed.

Every line of a node is a message. The router loses it, doubles it, or delivers it after a random delay, so that later
ones overtake it. A partition cuts nodes off from each other. Clients always reach every node, but their messages are
lost and late too.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from simulations.pn_counter import Add, AddOutcome, FinalRead

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "simulations.maelstrom_node")

LINE_MAX = 8 << 20
STARTS_S = 10.0
ENDS_S = 5.0
ANSWERS_S = 0.5
POLL_S = 0.02

DEFINITE = (10, 11, 12)
"""Codes of definite errors: the request was not done, and never will be."""

Body = dict[str, Any]


class Faults(NamedTuple):
    """The faults of the network: the shares of lost and doubled messages, and the mean delay."""

    loss: float = 0.0
    doubling: float = 0.0
    delay_s: float = 0.0


class Router:
    """A cluster of node processes. Use it as a context."""

    def __init__(self, names: Sequence[str], seed: int, errors: Path) -> None:
        self.names = tuple(names)
        self.faults = Faults()
        self.seen: Counter[str] = Counter()
        """How often each event happened: messages by type, and `lost`, `doubled`, `overtaken`, `cut`."""
        self._chance = random.Random(seed)
        self._errors = errors
        self._side: dict[str, int] = {}
        self._nodes: dict[str, Process] = {}
        self._reading: list[asyncio.Task[None]] = []
        self._asked: dict[tuple[str, int], asyncio.Future[Body]] = {}
        self._numbers = 0
        self._due_s: dict[tuple[str, str], float] = {}

    async def __aenter__(self) -> Self:
        for name in self.names:
            with (self._errors / f"{name}.log").open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    *COMMAND, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=log, limit=LINE_MAX
                )
            self._nodes[name] = process
            self._reading.append(asyncio.create_task(self._read(process)))
        inits = [{"type": "init", "node_id": name, "node_ids": self.names} for name in self.names]
        asked = [self.ask(name, init, STARTS_S) for name, init in zip(self.names, inits, strict=True)]
        assert [answer and answer["type"] for answer in await asyncio.gather(*asked)] == ["init_ok"] * len(self.names)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._nodes.values():
            assert process.stdin is not None
            process.stdin.close()
        try:
            async with asyncio.timeout(ENDS_S):
                codes = [await process.wait() for process in self._nodes.values()]
                await asyncio.gather(*self._reading)
        finally:
            for process in self._nodes.values():
                if process.returncode is None:
                    process.kill()
        if error is None:
            assert codes == [0] * len(self.names), self.logs()
            assert "Traceback" not in self.logs()

    def logs(self) -> str:
        """The logs of all nodes."""
        return "".join((self._errors / f"{name}.log").read_text() for name in self.names)

    def cut(self, *sides: Iterable[str]) -> None:
        """Cut the nodes of each side off from those of the others."""
        self._side = {name: number for number, side in enumerate(sides) for name in side}

    def heal(self) -> None:
        """Remove all partitions and faults."""
        self._side = {}
        self.faults = Faults()

    async def ask(self, node: str, body: Body, within_s: float = ANSWERS_S, client: str = "c1") -> Body | None:
        """Send a request to a node and wait for its answer; None if there is none."""
        self._numbers += 1
        number = self._numbers
        answer = self._asked[client, number] = asyncio.get_running_loop().create_future()
        self._send({"src": client, "dest": node, "body": {**body, "msg_id": number}})
        try:
            async with asyncio.timeout(within_s):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._asked[client, number]

    async def add(self, node: str, delta: int) -> Add:
        """Add at a node. Returns the add with its outcome."""
        answer = await self.ask(node, {"type": "add", "delta": delta})
        match answer:
            case {"type": "add_ok"}:
                return Add(node, delta, AddOutcome.ACKNOWLEDGED)
            case {"type": "error", "code": code} if code in DEFINITE:
                return Add(node, delta, AddOutcome.REFUSED)
            case _:
                return Add(node, delta, AddOutcome.UNKNOWN)

    async def read(self, node: str) -> int | None:
        """The value at a node; None without an answer."""
        answer = await self.ask(node, {"type": "read"})
        return answer["value"] if answer is not None and answer["type"] == "read_ok" else None

    async def final_reads(self, within_s: float) -> tuple[FinalRead, ...]:
        """The answers of all nodes as soon as they are equal, or the last answers after `within_s`."""
        deadline_s = asyncio.get_running_loop().time() + within_s
        while True:
            values = await asyncio.gather(*(self.read(name) for name in self.names))
            if (None not in values and len(set(values)) == 1) or asyncio.get_running_loop().time() > deadline_s:
                answered = zip(self.names, values, strict=True)
                return tuple(FinalRead(name, value) for name, value in answered if value is not None)
            await asyncio.sleep(POLL_S)

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._send(json.loads(line))

    def _send(self, message: dict[str, Any]) -> None:
        src, dest = message["src"], message["dest"]
        self.seen[message["body"]["type"]] += 1
        if self._side.get(src) != self._side.get(dest) and {src, dest} <= self._side.keys():
            self.seen["cut"] += 1
        elif self._chance.random() < self.faults.loss:
            self.seen["lost"] += 1
        else:
            may_be_duplicated = self._chance.random() < self.faults.doubling
            self.seen["doubled"] += may_be_duplicated
            for _ in range(1 + may_be_duplicated):
                self._delay(message)

    def _delay(self, message: dict[str, Any]) -> None:
        if not self.faults.delay_s:
            self._deliver(message)
            return
        loop, line = asyncio.get_running_loop(), (message["src"], message["dest"])
        due_s = loop.time() + self._chance.expovariate(1 / self.faults.delay_s)
        self.seen["overtaken"] += due_s < self._due_s.get(line, 0.0)
        self._due_s[line] = max(due_s, self._due_s.get(line, 0.0))
        loop.call_at(due_s, self._deliver, message)

    def _deliver(self, message: dict[str, Any]) -> None:
        dest, body = message["dest"], message["body"]
        if dest in self._nodes:
            stdin = self._nodes[dest].stdin
            assert stdin is not None
            if not stdin.is_closing():
                stdin.write(json.dumps(message).encode() + b"\n")
            return
        answer = self._asked.get((dest, body["in_reply_to"]))
        if answer is not None and not answer.done():
            answer.set_result(body)
