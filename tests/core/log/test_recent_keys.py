"""Recent keys: the index has the newest keys, and returns the first of two entries under one key."""

from __future__ import annotations

from replica.core.log.entry import Entry
from replica.core.log.entry_run import EntryRun
from replica.core.log.recent_keys import RecentKeys
from tests.core.chain import Node, receipt


def entries(number: int) -> list[Entry]:
    """A number of entries, each under its own key."""
    node = Node()
    return [node.ask(receipt(cola=1), key=f"key-{index}") for index in range(number)]


def test_an_unused_key_is_not_known() -> None:
    keys = RecentKeys()
    assert keys.get(b"key-0") is None
    assert b"key-0" not in keys


def test_an_entry_is_found_under_its_key() -> None:
    (entry,) = entries(1)
    keys = RecentKeys()
    keys.put(b"key-0", entry)
    assert keys.get(b"key-0") is entry
    assert b"key-0" in keys


def test_of_two_entries_under_one_key_the_first_received_stays() -> None:
    first, second = entries(2)
    keys = RecentKeys()
    keys.put(b"key", first)
    keys.put(b"key", second)
    assert keys.get(b"key") is first


def test_of_two_entries_under_one_key_in_different_batches_the_first_stays() -> None:
    first, second = entries(2)
    keys = RecentKeys()
    keys.put(b"key", first)
    keys.turn()
    keys.put(b"key", second)
    assert keys.get(b"key") is first


def test_a_key_is_known_during_its_own_batch_and_the_next_two() -> None:
    (entry,) = entries(1)
    keys = RecentKeys()
    keys.put(b"key", entry)
    for _ in range(2):
        keys.turn()
        assert keys.get(b"key") is entry
        assert b"key" in keys
    keys.turn()
    assert keys.get(b"key") is None
    assert b"key" not in keys


def test_all_entries_under_one_key_are_known_until_the_last_is_released() -> None:
    first, second = entries(2)
    keys = RecentKeys()
    keys.put(b"key", first)
    keys.turn()
    keys.put(b"key", second)
    for _ in range(3):
        assert keys.entries(b"key") == [first, second]
        keys.turn()
    assert keys.entries(b"key") == ()
    assert b"key" not in keys


def test_entries_of_one_batch_under_one_key_are_released_together() -> None:
    first, second = entries(2)
    keys = RecentKeys()
    keys.put(b"key", first)
    keys.put(b"key", second)
    keys.put(b"key", second)
    assert keys.entries(b"key") == [first, second]
    for _ in range(3):
        keys.turn()
    assert (keys.entries(b"key"), b"key" in keys) == ((), False)
    keys.put(b"key", second)
    assert keys.entries(b"key") == (second,)


def test_a_run_is_known_by_each_of_its_keys_as_long_as_an_entry() -> None:
    run = EntryRun.of(entries(3))
    keys = RecentKeys()
    keys.put_run(run)
    for _ in range(3):
        assert [keys.get(key) for key in run.keys] == list(run)
        assert not keys.is_disjoint([b"other", run.keys[1]])
        keys.turn()
    assert keys.is_disjoint(run.keys)
    assert keys.get(run.keys[0]) is None


def test_a_later_entry_under_a_key_of_a_run_does_not_hide_the_run() -> None:
    first, second = entries(2)
    keys = RecentKeys()
    keys.put_run(EntryRun.of([first]))
    keys.put(first.content.key, second)
    assert keys.get(first.content.key) == first
