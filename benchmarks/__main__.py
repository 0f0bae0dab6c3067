"""`make bench`, also `python -m benchmarks`: measure this machine, and write docs/benchmarks.md."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from statistics import median

import click
from rich.console import Console
from rich.progress import Progress

from benchmarks.catching_up import measure_catching_up
from benchmarks.footprint import measure_memory
from benchmarks.growing import measure_growing
from benchmarks.machine import describe, measure_disk
from benchmarks.measure import Figures, Measurement, Room
from benchmarks.merging import measure_merging
from benchmarks.selling import measure_selling
from benchmarks.wire import measure_wire

MEASUREMENTS: dict[str, Measurement] = {
    "disk": measure_disk,
    "http": measure_selling,
    "hub": measure_merging,
    "wire": measure_wire,
    "catch-up": measure_catching_up,
    "memory": measure_memory,
    "growth": measure_growing,
}

Results = dict[str, dict[str, list[Figures]]]
"""By measurement and case, the figures of each round."""


@click.command()
@click.option(
    "--only", type=click.Choice(list(MEASUREMENTS)), multiple=True, help="Measure only this; may be repeated."
)
@click.option("--rounds", type=click.IntRange(1), help="Rounds, of which medians are taken. [default: 3, quick: 1]")
@click.option("--quick", is_flag=True, help="Brief and small: for a first look while working on something.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/benchmarks"),
    show_default=True,
    help="Where to keep data meanwhile: on the disk to be measured.",
)
def main(only: tuple[str, ...], rounds: int | None, quick: bool, data: Path) -> None:
    """Measure this machine."""
    rounds = rounds or (1 if quick else 3)
    chosen = {name: measure for name, measure in MEASUREMENTS.items() if not only or name in only or name == "disk"}
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    results: Results = {name: {} for name in chosen}
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=rounds * len(chosen))
        for number in range(1, rounds + 1):
            for name, measure in chosen.items():
                progress.update(task, description=f"round {number} of {rounds}: {name}")
                for sample in measure(Room(data, quick)):
                    results[name].setdefault(sample.case, []).append(sample.figures)
                    progress.update(task, description=f"round {number} of {rounds}: {name}, {sample.case}")
                progress.advance(task)
    shutil.rmtree(data)
    for name, cases in results.items():
        print(f"\n{name}")
        for case, figures in cases.items():
            print(
                f"  {case:52}", "  ".join(f"{unit} {median(one[unit] for one in figures):,.2f}" for unit in figures[0])
            )
    for what, is_so in describe(data.parent).items():
        print(f"{what}: {is_so}")


if __name__ == "__main__":
    main()
