"""Which frames a session takes in which phase, and what arbitrary bytes do to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.clock import Moment
from replica.core.base.errors import PeerFault
from replica.core.base.limits import SEAL_BYTES, SILENCE_MAX_MS, TEXT_LENGTH_MAX
from replica.core.log.entry import Stream
from replica.core.state import decisions
from replica.core.sync.events import Asked, Ended, Greeted
from replica.core.sync.session import FRAMES_OF, Phase, plain_vectors
from replica.core.sync.wire import Ack, AnyFrame, Bye, Entries, Have, pack_frame, seal
from tests.core.chain import NOW_MS, STORE, SessionPair, hub, receipt, sale, store
from tests.core.contents import OWN, linked, receipt_content
from tests.core.sync.lone_session import ENTRIES, EVERY_FRAME, HAVE, HELLO, NOW, Alone, filled, in_phase


def test_a_session_opens_with_its_own_hello() -> None:
    alone = Alone()
    assert alone.session.has_frames
    assert alone.said() == [alone.node.hello()]
    assert not alone.session.has_frames
    assert alone.session.phase is Phase.GREETING


def test_a_session_accepts_no_scope_before_its_peer_was_admitted() -> None:
    session = Alone().session
    assert (session.accepted, session.subscribed) == ((), ())


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
    assert type(frame).__name__ in fault.value.detail
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


def test_a_session_may_end_without_details() -> None:
    alone = in_phase(Phase.STREAMING)
    alone.session.close("stopping")
    assert alone.said() == [Bye("stopping", "")]


def test_a_session_says_bye_once() -> None:
    alone = in_phase(Phase.STREAMING)
    alone.session.close("stopping", "x" * 1_000)
    alone.session.close("again")
    assert alone.said() == [Bye("stopping", "x" * TEXT_LENGTH_MAX)]
    alone.session.merged(1)
    alone.session.tick(Moment(NOW_MS, 10 * SILENCE_MAX_MS))
    assert alone.said() == []


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
