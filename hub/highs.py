"""The solver of balancing plans with the library HiGHS, for hubs of large chains (`pip install shelfsync[balancing]`).

It keeps the promise of `replica.core.planning.transport.Solver`. The linear programme of a transport has a best answer
in whole units, and the simplex method finds such a one.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from replica.core.planning.transport import Link, Solver, cheapest_flow

OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "presolve": "off",
    "simplex_dual_edge_weight_strategy": 0,
}
"""For many small problems: presolving costs more than it saves, and Dantzig's rule is the fastest for transports."""


def best_solver() -> Solver:
    """HiGHS if this machine has it, else the solver of the core, which takes longer for hundreds of locations."""
    return HighsSolver().solve if find_spec("highspy") is not None else cheapest_flow


class HighsSolver:
    """One instance of HiGHS, used for one problem after the other on one thread. The first problem loads it."""

    def __init__(self) -> None:
        self._library: Any = None
        self._numpy: Any = None
        self._highs: Any = None

    def _load(self) -> None:
        import highspy
        import numpy

        self._library, self._numpy = highspy, numpy
        self._highs = self._library._Highs()  # `Highs` adds callbacks, and these print a banner
        for option, value in OPTIONS.items():
            self._highs.setOptionValue(option, value)

    def solve(self, supplies: Sequence[int], needs: Sequence[int], links: Sequence[Link], worth: int) -> list[int]:
        """The cheapest flow."""
        if not links:
            return []
        if self._highs is None:
            self._load()
        numpy = self._numpy
        self._highs.passModel(self._model(supplies, needs, numpy.array(links, dtype=numpy.int32), worth))
        self._highs.run()
        found = numpy.rint(numpy.array(self._highs.getSolution().col_value)[: len(links)]).astype(numpy.int64)
        sent: list[int] = found.tolist()
        return sent

    def _model(self, supplies: Sequence[int], needs: Sequence[int], links: Any, worth: int) -> Any:
        """The linear programme: a column for each link, and one for what each need lacks, which costs its worth.

        To lack everything is a first answer from which the dual simplex method can go on.
        """
        numpy, library = self._numpy, self._library
        count, lacks, first_need = len(links), len(needs), len(supplies)
        model = library.HighsLp()
        model.num_col_, model.num_row_ = count + lacks, first_need + lacks
        model.col_cost_ = numpy.concatenate([links[:, 2].astype(numpy.float64), numpy.full(lacks, float(worth))])
        model.col_lower_ = numpy.zeros(count + lacks)
        model.col_upper_ = numpy.full(count + lacks, library.kHighsInf)
        wanted = numpy.array(needs, dtype=numpy.float64)
        model.row_lower_ = numpy.concatenate([numpy.full(first_need, -library.kHighsInf), wanted])
        model.row_upper_ = numpy.concatenate([numpy.array(supplies, dtype=numpy.float64), wanted])
        ends = links[:, :2].copy()
        ends[:, 1] += first_need
        matrix = model.a_matrix_
        matrix.format_ = library.MatrixFormat.kColwise
        starts = numpy.concatenate([numpy.arange(0, 2 * count, 2), numpy.arange(2 * count, 2 * count + lacks + 1)])
        matrix.start_ = starts.astype(numpy.int32)
        rows = numpy.concatenate([ends.ravel(), numpy.arange(first_need, first_need + lacks)])
        matrix.index_ = rows.astype(numpy.int32)
        matrix.value_ = numpy.ones(2 * count + lacks)
        model.a_matrix_ = matrix
        return model
