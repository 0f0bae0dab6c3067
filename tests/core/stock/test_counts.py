"""Counts as of a moment: only the newest corrects, and its writer keeps the book stock of that moment at its level."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from replica.core.base.errors import Overtaken, RightsExhausted
from replica.core.base.limits import CLOCK_AHEAD_MAX_MS, STAMP_AHEAD_MS
from replica.core.base.names import is_internal
from replica.core.ledger.cells import Ledger, Move
from replica.core.log.entry import Content, Entry, Stream
from replica.core.log.entry_run import ReceivedRun
from replica.core.log.voids import VOID
from replica.core.state.replica import Replica
from replica.core.stock.counts import CORRECTION, COUNT, Counts, Seen, is_after
from replica.core.stock.requests import Adjustment, AdjustmentLine, Count, CountLine, OnShortage, Return, SkuLine
from tests.core.chain import NOW_MS, STORE, Node, image_of, receipt, sale
from tests.core.contents import OWN, STAMP, linked, receipt_content
from tests.core.state.test_duplicates import NAMES, entries, hub, on_hand, send_all, settle

DAY_MS = 86_400_000


def count(level: int, item: str = "cola") -> Count:
    return Count((CountLine(item, level),))


def pair() -> tuple[Node, Node]:
    """Two hubs that write for the store's location."""
    east, west = hub("hub-east"), hub("hub-west")
    east.ask(receipt(cola=10), "east-stock", NOW_MS)
    west.ask(receipt(cola=10), "west-stock", NOW_MS)
    settle(east, west)
    return east, west


def test_a_late_movement_from_before_a_count_does_not_change_its_level() -> None:
    east, west = pair()
    west.ask(sale(cola=3), "late", NOW_MS + 1_000)
    counted = east.ask(count(17), "count", NOW_MS + 2_000)
    assert on_hand(east) == 17
    settle(east, west)
    assert on_hand(east) == on_hand(west) == 17
    (correction,) = entries(west, CORRECTION)
    assert correction.stream == counted.stream
    as_of = counted.content.facts["as_of"]
    orders = [["cola", as_of, east.replica.writer, counted.content.clock]]
    assert [correction.content.facts[fact] for fact in ("count", "as_of", "orders")] == [counted.hash, as_of, orders]
    assert correction.content.reference == counted.hash.hex()
    assert correction.content.moves == (Move("cola", "found", "hub-east/free", 3),)


def test_a_late_movement_from_after_a_count_still_counts() -> None:
    east, west = pair()
    east.ask(count(20), "count", NOW_MS + 1_000)
    west.ask(sale(cola=3), "later", NOW_MS + 2_000)
    settle(east, west)
    assert on_hand(east) == 17
    assert entries(east, CORRECTION) == []


def test_the_newest_of_two_separate_counts_stands_and_undoes_the_other() -> None:
    east, west = pair()
    east.ask(count(15), "one", NOW_MS + 1_000)
    west.ask(count(12), "other", NOW_MS + 2_000)
    settle(east, west)
    assert on_hand(east) == on_hand(west) == 12
    assert [entry.stream.writer for entry in entries(east, CORRECTION)] == [west.replica.writer]


def with_empty_disk(node: Node) -> Node:
    """The node with an empty disk in place of its own."""
    node.journal.clear()
    return Node(node.name, (STORE,), node.scopes, node.role).restored("0000000b")


def test_the_correction_of_a_count_stands_when_the_disk_of_its_node_is_replaced() -> None:
    east, west = pair()
    west.ask(sale(cola=3), "late", NOW_MS + 1_000)
    east.ask(count(17), "count", NOW_MS + 2_000)
    settle(east, west)
    again = with_empty_disk(east)
    settle(again, west)
    assert on_hand(again) == on_hand(west) == 17
    assert len(entries(west, CORRECTION)) == 1


def test_a_node_with_a_replaced_disk_still_keeps_its_count() -> None:
    east, west = pair()
    late = hub("hub-north")
    late.ask(sale(cola=3), "late", NOW_MS + 1_000)
    east.ask(count(17), "count", NOW_MS + 2_000)
    settle(east, west)
    again = with_empty_disk(east)
    settle(again, west)
    settle(again, west, late)
    assert on_hand(again) == on_hand(west) == 17
    (correction,) = entries(west, CORRECTION)
    assert correction.stream.writer == again.replica.writer


@pytest.mark.parametrize("counting", ["the same box", "a new box", "another node"])
def test_a_count_is_newer_than_a_known_one_by_a_clock_ahead_whoever_writes_it(counting: str) -> None:
    east, west = pair()
    east.ask(count(19), "ahead", NOW_MS + DAY_MS)
    settle(east, west)
    node = {"the same box": east, "a new box": with_empty_disk(east), "another node": west}[counting]
    settle(node, west)
    assert node.ask(count(17), "count", NOW_MS + 1_000).content.facts.get("outdated", ()) == ()
    settle(node, west)
    assert on_hand(node) == on_hand(west) == 17


@pytest.mark.parametrize("behind_ms", [1, STAMP_AHEAD_MS, STAMP_AHEAD_MS + 1, CLOCK_AHEAD_MAX_MS])
def test_a_sale_counts_after_a_known_count_although_its_clock_is_behind_and_was_ahead_once(behind_ms: int) -> None:
    east, west = pair()
    west.ask(receipt(wings=1), "by-a-wrong-clock", NOW_MS + DAY_MS)
    counted_ms = NOW_MS + 2 * CLOCK_AHEAD_MAX_MS
    east.ask(count(17), "count", counted_ms)
    settle(east, west)
    west.ask(sale(cola=1), "after", counted_ms - behind_ms)
    settle(east, west)
    assert on_hand(east) == on_hand(west) == 16


def test_an_older_count_that_is_entered_late_changes_nothing() -> None:
    (node,) = (hub("hub-east"),)
    node.ask(receipt(cola=10), "stock", NOW_MS)
    before = Seen(levels={"cola": 10}, as_of=(NOW_MS + 1) << 16, vector={node.replica.writer: 1})
    node.ask(count(6), "newer", NOW_MS + 5_000)
    old = node.ask(count(9), "older", NOW_MS + 6_000, before)
    assert old.content.moves == ()
    assert on_hand(node) == 6
    assert node.replica.counts.find(STORE, "cola").level == 6  # type: ignore[union-attr]


def test_a_count_made_with_knowledge_of_another_is_newer_whatever_its_clock() -> None:
    node = hub("hub-east")
    node.ask(count(6), "one", NOW_MS + 9_000_000_000)
    node.ask(count(4), "other", NOW_MS)
    assert on_hand(node) == 4
    node.ask(count(5), "third", NOW_MS)
    assert on_hand(node) == 5


def test_a_clock_that_was_far_ahead_at_one_count_does_not_spoil_the_next() -> None:
    east, west = pair()
    east.ask(count(20), "by-a-wrong-clock", NOW_MS + 9_000_000_000)
    east.ask(count(20), "count", NOW_MS + 1_000)
    settle(east, west)
    west.ask(sale(cola=3), "after", NOW_MS + 2_000)
    settle(east, west)
    assert on_hand(east) == 17


def test_a_void_counts_as_of_the_entry_it_takes_back() -> None:
    """One unit is gone from the shelf, the book stock contains two sales of it, and then one of these is voided."""
    east, west = pair()
    east.ask(sale(cola=1), "till-1", NOW_MS + 1_000)
    west.ask(sale(cola=1), "till-1", NOW_MS + 1_001)
    east.commit()
    west.commit()
    north = hub("hub-north")
    for entry, previous in [*east.journal, *west.journal]:
        if north.replica.head(entry.stream).sequence < entry.sequence:
            north.take([ReceivedRun(entry.stream, entry.sequence, previous, [entry])])
    assert on_hand(north) == 18
    north.ask(count(19), "count", NOW_MS + 2_000)
    settle(east, west, north)
    assert on_hand(east) == on_hand(north) == 19


def test_a_count_that_two_nodes_took_corrects_once() -> None:
    east, west = pair()
    east.ask(count(18), "count", NOW_MS + 1_000)
    west.ask(count(18), "count", NOW_MS + 1_500)
    settle(east, west)
    assert on_hand(east) == on_hand(west) == 18
    assert [void.content.moves for void in entries(east)] == [()]


def test_items_that_drift_together_are_corrected_in_one_entry() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    west.ask(receipt(cola=3, wings=4), "late", NOW_MS)
    east.ask(Count((CountLine("cola", 1), CountLine("wings", 1))), "count", NOW_MS + 1_000)
    settle(east, west)
    (correction,) = entries(east, CORRECTION)
    assert len(correction.content.moves) == 2
    assert (on_hand(east), on_hand(east, "wings")) == (1, 1)


def test_corrections_go_on_after_a_restart_and_none_is_written_twice() -> None:
    east, west = pair()
    west.ask(sale(cola=3), "late", NOW_MS + 1_000)
    west.ask(sale(cola=2), "late-2", NOW_MS + 1_001)
    east.ask(count(15), "count", NOW_MS + 2_000)
    east.commit()
    west.commit()
    east.crash()
    first, second = west.runs()[-2:]
    east.take([first])
    east.crash()  # before the commit: the movement is gone, and the correction with it
    assert on_hand(east) == 15
    assert entries(east, CORRECTION) == []
    east.take([first])
    east.commit()
    east.crash()
    east.take([second])
    east.commit()
    assert on_hand(east) == 15
    assert len(entries(east, CORRECTION)) == 2
    settle(east, west)


def test_a_past_level_is_computed_again_if_entries_arrived_meanwhile() -> None:
    east, west = pair()
    held = east.replica.seen(STORE, NOW_MS).vector
    seen = Seen(levels={"cola": 20}, as_of=(NOW_MS + 5_000) << 16, vector=held, held=held)
    west.ask(sale(cola=3), "late", NOW_MS + 1_000)
    send_all(west, east)
    with pytest.raises(Overtaken):
        east.ask(count(17), "count", NOW_MS + 6_000, seen)


@pytest.mark.parametrize(("seen_units", "counted"), [(0, 0), (0, 2), (-3, 0), (4, 0), (4, 4)])
def test_a_delivery_after_the_counter_looked_stays_whatever_level_was_seen(seen_units: int, counted: int) -> None:
    node = hub("hub-east")
    node.ask(receipt(cola=10), "stock", NOW_MS)
    node.ask(sale(OnShortage.RECORD, cola=10 - seen_units), "sold", NOW_MS)
    held = node.replica.seen(STORE, NOW_MS + 1_000)
    seen = replace(held, levels={"cola": on_hand(node)})
    assert seen.levels == {"cola": seen_units}
    node.ask(receipt(cola=24), "delivery", NOW_MS + 2_000)
    written = node.ask(count(counted), "count", NOW_MS + 3_000, seen)
    assert on_hand(node) == counted + 24
    assert written.content.facts["count"] == [["cola", counted, seen_units, counted - seen_units, counted + 24]]


def test_a_count_is_provisional_until_every_writer_was_heard_from_after_it() -> None:
    east, west = pair()
    facts = east.ask(count(20), "count", NOW_MS + 1_000).content.facts
    assert facts["unheard"] == ["hub-west"]
    as_of = facts["as_of"]
    assert east.replica.unheard(STORE, as_of) == ("hub-west",)
    west.ask(receipt(wings=1), "word", NOW_MS + 2_000)
    send_all(west, east)
    assert east.replica.unheard(STORE, as_of) == ()
    east.crash()
    assert east.replica.unheard(STORE, as_of) == ()


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (COUNT, {"count": 7, "as_of": 1, "seen": {}}),
        (COUNT, {"count": [["cola"]], "as_of": 1, "seen": {}}),
        (COUNT, {"count": [["cola", 1, 0, 0, 0]], "as_of": "x", "seen": {}}),
        (COUNT, {"count": [["cola", 1, 0, 0, 0]], "as_of": True, "seen": {}}),
        (COUNT, {"count": [["cola", True, 0, 0, 0]], "as_of": 1, "seen": {}}),
        (COUNT, {"count": [["cola", 1, 0, 0, 0]], "as_of": 1 << 62, "seen": {}}),
        (COUNT, {"count": [["cola", 1, 0, 0, 0]], "as_of": -(1 << 62), "seen": {}}),
        (COUNT, {"count": [["cola", 1, 0, 0, 0]], "as_of": 1, "seen": {}, "ranks": [1]}),
        (COUNT, {}),
        (CORRECTION, {"orders": "x"}),
        (CORRECTION, {"orders": [["cola", [], 1, 1]]}),
        (CORRECTION, {}),
    ],
)
def test_an_unreadable_count_is_skipped_and_reported(kind: str, facts: dict[str, Any]) -> None:
    node = hub("hub-north")
    node.take(
        [
            linked(
                OWN,
                [
                    Content(
                        kind=kind,
                        clock=NOW_MS << 16,
                        key=b"",
                        actor="",
                        reason="",
                        reference="",
                        moves=(),
                        lines=(),
                        facts=facts,
                    )
                ],
            )
        ]
    )
    assert node.replica.counts.malformed == 1
    assert node.replica.counts.find(STORE, "cola") is None


def test_each_unreadable_count_is_reported() -> None:
    node = hub("hub-north")
    node.take([linked(OWN, [receipt_content(kind=COUNT, moves=(), facts={})] * 2)])
    assert node.replica.counts.malformed == 2


AS_OF = NOW_MS << 16
NORTH, EAST = "hub-north#0000000a", "hub-east#0000000a"


def count_entry(writer: str, as_of: int, *items: str, sequence: int = 1, **facts: Any) -> Entry:
    """A count of one unit of each item at the store."""
    counted = [[item, 1, 0, 0] for item in items]
    written = receipt_content(kind=COUNT, moves=(), facts={"count": counted, "as_of": as_of, "seen": {}, **facts})
    return linked(Stream(writer, STORE), [written], sequence).entries[0]


def counts_with(*entries: Entry) -> Counts:
    """The counts that hub-north knows after these entries."""
    counts = Counts("hub-north", Ledger())
    for entry in entries:
        counts.apply(entry)
    return counts


def moved(clock: int, *items: str, **changed: Any) -> Entry:
    """An entry of another node that brings in one unit of each item."""
    moves = tuple(Move(item, "supplier", "store-1/free", 1) for item in items)
    return linked(OWN, [receipt_content(clock, moves=moves, **changed)]).entries[0]


def drifts(counts: Counts, *items: str) -> list[int]:
    return [found.drift for item in items if (found := counts.find(STORE, item)) is not None]


@pytest.mark.parametrize(("clock", "is_late"), [(AS_OF - 1, True), (AS_OF, True), (AS_OF + 1, False)])
def test_an_entry_is_late_up_to_the_moment_of_the_count(clock: int, is_late: bool) -> None:
    counts, entry = counts_with(count_entry(NORTH, AS_OF, "cola")), moved(clock, "cola")
    assert counts.concern(entry) is is_late
    counts.apply(entry)
    assert drifts(counts, "cola") == [int(is_late)]


def test_a_late_entry_drifts_each_item_that_was_counted() -> None:
    counts = counts_with(count_entry(NORTH, AS_OF, "cola", "wings"))
    counts.apply(moved(AS_OF, "tea", "cola", "leaf", "wings"))
    assert drifts(counts, "cola", "wings") == [1, 1]


@pytest.mark.parametrize(
    ("order", "drift"),
    [
        ([AS_OF, NORTH, STAMP], 1),
        ([AS_OF + 1, EAST, STAMP], 0),
        ([AS_OF, "hub-west#0000000a", STAMP], 0),
        ([AS_OF, EAST, STAMP], 1),
    ],
)
def test_a_correction_of_a_newer_count_does_not_change_an_older_one(order: list[Any], drift: int) -> None:
    counts = counts_with(count_entry(NORTH, AS_OF, "cola"))
    counts.apply(moved(AS_OF, "cola", kind=CORRECTION, facts={"orders": [["cola", *order]]}))
    assert drifts(counts, "cola") == [drift]


def test_only_the_node_of_a_count_keeps_what_its_writer_held() -> None:
    held = {"store-1#0000000a": 7}
    counts = counts_with(count_entry(NORTH, AS_OF, "cola", seen=held), count_entry(EAST, AS_OF, "wings", seen=held))
    found = [counts.find(STORE, item) for item in ("cola", "wings")]
    assert [one and one.vector for one in found] == [held, {}]


@pytest.mark.parametrize(
    ("held", "as_of", "ranks", "outdated"),
    [
        ({}, AS_OF + 1, {}, ()),
        ({}, AS_OF - 1, {}, ("wings",)),
        ({EAST: 1}, AS_OF - 1, {"wings": AS_OF + 1}, ()),
        ({EAST: 1}, AS_OF + 1, {}, ()),
    ],
)
def test_a_count_outranks_those_that_its_counter_knew_and_older_ones(
    held: dict[str, int], as_of: int, ranks: dict[str, int], outdated: tuple[str, ...]
) -> None:
    counts = counts_with(count_entry(EAST, AS_OF, "wings"))
    placed = counts.placed(STORE, NORTH, Seen(levels={}, as_of=as_of, vector=held), ["cola", "wings"])
    assert (placed.ranks, placed.outdated) == (ranks, outdated)


@pytest.mark.parametrize(
    ("changed", "after"),
    [
        ({"clock": AS_OF}, False),
        ({"clock": AS_OF + 1}, True),
        ({"clock": AS_OF + 1, "kind": COUNT}, False),
        ({"clock": AS_OF + 1, "kind": CORRECTION}, False),
        ({"kind": VOID, "facts": {"as_of": AS_OF + 1, "loser_writer": "w#1", "loser_sequence": 1}}, False),
        ({"kind": VOID, "facts": {"as_of": AS_OF + 1, "loser_writer": "w#1", "loser_sequence": 3}}, False),
        ({"kind": VOID, "facts": {"as_of": AS_OF + 1, "loser_writer": "w#1", "loser_sequence": 4}}, True),
        ({"kind": VOID, "facts": {"as_of": AS_OF + 1, "loser_writer": "w#1", "loser_sequence": 0}}, True),
        ({"kind": VOID, "facts": {"as_of": AS_OF + 1, "loser_writer": "w#2", "loser_sequence": 1}}, True),
        ({"kind": VOID, "facts": {"as_of": AS_OF + 1, "loser_writer": "w#1"}}, True),
        ({"kind": VOID, "facts": {"as_of": AS_OF + 1}}, True),
        ({"kind": VOID, "facts": {"as_of": AS_OF, "loser_writer": "w#2", "loser_sequence": 1}}, False),
    ],
)
def test_an_entry_is_from_after_a_count_if_it_moves_later_and_undoes_nothing_that_was_held(
    changed: dict[str, Any], after: bool
) -> None:
    (entry,) = linked(OWN, [receipt_content(**changed)]).entries
    assert is_after(entry, "hub-east#0000000b", AS_OF, {"w#1": 3}) is after


def test_a_later_entry_of_the_writer_of_a_count_is_from_after_it_whatever_its_clock() -> None:
    (entry,) = linked(OWN, [receipt_content(clock=1)]).entries
    assert is_after(entry, OWN.writer, AS_OF, {})
    assert not is_after(entry, "hub-east#0000000b", AS_OF, {})


@pytest.mark.parametrize("facts", [{}, {"loser": [1]}, {"loser": b"x", "loser_writer": 1, "loser_sequence": "x"}])
def test_an_unreadable_void_still_moves_its_units(facts: dict[str, Any]) -> None:
    node = hub("hub-north")
    node.ask(count(5), "count")
    moves = (Move("cola", "supplier", "store-1/free", 2),)
    node.take(
        [
            linked(
                OWN,
                [
                    Content(
                        kind=VOID,
                        clock=(NOW_MS + 1) << 16,
                        key=b"void:x",
                        actor="",
                        reason="",
                        reference="",
                        moves=moves,
                        lines=(),
                        facts=facts,
                    )
                ],
            )
        ]
    )
    assert on_hand(node) == 7


requests = st.one_of(
    st.integers(1, 5).map(lambda number: receipt(cola=number)),
    st.builds(lambda number, shortage: sale(shortage, cola=number), st.integers(1, 4), st.sampled_from(OnShortage)),
    st.integers(1, 3).map(lambda number: Return(lines=(SkuLine(number, "cola"),))),
    st.integers(-3, 3).filter(bool).map(lambda delta: Adjustment((AdjustmentLine("cola", delta, "checked"),))),
    st.integers(0, 9).map(count),
    st.integers(0, 9).map(count),
)
steps = st.lists(
    st.tuples(
        st.integers(0, 2),
        requests,
        st.integers(0, 9),
        st.booleans(),
        st.none() | st.sampled_from(list(permutations(range(3), 2))),
        st.booleans(),
    ),
    max_size=14,
)


@settings(max_examples=300)
@given(steps)
def test_any_delivery_of_movements_duplicates_and_counts_ends_at_the_newest_count(steps: list[Any]) -> None:
    nodes = [hub(name) for name in NAMES]
    keyed: dict[str, Any] = {}
    now_ms = [NOW_MS, NOW_MS + 3, NOW_MS + 7]
    for number, (index, request, later, is_shared, delivery, crashes) in enumerate(steps):
        now_ms[index] += later
        key = f"key-{number % 3}" if is_shared else f"own-{number}"
        asked = keyed.setdefault(key, request)
        try:
            nodes[index].ask(asked, key, now_ms[index])
        except RightsExhausted:
            pass
        if delivery is not None:
            source, target = delivery
            send_all(nodes[source], nodes[target])
        if crashes:
            nodes[index].crash()
    settle(*nodes)
    check_newest_count(nodes[0])
    for node in nodes:
        again = Replica(node.replica.writer, (), image_of(node.journal, node.replica.writer))
        assert again.counts.take_changes() == []
        packed = dict(enumerate(image_of(node.journal, node.replica.writer).checkpoint.get("counts", ())))
        assert len(packed) == (node.replica.counts.find(STORE, "cola") is not None)
        assert again.counts.find(STORE, "cola") == node.replica.counts.find(STORE, "cola")


def check_newest_count(node: Node) -> None:
    """Check by entries alone that the book stock as of the newest count is its level."""
    found = [entry for entry, _ in node.journal]
    counts = [entry for entry in found if entry.content.kind == COUNT]
    if not counts:
        return
    newest = max(counts, key=order_of)
    facts = newest.content.facts
    book = sum(effect(entry) for entry in found if is_in(entry, newest, {one.hash: one for one in found}))
    assert book == facts["count"][0][1]


def order_of(entry: Entry) -> tuple[int, str, int]:
    facts = entry.content.facts
    return facts.get("ranks", {}).get("cola", facts["as_of"]), entry.stream.writer, entry.content.clock


def effect(entry: Entry) -> int:
    moves = entry.content.moves
    return sum((is_internal(move.target) - is_internal(move.source)) * move.quantity for move in moves)


def is_in(entry: Entry, newest: Entry, by_hash: dict[bytes, Entry]) -> bool:
    """Whether the book stock as of the newest count contains an entry: seen by it, from before it, or correcting it."""
    content, facts = entry.content, newest.content.facts
    if entry.sequence <= facts["seen"].get(entry.stream.writer, 0) or entry.hash == newest.hash:
        return True
    match content.kind:
        case "count":
            return order_of(entry) < order_of(newest)
        case "correction":
            return order_of(by_hash[content.facts["count"]]) <= order_of(newest)
        case "void":
            return is_in(by_hash[content.facts["loser"]], newest, by_hash)
        case _:
            return entry.stream.writer != newest.stream.writer and content.clock <= facts["as_of"]
