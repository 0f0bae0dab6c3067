"""How a run ended, small enough to travel between processes; told also when the run itself broke."""

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
    """A violation: who found it, the number of the invariant in the design (0: not numbered there), what was seen."""

    checker: str
    invariant: int
    detail: str
    at_s: float

    def __str__(self) -> str:
        number = f" (invariant {self.invariant})" if self.invariant else ""
        return f"{self.checker}{number} at {self.at_s:.3f} s: {self.detail}"


class LinkSpan(Struct, frozen=True):
    """Who a machine was connected with, from some time on."""

    at_s: float
    machine: str
    peers: tuple[str, ...]


class Outcome(Struct, frozen=True):
    """How playing a plan ended."""

    plan: Plan
    found: Found | None
    digest: str
    simulated_s: float
    wall_s: float
    convergence_s: float
    entries: int
    counts: dict[str, int]
    """How often what occurred."""
    steps: list[Step]
    levels: list[ShownLevel]
    """Stock shown over time; empty unless watched."""
    links: list[LinkSpan]
    """Connections over time; empty unless watched."""


def play_out(
    plan: Plan,
    *,
    watches: bool = False,
    without: Collection[str] = (),
    on_step: Callable[[Step], None] = lambda step: None,
    on_look: Callable[[float], None] = lambda at_s: None,
) -> Outcome:
    """Play a plan. `watches` whether stock and links are kept for a report; `without` names checkers
    that do not look; `on_look` is told the simulated time."""
    began_s = time.perf_counter()
    links = _Links()

    def look() -> None:
        on_look(run.loop.time())
        if watches:
            links.take(run)

    checkers = [checker for checker in CHECKERS if checker.__name__ not in without]
    run = Run(plan, checkers, watches_levels=watches, on_step=on_step, on_look=look)
    found: Found | None
    try:
        result = run.play()
    except Exception as error:  # whatever it is: the seed that leads there must be told
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


def _as_found(violation: Violation | None, at_s: float) -> Found | None:
    return Found(violation.checker, violation.invariant, violation.detail, at_s) if violation is not None else None


def _restarts(steps: list[Step]) -> int:
    """How often a machine served that had served before."""
    serving = [step.who for step in steps if step.what.startswith("serves ")]
    return len(serving) - len(set(serving))


class _Links:
    """Who is connected with whom, noted when it changes."""

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
