"""Shared by all measurements: samples, directories for data, and a separate process for work that is timed."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from msgspec import Struct

P = ParamSpec("P")
T = TypeVar("T")

Measured = dict[str, float]
"""The figures of one case, by name. The unit is the last word of the name."""


class Sample(Struct, frozen=True):
    """The figures of one case in one round."""

    case: str
    figures: Measured


class Bench(Struct, frozen=True):
    """The directory for data, and whether the run is a short one."""

    directory: Path
    is_quick: bool

    def sized(self, full: int, quick: int) -> int:
        """Choose the size for a full or for a quick run."""
        return quick if self.is_quick else full

    def fresh(self, name: str) -> Path:
        """Make an empty directory."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def prepared(self, name: str, make: Callable[[Path], object]) -> Path:
        """Return a directory that `make` fills once for all rounds. Copy it before anything writes to it."""
        path = self.directory / name
        if not path.exists():
            partial = self.fresh(f"{name}.partial")
            make(partial)
            partial.rename(path)
        return path

    def copied(self, prepared: Path, name: str) -> Path:
        """Copy a prepared directory, to write to the copy."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(prepared, path)
        return path


Measurement = Callable[[Bench], Iterator[Sample]]
"""Measures one round of all its cases."""


def apart(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call in a new process, so that the memory of earlier work does not slow it down."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(call, args, kwargs)


def quantile(sorted_values: Sequence[float], fraction: float) -> float:
    """The value that this fraction of the values does not exceed."""
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * fraction))]
