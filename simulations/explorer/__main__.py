"""`python -m simulations.explorer`: explore every script, then show that the explorer finds planted bugs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from simulations.explorer.bugs import BUGS
from simulations.explorer.findings import Explored
from simulations.explorer.scripts import SCRIPTS
from simulations.explorer.words import history_of
from simulations.explorer.work import Limits, Task, explore_all
from simulations.mutations.catalogue import MUTATIONS

WIDTH = 120
"""Columns if the output is not a terminal."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--scope", "scripts", multiple=True, type=click.Choice(list(SCRIPTS)), help="Explore this script; repeatable."
)
@click.option("--bug", "bugs", multiple=True, type=click.Choice(list(BUGS)), help="Plant this bug; repeatable.")
@click.option("--states", type=click.IntRange(1), help="Visit at most about this number of states of each script.")
@click.option("--minutes", default=20.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Stop then.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Processes. [default: one per CPU]")
def main(scripts: tuple[str, ...], bugs: tuple[str, ...], states: int | None, minutes: float, jobs: int | None) -> None:
    """Visit every state that a few requests, deliveries and restarts can lead to, and check the guarantees in each.

    Without --scope and --bug, all scripts are explored, and then all bugs are planted. The exit status is 1 if a
    guarantee is violated, if a planted bug is not found, or if the time did not suffice.
    """
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    limits = Limits(states, time.time() + 60 * minutes)
    processes = jobs or os.cpu_count() or 1
    names = list(scripts) or ([] if bugs else list(SCRIPTS))
    planted = list(bugs) or ([] if scripts else list(BUGS))
    tasks = [Task(name) for name in names] + [Task(BUGS[name], name) for name in planted]
    done = _explore(console, tasks, limits, processes)
    is_good = _report(console, names, done)
    is_good = _report_bugs(console, planted, done) and is_good
    sys.exit(0 if is_good else 1)


def _explore(console: Console, tasks: Sequence[Task], limits: Limits, jobs: int) -> dict[Task, Explored]:
    """Explore all, and show on a terminal how far each of the scripts is."""
    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    done: dict[Task, Explored] = {}
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=None)
        for task, explored, is_done in explore_all(tasks, limits, jobs):
            if is_done:
                done[task] = explored
                if not console.is_terminal:
                    console.print(f"{task.title}: {explored.states:,} states in {explored.seconds:,.0f} s")
            progress.update(
                bar, description=f"{len(done)} of {len(tasks)} done; {task.title}: {explored.states:,} states"
            )
    return done


def _report(console: Console, names: Sequence[str], done: Mapping[Task, Explored]) -> bool:
    """Print what each script came to. Return whether all were explored completely and nothing was violated."""
    if not names:
        return True
    table = Table(box=None, pad_edge=False)
    for head in ("script", "states", "quiet", "steps", "longest", "node states", "by the core", "seconds", "result"):
        table.add_column(head, justify="left" if head in ("script", "result") else "right", no_wrap=True)
    found = [done[Task(name)] for name in names]
    for one in found:
        result = "violation" if one.found else "complete" if one.is_complete else "not complete"
        table.add_row(
            one.script,
            *(f"{number:,}" for number in (one.states, one.quiet, one.steps, one.depth, one.node_states, one.computed)),
            f"{one.seconds:,.0f}",
            Text(result, style="red" if one.found else "green" if one.is_complete else "yellow"),
        )
    console.print(table)
    states, violations = sum(one.states for one in found), [one for one in found if one.found is not None]
    console.print(f"{states:,} states, {sum(one.steps for one in found):,} steps, {len(violations)} violations")
    for one in violations:
        _print_history(console, one)
    return not violations and all(one.is_complete for one in found)


def _report_bugs(console: Console, names: Sequence[str], done: Mapping[Task, Explored]) -> bool:
    """Print how each planted bug was found, and the history that shows it. Return whether all were."""
    if not names:
        return True
    table = Table(box=None, pad_edge=False)
    for head in ("planted bug", "script", "states", "steps to it", "invariant"):
        table.add_column(head, justify="left" if head in ("planted bug", "script") else "right", no_wrap=True)
    found = {name: done[Task(BUGS[name], name)] for name in names}
    for name, one in found.items():
        about = (str(len(one.found.steps)), str(one.found.problem.invariant)) if one.found else ("not found", "")
        table.add_row(name, one.script, f"{one.states:,}", *about)
    console.print()
    console.print(table)
    for name, one in found.items():
        console.print(Text(f"\n{name}: {MUTATIONS[name].breaks}", style="bold"), soft_wrap=True)
        _print_history(console, one)
    return all(one.found is not None for one in found.values())


def _print_history(console: Console, explored: Explored) -> None:
    for line in _lines_of(explored):
        console.print(Text(line), soft_wrap=True)


def _lines_of(explored: Explored) -> Iterator[str]:
    if explored.found is not None:
        yield f"{explored.script}: {SCRIPTS[explored.script].about}"
        yield from history_of(SCRIPTS[explored.script], explored.found)


if __name__ == "__main__":
    main()
