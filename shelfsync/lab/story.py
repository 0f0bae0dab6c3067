"""The story: the last units of one item are sold on both sides of a cut line, and nothing is promised twice.

It plays at the real nodes. Each step says its sentence, acts, and waits until the nodes show what the sentence says. So
the story fails visibly if the chain does not do what it tells. The numbers follow from the policy of the demo: hubs may
promise half of what a store has.

    prepare   a store has 10 units: it may sell 5, its hub may promise 5
    cut       its lines are cut
    order     a web customer orders 3 at the hub
    sell      customers take 7 to the tills: 2 more than the store may sell, a breach
    refuse    another web customer wants 3; the hub may promise 2, and refuses
    heal      the lines work again
    settle    the hub covers the breach with its 2 units
    equal     all nodes have equal digests: 7 sold, 3 held, 0 left to promise
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from replica.core.base.errors import Refused
from shelfsync.assortment import Good
from shelfsync.chain import NodeDied
from shelfsync.lab.controls import Controls
from shelfsync.lab.observer import Observer
from shelfsync.lab.records import Records
from shelfsync.lab.trade import Trade
from shelfsync.lab.view import StoryView
from shelfsync.network import LocalNetwork
from shelfsync.tills import Shoppers, UnexpectedAnswer, uuid7
from shelfsync.verdict import differences

UNITS = 10
OWN = ONLINE = 5
ORDERED = 3
SOLD = 7
BREACH = SOLD - OWN

STEPS = ("prepare", "cut", "order", "sell", "refuse", "heal", "settle", "equal")

READING_S = {"prepare": 5.5, "cut": 4.5, "order": 6.0, "sell": 8.5, "refuse": 6.5, "heal": 5.0, "settle": 6.0}
"""How long each sentence stays, so that a person can read it and look at the picture."""

BEFORE_ACT_S = 1.5
"""How long a sentence is there before the nodes do what it says."""

SEEN_WITHIN_S = 20.0
"""How long the nodes may take to show what a sentence says."""


class Unseen(Exception):
    """The nodes did not show in time what a step of the story says."""


class Story:
    """The story on one chain, about an item that no shopper buys. `newer` asks all nodes from now on."""

    def __init__(
        self,
        network: LocalNetwork,
        controls: Controls,
        trade: Trade,
        observer: Observer,
        shoppers: Shoppers,
        records: Records,
        good: Good,
        newer: Callable[[], Awaitable[None]],
    ) -> None:
        self._network = network
        self._controls = controls
        self._trade = trade
        self._observer = observer
        self._shoppers = shoppers
        self._records = records
        self._good = good
        self._newer = newer
        self._playing: asyncio.Task[None] | None = None
        self._store = network.stores[0]
        self._hub = network.home_hub[self._store]
        self._were_coming = False
        """Whether shoppers came before the story. They come again when it is put away, so its end stays to be seen."""
        self.view: StoryView | None = None

    @property
    def is_playing(self) -> bool:
        """Whether a step is on its way."""
        return self._playing is not None and not self._playing.done()

    def play(self) -> None:
        """Begin the story. Raises Refused if it plays already."""
        if self.is_playing:
            raise Refused("The story plays already.", field="on")
        self._playing = asyncio.ensure_future(self._play())

    async def stop(self) -> None:
        """End the story where it is. One that has ended is put away."""
        if self._playing is None or self._playing.done():
            self.view = None
            if self._were_coming:
                self._shoppers.come()
            self._were_coming = False
            return
        self._playing.cancel()
        await asyncio.gather(self._playing, return_exceptions=True)

    async def _play(self) -> None:
        self._were_coming = self._were_coming or self._shoppers.are_coming
        self._records.add("story")
        try:
            for step in (
                self._prepare,
                self._cut,
                self._order,
                self._sell,
                self._refuse,
                self._heal,
                self._settle,
                self._equal,
            ):
                await step()
            self._end("ended")
        except asyncio.CancelledError:
            self._end("stopped")
            raise
        except (Unseen, Refused, NodeDied, UnexpectedAnswer):
            self._end("failed")

    # ---- steps --------------------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        self._begin("prepare", n=UNITS, own=OWN, online=ONLINE)
        self._controls.take_over()
        self._shoppers.wait()
        self._observer.watch(self._good)
        self._controls.heal_all()
        await self._controls.start_all()
        await self._see(lambda: self._line() == self._hub and not self._differences())
        await self._trade.cancel_orders()
        if any(units for name, units in self._rights().items() if name not in (self._store, self._hub)):
            await self._set_level(0)  # units of another region: a new delivery puts them where the story needs them
            await self._see(lambda: not self._rights())
        await self._set_level(UNITS)
        await self._see(lambda: self._rights() == {self._store: OWN, self._hub: ONLINE} and not self._differences())
        await self._read("prepare")

    async def _cut(self) -> None:
        self._begin("cut")
        await asyncio.sleep(BEFORE_ACT_S)
        self._controls.cut_store(self._store)
        await self._see(lambda: not self._line())
        await self._read("cut")

    async def _order(self) -> None:
        self._begin("order", n=ORDERED, online=ONLINE)
        await asyncio.sleep(BEFORE_ACT_S)
        if not await self._trade.order(self._hub, self._good, ORDERED, self._store, str(uuid7())):
            raise Unseen
        await self._see(lambda: self._reserved(self._hub) == ORDERED)
        await self._read("order")

    async def _sell(self) -> None:
        self._begin("sell", n=SOLD, breach=BREACH, own=OWN)
        await asyncio.sleep(BEFORE_ACT_S)
        await self._trade.sell(self._store, self._good, SOLD, str(uuid7()))
        await self._see(lambda: self._breach(self._store) == BREACH)
        await self._read("sell")

    async def _refuse(self) -> None:
        self._begin("refuse", n=ORDERED, free=ONLINE - ORDERED)
        await asyncio.sleep(BEFORE_ACT_S)
        if await self._trade.order(self._hub, self._good, ORDERED, self._store, str(uuid7())):
            raise Unseen
        await self._read("refuse")

    async def _heal(self) -> None:
        self._begin("heal")
        await asyncio.sleep(BEFORE_ACT_S)
        self._controls.heal_store(self._store)
        await self._see(lambda: bool(self._line()))
        await self._read("heal")

    async def _settle(self) -> None:
        self._begin("settle", n=BREACH)
        await self._see(lambda: not self._breach(self._store) and not self._breach(self._hub))
        await self._read("settle")

    async def _equal(self) -> None:
        self._begin("equal", n=UNITS, sold=SOLD, held=ORDERED)
        await self._see(lambda: not self._differences())

    # ---- what the nodes show ------------------------------------------------------------------------------------

    async def _set_level(self, units: int) -> None:
        """Bring the units that are not reserved to a level, by a delivery or off the shelf."""
        await self._newer()
        stock = self._observer.own(self._store)
        lacking = units - (stock.available if stock is not None else 0)
        if lacking > 0:
            await self._trade.deliver(self._store, self._good, lacking, "")
        elif lacking < 0:
            await self._trade.take_off(self._store, self._good, -lacking)

    def _line(self) -> str:
        status = self._observer.statuses.get(self._store)
        return (status["hub"] or "") if status is not None and status["connected"] else ""

    def _rights(self) -> dict[str, int]:
        stock = self._observer.own(self._store)
        return stock.rights if stock is not None else {}

    def _breach(self, node: str) -> int:
        stock = self._observer.stocks.get(node, {}).get(self._store)
        return stock.breach if stock is not None else 0

    def _reserved(self, node: str) -> int:
        stock = self._observer.stocks.get(node, {}).get(self._store)
        return stock.reserved if stock is not None else 0

    def _differences(self) -> list[str]:
        statuses = {name: self._observer.statuses[name] for name in self._observer.answering}
        return differences(statuses, {}, self._network.urls)

    # ---- telling ------------------------------------------------------------------------------------------------

    def _begin(self, step: str, **values: int) -> None:
        self._began_s = asyncio.get_running_loop().time()
        number = STEPS.index(step) + 1
        told: dict[str, str | int] = {"store": self._store, "hub": self._hub, **values}
        self.view = StoryView(step=step, number=number, steps=len(STEPS), state="playing", values=told)

    def _end(self, state: str) -> None:
        if self.view is not None:
            self.view = msgspec.structs.replace(self.view, state=state)

    async def _read(self, step: str) -> None:
        """Give the reader the rest of the time of a sentence."""
        await asyncio.sleep(self._began_s + READING_S[step] - asyncio.get_running_loop().time())

    async def _see(self, shown: Callable[[], bool]) -> None:
        """Wait until the nodes show something. Raises Unseen."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SEEN_WITHIN_S):
                await self._newer()
                while not shown():
                    await self._newer()
                return
        raise Unseen
