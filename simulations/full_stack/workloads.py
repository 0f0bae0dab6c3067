"""Workloads over HTTP: the same clients, except that no till talks to a hub, because hubs have no call for sales."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from simulations.chain import SimulatedChain
from simulations.clients import Client
from simulations.full_stack.machine import StackMachine
from simulations.history import History
from simulations.workloads.catalogue import WORKLOADS
from simulations.workloads.returns import ReturnsClient
from simulations.workloads.till_clocks import TillClient


class StackReturnsClient(ReturnsClient):
    """A till that takes kits back, or at a hub a client that changes the recipes of kits."""

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        of_tills = (self._sell_kit, self._return_kit, self._return_first)
        is_at_hub = self._machine.role.role == "hub"
        return [(act, weight) for act, weight in super()._acts() if not (is_at_hub and act in of_tills)]


def stack_workload(
    name: str, chain: SimulatedChain, history: History, machine: StackMachine, number: int
) -> Client | None:
    """The client of a workload at a machine; None if the workload has no client there."""
    kind = WORKLOADS[name]
    if kind is TillClient and machine.role.role == "hub":
        return None
    return (StackReturnsClient if kind is ReturnsClient else kind)(chain, history, machine, number)
