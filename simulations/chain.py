"""The simulated chain: hubs of several regions, stores, and a warehouse that all hubs write for."""

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

NEXT_VERSIONS = (PROTOCOL_MIN, PROTOCOL_MAX + 1)
"""The protocol versions of a node of the next release."""


class SimulatedChain:
    """All machines, and the network between them."""

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
        return Machine(role, self.loop, self.network, random, self.note, versions, seed=self.plan.seed)

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
        """Whether the time of day jumped. Stamps that were ahead before the jump may be in the past now."""
        return self._passed_over_ms > 0

    def pass_over(self, by_ms: int) -> None:
        """Move the time of day of all machines forward at once."""
        self._passed_over_ms += by_ms
        for machine in self.machines.values():
            machine.clock.step(by_ms)

    def start(self) -> None:
        """Start every machine."""
        for machine in self.machines.values():
            machine.start()

    def end(self) -> None:
        """End every coroutine and the loop. Exceptions of these coroutines are ignored."""
        for machine in self.machines.values():
            machine.is_held_down += 1  # otherwise its supervisor would start it again
            machine.stop()
        try:
            self.loop.wind_up(self.lives)
        finally:
            self.loop.close()

    def subscribers(self, scope: str) -> list[Machine]:
        """Machines that hold a scope, including its writers."""
        return [one for one in self.machines.values() if one.role.scopes is None or scope in one.role.scopes]

    def clone(self, name: str) -> None:
        """Start a second machine on a copy of this machine's disk, under the name of this machine."""
        first = self.machines[name]
        random = Random(f"{self.plan.seed}/{name}/clone")
        second = Machine(
            first.role, self.loop, self.network, random, self.note, name=f"{name}-clone", seed=self.plan.seed
        )
        second.disk, second.writer = first.disk.copy(), first.writer
        self.machines[second.name] = second
        second.start()

    def is_source(self, machine: Machine, scope: str) -> bool:
        """Whether other machines take a scope from this machine. No machine takes chain-wide documents from a store."""
        return scope != CHAIN or machine.role.role == "hub"


def roles(plan: Plan) -> list[Role]:
    """The machines of a plan. Each hub dials the hubs before it. Each store dials the hubs in its own order."""
    hubs = list(plan.hubs)
    made = [
        Role(
            name=name,
            node=hub_role((plan.warehouse,)),
            region=region,
            locations=(plan.warehouse,),
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
