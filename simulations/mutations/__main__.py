"""`python -m simulations.mutations`: hunt for every mutation and print the checker that caught it."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simulations.mutations.catalogue import MUTATIONS
from simulations.mutations.hunt import SEEDS_MAX, Catch, hunt_all, seeds_by_size
from simulations.mutations.seeds import Scene, record, recorded
from simulations.mutations.table import drawn, rows_of_page, write_page


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--only", "names", multiple=True, type=click.Choice(list(MUTATIONS)), help="Hunt for this one; repeatable."
)
@click.option("--seeds", default=SEEDS_MAX, show_default=True, type=click.IntRange(1), help="Seeds to play at most.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option("--write", is_flag=True, help="Write docs/mutations.md, and the seeds that the tests play again.")
@click.option("--recorded", "from_recorded", is_flag=True, help="Play the recorded seed of each before all others.")
def main(names: tuple[str, ...], seeds: int, jobs: int, write: bool, from_recorded: bool) -> None:
    """Plant each bug and play seeds until a checker sees it. Exits with 1 if a mutation is not caught.

    With --recorded, a hunt is short as long as most recorded seeds still show their bugs.
    """
    missing = [name for name in MUTATIONS if name not in rows_of_page() and name not in (names or MUTATIONS)]
    if write and missing:
        raise click.UsageError(f"docs/mutations.md has no row for {missing[0]}: name it with --only, too")
    console = Console()
    first = recorded() if from_recorded else {}
    catches = _hunt(console, names or tuple(MUTATIONS), seeds, jobs, first)
    console.print(drawn(catches))
    escaped = [name for name, catch in catches.items() if not catch.is_caught]
    if write:
        before = recorded()
        caught = {name: catch.seed for name, catch in catches.items() if catch.is_caught}
        record({name: caught.get(name, before.get(name, 0)) for name in MUTATIONS})
    if escaped:
        console.print(f"[bold red]not caught within {seeds} seeds:[/] {', '.join(escaped)}")
        sys.exit(1)
    if write:
        write_page(catches, seeds, first)


def _hunt(
    console: Console, names: tuple[str, ...], seeds: int, jobs: int, first: Mapping[str, Scene]
) -> dict[str, Catch]:
    columns = (
        TextColumn("hunting"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    catches = {}
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(names))
        for catch in hunt_all(names, seeds_by_size(seeds), jobs, first):
            catches[catch.name] = catch
            progress.update(task, advance=1, description=f"{catch.name}: {catch.checker or 'not caught'}")
    return catches


if __name__ == "__main__":
    main()
