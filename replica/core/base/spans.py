"""Spans: from a number up to, and without, another one. Lists of spans are in order and apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Span = tuple[int, int]


def merged(spans: Iterable[Span]) -> list[Span]:
    """Any spans in order, those that touch as one."""
    found: list[Span] = []
    for first, end in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((first, end))
    return found


def common(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """The numbers of both. It walks through both at once, because each may have hundreds of spans."""
    found = []
    left = right = 0
    while left < len(one) and right < len(other):
        first, end = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        if first < end:
            found.append((first, end))
        if one[left][1] < other[right][1]:
            left += 1
        else:
            right += 1
    return found


def without(spans: Sequence[Span], removed: Iterable[Span]) -> list[Span]:
    """Spans without the numbers of others, which may be in any order."""
    left = list(spans)
    for first, end in removed:
        parts = [part for one in left for part in ((one[0], min(one[1], first)), (max(one[0], end), one[1]))]
        left = [part for part in parts if part[0] < part[1]]
    return left
