"""The score of each package, and the mutants that survive without an explanation.

The directory `explained` lists survivors that no test can or should kill, each with its reason, in a file for each
package. An entry names the function and the changed lines, so it stays valid when other mutants of the function come or
go.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.utils.format_utils import get_module_from_key, orig_function_and_class_names_from_key
from rich.console import Console
from rich.table import Table

from tests.mutants import generation, trials
from tests.mutants.generation import verdicts_of

EXPLAINED = Path(__file__).with_name("explained")


class Explained(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One survivor that stays, and why.

    `function` is the qualified name; `removed` and `added` are the lines of its diff without indentation, joined by one
    space.
    """

    function: str
    removed: str
    added: str
    reason: str


@dataclass
class Tally:
    """The mutants of one package."""

    by_types: int = 0
    by_tests: int = 0
    explained: int = 0
    untried: int = 0
    survivors: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.by_types + self.tried + self.untried + self.explained

    @property
    def tried(self) -> int:
        """Those that tests had to kill, without the explained ones."""
        return self.by_tests + len(self.survivors)

    def score(self) -> float:
        """The killed part of all mutants except explained ones; the untried ones count as the tried ones do."""
        return (self.by_types + (self.tried + self.untried) * self._rate(self.by_tests)) / (self.total - self.explained)

    def margin(self) -> float:
        """Half the width of the 95 % interval of the score (normal approximation), 0 if each mutant was tried."""
        if not self.untried or not self.tried:
            return 0.0
        rate = self._rate(self.by_tests)
        open_mutants = self.tried + self.untried
        spread = math.sqrt(rate * (1 - rate) / self.tried * self.untried / max(1, open_mutants - 1))
        return 1.96 * spread * open_mutants / (self.total - self.explained)

    def _rate(self, killed: int) -> float:
        return killed / self.tried if self.tried else 1.0


def print_report(paths: Iterable[Path]) -> None:
    """Print one line for each package, then each unexplained survivor with its change."""
    console = Console(highlight=False, soft_wrap=True)
    explained = {(entry.function, entry.removed, entry.added) for entry in read_explained()}
    tallies: dict[str, Tally] = {}
    for path in paths:
        tally = tallies.setdefault(path.parent.name, Tally())
        for mutant, code in verdicts_of(path).exit_code_by_key.items():
            _count(tally, mutant, code, explained)
    table = Table("package", "mutants", "types", "tests", "survive", "explained", "untried", "score")
    for package, tally in tallies.items():
        _add_row(table, package, tally)
    if len(tallies) > 1:
        _add_total(table, list(tallies.values()))
    console.print(table)
    for tally in tallies.values():
        for mutant in tally.survivors:
            removed, added = change_of(mutant)
            console.print(f"\n{mutant}\n  - {removed}\n  + {added}", markup=False)


def read_explained() -> list[Explained]:
    """All entries, package by package."""
    files = [tomllib.loads(path.read_text()) for path in sorted(EXPLAINED.glob("*.toml"))]
    return [entry for file in files for entry in msgspec.convert(file["mutant"], list[Explained])]


def function_name(mutant: str) -> str:
    """`replica.core.ledger.cells.Cells.merge` for a mutant of it."""
    name, owner = orig_function_and_class_names_from_key(mutant)
    return ".".join(part for part in (get_module_from_key(mutant), owner, name) if part)


def change_of(mutant: str) -> tuple[str, str]:
    """The lines that the mutant removes, and those that it adds, each without indentation and joined by one space."""
    diff = get_diff_for_mutant(mutant, path=get_module_from_key(mutant).replace(".", "/") + ".py").splitlines()
    removed, added = (
        " ".join(line[1:].strip() for line in diff if line.startswith(sign) and not line.startswith(sign * 3))
        for sign in "-+"
    )
    return removed, added


def _count(tally: Tally, mutant: str, code: int | None, explained: set[tuple[str, str, str]]) -> None:
    match code:
        case None:
            tally.untried += 1
        case generation.REJECTED_BY_TYPES:
            tally.by_types += 1
        case trials.SURVIVED | trials.NO_TESTS | trials.NOT_PLANTED:
            if (function_name(mutant), *change_of(mutant)) in explained:
                tally.explained += 1
            else:
                tally.survivors.append(mutant)
        case _:
            tally.by_tests += 1


def _add_row(table: Table, package: str, tally: Tally) -> None:
    margin = f" ± {tally.margin():.1%}" if tally.untried else ""
    counts = (tally.total, tally.by_types, tally.by_tests, len(tally.survivors), tally.explained, tally.untried)
    table.add_row(package, *map(str, counts), f"{tally.score():.1%}{margin}")


def _add_total(table: Table, tallies: list[Tally]) -> None:
    """The last row: the packages weigh as many mutants as they have; their margins are independent."""
    weights = [tally.total - tally.explained for tally in tallies]
    score = sum(weight * tally.score() for weight, tally in zip(weights, tallies, strict=True)) / sum(weights)
    margin = math.hypot(*(weight * tally.margin() for weight, tally in zip(weights, tallies, strict=True))) / sum(
        weights
    )
    columns = [
        [tally.total, tally.by_types, tally.by_tests, len(tally.survivors), tally.explained, tally.untried]
        for tally in tallies
    ]
    shown = f" ± {margin:.1%}" if margin else ""
    table.add_row("all", *(str(sum(column)) for column in zip(*columns, strict=True)), f"{score:.1%}{shown}")
