"""How these tests talk to nodes: requests with keys, journals, states, and waiting with a deadline."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import aiohttp

from shelfsync.tills import uuid7

T = TypeVar("T")

WITHIN_S = 20.0
POLL_S = 0.02


class Reply(NamedTuple):
    """What a node answered, byte for byte."""

    status: int
    kind: str
    body: bytes

    @property
    def answer(self) -> Any:
        return json.loads(self.body)


def new_key() -> str:
    """A key nobody used."""
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
    """Ask for a write; `body` goes as it is when it is bytes, else as JSON. Without a key when it is None."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    if key is not None:
        sent["Idempotency-Key"] = new_key() if key == "new" else key
    async with client.request(method, url, data=data, headers=sent) as response:
        return Reply(response.status, response.content_type, await response.read())


async def get(client: aiohttp.ClientSession, url: str) -> Any:
    """Read something that is there."""
    async with client.get(url) as response:
        assert response.status == 200, f"{url}: {response.status} {await response.text()}"
        return await response.json()


async def eventually(check: Callable[[], Awaitable[T]], what: str, within_s: float = WITHIN_S) -> T:
    """Ask again until the answer is a good one, or fail saying what did not come true."""
    deadline_s = time.monotonic() + within_s
    while True:
        seen = await check()
        if seen:
            return seen
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s: {what}; last seen: {seen!r}"
        await asyncio.sleep(POLL_S)


async def status(client: aiohttp.ClientSession, url: str) -> Any:
    return await get(client, f"{url}/v1/status")


async def journal(client: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    """Every entry a node holds, in arrival order."""
    entries: list[dict[str, Any]] = []
    after = 0
    while True:
        page = await get(client, f"{url}/v1/journal?after={after}&limit=1000")
        if not page["entries"]:
            return entries
        entries += page["entries"]
        after = page["next"]


def times_of(keys: Iterable[str], entries: Iterable[Mapping[str, Any]]) -> Counter[int]:
    """How many of the keys stand in a journal how many times."""
    times = Counter(entry["key"] for entry in entries)
    return Counter(times[key] for key in keys)


async def connected_to(client: aiohttp.ClientSession, store: str, hub: str | None) -> bool:
    """Tell whether a store's node says it is connected to this hub, or to none."""
    found: bool = (await status(client, store))["hub"] == hub
    return found


async def agree(client: aiohttp.ClientSession, hubs: Iterable[str], stores: Mapping[str, str]) -> bool:
    """Tell whether hubs hold the same as each other, and as every store (url by location) of its location."""
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
    """One sample of a node's metrics; 0 when it is not there."""
    async with client.get(f"{url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name), 0.0)
