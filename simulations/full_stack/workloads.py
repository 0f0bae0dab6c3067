"""Workloads over HTTP: the same clients, except that no till talks to a hub, because hubs have no call for sales."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from replica.core.catalog.ranks import rank_name
from simulations.chain import SimulatedChain
from simulations.clients import Client
from simulations.full_stack.answers import ALL
from simulations.full_stack.calls import Call, quote_call
from simulations.full_stack.machine import StackMachine
from simulations.history import History
from simulations.workloads.bundles import BundlesClient
from simulations.workloads.catalogue import WORKLOADS
from simulations.workloads.floods import FloodClient
from simulations.workloads.returns import ReturnsClient
from simulations.workloads.shelf_prices import PROMOTIONS, ShelfPricesClient
from simulations.workloads.till_clocks import TillClient
from simulations.workloads.transfers import TransfersClient


class StackReturnsClient(ReturnsClient):
    """A till that takes kits back, or at a hub a client that changes the recipes of kits."""

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        of_tills = (self._sell_kit, self._return_kit, self._return_first)
        is_at_hub = self._machine.role.role == "hub"
        return [(act, weight) for act, weight in super()._acts() if not (is_at_hub and act in of_tills)]


class StackBundlesClient(BundlesClient):
    """A till that orders bundles and sells their items, or at a hub a client that only orders."""

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        is_at_hub = self._machine.role.role == "hub"
        return [(act, weight) for act, weight in super()._acts() if not (is_at_hub and act == self._sell_piece)]

    async def _sell_out(self) -> None:
        if self._machine.role.role == "edge":
            await super()._sell_out()


class StackShelfPricesClient(ShelfPricesClient):
    """Somebody who writes prices over HTTP and asks for quotes. Each answer is held to the reference model."""

    _machine: StackMachine

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        return [*super()._acts(), (self._read_price, 2.0)]

    async def _read_price(self) -> None:
        """Read what is in effect at a store or in the chain, or what was written before at one rank."""
        kind, key = self._random.choice((("price", self._item()), ("promotion", self._random.choice(PROMOTIONS))))
        path = f"/v1/documents/{kind}/{key}"
        if self._random.random() < 0.5:
            rank, at = self._rank()
            path += f"/history?limit={ALL}" + (f"&rank={rank_name(rank)}&at={at}" if at else "")
        elif self._machine.role.role == "hub" and self._chain.stores:
            path += self._random.choice(("", f"?location={self._random.choice(self._chain.stores).name}"))
        try:
            await self._machine.call(Call("GET", path), self._timeout_s)
        except ConnectionRefusedError:
            return
        self._history.tally("documents read")

    async def _ask_quote(
        self, location: str, lines: tuple[tuple[str, int], ...], group: str, at_ms: int | None
    ) -> None:
        named = location if self._machine.role.role == "hub" else ""
        try:
            answer = await self._machine.call(quote_call(lines, group, at_ms, named), self._timeout_s)
        except ConnectionRefusedError:
            return
        if answer is not None and answer.status == 200:
            self._history.tally("quoted")


OVER_HTTP: Mapping[type[Client], type[Client]] = {
    BundlesClient: StackBundlesClient,
    ReturnsClient: StackReturnsClient,
    ShelfPricesClient: StackShelfPricesClient,
}
"""Workloads that have another client over HTTP."""


def stack_workload(
    name: str, chain: SimulatedChain, history: History, machine: StackMachine, number: int
) -> Client | None:
    """The client of a workload at a machine; None if the workload has no client there."""
    kind = WORKLOADS[name]
    if kind in (FloodClient, TransfersClient) or (kind is TillClient and machine.role.role == "hub"):
        return None  # no call takes as many requests at once as a flood has; transfers are played without HTTP
    return OVER_HTTP.get(kind, kind)(chain, history, machine, number)
