"""Documents: the later write of a register wins, in whatever order a node receives the writes."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.limits import LOST_EDITS_MAX, VERSION_MAX
from replica.core.base.names import CHAIN
from replica.core.catalog.documents import Documents, pack_value
from replica.core.catalog.ranks import CHAIN_RANK, REGION_RANK, STORE_RANK
from replica.core.catalog.registers import Register
from tests.core.chain import NOW_MS, hub

registers = st.builds(
    Register,
    kind=st.sampled_from(["sku", "price"]),
    key=st.sampled_from(["a", "b"]),
    rank=st.sampled_from([CHAIN_RANK, REGION_RANK, STORE_RANK]),
    at=st.sampled_from(["", "east"]),
    version=st.integers(1, 3),
    clock=st.integers(1, 3),
    writer=st.sampled_from(["hub-east#0000000a", "hub-west#0000000b"]),
    value=st.sampled_from([None, pack_value(1), pack_value({"x": [1]})]),
)
# one writer stamps each write once, so equal precedence means the same write
histories = st.lists(
    registers, max_size=12, unique_by=lambda one: (one.kind, one.key, one.rank, one.at, one.precedence)
)


def write(
    value: object,
    version: int = 1,
    clock: int = 1,
    writer: str = "hub-east#0000000a",
    rank: int = CHAIN_RANK,
    at: str = "",
    kind: str = "price",
    key: str = "cola",
) -> Register:
    """One write, of `price/cola` by default."""
    packed = None if value is None else pack_value(value)
    return Register(kind=kind, key=key, rank=rank, at=at, version=version, clock=clock, writer=writer, value=packed)


def documents_of(history: list[Register]) -> Documents:
    """The documents after these writes in this order."""
    documents = Documents()
    for register in history:
        documents.put(register)
    return documents


def facts(**changed: Any) -> dict[str, Any]:
    """The facts of a document entry, with some of them changed."""
    return {"kind": "price", "key": "cola", "rank": 0, "at": "", "version": 1, "value": b"\x01", **changed}


def test_a_document_reads_back_as_it_was_written() -> None:
    documents = documents_of([write({"amount": 199, "currency": "EUR"})])
    assert documents.value("price", "cola") == {"amount": 199, "currency": "EUR"}


def test_a_document_without_a_write_has_no_value() -> None:
    documents = Documents()
    assert documents.value("price", "cola") is None
    assert documents.register("price", "cola") is None
    assert documents.keys("price") == []


@pytest.mark.parametrize(
    ("loser", "winner"),
    [
        (write(1, version=1, clock=9), write(2, version=2, clock=1)),
        (write(1, clock=1, writer="z#0000000a"), write(2, clock=2, writer="a#0000000a")),
        (write(1, writer="a#0000000a"), write(2, writer="b#0000000a")),
    ],
)
def test_the_greatest_version_then_clock_then_writer_wins(loser: Register, winner: Register) -> None:
    for history in ([loser, winner], [winner, loser]):
        assert documents_of(history).value("price", "cola") == 2


def test_a_clock_that_runs_ahead_wins_once_and_not_for_ever() -> None:
    documents = documents_of([write(1, version=1, clock=1 << 60)])
    documents.put(write(2, version=documents.next_version("price", "cola"), clock=1))
    assert documents.value("price", "cola") == 2


def test_the_next_version_is_one_more_than_the_greatest_seen() -> None:
    documents = documents_of([write(1, version=7), write(2, version=3)])
    assert documents.next_version("price", "cola") == 8
    assert documents.next_version("price", "other") == 1


def test_a_write_of_the_greatest_version_does_not_win_for_ever() -> None:
    documents = documents_of([write(1, version=VERSION_MAX, clock=1)])
    documents.put(write(2, version=documents.next_version("price", "cola"), clock=2))
    assert documents.value("price", "cola") == 2


def in_effect(documents: Documents, region: str = "east", location: str = "store-1") -> list[Any]:
    """The values of `price/cola` that concern a location, the one in effect first."""
    return [msgpack.unpackb(one.value) for one in documents.valued("price", "cola", region, location) if one.value]


def test_the_highest_rank_with_a_value_is_in_effect_and_each_can_be_cleared() -> None:
    store, region = {"rank": STORE_RANK, "at": "store-1"}, {"rank": REGION_RANK, "at": "east"}
    documents = documents_of([write("chain"), write("store", **store), write("region", **region)])
    assert in_effect(documents) == ["store", "region", "chain"]
    documents.put(write(None, version=2, **store))
    assert in_effect(documents) == ["region", "chain"]
    documents.put(write(None, version=2))
    assert in_effect(documents) == ["region"]
    assert documents.keys("price") == ["cola"]
    documents.put(write(None, version=2, **region))
    assert in_effect(documents) == []
    assert documents.keys("price") == []


def test_the_rank_of_a_store_or_region_is_in_effect_there_only() -> None:
    store, region = {"rank": STORE_RANK, "at": "store-1"}, {"rank": REGION_RANK, "at": "east"}
    documents = documents_of([write("chain"), write("store", **store), write("region", **region)])
    assert in_effect(documents, location="store-2") == ["region", "chain"]
    assert in_effect(documents, "west", "store-3") == ["chain"]
    assert in_effect(documents, "", "store-1") == ["store", "chain"]
    assert in_effect(documents, "east", "") == ["region", "chain"]
    assert in_effect(documents, "", "") == ["chain"]
    assert documents.value("price", "cola") == "chain"


def test_a_rank_of_a_later_version_is_kept_and_is_not_in_effect() -> None:
    documents = documents_of([write("chain"), write("district", rank=150, at="mitte")])
    assert in_effect(documents) == ["chain"]
    assert [one.rank for one in documents.ranked("price", "cola")] == [CHAIN_RANK, 150]


@pytest.mark.parametrize(
    ("rank", "at", "scope"),
    [
        (STORE_RANK, "store-1", CHAIN),
        (STORE_RANK, "store-1", "store-2"),
        (REGION_RANK, "east", "east"),
        (CHAIN_RANK, "", "store-1"),
    ],
)
def test_a_write_in_a_scope_of_another_rank_is_counted_and_skipped(rank: int, at: str, scope: str) -> None:
    documents = Documents()
    assert documents.apply(facts(rank=rank, at=at), 1, "hub-east#0000000a", scope=scope) is None
    assert (documents.malformed, list(documents.registers())) == (1, [])


def test_a_write_of_a_store_is_in_the_scope_and_digest_of_its_location() -> None:
    documents = Documents()
    there = facts(rank=STORE_RANK, at="store-1")
    assert documents.apply(there, 1, "store-1#0000000a", scope="store-1") is not None
    assert documents.digest() == 0
    assert documents.digest("store-1") not in (0, documents.digest("store-2"))
    documents.put(write(None, version=2, rank=STORE_RANK, at="store-1"))
    only_cleared = documents_of([write(None, version=2, rank=STORE_RANK, at="store-1")])
    assert documents.digest("store-1") == only_cleared.digest("store-1")


def test_keys_of_a_kind_are_listed_in_order() -> None:
    documents = Documents()
    for key in ("b", "a"):
        documents.put(write(1, key=key))
    documents.put(write(1, kind="sku", key="c"))
    assert documents.keys("price") == ["a", "b"]


def test_only_a_write_that_wins_is_returned_and_is_a_change() -> None:
    documents = Documents()
    newer, older = write(2, version=2), write(1, version=1)
    assert documents.put(newer) == newer
    assert documents.put(older) is None
    assert documents.put(newer) is None
    assert documents.take_changes() == [newer]
    assert documents.take_changes() == []


def test_changes_have_only_the_newest_write_of_each_register() -> None:
    documents = documents_of([write(1), write(2, version=2)])
    assert [register.version for register in documents.take_changes()] == [2]


def test_the_facts_of_a_write_fold_into_the_same_register() -> None:
    register = write({"amount": 1}, version=4, clock=17)
    assert Documents().apply(register.facts(), 17, register.writer) == register


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"kind": "price"},
        facts(kind=1),
        facts(key=b"cola"),
        facts(rank="0"),
        facts(at=None),
        facts(version=1.0),
        facts(value="text"),
    ],
)
def test_an_unreadable_write_is_counted_and_skipped(broken: dict[str, Any]) -> None:
    documents = Documents()
    assert documents.apply(broken, 1, "hub-east#0000000a") is None
    assert documents.malformed == 1
    assert list(documents.registers()) == []


@pytest.mark.parametrize(
    "broken",
    [
        facts(version=0),
        facts(version=-1),
        facts(version=True),
        facts(version=1 << 63),
        facts(rank=True),
        facts(rank=-1),
        facts(rank=1 << 63),
        facts(rank=0, at="east"),
        facts(value=b"\xc1"),
        facts(value=b""),
        facts(value=b"\x01\x01"),
        facts(value=b"\x91" * 2_000),
        facts(value=b"\x81\x90\x00"),
    ],
)
def test_a_write_that_no_correct_node_makes_is_counted_and_skipped(broken: dict[str, Any]) -> None:
    documents = Documents()
    assert documents.apply(broken, 1, "hub-east#0000000a") is None
    assert documents.malformed == 1
    assert documents.value("price", "cola") is None
    assert documents.next_version("price", "cola") == 1


@given(histories, st.randoms(use_true_random=False))
def test_writes_received_in_any_order_and_twice_give_the_same_state(history: list[Register], random: Any) -> None:
    other_order = [*history, *history]
    random.shuffle(other_order)
    one, other = documents_of(history), documents_of(other_order)
    for scope in (CHAIN, "east"):
        assert one.digest(scope) == other.digest(scope)
    for kind in ("sku", "price"):
        assert one.keys(kind) == other.keys(kind)
        for key in ("a", "b"):
            assert one.ranked(kind, key) == other.ranked(kind, key)


@given(histories)
def test_the_digest_covers_only_the_current_writes(history: list[Register]) -> None:
    documents = documents_of(history)
    for scope in (CHAIN, "east"):
        assert documents_of(list(documents.registers())).digest(scope) == documents.digest(scope)


def test_any_difference_in_a_write_changes_the_digest() -> None:
    digests = [
        documents_of([register]).digest()
        for register in (write(1), write(2), write(None), write(1, version=2), write(1, clock=2), write(1, rank=1))
    ]
    assert len(dict.fromkeys(digests)) == len(digests)
    assert Documents().digest() == 0


EAST, WEST, NORTH = "hub-east#0000000a", "hub-west#0000000b", "hub-north#0000000c"


def lost(documents: Documents) -> list[tuple[int, str]]:
    """The version and the writer of each lost edit of `price/cola`."""
    return [(edit.version, edit.writer) for _, edit in documents.lost_edits(100)]


def test_of_two_writes_that_did_not_know_of_each_other_the_loser_is_kept() -> None:
    first, second = write(1, clock=1), write(2, clock=2, writer=WEST)
    for history in ([first, second], [second, first]):
        assert documents_of(history).lost_edits(100) == [(second, first)]


def test_a_lost_edit_of_equal_value_is_not_shown() -> None:
    assert documents_of([write(1, clock=1), write(1, clock=2, writer=WEST)]).lost_edits(100) == []


def test_a_lost_edit_with_the_same_fields_in_another_order_is_not_shown() -> None:
    one, other = {"recipe": {"cola": 1, "cup": 1}}, {"recipe": {"cup": 1, "cola": 1}}
    assert pack_value(one) != pack_value(other)
    assert documents_of([write(one, clock=1), write(other, clock=2, writer=WEST)]).lost_edits(100) == []


def test_a_deletion_that_lost_is_a_lost_edit() -> None:
    documents = documents_of([write(None, clock=1), write(2, clock=2, writer=WEST)])
    assert [edit.value for _, edit in documents.lost_edits(100)] == [None]


def test_the_edit_that_nobody_saw_is_lost_and_not_the_one_edited_again() -> None:
    west, again, east = write(1, clock=1, writer=WEST), write(2, version=2, clock=2, writer=WEST), write(3, clock=9)
    for history in ([west, again, east], [east, west, again], [west, east, again]):
        documents = Documents()
        for one in history:
            documents.put(one, [west.precedence] if one is again else [])
        assert (documents.value("price", "cola"), lost(documents)) == (2, [(1, EAST)])


def test_a_write_names_the_writes_of_others_that_it_replaces() -> None:
    documents = documents_of([write(1, clock=1), write(2, clock=2, writer=WEST)])
    next_one = write(3, version=2, clock=3, writer=NORTH)
    assert documents.replaced_by_next(next_one) == [(1, 2, WEST), (1, 1, EAST)]
    facts = next_one.facts(documents.replaced_by_next(next_one))
    assert documents.apply(facts, 3, NORTH) == next_one
    assert lost(documents) == []


def test_a_first_write_names_nothing_and_keeps_its_bytes() -> None:
    first = write(1)
    assert Documents().replaced_by_next(first) == []
    assert "replaces" not in first.facts()


def test_a_write_over_the_own_one_leaves_edits_that_it_did_not_see() -> None:
    """Another node edited the own write, and its author wrote again before it heard of that."""
    west = write(1, clock=1, writer=WEST)
    north, again = write(2, version=2, clock=2, writer=NORTH), write(3, version=2, clock=3, writer=WEST)
    for order in ([west, north, again], [west, again, north]):
        documents = Documents()
        for one in order:
            documents.put(one, [] if one is west else [west.precedence])
        assert (documents.value("price", "cola"), lost(documents)) == (3, [(2, NORTH)])


def test_a_lost_edit_stays_until_a_write_that_saw_it() -> None:
    documents = documents_of([write(1, clock=1), write(2, clock=2, writer=WEST)])
    documents.put(write(3, version=2, clock=3, writer=NORTH), [(1, 2, WEST)])
    assert lost(documents) == [(1, EAST)]
    documents.put(write(4, version=3, clock=4, writer=WEST), [(2, 3, NORTH), (1, 1, EAST)])
    assert lost(documents) == []


def test_a_write_of_the_earlier_release_replaces_all_lower_versions() -> None:
    documents = documents_of([write(1, clock=1), write(2, clock=2, writer=WEST)])
    documents.put(write(3, version=2, clock=3, writer=NORTH))
    assert lost(documents) == []


@pytest.mark.parametrize("nonsense", [7, [[1]], [["1", 1, EAST]], {"a": 1}, [[1, 1, EAST, 4]]])
def test_a_write_that_names_nonsense_names_nothing(nonsense: object) -> None:
    documents = Documents()
    assert documents.apply(facts(replaces=nonsense), 1, EAST) is not None
    assert documents.malformed == 0


def test_a_cleared_document_keeps_its_last_value_in_any_order() -> None:
    first, newer, cleared = write(1), write(2, version=2), write(None, version=3)
    for history in ([first, newer, cleared], [cleared, newer, first], [newer, cleared, first]):
        documents = documents_of(history)
        assert documents.former("price", "cola") == newer
        assert documents.value("price", "cola") is None
    assert documents_of([first, newer]).former("price", "cola") is None


def test_a_late_value_below_a_deletion_is_told_to_the_index() -> None:
    documents = documents_of([write(1), write(None, version=3)])
    cleared = documents.register("price", "cola")
    assert documents.put(write(2, version=2, writer=WEST)) == cleared
    assert documents.put(write(3, version=1, clock=2, writer=NORTH)) is None


def test_what_a_register_keeps_survives_a_restart() -> None:
    documents = documents_of([write(1, clock=1), write(2, clock=2, writer=WEST)])
    documents.put(write(None, version=2, writer=WEST), [(1, 2, WEST)])
    again = documents_of(list(documents.registers()))
    for slot, packed in documents.take_changed_pasts():
        assert again.load_past(slot, packed) == documents.register(*slot)
    assert again.lost_edits(100) == documents.lost_edits(100) != []
    assert again.former("price", "cola") == documents.former("price", "cola") is not None
    assert documents.take_changed_pasts() == again.take_changed_pasts() == []


def test_the_register_with_the_newest_write_lists_its_lost_edits_first_also_after_a_restart() -> None:
    documents = Documents()
    for clock, key in ((1, "cola"), (3, "beer")):
        for one in (clock, clock + 1):
            documents.put(write(one, clock=one, writer=f"hub-{one}#0000000a", key=key))
    again = documents_of(list(documents.registers()))
    for slot, packed in sorted(documents.take_changed_pasts(), reverse=True):
        again.load_past(slot, packed)
    assert [[lost.key for _, lost in one.lost_edits(1)] for one in (documents, again)] == [["beer"], ["beer"]]


def test_a_register_keeps_a_bounded_number_of_lost_edits() -> None:
    documents = documents_of([write(number, clock=number, writer=f"hub-{number}#0000000a") for number in range(1, 30)])
    assert len(lost(documents)) == LOST_EDITS_MAX
    assert lost(documents)[0] == (1, "hub-28#0000000a")


@given(histories)
def test_any_history_reloads_as_it_was(history: list[Register]) -> None:
    documents = documents_of(history)
    again = documents_of(list(documents.registers()))
    for slot, packed in documents.take_changed_pasts():
        again.load_past(slot, packed)
    assert again.lost_edits(100) == documents.lost_edits(100)
    assert all(again.former("sku", key) == documents.former("sku", key) for key in ("a", "b"))


def test_a_restart_keeps_when_a_document_was_written_after_a_clock_was_wrong() -> None:
    node = hub("hub-east")
    node.write("cola", {"recipe": {"cola": 1}}, now_ms=NOW_MS + 3 * 86_400_000)
    node.write("pack", {"recipe": {"cola": 6}}, now_ms=NOW_MS)
    node.commit()
    for one in (node, node.restored("0000000b")):
        written = one.replica.documents.register("sku", "pack")
        assert written is not None
        assert written.wall_ms == NOW_MS
