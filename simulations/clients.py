"""Clients: tills and clerks that send requests, lose patience, retry, and count shelves during sales.

A client knows only the answers that it got. It retries under the same key: at once or much later, once or twice at the
same time. Some clients abandon a request. At the end of a run, `answer_all` retries until all requests except a few
abandoned ones have answers.
"""

from __future__ import annotations

import asyncio
from base64 import b85encode
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from math import ceil
from random import Random
from typing import Any, TypeVar

from replica.core.base.names import node_of
from replica.core.catalog.documents import pack_value
from replica.core.orders.requests import ORDER, Placement
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.kinds import LocationRequest
from replica.core.state.replica import Replica
from replica.core.stock.counts import Seen
from replica.core.stock.requests import (
    Action,
    Adjustment,
    AdjustmentLine,
    Count,
    CountLine,
    Disposition,
    GoodsLine,
    GoodsReceipt,
    OnShortage,
    Quarantine,
    QuarantineLine,
    Return,
    Sale,
    SkuLine,
)
from replica.runtime.background.counting import token_of
from replica.runtime.driver import INBOX_MAX
from replica.runtime.ports import Clock
from simulations.chain import SimulatedChain
from simulations.doubled_lines import on_two_lines
from simulations.history import Ask, History, Pair, changed_by_orders
from simulations.machine import Machine
from simulations.plan import RUSH_S

T = TypeVar("T")

BACKOFF_S = (0.01, 0.5)
LIST_PAGES = 8
ABANDONED_MAX = 8
"""Abandoned requests per location. With so few, only a small part of all possible sums is acceptable."""

DEMANDS = 0.2
"""Share of promises for which a hub first asks others for rights."""

PATIENT_S = 2.0
"""Timeout of the last retries."""


class Client:
    """One client at one machine."""

    def __init__(self, chain: SimulatedChain, history: History, machine: Machine, number: int) -> None:
        self._chain = chain
        self._history = history
        self._machine = machine
        self._trade = chain.plan.trade
        self._name = f"{machine.name}.{number}"
        self._random = Random(f"{chain.plan.seed}/{self._name}")
        self._lines = Random(f"{chain.plan.seed}/{self._name}/lines")
        self._asks: list[Ask] = []
        self._number = 0
        self._location = machine.name if machine.role.role == "edge" else chain.plan.warehouse

    async def run(self, until: float) -> None:
        """Send requests until this time."""
        if self._trade.opening:
            await self._receive(dict.fromkeys(self._items, self._trade.opening))
        while (left_s := until - self._chain.loop.time()) > 0:
            # at the end all send at once, so no later entry hides a lost one
            await asyncio.sleep(min(self._pause_s(), left_s))
            await self._act()

    def _pause_s(self) -> float:
        """The time until the client acts again. In a rush all clients act at nearly the same time."""
        pause_s = self._random.expovariate(1000 / self._trade.think_ms)
        rush_s = self._trade.rush_s
        if not rush_s:
            return pause_s
        now_s = self._chain.loop.time()
        return ceil((now_s + pause_s) / rush_s) * rush_s - now_s + self._random.uniform(0.0, RUSH_S)

    @property
    def _items(self) -> list[str]:
        return [f"item-{number}" for number in range(self._trade.items)]

    async def _act(self) -> None:
        """Do one random action, by the weights of `_acts`."""
        acts = self._acts()
        (act,) = self._random.choices([act for act, _ in acts], [weight for _, weight in acts])
        await act()
        if self._random.random() < self._trade.theft:
            self._history.steal((self._location, self._item()), self._quantity())

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        everywhere = [
            (self._receive, 8.0 if self._trade.opening else 16.0),
            (self._adjust, 6.0),
            (self._ask_again, 20.0 * self._trade.repeat),
            (self._count, 5.0),
            (self._abuse_key, 3.0),
            (self._read, 4.0),
            (self._flood, self._trade.floods),
        ]
        if self._machine.role.role == "hub":
            lists = 4.0 if self._trade.list_bytes else 0.0
            here = [*everywhere, (self._sell, 15.0), (self._write_document, 12.0), (self._write_list, lists)]
            online = (
                [(self._promise, 30.0), (self._write_policy, 3.0)] if self._trade.online and self._chain.stores else []
            )
            return [*here, *online]
        at_the_till = [
            (self._sell, 50.0),
            (self._sell_batch, 6.0),
            (self._take_back, 6.0),
            (self._quarantine, 5.0),
        ]
        return [*everywhere, *at_the_till]

    # actions of clients ------------------------------------------------------------------------------------------

    async def _receive(self, units: dict[str, int] | None = None) -> None:
        units = units or {self._item(): self._quantity() for _ in range(2)}
        await self._ask(GoodsReceipt(tuple(GoodsLine(number, item=item) for item, number in units.items())), units)

    def _sale(self) -> tuple[Sale, dict[str, int]]:
        lines = [SkuLine(self._quantity(), self._item()) for _ in range(self._random.choice((1, 1, 1, 2, 3)))]
        promise = self._random.random() < self._trade.refuse
        sale = Sale(
            lines=tuple(lines), on_shortage=OnShortage.REFUSE if promise else OnShortage.RECORD, till=self._name
        )
        return sale, _added_up(lines, -1)

    async def _sell(self) -> None:
        await self._ask(*self._sale())

    async def _sell_batch(self) -> None:
        asks = [self._begin(*self._sale()) for _ in range(self._random.randint(2, 6))]
        await self._put(asks)

    async def _take_back(self) -> None:
        line = SkuLine(self._quantity(), self._item())
        await self._ask(Return(lines=(line,), disposition=self._random.choice(list(Disposition))), _added_up([line], 1))

    async def _adjust(self) -> None:
        item, delta = self._item(), self._quantity() * self._random.choice((1, -1))
        await self._ask(Adjustment((AdjustmentLine(item, delta, "damage"),)), {item: delta})

    async def _quarantine(self) -> None:
        item, units, action = self._item(), self._quantity(), self._random.choice(list(Action))
        delta = {item: -units if action is Action.WRITE_OFF else 0}
        await self._ask(Quarantine((QuarantineLine(item, units, action),)), delta)

    async def _count(self) -> None:
        """Count a shelf now, and send the count some time later, during sales."""
        item, location = self._item(), self._location
        look = partial(_seen, location=location, clock=self._machine.clock)
        shown = await self._machine.look(look, self._timeout_s)
        of_orders = self._of_orders((location, item), shown[1]) if shown is not None else 0
        on_shelf, thefts = self._history.on_shelf((location, item), of_orders), self._history.thefts
        if shown is None or on_shelf is None:
            return
        token, seen = shown
        moved = self._history.moved_after((location, item), seen.vector, seen.as_of)
        if moved is None or on_shelf + moved < 0:
            return
        ask = self._begin(Count((CountLine(item, on_shelf + moved),), token), {item: 0})
        ask.thefts_seen, ask.of_orders = thefts, (seen.vector, seen.as_of, of_orders)
        ask.waiting += 1  # no other client counts this shelf before this count is sent
        await asyncio.sleep(self._random.uniform(0.0, 1.0))
        ask.waiting -= 1
        await self._put([ask])

    def _of_orders(self, pair: Pair, seen: Seen) -> int:
        """The change of a shelf by orders, from entries that are durable at this machine or anywhere else."""
        self._machine.disk.refresh()
        entries = [stored.entry for stored in self._machine.disk.stored if stored.entry.content.kind == ORDER]
        known = {entry.hash: entry for entry in entries}
        known.update({entry.hash: entry for entry in self._history.handed_out})
        return changed_by_orders(known.values(), pair, seen.vector, seen.as_of)

    async def _write_document(self) -> None:
        """Write a document of a kind that no version knows: nodes keep and forward it."""
        name, value = self._random.choice(("summer", "winter")), self._random.randrange(1_000)
        await self._put([self._begin_write("billboard", name, pack_value({"off": value, "by": self._name}))])

    async def _write_list(self) -> None:
        """Write a price list: so many large documents that the window of a link fills up."""
        pages = [b85encode(self._random.randbytes(self._trade.list_bytes)).decode() for _ in range(LIST_PAGES)]
        asks = [self._begin_write("prices", f"page-{number}", pack_value(page)) for number, page in enumerate(pages)]
        await self._put(asks)

    def _begin_write(self, kind: str, name: str, value: bytes | None) -> Ask:
        ask = Ask(machine=self._machine.name, asked=DocumentWrite(kind, name, value, self._key()), delta={})
        self._history.begin(ask)
        return ask

    async def _flood(self) -> None:
        """Repeat one request more often at once than the inbox admits."""
        known = [ask for ask in self._asks[-20:] if ask.entry is not None]
        if known:
            size = self._trade.flood_asks
            asks = [self._random.choice(known)] * size
            await asyncio.gather(*[self._try(asks) for _ in range(INBOX_MAX // size + 2)])

    async def _promise(self) -> None:
        """Sell a store's units online, from the rights of this hub. Sometimes ask other nodes for rights first."""
        location, item, units = self._random.choice(self._chain.stores).name, self._item(), self._quantity()
        if self._random.random() < DEMANDS:
            self._history.demand((location, item))
            await self._machine.want(location, item, units, self._timeout_s)
        sale = Sale(lines=(SkuLine(units, item),), on_shortage=OnShortage.REFUSE, till=self._name)
        await self._ask(sale, {item: -units}, location=location)

    async def _write_policy(self) -> None:
        location, item = self._random.choice(self._chain.stores).name, self._item()
        selectors = ("default", "default", f"item:{item}", f"location:{location}", f"location:{location},item:{item}")
        policy: dict[str, Any] = {"mode": self._random.choice(("keep", "safety", "share", "share", "both"))}
        policy["safety_stock"] = self._random.choice((0, 2, 2 * self._trade.quantity))
        policy["share"] = self._random.choice((0.25, 0.5, 1.0))
        if policy["mode"] != "keep" and self._random.random() < 0.5:
            policy["regions"] = {hub.role.region: 1 / len(self._chain.hubs) for hub in self._chain.hubs}
        if policy["mode"] != "keep" and self._random.random() < 0.3:
            policy["channels"] = {"mall": 0.25, "web": 0.5}
        value = pack_value(policy) if self._random.random() < 0.9 else None
        await self._put([self._begin_write("policy", self._random.choice(selectors), value)])

    async def _ask_again(self) -> None:
        """Repeat an earlier request. The answer must be the first one."""
        if self._asks:
            await self._put([self._random.choice(self._asks[-20:])])

    async def _abuse_key(self) -> None:
        """Use a key again for another request. The node must refuse it and change nothing."""
        known = [ask for ask in self._asks[-20:] if ask.entry is not None and isinstance(ask.asked, Command)]
        if known:
            earlier = self._random.choice(known)
            assert earlier.entry is not None
            request = GoodsReceipt((GoodsLine(self._quantity() + 7, item=self._item()),), reference="another")
            abuse = Command(self._location, request, earlier.key)
            who_knows = node_of(earlier.entry.stream.writer)  # another machine that got the request may have refused it
            impostor = Ask(machine=who_knows, asked=abuse, delta={}, is_impostor=True)
            self._history.begin(impostor)
            await self._try([impostor])

    async def _read(self) -> None:
        """Read the stock. No crash may undo what a client saw."""
        vector = await self._machine.look(partial(_shown, scope=self._location), self._timeout_s)
        if vector is not None:
            self._history.show(self._machine.name, self._location, vector)

    # sending requests --------------------------------------------------------------------------------------------

    async def _ask(self, request: LocationRequest, delta: dict[str, int], location: str = "") -> Ask:
        ask = self._begin(request, delta, location=location)
        await self._put([ask])
        return ask

    def _begin(self, request: LocationRequest, delta: dict[str, int], location: str = "") -> Ask:
        ask = self._ask_of(request, delta, location)
        self._history.begin(ask)
        return ask

    def _ask_of(self, request: LocationRequest, delta: dict[str, int], location: str = "") -> Ask:
        command = Command(location or self._location, self._lined(request), self._key())
        ask = Ask(machine=self._machine.name, asked=command, delta=delta)
        self._asks.append(ask)
        return ask

    def _lined(self, request: T) -> T:
        """A request, in some plans with one SKU on two lines."""
        share = self._trade.doubled_lines
        return on_two_lines(self._lines, request) if share and self._lines.random() < share else request

    async def _put(self, asks: list[Ask]) -> None:
        """Send requests, and retry them as often as `patience` permits."""
        for _ in range(self._trade.patience + 1):
            doubled = self._random.random() < self._trade.repeat / 2
            await asyncio.gather(*[self._try(asks) for _ in range(2 if doubled else 1)])
            if all(ask.is_settled for ask in asks):
                return
            self._turn_elsewhere(asks)
            await asyncio.sleep(self._random.uniform(*BACKOFF_S))

    def _turn_elsewhere(self, asks: list[Ask]) -> None:
        """Sometimes turn to another machine, under the same key. If both do the request, it still counts once."""
        others = [name for name in self._elsewhere(asks) if name != asks[0].machine]
        if others and not any(ask.is_settled for ask in asks) and self._random.random() < self._trade.failover:
            name = self._random.choice(others)
            for ask in asks:
                ask.machine = name
            self._history.tally("asked elsewhere")

    def _elsewhere(self, asks: list[Ask]) -> list[str]:
        """Machines that can do these requests too. A hub can promise a store's units, from its own rights."""
        commands = [ask.asked for ask in asks if isinstance(ask.asked, Command)]
        if any(isinstance(command.request, Count) for command in commands):
            return []  # the token of a count belongs to one machine
        promises = [isinstance(one.request, Sale) and one.request.on_shortage is OnShortage.REFUSE for one in commands]
        if self._machine.role.role != "hub" and not all(promises):
            return []
        newer = self._chain.plan.newer
        if any(isinstance(command.request, GoodsReceipt) for command in commands):
            alike = [hub.name for hub in self._chain.hubs if hub.name not in newer]
            # machines of this release do not know the next release's kind of goods receipt
            return alike if asks[0].machine in alike else []
        return [hub.name for hub in self._chain.hubs]

    async def _try(self, asks: list[Ask]) -> None:
        """Send requests once. A request stays open if any try got no answer."""
        await try_once(self._chain, self._history, asks, self._timeout_s)

    @property
    def _timeout_s(self) -> float:
        return self._trade.timeout_ms / 1000

    def _key(self) -> bytes:
        self._number += 1
        return f"{self._name}-{self._number}".encode()

    def _item(self) -> str:
        return self._items[0] if self._random.random() < self._trade.hot else self._random.choice(self._items)

    def _quantity(self) -> int:
        return self._random.randint(1, self._trade.quantity)


async def try_once(
    chain: SimulatedChain, history: History, asks: Sequence[Ask], timeout_s: float, machine: str = ""
) -> bool:
    """Send requests together to their machine, or to `machine`, and note the answers. Returns whether it answered."""
    asked_s, machine = chain.loop.time(), machine or asks[0].machine
    since = chain.machines[machine].durable
    for ask in asks:
        ask.waiting += 1
        ask.tried[machine] = None
        ask.first_tried_s = min(asked_s, ask.first_tried_s)
    try:
        verdicts = await chain.machines[machine].ask([ask.asked for ask in asks], timeout_s)
    except ConnectionRefusedError:
        history.tally("not listening")
        verdicts = []
    for index, ask in enumerate(asks):
        ask.waiting -= 1
        if verdicts is None:
            history.unheard(ask, machine, chain.loop.time())
        elif verdicts:
            ask.machine = machine
            history.answered(ask, verdicts[index], machine, asked_s, since)
    return bool(verdicts)


async def answer_all(chain: SimulatedChain, history: History) -> None:
    """After healing, retry until no request is open except a few abandoned ones.

    A request that several machines got is sent once more, because by now it has one answer.
    """
    abandoned: dict[str, int] = {}
    for ask in [ask for ask in history.asks if ask.is_open]:
        if isinstance(ask.asked, Command) and isinstance(ask.asked.request, Sale) and ask.occurred_ms is None:
            abandoned[ask.location] = abandoned.get(ask.location, 0) + 1
            if abandoned[ask.location] <= ABANDONED_MAX:
                history.tally("left open")
                continue
        while ask.is_open:
            ask.machine = next(iter(ask.unheard_s), ask.machine)
            await try_once(chain, history, [ask], PATIENT_S)
            if ask.is_open and _needs_another_region(ask, chain):
                history.tally("left open")
                break
            if ask.is_open:
                await asyncio.sleep(BACKOFF_S[1])  # a full disk refuses at once until its next try
    for ask in [ask for ask in history.asks if ask.may_be_duplicated and ask.entry is not None]:
        while not await try_once(chain, history, [ask], PATIENT_S):  # noqa: ASYNC110
            await asyncio.sleep(BACKOFF_S[1])


def _needs_another_region(ask: Ask, chain: SimulatedChain) -> bool:
    """Whether a request has to reach another region than its hub's, and the chain has none."""
    request = ask.asked.request if isinstance(ask.asked, Command) else None
    regions = dict.fromkeys(hub.role.region for hub in chain.hubs)
    return isinstance(request, Placement) and request.durability == "region" and len(regions) < 2


def _added_up(lines: Sequence[SkuLine], sign: int) -> dict[str, int]:
    delta: dict[str, int] = {}
    for line in lines:
        assert isinstance(line.sku, str)
        delta[line.sku] = delta.get(line.sku, 0) + sign * line.quantity
    return delta


def _seen(replica: Replica, location: str, clock: Clock) -> tuple[str, Seen]:
    """The token that a terminal shows with the stock, and what it stands for."""
    now_ms = clock.now().wall_ms
    return token_of(replica, now_ms), replica.seen(location, now_ms)


def _shown(replica: Replica, scope: str) -> dict[str, int]:
    return {writer: head.sequence for writer, head in replica.vectors.get(scope, {}).items()}
