"""The text that the command prints about a run and a series of runs, the same on a terminal and in a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from simulations import catalogue
from simulations.faults import FAULTS, OF_IDENTITY
from simulations.knobs import KNOBS
from simulations.outcome import Outcome
from simulations.plan import Fault, Plan, Setting
from simulations.run import Step

WIDTH = 120
"""Columns if the output is not a terminal."""

SINGLE_MACHINES_MAX = 8
"""Up to this number of machines, a plan lists each name."""


def console() -> Console:
    """The console for all output."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)


def say(to: Console, text: str = "", style: str = "") -> None:
    """Print a line without wrapping, so that readers can copy commands and paths."""
    to.print(Text(text, style=style), soft_wrap=True)


def describe_plan(plan: Plan) -> Iterator[str]:
    """Describe a plan in lines."""
    trade = plan.trade
    yield f"hubs     {', '.join(f'{name} ({region})' for name, region in plan.hubs)}"
    yield f"stores   {_named(plan.stores)}"
    if plan.full_stack:
        yield "nodes    whole, with HTTP, WebSockets and SQLite files"
    if plan.newer:
        yield f"newer    {_named(plan.newer)}"
    yield (
        f"trade    {duration(plan.seconds)}; {trade.clients} clients at each machine, one request each "
        f"{trade.think_ms:g} ms, timeout {trade.timeout_ms:g} ms, {trade.patience} retries"
    )
    yield (
        f"goods    {trade.items} items, {trade.opening:,} of each at first, up to {trade.quantity:,} in a line; "
        f"{trade.hot:.0%} want the same item, {trade.refuse:.0%} are promises, {trade.repeat:.0%} are repeated"
    )
    if plan.core:
        yield f"core     {_named(plan.core)}: healed first, and must agree while the others are down"
    for index, setting in enumerate(plan.knobs):
        yield f"{'knobs' if not index else '':9}{describe_setting(setting)}"
    for index, fault in enumerate(plan.faults):
        yield f"{'faults' if not index else '':9}{describe_fault(fault)}"
    if not plan.faults:
        yield "faults   none"


def describe_fault(fault: Fault) -> str:
    """Describe a fault in one line."""
    who = "+".join(fault.who) or "the chain"
    return f"{fault.at_s:9.3f} s  for {duration(fault.for_s):>8}  {fault.kind:13} {who}, strength {fault.strength:g}"


def describe_setting(setting: Setting) -> str:
    """Describe the value of a knob in one line."""
    knob = KNOBS[setting.knob]
    return f"{setting.knob} {setting.value:,g} instead of {knob.default:,}: {knob.about}"


def describe_step(step: Step) -> str:
    """Describe a step in one line."""
    return f"{step.at_s:12.3f} s  {step.who:20} {step.what}"


def duration(seconds: float) -> str:
    """Return a duration as text, in a suitable unit."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"


def print_catalogue(to: Console) -> None:
    """List scenarios, faults, checkers and knobs."""
    about = {name: catalogue.first_sentence(text) for name, text in catalogue.scenarios().items()}
    _list(to, "Scenarios", about)
    for group, kinds in catalogue.faults().items():
        _list(to, f"Faults {group}", kinds)
    _list(to, "Checkers", catalogue.checkers())
    _list(to, "Knobs", catalogue.knobs())


def _list(to: Console, title: str, lines: Mapping[str, str]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, line in lines.items():
        table.add_row(Text(name), Text(line))
    to.print(Text(title, style="bold cyan"))
    to.print(table)
    say(to)


class Totals:
    """The totals of a series of runs."""

    def __init__(self) -> None:
        self.runs = self.entries = self.violations = 0
        self.simulated_s = self.convergence_s = 0.0
        self.times: dict[str, int] = {}
        self.runs_with: dict[str, int] = {}
        self.smaller: dict[str, int] = {}
        self.larger: dict[str, int] = {}
        """By knob: the runs that turned it below or above its default."""

    def add(self, outcome: Outcome) -> None:
        """Add a run."""
        self.runs += 1
        self.entries += outcome.entries
        self.simulated_s += outcome.simulated_s
        self.convergence_s = max(self.convergence_s, outcome.convergence_s)
        for name, times in outcome.counts.items():
            self.times[name] = self.times.get(name, 0) + times
            self.runs_with[name] = self.runs_with.get(name, 0) + (times > 0)
        for setting in outcome.plan.knobs:
            turned = self.smaller if setting.value < KNOBS[setting.knob].default else self.larger
            turned[setting.knob] = turned.get(setting.knob, 0) + 1

    def print(self, to: Console, wall_s: float) -> None:
        """Print how often each event happened, how many runs turned each knob, and the totals."""
        happened = sorted(name for name in self.times if name not in FAULTS and name not in OF_IDENTITY)
        kinds = [*FAULTS, *(kind for kind in OF_IDENTITY if kind in self.times)]
        if self.runs == 1:
            kinds = [kind for kind in kinds if kind in self.times]
        grid = Table.grid(padding=(0, 6, 0, 0))
        grid.add_row(self._table("faults", kinds), self._table("what happened", happened))
        to.print(grid)
        if self.runs > 1 and (self.smaller or self.larger):
            to.print(self._knobs())
        never = [kind for kind in kinds if not self.times.get(kind)]
        if never:
            say(to, f"never occurred: {', '.join(never)}", "yellow")
        pace = self.simulated_s / wall_s if wall_s else 0.0
        say(
            to,
            f"{self.runs:,} {'run' if self.runs == 1 else 'runs'}, {self.entries:,} entries, "
            f"{self.simulated_s:,.0f} s simulated in {wall_s:,.1f} s ({pace:,.0f} a second), "
            f"at most {self.convergence_s:.1f} s from healing to agreement",
        )

    def _knobs(self) -> Table:
        """How many runs turned each knob, in the order of the list of knobs."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("knobs", no_wrap=True)
        table.add_column("smaller in runs", justify="right")
        table.add_column("larger in runs", justify="right")
        for name in KNOBS:
            smaller, larger = self.smaller.get(name, 0), self.larger.get(name, 0)
            if smaller or larger:
                table.add_row(Text(name), f"{smaller:,}", f"{larger:,}")
        return table

    def _table(self, title: str, names: Iterable[str]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(title, no_wrap=True)
        table.add_column("times", justify="right")
        table.add_column("runs", justify="right")
        for name in names:
            times = self.times.get(name, 0)
            style = "" if times else "yellow"
            table.add_row(Text(name, style=style), f"{times:,}", f"{self.runs_with.get(name, 0):,}")
        return table


def _named(names: tuple[str, ...]) -> str:
    if len(names) > SINGLE_MACHINES_MAX:
        return f"{names[0]} … {names[-1]} ({len(names)})"
    return ", ".join(names) or "none"
