"""Faults of clocks: what the journal shows of them, the same at every replica and after a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from replica.core.base.limits import CLOCK_FAULTS_MAX, CLOCK_NOTICE_MS, CLOCK_NOTICES_MAX
from replica.core.base.names import HUBS
from replica.core.log.draft import Draft
from replica.core.log.entry import Entry
from replica.core.log.times import drift_ms
from replica.core.state import decisions
from replica.core.state.clock_faults import DRIFT, NOTICE, PEER, TILL, ClockFault, ClockFaults
from replica.core.state.commands import Command
from replica.core.state.decisions import Verdict
from replica.core.state.housekeeping import note_clocks
from replica.core.stock.requests import KeyedSale, Sale, SkuLine
from tests.core.chain import NOW_MS, STORE, Node, receipt, sale
from tests.core.state.test_duplicates import hub, send_all

DAY_MS = 86_400_000


def faults(node: Node, about: str) -> list[ClockFault]:
    return [one for one in node.replica.clock_faults if one.about == about]


def one_sale(at_ms: int, till: str = "till-1") -> Sale:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return Sale(lines=(SkuLine(1, sku="cola"),), till=till, occurred_at=when)


def drifted() -> Node:
    """A store whose clock was three days ahead once; its next entry shows that."""
    node = Node()
    node.ask(receipt(cola=100), "wrong", NOW_MS + 3 * DAY_MS)
    node.ask(sale(cola=1), "first", NOW_MS)
    return node


def sell_many(node: Node, *sales: KeyedSale, now_ms: int) -> list[Verdict]:
    """Sell as a batch does: by the fast path where it can."""
    return list(
        decisions.execute_requests(node.replica, [Command(STORE, one, one.key.encode()) for one in sales], now_ms, {})
    )


def keyed(one: Sale, key: str) -> KeyedSale:
    return KeyedSale(lines=one.lines, till=one.till, occurred_at=one.occurred_at, key=key)


def test_a_clock_that_was_ahead_is_listed_from_the_next_entry_on() -> None:
    node = drifted()
    (found,) = faults(node, DRIFT)
    assert (found.writer, found.since_ms, found.ahead_ms, found.until_ms) == (
        node.replica.writer,
        NOW_MS,
        3 * DAY_MS,
        0,
    )
    node.ask(sale(cola=1), "second", NOW_MS + 1_000)
    (found,) = faults(node, DRIFT)
    assert (found.since_ms, found.at_ms) == (NOW_MS, NOW_MS + 1_000)


def test_a_clock_that_is_right_again_is_listed_with_its_end() -> None:
    node, right_ms = drifted(), NOW_MS + 3 * DAY_MS + 5
    sell_many(node, keyed(sale(cola=1), "a"), keyed(sale(cola=1), "b"), now_ms=right_ms)
    (found,) = faults(node, DRIFT)
    assert (found.since_ms, found.until_ms) == (NOW_MS, right_ms)


def test_a_wrong_clock_is_listed_alike_at_every_replica_and_after_a_restart() -> None:
    node, other = drifted(), hub("hub-east")
    node.ask(one_sale(NOW_MS + DAY_MS), "odd", NOW_MS + 10)
    send_all(node, other)
    assert list(other.replica.clock_faults) == list(node.replica.clock_faults)
    node.commit()
    again = node.restored("0000000b")
    assert list(again.replica.clock_faults) == list(node.replica.clock_faults)
    assert again.replica.clock_faults.is_going(node.replica.writer)


def test_a_fault_that_is_over_is_still_over_after_a_restart() -> None:
    node = drifted()
    node.ask(one_sale(NOW_MS + DAY_MS), "odd", NOW_MS + 10)
    node.commit()
    sell_many(node, keyed(one_sale(NOW_MS + 3 * DAY_MS), "a"), now_ms=NOW_MS + 3 * DAY_MS + 5)
    node.commit()
    before = list(node.replica.clock_faults)
    assert [one.until_ms > 0 for one in before] == [True, True]
    node.crash()
    assert list(node.replica.clock_faults) == before
    assert not node.replica.clock_faults.is_going(node.replica.writer)


def test_only_a_drift_goes_on_after_a_restart() -> None:
    node = Node()
    node.ask(receipt(cola=10), "stock", NOW_MS)
    node.ask(one_sale(NOW_MS + DAY_MS), "odd", NOW_MS)
    note_clocks(node.replica, NOW_MS, scope=STORE, read={"hub-east": DAY_MS})
    node.commit()
    node.crash()
    assert [one.until_ms for one in node.replica.clock_faults] == [0, 0]
    assert not node.replica.clock_faults.is_going(node.replica.writer)


def test_only_a_till_has_a_time_that_it_said() -> None:
    node = drifted()
    note_clocks(node.replica, NOW_MS, scope=STORE, read={"hub-east": DAY_MS})
    assert [(one.about, one.occurred_at) for one in node.replica.clock_faults] == [(DRIFT, 0), (PEER, 0)]


def test_the_wrong_tills_of_a_stream_are_those_that_are_not_right_again() -> None:
    node = Node(locations=(STORE, "store-2"))
    node.ask(receipt(cola=10), "stock", NOW_MS)
    for number, till in enumerate(("till-1", "till-2")):
        node.ask(one_sale(NOW_MS + DAY_MS, till), f"odd-{number}", NOW_MS)
    node.ask(one_sale(NOW_MS, "till-2"), "right", NOW_MS)
    decisions.execute(node.replica, Command("store-2", one_sale(NOW_MS + DAY_MS, "till-3"), b"other"), NOW_MS)
    note_clocks(node.replica, NOW_MS, scope=STORE, read={"hub-east": DAY_MS})
    wrong = node.replica.clock_faults.wrong_tills
    assert wrong(node.replica.own_stream(STORE)) == ("till-1",)
    assert wrong(node.replica.own_stream("store-2")) == ("till-3",)


def test_the_peers_that_a_stream_noted_are_counted_without_tills_and_other_streams() -> None:
    node = Node()
    node.ask(receipt(cola=10), "stock", NOW_MS)
    node.ask(one_sale(NOW_MS + DAY_MS), "odd", NOW_MS)
    note_clocks(node.replica, NOW_MS, scope=STORE, read={"hub-east": DAY_MS, "hub-west": DAY_MS})
    note_clocks(node.replica, NOW_MS, scope=HUBS, read={"hub-north": DAY_MS})
    assert node.replica.clock_faults.peers_noted(node.replica.own_stream(STORE), "hub-east", NOW_MS) == 1


def many_streams() -> Node:
    """A hub that wrote for many locations after its clock was three days ahead once."""
    node = hub("hub-east")
    note_clocks(node.replica, NOW_MS + 3 * DAY_MS, scope=HUBS, read={"store-0": DAY_MS})
    for number in range(CLOCK_FAULTS_MAX + 3):
        note_clocks(node.replica, NOW_MS + number, scope=f"store-{number}", read={"store-1": DAY_MS})
    return node


def test_a_writer_whose_clock_was_wrong_is_one_fault_whatever_its_streams() -> None:
    node = many_streams()
    (found,) = faults(node, DRIFT)
    assert (found.since_ms, found.at_ms) == (NOW_MS, NOW_MS + CLOCK_FAULTS_MAX + 2)


def test_the_streams_of_a_writer_show_the_same_drift_in_any_order() -> None:
    node = many_streams()
    entries = [entry for entry in node.commit().entries if drift_ms(entry.content)]
    found = ClockFaults()
    for entry in reversed(entries):
        found.apply(entry)
    (drift,) = [one for one in found if one.about == DRIFT]
    assert (drift.at_ms, drift.until_ms) == (NOW_MS + CLOCK_FAULTS_MAX + 2, 0)


def test_a_peer_clock_a_little_ahead_is_no_fault() -> None:
    node, other = Node(), hub("hub-east")
    other.ask(receipt(cola=5), "stock", NOW_MS + 50_000)
    send_all(other, node)
    node.ask(sale(cola=1), "sale", NOW_MS)
    assert list(node.replica.clock_faults) == []


def test_a_time_that_cannot_be_true_names_the_till_and_refuses_no_sale() -> None:
    node = Node()
    node.ask(receipt(cola=10), "stock", NOW_MS)
    entry = node.ask(one_sale(NOW_MS + DAY_MS), "odd", NOW_MS)
    (found,) = faults(node, TILL)
    assert (found.name, found.scope, found.entry, found.ahead_ms) == ("till-1", STORE, entry.hash, DAY_MS)
    assert found.occurred_at == (NOW_MS + DAY_MS) * 1000
    assert node.ask(one_sale(NOW_MS + DAY_MS), "odd", NOW_MS) is entry


def test_a_batch_of_sales_notes_the_same_wrong_tills_as_single_sales() -> None:
    many, single = Node(), Node()
    odd = [one_sale(NOW_MS - 5), one_sale(NOW_MS + DAY_MS), one_sale(0, "till-2"), one_sale(NOW_MS - 4)]
    for node in (many, single):
        node.ask(receipt(cola=10), "stock", NOW_MS)
    verdicts = sell_many(many, *[keyed(one, f"k-{index}") for index, one in enumerate(odd)], now_ms=NOW_MS)
    alone = [single.ask(one, f"k-{index}", NOW_MS) for index, one in enumerate(odd)]
    assert [one.hash for one in verdicts if isinstance(one, Entry)] == [one.hash for one in alone]
    assert list(many.replica.clock_faults) == list(single.replica.clock_faults)
    ended = {one.name: bool(one.until_ms) for one in faults(many, TILL)}
    assert ended == {"till-1": True, "till-2": False}


def test_tills_without_end_fill_no_more_than_the_list() -> None:
    node = Node()
    node.ask(receipt(cola=1_000), "stock", NOW_MS)
    for number in range(CLOCK_FAULTS_MAX + 3):
        node.ask(one_sale(0, f"till-{number}"), f"k-{number}", NOW_MS + number)
    assert len(faults(node, TILL)) == CLOCK_FAULTS_MAX
    assert faults(node, TILL)[-1].name == f"till-{CLOCK_FAULTS_MAX + 2}"
    rows = node.commit().checkpoint["clock_faults"]
    assert len({row for row, _ in rows}) == CLOCK_FAULTS_MAX
    assert list(node.restored("0000000b").replica.clock_faults) == list(node.replica.clock_faults)


def test_a_peer_with_a_wrong_clock_is_noted_once_an_hour_and_ends_with_a_right_one() -> None:
    node = hub("hub-east")

    def note(ahead_ms: int, now_ms: int) -> int:
        note_clocks(node.replica, now_ms, scope=HUBS, read={"store-1": ahead_ms})
        return node.replica.arrival

    assert note(0, NOW_MS) == 0
    assert note(DAY_MS, NOW_MS) == note(DAY_MS, NOW_MS + CLOCK_NOTICE_MS - 1) == 1
    assert note(DAY_MS, NOW_MS + CLOCK_NOTICE_MS) == 2
    assert note(0, NOW_MS + CLOCK_NOTICE_MS + 5) == note(0, NOW_MS + CLOCK_NOTICE_MS + 6) == 3
    (found,) = faults(node, PEER)
    assert (found.name, found.ahead_ms, found.since_ms) == ("store-1", DAY_MS, NOW_MS)
    assert found.until_ms == NOW_MS + CLOCK_NOTICE_MS + 5


def test_a_peer_clock_that_is_wrong_again_within_the_hour_is_listed_again() -> None:
    node = hub("hub-east")
    for minute, ahead_ms in ((0, DAY_MS), (10, 0), (20, DAY_MS)):
        note_clocks(node.replica, NOW_MS + minute * 60_000, scope=HUBS, read={"store-1": ahead_ms})
    (found,) = faults(node, PEER)
    assert (found.since_ms, found.until_ms) == (NOW_MS + 20 * 60_000, 0)


def test_a_node_notes_the_clocks_of_no_more_than_so_many_peers_an_hour() -> None:
    node = hub("hub-east")
    callers = {f"store-{number}": DAY_MS for number in range(CLOCK_NOTICES_MAX + 5)}
    note_clocks(node.replica, NOW_MS, scope=HUBS, read=callers)
    assert len(faults(node, PEER)) == CLOCK_NOTICES_MAX
    note_clocks(node.replica, NOW_MS + CLOCK_NOTICE_MS, scope=HUBS, read={"store-y": DAY_MS})
    assert faults(node, PEER)[-1].name == "store-y"


def test_notices_of_a_later_version_are_kept_and_skipped() -> None:
    node = hub("hub-east")
    note_clocks(node.replica, NOW_MS, scope=HUBS, read={"store-1": DAY_MS})
    (entry,) = node.commit().entries
    for facts in ({}, {"clock_of": 7, "ahead_ms": 1}, {"clock_of": "a", "ahead_ms": "b"}, {"about": "the weather"}):
        changed = msgspec.structs.replace(entry, content=msgspec.structs.replace(entry.content, facts=facts))
        node.replica.clock_faults.apply(changed)
    assert len(list(node.replica.clock_faults)) == 1


def test_a_notice_of_a_clock_that_is_ahead_by_true_is_not_listed() -> None:
    node = Node()
    node.replica.record(STORE, Draft(kind=NOTICE, facts={"clock_of": "hub-x", "ahead_ms": True}), b"", NOW_MS)
    assert faults(node, PEER) == []
