"""The histories that the pn-counter checker accepts, and the wrong ones that it must catch."""

from __future__ import annotations

import random
from itertools import chain, combinations

import pytest

from simulations.pn_counter import (
    SUMS_MAX,
    Acceptable,
    Add,
    AddOutcome,
    CounterHistory,
    Disagreement,
    FinalRead,
    NotAcceptable,
    NotRead,
    TooManyUnknown,
    acceptable,
    violations,
)

NODES = ("n1", "n2", "n3")

OK = Add("n1", 1_000_003, AddOutcome.ACKNOWLEDGED)
ALSO_OK = Add("n2", -70_001, AddOutcome.ACKNOWLEDGED)
REFUSED = Add("n3", 5_000_077, AddOutcome.REFUSED)
UNKNOWN = Add("n3", 300_007, AddOutcome.UNKNOWN)
ADDS = (OK, ALSO_OK, REFUSED, UNKNOWN)
SUM = OK.delta + ALSO_OK.delta


def history(*values: int, adds: tuple[Add, ...] = ADDS) -> CounterHistory:
    """A run with these final values of the nodes, in order. Nodes without a value never answered."""
    return CounterHistory(
        NODES, adds, tuple(FinalRead(node, value) for node, value in zip(NODES, values, strict=False))
    )


# ---------------------------------------------------------------------------------------------------------------------
# which values are acceptable


@pytest.mark.parametrize(
    ("acknowledged", "indeterminate", "ranges"),
    [
        ([], [], [(0, 0)]),
        ([2, 3], [], [(5, 5)]),
        ([10], [5, -1, -1], [(8, 10), (13, 15)]),
        ([], [7], [(0, 0), (7, 7)]),
        ([], [1, 2, 4, 8], [(0, 15)]),
        ([-4], [0], [(-4, -4)]),
    ],
)
def test_acceptable_values_are_the_acknowledged_sum_plus_unknown_subsets(
    acknowledged: list[int], indeterminate: list[int], ranges: list[tuple[int, int]]
) -> None:
    assert Acceptable(acknowledged, indeterminate).ranges() == ranges
    inside = [value for low, high in ranges for value in range(low, high + 1)]
    assert [value for value in range(-20, 40) if acceptable(value, acknowledged, indeterminate)] == inside


def test_membership_equals_that_of_all_subsets() -> None:
    chance = random.Random(7)
    for _ in range(50):
        deltas = [chance.randint(-30, 30) for _ in range(chance.randint(0, 8))]
        subsets = chain.from_iterable(combinations(deltas, size) for size in range(len(deltas) + 1))
        sums = {100 + sum(subset) for subset in subsets}
        assert {value for value in range(-200, 400) if acceptable(value, [60, 40], deltas)} == sums


def test_thirty_unknown_sparse_adds_are_distinguished() -> None:
    deltas = [3**exponent for exponent in range(30)]
    assert acceptable(sum(deltas[::3]), [], deltas)
    assert not acceptable(sum(deltas[::3]) + deltas[0], [], deltas)


def test_many_small_unknown_adds_need_little_memory() -> None:
    assert Acceptable([], [1, -1] * 1_000).ranges() == [(-1_000, 1_000)]


def test_too_many_sums_are_an_error_and_no_verdict() -> None:
    deltas = [3**exponent for exponent in range(2 * SUMS_MAX.bit_length())]
    with pytest.raises(TooManyUnknown):
        acceptable(0, [], deltas)


# ---------------------------------------------------------------------------------------------------------------------
# histories


@pytest.mark.parametrize("final", [SUM, SUM + UNKNOWN.delta])
def test_a_correct_counter_passes_whether_or_not_the_unknown_add_happened(final: int) -> None:
    assert violations(history(final, final, final)) == []


def test_a_run_without_adds_ends_at_zero() -> None:
    assert violations(history(0, 0, 0, adds=())) == []
    assert violations(history(1, 1, 1, adds=())) == [NotAcceptable(1, NODES, (), ())]


def test_replicas_with_different_acceptable_values_are_caught() -> None:
    found = violations(history(SUM, SUM + UNKNOWN.delta, SUM))
    assert [type(violation) for violation in found] == [Disagreement]


def test_one_node_that_answers_two_final_values_is_caught() -> None:
    reads = (*history(SUM, SUM, SUM).final_reads, FinalRead("n1", SUM + UNKNOWN.delta))
    assert [type(found) for found in violations(CounterHistory(NODES, ADDS, reads))] == [Disagreement]


def test_a_run_without_any_final_read_is_caught() -> None:
    assert violations(history()) == [NotRead("n1"), NotRead("n2"), NotRead("n3")]


def test_one_node_without_a_final_read_is_caught() -> None:
    assert violations(history(SUM, SUM)) == [NotRead("n3")]


def test_a_history_without_nodes_is_an_error() -> None:
    with pytest.raises(ValueError, match="no nodes"):
        CounterHistory((), (), ())


def test_a_lost_acknowledged_add_is_caught_and_named() -> None:
    final = SUM - ALSO_OK.delta
    assert violations(history(final, final, final)) == [NotAcceptable(final, NODES, (ALSO_OK,), ())]


def test_an_acknowledged_add_lost_at_one_node_only_is_caught_twice() -> None:
    found = violations(history(SUM, SUM, SUM - OK.delta))
    assert [type(violation) for violation in found] == [Disagreement, NotAcceptable]
    assert found[1] == NotAcceptable(SUM - OK.delta, ("n3",), (OK,), ())


def test_a_refused_add_that_happened_is_caught_and_named() -> None:
    final = SUM + UNKNOWN.delta + REFUSED.delta
    assert violations(history(final, final, final)) == [NotAcceptable(final, NODES, (), (REFUSED,))]


def test_an_acknowledged_add_that_counts_twice_is_caught() -> None:
    final = SUM + OK.delta
    assert violations(history(final, final, final)) == [NotAcceptable(final, NODES, (), ())]


def test_an_unknown_add_that_counts_twice_is_caught() -> None:
    final = SUM + 2 * UNKNOWN.delta
    assert [type(found) for found in violations(history(final, final, final))] == [NotAcceptable]
