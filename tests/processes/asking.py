"""Helpers that call nodes: requests with keys, journals, states, and waiting with a deadline."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import aiohttp

from replica.core.log.cursors import BEGINNING
from shelfsync.tills import uuid7

T = TypeVar("T")

WITHIN_S = 20.0
POLL_S = 0.02


class Reply(NamedTuple):
    """An answer of a node, byte for byte."""

    status: int
    kind: str
    body: bytes

    @property
    def answer(self) -> Any:
        return json.loads(self.body)


def new_key() -> str:
    """Make an unused key."""
    return str(uuid7())


async def post(
    client: aiohttp.ClientSession,
    url: str,
    body: Any,
    key: str | None = "new",
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send a write; `body` as it is if it is bytes, else as JSON. If `key` is None, send no key."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    if key is not None:
        sent["Idempotency-Key"] = new_key() if key == "new" else key
    async with client.request(method, url, data=data, headers=sent) as response:
        return Reply(response.status, response.content_type, await response.read())


async def get(client: aiohttp.ClientSession, url: str) -> Any:
    """Read something that must exist."""
    async with client.get(url) as response:
        assert response.status == 200, f"{url}: {response.status} {await response.text()}"
        return await response.json()


async def eventually(check: Callable[[], Awaitable[T]], goal: str, within_s: float = WITHIN_S) -> T:
    """Repeat a check until its result is true. After a while, fail with the goal in the message."""
    deadline_s = time.monotonic() + within_s
    while True:
        seen = await check()
        if seen:
            return seen
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s: {goal}; last seen: {seen!r}"
        await asyncio.sleep(POLL_S)


async def status(client: aiohttp.ClientSession, url: str) -> Any:
    return await get(client, f"{url}/v1/status")


async def journal(client: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    """All entries of a node, in arrival order."""
    entries: list[dict[str, Any]] = []
    after = BEGINNING
    while True:
        page = await get(client, f"{url}/v1/journal?after={after}&limit=1000")
        if not page["entries"]:
            return entries
        entries += page["entries"]
        after = page["next"]


def times_of(keys: Iterable[str], entries: Iterable[Mapping[str, Any]]) -> Counter[int]:
    """Count the keys by the number of their entries in a journal: `{1: 5}` if each of 5 keys has one entry."""
    times = Counter(entry["key"] for entry in entries)
    return Counter(times[key] for key in keys)


async def connected_to(client: aiohttp.ClientSession, store: str, hub: str | None) -> bool:
    """Return whether the status of a store names this hub as connected; None: no hub."""
    found: bool = (await status(client, store))["hub"] == hub
    return found


async def agree(client: aiohttp.ClientSession, hubs: Iterable[str], stores: Mapping[str, str]) -> bool:
    """Return whether all hubs have equal digests, equal to those of each store (url by location) for its location."""
    known = [(await status(client, url))["digests"] for url in hubs]
    if any(digests != known[0] for digests in known[1:]):
        return False
    for location, url in stores.items():
        ours = (await status(client, url))["digests"]
        if ours.get(location) is None or any(
            digests.get(scope) != ours.get(scope) for digests in known for scope in (location, "*")
        ):
            return False
    return True


async def metric(client: aiohttp.ClientSession, url: str, name: str) -> float:
    """One sample of a node's metrics; 0 if the metrics do not contain it."""
    async with client.get(f"{url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name), 0.0)
