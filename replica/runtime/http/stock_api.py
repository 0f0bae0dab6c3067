"""The calls both kinds of node serve: writes at a location, stock and its explanation, journal, feed, health.

The assembly hands in how to find the location of a call: an edge node has one, a hub reads it from path or query.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from replica.core.base.errors import NotFound
from replica.core.base.names import is_item
from replica.core.ledger.cells import Stock
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.runtime.background.counting import token_of
from replica.runtime.http.answers import (
    ExplainAnswer,
    JournalPage,
    StockAnswer,
    cell_answers,
    entry_answer,
    stock_answer,
)
from replica.runtime.http.feeds import Event, Feeds
from replica.runtime.http.journal_reading import JournalReading
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.metrics import CONTENT_TYPE, make_registry, render
from replica.runtime.http.openapi import openapi
from replica.runtime.http.operations import Decoder, Operation, json_response, key_of
from replica.runtime.http.query_fields import AFTER, LIMIT, limit_of
from replica.runtime.http.stock_list import StockRow, stock_row
from replica.runtime.http.writes import (
    WRITE_CALLS,
    WriteCall,
    answer_of,
)
from replica.runtime.node import Node
from replica.runtime.ports import Page
from replica.version import VERSION


class StockApi:
    """The calls at one node."""

    def __init__(self, node: Node, location_of: Callable[[web.Request], str]) -> None:
        self.node = node
        self.location_of = location_of
        self._reading = JournalReading(node)
        self._feeds = Feeds(node)
        self.long_reads = LongReads(node.driver)
        self._registry = make_registry(node)

    def write_operations(self) -> list[Operation]:
        """The writes at a location, except sales."""
        return [self._write(call) for call in WRITE_CALLS]

    def service_operations(self) -> list[Operation]:
        """The calls about journal, feed, health and metrics."""
        return [
            Operation(
                method="GET",
                path="/v1/journal",
                handler=self.journal,
                summary="List journal entries in order of arrival",
                answer=JournalPage,
                query=(AFTER, LIMIT),
            ),
            Operation(
                method="GET",
                path="/v1/feed",
                handler=self.feed,
                summary="Follow journal entries as they become durable (SSE)",
                query=(AFTER,),
            ),
            Operation(method="GET", path="/healthz", handler=self.healthz, summary="Check that the process runs"),
            Operation(
                method="GET",
                path="/readyz",
                handler=self.readyz,
                summary="Check that the node serves requests",
                also=(503,),
            ),
            Operation(method="GET", path="/metrics", handler=self.metrics, summary="Read metrics for Prometheus"),
        ]

    def document(self, title: str, operations: list[Operation]) -> Operation:
        """The call that serves the OpenAPI document of all operations, itself included."""

        async def describe(request: web.Request) -> web.Response:
            return json_response(described)

        operation = Operation(method="GET", path="/openapi.json", handler=describe, summary="Read this document")
        described = openapi(title, VERSION, [*operations, operation])
        return operation

    def _write(self, call: WriteCall) -> Operation:
        decoder = Decoder(call.request)

        async def write(request: web.Request) -> web.Response:
            asked = await decoder.read(request)
            command = Command(self.location_of(request), asked, key_of(request))
            return json_response(answer_of(await call.submit(self.node, command)), 201)

        return Operation(
            method="POST",
            path=call.path,
            handler=write,
            summary=call.summary,
            body=call.request,
            answer=call.answer,
            status=201,
            is_write=True,
        )

    def _answer(self, replica: Replica, stock: Stock) -> StockAnswer:
        return stock_answer(stock, replica, token_of(replica, self.node.clock.now().wall_ms))

    async def stock_item(self, request: web.Request) -> web.Response:
        location, item = await self.node.meet(self.location_of(request)), request.match_info["item"]

        def look(replica: Replica) -> StockRow:
            replica.known_locations.check(location, "location")
            stock = replica.ledger.stock(location, item)
            replica.catalog.check_item(item if is_item(item) else "", bool(replica.ledger.locations(item)), "item")
            return stock_row(replica, stock, token_of(replica, self.node.clock.now().wall_ms))

        return json_response(await self.node.driver.look(look))

    async def explain(self, request: web.Request) -> web.Response:
        location = await self.node.meet(self.location_of(request))
        item, limit = request.match_info["item"], limit_of(request)
        reading, cursor = self._reading, request.query.get("before")
        before = reading.arrival(cursor, "before") if cursor is not None else None

        def look(replica: Replica) -> tuple[StockAnswer, list[Any], int]:
            replica.known_locations.check(location, "location")
            stock = replica.ledger.stock(location, item)
            if not stock.cells:
                raise NotFound(
                    f"The item {item!r} never moved at {location}. Correct the item or the location.", field="item"
                )
            return self._answer(replica, stock), cell_answers(stock), replica.arrival

        stock, cells, newest = await self.node.driver.look(look)  # later movements are not in these cells
        page = await self.node.journal.moves_of(location, item, newest + 1 if before is None else before, limit)
        movements = await self.long_reads.render(page.stored, entry_answer)
        older = reading.cursor(page.through) if page.through else None
        return json_response(ExplainAnswer(stock, cells, movements, older))

    async def journal(self, request: web.Request) -> web.Response:
        after, limit = request.query.get("after"), limit_of(request)
        page = await self._reading.after(self._reading.arrival(after, "after") if after is not None else 0, limit)
        entries = await self.long_reads.render(page.stored, entry_answer)
        return json_response(JournalPage(entries, self._reading.cursor(page.through)))

    async def feed(self, request: web.Request) -> web.StreamResponse:
        async def events(page: Page) -> list[Event]:
            return [Event(one.arrival, one.entry.content.kind, entry_answer(one)) for one in page.stored]

        return await self._feeds.send(request, events)

    async def healthz(self, request: web.Request) -> web.Response:
        return json_response({"status": "ok", "version": VERSION})

    async def readyz(self, request: web.Request) -> web.Response:
        return json_response({"ready": self.node.is_ready}, 200 if self.node.is_ready else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        await self.node.driver.refreshed()
        return web.Response(body=render(self._registry), headers={"Content-Type": CONTENT_TYPE})


def vector_answer(replica: Replica) -> dict[str, dict[str, dict[str, Any]]]:
    """The version vector: number and hash of the last entry, by scope and writer."""
    return {
        scope: {writer: {"sequence": head.sequence, "hash": head.hash.hex()} for writer, head in sorted(vector.items())}
        for scope, vector in sorted(replica.vectors.items())
    }
