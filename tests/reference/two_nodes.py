"""A store and a hub beside the reference model: requests at either, and entries that one has and the other gets.

After each step, each answer and each new entry is what the model derives from the entries that the node had before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import groupby
from random import Random
from types import MappingProxyType
from typing import Any

import structlog

from replica.core.base.names import CHAIN
from replica.core.log.entry import Stream
from replica.core.log.entry_run import ReceivedRun
from replica.runtime.peering.link import Ingress
from simulations.clock import SimulatedClock
from simulations.full_stack.loop import StackLoop
from simulations.reference.answers import Answer, Refusal, Request, difference, plain
from simulations.reference.bodies import checked_key
from simulations.reference.fulfilments import HOLDING
from simulations.reference.journal import heard
from simulations.reference.moment import Moment
from tests.reference.comparison import LONGEST_S
from tests.reference.serving import HUB, LOCATION, WAREHOUSE, Served, ServedHub, as_json, light


class Side:
    """One node, and the model after the entries that it has."""

    def __init__(self, served: Served, moment: Moment, scopes: tuple[str, ...] | None) -> None:
        self.served = served
        self.moment = moment
        self.scopes = scopes
        """None: all."""

    async def ask(self, request: Request) -> Any:
        """Send a request. The answer and the new entries must be as the model says. Returns the body."""
        if request.method == "GET":
            return await self._read(request)
        asked, refusal = self._asked(request)
        key = checked_key(request.key)
        is_new = asked is not None and not self.moment.answers(key)
        is_event = asked is not None and "event" in asked[2]
        is_again = asked is not None and asked[0] == "order" and asked[2]["order"] in self.moment.replay.placed
        is_open = asked is None or (is_again and not is_event)  # an order that was placed before may have ended
        status, shown = await self._send(request)
        if is_event and status < 400:
            refusal = None  # its entry, which is looked at now, says whether it had to be refused
        await self.look({key: asked[2]} if asked is not None and is_new else {})
        if request.method == "PUT" or (is_open and status >= 400 and refusal is None):
            return shown
        expected = refusal or next(iter(self.moment.answers(key)), None)
        assert expected is not None, f"{request} must be accepted, not {shown}"
        wrong = difference([expected.status, expected.body], [status, shown])
        assert not wrong, f"{request}: {wrong}\nshown {shown}\nexpected {plain(expected.body)}"
        return shown

    def _asked(self, request: Request) -> tuple[tuple[str, str, Mapping[str, Any]] | None, Answer | None]:
        """What a write asks for, if the model knows such writes, and its refusal now."""
        try:
            asked = self.moment.asked(request) if request.method == "POST" else None
        except Refusal as refusal:
            return None, refusal.answer
        if asked is None or self.moment.answers(checked_key(request.key)):
            return asked, None
        found = self.moment.refusal(*asked)
        return asked, found.answer if found is not None else None

    async def _read(self, request: Request) -> Any:
        status, shown = await self._send(request)
        try:
            expected = Answer(200, self.moment.read(request.path, request.query, shown))
        except Refusal as refusal:
            expected = refusal.answer
        wrong = difference([expected.status, expected.body], [status, shown])
        assert not wrong, f"{request}: {wrong}\nexpected {plain(expected.body)}"
        return shown

    async def _send(self, request: Request) -> tuple[int, Any]:
        ((status, body),) = await self.served.ask([request])
        return status, json.loads(body)

    async def look(self, asked: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Let the model hear the new entries. Those under a key in `asked` must say what their request leads to."""
        known = len(self.moment.entries)
        page = {"after": f"{self.served.node.replica.writer.replace('#', '~')}~{known}", "limit": "1000"}
        ((_, body),) = await self.served.ask([Request("GET", "/v1/journal", page)])
        fresh = json.loads(body)["entries"]
        for arrival, shown in enumerate(fresh, known + 1):
            wrong = self.moment.hear(heard(shown, arrival), asked.get(shown["key"]))
            assert not wrong, f"{shown}: {wrong}"

    async def give(self, other: Side, limit: int) -> int:
        """Give the other node some entries that it lacks, in their order here. Returns how many."""
        replica, theirs = self.served.node.replica, other.served.node.replica
        scopes = [scope for scope in replica.vectors if other.scopes is None or scope in other.scopes]
        held = {
            Stream(writer, scope): theirs.head(Stream(writer, scope)).sequence
            for scope in scopes
            for writer in replica.vectors[scope]
        }
        stored = await self.served.node.journal.missing(held, self.served.node.driver.arrival, limit)
        for stream, some in groupby(stored, key=lambda one: one.entry.stream):
            run = list(some)
            first = run[0]
            received = ReceivedRun(stream, first.entry.sequence, first.previous, [one.entry for one in run])
            await (await other.served.node.driver.take_in([received], Ingress()))
        await other.look()
        return len(stored)

    async def restart(self) -> None:
        """Stop the node, and start it again from its journal."""
        await self.served.stop()
        await self.served.start()
        await self.look()


class TwoNodes:
    """A store and the hub that sells its stock online."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._stack.callback(structlog.configure, **structlog.get_config())
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        self.loop = StackLoop(Random(0))
        self.clock = SimulatedClock(self.loop.time)
        self._stack.enter_context(light(self.loop))
        store = Moment(LOCATION, (LOCATION,), is_hub=False, open_catalogue=False)
        hub = Moment(HUB, (WAREHOUSE,), met=(LOCATION,), is_hub=True, open_catalogue=False)
        self.store = Side(Served(self.clock, None, is_fast=True), store, (LOCATION, CHAIN))
        self.hub = Side(ServedHub(self.clock, None, is_fast=True), hub, None)
        self._keys = 0
        for side in self.sides:
            self.run(side.served.start())

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both nodes."""
        return self.store, self.hub

    def run(self, work: Any) -> Any:
        """Run some work in virtual time."""
        return self.loop.run_until_complete(asyncio.wait_for(work, LONGEST_S))

    def write(self, side: Side, path: str, body: Any, key: str = "", method: str = "POST") -> Any:
        """Send one write. Without a key it gets a new one."""
        path, _, location = path.partition("?location=")
        request = Request(
            method, path, {"location": location} if location else {}, as_json(body), key or self.new_key()
        )
        return self.run(side.ask(request))

    def new_key(self) -> str:
        """A key that no request had yet."""
        self._keys += 1
        return f"key-{self._keys}"

    def get(self, side: Side, path: str, **query: str) -> Any:
        """Read something."""
        return self.run(side.ask(Request("GET", path, query)))

    def exchange(self) -> None:
        """Let both nodes get all entries that they lack, and do what is due, until nothing is left."""
        for _ in range(100):
            self.run(self.hub.served.keep_orders({LOCATION: LOCATION}))
            self.run(self.store.served.keep_orders())
            sent = [self.run(self.store.give(self.hub, 1_000)), self.run(self.hub.give(self.store, 1_000))]
            if not any(sent):
                return
        raise AssertionError("the nodes do not come to rest")

    def close(self) -> None:
        """Come to rest, and stop the nodes."""
        try:
            self.come_to_rest()
        finally:
            for side in self.sides:
                self.run(side.served.stop())
            self.loop.close()
            self._stack.close()

    def come_to_rest(self) -> None:
        """Exchange everything. Then both nodes show the same of the store, and each order holds its units once."""
        self.exchange()
        states = [self.get(side, "/v1/status") for side in self.sides]
        assert states[0]["digests"][LOCATION] == states[1]["digests"][LOCATION]
        assert states[0]["version_vector"][LOCATION] == states[1]["version_vector"][LOCATION]
        own = ("rights", "seen", "count")
        stock, elsewhere = (
            [{name: value for name, value in one.items() if name not in own} for one in self.get(side, path)["items"]]
            for side, path in ((self.store, "/v1/stock"), (self.hub, f"/v1/stock/{LOCATION}"))
        )
        assert stock == elsewhere, (stock, elsewhere)
        for order in self.store.moment.replay.placed:
            here, there = (self._fulfilments(side, order) for side in self.sides)
            names = ("id", "owner", "state", "expires_at", "lines")
            seen = [[one[name] for name in names] for one in there if one["location"] == LOCATION]
            assert [[one[name] for name in names] for one in here] == seen, (order, here, there)
            doubled = [one for one in there if one["is_duplicate"] and one["state"] in HOLDING]
            assert not doubled, f"{order} was placed twice, and both placements hold units: {there}"

    def _fulfilments(self, side: Side, order: str) -> list[dict[str, Any]]:
        """The fulfilments of an order as a node shows them."""
        ((status, body),) = self.run(side.served.ask([Request("GET", f"/v1/orders/{order}")]))
        assert status == 200
        return list(json.loads(body)["fulfilments"])
