"""Runs many trials, one after the other in this process, or spread over several processes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.power_loss.flaws import FLAWS, SOUND
from tests.power_loss.inline import run_inline
from tests.power_loss.sqlite_files import simulated_files
from tests.power_loss.trial import Outcome, Trial

CHUNK_TRIALS = 25
STORY_LINES_SHOWN = 15


@dataclass(slots=True)
class Report:
    """The result of many trials: how often each event occurred, and the trials with a violation."""

    trials: int = 0
    events: Counter[str] = field(default_factory=Counter)
    violations: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Add the outcome of a trial."""
        self.trials += 1
        self.events.update(outcome.events)
        if outcome.violation:
            self.violations.append(outcome)

    def join(self, other: Report) -> None:
        """Add the report of other trials."""
        self.trials += other.trials
        self.events.update(other.events)
        self.violations += other.violations


def run_trials(seeds: Iterable[int], flaw: str = "", has_threads: bool = False) -> list[Outcome]:
    """Run trials in this process."""
    with TemporaryDirectory(prefix="power-loss-") as directory, nullcontext() if has_threads else run_inline():
        return asyncio.run(_run_all(seeds, flaw, Path(directory)))


async def _run_all(seeds: Iterable[int], flaw: str, directory: Path) -> list[Outcome]:
    files = simulated_files()
    return [await Trial(seed, files, directory, FLAWS[flaw] if flaw else SOUND).run() for seed in seeds]


def run_chunk(seeds: range, flaw: str = "") -> Report:
    """Run trials in this process; return the report."""
    report = Report()
    for outcome in run_trials(seeds, flaw):
        report.add(outcome)
    return report


def run_spread(
    seeds: range, processes: int, flaw: str = "", after_chunk: Callable[[Report], None] = lambda _: None
) -> Report:
    """Run trials in several processes. Their order does not matter, because each depends only on its seed."""
    chunks = [seeds[start : start + CHUNK_TRIALS] for start in range(0, len(seeds), CHUNK_TRIALS)]
    total = Report()
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for finished in as_completed([pool.submit(run_chunk, chunk, flaw) for chunk in chunks]):
            total.join(finished.result())
            after_chunk(total)
    total.violations.sort(key=lambda outcome: outcome.seed)
    return total


def describe(outcome: Outcome, flaw: str = "") -> str:
    """Describe a violation: the error, the story that led to it, and the command that repeats it."""
    command = f"python -m tests.power_loss --seeds {outcome.seed}" + (f" --flaw {flaw}" if flaw else "")
    story = "\n".join(f"  {line}" for line in outcome.story[-STORY_LINES_SHOWN:])
    return f"seed {outcome.seed}: {outcome.violation}\n{story}\n  repeat: {command}"
