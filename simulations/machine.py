"""One machine of the chain: its disk and clocks stay, its node starts and stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, TypeVar

from msgspec import UNSET, Struct
from msgspec.structs import replace

from replica.core.base.errors import Broken, CursorUnknown, Refused, Unknown
from replica.core.base.names import writer_of
from replica.core.orders.requests import Placement
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.decisions import Verdict
from replica.core.state.kinds import KINDS
from replica.core.state.replica import Replica
from replica.core.stock.lines import microseconds
from replica.core.stock.requests import Count, Sale
from replica.core.sync.events import Scopes
from replica.runtime.background.counting import submit_count
from replica.runtime.http.journal_reading import JournalReading
from replica.runtime.http.order_placing import place, waits
from replica.runtime.node import Node, NodeRole
from replica.runtime.pricing import price_of_sale
from simulations.addressed import AddressedCommand, Sourcing, Surveyed
from simulations.checkpoints import CheckpointDiffers, check_replica
from simulations.clock import SimulatedClock, SimulatedEntropy
from simulations.figures import available, explained
from simulations.history import Durable, PageRead
from simulations.journal import SimulatedDisk, SimulatedJournal
from simulations.loop import NO_HOST, Host, VirtualLoop
from simulations.network import End, MachineNetwork, SimulatedNetwork
from simulations.next_release import NEXT_KINDS

T = TypeVar("T")

HOME_AFTER_S = 5.0
STOP_MAX_S = 5.0
"""A node stops within this time after SIGTERM."""

RESTART_S = (0.2, 3.0)
"""How long the supervisor takes to restart a process."""

INCARNATION_BYTES = 6


class Role(Struct, frozen=True):
    """The role of a machine in the chain."""

    name: str
    node: NodeRole
    """The production role of its node."""
    region: str
    locations: tuple[str, ...]
    """Locations it writes for."""
    dial: tuple[tuple[str, ...], ...]

    @property
    def role(self) -> str:
        """The role that its node tells its peers."""
        return self.node.name

    @property
    def scopes(self) -> Scopes:
        """The scopes of its node; None means all."""
        return self.node.scopes


class Priced(Struct, frozen=True, omit_defaults=True):
    """Goods that are priced: after how many entries of a node, at which moment of its clock, where and for whom."""

    arrival: int
    moment_ms: int
    location: str
    lines: tuple[tuple[str, int], ...]
    group: str = ""
    occurred_us: int | None = None
    """When a till says that it sold them, in microseconds since 1970."""
    is_least: bool = False
    """Whether the node priced them after at least so many entries, and not before that moment."""


def priced_sale(asked: Command, arrival: int, now_ms: int, *, is_least: bool = False) -> Priced | None:
    """The goods of a sale that is priced. None if some of them are named by a barcode."""
    sale = asked.request
    assert isinstance(sale, Sale)
    if not all(isinstance(one.sku, str) for one in sale.lines):
        return None
    lines = tuple((str(one.sku), one.quantity) for one in sale.lines)
    occurred_us = None if sale.occurred_at is UNSET else microseconds(sale.occurred_at)
    return Priced(arrival, now_ms, asked.location, lines, sale.customer_group, occurred_us, is_least)


class Machine:
    """A machine, its disk, and its running node, if any."""

    def __init__(
        self,
        role: Role,
        loop: VirtualLoop,
        network: SimulatedNetwork,
        random: Random,
        note: Callable[[str, str], None],
        versions: tuple[int, int] | None = None,
        name: str = "",
        seed: int = 0,
    ) -> None:
        self.role = role
        self.name = name or role.name
        """Its address. A clone has its own address, but the role of the other machine."""
        self.disk = SimulatedDisk()
        self.clock = SimulatedClock(loop.time)
        self.node: Node | None = None
        """The node, after it began to serve."""
        self.host: Host | None = None
        self.lives: list[Host] = []
        self.failure: BaseException | None = None
        """The reason why its process ended, if that is a bug."""
        self.writer = ""
        self.is_held_down = 0
        """The number of faults that keep it down."""
        self.is_stopping = False
        self.loses_answers = 0.0
        """Share of its clients' requests or answers that are lost."""
        self.most_waiting = 0
        """The most requests that ever waited in its inbox."""
        self.priced: dict[bytes, list[Priced]] = {}
        """By key: the sales that got a price here, each time that a client asked."""
        self.surveyed: dict[bytes, list[Surveyed]] = {}
        """By key of an order to an address: each time that its hub looked for locations."""
        self._sourcing: Sourcing | None = None
        self._loop = loop
        self._network = network
        self._random = random
        self._note = note
        self._versions = versions
        self._entropy = SimulatedEntropy(random)
        self._reopenings = Random(f"{seed}/{self.name}/reopenings")
        """Says at which starts the node opens its checkpoint. At the others it folds its entries again."""
        self.identify()

    @property
    def is_listening(self) -> bool:
        """Whether a process answers here."""
        return self.node is not None

    def identify(self) -> None:
        """Take a new incarnation, as a node without data does."""
        self.writer = writer_of(self.role.name, self._entropy.random_bytes(INCARNATION_BYTES).hex())

    @property
    def durable(self) -> Durable:
        """What is durable now."""
        self.disk.refresh()
        return Durable(self.disk, len(self.disk.stored), self.clock.now().wall_ms, len(self.clock.errors))

    def start(self) -> None:
        """Start the process, unless a fault keeps the machine down."""
        if self.host is None and not self.is_held_down:
            self.host = Host(self.name)
            self.lives.append(self.host)
            self._network.power(self.name)
            self._loop.start_on(self.host, self._live())

    def stop(self, *, has_power: bool = True) -> None:
        """End the process as kill -9 does, or the machine as a power loss does."""
        if self.host is None:
            return
        self._loop.crash(self.host)
        self.host = self.node = None
        self.disk.stop(finishes=self._random.random() < 0.5)
        self._network.drop(self.name, has_power=has_power)
        self._note(self.name, "stops" if has_power else "loses power")

    async def ask(self, asked: list[Command | DocumentWrite], timeout_s: float) -> list[Verdict] | None:
        """Send requests of a client on this machine's local network; None if the client gets no answer.

        Raises ConnectionRefusedError: definite, no process listens.
        """
        node, host = self.node, self.host
        if node is None or host is None:
            raise ConnectionRefusedError(f"{self.name} does not listen")
        answer: asyncio.Future[list[Verdict]] = self._loop.create_future()
        is_lost = self._random.random() < self.loses_answers
        if not (is_lost and self._random.random() < 0.5):
            self._loop.start_on(host, self._serve(node, asked, None if is_lost else answer))
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            return None

    async def look(self, query: Callable[[Replica], T], timeout_s: float) -> T | None:
        """Read for a client; None if it gets no answer or a refusal."""
        node, host = self.node, self.host
        if node is None or host is None:
            return None
        reading: asyncio.Task[T] = self._loop.start_on(host, node.driver.look(query))
        done, _ = await asyncio.wait([reading], timeout=timeout_s)
        if not done:
            reading.add_done_callback(_hear)
            return None
        if isinstance(reading.exception(), Refused):
            return None
        return reading.result()

    async def read(self, cursor: str, limit: int, timeout_s: float) -> PageRead | None:
        """Read a page of the journal for a client; None if it gets no answer."""
        node, host = self.node, self.host
        if node is None or host is None:
            return None
        reading = self._loop.start_on(host, _read(node, cursor, limit))
        done, _ = await asyncio.wait([reading], timeout=timeout_s)
        return reading.result() if done else None

    async def explain(self, location: str, item: str, timeout_s: float) -> dict[str, Any] | None:
        """Read the stock of an item for a client, as a document of the API; None if it gets no answer or a refusal."""
        return await self._show(lambda node: explained(node, location, item), timeout_s)

    async def availability(
        self, sku: str, channel: str, timeout_s: float, near: tuple[float, float] | None = None
    ) -> dict[str, Any] | None:
        """Read the availability of a SKU at a hub, like `explain`. `near`: latitude and longitude of a customer."""
        return await self._show(lambda node: available(node, sku, channel, near), timeout_s)

    async def source(self, asked: AddressedCommand, timeout_s: float) -> tuple[Surveyed, dict[str, Any]] | None:
        """Ask a hub from where an order to an address would be sent; None if it gets no answer or a refusal."""
        return await self._show(lambda node: self._sourcing_of(node).answer(asked), timeout_s)

    async def _show(self, reading: Callable[[Node], Coroutine[Any, Any, T]], timeout_s: float) -> T | None:
        node, host = self.node, self.host
        if node is None or host is None:
            return None
        showing = self._loop.start_on(host, reading(node))
        done, _ = await asyncio.wait([showing], timeout=timeout_s)
        if not done:
            showing.add_done_callback(_hear)
            return None
        return None if isinstance(showing.exception(), Refused) else showing.result()

    async def want(self, location: str, item: str, quantity: int, timeout_s: float) -> None:
        """Make this machine's node ask other nodes for rights. Refusals are ignored."""
        node, host = self.node, self.host
        if node is None or host is None:
            return
        asking = self._loop.start_on(host, node.rights.want(location, item, quantity, timeout_s))
        done, _ = await asyncio.wait([asking], timeout=timeout_s)
        if not done:
            asking.add_done_callback(_hear)
        elif isinstance(failure := asking.exception(), BaseException) and not isinstance(failure, Refused):
            raise failure

    async def restart(self) -> None:
        """Stop gracefully, as after SIGTERM, and start again."""
        node, host = self.node, self.host
        if node is None or host is None:
            return
        self.is_stopping = True
        stopping = self._loop.start_on(host, node.stop())
        await asyncio.wait([stopping], timeout=STOP_MAX_S)
        self.is_stopping = False
        if self.host is host:
            self.stop()
            self.start()

    async def _live(self) -> None:
        journal = SimulatedJournal(self.disk, self.writer, opens_checkpoint=self._reopenings.random() < 0.5)
        role = self.role
        try:
            replica = Replica(
                self.writer,
                role.locations,
                await journal.load(),
                open_catalog=True,
                kinds=KINDS if self._versions is None else NEXT_KINDS,
                order_policy=role.node.order_policy,
            )
            check_replica(replica, [stored.entry for stored in self.disk.stored], self.disk.clock)
        except CheckpointDiffers as differs:
            self.failure = differs
            return
        node = Node(
            replica,
            journal,
            role.node,
            region=role.region,
            clock=self.clock,
            entropy=self._entropy,
            network=MachineNetwork(self._network, self.name),
        )
        if self._versions is not None:
            node.peers.identity = replace(node.peers.identity, versions=self._versions, software="next")
        vital = node.start(role.dial, HOME_AFTER_S)
        self._network.listen(self.name, self._accept)
        self.node = node
        self._note(self.name, f"serves {replica.arrival}")
        await asyncio.wait(vital, return_when=asyncio.FIRST_COMPLETED)
        if self.is_stopping:
            return
        failure = next((task.exception() for task in vital if task.done()), None)
        if not isinstance(failure, Unknown):
            self.failure = failure or Broken("a vital task of the node returned")
        self._note(self.name, f"ends {failure!r}")
        self._loop.call_soon(self._end, context=NO_HOST)

    def _end(self) -> None:
        self.stop()
        self._loop.call_later(self._random.uniform(*RESTART_S), self.start, context=NO_HOST)

    def _accept(self, end: End) -> None:
        if self.node is not None and self.host is not None:
            self._loop.start_on(self.host, self.node.peers.converse(end, is_dialled=False))

    async def _serve(
        self, node: Node, asked: list[Command | DocumentWrite], answer: asyncio.Future[list[Verdict]] | None
    ) -> None:
        try:
            verdicts = await self._decide(node, asked)
        except Refused as refused:
            verdicts = [refused] * len(asked)
        if answer is not None and not answer.done():
            answer.set_result(verdicts)

    async def _decide(self, node: Node, asked: list[Command | DocumentWrite]) -> list[Verdict]:
        if isinstance(asked[0], Command) and isinstance(asked[0].request, Count):
            return [await self._count(node, count) for count in asked if isinstance(count, Command)]
        if any(isinstance(one, AddressedCommand) or _waits(one) for one in asked):
            return [await self._place(node, one) for one in asked if isinstance(one, Command)]
        if self.role.role == "edge":
            asked = [self._with_price(node, one) for one in asked]
        decided = node.driver.submit_all(asked)
        self.most_waiting = max(self.most_waiting, node.driver.waiting)
        return list(await decided)

    def _with_price(self, node: Node, asked: Command | DocumentWrite) -> Command | DocumentWrite:
        """A sale with the price that applies now, as the HTTP call of a store adds it. Others stay as they are."""
        if not isinstance(asked, Command) or not isinstance(asked.request, Sale):
            return asked
        sale, replica, now_ms = asked.request, node.replica, self.clock.now().wall_ms
        self._note_priced(asked, priced_sale(asked, replica.arrival, now_ms))
        return replace(asked, quote=price_of_sale(replica, asked.location, sale, now_ms))

    def _note_priced(self, asked: Command, priced: Priced | None) -> None:
        if priced is not None:
            self.priced.setdefault(asked.key, []).append(priced)

    async def _place(self, node: Node, asked: Command) -> Verdict:
        assert isinstance(asked.request, Placement)
        choose = None
        if isinstance(asked, AddressedCommand):
            choose = self._sourcing_of(node).choice(asked, self.surveyed.setdefault(asked.key, []).append)
        try:
            return await place(node, asked.request, asked.key, choose)
        except Refused as refused:
            return refused

    def _sourcing_of(self, node: Node) -> Sourcing:
        """What sources orders at the running node. It keeps what it worked out before."""
        if self._sourcing is None or self._sourcing.node is not node:
            self._sourcing = Sourcing(node, self.role.locations)
        return self._sourcing

    async def _count(self, node: Node, count: Command) -> Verdict:
        try:
            return await submit_count(node.driver, node.journal, count)
        except Refused as refused:
            return refused


def _waits(asked: Command | DocumentWrite) -> bool:
    return isinstance(asked, Command) and isinstance(asked.request, Placement) and waits(asked.request)


async def _read(node: Node, cursor: str, limit: int) -> PageRead:
    reading = JournalReading(node)
    try:
        page = await reading.after(reading.arrival(cursor, "after"), limit)
    except CursorUnknown as unknown:
        return PageRead((), unknown.facts["begin"], is_reset=True)
    return PageRead(tuple(one.entry.hash.hex() for one in page.stored), reading.cursor(page.through))


def _hear(task: asyncio.Task[Any]) -> None:
    """Receive the outcome for a client that has left. Ignores refusals, and raises other failures to the loop."""
    failure = None if task.cancelled() else task.exception()
    if failure is not None and not isinstance(failure, Refused):
        raise failure
