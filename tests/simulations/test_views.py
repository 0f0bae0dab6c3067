"""What nodes show is held to their entries: whole nodes with a planted bug in a view are caught."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from simulations.checkers.checker import Violation
from simulations.full_stack.run import StackRun
from simulations.mutations.mutation import Mutation, planted
from simulations.mutations.views import VIEWS
from simulations.profiles import draw_stack_plan

SEEDS = {
    "heard-at-its-last-stamp": 14,
    "silent-nodes-unlisted": 1,
    "merged-entries-counted-twice": 8,
    "explanation-page-skips-a-movement": 8,
    "silent-nodes-without-a-time": 1,
    "stranded-with-quarantine": 1,
    "available-with-quarantine": 3,
    "stock-page-skips-a-row": 3,
    "breaches-not-refreshed": 10,
    "documents-end-with-the-first-page": 12,
    "channel-ignored-in-availability": 12,
    "pickups-page-without-its-last-row": 1,
}
"""A seed of a small plan that shows each bug."""

FLAWED_SEEDS = range(1, 30)
"""If that seed no longer shows the bug, it must be found within these."""


def violation(seeds: Iterable[int]) -> Violation | None:
    """The first violation that whole nodes show."""
    found = (StackRun(draw_stack_plan(seed)).play().violation for seed in seeds)
    return next((one for one in found if one is not None), None)


@pytest.mark.parametrize("mutation", VIEWS, ids=lambda one: one.name)
def test_a_view_that_lies_is_caught(mutation: Mutation) -> None:
    with planted(mutation):
        found = violation((SEEDS[mutation.name], *FLAWED_SEEDS))
    assert found is not None and found.checker in mutation.expected


def test_the_same_seeds_show_nothing_without_a_bug() -> None:
    assert violation(dict.fromkeys(SEEDS.values())) is None
