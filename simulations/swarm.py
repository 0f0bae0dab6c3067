"""Many seeds in several processes. Seeds are independent, so order and number of processes do not matter."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice

from msgspec.structs import replace

from simulations.outcome import Outcome, play_out
from simulations.profiles import PROFILES

WAITING_PER_JOB = 2
"""Seeds queued for each process, so that no process waits for its next seed."""

SEEDS_PER_PROCESS = 250
"""Seeds that a process plays before a new one replaces it, because garbage of earlier runs slows it down."""


def play_seed(seed: int, profile: str = "pressure") -> Outcome:
    """Play the plan of a seed. A run without a violation keeps no steps."""
    outcome = play_out(PROFILES[profile](seed))
    return outcome if outcome.found is not None else replace(outcome, steps=[])


def play_seeds(seeds: Iterable[int], jobs: int, profile: str = "pressure") -> Generator[Outcome, None, None]:
    """Yield outcomes as they come, in any order. Closing the generator drops the seeds that have not begun."""
    if jobs == 1:
        for seed in seeds:
            yield play_seed(seed, profile)
        return
    left = iter(seeds)
    while some := list(islice(left, jobs * SEEDS_PER_PROCESS)):
        yield from _play_together(some, jobs, profile)


def _play_together(seeds: Iterable[int], jobs: int, profile: str) -> Generator[Outcome, None, None]:
    with _processes(jobs) as pool:
        left = iter(seeds)
        playing: dict[Future[Outcome], int] = {}
        while True:
            for seed in islice(left, jobs * WAITING_PER_JOB - len(playing)):
                playing[pool.submit(play_seed, seed, profile)] = seed
            if not playing:
                return
            done, _ = wait(playing, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda one: playing[one]):
                del playing[future]
                yield future.result()


@contextmanager
def _processes(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes that ignore Ctrl-C, because the parent process handles it."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_ignore_interrupts)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
