"""`make bench`, also `python -m benchmarks`: measure this machine, and write docs/benchmarks.md."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.progress import Progress

from benchmarks.balancing import measure_balancing
from benchmarks.catalogue import measure_catalogue
from benchmarks.catching_up import measure_catching_up
from benchmarks.console import measure_console
from benchmarks.footprint import measure_memory
from benchmarks.growing import measure_growing
from benchmarks.machine import describe, probe
from benchmarks.measure import Bench, Measured, Measurement
from benchmarks.merging import measure_merging
from benchmarks.nearest_first import measure_nearest_first
from benchmarks.optimum import measure_optimum
from benchmarks.ordering import measure_ordering
from benchmarks.paging import measure_paging
from benchmarks.report import print_results, write_report
from benchmarks.searching import measure_searching
from benchmarks.selling import measure_selling
from benchmarks.sourcing import measure_sourcing
from benchmarks.sustained import measure_sustained
from benchmarks.wire import measure_wire

MEASUREMENTS: dict[str, Measurement] = {
    "http": measure_selling,
    "paging": measure_paging,
    "orders": measure_ordering,
    "hub": measure_merging,
    "wire": measure_wire,
    "catch-up": measure_catching_up,
    "catalogue": measure_catalogue,
    "search": measure_searching,
    "sourcing": measure_sourcing,
    "nearest-first": measure_nearest_first,
    "optimum": measure_optimum,
    "sustained": measure_sustained,
    "balancing": measure_balancing,
    "memory": measure_memory,
    "growth": measure_growing,
    "console": measure_console,
}


@click.command(
    epilog="""\b
Examples:
  python -m benchmarks                       everything, and writes docs/benchmarks.md
  python -m benchmarks --only http --quick   a first look
"""
)
@click.option(
    "--only", type=click.Choice(list(MEASUREMENTS)), multiple=True, help="Run only this measurement; may be repeated."
)
@click.option(
    "--rounds", type=click.IntRange(1), help="Number of rounds; figures are medians of them. [default: 3, quick: 1]"
)
@click.option("--quick", is_flag=True, help="Short runs on little data.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/benchmarks"),
    show_default=True,
    help="Directory for temporary data, on the disk to be measured.",
)
def main(only: tuple[str, ...], rounds: int | None, quick: bool, data: Path) -> None:
    """Measure this machine. Only a complete run writes the report in docs/."""
    rounds = rounds or (1 if quick else 3)
    chosen = {name: measure for name, measure in MEASUREMENTS.items() if not only or name in only}
    data.mkdir(parents=True, exist_ok=True)
    machine = describe(data)
    with TemporaryDirectory(dir=data) as directory:
        results = _measure(chosen, rounds, Bench(Path(directory), quick))
    print_results(results)
    for name, value in machine.items():
        click.echo(f"{name}: {value}")
    if not only and not quick:
        write_report(Path("docs"), results, machine, f"python -m benchmarks --rounds {rounds}", rounds)


def _measure(chosen: dict[str, Measurement], rounds: int, bench: Bench) -> dict[str, dict[str, list[Measured]]]:
    """Run all measurements. Probe the machine before each, because its speed may change from minute to minute."""
    results: dict[str, dict[str, list[Measured]]] = {name: {} for name in ("machine", *chosen)}
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=rounds * len(chosen))
        for number in range(1, rounds + 1):
            for name, measure in chosen.items():
                progress_text = f"round {number} of {rounds}: {name}"
                progress.update(task, description=progress_text)
                results["machine"].setdefault(f"before {name}", []).append(probe(bench.directory))
                for sample in measure(bench):
                    results[name].setdefault(sample.case, []).append(sample.figures)
                    progress.update(task, description=f"{progress_text}, after {sample.case}")
                progress.advance(task)
    return results


if __name__ == "__main__":
    main()
