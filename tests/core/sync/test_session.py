"""Two sessions back to back, without a socket: which frames are allowed when, and their effects."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from hashlib import shake_128
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.admission import admit_peer
from replica.core.base.clock import Moment
from replica.core.base.errors import PeerFault
from replica.core.base.limits import (
    CLOCK_SKEW_MAX_MS,
    DIGEST_INTERVAL_MS,
    FRAME_ENTRIES_MAX,
    HEARTBEAT_MS,
    SEAL_BYTES,
    SILENCE_MAX_MS,
    TEXT_LENGTH_MAX,
    WINDOW_BYTES,
)
from replica.core.base.names import CHAIN, HUBS
from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, Stream
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.sync.columns import ColumnEncoder
from replica.core.sync.session import (
    FRAMES_OF,
    Acknowledged,
    Admission,
    Arrived,
    Asked,
    Diverged,
    Ended,
    Greeted,
    Phase,
    Scopes,
    Session,
    plain_vectors,
)
from replica.core.sync.wire import (
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    Ack,
    AnyFrame,
    Beat,
    Bye,
    Covered,
    Digests,
    Entries,
    Given,
    Have,
    Hello,
    Want,
    pack_frame,
    seal,
    unpack_frame,
)
from tests.core.chain import NOW_MS, STORE, Node, SessionPair, hub, receipt, sale, store
from tests.core.contents import OWN, linked, receipt_content, with_hash_before

NOW = Moment(NOW_MS, 0)
PEER = Stream("hub-east#0000000a", STORE)


def columns_of(*runs: ReceivedRun) -> bytes:
    """Runs as the first batch of a session."""
    return ColumnEncoder().encode([pair for run in runs for pair in with_hash_before(run)])


class Alone:
    """One side of a session, by default of store-1. The test sends the peer's frames."""

    def __init__(self, node: Node | None = None, admit: Admission | None = None, now: Moment = NOW) -> None:
        self.node = node or store(1)
        self.session = Session(self.node.hello(now.wall_ms), self.node.replica, admit or self.node.admit, now)
        self.now = now
        self._sent, self._received = count(), count()

    def take(self, *frames: AnyFrame) -> list[Any]:
        """The events of these frames."""
        packed = (pack_frame(frame, next(self._sent)) for frame in frames)
        return [event for one in packed for event in self.session.receive(one, self.now)]

    def said(self) -> list[AnyFrame]:
        """The frames it sent since the last call."""
        return [unpack_frame(packed, next(self._received)) for packed in self.session.take_frames()]

    def fault(self, *frames: AnyFrame) -> str:
        """The reason why the session ends at the last of these frames. It also says it in its bye."""
        self.take(*frames[:-1])
        self.said()
        with pytest.raises(PeerFault) as fault:
            self.take(frames[-1])
        reason = fault.value.reason
        assert self.session.phase is Phase.CLOSED
        (bye,) = self.said()
        assert isinstance(bye, Bye)
        assert bye.reason == reason
        return reason


def greeting(**changed: Any) -> Hello:
    """The hello of a hub, with some fields changed."""
    return replace(hub("hub-east").hello(), **changed)


HELLO, HAVE = greeting(), Have({})
ENTRIES = Entries(1, columns_of(linked(PEER, [receipt_content(moves=(Move("cola", "supplier", "hub-east/free", 1),))])))
EVERY_FRAME: list[AnyFrame] = [
    HELLO,
    HAVE,
    ENTRIES,
    Covered({}),
    Ack(0),
    Digests({}),
    Beat(NOW_MS),
    Want(number=1, location=STORE, item="cola", quantity=2, clock=1),
    Given(1, 2, ""),
    Bye("done", ""),
]


def in_phase(phase: Phase) -> Alone:
    """A session in this phase."""
    alone = Alone()
    match phase:
        case Phase.COMPARING:
            alone.take(HELLO)
        case Phase.STREAMING:
            alone.take(HELLO, HAVE)
            alone.session.want(STORE, "cola", 2, 1)
        case Phase.CLOSED:
            alone.take(HELLO, HAVE, Bye("done", ""))
        case Phase.GREETING:
            pass
    assert alone.session.phase is phase
    alone.said()
    return alone


# ---------------------------------------------------------------------------------------------------------------------
# the order of frames


def test_a_session_opens_with_its_own_hello() -> None:
    alone = Alone()
    assert alone.said() == [alone.node.hello()]
    assert alone.session.phase is Phase.GREETING


def test_a_hello_is_answered_with_the_vectors_of_the_scopes_accepted() -> None:
    alone = Alone()
    alone.node.ask(receipt(cola=1))
    decisions.merge(
        alone.node.replica, [linked(Stream("store-2#0000000a", "store-2"), [receipt_content(moves=())])], NOW_MS
    )
    alone.said()
    assert alone.take(HELLO) == [Greeted(HELLO)]
    alone.session.claim(plain_vectors(alone.node.replica, alone.session.accepted))
    assert alone.said() == [Have(plain_vectors(alone.node.replica, (STORE,)))]
    assert alone.session.phase is Phase.COMPARING


def test_a_have_asks_for_the_missing_entries() -> None:
    alone = Alone()
    alone.node.ask(receipt(cola=1))
    assert alone.take(HELLO, HAVE) == [Greeted(HELLO), Asked()]
    assert alone.session.lacking() == {OWN: 0}


@pytest.mark.parametrize("frame", EVERY_FRAME, ids=lambda frame: type(frame).__name__)
@pytest.mark.parametrize("phase", list(Phase))
def test_each_phase_takes_its_own_frames_and_any_other_ends_the_session(phase: Phase, frame: AnyFrame) -> None:
    alone = in_phase(phase)
    if isinstance(frame, FRAMES_OF[phase]):
        alone.take(frame)
        return
    with pytest.raises(PeerFault) as fault:
        alone.take(frame)
    assert fault.value.reason == "out-of-sequence"
    assert alone.session.phase is Phase.CLOSED
    assert [type(said) for said in alone.said()] == ([] if phase is Phase.CLOSED else [Bye])


def test_the_table_of_frames_has_every_phase_and_every_frame() -> None:
    assert list(FRAMES_OF) == list(Phase)
    named = {frame: None for frames in FRAMES_OF.values() for frame in frames}
    assert sorted(frame.__name__ for frame in named) == sorted(type(frame).__name__ for frame in EVERY_FRAME)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([Entries(2, ENTRIES.columns)], "out-of-sequence"),
        ([Entries(0, ENTRIES.columns)], "out-of-sequence"),
        ([ENTRIES, ENTRIES], "out-of-sequence"),
        ([ENTRIES, Entries(3, ENTRIES.columns)], "out-of-sequence"),
        ([Ack(1)], "out-of-sequence"),
        ([Entries(1, bytes(3) + b"\x01nonsense")], "corrupt"),
    ],
)
def test_a_frame_with_a_wrong_number_ends_the_session(frames: list[AnyFrame], reason: str) -> None:
    assert Alone().fault(HELLO, HAVE, *frames) == reason


@pytest.mark.parametrize(
    ("packed", "reason"),
    [(b"", "malformed"), (b"no", "malformed"), (b"nonsense", "corrupt"), (seal(b"nonsense", 2), "malformed")],
)
def test_bytes_that_are_not_a_frame_end_the_session(packed: bytes, reason: str) -> None:
    alone = in_phase(Phase.STREAMING)
    with pytest.raises(PeerFault) as fault:
        alone.session.receive(packed, NOW)
    assert fault.value.reason == reason
    assert alone.said() == [Bye(reason, fault.value.detail)]


def test_a_session_takes_nothing_after_a_fault() -> None:
    alone = Alone()
    alone.fault(HELLO, HELLO)
    with pytest.raises(PeerFault) as fault:
        alone.take(HAVE)
    assert fault.value.reason == "out-of-sequence"
    assert alone.said() == []


def test_a_bye_ends_the_session_with_its_reason_and_without_an_answer() -> None:
    alone = in_phase(Phase.STREAMING)
    assert alone.take(Bye("stopping", "for the night")) == [Ended("stopping", "for the night")]
    assert alone.session.phase is Phase.CLOSED
    assert alone.said() == []


def test_a_session_says_bye_once() -> None:
    alone = in_phase(Phase.STREAMING)
    alone.session.close("stopping", "x" * 1_000)
    alone.session.close("again")
    assert alone.said() == [Bye("stopping", "x" * TEXT_LENGTH_MAX)]
    alone.session.merged(1)
    alone.session.tick(Moment(NOW_MS, 10 * SILENCE_MAX_MS))
    assert alone.said() == []


# ---------------------------------------------------------------------------------------------------------------------
# who may talk


@pytest.mark.parametrize(
    ("versions", "agreed"),
    [
        ((PROTOCOL_MIN, PROTOCOL_MAX), True),
        ((0, PROTOCOL_MIN), True),
        ((PROTOCOL_MAX, PROTOCOL_MAX + 9), True),
        ((0, 99), True),
        ((PROTOCOL_MAX + 1, PROTOCOL_MAX + 9), False),
        ((0, PROTOCOL_MIN - 1), False),
        ((PROTOCOL_MAX + 1, PROTOCOL_MIN - 1), False),
    ],
)
def test_peers_connect_if_they_share_a_protocol_version(versions: tuple[int, int], agreed: bool) -> None:
    if agreed:
        assert Alone().take(greeting(versions=versions))
    else:
        assert Alone().fault(greeting(versions=versions)) == "version"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"node": "store-1", "writer": "store-1#0000000f"}, "same-name"),
        ({"writer": "hub-west#0000000a"}, "malformed"),
        ({"writer": "hub-east"}, "malformed"),
        ({"writer": "hub-east#nonsense"}, "malformed"),
        ({"writer": "hub-east#0000000a\n"}, "malformed"),
        ({"scopes": ("store-1", "no scope")}, "malformed"),
        ({"scopes": ("store-1\n",)}, "malformed"),
        ({"clock_ms": NOW_MS + CLOCK_SKEW_MAX_MS + 1}, "clock"),
        ({"clock_ms": NOW_MS - CLOCK_SKEW_MAX_MS - 1}, "clock"),
    ],
)
def test_a_peer_with_an_impossible_hello_is_refused(changed: dict[str, Any], reason: str) -> None:
    assert Alone().fault(greeting(**changed)) == reason


@pytest.mark.parametrize("skew_ms", [CLOCK_SKEW_MAX_MS, -CLOCK_SKEW_MAX_MS])
def test_a_clock_at_the_bound_is_accepted(skew_ms: int) -> None:
    assert Alone().take(greeting(clock_ms=NOW_MS + skew_ms))


def test_the_clock_of_a_peer_that_is_not_admitted_is_not_read() -> None:
    alone = Alone(hub("hub-east"), admit_peer)
    stranger = greeting(node="x", writer="x#0000000a", role="stranger", clock_ms=NOW_MS + CLOCK_SKEW_MAX_MS + 1)
    assert alone.fault(stranger) == "unauthorised"
    assert alone.session.clock_read is None


def test_a_clock_that_runs_away_later_ends_the_session() -> None:
    assert Alone().fault(HELLO, HAVE, Beat(NOW_MS + CLOCK_SKEW_MAX_MS + 1)) == "clock"


def test_a_peer_that_policy_refuses_gets_the_reason() -> None:
    def nobody(peer: Hello) -> Scopes:
        raise PeerFault("unauthorised", f"{peer.node} is not welcome")

    alone = Alone(admit=nobody)
    assert alone.fault(HELLO) == "unauthorised"


def test_entries_of_a_scope_not_accepted_from_the_peer_end_the_session() -> None:
    other = Stream("hub-east#0000000a", "store-2")
    frame = Entries(1, columns_of(linked(other, [receipt_content(moves=())])))
    alone = Alone()
    assert alone.fault(HELLO, HAVE, frame) == "unauthorised"
    assert alone.node.replica.vectors == {}


def test_a_peer_accepted_for_all_scopes_may_send_any_scope() -> None:
    other = Stream("hub-east#0000000a", "store-2")
    alone = Alone(admit=lambda peer: None)
    (arrived,) = alone.take(HELLO, HAVE, Entries(1, columns_of(linked(other, [receipt_content(moves=())]))))[2:]
    assert [run.stream for run in arrived.runs] == [other]


@pytest.mark.parametrize("scope", [CHAIN, HUBS])
def test_stock_moves_outside_a_location_end_the_session(scope: str) -> None:
    stream = Stream("hub-east#0000000a", scope)
    moves = (Move("cola", "supplier", "hub-east/free", 1),)
    frame = Entries(1, columns_of(linked(stream, [receipt_content(moves=moves)])))
    assert Alone(admit=lambda peer: None).fault(HELLO, HAVE, frame) == "malformed"


@pytest.mark.parametrize("scope", [STORE, HUBS])
def test_a_document_outside_the_chain_scope_ends_the_session(scope: str) -> None:
    facts = {"kind": "price", "key": "cola", "rank": 0, "at": "", "version": 1, "value": b"\x01"}
    content = receipt_content(kind="document", moves=(), lines=(), facts=facts)
    frame = Entries(1, columns_of(linked(Stream("hub-east#0000000a", scope), [content])))
    assert Alone(admit=lambda peer: None).fault(HELLO, HAVE, frame) == "unauthorised"


def test_a_store_cannot_change_the_chains_documents_through_its_own_stream() -> None:
    west = hub("hub-west")
    alone = Alone(west)
    facts = {"kind": "price", "key": "cola", "rank": 0, "at": "", "version": 9, "value": b"\x01"}
    content = receipt_content(kind="document", moves=(), lines=(), facts=facts)
    alone.fault(store(1).hello(), HAVE, Entries(1, columns_of(linked(OWN, [content]))))
    assert west.replica.documents.value("price", "cola") is None


# ---------------------------------------------------------------------------------------------------------------------
# forks, gaps and our own stream


def content(node: str, number: int) -> Content:
    return receipt_content(quantity=number, moves=(Move("cola", "supplier", f"{node}/free", number),))


def holding(*numbers: int) -> Node:
    """A store that holds a stream of hub-east with these quantities."""
    node = store(1)
    decisions.merge(node.replica, [linked(PEER, [content("hub-east", number) for number in numbers])], NOW_MS)
    node.commit()
    return node


def have(run: ReceivedRun) -> Have:
    """The have of a peer that holds all of a run."""
    last = run.entries[-1]
    return Have({run.stream.scope: {run.stream.writer: (last.sequence, last.hash)}})


def test_two_entries_with_one_number_are_noticed_by_the_heads() -> None:
    fork = linked(PEER, [content("hub-east", 1), content("hub-east", 9)])
    alone = Alone(holding(1, 2))
    assert alone.fault(HELLO, have(fork)) == "fork"


def test_a_fork_below_the_longer_head_is_noticed_by_the_entries() -> None:
    fork = linked(PEER, [content("hub-east", number) for number in (1, 9, 3)])
    node = holding(1, 2)
    alone = Alone(node)
    tail = ReceivedRun(PEER, 3, fork.entries[1].hash, fork.entries[2:])
    (arrived,) = alone.take(HELLO, have(fork), Entries(1, columns_of(tail)))[2:]
    with pytest.raises(PeerFault) as fault:
        decisions.merge(node.replica, arrived.runs, NOW_MS)
    assert fault.value.reason == "fork"
    assert node.replica.head(PEER).sequence == 2


def test_a_gap_in_the_entries_of_a_peer_changes_nothing() -> None:
    run = linked(PEER, [content("hub-east", number) for number in (1, 2, 3)])
    node = holding(1)
    tail = ReceivedRun(PEER, 3, run.entries[1].hash, run.entries[2:])
    (arrived,) = Alone(node).take(HELLO, have(run), Entries(1, columns_of(tail)))[2:]
    with pytest.raises(PeerFault) as fault:
        decisions.merge(node.replica, arrived.runs, NOW_MS)
    assert fault.value.reason == "gap"
    assert node.replica.head(PEER).sequence == 1


def test_a_peer_that_holds_more_of_our_stream_than_we_wrote_is_noticed_by_the_heads() -> None:
    node = store(1)
    first = node.ask(receipt(cola=1)).content
    longer = linked(OWN, [first, receipt_content()])
    assert Alone(node).fault(HELLO, have(longer)) == "own-stream"


def test_a_fork_of_our_own_stream_is_noticed_by_the_heads() -> None:
    node = store(1)
    node.ask(receipt(cola=1))
    assert Alone(node).fault(HELLO, have(linked(OWN, [receipt_content(quantity=9)]))) == "fork"


def test_unknown_entries_of_our_own_writer_are_noticed_when_they_arrive() -> None:
    node = store(1)
    (arrived,) = Alone(node).take(HELLO, HAVE, Entries(1, columns_of(linked(OWN, [receipt_content()]))))[2:]
    with pytest.raises(PeerFault) as fault:
        decisions.merge(node.replica, arrived.runs, NOW_MS)
    assert fault.value.reason == "own-stream"


# ---------------------------------------------------------------------------------------------------------------------
# streaming, between two


def filled(node: Node, number: int) -> Node:
    """The node, after this number of goods receipts."""
    for _ in range(number):
        node.ask(receipt(cola=1))
    node.commit()
    return node


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
    (arrived,) = alone.take(Entries(1, columns_of(run)))
    decisions.merge(alone.node.replica, arrived.runs, NOW_MS)
    alone.session.merged(1)
    assert alone.session.entries_behind() == 0
    assert Ack(1) in alone.said()


def test_entries_that_arrived_from_another_peer_are_not_missing() -> None:
    alone = Alone()
    run = linked(PEER, [content("hub-east", number) for number in (1, 2, 3)])
    alone.take(HELLO, have(ReceivedRun(PEER, 1, run.previous, run.entries[:1])))
    assert alone.session.entries_behind() == 1
    decisions.merge(alone.node.replica, [run], NOW_MS)
    assert alone.session.entries_behind() == 0
    assert alone.session.behind == {}


def test_entries_the_peer_covers_and_we_lack_are_counted() -> None:
    alone = in_phase(Phase.STREAMING)
    alone.take(Covered({STORE: {PEER.writer: (7, b"h" * 16)}, "store-2": {PEER.writer: (9, b"h" * 16)}}))
    assert alone.session.entries_behind() == 7


# ---------------------------------------------------------------------------------------------------------------------
# time and digests


def test_a_session_ends_if_no_frame_arrives_for_too_long() -> None:
    alone = in_phase(Phase.STREAMING)
    alone.session.tick(Moment(NOW_MS, SILENCE_MAX_MS))
    with pytest.raises(PeerFault) as fault:
        alone.session.tick(Moment(NOW_MS, SILENCE_MAX_MS + 1))
    assert fault.value.reason == "silent"
    assert alone.session.phase is Phase.CLOSED
    assert isinstance(alone.said()[-1], Bye)


def test_a_peer_that_never_sends_hello_counts_as_silent() -> None:
    with pytest.raises(PeerFault) as fault:
        Alone().session.tick(Moment(NOW_MS, SILENCE_MAX_MS + 1))
    assert fault.value.reason == "silent"


def test_any_frame_breaks_the_silence() -> None:
    alone = in_phase(Phase.STREAMING)
    alone.now = Moment(NOW_MS + SILENCE_MAX_MS, SILENCE_MAX_MS)
    alone.take(Beat(alone.now.wall_ms))
    alone.session.tick(Moment(NOW_MS, 2 * SILENCE_MAX_MS))
    assert alone.session.phase is Phase.STREAMING


def test_a_jump_of_the_wall_clock_is_not_silence() -> None:
    alone = in_phase(Phase.STREAMING)
    alone.session.tick(Moment(NOW_MS + 10 * SILENCE_MAX_MS, 1))
    assert alone.session.phase is Phase.STREAMING


def test_a_session_sends_a_heartbeat_when_it_was_silent_for_the_interval() -> None:
    alone = in_phase(Phase.STREAMING)
    alone.session.tick(Moment(NOW_MS, HEARTBEAT_MS - 1))
    assert alone.said() == []
    alone.session.tick(Moment(NOW_MS + HEARTBEAT_MS, HEARTBEAT_MS))
    assert alone.said() == [Beat(NOW_MS + HEARTBEAT_MS)]


@pytest.mark.parametrize(
    ("frames", "after_ms"),
    [
        ((), SILENCE_MAX_MS + 1),
        ((HELLO,), HEARTBEAT_MS),
        ((HELLO, HAVE), min(HEARTBEAT_MS, DIGEST_INTERVAL_MS)),
    ],
)
def test_a_session_has_work_when_it_is_due_and_not_before(frames: tuple[AnyFrame, ...], after_ms: int) -> None:
    alone = Alone(now=Moment(NOW_MS, 5_000))
    alone.take(*frames)
    alone.said()
    assert alone.session.due_ms == 5_000 + after_ms
    alone.session.tick(Moment(NOW_MS, alone.session.due_ms - 1))
    assert alone.said() == []
    with suppress(PeerFault):
        alone.session.tick(Moment(NOW_MS, alone.session.due_ms))
    assert alone.said()


def test_digests_are_due_at_their_interval_between_heartbeats() -> None:
    alone = Alone(now=Moment(NOW_MS, 5_000))
    alone.take(HELLO, HAVE)
    spoke_ms = 5_000 + DIGEST_INTERVAL_MS - HEARTBEAT_MS // 2
    alone.now = Moment(NOW_MS, spoke_ms)
    alone.take(Beat(NOW_MS))
    alone.session.tick(alone.now)
    assert alone.session.due_ms == 5_000 + DIGEST_INTERVAL_MS
    alone.session.tick(Moment(NOW_MS, alone.session.due_ms))
    assert alone.session.due_ms == spoke_ms + HEARTBEAT_MS


def test_a_silent_peer_gets_the_reason_in_the_bye() -> None:
    alone = in_phase(Phase.STREAMING)
    with pytest.raises(PeerFault) as fault:
        alone.session.tick(Moment(NOW_MS, SILENCE_MAX_MS + 1))
    (bye,) = [frame for frame in alone.said() if isinstance(frame, Bye)]
    assert (bye.reason, bye.detail) == ("silent", fault.value.detail)
    assert str(SILENCE_MAX_MS + 1) in bye.detail


def test_two_idle_sessions_stay_up() -> None:
    line = SessionPair(store(1), hub("hub-east")).run()
    for _ in range(30):
        line.tick(HEARTBEAT_MS)
        line.run()
    assert line.is_up


def test_equal_vectors_with_equal_digests_raise_no_alarm() -> None:
    line = SessionPair(filled(store(1), 2), hub("hub-east")).run()
    for _ in range(DIGEST_INTERVAL_MS // HEARTBEAT_MS + 1):
        line.tick(HEARTBEAT_MS)
        line.run()
    assert line.said(Digests)
    assert line.alarms() == []


def test_equal_vectors_with_unequal_digests_raise_the_alarm_on_both_sides() -> None:
    shop, east = filled(store(1), 2), hub("hub-east")
    line = SessionPair(shop, east).run()
    east.replica.ledger.apply(STORE, OWN.writer, [Move("cola", "supplier", "store-1/free", 1)])
    for _ in range(DIGEST_INTERVAL_MS // HEARTBEAT_MS + 1):
        line.tick(HEARTBEAT_MS)
        line.run()
    ours, theirs = shop.replica.digest(STORE), east.replica.digest(STORE)
    assert sorted(line.alarms(), key=lambda alarm: alarm.ours) == sorted(
        [Diverged(STORE, ours, theirs), Diverged(STORE, theirs, ours)], key=lambda alarm: alarm.ours
    )
    assert line.is_up


def test_unequal_documents_raise_the_alarm_too() -> None:
    shop, east = store(1), hub("hub-east")
    east.write("cola", {"recipe": {"cola": 1}})
    east.commit()
    line = SessionPair(shop, east).run()
    assert shop.replica.vectors[CHAIN] == east.replica.vectors[CHAIN]
    facts = {"kind": "price", "key": "x", "rank": 0, "at": "", "version": 1, "value": b"\x01"}
    shop.replica.documents.apply(facts, 1, "hub-east#0000000a")
    for _ in range(DIGEST_INTERVAL_MS // HEARTBEAT_MS + 1):
        line.tick(HEARTBEAT_MS)
        line.run()
    assert [alarm.scope for alarm in line.alarms()] == [CHAIN, CHAIN]


def test_unequal_digests_at_unequal_vectors_raise_no_alarm() -> None:
    alone = in_phase(Phase.STREAMING)
    alone.node.ask(receipt(cola=1))
    assert alone.take(Digests({STORE: ("another vector", "another digest"), "store-2": ("v", "d")})) == []


def test_digests_are_sent_again_only_after_the_vector_changed() -> None:
    shop = filled(store(1), 1)
    alone = Alone(shop)
    alone.take(HELLO, HAVE)
    alone.said()

    def digests_said_at(elapsed_ms: int) -> int:
        alone.now = Moment(NOW_MS, elapsed_ms)
        alone.take(Beat(NOW_MS))
        alone.session.tick(alone.now)
        return sum(isinstance(frame, Digests) for frame in alone.said())

    assert digests_said_at(DIGEST_INTERVAL_MS - 1) == 0
    assert digests_said_at(DIGEST_INTERVAL_MS) == 1
    assert digests_said_at(2 * DIGEST_INTERVAL_MS) == 0
    filled(shop, 1)
    assert digests_said_at(3 * DIGEST_INTERVAL_MS) == 1


# ---------------------------------------------------------------------------------------------------------------------
# arbitrary frames of a peer


def flip(frame: bytes, bits: list[int]) -> bytes:
    flipped = bytearray(frame)
    for bit in bits:
        flipped[bit % (8 * len(flipped)) // 8] ^= 1 << bit % 8
    return bytes(flipped)


def spoil(line: SessionPair, change: Callable[[bytes], bytes], at: int) -> None:
    """Run a line, and change one frame on the way."""
    east = line.sides[1]
    for _ in range(40):
        for index in (0, 1):
            line.pump(index, 2)
            line.settle(index)
        if at == 0 and east.inbox:
            east.inbox[0] = change(east.inbox[0])
        at -= bool(east.inbox)
        line.deliver(1)
        line.deliver(0)


@given(st.integers(0, 6), st.lists(st.integers(0, 1 << 14), min_size=1, max_size=3))
def test_a_frame_with_flipped_bits_harms_no_state(at: int, bits: list[int]) -> None:
    shop, east = filled(store(1), 5), hub("hub-east")
    shop.ask(sale(cola=2))
    shop.commit()
    line = SessionPair(shop, east)
    spoil(line, lambda frame: flip(frame, bits), at)
    held = east.replica.head(OWN)
    if held.sequence:
        assert held.hash == shop.journal[held.sequence - 1][0].hash
    healed = SessionPair(shop, east).run()
    assert healed.fault is None
    assert east.replica.vectors == shop.replica.vectors
    assert east.replica.digests() == shop.replica.digests()


@given(st.lists(st.sampled_from(EVERY_FRAME) | st.binary(max_size=40), max_size=12), st.booleans())
def test_arbitrary_frames_in_any_order_at_most_end_the_session(frames: list[AnyFrame | bytes], sealed: bool) -> None:
    alone = Alone()
    for number, frame in enumerate(frames):
        content = frame if isinstance(frame, bytes) else pack_frame(frame, number)[:-SEAL_BYTES]
        try:
            alone.session.receive(seal(content, number) if sealed else content, NOW)
        except PeerFault:
            assert alone.session.phase is Phase.CLOSED
    assert alone.node.replica.vectors == {}
