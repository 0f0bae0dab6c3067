"""Follows the live feeds of the hubs, and notes what nodes do by themselves with the watched item.

Several hubs send the same entry, so an entry is noted once, by its hash. A feed that ends resumes after its last event.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import msgspec

from replica.core.base.names import owner_of
from shelfsync.lab.observer import Observer
from shelfsync.lab.records import Records

RETRY_S = 0.5

NOTED_MAX = 4_096
"""How many hashes of noted entries are kept."""

EVENT_BYTES_MAX = 4 << 20

Entry = Mapping[str, Any]


class Feeds:
    """The feeds of some nodes."""

    def __init__(
        self, client: aiohttp.ClientSession, urls: Mapping[str, str], observer: Observer, records: Records
    ) -> None:
        self._client = client
        self._urls = urls
        self._observer = observer
        self._records = records
        self._noted: dict[str, None] = {}

    async def follow(self) -> None:
        """Follow all feeds until cancelled."""
        async with asyncio.TaskGroup() as group:
            for url in self._urls.values():
                group.create_task(self._follow(f"{url}/v1/feed"))

    async def _follow(self, url: str) -> None:
        last = ""
        while True:
            try:
                async for number, entry in _events(self._client, url, last):
                    last = number
                    if entry is not None:
                        self._note(entry)
            except aiohttp.ClientResponseError:
                last = ""  # the node does not know the position any more
            except (aiohttp.ClientError, TimeoutError, ValueError):
                pass  # the node is down, or ended in the middle of an event
            await asyncio.sleep(RETRY_S)

    def _note(self, entry: Entry) -> None:
        if entry["hash"] in self._noted:
            return
        self._noted[entry["hash"]] = None
        if len(self._noted) > NOTED_MAX:
            self._noted.pop(next(iter(self._noted)))
        if entry["kind"] == "grant":
            self._note_grants(entry)
        elif entry["kind"] == "order":
            self._note_order(entry)

    def _note_grants(self, entry: Entry) -> None:
        for move in entry["moves"]:
            if move["item"] == self._observer.item:
                self._records.add(
                    "covered" if entry["reason"] == "breach" else "granted",
                    giver=owner_of(move["source"]) or "",
                    taker=owner_of(move["target"]) or "",
                    store=entry["scope"],
                    n=move["quantity"],
                )

    def _note_order(self, entry: Entry) -> None:
        """Note what a hub decides about an order by itself: a shortage, and what ends with it."""
        facts, order = entry["facts"], entry["reference"]
        if facts.get("outcome") == "shortage":
            self._records.add("shortage", order=order, store=entry["scope"])
        elif facts.get("to") == "cancelled" and "request" not in facts:
            self._records.add("cancelled", order=order, store=entry["scope"])


async def _events(client: aiohttp.ClientSession, url: str, last: str) -> AsyncIterator[tuple[str, Entry | None]]:
    """The events of a feed after a position: the id of each, and its entry unless it has none."""
    headers = {"Last-Event-ID": last} if last else {}
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60.0)
    async with client.get(url, headers=headers, timeout=timeout, raise_for_status=True) as response:
        rest = b""
        async for data in response.content.iter_any():
            *blocks, rest = (rest + data).split(b"\n\n")
            if len(rest) > EVENT_BYTES_MAX:
                raise ValueError("an event of the feed has no end")
            for block in blocks:
                fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
                if b"id" in fields:
                    is_entry = b"data" in fields and fields.get(b"event") != b"reset"
                    yield fields[b"id"].decode(), msgspec.json.decode(fields[b"data"]) if is_entry else None
