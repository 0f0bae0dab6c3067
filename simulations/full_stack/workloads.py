"""Workloads over HTTP: the same clients, except that no till talks to a hub, because hubs have no call for sales."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from simulations.chain import SimulatedChain
from simulations.clients import Client
from simulations.full_stack.machine import StackMachine
from simulations.history import History
from simulations.workloads.bundles import BundlesClient
from simulations.workloads.catalogue import WORKLOADS
from simulations.workloads.floods import FloodClient
from simulations.workloads.returns import ReturnsClient
from simulations.workloads.shelf_prices import ShelfPricesClient
from simulations.workloads.till_clocks import TillClient


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


OVER_HTTP: Mapping[type[Client], type[Client]] = {BundlesClient: StackBundlesClient, ReturnsClient: StackReturnsClient}
"""Workloads that have another client over HTTP."""


def stack_workload(
    name: str, chain: SimulatedChain, history: History, machine: StackMachine, number: int
) -> Client | None:
    """The client of a workload at a machine; None if the workload has no client there."""
    kind = WORKLOADS[name]
    if kind in (FloodClient, ShelfPricesClient) or (kind is TillClient and machine.role.role == "hub"):
        return None  # no call takes as many requests at once as a flood has, and no client asks for a quote
    return OVER_HTTP.get(kind, kind)(chain, history, machine, number)
