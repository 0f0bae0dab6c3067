"""Every planted bug is caught at its recorded seed or at a cheap one, and the real code has no violation there.

If the workload, a checker or the timing of the code changes, only other seeds may show a mutation. Then these tests
hunt for it. `make simulate-mutations ARGS=--write` hunts for all mutations again and records their seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from replica.core.state.decisions import merge
from replica.core.stock.sales import prepare_sale
from simulations.mutations.catalogue import AREAS, MUTATIONS
from simulations.mutations.hunt import SEEDS_MAX, hunt, play_healthy, play_mutated, seeds_by_size
from simulations.mutations.mutation import Constant, Edit, Mutation, Stale, planted, slip
from simulations.mutations.seeds import Scene, recorded
from simulations.observer import CHECKERS

SEEDS = recorded()

SCENES = sorted(set(SEEDS.values()), key=str)

HUNTED = 60
"""The number of seeds to try if the recorded seed no longer shows a mutation."""

BEHIND = {"TruthChecker": "lines-not-added-up"}
"""Checkers behind others that see the same bugs sooner, and a bug that each of them sees alone."""

Caught = tuple[str, str] | None
"""The checker that found a violation, and its detail."""


def mutated(name: str) -> Caught:
    found = play_mutated(name, SEEDS[name])
    if found is not None:
        return (found.checker, found.detail)
    caught = hunt(name, seeds_by_size(SEEDS_MAX)[:HUNTED])
    return (caught.checker, caught.detail) if caught.is_caught else None


def healthy(scene: Scene) -> Caught:
    found = play_healthy(scene)
    return (found.checker, found.detail) if found is not None else None


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, get_context("spawn")) as workers:
        yield workers


@pytest.fixture(scope="module")
def playing(pool: ProcessPoolExecutor) -> dict[Scene, Future[Caught]]:
    """All runs of these tests, in progress."""
    runs: dict[Scene, Future[Caught]] = {name: pool.submit(mutated, name) for name in MUTATIONS}
    runs.update({scene: pool.submit(healthy, scene) for scene in SCENES})
    return runs


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_caught_by_an_expected_checker(name: str, playing: dict[Scene, Future[Caught]]) -> None:
    caught = playing[name].result()
    assert caught is not None, f"{name} is not caught at seed {SEEDS[name]} or at the {HUNTED} cheapest seeds"
    assert caught[0] in MUTATIONS[name].expected, caught


@pytest.mark.parametrize("scene", SCENES)
def test_the_real_code_has_no_violation_at_those_seeds(scene: Scene, playing: dict[Scene, Future[Caught]]) -> None:
    assert playing[scene].result() is None


@pytest.mark.parametrize("checker", [checker.__name__ for checker in CHECKERS])
def test_every_checker_catches_a_mutation(checker: str, playing: dict[Scene, Future[Caught]]) -> None:
    catchers = [caught[0] for name in MUTATIONS if (caught := playing[name].result()) is not None]
    if checker in BEHIND and checker not in catchers:
        name = BEHIND[checker]
        alone = play_mutated(name, SEEDS[name], [one for one in CHECKERS if one.__name__ == checker])
        catchers += [alone.checker] if alone is not None else []
    assert checker in catchers


def test_there_are_enough_mutations_and_each_has_its_seed() -> None:
    assert len(MUTATIONS) >= 25
    assert list(SEEDS) == list(MUTATIONS)


def test_mutations_have_different_names() -> None:
    assert sum(map(len, AREAS)) == len(MUTATIONS)


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=lambda mutation: mutation.name)
def test_a_mutation_names_checkers_that_exist(mutation: Mutation) -> None:
    known = [checker.__name__ for checker in CHECKERS] + [
        "Liveness",
        "Checkpoint",
        "Process",
        "Stuck",
        "Answers",
        "Verdict",
    ]
    assert mutation.expected
    assert all(checker in known for checker in mutation.expected)


# ---------------------------------------------------------------------------------------------------------------------
# planting


def planted_edit(edit: Edit | Constant) -> None:
    with planted(Mutation(name="trial", breaks="nothing", invariant=0, expected=(), edits=(edit,))):
        pass


@pytest.mark.parametrize(
    "edit",
    [
        slip("replica.core.gone:Replica.merge", ("a", "b")),
        slip("replica.core.state.replica:Replica.gone", ("a", "b")),
        slip("replica.core.state.decisions:merge", ("text that is not there", "b")),
        slip("replica.core.state.decisions:merge", ("run", "walk")),
        slip("replica.core.state.replica:Replica", ("a", "b")),
        Constant("replica.core.base.limits:GONE", 1),
    ],
)
def test_a_mutation_of_missing_code_is_stale(edit: Edit | Constant) -> None:
    with pytest.raises(Stale):
        planted_edit(edit)


def test_a_mutation_is_removed_again_after_an_exception() -> None:
    before = merge.__code__, prepare_sale.__code__
    with pytest.raises(RuntimeError), planted(MUTATIONS["promise-unchecked"]):
        assert prepare_sale.__code__ is not before[1]
        raise RuntimeError
    assert (merge.__code__, prepare_sale.__code__) == before


def test_the_first_edit_is_removed_if_the_second_is_stale() -> None:
    before = merge.__code__
    good = slip("replica.core.state.decisions:merge", ("merged = 0", "merged = 1"))
    with (
        pytest.raises(Stale),
        planted(
            Mutation(
                name="trial", breaks="nothing", invariant=0, expected=(), edits=(good, Constant("replica.core:GONE", 1))
            )
        ),
    ):
        pass
    assert merge.__code__ is before
