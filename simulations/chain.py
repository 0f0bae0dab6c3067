"""The chain under simulation: hubs of several regions, stores, a warehouse that two hubs write for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from edge_node.role import store_role
from hub.role import hub_role
from replica.core.base.names import CHAIN
from replica.core.sync.wire import PROTOCOL_MAX, PROTOCOL_MIN
from simulations.clock import EPOCH_MS
from simulations.loop import Host, VirtualLoop
from simulations.machine import Machine, Role
from simulations.network import SimulatedNetwork
from simulations.plan import Plan

WAREHOUSE = "warehouse"
"""A location without a node of its own: every hub may write for it, each from its own rights."""

NEXT_VERSIONS = (PROTOCOL_MIN, PROTOCOL_MAX + 1)
"""What a node of the next release speaks."""


class SimulatedChain:
    """All machines, the network between them, and what happened, in order."""

    def __init__(self, plan: Plan, loop: VirtualLoop, note: Callable[[str, str], None]) -> None:
        self.plan = plan
        self.loop = loop
        self.note = note
        self.network = self.make_network(Random(f"{plan.seed}/network"))
        self.machines: dict[str, Machine] = {}
        self._passed_over_ms = 0
        for role in roles(plan):
            random = Random(f"{plan.seed}/{role.name}")
            versions = NEXT_VERSIONS if role.name in plan.newer else None
            machine = self.make_machine(role, random, versions)
            self.machines[role.name] = machine
            machine.disk.read_s = partial(_latency, random, 0.0001, 0.002)
            machine.disk.write_s = partial(_latency, random, 0.0002, 0.005)

    def make_network(self, random: Random) -> SimulatedNetwork:
        """Make the network."""
        return SimulatedNetwork(self.loop, random)

    def make_machine(self, role: Role, random: Random, versions: tuple[int, int] | None) -> Machine:
        """Make one machine, and do not start it."""
        return Machine(role, self.loop, self.network, random, self.note, versions)

    @property
    def hubs(self) -> list[Machine]:
        """Every hub."""
        return [machine for machine in self.machines.values() if machine.role.role == "hub"]

    @property
    def stores(self) -> list[Machine]:
        """Every store node."""
        return [machine for machine in self.machines.values() if machine.role.role == "edge"]

    @property
    def lives(self) -> list[Host]:
        """Every life of every machine so far."""
        return [host for machine in self.machines.values() for host in machine.lives]

    @property
    def wall_ms(self) -> int:
        """The true time of day, in milliseconds since 1970."""
        return EPOCH_MS + int(self.loop.time() * 1000) + self._passed_over_ms

    @property
    def is_passed_over(self) -> bool:
        """Whether the time of day made such a leap that what was ahead of it when it came need not be any more."""
        return self._passed_over_ms > 0

    def pass_over(self, by_ms: int) -> None:
        """Let so much time of day pass at once, in which nobody does anything."""
        self._passed_over_ms += by_ms
        for machine in self.machines.values():
            machine.clock.step(by_ms)

    def start(self) -> None:
        """Start every machine."""
        for machine in self.machines.values():
            machine.start()

    def end(self) -> None:
        """End every coroutine in an orderly way, and the loop; what they say about it interests nobody."""
        for machine in self.machines.values():
            machine.is_held_down += 1  # or its supervisor would start it again meanwhile
            machine.stop()
        try:
            self.loop.wind_up(self.lives)
        finally:
            self.loop.close()

    def subscribers(self, scope: str) -> list[Machine]:
        """Machines that hold a scope, its writers among them."""
        return [one for one in self.machines.values() if one.role.scopes is None or scope in one.role.scopes]

    def clone(self, name: str) -> None:
        """Start a second machine on a copy of this one's disk: it takes itself for the first."""
        first = self.machines[name]
        random = Random(f"{self.plan.seed}/{name}/clone")
        second = Machine(first.role, self.loop, self.network, random, self.note, name=f"{name}-clone")
        second.disk, second.writer = first.disk.copy(), first.writer
        self.machines[second.name] = second
        second.start()

    def is_source(self, machine: Machine, scope: str) -> bool:
        """Whether others get a scope from this machine. Nobody takes chain-wide documents from a store."""
        return scope != CHAIN or machine.role.role == "hub"


def roles(plan: Plan) -> list[Role]:
    """The machines of a plan. Hubs dial those before them; each store has the hubs in an order of its own."""
    hubs = list(plan.hubs)
    made = [
        Role(
            name=name,
            node=hub_role((WAREHOUSE,)),
            region=region,
            locations=(WAREHOUSE,),
            dial=tuple((earlier,) for earlier, _ in hubs[:index]),
        )
        for index, (name, region) in enumerate(hubs)
    ]
    for index, name in enumerate(plan.stores):
        order = [hubs[(index + offset) % len(hubs)][0] for offset in range(len(hubs))]
        made.append(Role(name=name, node=store_role(name), region="store", locations=(name,), dial=(tuple(order),)))
    return made


def _latency(random: Random, low_s: float, high_s: float) -> float:
    return random.uniform(low_s, high_s)
