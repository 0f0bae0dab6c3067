"""The command: its flags, its output, its exit status, and the replay that it prints."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from simulations import catalogue
from simulations.__main__ import simulate
from simulations.account import Totals
from simulations.checkers.floor import FloorChecker
from simulations.draw import draw_plan
from simulations.faults import FAULTS
from simulations.journal import SimulatedDisk
from simulations.outcome import Outcome
from simulations.plan import Fault, Plan, Setting, Trade
from simulations.scenario import Scenario, read_scenario, write_scenario

ROOT = Path(__file__).parents[2]

SMALL = Plan(seed=7, seconds=3.0, stores=("store-1",), hubs=(("hub-east", "east"),), trade=Trade(clients=1, items=1))
"""A plan that takes a moment."""

WRONG = {
    "a seed that is no number": (["--seed", "seven"], "--seed"),
    "a seed below zero": (["--seed", "-1"], "--seed"),
    "seeds without a range": (["--seeds", "1-9"], "--seeds"),
    "a range that ends before it begins": (["--seeds", "9..1"], "--seeds"),
    "too many seeds": (["--seeds", "1..99999999999"], "--seeds"),
    "an unknown scenario": (["--scenario", "quiet-sunday"], "--scenario"),
    "a plan that is not there": (["--plan", "/none.toml"], "--plan"),
    "an unknown profile": (["--profile", "lazy"], "--profile"),
    "no processes": (["--jobs", "0"], "--jobs"),
    "no time": (["--minutes", "0"], "--minutes"),
    "a report that is a file": (["--report", __file__], "--report"),
    "two things to play": (["--seed", "1", "--seeds", "1..2"], "--seed and --seeds"),
    "a list and a seed": (["--list", "--seed", "1"], "--list"),
    "an unknown flag": (["--colour", "red"], "--colour"),
    "an extra word": (["please"], "please"),
}

WRONG_PLANS = {
    "not TOML": ("plan", "plan.toml"),
    "no plan": ('about = "nothing"', "plan"),
    "an unknown key": ("[plan]\nseed = 1\ncolour = 2", "colour"),
    "a value of the wrong kind": ('[plan]\nseed = "one"', "$.plan.seed"),
    "an unknown fault": ('[plan]\nseed = 1\nfaults = [{kind = "flood", at_s = 1.0, for_s = 1.0}]', "'flood'"),
    "an unknown machine": (
        '[plan]\nseed = 1\nfaults = [{kind = "kill", at_s = 1.0, for_s = 1.0, who = ["store-9"]}]',
        "'store-9'",
    ),
    "a swap of one": (
        '[plan]\nseed = 1\nfaults = [{kind = "swap", at_s = 1.0, for_s = 1.0, who = ["store-1"]}]',
        "swap needs 2",
    ),
    "a machine twice": ('[plan]\nseed = 1\nstores = ["store-1", "store-1"]', "same name"),
    "no hub": ("[plan]\nseed = 1\nhubs = []", "no hub"),
    "a share above one": ("[plan]\nseed = 1\n[plan.trade]\nhot = 1.5", "hot"),
    "whole nodes and a copied disk": (
        '[plan]\nseed = 1\nfull_stack = true\nfaults = [{kind = "clone", at_s = 1.0, for_s = 1.0, who = ["store-1"]}]',
        "whole nodes have no clone",
    ),
    "whole nodes and floods": ("[plan]\nseed = 1\nfull_stack = true\n[plan.trade]\nfloods = 0.5", "floods"),
    "an unknown checker": ('expects = ["Luck"]\n[plan]\nseed = 1', "'Luck'"),
}


def ran(*arguments: str | Path, variables: Mapping[str, str] | None = None) -> Result:
    """Run the command."""
    return CliRunner().invoke(simulate, [str(argument) for argument in arguments], env=dict(variables or {}))


def error_of(result: Result) -> str:
    """The error line of a command that must exit with 2."""
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error:")]
    return line


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    write_scenario(path, Scenario(SMALL))
    return path


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a checker report every machine that is down."""

    def moment(self: FloorChecker) -> None:
        killed = [machine.name for machine in self.chain.machines.values() if machine.is_held_down]
        if killed:
            self.fail(f"{killed[0]} is down")

    monkeypatch.setattr(FloorChecker, "moment", moment)
    return None


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_flag_is_one_line_that_names_it(name: str) -> None:
    arguments, named = WRONG[name]
    assert named in error_of(ran(*arguments))


@pytest.mark.parametrize("name", WRONG_PLANS)
def test_a_wrong_plan_is_one_line_that_names_the_fault(tmp_path: Path, name: str) -> None:
    content, named = WRONG_PLANS[name]
    path = tmp_path / "plan.toml"
    path.write_text(content)
    line = error_of(ran("--plan", path))
    assert "--plan" in line
    assert named in line


def test_flags_can_be_variables_and_keys_of_a_file(tmp_path: Path, stored: Path) -> None:
    assert "plan" in ran(variables={"SHELFSYNC_PLAN": str(stored)}).output
    assert "--profile" in error_of(ran(variables={"SHELFSYNC_PROFILE": "lazy"}))
    file = tmp_path / "simulate.toml"
    file.write_text(f'plan = "{stored}"\nreport = "{stored}"')
    assert "--report" in error_of(ran("--config", file))


def test_the_list_names_every_scenario_fault_and_checker() -> None:
    result = ran("--list")
    assert result.exit_code == 0
    for names in (catalogue.scenarios(), catalogue.checkers(), *catalogue.faults().values()):
        for name, line in names.items():
            assert line
            assert re.search(rf"^  {re.escape(name)} ", result.output, re.MULTILINE), name


def test_one_seed_prints_each_step() -> None:
    result = ran("--seed", "8")
    assert result.exit_code == 0, result.output
    for fault in draw_plan(8).faults:
        assert re.search(rf"{fault.at_s:.3f} s +{re.escape('+'.join(fault.who))} +{fault.kind} begins", result.output)
    for text in ("seed 8, profile pressure", "hub-east", "serves 0", "healed:", "trace", "all is well"):
        assert text in result.output


def test_the_same_seed_leaves_the_same_trace() -> None:
    traces = {re.search(r"^trace +\w{32}$", ran("--seed", "17").output, re.MULTILINE)[0] for _ in range(2)}  # type: ignore[index]
    assert len(traces) == 1


def test_the_profile_decides_how_a_seed_is_drawn() -> None:
    assert "profile quiet" in ran("--seed", "8", "--profile", "quiet").output


@pytest.mark.parametrize("jobs", [1, 2])
def test_many_seeds_end_with_event_counts_and_totals(jobs: int) -> None:
    result = ran("--seeds", "7..8", "--jobs", str(jobs))
    assert result.exit_code == 0, result.output
    for kind in FAULTS:
        assert kind in result.output
    for text in (f"2 seeds, 7..8, profile pressure, {jobs} at a time", "2 runs, ", "acknowledged", "all is well"):
        assert text in result.output


def test_the_totals_say_how_many_runs_turned_each_knob() -> None:
    totals, to = Totals(), Console(width=120, file=StringIO())
    for value in (24, 64, 100_000):
        plan = Plan(seed=1, knobs=(Setting("inbox", value), Setting("parked-ms", 600_000)))
        totals.add(
            Outcome(
                plan=plan,
                found=None,
                digest="",
                simulated_s=1.0,
                wall_s=1.0,
                convergence_s=1.0,
                entries=1,
                counts={},
                steps=[],
                levels=[],
                links=[],
            )
        )
    totals.print(to, 1.0)
    assert isinstance(to.file, StringIO)
    rows = [line.split() for line in to.file.getvalue().splitlines()]
    assert ["inbox", "2", "1"] in rows and ["parked-ms", "3", "0"] in rows


def test_no_seed_begins_after_the_time_is_up() -> None:
    result = ran("--seeds", "8..1000", "--jobs", "1", "--minutes", "0.0001")
    assert "ended after 1 of 993 seeds" in result.output


def test_a_violation_leaves_a_shrunk_plan_and_a_working_replay(broken: None, tmp_path: Path) -> None:
    result = ran("--seeds", "8..9", "--jobs", "1")
    assert result.exit_code == 1, result.output
    assert "VIOLATION  seed-8  FloorChecker (invariant 4)" in result.output
    assert re.search(r"^of +seed 8, profile pressure$", result.output, re.MULTILINE)
    assert re.search(r"^commit +(\w{12}|version)", result.output, re.MULTILINE)
    kept = read_scenario(tmp_path / "simulation-failures" / "seed-8.toml").plan
    assert (len(kept.faults), len(kept.stores), kept.trade.clients) == (1, 0, 1)
    (replay,) = re.findall(r"^replay +\S+ (.*)$", result.output, re.MULTILINE)
    again = ran(*shlex.split(replay))
    assert again.exit_code == 1
    assert "VIOLATION  seed-8  FloorChecker (invariant 4)" in again.output


def test_a_forgetting_journal_is_found_and_its_plan_shrinks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def forget_the_last(self: SimulatedDisk, *, finishes: bool) -> None:
        kept = [stored.entry for stored in self.stored[:-1]]
        self.__dict__.update(self.blank().__dict__)
        self.keep(kept, 0)

    monkeypatch.setattr(SimulatedDisk, "stop", forget_the_last)
    others = tuple(Fault(kind="slow-line", at_s=float(at), for_s=1.0, who=("store-2",)) for at in range(1, 6))
    faults = (*others, Fault(kind="kill", at_s=6.0, for_s=2.0, who=("store-1",)))
    plan = Plan(
        seed=5, seconds=12.0, stores=("store-1", "store-2"), trade=Trade(clients=2, think_ms=100.0), faults=faults
    )
    write_scenario(tmp_path / "forgetful.toml", Scenario(plan))
    result = ran("--plan", tmp_path / "forgetful.toml")
    assert result.exit_code == 1, result.output
    left = read_scenario(tmp_path / "simulation-failures" / "forgetful-shrunk.toml").plan
    assert ([fault.kind for fault in left.faults], left.stores) == (["kill"], ("store-1",))
    (replay,) = re.findall(r"^replay +\S+ (.*)$", result.output, re.MULTILINE)
    again = ran(*shlex.split(replay), "--no-shrink")
    assert again.exit_code == 1
    assert re.findall(r"^VIOLATION +\S+ +(\w+)", again.output, re.MULTILINE) == re.findall(
        r"^violated +(\w+)", result.output, re.MULTILINE
    )
    assert read_scenario(tmp_path / "forgetful.toml").plan == plan


def test_the_replay_of_a_stored_plan_is_a_command_that_runs(stored: Path) -> None:
    command = [sys.executable, "-m", "simulations", "--plan", str(stored)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all is well" in done.stdout


def test_no_shrink_keeps_the_whole_plan(broken: None, tmp_path: Path) -> None:
    result = ran("--seeds", "8..9", "--jobs", "1", "--no-shrink")
    assert result.exit_code == 1
    assert read_scenario(tmp_path / "simulation-failures" / "seed-8.toml").plan == draw_plan(8)


def test_keep_going_continues_after_a_violation(broken: None) -> None:
    result = ran("--seeds", "8..10", "--jobs", "1", "--no-shrink", "--keep-going")
    assert len(re.findall(r"^VIOLATION", result.output, re.MULTILINE)) > 1
    assert result.output.count("\nreplay") == len(re.findall(r"^VIOLATION", result.output, re.MULTILINE))


def test_an_expected_violation_is_recorded_and_a_missing_one_fails(broken: None, tmp_path: Path) -> None:
    path = tmp_path / "expected.toml"
    plan = Plan(
        seed=7, seconds=3.0, stores=("store-1",), faults=(Fault(kind="kill", at_s=1.0, for_s=1.0, who=("store-1",)),)
    )
    write_scenario(path, Scenario(plan, "Down for a second.", ("FloorChecker",)))
    result = ran("--plan", path)
    assert result.exit_code == 0, result.output
    assert "recorded FloorChecker" in result.output
    write_scenario(path, Scenario(SMALL, "Nothing fails.", ("FloorChecker",)))
    result = ran("--plan", path, "--no-shrink")
    assert result.exit_code == 1
    assert "expected FloorChecker, but all was well" in result.output
