"""Many scripts on several processes, some with a planted bug."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import nullcontext
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue

from msgspec import Struct

from simulations.explorer.findings import Explored
from simulations.explorer.scripts import SCRIPTS
from simulations.explorer.search import Search
from simulations.mutations.catalogue import MUTATIONS
from simulations.mutations.mutation import planted

SHOW_S = 0.5
"""Time between two reports of progress."""


class Limits(Struct, frozen=True):
    """Where an exploration ends if there are more states."""

    states: int | None
    until_s: float
    """By `time.time()`, which is the same in all processes."""


class Task(Struct, frozen=True):
    """One script, and the bug that is planted before."""

    script: str
    bug: str = ""

    @property
    def title(self) -> str:
        """What the progress calls it."""
        return f"{self.script} with {self.bug}" if self.bug else self.script


_reports: list[SimpleQueue[tuple[Task, Explored]]] = []
"""The queue to the process that shows the progress, if this is one of its workers."""


def explore(task: Task, limits: Limits, show: Callable[[Explored], None] = lambda explored: None) -> Explored:
    """Explore one script."""
    deadline_s = time.monotonic() + limits.until_s - time.time()
    with planted(MUTATIONS[task.bug]) if task.bug else nullcontext():
        return Search(SCRIPTS[task.script]).run(limits.states, deadline_s, show)


def explore_all(tasks: Sequence[Task], limits: Limits, jobs: int) -> Iterator[tuple[Task, Explored, bool]]:
    """Explore scripts, and yield how far each of them is, or what it came to in the end."""
    context = get_context("spawn")
    reports: SimpleQueue[tuple[Task, Explored]] = context.SimpleQueue()
    with ProcessPoolExecutor(jobs, context, _begin, (reports,)) as workers:
        running = {workers.submit(_work, task, limits): task for task in tasks}
        while running:
            done, _ = wait(running, SHOW_S, FIRST_COMPLETED)
            while not reports.empty():
                yield *reports.get(), False
            for future in done:
                yield running.pop(future), future.result(), True


def _begin(reports: SimpleQueue[tuple[Task, Explored]]) -> None:
    _reports.append(reports)


def _work(task: Task, limits: Limits) -> Explored:
    next_s = 0.0

    def show(explored: Explored) -> None:
        nonlocal next_s
        if time.monotonic() >= next_s:
            next_s = time.monotonic() + SHOW_S
            for reports in _reports:
                reports.put((task, explored))

    return explore(task, limits, show)
