"""Prices between live nodes, in virtual time: pushed, scheduled, overridden and edited twice while a line is cut."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from replica.core.catalog.documents import pack_value
from replica.core.catalog.quotes import QuoteLine
from replica.core.catalog.ranks import CHAIN_RANK, REGION_RANK, STORE_RANK
from replica.core.state.commands import DocumentWrite
from replica.runtime.http.exception_answers import exceptions
from replica.runtime.node import Node
from replica.runtime.pricing import occasion_at, quote_of
from simulations.clock import EPOCH_MS
from tests.runtime.virtual import VirtualNetwork, Wire, elapsed_s, hub, store, until

pytestmark = pytest.mark.virtual_time

STORE = "store-1"
CHAIN = (CHAIN_RANK, "")
OWN = (STORE_RANK, STORE)

PUSH_S = 2.0
"""A connected store quotes a new price within this time."""

RETURN_S = 5.0
"""A store that returns dials again within this time, and has the new price."""


class Lines(VirtualNetwork):
    """A network of which all lines can be cut."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[Wire] = []
        self._away: dict[str, Node] = {}

    async def dial(self, url: str) -> Wire:
        wire = await super().dial(url)
        self._open.append(wire)
        return wire

    async def cut(self) -> None:
        """Close all connections, and refuse new ones."""
        self._away, self.nodes = self.nodes, {}
        for wire in self._open:
            await wire.close()
        self._open.clear()

    def mend(self) -> None:
        """Admit connections again."""
        self.nodes = self._away


class Chain:
    """A store, its hub in the east, and a hub in the west."""

    def __init__(self) -> None:
        self.lines = Lines()
        self.east, self.west = hub("hub-east", self.lines), hub("hub-west", self.lines, region="west")
        self.store = store(STORE, self.lines)
        self.nodes = [self.east, self.west, self.store]
        self.lines.nodes = {node.replica.node: node for node in self.nodes}
        self._writes = 0

    async def open(self) -> None:
        """Connect all nodes. A cola costs 1.99, and stores may set 1.50 to 2.50."""
        self.east.start([], 0.0)
        self.west.start([["hub-east"]], 0.0)
        self.store.start([["hub-east"]], 0.0)
        await self.write(self.east, "location", STORE, {"type": "store", "name": "Shop", "region": "east"})
        await self.price(self.east, 199, override={"min": 150, "max": 250})
        await until(lambda: [quoted(node) for node in self.nodes] == [199, 199, 199], PUSH_S)

    async def write(self, node: Node, kind: str, key: str, value: Any, rank: tuple[int, str] = CHAIN) -> None:
        self._writes += 1
        packed, name = None if value is None else pack_value(value), f"write-{self._writes}".encode()
        await node.driver.submit(DocumentWrite(kind, key, packed, name, rank=rank[0], at=rank[1]))

    async def price(self, node: Node, amount: int, rank: tuple[int, str] = CHAIN, **more: Any) -> None:
        await self.write(node, "price", "cola", {"amount": amount, "currency": "EUR", **more}, rank)


def quoted(node: Node) -> int | None:
    """What a cola costs in the store by this node, now. None if it has no price."""
    occasion = occasion_at(node.replica, STORE, node.clock.now().wall_ms)
    quote = quote_of(node.replica, [QuoteLine("cola", 1)], occasion)
    return quote.totals[0].net_amount if quote.totals else None


def listed(node: Node) -> Any:
    """The exceptions of a node now."""
    return exceptions(node.replica, {}, (), 100, now_ms=node.clock.now().wall_ms)


def in_s(seconds: float) -> str:
    """The moment some seconds from now."""
    now_ms = EPOCH_MS + round(elapsed_s() * 1_000)
    return (datetime.fromtimestamp(now_ms / 1_000, UTC) + timedelta(seconds=seconds)).isoformat()


async def test_a_price_written_at_any_hub_is_quoted_by_a_connected_store_within_2_s() -> None:
    chain = Chain()
    await chain.open()
    for node, amount in ((chain.east, 209), (chain.west, 219)):
        await chain.price(node, amount)
        await until(lambda amount=amount: quoted(chain.store) == amount, PUSH_S)  # type: ignore[misc]


async def test_a_promotion_written_and_cleared_at_a_hub_reaches_a_store_within_2_s() -> None:
    chain = Chain()
    await chain.open()
    sale = {"benefit": {"type": "amount_off", "amount": 20, "currency": "EUR"}, "applies_to": {"all": True}}
    for value, amount in ((sale, 179), (None, 199)):
        await chain.write(chain.west, "promotion", "sale", value)
        await until(lambda amount=amount: quoted(chain.store) == amount, PUSH_S)  # type: ignore[misc]


async def test_a_cut_off_store_quotes_the_old_price_until_it_returns() -> None:
    chain = Chain()
    await chain.open()
    await chain.lines.cut()
    await chain.price(chain.east, 209)
    await asyncio.sleep(60)
    assert (quoted(chain.store), quoted(chain.east)) == (199, 209)
    chain.lines.mend()
    await until(lambda: quoted(chain.store) == 209, RETURN_S)


async def test_a_scheduled_price_takes_effect_at_its_time_with_the_line_down() -> None:
    chain = Chain()
    await chain.open()
    await chain.price(chain.east, 199, scheduled=[{"amount": 229, "valid_from": in_s(60)}])
    await asyncio.sleep(PUSH_S)
    await chain.lines.cut()
    await asyncio.sleep(57.9)
    assert quoted(chain.store) == 199
    await asyncio.sleep(0.2)
    assert [quoted(node) for node in chain.nodes] == [229, 229, 229]


async def test_a_promotion_begins_and_ends_at_its_time_with_the_line_down() -> None:
    chain = Chain()
    await chain.open()
    sale = {"benefit": {"type": "percentage", "percent": 50.0}, "applies_to": {"skus": ["cola"]}}
    await chain.write(chain.east, "promotion", "sale", {**sale, "valid_from": in_s(60), "valid_to": in_s(120)})
    await asyncio.sleep(PUSH_S)
    await chain.lines.cut()
    found = []
    for _ in range(3):
        found.append(quoted(chain.store))
        await asyncio.sleep(60)
    assert found == [199, 100, 199]


async def test_an_override_that_a_store_wrote_while_cut_off_reaches_all_hubs() -> None:
    chain = Chain()
    await chain.open()
    await chain.lines.cut()
    await chain.price(chain.store, 179, OWN)
    assert (quoted(chain.store), quoted(chain.east)) == (179, 199)
    chain.lines.mend()
    await until(lambda: [quoted(node) for node in chain.nodes] == [179, 179, 179], RETURN_S)


async def test_an_override_past_limits_of_the_same_cut_counts_nowhere_and_is_listed_everywhere() -> None:
    chain = Chain()
    await chain.open()
    await chain.lines.cut()
    await chain.price(chain.store, 155, OWN)
    await chain.price(chain.east, 199, override={"min": 170})
    chain.lines.mend()
    await until(lambda: [quoted(node) for node in chain.nodes] == [199, 199, 199], RETURN_S)
    for node in chain.nodes:
        (conflict,) = listed(node).price_conflicts
        assert (conflict.sku, conflict.at, conflict.field, conflict.limits.min) == ("cola", STORE, "amount", 170)
    await chain.price(chain.store, 171, OWN)
    await until(lambda: not any(listed(node).price_conflicts for node in chain.nodes), PUSH_S)


@pytest.mark.parametrize("rank", [CHAIN, (REGION_RANK, "east")])
async def test_two_hubs_that_write_one_price_during_a_cut_agree_and_list_the_lost_edit(rank: tuple[int, str]) -> None:
    chain = Chain()
    await chain.open()
    await chain.lines.cut()
    await chain.price(chain.east, 189, rank)
    await chain.price(chain.west, 219, rank)
    assert (quoted(chain.east), quoted(chain.west)) == (189, 219)
    chain.lines.mend()
    await until(lambda: len({quoted(node) for node in chain.nodes}) == 1 and quoted(chain.store) != 199, RETURN_S)
    for node in chain.nodes:
        (lost,) = listed(node).lost_edits
        assert (lost.standing.value["amount"], lost.lost.value["amount"]) == (quoted(node), 408 - (quoted(node) or 0))
