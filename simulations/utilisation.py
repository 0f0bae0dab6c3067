"""The share of a location's stock that nodes can sell while all lines are cut, by policy and by demand.

A store and two hubs in two regions have the rights that a policy gives them. Then every line is cut. Buyers come as
fast as nodes answer them. The demand defines where they ask. Each wants one to three units, all or nothing, and leaves
after a refusal. Nodes never promise more than the stock. The *utilisation* is the promised share of the wanted units,
up to the stock. After healing, exactly the rest is available.

`python -m simulations.utilisation [SEEDS]` prints the table of docs/explanation/rights.md.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from itertools import permutations
from random import Random
from statistics import median
from typing import Any

from msgspec import Struct

from replica.core.catalog.documents import pack_value
from replica.core.log.entry import Entry
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt, OnShortage, Sale, SkuLine
from simulations.chain import SimulatedChain
from simulations.loop import VirtualLoop
from simulations.machine import Machine
from simulations.plan import Plan
from simulations.run import silence

STOCK = 1_000
STORE, EAST, WEST = "store-1", "hub-east", "hub-west"
ITEM = "tea"
BUYERS = 32
"""Buyers that ask at the same time, at each node."""

SETTLED_S = 8.0
"""After this time without a change, rights are distributed."""

WITHIN_S = 120.0

POLICIES: dict[str, dict[str, Any] | None] = {
    "keep": {"mode": "keep"},
    "safety 200": {"mode": "safety", "safety_stock": 200, "regions": {"east": 0.5, "west": 0.5}},
    "share 0.5": {"mode": "share", "share": 0.5, "regions": {"east": 0.5, "west": 0.5}},
    "share 0.5, one region": {"mode": "share", "share": 0.5},
    "both 200, 0.5": {"mode": "both", "safety_stock": 200, "share": 0.5, "regions": {"east": 0.5, "west": 0.5}},
    "share 1, last 50": {"mode": "share", "share": 1.0, "last_units": 50, "regions": {"east": 0.5, "west": 0.5}},
}

DEMANDS: dict[str, dict[str, float]] = {
    "at the till": {STORE: 1.0},
    "online": {EAST: 0.5, WEST: 0.5},
    "online, one region": {EAST: 1.0},
    "everywhere": {STORE: 0.5, EAST: 0.25, WEST: 0.25},
}
"""The share of units that buyers want at each node. In total they want the whole stock."""


class Utilisation(Struct, frozen=True):
    """The result: units by node, and the units that are available after healing."""

    held: dict[str, int]
    """The rights of each node when the lines were cut, by its own view."""
    promised: dict[str, int]
    wanted: int
    available: int

    @property
    def utilisation(self) -> float:
        """The promised share of the wanted units, up to the stock."""
        return sum(self.promised.values()) / min(STOCK, self.wanted)


def play(seed: int, policy: Mapping[str, Any] | None, demand: Mapping[str, float]) -> Utilisation:
    """Play one seed."""
    silence()
    loop = VirtualLoop(Random(f"{seed}/loop"))
    chain = SimulatedChain(
        Plan(seed=seed, hubs=((EAST, "east"), (WEST, "west")), stores=(STORE,)), loop, lambda who, what: None
    )
    try:
        return loop.run_until_complete(_Cut(chain, policy, demand).play())
    finally:
        chain.end()


class _Cut:
    def __init__(self, chain: SimulatedChain, policy: Mapping[str, Any] | None, demand: Mapping[str, float]) -> None:
        self._chain = chain
        self._policy = policy
        self._demand = demand
        self._random = Random(f"{chain.plan.seed}/buyers")
        self._asked = 0

    async def play(self) -> Utilisation:
        machines = self._chain.machines
        self._chain.start()
        await asyncio.sleep(SETTLED_S)
        if self._policy is not None:
            assert await self._ask(
                machines[EAST], DocumentWrite("policy", "default", pack_value(dict(self._policy)), b"policy")
            )
        assert await self._ask(machines[STORE], Command(STORE, GoodsReceipt((GoodsLine(STOCK, item=ITEM),)), b"goods"))
        await self._settle()
        held = {name: _free(machine) for name, machine in machines.items()}
        for way in permutations(machines, 2):
            self._chain.network.cut(way)
        wanted = {name: int(STOCK * share) for name, share in self._demand.items()}
        promised = dict(
            zip(
                wanted,
                await asyncio.gather(*(self._sell(machines[name], wanted[name]) for name in wanted)),
                strict=True,
            )
        )
        self._chain.network.mend_all()
        await self._settle()
        available = {_stock(machine).available for machine in machines.values()}
        assert len(available) == 1, f"nodes disagree after healing: {available}"
        return Utilisation(held, promised, sum(wanted.values()), available.pop())

    async def _sell(self, machine: Machine, units: int) -> int:
        """Let buyers ask one node for `units` units in total. Returns the promised units."""
        left, promised = units, 0

        async def buy() -> None:
            nonlocal left, promised
            while left > 0:
                wanted = min(left, self._random.randint(1, 3))
                left -= wanted
                self._asked += 1
                name = f"buyer-{self._asked}"
                if machine.role.role == "edge":
                    sale = Sale(lines=(SkuLine(wanted, ITEM),), on_shortage=OnShortage.REFUSE)
                    command = Command(STORE, sale, name.encode())
                else:
                    line = PlacedLine(wanted, ITEM, location=STORE)
                    command = Command("", Placement(order=name, lines=(line,), paid=True), name.encode())
                if await self._ask(machine, command):
                    promised += wanted

        await asyncio.gather(*(buy() for _ in range(BUYERS)))
        return promised

    async def _ask(self, machine: Machine, asked: Command | DocumentWrite) -> bool:
        verdicts = await machine.ask([asked], WITHIN_S)
        assert verdicts is not None
        return isinstance(verdicts[0], Entry)

    async def _settle(self) -> None:
        """Wait until all machines agree and nothing has moved for `SETTLED_S`."""
        seen, since_s = "", self._chain.loop.time()
        deadline_s = since_s + WITHIN_S
        while self._chain.loop.time() - since_s < SETTLED_S:
            await asyncio.sleep(0.25)
            digests = [machine.node.replica.digest(STORE) for machine in self._chain.machines.values() if machine.node]
            if len(dict.fromkeys(digests)) != 1 or digests[0] != seen:
                seen, since_s = digests[0], self._chain.loop.time()
            assert self._chain.loop.time() < deadline_s, "rights do not come to rest"


def _stock(machine: Machine) -> Any:
    assert machine.node is not None
    replica: Replica = machine.node.replica
    return replica.ledger.stock(STORE, ITEM)


def _free(machine: Machine) -> int:
    return int(_stock(machine).balance(f"{machine.name}/free"))


def main(seeds: int) -> None:
    """Print the utilisation by policy and demand, as medians over `seeds` seeds."""
    print(f"| policy | {' | '.join(DEMANDS)} |\n|---|{'---:|' * len(DEMANDS)}")
    for name, policy in POLICIES.items():
        shares = [
            median(play(seed, policy, demand).utilisation for seed in range(1, seeds + 1))
            for demand in DEMANDS.values()
        ]
        print(f"| {name} | {' | '.join(f'{100 * share:.0f} %' for share in shares)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
