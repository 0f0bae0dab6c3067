"""The key filter contains every added key, and seldom takes a new key for a known one."""

from __future__ import annotations

from random import Random

from replica.runtime.journal.key_filter import KEYS_MIN, KeyFilter


def keys(seed: int, number: int) -> list[bytes]:
    chance = Random(seed)
    return [chance.randbytes(16) for _ in range(number)]


def test_every_added_key_is_likely() -> None:
    known = [*keys(1, 5_000), b"", b"till-1-0000001"]
    key_filter = KeyFilter()
    key_filter.add(known)
    assert key_filter.likely(known) == known


def test_an_empty_filter_contains_no_key() -> None:
    assert KeyFilter().likely(keys(1, 100)) == []


def test_a_full_filter_takes_less_than_one_new_key_in_a_hundred_for_a_known_one() -> None:
    key_filter = KeyFilter()
    key_filter.add(keys(1, KEYS_MIN - 1))
    assert not key_filter.is_full
    key_filter.add(keys(2, 1))
    assert key_filter.is_full
    assert len(key_filter.likely(keys(3, 20_000))) < 200


def test_a_filter_has_room_for_twice_the_expected_keys() -> None:
    key_filter = KeyFilter(KEYS_MIN)
    key_filter.add(keys(1, 2 * KEYS_MIN - 1))
    assert not key_filter.is_full
