"""The table of mutations and the checkers that caught them, on the screen and in the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from rich.table import Table

from simulations.mutations.catalogue import MUTATIONS
from simulations.mutations.hunt import Catch
from simulations.mutations.seeds import Scene

PAGE = Path(__file__).parents[2] / "docs" / "mutations.md"

OPENING = """# Mutations: what the simulator catches

A simulation without a violation proves nothing if its checkers cannot find bugs. So the project plants bugs in the real
code on purpose, one at a time. Each is a mistake that a programmer could make. The simulator must find every one of
them within {seeds} seeds, by a violation that the same seed does not show without the bug. A few bugs need a plan that
is rarely drawn. The column of seeds then names a scenario. The mutations are in `simulations/mutations/`, by area. The
hunt plays small plans first, so the number of a seed does not show when it was played.

    make simulate-mutations                       # hunt for all of them and print this table
    make simulate-mutations ARGS="--only NAME"    # for one
    make simulate-mutations ARGS="--write"        # and write this page and the seeds the tests play again
    make simulate-mutations ARGS="--only NAME --write"   # the same for one: the others stay as they are

All {mutations} were caught{hunted}. A dash stands for a bug that was caught again at the seed of an earlier hunt.

| mutation | what it breaks | invariant | caught by | seed | seeds played |
|---|---|---|---|---|---|
"""

ENDING = """
These bugs are not planted:

- A gap, a fork, or own entries taken from a peer. Nodes come to such a state only if a disk goes back in time
  (`OF_IDENTITY` among the faults), which no guarantee covers yet.
- A missing check value inside a frame of entries. The seal of the frame is checked before it, and the planted bug is
  the missing seal.
- Acknowledgements that are remembered from an earlier session. They stay true while no disk goes back. The planted bug
  remembers entries that were only sent (`cursor-kept`).
- Frames that are taken after one that failed. A full disk refuses frames before they are tried, so only a peer that
  breaks the rules makes a single frame fail. `tests/runtime/test_driver.py` tests this.
- A journal that also sends entries that arrived after the choice of streams (`missing` without `through`). Entries of
  two hubs would have to become durable within one reading, which 200 seeds do not show. This is a gap of the workload.
- Entries of other scopes, or of other nodes' accounts, taken from a peer. No simulated node sends them. The tests of
  the session do.
- A replaced link that stays open, missing heartbeats, a store that never returns to its home hub. These only make nodes
  slower, because the silence timeout and the next dial repair them.
- The check of deduplication ids in `judge` alone. `_happened_elsewhere` sees the same ids at each event that waited,
  and the index of keys knows all other repeats. So `reported-at-two-hubs` and `return-counted-for-each-hub` remove the
  other guards, too.
- Deadlines that do not come back when the clock was set back (`DueOrders.settled`). Order housekeeping takes an order
  and decides about it with one reading of the clock, so no deadline that it took is ahead of it. Only due work that
  fits no entry stays behind. `tests/core/orders/test_due.py` tests this.
- A digest that differs without an alarm. No digest differs here unless another bug is planted too.
"""


def drawn(catches: Mapping[str, Catch]) -> Table:
    """The table for the screen."""
    table = Table("mutation", "what it breaks", "caught by", "seed", "seeds", "wall s", title="Mutations")
    for mutation in MUTATIONS.values():
        catch = catches.get(mutation.name)
        if catch is not None:
            by = catch.checker if catch.is_caught else "[bold red]none"
            wall, seed = f"{catch.wall_s:.1f}", str(catch.seed) if catch.is_caught else "-"
            table.add_row(mutation.name, mutation.breaks, by, seed, str(catch.seeds), wall)
    return table


def rows_of_page() -> dict[str, str]:
    """The rows of the present page, by mutation."""
    rows = [line for line in PAGE.read_text().splitlines(keepends=True) if line.startswith("| ")]
    return {row.split(" ")[1]: row for row in rows}


def write_page(catches: Mapping[str, Catch], seeds: int, first: Mapping[str, Scene]) -> None:
    """Write the page of the docs. Mutations without a catch keep their row.

    `first`: the seeds that were played first.
    """
    played = {name: catch for name, catch in catches.items() if isinstance(catch.seed, int)}
    took = {name: catch.seeds for name, catch in played.items() if catch.seed != first.get(name)}
    rows = rows_of_page()
    for name, catch in catches.items():
        one = MUTATIONS[name]
        rows[name] = (
            f"| {name} | {one.breaks} | {one.invariant or '–'} | {catch.checker} | {catch.seed} | "
            f"{took.get(name, '–')} |\n"
        )
    hunted = _hunted(list(took.values())) if len(catches) == len(MUTATIONS) else ""
    opening = OPENING.format(seeds=seeds, mutations=len(MUTATIONS), hunted=hunted)
    PAGE.write_text(opening + "".join(rows[name] for name in MUTATIONS) + ENDING)


def _hunted(took: Sequence[int]) -> str:
    """How many seeds the last hunt played, as the end of a sentence."""
    if not took:
        return ""
    return f". The last hunt was for {len(took)} of them: half needed {median(took):g} seeds, the last one {max(took)}"
