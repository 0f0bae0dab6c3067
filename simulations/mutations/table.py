"""The table of mutations and who caught them, on the screen and in the docs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median

from rich.table import Table

from simulations.mutations.catalogue import MUTATIONS
from simulations.mutations.hunt import Catch

PAGE = Path(__file__).parents[2] / "docs" / "mutations.md"

OPENING = """# Mutations: what the simulator catches

A simulation that finds nothing may have looked at nothing. So bugs are planted in the real code on purpose, one at a
time, each a slip that somebody could make, and the simulator has to find every one of them within {seeds} seeds by a
violation that the same seed does not show without it. The mutations are `simulations/mutations/`, by area. Small
plans are played first, so a seed's number says nothing of when its turn came.

    make simulate-mutations                       # hunt for all of them and print this table
    make simulate-mutations ARGS="--only NAME"    # for one
    make simulate-mutations ARGS="--write"        # and write this page and the seeds the tests play again

All {mutations} were caught; half of them within {half:g} seeds, the last one after {most}.

| mutation | what it breaks | invariant | caught by | seed | seeds played |
|---|---|---|---|---|---|
"""

ENDING = """
What is not planted, and why:

- A gap, a fork or entries of one's own stream taken from a peer: no node here comes to such a state before disks go
  back in time (`OF_IDENTITY` among the faults), which no guarantee covers yet.
- The check value inside a frame of entries: a frame's seal stands before it, and the planted bug is the missing seal.
- Acknowledgements of an earlier session remembered: they are true as long as no disk goes back. Planted is what was
  merely sent (`cursor-kept`).
- Frames taken after one that failed: a full disk turns frames away before they are tried, so only a peer that breaks
  the rules makes one fail alone. `tests/runtime/test_driver.py` holds it.
- A journal that also sends what arrived after the streams to send were chosen (`missing` without `through`): two
  hubs' entries have to become durable within one reading, which 200 seeds do not show. This is a gap of the workload.
- Entries of other scopes or other nodes' accounts taken from a peer: nobody here sends them; tests of the session do.
- A replaced link left open, heartbeats left out, a way home never taken: slower, and healed by silence and redialling.
- A digest that differs and is not told: nothing here differs unless another bug is planted besides.
"""


def drawn(catches: Mapping[str, Catch]) -> Table:
    """The table for the screen."""
    table = Table("mutation", "what it breaks", "caught by", "seed", "seeds", "wall s", title="Mutations")
    for mutation in MUTATIONS.values():
        catch = catches.get(mutation.name)
        if catch is not None:
            by = catch.checker if catch.is_caught else "[bold red]nobody"
            wall, seed = f"{catch.wall_s:.1f}", str(catch.seed) if catch.is_caught else "-"
            table.add_row(mutation.name, mutation.breaks, by, seed, str(catch.seeds), wall)
    return table


def write_page(catches: Mapping[str, Catch], seeds: int) -> None:
    """DocumentWrite the page of the docs. Every mutation must have been caught."""
    took = [catch.seeds for catch in catches.values()]
    opening = OPENING.format(seeds=seeds, mutations=len(catches), half=median(took), most=max(took))
    rows = [
        f"| {one.name} | {one.breaks} | {one.invariant or '–'} | {catch.checker} | {catch.seed} | {catch.seeds} |\n"
        for one in MUTATIONS.values()
        for catch in [catches[one.name]]
    ]
    PAGE.write_text(opening + "".join(rows) + ENDING)
