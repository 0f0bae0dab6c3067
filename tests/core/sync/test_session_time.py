"""Silence, heartbeats and digests of a session."""

from __future__ import annotations

from contextlib import suppress

import pytest

from replica.core.base.clock import Moment
from replica.core.base.errors import PeerFault
from replica.core.base.limits import DIGEST_INTERVAL_MS, HEARTBEAT_MS, SILENCE_MAX_MS
from replica.core.base.names import CHAIN
from replica.core.ledger.cells import Move
from replica.core.sync.events import Diverged
from replica.core.sync.session import Phase
from replica.core.sync.wire import AnyFrame, Beat, Bye, Digests
from tests.core.chain import NOW_MS, STORE, SessionPair, hub, receipt, store
from tests.core.contents import OWN
from tests.core.sync.lone_session import HAVE, HELLO, Alone, filled, greeting, in_phase


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


def test_a_peer_gets_digests_only_of_the_scopes_that_it_subscribes_to() -> None:
    shop = filled(store(1), 1)
    shop.write("cola", {"recipe": {"cola": 1}})
    alone = Alone(shop)
    alone.take(greeting(scopes=(STORE, "store-2")), HAVE)
    alone.now = Moment(NOW_MS, DIGEST_INTERVAL_MS)
    alone.take(Beat(NOW_MS))
    alone.session.tick(alone.now)
    assert [list(frame.digests) for frame in alone.said() if isinstance(frame, Digests)] == [[STORE]]


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
