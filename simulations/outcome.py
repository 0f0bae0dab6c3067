"""The outcome of a run, small enough to send between processes. A run that breaks has an outcome too."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from msgspec import Struct

from simulations.checkers.checker import Violation
from simulations.observer import CHECKERS
from simulations.plan import Plan
from simulations.run import Run, ShownLevel, Step

STARTED_AGAIN = "process started again"


class Found(Struct, frozen=True):
    """A violation: the checker, the number of the invariant in the design (0: none), and the details."""

    checker: str
    invariant: int
    detail: str
    at_s: float

    def __str__(self) -> str:
        number = f" (invariant {self.invariant})" if self.invariant else ""
        return f"{self.checker}{number} at {self.at_s:.3f} s: {self.detail}"


class LinkSpan(Struct, frozen=True):
    """The peers of a machine, from a time on."""

    at_s: float
    machine: str
    peers: tuple[str, ...]


class Outcome(Struct, frozen=True):
    """How the run of a plan ended."""

    plan: Plan
    found: Found | None
    digest: str
    simulated_s: float
    wall_s: float
    convergence_s: float
    entries: int
    counts: dict[str, int]
    """How often each event happened."""
    steps: list[Step]
    levels: list[ShownLevel]
    """The shown stock over time; empty without `watches`."""
    links: list[LinkSpan]
    """The connections over time; empty without `watches`."""


def play_out(
    plan: Plan,
    *,
    watches: bool = False,
    without: Collection[str] = (),
    on_step: Callable[[Step], None] = lambda step: None,
    on_look: Callable[[float], None] = lambda at_s: None,
) -> Outcome:
    """Play a plan.

    Args:
        watches: whether to keep stock and links for a report.
        without: names of checkers to leave out.
        on_look: gets the simulated time at each look.
    """
    began_s = time.perf_counter()
    links = _Links()

    def look() -> None:
        on_look(run.loop.time())
        if watches:
            links.take(run)

    checkers = [checker for checker in CHECKERS if checker.__name__ not in without]
    run = kind_of_run(plan)(plan, checkers, watches_levels=watches, on_step=on_step, on_look=look)
    found: Found | None
    try:
        result = run.play()
    except Exception as error:  # any failure, so that its seed is reported
        end_s, steps = run.loop.time(), run.steps
        found = Found("Simulator", 0, f"the run itself broke: {error!r}", end_s)
        digest, convergence_s, entries, counts = "", 0.0, 0, dict[str, int]()
    else:
        end_s, steps, digest = result.simulated_s, result.steps, result.digest
        convergence_s, entries, counts = result.convergence_s, result.entries, result.counts
        found = _as_found(result.violation, end_s)
    counts = {**counts, STARTED_AGAIN: _restarts(steps)}
    wall_s = time.perf_counter() - began_s
    return Outcome(
        plan=plan,
        found=found,
        digest=digest,
        simulated_s=end_s,
        wall_s=wall_s,
        convergence_s=convergence_s,
        entries=entries,
        counts=counts,
        steps=steps,
        levels=run.levels,
        links=links.taken,
    )


def kind_of_run(plan: Plan) -> type[Run]:
    """The run that plays this plan. Only a plan for whole nodes loads HTTP and SQLite."""
    if not plan.full_stack:
        return Run
    from simulations.full_stack.run import StackRun

    return StackRun


def _as_found(violation: Violation | None, at_s: float) -> Found | None:
    return Found(violation.checker, violation.invariant, violation.detail, at_s) if violation is not None else None


def _restarts(steps: list[Step]) -> int:
    """How often a machine began to serve again."""
    serving = [step.who for step in steps if step.what.startswith("serves ")]
    return len(serving) - len(set(serving))


class _Links:
    """The connections of all machines, noted at each change."""

    def __init__(self) -> None:
        self.taken: list[LinkSpan] = []
        self._last: dict[str, tuple[str, ...]] = {}

    def take(self, run: Run) -> None:
        for machine in run.chain.machines.values():
            node = machine.node
            peers = tuple(sorted(peer.name for peer in node.peers.connected)) if node is not None else ()
            if peers != self._last.get(machine.name, ()):
                self._last[machine.name] = peers
                self.taken.append(LinkSpan(run.loop.time(), machine.name, peers))
