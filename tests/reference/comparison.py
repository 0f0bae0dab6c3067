"""One store beside its model: the same requests at the same time, and what differs.

The store is served three times, so that the answers must have the same bytes: with the journal in memory and on the
fast path, with a SQLite file, and with a SQLite file without the fast path.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import structlog
from hypothesis import settings

from replica.core.base.errors import Refused
from replica.core.catalog.documents import pack_value
from replica.core.log.entry import start
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.state.commands import DocumentWrite
from replica.core.state.replica import Replica
from replica.runtime.peering.link import Ingress
from simulations.clock import SimulatedClock
from simulations.full_stack.loop import StackLoop
from simulations.mutations.mutation import Edit, Mutation, planted
from simulations.reference.answers import Request, difference, plain
from simulations.reference.node import Store
from tests.reference.serving import LOCATION, WRITER, Served, as_json, light

MEMORY = Path("/dev/shm")
"""Files in memory: the time of an fsync does not matter here."""

LONGEST_S = 4_000.0
"""No answer and no rule takes longer."""

OFFICE = "hub-east#00000000000e"
"""The writer of the documents that the store gets from its hub."""


class Comparison:
    """A store, served three times, and its model."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._stack.callback(structlog.configure, **structlog.get_config())
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        self.loop = StackLoop(Random(0))
        self.clock = SimulatedClock(self.loop.time)
        self._stack.enter_context(light(self.loop))
        root = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self._stack.callback(shutil.rmtree, root)
        self.served = [
            Served(self.clock, None, is_fast=True),
            Served(self.clock, root / "fast", is_fast=True),
            Served(self.clock, root / "slow", is_fast=False),
        ]
        self.model = Store(WRITER, LOCATION, open_catalogue=False)
        self.sent: list[tuple[str, Any, str]] = []
        """Path, body and key of each write."""
        self.tokens: list[str] = []
        """Those that the store gave."""
        self._office = Replica(OFFICE, ())
        self._head = start(self._office.own_stream("*")).hash
        self._compared = 0
        for one in self.served:
            self.run(one.start())

    def close(self) -> None:
        """Stop the nodes. Their journals must be the same."""
        whole = Request("GET", "/v1/journal", {"limit": "1000"})
        journals = [self.run(one.ask([whole])) for one in self.served]
        for one in self.served:
            self.run(one.stop())
        self.loop.close()
        self._stack.close()
        assert journals[1:] == journals[:1] * 2

    def run(self, work: Any) -> Any:
        """Run some work in virtual time. If a node no longer works, its answer never comes, and this fails."""
        return self.loop.run_until_complete(asyncio.wait_for(work, LONGEST_S))

    @property
    def now_ms(self) -> int:
        """The wall clock of the store."""
        return self.clock.now().wall_ms

    def ask(self, *asked: Request) -> list[Any]:
        """Send requests at once to each node, compare the answers, and return their bodies."""
        now_ms = self.now_ms
        answers = [self.run(one.ask(asked)) for one in self.served]
        assert self.now_ms == now_ms, "an answer took time"
        assert all(one == answers[0] for one in answers), f"{asked} has different answers: {answers}"
        bodies = []
        for request, (status, body) in zip(asked, answers[0], strict=True):
            expected = self.model.answer(request, now_ms)
            shown = json.loads(body)
            wrong = difference([expected.status, expected.body], [status, shown])
            assert not wrong, f"{request}: {wrong}\nshown {shown}\nexpected {plain(expected.body)}"
            bodies.append(shown)
        return bodies

    def get(self, path: str, **query: str) -> Any:
        """Read something."""
        return self.ask(Request("GET", path, query))[0]

    def write(self, path: str, body: Any, key: str = "") -> Any:
        """Send one write and remember it. Without a key it gets a new one."""
        key = key or self.new_key()
        self.sent.append((path, body, key))
        return self.ask(Request("POST", path, {}, as_json(body), key))[0]

    def new_key(self) -> str:
        """A key that no request had yet."""
        return f"key-{len(self.sent)}"

    def publish(self, sku: str, value: Any) -> None:
        """Bring a SKU document from the hub to the store; None deletes it. One that the hub refuses stays there."""
        self.check_journal()
        packed = None if value is None else pack_value(value)
        write = DocumentWrite("sku", sku, packed, f"document-{self._office.arrival}".encode(), has_new_items=True)
        try:
            entry = decisions.write(self._office, write, self.now_ms)
        except Refused:
            return
        run = ReceivedRun(entry.stream, entry.sequence, self._head, [entry])
        self._head = entry.hash
        for one in self.served:
            self.run(_merge(one, run))
        (shown,) = self._new_entries()
        self.model.hear(shown, self.now_ms)
        self._compared += 1

    def check_journal(self) -> None:
        """Compare the entries that the journal got since the last look with those of the model."""
        expected = [one.shown for one in self.model.journal.entries[self._compared :]]
        shown = self._new_entries()
        wrong = difference(expected, shown)
        assert not wrong, f"journal{wrong}\nshown {shown}\nexpected {plain(expected)}"
        self._compared += len(expected)

    def keep_orders(self) -> None:
        """Let each node do what is due about orders.

        A node chooses the order in which it keeps several. Here it is given, so that the nodes write equal journals.
        """
        self.check_journal()
        orders, now_ms = self.model.orders, self.now_ms
        due = [name for name in orders.names if orders.is_due(name, now_ms)]
        for name in [*due[1:], *due[:1]]:
            orders.keep(name, now_ms)
        for one in self.served:
            for name in due[1:]:
                self.run(one.keep_order(name))
            self.run(one.keep_orders())
        self.check_journal()

    def _new_entries(self) -> list[Any]:
        after = self.model.reading.cursor(self._compared)
        request = Request("GET", "/v1/journal", {"after": after, "limit": "1000"})
        ((_, body),) = self.run(self.served[0].ask([request]))
        return list(json.loads(body)["entries"])


async def _merge(one: Served, run: ReceivedRun) -> None:
    await (await one.node.driver.take_in([run], Ingress()))


def compare(play: Callable[[Comparison], None], *edits: Edit) -> None:
    """Play something at a store and its model, with a bug planted in the store if there are edits.

    Raises AssertionError if a node differs from its model, or from another node.
    """
    with ExitStack() as stack:
        store = Comparison()
        stack.callback(store.close)
        if edits:
            stack.enter_context(planted(Mutation(name="", breaks="", invariant=0, expected=(), edits=edits)))
        play(store)


def machine_settings(examples: int) -> settings:
    """The settings of a state machine: the same examples in each run, or REFERENCE_EXAMPLES new ones."""
    asked = os.environ.get("REFERENCE_EXAMPLES")
    return settings(
        max_examples=int(asked or examples), stateful_step_count=40, deadline=None, derandomize=asked is None
    )
