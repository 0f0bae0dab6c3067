"""The PN-counter, and the laws of its merge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid
from replica.core.ledger.pn_counter import PNCounter

totals = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 5), max_size=4)
counters = st.builds(PNCounter, totals, totals)


def test_a_new_counter_is_zero() -> None:
    assert PNCounter().value == 0


def test_the_value_is_all_increments_less_all_decrements() -> None:
    counter = PNCounter()
    counter.increment("a", 5)
    counter.increment("b")
    counter.decrement("a", 8)
    counter.decrement("c")
    assert counter.value == -3
    assert counter == PNCounter({"a": 5, "b": 1}, {"a": 8, "c": 1})


@pytest.mark.parametrize("amount", [0, -1, True, 1.0])
def test_a_counter_moves_by_whole_numbers_of_at_least_one(amount: int) -> None:
    counter = PNCounter({"a": 1})
    for move in (counter.increment, counter.decrement):
        with pytest.raises(Invalid) as refused:
            move("a", amount)
        assert refused.value.field == "amount"
    assert counter == PNCounter({"a": 1})


@pytest.mark.parametrize("total", [-1, 1.5, True])
def test_a_counter_refuses_totals_that_nobody_can_have_counted(total: int) -> None:
    with pytest.raises(Invalid):
        PNCounter({"a": total})
    with pytest.raises(Invalid):
        PNCounter({}, {"a": total})


def test_a_writer_with_a_total_of_zero_makes_no_difference() -> None:
    assert PNCounter({"a": 0}, {"b": 0}) == PNCounter()


def test_a_merge_keeps_concurrent_counts_of_different_writers() -> None:
    left, right = PNCounter({"a": 2}), PNCounter({"a": 2})
    left.increment("a", 3)
    right.decrement("b", 4)
    assert left.merge(right).value == 1


def test_a_merge_changes_neither_operand() -> None:
    left, right = PNCounter({"a": 2}), PNCounter({"a": 5}, {"b": 1})
    merged = left.merge(right)
    merged.increment("a", 100)
    assert left == PNCounter({"a": 2})
    assert right == PNCounter({"a": 5}, {"b": 1})


@given(counters, counters)
def test_merge_is_commutative(left: PNCounter, right: PNCounter) -> None:
    assert left.merge(right) == right.merge(left)


@given(counters, counters, counters)
def test_merge_is_associative(one: PNCounter, two: PNCounter, three: PNCounter) -> None:
    assert one.merge(two).merge(three) == one.merge(two.merge(three))


@given(counters, counters)
def test_merge_is_idempotent(left: PNCounter, right: PNCounter) -> None:
    merged = left.merge(right)
    assert merged.merge(merged) == merged.merge(left) == merged.merge(right) == merged


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-9, 9).filter(bool), st.integers(0, 2)), max_size=40))
def test_no_count_is_lost_in_whatever_order_copies_merge(steps: list[tuple[int, int, int]]) -> None:
    copies = [PNCounter() for _ in range(3)]
    for index, amount, other in steps:
        (copies[index].increment if amount > 0 else copies[index].decrement)(f"w{index}", abs(amount))
        copies[other] = copies[other].merge(copies[index])
    merged = copies[0].merge(copies[1]).merge(copies[2])
    assert merged.value == sum(amount for _, amount, _ in steps)


def test_counters_are_equal_only_if_both_directions_are() -> None:
    counter = PNCounter({"a": 2}, {"b": 1})
    assert counter == PNCounter({"a": 2}, {"b": 1})
    assert counter != PNCounter({"a": 2}, {"b": 2})
    assert counter != PNCounter({"a": 1}, {"b": 1})


def test_a_counter_is_not_equal_to_something_else() -> None:
    assert PNCounter() != 0


def test_a_counter_has_no_hash_because_it_changes() -> None:
    with pytest.raises(TypeError):
        hash(PNCounter())


def test_a_counter_shows_its_totals() -> None:
    assert repr(PNCounter({"a": 1}, {"b": 2})) == "PNCounter({'a': 1}, {'b': 2})"
