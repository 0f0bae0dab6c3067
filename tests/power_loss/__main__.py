"""`python -m tests.power_loss`: run more trials than a test run has time for, or repeat one."""

from __future__ import annotations

import os
import re
import sys

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.power_loss.flaws import FLAWS
from tests.power_loss.runner import Report, describe, run_spread, run_trials

VIOLATIONS_SHOWN = 5


class Seeds(click.ParamType[range]):
    """`17`, or `0..1999`, both ends included."""

    name = "seeds"

    def convert(self, value: object, _: click.Parameter | None, __: click.Context | None) -> range:
        found = re.fullmatch(r"(\d+)(?:\.\.(\d+))?", str(value))
        if found is None or int(found[2] or found[1]) < int(found[1]):
            raise click.BadParameter(f"{value}: give one seed, or the first and the last as in 0..1999")
        return range(int(found[1]), int(found[2] or found[1]) + 1)


@click.command(
    epilog="""\b
Examples:
  python -m tests.power_loss --seeds 2000..9999            new trials, for some minutes
  python -m tests.power_loss --seeds 17                    repeat one trial, with its story
  python -m tests.power_loss --flaw synchronous-normal     check that the trials catch a flaw
"""
)
@click.option(
    "--seeds", type=Seeds(), default="0..1999", show_default=True, help="Seeds of the trials: one, or FIRST..LAST."
)
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=os.cpu_count(),
    show_default="one per processor",
    help="Number of processes.",
)
@click.option("--flaw", type=click.Choice(list(FLAWS)), help="Break something on purpose.")
def main(seeds: range, processes: int, flaw: str | None) -> None:
    """Cut the power of a journal's disk, open the journal again, and check that no acknowledged entry is lost.

    The exit status is 1 if a trial finds a violation.
    """
    console = Console(highlight=False)
    if len(seeds) == 1:
        (outcome,) = run_trials(seeds, flaw or "")
        console.print("\n".join(outcome.story), markup=False)
        report = Report()
        report.add(outcome)
    else:
        with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task("trials", total=len(seeds))
            report = run_spread(seeds, processes, flaw or "", lambda now: progress.update(task, completed=now.trials))
    _print(console, report, flaw or "")
    sys.exit(1 if report.violations else 0)


def _print(console: Console, report: Report, flaw: str) -> None:
    table = Table("event", "times", box=None)
    table.columns[1].justify = "right"
    for event, times in sorted(report.events.items()):
        table.add_row(event, f"{times:,}")
    console.print(table)
    for outcome in report.violations[:VIOLATIONS_SHOWN]:
        console.print(describe(outcome, flaw), markup=False, soft_wrap=True)
    console.print(f"{report.trials:,} trials, {len(report.violations):,} violations")


if __name__ == "__main__":
    main()
