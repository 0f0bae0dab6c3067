"""Replicas with very many writers: vectors come in several frames, and nothing continues before the last of them."""

from __future__ import annotations

import pytest

from replica.core.base.errors import PeerFault
from replica.core.base.limits import FRAME_STREAMS_MAX
from replica.core.base.names import CHAIN
from replica.core.ledger.cells import Move
from replica.core.log.entry import Stream
from replica.core.state import decisions
from replica.core.sync.events import Asked
from replica.core.sync.session import Phase, plain_vectors
from replica.core.sync.wire import AnyFrame, Covered, Entries, Have, Vectors
from tests.core.chain import NOW_MS, STORE, Node, SessionPair, hub, store
from tests.core.contents import linked, receipt_content
from tests.core.sync.lone_session import ENTRIES, HELLO, Alone

MANY = 2 * FRAME_STREAMS_MAX + 1


def former(name: str, first: int, number: int) -> list[Stream]:
    """Streams of earlier incarnations of a node, as after many restores."""
    return [Stream(f"{name}#{one:08x}", STORE) for one in range(first, first + number)]


def holding(node: Node, streams: list[Stream], entries: int = 1) -> Node:
    """The node, with this number of entries of each stream. Every node has the same entries of a stream."""
    for stream in streams:
        source = stream.writer.partition("#")[0]
        moves = (Move("cola", "supplier", f"{source}/free", 1),)
        contents = [receipt_content(moves=moves, quantity=1) for _ in range(entries)]
        decisions.merge(node.replica, [linked(stream, contents)], NOW_MS)
    node.commit()
    return node


def heads(streams: list[Stream], sequence: int = 1) -> Vectors:
    vectors: Vectors = {}
    for stream in streams:
        vectors.setdefault(stream.scope, {})[stream.writer] = (sequence, b"h" * 16)
    return vectors


def test_replicas_of_many_writers_compare_in_parts_and_end_equal() -> None:
    both = former("hub-west", 0x100, 40)
    shop = holding(holding(store(1), former("store-1", 0x1000, MANY)), both)
    east = holding(holding(hub("hub-east"), former("hub-east", 0x1000, MANY)), both)
    line = SessionPair(shop, east).run()
    assert line.fault is None
    assert shop.replica.vectors == east.replica.vectors
    assert shop.replica.digests() == east.replica.digests()
    assert [have.is_last for have in line.said(Have)] == [False, False, True] * 2
    assert [covered.is_last for covered in line.said(Covered)].count(False) >= 4
    assert [side.session.entries_behind() for side in line.sides] == [0, 0]
    again = SessionPair(shop, east).run()
    assert again.said(Entries) == []
    assert [len(have.vectors[STORE]) for have in again.said(Have)] == [
        *(4 * [FRAME_STREAMS_MAX]),
        2 * MANY + 40 - 4 * FRAME_STREAMS_MAX,
    ] * 2


def test_only_the_last_part_of_a_have_says_that_it_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replica.core.sync.wire.FRAME_STREAMS_MAX", 2)
    alone = Alone()
    alone.take(HELLO)
    alone.said()
    alone.session.claim(heads(former("hub-west", 0, 5)))
    said = [frame for frame in alone.said() if isinstance(frame, Have)]
    assert [have.is_last for have in said] == [False, False, True]


def test_no_entries_are_asked_for_before_the_last_part() -> None:
    streams = former("hub-west", 0, 3)
    alone = Alone(holding(store(1), streams, entries=2))
    vectors = plain_vectors(holding(store(2), streams[:2]).replica, None)[STORE]
    one, other = ({STORE: {stream.writer: vectors[stream.writer]}} for stream in streams[:2])
    assert alone.take(HELLO, Have(one, is_last=False), Have(other, is_last=False))[1:] == []
    assert alone.session.phase is Phase.COMPARING
    assert not alone.session.has_room
    assert alone.take(Have({})) == [Asked()]
    assert alone.session.lacking() == {streams[0]: 1, streams[1]: 1, streams[2]: 0}


@pytest.mark.parametrize("frame", [ENTRIES, Covered({})], ids=lambda frame: type(frame).__name__)
def test_a_streaming_frame_before_the_last_part_is_out_of_sequence(frame: AnyFrame) -> None:
    part = Have(heads(former("hub-west", 0, 1)), is_last=False)
    assert Alone().fault(HELLO, part, frame) == "out-of-sequence"


def test_a_part_after_the_last_is_out_of_sequence() -> None:
    assert Alone().fault(HELLO, Have({}), Have({})) == "out-of-sequence"


def test_a_fork_is_noticed_in_any_part() -> None:
    streams = former("hub-west", 0, 2)
    alone = Alone(holding(store(1), streams))
    elsewhere = Have({CHAIN: {"hub-west#0000000a": (1, b"h" * 16)}}, is_last=False)
    assert alone.fault(HELLO, elsewhere, Have(heads(streams[1:]))) == "fork"


def test_a_peer_that_names_more_streams_than_the_limit_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replica.core.sync.session.STREAMS_MAX", 5)
    alone = Alone()
    alone.take(HELLO, Have(heads(former("hub-west", 0, 5)), is_last=False))
    assert alone.fault(Have(heads(former("hub-west", 5, 1)), is_last=False)) == "oversized"
    alone = Alone()
    alone.take(HELLO, Have({}), Covered(heads(former("hub-west", 0, 5))))
    assert alone.fault(Covered(heads(former("hub-west", 5, 1)))) == "oversized"


def test_a_peer_may_name_the_same_streams_again_at_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("replica.core.sync.session.STREAMS_MAX", 5)
    alone = Alone()
    streams = heads(former("hub-west", 0, 5))
    assert alone.take(HELLO, Have(streams), Covered(streams), Covered(streams))[1:] == [Asked()]


def test_entries_covered_in_several_parts_are_all_counted() -> None:
    alone = Alone()
    streams = former("hub-west", 0, MANY)
    alone.take(HELLO, Have({}))
    for first in range(0, MANY, FRAME_STREAMS_MAX):
        some = streams[first : first + FRAME_STREAMS_MAX]
        alone.take(Covered(heads(some, sequence=2), is_last=first + FRAME_STREAMS_MAX >= MANY))
    assert alone.session.entries_behind() == 2 * MANY


def test_a_frame_with_more_streams_than_the_limit_cannot_be_built() -> None:
    with pytest.raises(ValueError, match=f"{FRAME_STREAMS_MAX + 1} streams"):
        Have(heads(former("hub-west", 0, FRAME_STREAMS_MAX + 1)))


def test_a_lost_part_ends_the_session_with_the_next_one() -> None:
    line = SessionPair(holding(store(1), former("store-1", 0x1000, MANY)), hub("hub-east"))
    line.deliver(0)
    line.deliver(1)
    del line.sides[1].inbox[1]
    line.run()
    assert isinstance(line.fault, PeerFault)
    assert line.fault.reason == "corrupt"
