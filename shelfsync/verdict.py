"""The verdict: whether all nodes have the same state, and whether it matches the answers that the tills got."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from replica.core.base.names import CHAIN, CUSTOMER
from shelfsync.tills import Book

STATUS_S = 2.0
"""How long a node may take to answer with its status."""

POLL_S = 0.25

Statuses = dict[str, dict[str, Any]]
"""The status of each node that answered, by name."""


async def survey(client: aiohttp.ClientSession, urls: Mapping[str, str]) -> Statuses:
    """Read the status of all nodes. The result leaves out those that do not answer."""

    async def ask(url: str) -> dict[str, Any] | None:
        try:
            async with client.get(f"{url}/v1/status", timeout=aiohttp.ClientTimeout(total=STATUS_S)) as response:
                return dict(await response.json()) if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None

    answers = await asyncio.gather(*(ask(url) for url in urls.values()))
    return {name: answer for name, answer in zip(urls, answers, strict=True) if answer is not None}


def sold_at(status: Mapping[str, Any], location: str) -> int:
    """The units sold at a location, according to the ledger of a node."""
    units = status["units"]
    accounts: dict[str, int] = units if "location" in status else units.get(location, {})
    return accounts.get(CUSTOMER, 0)


def agreeing(statuses: Statuses, store: str) -> list[str]:
    """The hubs whose state of a store equals that of the store itself."""
    ours = statuses[store]["digests"].get(store)
    return [name for name, status in statuses.items() if _is_hub(status) and status["digests"].get(store) == ours]


def differences(statuses: Statuses, books: Mapping[str, Book], nodes: Mapping[str, str]) -> list[str]:
    """Describe each difference in a sentence; none if all nodes agree with each other and with the tills."""
    silent = [f"{name} does not answer" for name in nodes if name not in statuses]
    hubs = {name: status for name, status in statuses.items() if _is_hub(status)}
    stores = {name: status for name, status in statuses.items() if not _is_hub(status)}
    found = []
    first, *others = hubs or [""]
    for other in others:
        found += _unlike(first, hubs[first]["digests"], other, hubs[other]["digests"])
    for name, status in stores.items():
        for hub in hubs:
            known = hubs[hub]["digests"]
            wanted = {scope: known.get(scope, "nothing") for scope in (status["location"], CHAIN)}
            found += _unlike(hub, wanted, name, status["digests"])
    for location, book in books.items():
        for name in (location, *hubs):
            if name in statuses and (sold := sold_at(statuses[name], location)) != book.units:
                found.append(f"{name} has {sold:,} units sold at {location}, the tills have {book.units:,}")
        if book.open:
            found.append(f"{book.open} requests at {location} got no answer")
    return silent + found


async def await_agreement(
    client: aiohttp.ClientSession, nodes: Mapping[str, str], books: Mapping[str, Book], within_s: float
) -> list[str]:
    """Wait until there are no differences, but at most this long; return the remaining differences."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + within_s
    while True:
        left = differences(await survey(client, nodes), books, nodes)
        if not left or loop.time() > deadline_s:
            return left
        await asyncio.sleep(POLL_S)


def _is_hub(status: Mapping[str, Any]) -> bool:
    return "location" not in status


def _unlike(one: str, ones: Mapping[str, str], other: str, others: Mapping[str, str]) -> list[str]:
    scopes = sorted({**ones, **others})
    return [f"{one} and {other} differ about {scope}" for scope in scopes if ones.get(scope) != others.get(scope)]
