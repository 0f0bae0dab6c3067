"""One run of a plan: trade under faults, heal, and check all guarantees.

    trade     clients send requests while faults begin and end; checkers check safety
    core      the core of the plan is healed, the others stay down: the core must agree within CONVERGENCE_S
    heal      everything is healed: all must agree within CONVERGENCE_S, then clients retry until they have answers
    due       nothing that the contract promises may stay undone for longer than DUE_S
    hour      the time of day moves an hour forward: holds expire, and parked events reach their deadline
    rest      no client sends requests: nodes must stop moving rights
    due       again, nothing may stay undone
    verdict   every checker looks for the last time

The same plan has the same trace. The digest of the trace covers every step.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from hashlib import blake2b
from random import Random

import structlog
from msgspec import Struct

from replica.core.base.errors import Broken
from replica.core.base.limits import CLOCK_SKEW_MAX_MS, PARKED_MS
from simulations.chain import SimulatedChain
from simulations.checkers.checker import Checker, Violation
from simulations.checkpoints import CheckpointDiffers
from simulations.clients import Client, answer_all
from simulations.faults import Mend, begin
from simulations.history import History
from simulations.knobs import turned
from simulations.loop import VirtualLoop
from simulations.machine import Machine
from simulations.observer import CHECKERS, Observer
from simulations.ordering_clients import OrderingClient
from simulations.plan import Fault, Plan
from simulations.workloads.catalogue import WORKLOADS

LOOK_S = 0.5
"""How often the observer looks while it waits for agreement."""

AWAY_LOOK_S = 5.0
"""How often the observer looks while some machines are down. It must see an entry soon after its merge,
because checkers compare its stamp with the present time."""

CONVERGENCE_S = 30.0
"""Bound on the time from healing to agreement: the silence timeout, two rounds of dialling, and the backlog."""

MORE_MS, STRIDE_MS, STRIDE_S = 60_000, CLOCK_SKEW_MAX_MS * 2 // 3, 0.1
"""The end of a run skips the deadline of parked events and a little more of the day, in steps so small that frames on
the line keep credible stamps."""

REST_S = 30.0
"""How long nodes run without requests at the end. Their background work must end within this time."""

DUE_S = 360.0
"""How long things may still be due at rest. A hub that found no hold to revoke looks again after up to 300 s."""

ANSWERS_S = 120.0
"""How long the last retries may take."""


class Step(Struct, frozen=True):
    """One event, for the trace and the report."""

    at_s: float
    who: str
    what: str


class ShownLevel(Struct, frozen=True):
    """The stock of one pair that a machine showed at a time."""

    at_s: float
    machine: str
    location: str
    item: str
    on_hand: int


class Result(Struct):
    """How a run ended."""

    plan: Plan
    violation: Violation | None
    digest: str
    """Of the trace."""
    simulated_s: float
    convergence_s: float
    """From healing until all agreed."""
    entries: int
    counts: dict[str, int]
    """How often each event happened."""
    steps: list[Step]
    levels: list[ShownLevel]


class Run:
    """A plan being played."""

    def __init__(
        self,
        plan: Plan,
        checkers: Iterable[type[Checker]] = CHECKERS,
        *,
        watches_levels: bool = False,
        on_step: Callable[[Step], None] = lambda step: None,
        on_look: Callable[[], None] = lambda: None,
    ) -> None:
        self.plan = plan
        self._on_step, self._on_look = on_step, on_look
        self.loop = self.make_loop(Random(f"{plan.seed}/loop"))
        self.steps: list[Step] = []
        self.levels: list[ShownLevel] = []
        self.chain = self.make_chain()
        self.history = History()
        self._trace = blake2b(digest_size=16)
        self._observer = Observer(self.chain, self.history, checkers)
        self._watches_levels = watches_levels
        self._mends: list[tuple[Fault, Mend]] = []
        self._counts: dict[str, int] = {}
        self._convergence_s = 0.0
        self._is_over = False

    def make_loop(self, random: Random) -> VirtualLoop:
        """Make the loop that everything runs on."""
        return VirtualLoop(random)

    def make_chain(self) -> SimulatedChain:
        """Make the machines and their network."""
        return SimulatedChain(self.plan, self.loop, self._note)

    def make_client(self, machine: Machine, number: int) -> Client:
        """Make one client of a machine."""
        return OrderingClient(self.chain, self.history, machine, number)

    def make_workload(self, name: str, machine: Machine, number: int) -> Client | None:
        """Make the client of a workload at a machine; None if the workload has no client there."""
        return WORKLOADS[name](self.chain, self.history, machine, number)

    def play(self) -> Result:
        """Play the plan to its end, or to the first violation."""
        with turned(self.plan.knobs):
            return self._play_turned()

    def _play_turned(self) -> Result:
        silence()
        violation: Violation | None = None
        try:
            self.loop.run_until_complete(self._play())
        except Violation as found:
            violation = found
        except Broken as broken:
            violation = Violation(type(broken).__name__, 0, str(broken))
        end_s = self.loop.time()
        self._note("simulation", str(violation or "all is well"))
        self._is_over = True
        harmed = {f"frame hit by {kind}": count for kind, count in self.chain.network.harmed.items()}
        digest, entries = self._trace.hexdigest(), max(len(one.disk.stored) for one in self.chain.machines.values())
        try:
            self.chain.end()
        except Broken as broken:  # a host that spins does not stop at the end either
            violation = violation or Violation(type(broken).__name__, 0, str(broken))
        return Result(
            plan=self.plan,
            violation=violation,
            digest=digest,
            simulated_s=end_s,
            convergence_s=self._convergence_s,
            entries=entries,
            counts=dict(sorted({**self._counts, **self.history.counts, **harmed}.items())),
            steps=self.steps,
            levels=self.levels,
        )

    async def _play(self) -> None:
        plan, loop = self.plan, self.loop
        self.chain.start()
        for fault in plan.faults:
            loop.call_at(fault.at_s, self._begin, fault)
        clients = [
            loop.create_task(self.make_client(machine, number).run(plan.seconds))
            for machine in self.chain.machines.values()
            for number in range(plan.trade.clients)
        ]
        clients += [
            loop.create_task(client.run(plan.seconds))
            for machine in self.chain.machines.values()
            for number, name in enumerate(plan.trade.workloads, plan.trade.clients)
            if (client := self.make_workload(name, machine, number)) is not None
        ]
        trading = asyncio.gather(*clients)
        while not trading.done():
            await self._look_on(plan.look_s)
        await trading
        self._mend_all(plan.core)
        if plan.core:
            healed_s = loop.time()
            await self._agree("the core", [self.chain.machines[name] for name in plan.core])
            back_s = loop.time() + plan.away_s
            while loop.time() < back_s:
                await self._look_on(AWAY_LOOK_S)
            self._observer.away(plan.core, healed_s)
            self._mend_all()
        healed_s = loop.time()
        await self._agree("all", list(self.chain.machines.values()))
        self._convergence_s = loop.time() - healed_s
        await self._answer_all()
        await self._be_done()
        for _ in range(0, PARKED_MS + MORE_MS, STRIDE_MS):
            self.chain.pass_over(STRIDE_MS)
            await asyncio.sleep(STRIDE_S)
        rested_s = loop.time() + REST_S
        while loop.time() < rested_s:
            await self._look_on(1.0)
        await self._agree("all, at the end,", list(self.chain.machines.values()))
        if await self._be_done():
            await self._agree("all, after the last work,", list(self.chain.machines.values()))
        self._observer.finish()
        self._check_processes()

    async def _be_done(self) -> bool:
        """Wait until nothing is due any more. Returns whether anything was. Raises Violation if it takes too long."""
        began_s = self.loop.time()
        while (undone := self._observer.due()) is not None:
            if self.loop.time() > began_s + DUE_S:
                undone()
            await self._look_on(1.0)
        return self.loop.time() > began_s

    # faults ------------------------------------------------------------------------------------------------------

    def _begin(self, fault: Fault) -> None:
        if self._is_over:
            return
        self._note("+".join(fault.who) or "chain", f"{fault.kind} begins")
        self._counts[fault.kind] = self._counts.get(fault.kind, 0) + 1
        mend = begin(self.chain, fault)
        self._mends.append((fault, mend))
        self.loop.call_later(fault.for_s, self._end, fault, mend)

    def _end(self, fault: Fault, mend: Mend) -> None:
        if (fault, mend) in self._mends and not self._is_over:
            self._mends.remove((fault, mend))
            self._note("+".join(fault.who) or "chain", f"{fault.kind} ends")
            mend()

    def _mend_all(self, core: Iterable[str] = ()) -> None:
        """Heal everything, except that machines outside the core lose power."""
        for fault, mend in list(self._mends):
            self._end(fault, mend)
        self.chain.network.mend_all()
        names = list(core) or list(self.chain.machines)
        for machine in self.chain.machines.values():
            if machine.name in names:
                machine.is_held_down = 0
                machine.start()
            else:
                machine.is_held_down = 1
                machine.stop(has_power=False)
        self._note("simulation", f"healed: {', '.join(names)}")

    # looking -----------------------------------------------------------------------------------------------------

    async def _look_on(self, after_s: float = LOOK_S) -> None:
        await asyncio.sleep(after_s)
        self._check_processes()
        self._observer.look()
        self._on_look()
        if self._watches_levels:
            self._take_levels()

    async def _agree(self, who: str, machines: list[Machine]) -> None:
        """Wait until these machines hold the same entries. Raises Violation if that takes too long."""
        until = self.loop.time() + CONVERGENCE_S
        while not self._is_agreed(machines):
            if self.loop.time() > until:
                raise Violation("Liveness", 1, f"{who} did not agree within {CONVERGENCE_S} s: {self._apart(machines)}")
            await self._look_on()

    async def _answer_all(self) -> None:
        """Retry until all requests have answers. Raises Violation if that takes too long."""
        try:
            async with asyncio.timeout(ANSWERS_S):
                await answer_all(self.chain, self.history)
        except TimeoutError:
            open_asks = [f"{ask.asked} at {ask.machine}" for ask in self.history.asks if ask.is_open]
            raise Violation("Liveness", 1, f"no answer within {ANSWERS_S} s to {open_asks[:3]}") from None

    def _is_agreed(self, machines: list[Machine]) -> bool:
        return not self._apart(machines)

    def _apart(self, machines: list[Machine]) -> list[str]:
        """Machines that do not serve or still write, and machines that lack entries of a scope."""
        apart = [one.name for one in machines if one.node is None or one.node.driver.arrival < one.node.replica.arrival]
        for source in machines:
            for scope, vector in source.node.replica.vectors.items() if source.node is not None else ():
                for machine in machines if self.chain.is_source(source, scope) else ():
                    if machine.node is None or machine not in self.chain.subscribers(scope):
                        continue
                    held = machine.node.replica.vectors.get(scope, {})
                    if any(head.sequence > held[w].sequence if w in held else True for w, head in vector.items()):
                        apart.append(f"{machine.name} lacks entries of {scope} that {source.name} holds")
        return apart

    def _check_processes(self) -> None:
        for machine in self.chain.machines.values():
            if isinstance(machine.failure, CheckpointDiffers):
                raise Violation("Checkpoint", 7, f"{machine.name}: {machine.failure}")
            if machine.failure is not None:
                raise Violation("Process", 0, f"{machine.name} broke: {machine.failure!r}")
        for failure in self.loop.failures:
            raise Violation("Process", 0, f"an exception without a receiver: {failure}")

    def _take_levels(self) -> None:
        for location, item in self.history.pairs:
            for machine in self.chain.subscribers(location):
                if machine.node is not None:
                    on_hand = machine.node.replica.ledger.stock(location, item).figures.on_hand
                    self.levels.append(
                        ShownLevel(
                            at_s=self.loop.time(), machine=machine.name, location=location, item=item, on_hand=on_hand
                        )
                    )

    def _note(self, who: str, what: str) -> None:
        if self._is_over:
            return
        step = Step(round(self.loop.time(), 6), who, what)
        self.steps.append(step)
        self._on_step(step)
        self._trace.update(repr((step.at_s, who, what, self.loop.turns)).encode())


def silence() -> None:
    """Turn off the logs of nodes, because the trace of a run shows what happened."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def play(plan: Plan) -> Result:
    """Play a plan."""
    return Run(plan).play()
