"""What every measurement shares: samples, a place for data, and a process of its own for work that is timed."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from msgspec import Struct

P = ParamSpec("P")
T = TypeVar("T")

Figures = dict[str, float]
"""What one case measured, by name; the unit is the last word of the name."""


class Sample(Struct, frozen=True):
    """One round's figures of one case."""

    case: str
    figures: Figures


class Bench(Struct, frozen=True):
    """Where a measurement keeps its data, and whether it should be brief."""

    directory: Path
    is_quick: bool

    def sized(self, full: int, quick: int) -> int:
        """Choose a size."""
        return quick if self.is_quick else full

    def fresh(self, name: str) -> Path:
        """An empty directory."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def prepared(self, name: str, make: Callable[[Path], object]) -> Path:
        """A directory that is made once for all rounds; copy it before anything writes to it."""
        path = self.directory / name
        if not path.exists():
            partial = self.fresh(f"{name}.partial")
            make(partial)
            partial.rename(path)
        return path

    def copied(self, prepared: Path, name: str) -> Path:
        """A copy of a prepared directory, safe to write to."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(prepared, path)
        return path


Measurement = Callable[[Bench], Iterator[Sample]]
"""Measures one round of all its cases, side by side."""


def apart(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call in a process of its own, so that what others left in memory costs it nothing."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(call, args, kwargs)


def quantile(sorted_values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not pass."""
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]
