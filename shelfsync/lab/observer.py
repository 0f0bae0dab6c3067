"""Reads the nodes for the lab: their status, the watched item, and what hubs may promise.

An answer stays until the next one, with its age, so that a node that is silent or dead is shown as it was last. What
changed between two looks becomes a record: a store that lost its hub, a breach that appeared or settled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import aiohttp

from shelfsync.assortment import Good
from shelfsync.lab.records import Records
from shelfsync.lab.view import StockView, stock_view
from shelfsync.network import LocalNetwork
from shelfsync.verdict import STATUS_S, survey

Json = dict[str, Any]


class Observer:
    """What the nodes of a chain answered last."""

    def __init__(
        self,
        network: LocalNetwork,
        client: aiohttp.ClientSession,
        records: Records,
        clock_s: Callable[[], float],
        watched: Good,
    ) -> None:
        self._network = network
        self._client = client
        self._records = records
        self._clock_s = clock_s
        self.watched = watched
        self.statuses: dict[str, Json] = {}
        """The last status of each node that ever answered."""
        self.answered_s: dict[str, float] = {}
        """When each node answered last."""
        self.answering: frozenset[str] = frozenset()
        """The nodes that answered the last look."""
        self.stocks: dict[str, dict[str, StockView]] = {}
        """The watched item, by node and location."""
        self.promises: dict[str, dict[str, int]] = {}
        """Units of the watched item that each hub may promise, by hub and location."""

    @property
    def item(self) -> str:
        """The item of the watched SKU."""
        return next(iter(self.watched.recipe))

    def watch(self, good: Good) -> None:
        """Watch another item. What is known of the old one is forgotten."""
        self.watched = good
        self.stocks, self.promises = {}, {}

    async def look(self) -> None:
        """Ask all nodes once."""
        good, began_s = self.watched, self._clock_s()
        statuses = await survey(self._client, self._network.urls)
        found = await asyncio.gather(*(self._read_item(name, good) for name in statuses))
        if good is not self.watched:
            return  # the user chose another item meanwhile
        before, breaches = self.statuses, self._breaches()
        self.statuses = {**before, **statuses}
        self.answering = frozenset(statuses)
        for name, read in zip(statuses, found, strict=True):
            self.answered_s[name] = began_s
            if read is not None:
                self.stocks[name], self.promises[name] = read
        self._note_lines(before, statuses)
        self._note_breaches(breaches)

    def own(self, store: str) -> StockView | None:
        """The watched item at a store, as the store itself sees it."""
        return self.stocks.get(store, {}).get(store)

    async def _read_item(self, name: str, good: Good) -> tuple[dict[str, StockView], dict[str, int]] | None:
        """The watched item as one node sees it: its stock by location, and what a hub may promise.

        None if the node stopped answering meanwhile.
        """
        url, item = self._network.urls[name], quote(next(iter(good.recipe)), safe="")
        try:
            if name not in self._network.hubs:
                answer = await self._get(f"{url}/v1/stock/{item}")
                return ({} if answer is None else {name: stock_view(answer)}), {}
            found, availability = await asyncio.gather(
                self._get(f"{url}/v1/rights/{item}"), self._get(f"{url}/v1/availability/{quote(good.sku, safe='')}")
            )
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None
        lines = found["locations"] if found is not None else []
        places = availability["locations"] if availability is not None else []
        return {one["location"]: stock_view(one) for one in lines}, {
            one["location"]: one["guaranteed"] for one in places
        }

    async def _get(self, url: str) -> Json | None:
        """An answer; None if the node has none, such as the stock of an item that it never had."""
        async with self._client.get(url, timeout=aiohttp.ClientTimeout(total=STATUS_S)) as response:
            return dict(await response.json()) if response.status == 200 else None

    def _note_lines(self, before: Mapping[str, Json], now: Mapping[str, Json]) -> None:
        for store in self._network.stores:
            if store not in now or store not in before:
                continue
            old, new = _hub_of(before[store]), _hub_of(now[store])
            if old != new and new:
                self._records.add("connected", store=store, hub=new)
            elif old != new:
                self._records.add("lost", store=store, hub=old)

    def _breaches(self) -> dict[str, int]:
        return {
            store: stock.breach for store in self._network.stores if (stock := self.own(store) or self._at_hub(store))
        }

    def _at_hub(self, store: str) -> StockView | None:
        seen = (self.stocks.get(hub, {}).get(store) for hub in self._network.hubs)
        return next((stock for stock in seen if stock is not None), None)

    def _note_breaches(self, before: Mapping[str, int]) -> None:
        for store, units in self._breaches().items():
            if units and not before.get(store, 0):
                self._records.add("breach", store=store, n=units)
            elif before.get(store, 0) and not units:
                self._records.add("settled", store=store)


def _hub_of(status: Mapping[str, Any]) -> str:
    return (status["hub"] or "") if status["connected"] else ""
