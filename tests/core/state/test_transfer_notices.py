"""Notices of transfers: each end hears each fact once, whoever tells it, and in whatever order."""

from __future__ import annotations

from random import Random

import pytest

from replica.core.base.limits import NOTICE_UNITS_MAX
from replica.core.log.entry import Entry, Stream
from replica.core.state.fold import fold
from replica.core.state.transfer_notices import tell, turn
from replica.core.stock.transfer import State
from replica.core.stock.transfer_requests import Discrepancy
from replica.core.stock.transfers import NOTICE, TOLD, TRANSFER, VOIDED, Transfers
from tests.core.chain import NOW_MS, hub
from tests.core.contents import linked, receipt_content
from tests.core.transfer_day import TO_TELL, TransferDay, store


def notices(day: TransferDay) -> list[Entry]:
    return [entry for entry, _ in day.hub.journal if entry.content.kind == NOTICE]


def test_a_hub_tells_each_fact_once() -> None:
    day = TransferDay()
    transfer = day.request()
    day.ship(transfer)
    day.meet()
    assert [(one.stream.scope, len(one.content.facts[TOLD])) for one in notices(day)] == [("store-2", 2)]
    day.meet()
    assert len(notices(day)) == 1
    assert day.hub.replica.transfers.to_tell(TO_TELL) == []


def test_a_notice_names_the_entry_that_caused_it() -> None:
    day = TransferDay()
    transfer = day.request()
    day.meet()
    (told,) = notices(day)[0].content.facts[TOLD]
    asked = day.stores[1].journal[-1][0]
    assert (told[0], told[2:5]) == (asked.hash, ["store-1", asked.stream.writer, asked.sequence])
    assert day.seen(2, transfer).source == "store-1"


def test_two_hubs_that_tell_the_same_change_nothing_twice() -> None:
    day, other = TransferDay(), hub("hub-west")
    transfer = day.request()
    day.ship(transfer)
    for node in (day.hub, other):
        day._sync(day.stores[1], node)
        tell(node.replica, NOW_MS, node.replica.transfers.to_tell(TO_TELL))
        day._sync(day.stores[2], node)
    day.stores[2].commit()
    assert day.cola(2, transfer).in_transit == 10
    day._sync(day.hub, other)
    assert day.hub.replica.transfers.digest() == other.replica.transfers.digest()


def test_nodes_take_turns_that_differ_from_transfer_to_transfer() -> None:
    hubs = ["hub-a", "hub-b", "hub-c"]
    firsts = []
    for number in range(60):
        turns = [turn(f"t{number}", node, [one for one in hubs if one != node]) for node in hubs]
        assert sorted(turns) == [0, 1, 2]
        firsts.append(turns.index(0))
    assert all(firsts.count(place) > 5 for place in range(3))
    assert turn("t1", "hub-a", []) == 0


def test_a_shipment_that_a_second_node_of_the_store_repeated_is_undone_at_both_ends() -> None:
    day, second = TransferDay(), store(1, "0000000b")
    day._sync(day.stores[1], day.hub)
    day._sync(second, day.hub)
    transfer = day.request()
    day.meet()
    day._sync(second, day.hub)
    day.ship(transfer, key="scanned-once")
    first = day.stores[1]
    day.stores[1] = second
    day.ship(transfer, key="scanned-once")
    day.stores[1] = first
    day._sync(first, day.hub)
    day._sync(second, day.hub)
    day._sync(first, day.hub)
    day.meet()
    day._sync(second, day.hub)
    day.meet()
    assert [day.cola(number, transfer).sent for number in (0, 1, 2)] == [10, 10, 10]
    assert day.transit(transfer) == 10


def test_many_units_are_told_in_several_notices() -> None:
    items = {f"item-{number}": 4 for number in range(900)}
    day = TransferDay(**items)
    transfer = day.request(**items)
    for _ in range(4):
        day.ship(transfer, **dict.fromkeys(items, 1))
    before = len(notices(day))
    day.meet()
    assert NOTICE_UNITS_MAX < 900 * 5
    assert len(notices(day)) - before == 2
    assert (day.state(2, transfer), day.seen(2, transfer).units()["item-7"].in_transit) == (State.SHIPPED, 4)


def test_the_order_of_entries_changes_nothing() -> None:
    day = TransferDay()
    transfer = day.request(approve=False)
    day.meet()
    day.approve(2, transfer)
    day.meet()
    day.ship(transfer, cola=7)
    day.cancel(2, transfer)
    day.receive(transfer, 3, cola=2)
    day.meet()
    day.receive(transfer, cola=5)
    day.settle(transfer, 3, Discrepancy.TAKEN_BACK, 1)
    day.meet()
    entries = [entry for entry, _ in day.hub.journal if TRANSFER in entry.content.facts]
    expected = day.hub.replica.transfers.digest()
    random = Random(7)
    for _ in range(50):
        random.shuffle(entries)
        assert fold(entries, "hub-east").transfers.digest() == expected


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {TRANSFER: 7},
        {TRANSFER: "T9"},
        {TRANSFER: "number"},
        {TRANSFER: "number", TOLD: 3, VOIDED: []},
        {TRANSFER: "number", TOLD: [[b"h"]], VOIDED: []},
        {TRANSFER: "number", TOLD: [], VOIDED: ["text"]},
        {TRANSFER: "number", TOLD: [[b"h", "dance", "store-1", "w", 1, 1, 1, [], {}]], VOIDED: []},
        {TRANSFER: "number", TOLD: [[b"h", "transfer_shipment", "s", "w", 1, 1, 1, [["cola", 0, ""]], {}]], VOIDED: []},
    ],
)
def test_a_notice_that_no_node_writes_is_counted_and_skipped(facts: dict[str, object]) -> None:
    day = TransferDay()
    number = day.request()
    facts = {name: number if value == "number" else value for name, value in facts.items()}
    content = receipt_content(kind=NOTICE, moves=(), lines=(), facts=facts)
    (entry,) = linked(Stream("hub-east#0000000b", "store-2"), [content]).entries
    transfers = Transfers()
    transfers.apply(entry)
    assert (transfers.malformed, len(transfers)) == (1, 0)


def test_a_restarted_node_knows_the_same_transfers() -> None:
    day = TransferDay()
    done, underway = day.request(), day.request()
    for transfer in (done, underway):
        day.ship(transfer, cola=5)
    day.meet()
    day.receive(done)
    day.meet()
    before = day.hub.replica.transfers
    day.hub.commit()
    after = day.hub.restored("0000000c").replica.transfers
    assert (after.digest(), after.incoming, after.outgoing) == (before.digest(), before.incoming, before.outgoing)
    assert (after.newest(9), after.underway, after.late(1 << 60, 9)) == (before.newest(9), 1, [underway])
