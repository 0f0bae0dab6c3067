"""The lab of one demo: what it shows, what a person can do, and the story.

It asks the nodes only while somebody looks or the story plays. Each look makes a new view, which the page gets at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import aiohttp

from replica.core.base.errors import Invalid
from shelfsync.assortment import Good, city_of, goods, scarce_good
from shelfsync.chain import LocalChain
from shelfsync.lab import acts
from shelfsync.lab.controls import Controls
from shelfsync.lab.feeds import Feeds
from shelfsync.lab.observer import Observer
from shelfsync.lab.records import Records
from shelfsync.lab.story import UNITS, Story
from shelfsync.lab.trade import Trade
from shelfsync.lab.view import ItemView, LineView, NodeView, ScopeView, View, line_state, scope_views
from shelfsync.network import LocalNetwork
from shelfsync.outages import AutomaticOutages
from shelfsync.tills import Book, Shoppers

PAUSE_S = 0.4
"""The time between two looks at the nodes, if nothing else calls for one."""

VERDICT_S = 2.0
"""How long the page may take to show the verdict, before the demo ends."""

RATE_S = 3.0
"""The time over which sales per second are counted."""


class Lab:
    """The lab of one demo. `announce` prints a line."""

    def __init__(
        self,
        network: LocalNetwork,
        chain: LocalChain,
        client: aiohttp.ClientSession,
        books: Mapping[str, Book],
        shoppers: Shoppers,
        outages: AutomaticOutages,
        announce: Callable[[str], None],
        began_s: float,
    ) -> None:
        self._network = network
        self._chain = chain
        self._books = books
        self._shoppers = shoppers
        self._outages = outages
        self._began_s = began_s
        self._goods = {good.sku: good for good in (scarce_good(), *(good for good in goods() if _can_be_watched(good)))}
        self.records = Records(self._clock_s)
        self.observer = Observer(network, client, self.records, self._clock_s, next(iter(self._goods.values())))
        self._trade = trade = Trade(client, network.urls, books, list(self._goods.values()), self.records)
        self.controls = Controls(network, chain, trade, outages, self.records, announce)
        self.story = Story(
            network, self.controls, trade, self.observer, shoppers, self.records, scarce_good(), self._looked
        )
        self._feeds = Feeds(client, {hub: network.urls[hub] for hub in network.hubs}, self.observer, self.records)
        self._sold: deque[tuple[float, dict[str, int]]] = deque()
        self._phase = "open"
        self._readers = 0
        self._needed, self._soon = asyncio.Event(), asyncio.Event()
        self._changed = asyncio.Condition()
        self.number = 0
        """The number of the last look."""

    # ---- looking ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look at the nodes while somebody needs it, until cancelled."""
        while True:
            await self._needed.wait()
            following = asyncio.ensure_future(self._feeds.follow())
            try:
                while self._readers or self.story.is_playing:
                    await self._look()
                    if following.done():
                        following.result()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(PAUSE_S):
                            await self._soon.wait()
                    self._soon.clear()
                self._needed.clear()  # nobody can begin to read in between
                await self.story.stop()  # nobody sees its end any more
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Keep looking while the block runs."""
        self._readers += 1
        self._needed.set()
        try:
            yield
        finally:
            self._readers -= 1

    async def newer(self, number: int) -> int:
        """Wait for a look after that number; return its number."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.number > number)
            return self.number

    async def _looked(self) -> None:
        """Wait for a look that begins from now on, for the story."""
        self._needed.set()
        self._soon.set()
        number = self.number
        await self.newer(await self.newer(number))  # the next look may have begun already

    async def _look(self) -> None:
        await self.observer.look()
        now_s = self._clock_s()
        self._sold.append((now_s, {store: book.sales for store, book in self._books.items()}))
        while now_s - self._sold[0][0] > RATE_S:
            self._sold.popleft()
        async with self._changed:
            self.number += 1
            self._changed.notify_all()

    async def open(self) -> None:
        """Deliver some units of the scarce good to each store, so that there is something to follow."""
        scarce = scarce_good()
        await asyncio.gather(*(self._trade.deliver(store, scarce, UNITS, "") for store in self._network.stores))

    # ---- acting -------------------------------------------------------------------------------------------------

    async def do(self, act: acts.Act, key: str) -> bool:
        """Do what a person asks for; return whether it still waits for a node. Raises Refused."""
        if self._phase != "open":
            raise Invalid("The stores are closed. Start the demo again.", field="do")
        if not isinstance(act, acts.Play):
            await self.story.stop()
        try:
            return await self._do(act, key)
        finally:
            self._soon.set()

    async def _do(self, act: acts.Act, key: str) -> bool:
        match act:
            case acts.Watch():
                self.observer.watch(self._good(act.sku))
            case acts.Shop():
                self._let_shop(act.on)
            case acts.Outages():
                self.controls.let_outages(act.on)
            case acts.Play():
                await self._let_play(act.on)
            case _:
                self.controls.take_over()
                return await self._drive(act, key)
        return False

    async def _drive(self, act: acts.ByHand, key: str) -> bool:
        controls, good = self.controls, self.observer.watched
        match act:
            case acts.Sell():
                return await controls.sell(act.store, good, act.quantity, key)
            case acts.Deliver():
                return await controls.deliver(act.store, good, act.quantity, key)
            case acts.Order():
                return await controls.order(act.hub, good, act.quantity, act.store, key)
            case acts.Kill():
                await controls.kill(act.node)
            case acts.Start():
                await controls.start(act.node)
            case acts.Cut():
                controls.cut(act.dialler, act.dialled)
            case acts.Heal():
                controls.heal(act.dialler, act.dialled)
            case acts.CutStore():
                controls.cut_store(act.store)
            case acts.HealStore():
                controls.heal_store(act.store)
            case acts.CutRegion():
                controls.cut_region(act.region)
            case acts.HealRegion():
                controls.heal_region(act.region)
            case acts.HealAll():
                controls.heal_all()
        return False

    def _let_shop(self, come: bool) -> None:
        if come == self._shoppers.are_coming:
            return
        if come:
            self._shoppers.come()
        else:
            self._shoppers.wait()
        self.records.add("shoppers-on" if come else "shoppers-off")

    async def _let_play(self, play: bool) -> None:
        if play:
            self.story.play()
            self._needed.set()
        else:
            await self.story.stop()

    def _good(self, sku: str) -> Good:
        good = self._goods.get(sku)
        if good is None:
            raise Invalid(f"The lab cannot show the SKU {sku!r}. Choose one of its list.", field="sku")
        return good

    # ---- the end of the day -------------------------------------------------------------------------------------

    async def close(self) -> None:
        """End the story, start all nodes, and wait for the answers to all writes. Lines must work. Raises NodeDied."""
        self._phase = "closing"
        await self.story.stop()
        await self.controls.start_all()
        await self.controls.writes_end()

    async def show_verdict(self, is_good: bool) -> None:
        """Show the verdict to all who look."""
        self._phase = "equal" if is_good else "unequal"
        if self._readers:
            with suppress(TimeoutError):
                async with asyncio.timeout(VERDICT_S):
                    await self._looked()

    # ---- showing ------------------------------------------------------------------------------------------------

    def view(self) -> View:
        """All that the lab shows now."""
        scopes = {
            store: scope_views(
                store, self.observer.statuses, self.observer.stocks, self.observer.promises, self._network.hubs
            )
            for store in self._network.stores
        }
        return View(
            at_s=round(self._clock_s(), 1),
            phase=self._phase,
            shoppers=self._shoppers.are_coming,
            outages=self._outages.are_on,
            sales=sum(book.sales for book in self._books.values()),
            item=_item(self.observer.watched),
            items=[_item(good) for good in self._goods.values()],
            nodes=[self._node(name, scopes) for name in self._network.urls],
            lines=[
                LineView(dialler=dialler, dialled=dialled, state=line_state(line), is_used=self._uses(dialler, dialled))
                for (dialler, dialled), line in self._network.lines.items()
            ],
            records=self.records.recent,
            story=self.story.view,
        )

    def _node(self, name: str, scopes: Mapping[str, Mapping[str, ScopeView]]) -> NodeView:
        network, status = self._network, self.observer.statuses.get(name, {})
        is_hub = name in network.hubs
        answered_s = self.observer.answered_s.get(name)
        book = self._books.get(name)
        return NodeView(
            name=name,
            is_hub=is_hub,
            city=network.region(name) if is_hub else city_of(network.stores.index(name)),
            region=network.region(name),
            url=network.urls[name],
            state=self._state(name),
            age_s=None if answered_s is None else round(max(0.0, self._clock_s() - answered_s), 1),
            line=(status.get("hub") or "") if status.get("connected") and not is_hub else "",
            home_hub=network.home_hub.get(name, ""),
            waiting=status.get("unacknowledged", 0),
            entries=status.get("entries", 0),
            digest=status.get("digest", "")[:6],
            breaches=len(status.get("breaches", {})),
            sales=book.sales if book is not None else 0,
            sales_per_s=self._rate(name) if book is not None else 0.0,
            last_sold=book.last_names if book is not None else {},
            known=[found[name] for found in scopes.values() if name in found],
        )

    def _state(self, name: str) -> str:
        if not self._chain.nodes[name].is_running:
            return "killed"
        if name in self.observer.answering:
            return "running"
        return "starting" if name in self.controls.starting or not self.number else "silent"

    def _uses(self, dialler: str, dialled: str) -> bool:
        if not {dialler, dialled} <= self.observer.answering:
            return False
        status = self.observer.statuses[dialler]
        if dialler in self._network.hubs:
            return dialled in status["connected"]
        return bool(status["connected"]) and status["hub"] == dialled

    def _rate(self, store: str) -> float:
        if len(self._sold) < 2:
            return 0.0
        (from_s, before), (to_s, now) = self._sold[0], self._sold[-1]
        return round((now[store] - before[store]) / max(0.1, to_s - from_s), 1)

    def _clock_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began_s


def _can_be_watched(good: Good) -> bool:
    return good.is_basic and not good.is_loose


def _item(good: Good) -> ItemView:
    return ItemView(sku=good.sku, item=next(iter(good.recipe)), names=good.names)
