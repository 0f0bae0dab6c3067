"""Feeds: what became durable at a node, sent live as server-sent events (SSE).

A feed goes through the journal page by page and renders the events of each page. Each event has a cursor as its id, so
a reader that reconnects with it misses nothing. A reader whose cursor is not of this journal is told to begin again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web
from msgspec import Struct

from replica.core.base.errors import CursorUnknown, Invalid
from replica.core.log.cursors import has_cursor_form
from replica.runtime.http.journal_reading import JournalReading
from replica.runtime.http.operations import encode_json
from replica.runtime.http.problems import problem
from replica.runtime.node import Node
from replica.runtime.ports import Page

FEED_PAGE = 256
"""Entries that a feed reads at once."""

FEED_IDLE_S = 15.0
"""After this silence the feed sends a comment, so that proxies and readers keep the connection."""

LAST_EVENT_ID = "Last-Event-ID"
"""The header with which a reader resumes a feed (HTML standard, server-sent events)."""


class Event(Struct, frozen=True):
    """One event. `arrival`: the number of the entry after which a reader resumes that got this event."""

    arrival: int
    kind: str
    data: Any


Events = Callable[[Page], Awaitable[Sequence[Event]]]
"""Renders the events of one page of the journal."""


class Feeds:
    """The feeds of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._reading = JournalReading(node)

    async def send(self, request: web.Request, events: Events) -> web.StreamResponse:
        """Answer a request with the events of all pages that follow, until the reader or the node leaves."""
        reading = self._reading
        after, reset = self._start(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        if request.method == "HEAD":
            return response
        await response.prepare(request)
        begun = f"event: reset\ndata: {encode_json(problem(reset)).decode()}\n" if reset is not None else ""
        # a reader that loses the connection before the first entry resumes from here, and misses nothing
        await response.write(f"id: {reading.cursor(after)}\n{begun}\n".encode())
        while self._node.is_ready:
            page = await reading.after(after, FEED_PAGE)
            for event in await events(page) if page.stored else ():
                cursor, data = reading.cursor(event.arrival), encode_json(event.data).decode()
                await response.write(f"id: {cursor}\nevent: {event.kind}\ndata: {data}\n\n".encode())
            after = page.through
            if not page.stored:
                try:
                    async with asyncio.timeout(FEED_IDLE_S):
                        await self._node.driver.moved_past(after)
                except TimeoutError:
                    await response.write(b": still here\n\n")
        return response

    def _start(self, request: web.Request) -> tuple[int, CursorUnknown | None]:
        """The arrival number after which the feed begins. With a refusal: the reader has to begin again from there.

        After a reset the feed begins at the beginning, so that a reader that ignores the reset misses no entry. Raises
        CursorUnknown if the cursor cannot be one of any journal, because then no reader got it from a feed.
        """
        resumed = request.headers.getall(LAST_EVENT_ID, [])
        if len(resumed) > 1:
            raise Invalid(f"The request has {len(resumed)} headers {LAST_EVENT_ID}. Send one.", field=LAST_EVENT_ID)
        field = LAST_EVENT_ID if resumed else "after"
        cursor = resumed[0] if resumed else request.query.get("after")
        if cursor is None:
            return self._reading.newest, None
        try:
            return self._reading.arrival(cursor, field), None
        except CursorUnknown as unknown:
            if not has_cursor_form(cursor):
                raise
            return 0, unknown
