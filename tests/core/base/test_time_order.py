"""Keys in order of their stamps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.time_order import TimeOrder

KEYS = st.sampled_from(["a", "b", "c", "d"])


@given(st.lists(st.tuples(KEYS, st.integers(0, 5) | st.none())))
def test_keys_are_in_order_of_their_stamps_whatever_the_order_of_arrival(changes: list[tuple[str, int | None]]) -> None:
    order, stamps = TimeOrder[str](), dict[str, int]()
    for key, stamp in changes:
        if stamp is None:
            order.discard(key)
            stamps.pop(key, None)
        else:
            order.put(key, stamp)
            stamps[key] = stamp
    expected = sorted(stamps, key=lambda key: (stamps[key], key))
    assert [*order] == [*reversed([*reversed(order)])] == expected
    assert (order.earliest(2), order.newest(2), len(order)) == (expected[:2], expected[-2:], len(expected))
    assert [key in order for key in "abcd"] == [key in stamps for key in "abcd"]
