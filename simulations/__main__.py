"""`shelfsync simulate`, also `python -m simulations`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from replica.runtime.configuration import CONTEXT, NumberParam, configurable
from simulations import failure
from simulations.account import console, print_catalogue
from simulations.profiles import PROFILES
from simulations.scenario import Scenario, Unusable, read_scenario, scenario, scenario_names
from simulations.series import Case, Series, WritePage

SEEDS = range(1, 101)
"""The seeds that run without other flags."""

JOBS_MAX = 256
SEEDS_MAX = 10_000_000

INTERRUPTED = 130
"""Exit status after Ctrl-C, as in shells."""


class Seeds(click.ParamType[range]):
    """A range of seeds, both ends included."""

    name = "A..B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> range:
        if isinstance(value, range):
            return value
        match = re.fullmatch(r"(\d{1,18})\.\.(\d{1,18})", str(value))
        if match is None:
            self.fail(f"{value!r} is not a range. Use one such as 1..100", param, ctx)
        first, last = int(match[1]), int(match[2])
        if not first <= last < first + SEEDS_MAX:
            self.fail(
                f"{value!r} has no seeds, or more than {SEEDS_MAX:,}. Use a first seed up to the last", param, ctx
            )
        return range(first, last + 1)


class StoredPlan(click.ParamType[Case]):
    """The path of a file with a plan."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Case:
        if isinstance(value, Case):
            return value
        path = Path(str(value))
        try:
            return Case(path.stem, f"plan {path}", read_scenario(path), path)
        except Unusable as unusable:
            self.fail(str(unusable), param, ctx)


def _known(ctx: click.Context, param: click.Parameter, names: Sequence[str]) -> Sequence[str]:
    for name in names:
        if name not in scenario_names():
            raise click.BadParameter(
                f"there is no scenario {name!r}. Use one of {', '.join(scenario_names())}", ctx, param
            )
    return names


@click.command(
    context_settings=CONTEXT,
    epilog="""\b
Examples:
  shelfsync simulate                              a hundred seeds
  shelfsync simulate --seeds 1..3000 --minutes 30
  shelfsync simulate --seed 7                     one seed, step by step
  shelfsync simulate --profile full-stack         whole nodes, with HTTP and SQLite files
  shelfsync simulate --scenario black-friday --report report
  shelfsync simulate --plan simulation-failures/seed-7.toml
  shelfsync simulate --list
""",
)
@configurable
@click.option("--seed", type=click.IntRange(min=0), help="Run one seed and print each step.")
@click.option("--seeds", type=Seeds(), help="Run many seeds, both ends included. [default: 1..100]")
@click.option(
    "--scenario", "scenarios", multiple=True, callback=_known, help="Run a scenario by name. The flag may be repeated."
)
@click.option("--plan", "plan", type=StoredPlan(), help="Run a stored plan, a TOML or JSON file.")
@click.option("--list", "lists", is_flag=True, help="List scenarios, kinds of faults, checkers and knobs.")
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="pressure",
    show_default=True,
    help="How plans are drawn from seeds: with scarce stock and many faults, with much stock and few faults, or for "
    "whole nodes with HTTP and SQLite files.",
)
@click.option("--jobs", type=click.IntRange(1, JOBS_MAX), help="Processes for --seeds. [default: one per CPU]")
@click.option("--minutes", type=NumberParam(min=0, min_open=True), help="Begin no seeds after this number of minutes.")
@click.option(
    "--report", type=click.Path(path_type=Path, file_okay=False), help="Write a report of each run to this directory."
)
@click.option("--shrink/--no-shrink", default=True, show_default=True, help="Shrink failing plans.")
@click.option(
    "--keep-going/--stop-at-first", default=False, help="Continue after a violation. [default: stop-at-first]"
)
@click.pass_context
def simulate(
    ctx: click.Context,
    seed: int | None,
    seeds: range | None,
    scenarios: tuple[str, ...],
    plan: Case | None,
    lists: bool,
    profile: str,
    jobs: int | None,
    minutes: float | None,
    report: Path | None,
    shrink: bool,
    keep_going: bool,
) -> None:
    """Simulate a whole chain in virtual time with many faults, and check all guarantees.

    A seed always gives the same run. The exit status is 0 if all guarantees hold, 1 if one was violated, and 2 for
    wrong flags.
    """
    given = {"--seed": seed is not None, "--seeds": seeds, "--scenario": scenarios, "--plan": plan, "--list": lists}
    named = [flag for flag, value in given.items() if value]
    if len(named) > 1:
        raise click.UsageError(f"{named[0]} and {named[1]} cannot be combined. Use one of them", ctx)
    to = console()
    if lists:
        print_catalogue(to)
        return
    series = Series(
        to,
        ctx.command_path,
        report or failure.DIRECTORY,
        _writer(ctx, report),
        shrinks=shrink,
        stops_at_first=not keep_going,
    )
    try:
        if seed is not None:
            stored = Scenario(PROFILES[profile](seed))
            series.play_cases([Case(f"seed-{seed}", f"seed {seed}, profile {profile}", stored)])
        elif plan is not None:
            series.play_cases([plan])
        elif scenarios:
            series.play_cases([Case(name, f"scenario {name}", scenario(name)) for name in scenarios])
        else:
            series.play_swarm(seeds or SEEDS, jobs or os.cpu_count() or 1, profile, minutes)
        series.finish()
    except KeyboardInterrupt:
        series.stop()
        sys.exit(INTERRUPTED)
    sys.exit(0 if series.is_good else 1)


def _writer(ctx: click.Context, report: Path | None) -> WritePage | None:
    """The writer of report pages. Its libraries are an extra, so the import happens only if a report is requested."""
    if report is None:
        return None
    try:
        from simulations.report.pages import Pages
    except ImportError as missing:
        text = f"needs {missing.name}: pip install 'shelfsync[simulations]'"
        raise click.UsageError(f"--report {text}", ctx) from None
    return Pages(report, ctx.command_path).write


if __name__ == "__main__":
    simulate()
