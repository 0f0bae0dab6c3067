"""Spans: what several have in common, and what is left without some."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.spans import Span, common, merged, without

SPANS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 6)).map(lambda one: (one[0], one[0] + one[1])), max_size=5
)


def numbers(spans: list[Span]) -> set[int]:
    return {number for first, end in spans for number in range(first, end)}


@given(SPANS, SPANS)
def test_spans_contain_the_numbers_that_sets_contain(one: list[Span], other: list[Span]) -> None:
    first, second = merged(one), merged(other)
    assert numbers(first) == numbers(one)
    assert numbers(common(first, second)) == numbers(one) & numbers(other)
    assert numbers(without(first, other)) == numbers(one) - numbers(other)
    for found in (first, common(first, second), without(first, other)):
        assert all(end > begin for begin, end in found)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(found))


def test_spans_that_touch_are_one() -> None:
    assert merged([(3, 5), (1, 3)]) == [(1, 5)]
