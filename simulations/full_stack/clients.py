"""Clients that speak HTTP: the same trade, with tokens and pages as callers see them, and some invalid requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from urllib.parse import quote

from msgspec.structs import replace

from replica.core.catalog.documents import pack_value
from replica.core.orders.requests import Placement
from replica.core.stock.counts import Seen
from replica.core.stock.requests import Count, CountLine
from simulations.chain import SimulatedChain
from simulations.checkers.checker import Violation
from simulations.full_stack.answers import ALL
from simulations.full_stack.calls import Call, HttpAnswer, events_in, packed
from simulations.full_stack.machine import StackMachine
from simulations.history import Ask, History
from simulations.ordering_clients import Offer, OrderingClient

PAGES = ("/readyz", "/healthz", "/metrics", "/openapi.json", "/v1/journal?limit=20", "/v1/stock?limit=2")
HUB_PAGES = ("/v1/availability/item-0", "/v1/nodes", "/readyz", "/metrics", "/v1/stock/{location}", "/v1/journal")

FEED = "/v1/feed?after=0"

NONSENSE = (
    b"\r\n\r\n\r\n",
    b"SALE!\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"POST /v1/sales HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/sales HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n",
    b"POST /v1/sales HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    b"POST /v1/sales HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"POST /v1/sales HTTP/9.9\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"GET /v1/sync HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\xff\xff\xff\xff\xff",
)
"""Bytes that are no request, or a request that two parsers could read differently."""

BODIES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'{"lines":[]}',
    b'{"lines":[{"sku":"item-0","quantity":0}]}',
    b'{"lines":[{"sku":"item-0","quantity":1e400}]}',
    b'{"lines":[{"item":"item-0","sku":"item-0","quantity":99999999999999999999}]}',
    b'{"lines":[{"sku":"item-0","quantity":1,"price":3}]}',
    b'{"lines":[{"sku":"\xff","quantity":1}]}',
    b"[" * 5_000,
    b'{"lines":[{"item":"item-0","counted":1}],"seen":"nobody.gave.this","unit":2}',
)
"""Bodies that every write refuses."""

PATIENCE_S = 0.5

DURABLE = 0.4
"""Share of orders at hubs that have to survive the loss of a region."""


class StackClient(OrderingClient):
    """One client at one machine, over HTTP."""

    _machine: StackMachine

    def __init__(self, chain: SimulatedChain, history: History, machine: StackMachine, number: int) -> None:
        super().__init__(chain, history, machine, number)
        self._is_at_hub = machine.role.role == "hub"
        self._durability = Random(f"{chain.plan.seed}/{self._name}/durability")

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        at_stores = (self._sell, self._count)
        return [
            *[(act, weight) for act, weight in super()._acts() if not (self._is_at_hub and act in at_stores)],
            (self._talk_nonsense, 2.0),
            (self._ask_wrongly, 3.0),
            (self._browse, 3.0),
            (self._follow, 1.0),
            (self._look, 2.0),
        ]

    async def _count(self) -> None:
        """Count a shelf as of the figure on a terminal, and send the count some time later, during sales."""
        item = self._item()
        pair = (self._location, item)
        asked = len(self._history.asks)
        answer = await self._get(f"/v1/stock/{item}")
        meanwhile = any(ask.location == pair[0] and item in ask.delta for ask in self._history.asks[asked:])
        if answer is None or answer.status != 200 or meanwhile:
            return
        token = answer.document()["seen"]
        as_of, vector = self._behind(token)
        of_orders = self._of_orders(pair, Seen(levels={}, as_of=as_of, vector=vector))
        on_shelf, thefts = self._history.on_shelf(pair, of_orders), self._history.thefts
        moved = self._history.moved_after(pair, vector, as_of)
        if on_shelf is None or on_shelf < 0 or moved is None or on_shelf + moved < 0:
            return
        ask = self._begin(Count((CountLine(item, on_shelf + moved),), token), {item: 0})
        ask.thefts_seen, ask.of_orders = thefts, (vector, as_of, of_orders)
        ask.waiting += 1  # no other client counts this shelf before this count is sent
        await asyncio.sleep(self._random.uniform(0.0, 1.0))
        ask.waiting -= 1
        await self._put([ask])

    def _placement(self, offers: list[Offer], channel: str) -> Placement:
        placement = super()._placement(offers, channel)
        is_durable = self._is_at_hub and self._durability.random() < DURABLE
        return replace(placement, durability="region") if is_durable else placement

    def _behind(self, token: str) -> tuple[int, dict[str, int]]:
        """The meaning of a token: a moment, and the version vector of this store."""
        _, arrival, as_of = token.split(".")
        self._machine.disk.refresh()
        streams = [stored.entry for stored in self._machine.disk.stored[: int(arrival, 16)]]
        vector = {entry.stream.writer: entry.sequence for entry in streams if entry.stream.scope == self._location}
        return int(as_of, 16), vector

    def _elsewhere(self, asks: list[Ask]) -> list[str]:
        """A till stays with its store, because the calls of stores and hubs differ."""
        return super()._elsewhere(asks) if self._is_at_hub else []

    async def _write_document(self) -> None:
        name = self._random.choice(("summer-box", "winter-box"))
        value = {"recipe": {"item-0": self._random.randrange(1, 1_000)}, "names": {"en": self._name}}
        await self._put([self._begin_write("sku", name, pack_value(value))])

    async def _read(self) -> None:
        answer = await self._get("/v1/status")
        if answer is not None and answer.status == 200:
            vector = answer.document()["version_vector"].get(self._location, {})
            shown = {writer: head["sequence"] for writer, head in vector.items()}
            self._machine.disk.refresh()
            self._history.show(self._machine.name, self._location, shown)

    async def _browse(self) -> None:
        page = self._random.choice(HUB_PAGES if self._is_at_hub else PAGES)
        await self._get(page.replace("{location}", self._location))

    async def _look(self) -> None:
        """Read what a person looks at: a whole list, an explanation or an order."""
        at = f"{self._location}/" if self._is_at_hub else ""
        paths = ["exceptions", f"explain/{at}{self._item()}", "documents/sku" if self._is_at_hub else "pickups"]
        bought = self._latest()
        if bought:
            paths.append(f"orders/{quote(self._random.choice(bought).placement.order, '')}")
        await self._get(f"/v1/{self._random.choice(paths)}?limit={ALL}")

    async def _follow(self) -> None:
        """Read the live feed for a while, then abort the connection."""
        said, since = bytearray(), self._machine.durable
        try:
            async with asyncio.timeout(self._random.uniform(0.1, 3 * PATIENCE_S)):
                line = await self._machine.clients.open()
                try:
                    line.write(packed(Call("GET", FEED), self._machine.name))
                    await line.listen(said)
                finally:
                    line.abort()
        except (TimeoutError, OSError):
            self._history.tally("followed")
        events = events_in(bytes(said))
        if events:
            self._machine.on_answer(Call("GET", FEED), since, HttpAnswer(200, events, is_last=True))

    async def _get(self, path: str) -> HttpAnswer | None:
        try:
            return await self._machine.call(Call("GET", path), self._timeout_s)
        except ConnectionRefusedError:
            return None

    async def _ask_wrongly(self) -> None:
        """Send a write with an invalid body. The node must refuse it and change nothing."""
        path = self._random.choice(("/v1/sales", "/v1/receipts", "/v1/counts", "/v1/returns", "/v1/sales:batch"))
        call = Call("POST", path, self._random.choice(BODIES), self._random.choice(("", "wrong", "a b", "\u00e9" * 3)))
        try:
            answer = await self._machine.call(call, self._timeout_s)
        except ConnectionRefusedError:
            return
        self._history.tally("nonsense")
        if answer is not None and answer.status < 400:
            raise Violation("Nonsense", 0, f"{self._machine.name} answers {call} with {answer}")

    async def _talk_nonsense(self) -> None:
        """Send bytes that are no request, or half a request, and sometimes leave before the answer."""
        sale = packed(Call("POST", "/v1/sales", b'{"lines":[{"sku":"item-0","quantity":1}]}', "half"), "a")
        data = self._random.choice((*NONSENSE, sale[: self._random.randrange(1, len(sale) - 1)]))
        said = b""
        try:
            async with asyncio.timeout(PATIENCE_S):
                line = await self._machine.clients.open()
                try:
                    line.write(data)
                    if self._random.random() < 0.7:
                        said = await line.rest()
                finally:
                    line.abort()
        except (TimeoutError, OSError):
            pass
        self._history.tally("nonsense")
        if said and not said.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 101")):
            raise Violation("Nonsense", 0, f"{self._machine.name} answers {data!r} with {said!r}")
