"""A machine that runs a whole node: the production process, on simulated hardware."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, NoReturn

from msgspec.structs import replace

import edge_node.assembly
import hub.assembly
from replica.core.base.errors import Broken
from replica.core.base.names import key_text
from replica.core.log.entry import Entry, precedence
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.decisions import Verdict
from replica.core.stock.requests import Sale
from replica.runtime.journal.sqlite_journal import SqliteJournal
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.process import EXIT_INDETERMINATE, Assembly, serve
from simulations.addressed import AddressedCommand, Surveyed
from simulations.checkers.checker import Violation
from simulations.full_stack.calls import Call, HttpAnswer, call_of, is_noted, refused_from, source_call
from simulations.full_stack.disk import StackDisk, unlock
from simulations.full_stack.loop import PORT, StackLoop
from simulations.full_stack.machine_clients import MachineClients
from simulations.history import Durable, PageRead
from simulations.loop import NO_HOST
from simulations.machine import HOME_AFTER_S, STOP_MAX_S, Machine, Role, priced_sale

ADDRESS = "127.0.0.1"
"""The address of nodes. Without keys, nodes serve only local callers, and this makes peers local."""

OURS = 500
"""The status of a bug in the node. No request may cause it."""

AHEAD = 0.5
"""Share of batches of sales that are pipelined: sent one by one on one connection, without waiting for answers."""


class ProcessEnded(BaseException):
    """The process ended at once, as with `os._exit`."""


class StackMachine(Machine):
    """A machine with a node that serves HTTP and writes files."""

    disk: StackDisk
    _loop: StackLoop

    def __init__(
        self,
        role: Role,
        loop: StackLoop,
        random: Random,
        note: Callable[[str, str], None],
        versions: tuple[int, int] | None,
        root: Path,
    ) -> None:
        super().__init__(role, loop, loop.network, random, note, versions)
        self.disk = StackDisk(root / role.name, random)
        self.clients = MachineClients(loop, self.name, random)
        self.on_answer: Callable[[Call, Durable, HttpAnswer], None] = lambda call, since, answer: None
        """Called with each answer that a client gets, and what was durable when it asked."""
        self.loaded = 0
        """Entries that the present node loaded at its start."""
        self.slow_stops = 0
        """Graceful stops that took longer than `STOP_MAX_S`."""
        self._life: asyncio.Future[int] = loop.create_future()
        self._assemblies: list[Assembly] = []

    def stop(self, *, has_power: bool = True) -> None:
        node = self.node
        super().stop(has_power=has_power)
        if node is not None:
            assert isinstance(node.journal, SqliteJournal)
            unlock(node.journal)

    async def restart(self) -> None:
        """Send SIGTERM, as an upgrade does, and start again."""
        host = self.host
        if self.node is None or host is None:
            return
        self.is_stopping = True
        self._loop.signal(host, signal.SIGTERM)
        done, _ = await asyncio.wait([self._life], timeout=STOP_MAX_S)
        self.is_stopping = False
        self.slow_stops += not done
        if self.host is host:
            self.stop()
            self.start()

    # calls of clients --------------------------------------------------------------------------------------------

    async def ask(self, asked: list[Command | DocumentWrite], timeout_s: float) -> list[Verdict] | None:
        self._note_sales(asked)
        for one in asked:
            if isinstance(one, AddressedCommand):
                self.surveyed.setdefault(one.key, []).append(self._look_at_least(one))
        if len(asked) > 1 and self._random.random() < AHEAD:
            return await self._ask_ahead(asked, timeout_s)
        answer = await self.call(call_of(asked, self.role.role == "hub"), timeout_s)
        if answer is None:
            return None
        if len(asked) == 1:
            return [self._verdict(asked[0].key, answer.status, answer.document())]
        if answer.status != 207:
            return [refused_from(answer.document())] * len(asked)
        verdicts = answer.document()["verdicts"]
        return [
            self._verdict(one.key, verdict["status"], verdict.get("sale") or verdict.get("problem"))
            for one, verdict in zip(asked, verdicts, strict=True)
        ]

    def _look_at_least(self, asked: AddressedCommand) -> Surveyed:
        """When the node looks for locations at the earliest."""
        durable = self.durable
        return Surveyed(durable.entries, durable.wall_ms, asked.ship_to)

    async def source(self, asked: AddressedCommand, timeout_s: float) -> tuple[Surveyed, dict[str, Any]] | None:
        surveyed = self._look_at_least(asked)
        try:
            answer = await self.call(source_call(asked), timeout_s)
        except ConnectionRefusedError:
            return None
        return (surveyed, answer.document()) if answer is not None and answer.status == 200 else None

    def _note_sales(self, asked: Sequence[Command | DocumentWrite]) -> None:
        """Note what the node is about to price. It prices the goods after at least as many entries as are durable."""
        arrival, now_ms = self.durable.entries, self.clock.now().wall_ms
        for one in asked:
            if isinstance(one, Command) and isinstance(one.request, Sale):
                self._note_priced(one, priced_sale(one, arrival, now_ms, is_least=True))

    async def _ask_ahead(self, asked: list[Command | DocumentWrite], timeout_s: float) -> list[Verdict] | None:
        calls = [call_of([one], at_hub=False) for one in asked]
        since = self.durable
        answers = await self.clients.call_ahead(calls, timeout_s, self.loses_answers)
        self._note(self.name, f"{len(calls)} calls pipelined {[answer.status for answer in answers or ()]}")
        if answers is None:
            return None
        for call, answer in zip(calls, answers, strict=True):
            self.on_answer(call, since, answer)
        said = zip(asked, answers, strict=True)
        return [self._verdict(one.key, answer.status, answer.document()) for one, answer in said]

    async def call(self, call: Call, timeout_s: float) -> HttpAnswer | None:
        """Send a client's call; None if the client gets no answer. Raises ConnectionRefusedError, Violation."""
        since = self.durable
        answer = await self.clients.call(call, timeout_s, self.loses_answers)
        said = f"{answer.status} {blake2b(answer.body, digest_size=4).hexdigest()}" if answer else "?"
        self._note(self.name, f"{call.method} {call.path} {call.key} {said}")
        if answer is not None and answer.status == OURS:
            raise Violation("Process", 0, f"{self.name} answers {call}: {answer.body!r}")
        if answer is not None:
            self.on_answer(call, since, answer)
        return answer

    async def read(self, cursor: str, limit: int, timeout_s: float) -> PageRead | None:
        try:
            answer = await self.call(Call("GET", f"/v1/journal?after={cursor}&limit={limit}"), timeout_s)
        except ConnectionRefusedError:
            return None
        if answer is None or answer.status not in (200, 410):
            return None
        page = answer.document()
        if answer.status == 200:
            return PageRead(tuple(entry["hash"] for entry in page["entries"]), page["next"])
        return PageRead((), page["begin"], is_reset=True)

    async def explain(self, location: str, item: str, timeout_s: float) -> dict[str, Any] | None:
        where = f"{location}/{item}" if self.role.role == "hub" else item
        return await self._get(f"/v1/explain/{where}", timeout_s)

    async def availability(
        self, sku: str, channel: str, timeout_s: float, near: tuple[float, float] | None = None
    ) -> dict[str, Any] | None:
        place = f"&near={near[0]},{near[1]}" if near is not None else ""
        return await self._get(f"/v1/availability/{sku}?channel={channel}{place}", timeout_s)

    async def _get(self, path: str, timeout_s: float) -> dict[str, Any] | None:
        try:
            answer = await self.call(Call("GET", path), timeout_s)
        except ConnectionRefusedError:
            return None
        return answer.document() if answer is not None and answer.status == 200 else None

    def _verdict(self, key: bytes, status: int, document: Any) -> Verdict:
        """The verdict in an answer. Raises Violation if its entry is not durable."""
        if status >= 400 and not is_noted(document):
            return refused_from(document)
        entry: Entry | None
        if "movement" in document:
            entry = self.disk.under_hash(document["movement"])
        else:
            self.disk.refresh()
            entry = min(self.disk.under(key), key=precedence, default=None)
        if entry is None or entry.content.key != key:
            raise Violation(
                "DurabilityChecker", 2, f"{self.name} answered {key_text(key)}, but its file has no such entry"
            )
        return entry

    # the process -------------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        self._life = self._loop.create_future()
        urls = [[self._url(name) for name in names] for names in self.role.dial]
        try:
            code = await serve(self._assemble, ADDRESS, PORT, urls, HOME_AFTER_S, exit_at_once=self._exit_at_once)
            self._life.set_result(code)
        except Exception as failure:
            self.failure = failure
        else:
            if code or not self.is_stopping:
                self.failure = Broken(f"the process ended with {code}")

    async def _assemble(self, network: HttpNetwork) -> Assembly:
        role, disk = self.role, self.disk
        common: dict[str, Any] = {
            "name": role.name,
            "region": role.region,
            "data": disk.path,
            "host": ADDRESS,
            "open_catalog": True,
            "clock": self.clock,
            "entropy": self._entropy,
        }
        if role.role == "edge":
            hubs = tuple(self._url(name) for name in role.dial[0])
            assembling = edge_node.assembly.assemble(network, location=role.locations[0], hubs=hubs, **common)
        else:
            assembling = hub.assembly.assemble(network, hosts=role.locations, **common)
        assembly = await assembling
        node = assembly.node
        disk.reopen()
        disk.check_opened(node)
        self.loaded = node.replica.arrival
        if self._versions is not None:
            node.peers.identity = replace(node.peers.identity, versions=self._versions, software="next")
        self.node = node
        self._assemblies.append(
            assembly
        )  # keep objects of dead processes, because collecting them would run finalizers
        self._note(self.name, f"serves {node.replica.arrival}")
        return assembly

    def _url(self, name: str) -> str:
        return f"http://{self._loop.network.host_of(name)}:{PORT}"

    def _exit_at_once(self, code: int) -> NoReturn:
        if code != EXIT_INDETERMINATE:
            self.failure = _why(self.node) or Broken(f"the process ended with {code}")
        self._note(self.name, f"ends at once with {code}")
        assert self.host is not None
        self._loop.crash(self.host)
        self._loop.call_soon(self._end, context=NO_HOST)
        raise ProcessEnded(code)


def _why(node: Any) -> BaseException | None:
    """The failure that made a node end."""
    tasks: Sequence[asyncio.Task[None]] = [node._driving, *node._working]
    return next((task.exception() for task in tasks if task.done() and not task.cancelled()), None)
