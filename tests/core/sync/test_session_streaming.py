"""What two sessions back to back send each other, and what they have counted afterwards."""

from __future__ import annotations

from hashlib import shake_128

import pytest

from replica.core.base.limits import FRAME_ENTRIES_MAX, WINDOW_BYTES
from replica.core.base.names import CHAIN, HUBS
from replica.core.log.entry import Stream
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.sync.columns import ColumnEncoder
from replica.core.sync.events import Acknowledged, Arrived, Scopes
from replica.core.sync.session import Phase, plain_vectors
from replica.core.sync.wire import Ack, Covered, Entries, Have
from tests.core.chain import NOW_MS, STORE, Node, SessionPair, hub, receipt, store
from tests.core.contents import OWN, linked, receipt_content, with_hash_before
from tests.core.sync.lone_session import (
    ENTRIES,
    HAVE,
    HELLO,
    PEER,
    Alone,
    columns_of,
    content,
    filled,
    greeting,
    have,
    holding,
    in_phase,
)


def test_both_sides_send_the_missing_entries_and_end_equal() -> None:
    shop, east = filled(store(1), 5), hub("hub-east", STORE)
    filled(east, 3)
    east.write("cola", {"recipe": {"cola": 1}})
    east.commit()
    line = SessionPair(shop, east).run()
    assert line.fault is None
    assert shop.replica.vectors == east.replica.vectors
    assert shop.replica.digests() == east.replica.digests()
    assert shop.replica.ledger.stock(STORE, "cola").figures.on_hand == 8


def test_new_entries_are_pushed_without_a_request() -> None:
    shop, east = store(1), hub("hub-east")
    line = SessionPair(shop, east).run()
    filled(shop, 2)
    line.run()
    assert east.replica.head(OWN).sequence == 2


def test_no_entry_is_sent_twice_or_back_to_its_sender() -> None:
    shop, east = filled(store(1), 3), hub("hub-east")
    line = SessionPair(shop, east).run()
    SessionPair(shop, east).run()
    assert len(line.said(Entries)) == 1
    assert SessionPair(shop, east).run().said(Entries) == []


def test_a_backlog_travels_in_frames_of_the_most_entries() -> None:
    shop = filled(store(1), FRAME_ENTRIES_MAX + 1)
    line = SessionPair(shop, hub("hub-east")).run()
    arrived = [event for event in line.sides[1].events if isinstance(event, Arrived)]
    assert [sum(len(run.entries) for run in event.runs) for event in arrived] == [FRAME_ENTRIES_MAX, 1]
    assert [event.number for event in arrived] == [1, 2]


@pytest.mark.parametrize(("entries", "more_bytes"), [(2, 0), (3, 1)])
def test_a_frame_is_full_when_its_entries_have_enough_bytes(
    entries: int, more_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = filled(store(1), 6)
    monkeypatch.setattr("replica.core.sync.session.FRAME_SOFT_BYTES", 2 * len(shop.journal[0][0].body) + more_bytes)
    line = SessionPair(shop, hub("hub-east")).run()
    arrived = [event for event in line.sides[1].events if isinstance(event, Arrived)]
    assert [sum(len(run.entries) for run in event.runs) for event in arrived] == [entries] * (6 // entries)


@pytest.mark.parametrize(
    ("own", "wanted", "offered"),
    [
        ((STORE, CHAIN), None, (STORE,)),
        ((STORE, CHAIN), (STORE, CHAIN), (STORE,)),
        ((STORE, CHAIN), ("store-2", CHAIN), ()),
        (None, ("store-2", CHAIN), ("store-2", CHAIN)),
        (None, None, None),
    ],
)
def test_a_node_offers_the_scopes_that_its_peer_wants_and_accepts(own: Scopes, wanted: Scopes, offered: Scopes) -> None:
    alone = Alone(Node(STORE, (STORE,), own), lambda peer: ())
    alone.take(greeting(scopes=wanted))
    assert alone.session.offered == offered


def test_the_vectors_of_some_scopes_have_no_others() -> None:
    shop = filled(store(1), 1)
    shop.write("cola", {"recipe": {"cola": 1}})
    assert list(plain_vectors(shop.replica, (STORE,))) == [STORE]
    assert sorted(plain_vectors(shop.replica, None)) == [CHAIN, STORE]


def test_a_store_gets_only_its_own_location_and_the_chain() -> None:
    east = hub("hub-east", STORE, "store-2")
    east.ask(receipt(cola=1))
    decisions.merge(east.replica, [linked(Stream("hub-west#0000000a", "store-2"), [receipt_content(moves=())])], NOW_MS)
    decisions.merge(east.replica, [linked(Stream("hub-west#0000000a", HUBS), [receipt_content(moves=())])], NOW_MS)
    east.write("cola", {"recipe": {"cola": 1}})
    east.commit()
    shop = store(1)
    SessionPair(shop, east).run()
    assert sorted(shop.replica.vectors) == [CHAIN, STORE]


def test_a_store_never_relays_chain_wide_entries_to_a_hub() -> None:
    east, west, shop = hub("hub-east"), hub("hub-west"), store(1)
    east.write("cola", {"recipe": {"cola": 1}})
    east.commit()
    SessionPair(shop, east).run()
    filled(shop, 1)
    for other in (east, west):
        line = SessionPair(shop, other).run()
        assert line.fault is None
        assert other.replica.head(OWN).sequence == 1
    assert CHAIN not in west.replica.vectors


def test_a_hub_relays_to_a_store_the_entries_of_another_hub_for_its_location() -> None:
    west, east, shop = hub("hub-west", STORE), hub("hub-east"), store(1)
    filled(west, 2)
    SessionPair(west, east).run()
    SessionPair(east, shop).run()
    assert shop.replica.ledger.stock(STORE, "cola").figures.on_hand == 2


def test_an_acknowledgement_frees_the_window_and_raises_the_durable_number() -> None:
    shop, east = filled(store(1), 3), hub("hub-east")
    line = SessionPair(shop, east)
    for _ in range(4):
        line.deliver(0)
        line.deliver(1)
    line.pump(0)
    session = line.sides[0].session
    assert session.unacknowledged_bytes > 0
    assert session.durable.get(OWN, 0) == 0
    line.run()
    assert session.unacknowledged_bytes == 0
    assert session.durable[OWN] == 3
    assert Acknowledged() in line.sides[0].events


def test_the_durable_number_at_the_peer_never_goes_back() -> None:
    former = Stream("store-1#0000000e", STORE)
    run = linked(former, [receipt_content(quantity=number) for number in (1, 2, 3)])
    shop = store(1)
    decisions.merge(shop.replica, [ReceivedRun(former, 1, run.previous, run.entries[:1])], NOW_MS)
    shop.commit()
    alone = Alone(shop)
    alone.take(HELLO, HAVE)
    alone.session.send(shop.journal)
    rest = ReceivedRun(former, 2, run.entries[0].hash, run.entries[1:])
    alone.take(Entries(1, columns_of(rest)), Ack(1))
    assert alone.session.durable[former] == 3


def test_a_session_stops_sending_while_its_window_is_full() -> None:
    alone = Alone()
    assert not alone.session.has_room
    alone.take(HELLO, HAVE)
    assert alone.session.has_room
    noise = [shake_128(b"%d" % number).digest(4_000) for number in range(WINDOW_BYTES // 4_000 + 1)]
    pairs = with_hash_before(linked(OWN, [receipt_content(facts={"noise": blob}) for blob in noise]))
    assert alone.session.send(pairs[:9]) == 9
    assert alone.session.has_room
    alone.session.send(pairs)
    assert alone.session.unacknowledged_bytes >= WINDOW_BYTES
    assert not alone.session.has_room
    alone.session.unacknowledged_bytes = WINDOW_BYTES
    assert not alone.session.has_room


def test_entries_the_peer_has_are_not_sent() -> None:
    shop = filled(store(1), 3)
    alone = Alone(shop)
    pairs = shop.journal
    alone.take(HELLO, Have({STORE: {OWN.writer: (2, pairs[1][0].hash)}}))
    alone.said()
    assert alone.session.lacking() == {OWN: 2}
    assert alone.session.send(pairs) == len(pairs)
    (entries,) = alone.said()
    assert isinstance(entries, Entries)
    assert alone.session.lacking() == {}
    alone.session.send(pairs)
    assert alone.said() == []


def test_entries_that_the_peer_sends_although_we_claimed_them_are_counted() -> None:
    alone = Alone(holding(1, 2))
    alone.take(HELLO)
    alone.session.claim(plain_vectors(alone.node.replica, alone.session.accepted))
    longer = linked(PEER, [content("hub-east", number) for number in (1, 2, 3)])
    alone.take(HAVE, Entries(1, columns_of(longer)))
    assert alone.session.resent == 2


def test_only_entries_that_were_claimed_count_as_resent() -> None:
    alone = Alone(holding(1, 2))
    alone.take(HELLO)
    alone.session.claim(plain_vectors(alone.node.replica, alone.session.accepted))
    run = linked(PEER, [content("hub-east", number) for number in (1, 2, 3)])
    other = linked(Stream("hub-east#0000000b", STORE), [content("hub-east", 4)])
    encoder = ColumnEncoder()
    pairs = [*with_hash_before(run)[1:], *with_hash_before(other)]
    alone.take(HAVE, Entries(1, encoder.encode(pairs)))
    assert alone.session.resent == 1
    alone.take(Entries(2, encoder.encode(with_hash_before(run)[:1])))
    assert alone.session.resent == 2


def test_entries_the_peer_sent_are_not_sent_back() -> None:
    alone = Alone()
    (arrived,) = alone.take(HELLO, HAVE, ENTRIES)[2:]
    decisions.merge(alone.node.replica, arrived.runs, NOW_MS)
    assert alone.session.lacking() == {}


def test_a_session_covers_its_backlog_and_later_only_entries_sent_since() -> None:
    shop = filled(store(1), 1)
    alone = Alone(shop)
    alone.take(HELLO, HAVE)
    alone.said()
    alone.session.cover(plain_vectors(shop.replica, None))
    alone.session.cover()
    head = (1, shop.journal[0][0].hash)
    assert alone.said() == [Covered({STORE: {OWN.writer: head}})]
    alone.session.send(shop.journal)
    alone.session.cover()
    assert alone.said()[1:] == [Covered({STORE: {OWN.writer: head}})]
    alone.session.cover()
    assert alone.said() == []


def test_an_empty_backlog_is_covered_too() -> None:
    alone = in_phase(Phase.STREAMING)
    alone.session.cover({})
    assert alone.said() == [Covered({})]


def test_entries_the_peer_holds_and_we_lack_are_counted_until_they_arrive() -> None:
    alone = Alone()
    run = linked(PEER, [content("hub-east", number) for number in (1, 2, 3)])
    alone.take(HELLO, have(run))
    assert alone.session.entries_behind() == 3
    encoder, pairs = ColumnEncoder(), with_hash_before(run)
    for number, (some, behind) in enumerate([(pairs[:1], 2), (pairs[1:], 0)], start=1):
        (arrived,) = alone.take(Entries(number, encoder.encode(some)))
        decisions.merge(alone.node.replica, arrived.runs, NOW_MS)
        alone.session.merged(number)
        assert alone.session.entries_behind() == behind
    assert alone.session.behind == {}
    assert Ack(1) in alone.said()


def test_entries_that_arrived_from_another_peer_are_not_missing() -> None:
    alone = Alone()
    run = linked(PEER, [content("hub-east", number) for number in (1, 2, 3)])
    alone.take(HELLO, have(ReceivedRun(PEER, 1, run.previous, run.entries[:1])))
    assert alone.session.entries_behind() == 1
    decisions.merge(alone.node.replica, [run], NOW_MS)
    assert alone.session.entries_behind() == 0
    assert alone.session.behind == {}


def test_a_peer_that_holds_what_we_hold_is_not_ahead() -> None:
    run = linked(PEER, [content("hub-east", number) for number in (1, 2)])
    alone = Alone(holding(1, 2))
    alone.take(HELLO, have(run))
    assert alone.session.behind == {}


def test_entries_the_peer_covers_and_we_lack_are_counted() -> None:
    alone = in_phase(Phase.STREAMING)
    alone.take(Covered({STORE: {PEER.writer: (7, b"h" * 16)}, "store-2": {PEER.writer: (9, b"h" * 16)}}))
    assert alone.session.entries_behind() == 7
