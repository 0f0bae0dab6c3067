"""Failed runs: shrink the plan, store it in a file, and describe how to play it again."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from replica.version import VERSION
from simulations.account import describe_plan
from simulations.outcome import Found, play_out
from simulations.plan import Plan
from simulations.progress import Meter
from simulations.scenario import Scenario, write_scenario
from simulations.shrinking import Budget, Shrinker, Shrunk, size_of

ROOT = Path(__file__).parents[1]

DIRECTORY = Path("simulation-failures")
"""The directory for failing plans, if there is no report directory."""


class FailedRun(Struct, frozen=True):
    """A run with a violation."""

    name: str
    """The name of the run, such as `seed-7`."""
    origin: str
    """The name for people, such as `seed 7, profile pressure`."""
    plan: Plan
    found: Found
    file: Path | None = None
    """The file of the plan, if it came from a file. It is never overwritten."""


def shrink(failure: FailedRun, meter: Meter) -> Shrunk:
    """Shrink the plan while the same checker finds a violation."""
    budget = Budget()

    def show(runs: int, smallest: Plan) -> None:
        meter.show(budget.spent, 1.0, f"shrinking {failure.name}: {runs} runs, {size_of(smallest)}")

    return Shrinker(failure.plan, failure.found, lambda plan: play_out(plan).found, budget, show).shrink()


def store(failure: FailedRun, plan: Plan, found: Found, directory: Path) -> Path:
    """Write the plan for `--plan`, unless it is in a file already. Returns the path."""
    if failure.file is not None and plan == failure.plan:
        return failure.file
    path = directory / f"{failure.name}{'-shrunk' if failure.file is not None else ''}.toml"
    write_scenario(path, Scenario(plan, about=f"{failure.origin}, at {commit()}: {found}"))
    return path


def describe(failure: FailedRun, shrunk: Shrunk | None, stored: Path, command: str) -> Iterator[tuple[str, str]]:
    """Describe the failure as names and lines. The last line is the command that plays it again."""
    found = failure.found
    yield "violated", f"{found.checker}" + (f", invariant {found.invariant}" if found.invariant else "")
    yield "seen", found.detail
    yield "when", f"{found.at_s:.3f} s"
    yield "of", failure.origin
    yield "commit", commit()
    for index, line in enumerate(describe_plan(failure.plan)):
        yield "" if index else "plan", line
    if shrunk is not None and shrunk.plan != failure.plan:
        yield "shrunk", f"{size_of(failure.plan)}; now {size_of(shrunk.plan)} ({shrunk.runs} runs)"
        yield "", str(shrunk.found)
    yield "stored", str(stored)
    yield "replay", replay(command, stored)


def replay(command: str, stored: Path) -> str:
    """Return the command that plays a stored plan."""
    return f"{command} --plan {shlex.quote(str(stored))}"


def commit() -> str:
    """The commit of this code, with a mark if files have changed. Without a repository, the version."""
    if not (ROOT / ".git").exists():
        return f"version {VERSION}"
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return f"version {VERSION}"
