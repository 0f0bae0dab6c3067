"""The calls both kinds of node serve: writes at a location, stock and its explanation, journal, feed, health.

Which location a call means is the assembly's to say: an edge node has one, a hub reads it from the path or query.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from replica.core.errors import Invalid, NotFound
from replica.core.movements import Seen
from replica.core.names import is_internal, is_item
from replica.core.replica import Command, Replica
from replica.core.requests import Adjustment, Count, Grant, Quarantine, Receipt, Return
from replica.runtime.answers import (
    AdjustmentAnswer,
    CountAnswer,
    ExplainAnswer,
    GrantAnswer,
    JournalPage,
    MovementAnswer,
    QuarantineAnswer,
    StockAnswer,
    StockPage,
    answer_of,
    cell_answers,
    entry_answer,
    stock_answer,
)
from replica.runtime.http import Decoder, Operation, json_response, key_of, limit_of, number_of
from replica.runtime.metrics import CONTENT_TYPE, make_registry, render
from replica.runtime.node import Node
from replica.runtime.openapi import openapi
from replica.version import VERSION

FEED_PAGE = 256
FEED_IDLE_S = 15.0
"""A comment goes out after this much silence, so that proxies and readers know the feed lives."""

JOURNAL_MAX = 2**62

_SCAN_PAGE = 1_000


class _Token(Struct, frozen=True):
    """What a `seen` token holds: how far the journal of one incarnation had come."""

    arrival: int
    stamp: int


class StockApi:
    """Handlers over one node."""

    def __init__(self, node: Node, location_of: Callable[[web.Request], str]) -> None:
        self.node = node
        self.location_of = location_of
        self._incarnation = node.replica.writer.partition("#")[2]
        self._registry = make_registry(node)
        self._count_decoder = Decoder(Count)

    def write_operations(self) -> list[Operation]:
        """Writes at a location, but for sales."""
        return [
            self._write("/v1/returns", Return, MovementAnswer, "Take goods back from a customer"),
            self._write("/v1/receipts", Receipt, MovementAnswer, "Take goods in from a supplier"),
            Operation(
                "POST", "/v1/counts", self.count, "Set the book to a count", Count, CountAnswer, 201, is_write=True
            ),
            self._write("/v1/adjustments", Adjustment, AdjustmentAnswer, "Correct stock by differences"),
            self._write("/v1/quarantine", Quarantine, QuarantineAnswer, "Put aside, put back or write off"),
            self._write("/v1/grants", Grant, GrantAnswer, "Hand rights to another node"),
        ]

    def service_operations(self) -> list[Operation]:
        """Journal, feed, health and metrics."""
        return [
            Operation(
                "GET",
                "/v1/journal",
                self.journal,
                "Entries in arrival order",
                answer=JournalPage,
                query=("after", "limit"),
            ),
            Operation("GET", "/v1/feed", self.feed, "Entries as they become durable (SSE)", query=("after",)),
            Operation("GET", "/healthz", self.healthz, "The process answers"),
            Operation("GET", "/readyz", self.readyz, "Requests are served"),
            Operation("GET", "/metrics", self.metrics, "Prometheus metrics"),
        ]

    def document(self, title: str, operations: list[Operation]) -> Operation:
        """The call that serves the OpenAPI document of all operations and itself."""

        async def describe(request: web.Request) -> web.Response:
            return json_response(described)

        operation = Operation("GET", "/openapi.json", describe, "This document")
        described = openapi(title, VERSION, [*operations, operation])
        return operation

    def _write(self, path: str, kind: Any, answer: Any, summary: str) -> Operation:
        decoder = Decoder(kind)

        async def write(request: web.Request) -> web.Response:
            asked = await decoder.read(request)
            return await self._submit(request, asked, None)

        return Operation("POST", path, write, summary, kind, answer, 201, is_write=True)

    async def count(self, request: web.Request) -> web.Response:
        asked: Count = await self._count_decoder.read(request)
        seen = await self._look_back(self.location_of(request), asked) if asked.seen else None
        return await self._submit(request, asked, seen)

    async def _submit(self, request: web.Request, asked: Any, seen: Seen | None) -> web.Response:
        location = self.location_of(request)
        command = Command(location, asked, key_of(request), seen)
        return json_response(answer_of(await self.node.driver.submit(command)), 201)

    async def _look_back(self, location: str, count: Count) -> Seen:
        """Work out the levels as of a token: those of now, less what moved since. What is past does not change."""
        token = self._read_token(count.seen)

        def now(replica: Replica) -> tuple[int, dict[str, int], Seen]:
            stocks = {line.item: replica.ledger.stock(location, line.item) for line in count.lines}
            levels = {item: stock.figures.on_hand for item, stock in stocks.items()}
            return replica.arrival, levels, replica.seen(location)

        newest, levels, seen = await self.node.driver.look(now)
        if token.arrival > newest:
            raise Invalid("this token was not given by this node's journal", field="seen")
        vector = dict(seen.vector)
        earliest: dict[str, int] = {}
        after = token.arrival
        while after < newest:
            page = await self.node.journal.read(after, _SCAN_PAGE)
            for stored in page.stored:
                entry = stored.entry
                if stored.arrival > newest or entry.stream.scope != location:
                    continue
                earliest.setdefault(entry.stream.writer, entry.sequence - 1)
                for move in entry.content.moves:
                    if move.item in levels:
                        levels[move.item] -= (is_internal(move.target) - is_internal(move.source)) * move.quantity
            after = page.through if page.stored else newest
        return Seen(levels, token.stamp, {**vector, **earliest})

    def _token(self, replica: Replica) -> str:
        return f"{self._incarnation}.{replica.arrival:x}.{replica.clock.last:x}"

    def _read_token(self, text: str) -> _Token:
        incarnation, _, rest = text.partition(".")
        arrival, _, stamp = rest.partition(".")
        try:
            token = _Token(int(arrival, 16), int(stamp, 16))
        except ValueError:
            token = None
        if token is None or incarnation != self._incarnation or token.arrival < 0 or not 0 <= token.stamp < 1 << 63:
            raise Invalid("this token was not given by this node's journal", field="seen")
        return token

    async def stock_item(self, request: web.Request) -> web.Response:
        location, item = self.location_of(request), request.match_info["item"]

        def look(replica: Replica) -> StockAnswer:
            stock = replica.ledger.stock(location, item)
            replica.catalog.check_item(item if is_item(item) else "", bool(stock.cells), "item")
            return stock_answer(stock, replica.node, replica.catalog, self._token(replica))

        return json_response(await self.node.driver.look(look))

    async def stock_page(self, request: web.Request) -> web.Response:
        location, limit = self.location_of(request), limit_of(request)
        cursor = request.query.get("cursor", "")

        def look(replica: Replica) -> StockPage:
            place = replica.place(location)
            items = place.items() if place is not None else []
            start = bisect_right(items, cursor) if cursor else 0
            shown = items[start : start + limit]
            seen = self._token(replica)
            answers = [
                stock_answer(replica.ledger.stock(location, item), replica.node, replica.catalog, seen)
                for item in shown
            ]
            return StockPage(answers, shown[-1] if start + limit < len(items) else None)

        return json_response(await self.node.driver.look(look))

    async def explain(self, request: web.Request) -> web.Response:
        location, item, limit = self.location_of(request), request.match_info["item"], limit_of(request)
        before = number_of(request, "before", JOURNAL_MAX, 1, JOURNAL_MAX)

        def look(replica: Replica) -> tuple[StockAnswer, list[Any]]:
            stock = replica.ledger.stock(location, item)
            if not stock.cells:
                raise NotFound(f"nothing of {item!r} ever moved at {location}", field="item")
            answer = stock_answer(stock, replica.node, replica.catalog, self._token(replica))
            return answer, cell_answers(stock)

        stock, cells = await self.node.driver.look(look)
        page = await self.node.journal.moves_of(location, item, before, limit)
        movements = [entry_answer(stored) for stored in page.stored]
        return json_response(ExplainAnswer(stock, cells, movements, page.through or None))

    async def journal(self, request: web.Request) -> web.Response:
        after = number_of(request, "after", 0, 0, JOURNAL_MAX)
        page = await self.node.journal.read(after, limit_of(request))
        return json_response(JournalPage([entry_answer(stored) for stored in page.stored], page.through))

    async def feed(self, request: web.Request) -> web.StreamResponse:
        resumed = request.headers.get("Last-Event-ID")
        if resumed is not None:
            if not (resumed.isascii() and resumed.isdigit() and len(resumed) < 19):
                raise Invalid("the id of an event of this feed is a whole number", field="Last-Event-ID")
            after = int(resumed)
        else:
            after = number_of(request, "after", self.node.driver.arrival, 0, JOURNAL_MAX)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        while self.node.is_ready:
            page = await self.node.journal.read(after, FEED_PAGE)
            for stored in page.stored:
                data = msgspec.json.encode(entry_answer(stored)).decode()
                kind = stored.entry.content.kind
                await response.write(f"id: {stored.arrival}\nevent: {kind}\ndata: {data}\n\n".encode())
            after = page.through
            if not page.stored:
                try:
                    async with asyncio.timeout(FEED_IDLE_S):
                        await self.node.driver.moved_past(after)
                except TimeoutError:
                    await response.write(b": still here\n\n")
        return response

    async def healthz(self, request: web.Request) -> web.Response:
        return json_response({"status": "ok", "version": VERSION})

    async def readyz(self, request: web.Request) -> web.Response:
        return json_response({"ready": self.node.is_ready}, 200 if self.node.is_ready else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=render(self._registry), headers={"Content-Type": CONTENT_TYPE})


def vector_answer(replica: Replica) -> dict[str, dict[str, dict[str, Any]]]:
    """The version vector: per scope and writer, the number and hash of the last entry."""
    return {
        scope: {writer: {"sequence": head.sequence, "hash": head.hash.hex()} for writer, head in sorted(vector.items())}
        for scope, vector in sorted(replica.vectors.items())
    }
