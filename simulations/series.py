"""All runs of one command: play, print and count them; shrink, store and report the failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from msgspec import Struct
from rich.console import Console
from rich.text import Text

from simulations import failure
from simulations.account import Totals, describe_plan, describe_step, say
from simulations.failure import FailedRun
from simulations.observer import CHECKERS
from simulations.outcome import Found, Outcome, play_out
from simulations.plan import Plan
from simulations.progress import Meter
from simulations.run import Step
from simulations.scenario import Scenario
from simulations.swarm import play_seeds

SHRUNK_PER_CHECKER_MAX = 1
"""Failures of one checker that are shrunk. The others probably have the same cause."""

EXPECTATION = "Expectation"
"""The name of the violation if a run has none of its expected violations."""

WritePage = Callable[[str, str, Outcome], Path]
"""Writes a page about a run. Takes the name, the origin and the outcome."""


class Case(Struct, frozen=True):
    """One plan to play: its name, its origin, and its scenario."""

    name: str
    origin: str
    stored: Scenario
    file: Path | None = None
    """The file of the plan, from `--plan`."""


class Series:
    """The runs of one command."""

    def __init__(
        self,
        to: Console,
        command: str,
        directory: Path,
        write: WritePage | None,
        *,
        shrinks: bool,
        stops_at_first: bool,
    ) -> None:
        self.totals = Totals()
        self._to = to
        self._command = command
        self._directory = directory
        self._write = write
        self._shrinks = shrinks
        self._stops_at_first = stops_at_first
        self._failures: list[FailedRun] = []
        self._has_records = False
        self._meter = Meter(to)

    @property
    def is_good(self) -> bool:
        """Whether every run ended as expected."""
        return not self._failures

    def play_cases(self, cases: Sequence[Case]) -> None:
        """Play plans one after the other, and print each step."""
        for case in cases:
            self._play_case(case)
            if self._failures and self._stops_at_first:
                break

    def play_swarm(self, seeds: Sequence[int], jobs: int, profile: str, minutes: float | None) -> None:
        """Play many seeds, until the time is up."""
        say(self._to, f"{len(seeds):,} seeds, {seeds[0]}..{seeds[-1]}, profile {profile}, {jobs} at a time")
        with self._meter as meter, closing(play_seeds(seeds, jobs, profile)) as outcomes:
            for outcome in outcomes:
                self.totals.add(outcome)
                if outcome.found is not None:
                    seed = outcome.plan.seed
                    self._fail(
                        FailedRun(
                            name=f"seed-{seed}",
                            origin=f"seed {seed}, profile {profile}",
                            plan=outcome.plan,
                            found=outcome.found,
                        )
                    )
                meter.show(self.totals.runs, len(seeds), self._progress(len(seeds)))
                is_late = minutes is not None and meter.elapsed_s > minutes * 60
                if is_late or (self._failures and self._stops_at_first):
                    break
        if self.totals.runs < len(seeds):
            say(self._to, f"ended after {self.totals.runs:,} of {len(seeds):,} seeds", "yellow")

    def finish(self) -> None:
        """Print every failure in detail, and the totals."""
        wall_s = self._meter.elapsed_s
        shrunk_of: dict[str, int] = {}
        for one in self._failures:
            checker = one.found.checker
            shrunk_of[checker] = shrunk_of.get(checker, 0) + 1
            can_shrink = checker != EXPECTATION and shrunk_of[checker] <= SHRUNK_PER_CHECKER_MAX
            self._hand_over(one, shrinks=self._shrinks and can_shrink)
        say(self._to)
        self.totals.print(self._to, wall_s)
        if self._failures:
            say(self._to, f"violations: {len(self._failures):,}", "bold red")
        else:
            say(self._to, "all is as recorded" if self._has_records else "all is well", "bold green")

    def stop(self) -> None:
        """Print the totals after Ctrl-C."""
        say(self._to, "stopped", "bold red")
        self.totals.print(self._to, self._meter.elapsed_s)

    # one plan ----------------------------------------------------------------------------------------------------

    def _play_case(self, case: Case) -> None:
        to, plan, stored = self._to, case.stored.plan, case.stored
        say(to, case.origin, "bold cyan")
        if stored.about:
            to.print(Text(" ".join(stored.about.split())), width=min(to.width, 100))
        for line in describe_plan(plan):
            say(to, f"  {line}")
        say(to)
        with Meter(to) as meter:

            def look(at_s: float) -> None:
                pace = f"{at_s / meter.elapsed_s:,.0f} a second, {meter.left(at_s, plan.seconds)}"
                meter.show(at_s, plan.seconds, f"{at_s:,.0f} of {plan.seconds:,.0f} s simulated, {pace}")

            outcome = play_out(plan, watches=self._write is not None, on_step=self._print_step, on_look=look)
        self.totals.add(outcome)
        self._judge(case, outcome)

    def _judge(self, case: Case, outcome: Outcome) -> None:
        expects = case.stored.expects
        if self._write is not None:
            say(self._to, f"report   {self._write(case.name, case.origin, outcome)}")
        say(self._to, f"trace    {outcome.digest}")
        violations = all_found(case.stored, outcome)
        if case.stored.is_record:
            self._print_record(violations, expects)
        if case.stored.is_as_expected([one.checker for one in violations]):
            return
        unexpected = next((one for one in violations if one.checker not in expects), _nothing_found(expects, outcome))
        self._fail(FailedRun(name=case.name, origin=case.origin, plan=outcome.plan, found=unexpected, file=case.file))

    def _print_record(self, violations: list[Found], expects: tuple[str, ...]) -> None:
        """Print violations that no guarantee covers yet."""
        self._has_records = True
        for one in violations:
            say(self._to, f"recorded {one}", "yellow")
        if not violations:
            say(self._to, "recorded no violation", "yellow")
        say(self._to, f"expected {', '.join(expects)}: no guarantee covers this yet", "yellow")

    def _print_step(self, step: Step) -> None:
        say(self._to, describe_step(step))

    # failures ----------------------------------------------------------------------------------------------------

    def _fail(self, one: FailedRun) -> None:
        self._failures.append(one)
        say(self._to, f"VIOLATION  {one.name}  {one.found}", "bold red")

    def _hand_over(self, one: FailedRun, *, shrinks: bool) -> None:
        """Shrink, store, print and report a failure."""
        shrunk = None
        if shrinks:
            with Meter(self._to) as meter:
                shrunk = failure.shrink(one, meter)
        plan, found = (shrunk.plan, shrunk.found) if shrunk is not None else (one.plan, one.found)
        stored = failure.store(one, plan, found, self._directory)
        say(self._to)
        for name, line in failure.describe(one, shrunk, stored, self._command):
            self._to.print(Text.assemble((f"{name:9}", "bold"), line), soft_wrap=True)
        if self._write is not None:
            self._write_pages(one, plan)

    def _write_pages(self, one: FailedRun, plan: Plan) -> None:
        assert self._write is not None
        if one.name.startswith("seed-"):
            self._say_page(self._write(one.name, one.origin, play_out(one.plan, watches=True)))
        if plan != one.plan:
            name, origin = f"{one.name}-shrunk", f"{one.origin}, shrunk"
            self._say_page(self._write(name, origin, play_out(plan, watches=True)))

    def _say_page(self, page: Path) -> None:
        self._to.print(Text.assemble(("report   ", "bold"), str(page)), soft_wrap=True)

    def _progress(self, count: int) -> str:
        totals, meter = self.totals, self._meter
        return (
            f"{totals.runs:,}/{count:,} seeds, {totals.simulated_s / meter.elapsed_s:,.0f} simulated s per s, "
            f"{len(self._failures):,} violations, {meter.left(totals.runs, count)}"
        )


def all_found(stored: Scenario, outcome: Outcome) -> list[Found]:
    """All violations. For a record, the plan is played again without the checkers that found an expected violation."""
    found = [outcome.found] if outcome.found is not None else []
    while stored.is_record and outcome.found is not None and outcome.found.checker in stored.expects:
        if outcome.found.checker not in (checker.__name__ for checker in CHECKERS):
            break
        outcome = play_out(stored.plan, without=[one.checker for one in found])
        found += [outcome.found] if outcome.found is not None else []
    return found


def _nothing_found(expects: tuple[str, ...], outcome: Outcome) -> Found:
    return Found(EXPECTATION, 0, f"expected {', '.join(expects)}, but all was well", outcome.simulated_s)
