"""Plans played in other processes: many at once for the suite, or with printed digests, to compare two processes.

`python -m tests.simulations.played SEED ...` prints the digest of each seed's trace.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from simulations.draw import draw_plan
from simulations.run import play

PROCESSES = 2


class Played(NamedTuple):
    """The result of a run."""

    seed: int
    violation: str | None
    digest: str
    counts: dict[str, int]
    convergence_s: float


def play_seed(seed: int) -> Played:
    """Play one seed under pressure."""
    result = play(draw_plan(seed))
    violation = str(result.violation) if result.violation is not None else None
    return Played(
        seed=seed,
        violation=violation,
        digest=result.digest,
        counts=result.counts,
        convergence_s=result.convergence_s,
    )


def play_seeds(seeds: Iterable[int]) -> list[Played]:
    """Play many seeds, in fresh processes."""
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(play_seed, seeds, chunksize=4))


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(play_seed(int(argument)).digest)
