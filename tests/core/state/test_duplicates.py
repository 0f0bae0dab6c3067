"""Exactly once across nodes: one request under one key at several nodes counts once, in any order of merging."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid, KeyReused
from replica.core.base.limits import COLLISIONS_MAX
from replica.core.base.names import parse_key
from replica.core.log.entry import Entry
from replica.core.log.entry_run import ReceivedRun
from replica.core.log.voids import VOID
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state.duplicates import lost_among
from replica.core.state.kinds import KINDS, LocationRequest
from replica.core.state.replica import Replica
from replica.core.stock.requests import (
    Action,
    Adjustment,
    AdjustmentLine,
    Disposition,
    OnShortage,
    Quarantine,
    QuarantineLine,
    Return,
    SkuLine,
)
from tests.core.chain import NOW_MS, STORE, Node, image_of, receipt, sale

NAMES = ("hub-east", "hub-north", "hub-west")


def hub(name: str) -> Node:
    """A hub that writes for the store's location."""
    return Node(name, (STORE,), None, "hub")


def send_all(source: Node, target: Node) -> None:
    """Send all entries of one node to the other, in order of arrival. Each entry is a frame and a commit."""
    source.commit()
    for entry, previous in list(source.journal):
        if target.replica.head(entry.stream).sequence < entry.sequence:
            target.take([ReceivedRun(entry.stream, entry.sequence, previous, [entry])])
            target.commit()


def settle(*nodes: Node) -> None:
    """Send all entries to all nodes, until nothing is new."""
    for _ in range(3):
        for source in nodes:
            for target in nodes:
                send_all(source, target)
    assert len({repr(node.replica.digests()) for node in nodes}) == 1


def entries(node: Node, kind: str = VOID) -> list[Entry]:
    return [entry for entry, _ in node.journal if entry.content.kind == kind]


def on_hand(node: Node, item: str = "cola") -> int:
    return node.replica.ledger.stock(STORE, item).figures.on_hand


def stocked(units: int = 20) -> list[Node]:
    """Three hubs with equal stock, and with all entries of each other."""
    nodes = [hub(name) for name in NAMES]
    for node in nodes:
        node.ask(receipt(cola=units), f"stock-{node.name}")
        node.ask(Return(lines=(SkuLine(9, "cola"),)), f"aside-{node.name}")
    settle(*nodes)
    return nodes


REQUESTS: list[LocationRequest] = [
    sale(cola=3),
    sale(OnShortage.REFUSE, cola=3),
    receipt(cola=3),
    Return(lines=(SkuLine(3, "cola"),)),
    Return(lines=(SkuLine(3, "cola"),), disposition=Disposition.RESTOCK),
    Adjustment((AdjustmentLine("cola", 3, "found"),)),
    Adjustment((AdjustmentLine("cola", -3, "broken"),)),
    Quarantine((QuarantineLine("cola", 3, Action.PUT),)),
    Quarantine((QuarantineLine("cola", 3, Action.RESTOCK),)),
    Quarantine((QuarantineLine("cola", 3, Action.WRITE_OFF),)),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: type(one).__name__)
def test_a_fact_that_three_nodes_recorded_counts_once(request_: LocationRequest) -> None:
    alone = stocked()
    alone[0].ask(request_, "once")
    nodes = stocked()
    for later, node in enumerate(nodes):
        node.ask(request_, "once", NOW_MS + later)
    settle(*nodes)
    expected = alone[0].replica.ledger.stock(STORE, "cola")
    for node in nodes:
        stock = node.replica.ledger.stock(STORE, "cola")
        assert stock.figures == expected.figures
        assert stock.balances == expected.balances
        voids = entries(node)
        assert sorted(void.stream.writer for void in voids) == [n.replica.writer for n in nodes[1:]]
        assert all(void.content.key == f"void:{void.content.reference}".encode() for void in voids)


def test_a_void_names_the_entry_that_lost_and_the_one_that_won() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    west.ask(receipt(leaf=1), "other")
    won = east.ask(receipt(cola=5), "once")
    lost = west.ask(receipt(cola=5), "once", NOW_MS + 1)
    settle(east, west)
    (void,) = entries(west)
    facts = void.content.facts
    assert (facts["loser"], facts["loser_writer"], facts["loser_sequence"]) == (lost.hash, west.replica.writer, 2)
    assert (facts["winner"], void.content.reason, void.content.reference) == (won.hash, "receipt", lost.hash.hex())


def test_equal_requests_without_a_key_are_no_duplicates() -> None:
    node = hub("hub-east")
    alike = [node.ask(sale(cola=1)) for _ in range(3)]
    first, second = node.ask(sale(cola=1), "k"), hub("hub-west").ask(sale(cola=1), "k", NOW_MS + 1)
    assert lost_among([*alike, second, first], KINDS) == {second.hash: second}


def test_the_least_by_clock_then_writer_wins_and_all_nodes_answer_with_it() -> None:
    nodes = [hub(name) for name in NAMES]
    taken = [node.ask(receipt(cola=5), "once", NOW_MS) for node in nodes]
    settle(*nodes)
    assert taken[0].content.clock == taken[1].content.clock == taken[2].content.clock
    for node in nodes:
        assert node.ask(receipt(cola=5), "once") == taken[0]
        node.crash()
        assert node.ask(receipt(cola=5), "once") == taken[0]
        assert on_hand(node) == 5


def test_an_entry_that_lost_is_voided_once_though_a_lesser_one_arrives_later() -> None:
    east, north, west = (hub(name) for name in NAMES)
    for node, later in ((west, 3), (north, 2), (east, 1)):
        node.ask(receipt(cola=5), "once", NOW_MS + later)
    send_all(north, west)
    send_all(west, north)
    assert (on_hand(west), on_hand(north)) == (5, 5)
    assert [void.content.facts["winner"] for void in entries(west)] == [entries(north, "receipt")[0].hash]
    settle(east, north, west)
    assert on_hand(east) == 5
    assert len(entries(east)) == 2


def test_a_duplicate_is_found_in_the_journal_much_later_and_after_a_restart() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    first = east.ask(receipt(cola=5), "once")
    west.ask(receipt(cola=5), "once", NOW_MS + 1)
    for node in (east, west):
        for number in range(5):
            node.ask(sale(cola=1), f"{node.name}-{number}")
            node.commit()
    west.crash()
    settle(east, west)
    assert on_hand(west) == 5 - 10
    assert west.ask(receipt(cola=5), "once") == first


def test_a_crash_before_the_commit_loses_the_void_and_the_merged_entry() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    east.ask(receipt(cola=5), "once")
    west.ask(receipt(cola=5), "once", NOW_MS + 1)
    east.commit()
    west.commit()
    west.take(east.runs())
    assert on_hand(west) == 5
    west.crash()
    assert on_hand(west) == 5
    assert entries(west) == []
    west.take(east.runs())
    west.commit()
    west.crash()
    assert on_hand(west) == 5
    assert len(entries(west)) == 1
    settle(east, west)
    assert len(entries(east)) == 1


def test_the_void_is_in_the_batch_of_its_merge_though_a_later_run_is_at_fault() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    east.ask(receipt(cola=5), "once")
    east.ask(receipt(cola=1), "other")
    west.ask(receipt(cola=5), "once", NOW_MS + 1)
    east.commit()
    runs = east.runs()
    with pytest.raises(Exception, match="gap"):
        west.take([runs[0], ReceivedRun(runs[1].stream, 9, runs[1].previous, runs[1].entries)])
    assert [entry.content.kind for entry in west.commit().entries] == ["receipt", "receipt", VOID]


def test_a_voided_goods_receipt_whose_units_were_sold_is_a_breach() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    east.ask(receipt(cola=5), "once")
    west.ask(receipt(cola=5), "once", NOW_MS + 1)
    west.ask(sale(OnShortage.REFUSE, cola=4), "sold", NOW_MS + 2)
    settle(east, west)
    stock = east.replica.ledger.stock(STORE, "cola")
    assert (stock.figures.on_hand, stock.breach, stock.balance("hub-west/free")) == (1, 4, -4)


def test_two_voids_of_one_entry_are_duplicates_themselves() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    east.ask(receipt(cola=5), "once")
    west.ask(receipt(cola=5), "once", NOW_MS + 1)
    east.commit()
    west.commit()
    restored = west.restored("0000000f")
    send_all(east, west)
    send_all(east, restored)
    assert (len(entries(west)), len(entries(restored))) == (1, 1)
    send_all(west, east)
    send_all(restored, east)
    for _ in range(2):
        send_all(east, restored)
        send_all(restored, east)
    assert on_hand(east) == 5
    assert on_hand(restored) == 5
    assert len(entries(east)) == 3
    assert east.replica.ledger.stock(STORE, "cola").breach == 0


def test_the_void_of_a_repeated_grant_moves_no_rights_back() -> None:
    nodes = stocked()
    request = Grant("store-1", (GrantLine("cola", 3),))
    nodes[0].ask(request, "once")
    nodes[1].ask(request, "once", NOW_MS + 1)
    settle(*nodes)
    stock = nodes[2].replica.ledger.stock(STORE, "cola")
    assert stock.rights("store-1") == 6
    assert [void.content.moves for void in entries(nodes[2])] == [()]


def test_a_document_written_at_two_nodes_under_one_key_is_one_write() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    first = east.write("cola-6", {"recipe": {"cola": 6}}, "once")
    west.write("cola-6", {"recipe": {"cola": 6}}, "once", now_ms=NOW_MS + 1)
    settle(east, west)
    assert west.write("cola-6", {"recipe": {"cola": 6}}, "once") == first
    (found,) = west.replica.collisions
    assert (found.is_duplicate, found.entry.stream.writer) == (True, west.replica.writer)


def test_different_requests_under_one_key_both_stay_valid_and_are_reported() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    one, other = east.ask(receipt(cola=5), "once"), west.ask(receipt(cola=6), "once", NOW_MS + 1)
    settle(east, west)
    for node in (east, west):
        assert on_hand(node) == 11
        (found,) = node.replica.collisions
        assert not found.is_duplicate
        assert node.ask(receipt(cola=5), "once") == one
        assert node.ask(receipt(cola=6), "once") == other
        with pytest.raises(KeyReused):
            node.ask(receipt(cola=7), "once")
        assert entries(node) == []


def test_a_conflict_stays_listed_when_an_earlier_duplicate_of_one_side_arrives() -> None:
    east, north, west = (hub(name) for name in NAMES)
    one = east.ask(receipt(cola=5), "once")
    later = west.ask(receipt(cola=6), "once", NOW_MS + 2)
    earlier = north.ask(receipt(cola=6), "once", NOW_MS + 1)
    send_all(west, east)
    send_all(north, east)
    found = [(two.entry, two.winner, two.is_duplicate) for two in east.replica.collisions]
    assert found == [(later, earlier, True), (earlier, one, False)]


def test_one_key_at_two_locations_is_not_a_duplicate() -> None:
    east, west = Node("hub-east", ("w-1",), None, "hub"), Node("hub-west", ("w-2",), None, "hub")
    east.ask(receipt(cola=5), "1")
    west.ask(receipt(cola=5), "1")
    settle(east, west)
    assert [one.is_duplicate for one in west.replica.collisions] == [False]
    assert entries(west) == []


def test_a_replica_keeps_the_newest_collisions_and_has_the_same_after_a_restart() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    for number in range(COLLISIONS_MAX + 9):
        east.ask(receipt(cola=1), f"key-{number}")
        west.ask(receipt(cola=1), f"key-{number}", NOW_MS + 1)
    settle(east, west)
    found = list(west.replica.collisions)
    assert len(found) == COLLISIONS_MAX
    assert all(one.void is not None for one in found)
    west.crash()
    again = list(west.replica.collisions)[-COLLISIONS_MAX:]
    assert [(one.entry, one.winner, one.void) for one in again] == [(o.entry, o.winner, o.void) for o in found]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("kind", ["document", "receipt"])
def test_the_duplicates_of_three_nodes_are_the_same_after_a_restart(order: tuple[int, ...], kind: str) -> None:
    nodes = [hub(name) for name in NAMES]
    for later, index in enumerate(order):
        if kind == "document":
            nodes[index].write("set", {"recipe": {"cup": 1}}, "one", now_ms=NOW_MS + later)
        else:
            nodes[index].ask(receipt(cola=5), "one", NOW_MS + later)
    north = hub("hub-3")
    for node in nodes:
        send_all(node, north)
    found = {one.entry.hash: (one.winner.hash, one.is_duplicate) for one in north.replica.collisions}
    assert len(found) == 2
    north.crash()
    assert {one.entry.hash: (one.winner.hash, one.is_duplicate) for one in north.replica.collisions} == found


@pytest.mark.parametrize("key", ["void:00", "given:hub-east#0000000b:1.0"])
def test_a_caller_cannot_use_a_key_of_the_form_that_nodes_make(key: str) -> None:
    with pytest.raises(Invalid, match="made by nodes"):
        parse_key(key)


@st.composite
def retries(draw: st.DrawFn) -> list[tuple[int, str, Any, int]]:
    """Requests at three nodes, as `(node, key, request, milliseconds)`. Many have the same few keys."""
    by_key = {f"key-{number}": draw(st.sampled_from(REQUESTS)) for number in range(4)}
    keys = st.sampled_from(sorted(by_key))
    asked = st.tuples(st.integers(0, 2), keys, st.integers(0, 3))
    return [(node, key, by_key[key], later) for node, key, later in draw(st.lists(asked, max_size=9))]


@given(retries(), st.lists(st.sampled_from(list(permutations(range(3), 2))), max_size=12), st.data())
def test_any_delivery_of_retries_at_three_nodes_counts_each_request_once(
    asked: list[tuple[int, str, Any, int]], deliveries: list[tuple[int, int]], data: st.DataObject
) -> None:
    nodes = stocked()
    accepted: dict[str, Any] = {}
    for number, (index, key, request, later) in enumerate(asked):
        try:
            nodes[index].ask(request, key, NOW_MS + later)
            accepted[key] = request
        except Exception as refused:
            assert getattr(refused, "kind", "") == "insufficient-rights"
        if number < len(deliveries):
            source, target = deliveries[number]
            send_all(nodes[source], nodes[target])
        if data.draw(st.booleans()):
            nodes[index].crash()
    settle(*nodes)
    once, more = stocked()[0], 9
    once.ask(Return(lines=(SkuLine(more, "cola"),)), "more")  # as much in quarantine as the three nodes together
    for key, request in accepted.items():
        if any(entry.content.key == key.encode() for entry, _ in nodes[0].journal):  # it was not lost in a crash
            once.ask(request, key)
    assert on_hand(nodes[0]) == on_hand(once) - more
    losers = {entry.content.facts["loser"] for entry in entries(nodes[0])}
    assert len(losers) == len(entries(nodes[0]))
    for node in nodes:
        again = Replica(node.replica.writer, (), image_of(node.journal, node.replica.writer))
        assert again.digests() == node.replica.digests()
