"""`python -m tests.mutants`: try the mutants of the core or of the runtime, and report those that survive."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

import click
import pytest
from mutmut.utils.format_utils import get_mutant_name

from tests.mutants.generation import generate, modules, tests_of, verdicts_of
from tests.mutants.report import print_report
from tests.mutants.trials import PYTEST_ARGUMENTS, UNKILLED, Trials


@click.command(
    epilog="""\b
Examples:
  python -m tests.mutants                                   all mutants of the core that have no verdict yet
  python -m tests.mutants replica.core.ledger               one package
  python -m tests.mutants --sample 300 replica.core.orders  some of them, by chance
  python -m tests.mutants replica.runtime.journal           a package of the runtime
  python -m tests.mutants --again replica.core.ledger       the survivors, after new tests
  python -m tests.mutants --report                          only the report
"""
)
@click.argument("names", nargs=-1)
@click.option("--sample", type=click.IntRange(1), help="Try at most so many mutants, drawn by chance.")
@click.option("--seed", default=1, show_default=True, help="Seed of the draw.")
@click.option("--again", is_flag=True, help="Try those mutants again that survived.")
@click.option(
    "--slow-first", is_flag=True, help="Begin with the slow tests: with --again, for those that passed the fast."
)
@click.option("--report", is_flag=True, help="Try nothing; print the report.")
@click.option("--budget", default=10.0, show_default=True, help="Seconds of tests that each mutant gets.")
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1), help="Mutants at a time.")
def main(
    names: tuple[str, ...],
    sample: int | None,
    seed: int,
    again: bool,
    slow_first: bool,
    report: bool,
    budget: float,
    processes: int,
) -> None:
    """Try the mutants whose names begin with one of NAMES; without NAMES, those of the core.

    Verdicts are kept in `mutants/`. A run that was stopped continues where it ended.
    """
    names = names or ("replica.core",)
    paths = [path for path in modules() if _overlaps(names, get_mutant_name(path, ""))]
    if not report:
        generate(paths, processes)
        mutants = [key for path in paths for key in _due(path, names, again)]
        trials = Trials(sorted(mutants, key=partial(_drawn, seed))[:sample], budget, processes, slow_first)
        code = pytest.main([*tests_of(paths), *PYTEST_ARGUMENTS, "--hypothesis-profile=mutants"], plugins=[trials])
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            sys.exit(code)
    print_report(paths)


def _overlaps(names: tuple[str, ...], module: str) -> bool:
    return any(module.startswith(name) or name.startswith(module) for name in names)


def _due(path: Path, names: tuple[str, ...], again: bool) -> Iterator[str]:
    for mutant, code in verdicts_of(path).exit_code_by_key.items():
        if (code in UNKILLED if again else code is None) and mutant.startswith(names):
            yield mutant


def _drawn(seed: int, mutant: str) -> bytes:
    """The place of a mutant in a shuffled order, so that those tried first are a random sample at any time."""
    return sha256(f"{seed} {mutant}".encode()).digest()


if __name__ == "__main__":
    main()
