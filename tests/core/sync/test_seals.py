"""Lines that change, lose, duplicate or reorder frames. The next frame at the latest shows it; no state is harmed."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.limits import DIGEST_INTERVAL_MS, HEARTBEAT_MS
from replica.core.sync.events import RightsWanted
from replica.core.sync.session import Phase
from replica.core.sync.wire import AnyFrame, unpack_frame
from tests.core.chain import STORE, Node, SessionPair, hub, receipt, store

SHOP, HUB = 0, 1
"""The sides of the lines here."""


def filled(node: Node, number: int) -> Node:
    """The node, after this number of goods receipts."""
    for _ in range(number):
        node.ask(receipt(cola=1))
    node.commit()
    return node


def opened() -> SessionPair:
    """A store and a hub that just connected, and have entries for each other."""
    return SessionPair(filled(store(1), 5), filled(hub("hub-east", STORE), 3))


def deal(line: SessionPair, index: int) -> None:
    """Let one side ask for rights as soon as it may, and answer the wants of the other."""
    side = line.sides[index]
    if side.session.phase is Phase.STREAMING and not side.session.wants_sent:
        side.session.want(STORE, "cola", 1, 1)
    for event in side.events:
        if isinstance(event, RightsWanted):
            side.session.give(event.want.number, 1)
    line.carry(index)


def recorded() -> tuple[list[bytes], list[bytes]]:
    """All frames of each side of an undisturbed session, from hello to bye."""
    line = opened()
    for _ in range(DIGEST_INTERVAL_MS // HEARTBEAT_MS + 1):
        line.run(limit=2)
        for index in (SHOP, HUB):
            deal(line, index)
        line.tick(HEARTBEAT_MS)
    for side in line.sides:
        side.session.close("stopping")
        side.sent += side.session.take_frames()
    assert line.fault is None
    return line.sides[SHOP].sent, line.sides[HUB].sent


SAID = recorded()


class Heard(NamedTuple):
    """The result of a session at its receiving side: at which frame and why it ended, and the state held then."""

    ended_at: int | None
    reason: str
    held: object


def hear(listener: int, frames: list[bytes]) -> Heard:
    """Feed these frames to one side of a new session."""
    line = opened()
    node, session = line.sides[listener].node, line.sides[listener].session
    ended_at = None
    for number, frame in enumerate(frames):
        line.feed(listener, frame)
        if line.fault is not None:
            ended_at = number
            break
        deal(line, listener)
        while line.settle(listener) or line.pump(listener, 2):
            pass
    held = (node.replica.vectors, node.replica.digests(), node.durable(None), session.durable, session.behind)
    return Heard(ended_at, line.fault.reason if line.fault else "", held)


def check_noticed(speaker: int, frames: list[bytes], at: int) -> None:
    """Check that the session ends at frame `at`, with the state that the frames before it led to."""
    heard = hear(1 - speaker, frames)
    assert (heard.ended_at, heard.reason) == (at, "corrupt")
    assert heard.held == hear(1 - speaker, SAID[speaker][:at]).held


speakers = st.sampled_from((SHOP, HUB))


def frame_numbers(speaker: int) -> st.SearchStrategy[int]:
    return st.integers(0, len(SAID[speaker]) - 1)


@pytest.mark.parametrize("speaker", [SHOP, HUB])
def test_the_recording_is_a_whole_session_with_every_kind_of_frame(speaker: int) -> None:
    said = [unpack_frame(packed, number) for number, packed in enumerate(SAID[speaker])]
    assert [*dict.fromkeys(type(frame).__name__ for frame in sorted(said, key=_tag))] == [
        kind.__name__ for kind in AnyFrame.__args__
    ]
    heard = hear(1 - speaker, SAID[speaker])
    assert heard.ended_at is None
    assert heard.held != hear(1 - speaker, []).held


def _tag(frame: AnyFrame) -> int:
    tag = frame.__struct_config__.tag
    assert isinstance(tag, int)
    return tag


@given(speakers, st.data(), st.integers(1, 255))
def test_a_changed_byte_is_noticed_at_once_and_harms_nothing(speaker: int, data: st.DataObject, change: int) -> None:
    frames = list(SAID[speaker])
    at = data.draw(frame_numbers(speaker))
    changed = bytearray(frames[at])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= change
    frames[at] = bytes(changed)
    check_noticed(speaker, frames, at)


@given(speakers, st.data())
def test_a_lost_frame_is_noticed_with_the_next_one_and_harms_nothing(speaker: int, data: st.DataObject) -> None:
    frames = list(SAID[speaker])
    at = data.draw(st.integers(0, len(frames) - 2))
    del frames[at]
    check_noticed(speaker, frames, at)


@given(speakers, st.data())
def test_a_duplicated_frame_is_noticed_at_once_and_harms_nothing(speaker: int, data: st.DataObject) -> None:
    frames = list(SAID[speaker])
    at = data.draw(frame_numbers(speaker))
    frames.insert(at, frames[at])
    check_noticed(speaker, frames, at + 1)


@given(speakers, st.data())
def test_swapped_frames_are_noticed_at_the_first_and_harm_nothing(speaker: int, data: st.DataObject) -> None:
    frames = list(SAID[speaker])
    one, other = sorted(data.draw(st.lists(frame_numbers(speaker), min_size=2, max_size=2, unique=True)))
    frames[one], frames[other] = frames[other], frames[one]
    check_noticed(speaker, frames, one)


@given(speakers, st.data(), st.binary(max_size=40))
def test_a_frame_that_a_middlebox_adds_is_noticed_and_harms_nothing(
    speaker: int, data: st.DataObject, foreign: bytes
) -> None:
    frames = list(SAID[speaker])
    at = data.draw(frame_numbers(speaker))
    frames.insert(at, foreign)
    heard = hear(1 - speaker, frames)
    assert (heard.ended_at, heard.reason in ("corrupt", "malformed")) == (at, True)
    assert heard.held == hear(1 - speaker, SAID[speaker][:at]).held


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("listener", [SHOP, HUB])
def test_a_frame_lost_before_a_silence_is_noticed_with_the_next_heartbeat(listener: int, at: int) -> None:
    """Also for frames that are never sent again: a have, an acknowledgement, the last entries."""
    line = opened()
    speaker, inbox = line.sides[1 - listener], line.sides[listener].inbox
    while len(speaker.sent) <= at:
        for index in (SHOP, HUB):
            line.deliver(index)
            line.settle(index)
            line.pump(index)
    while len(speaker.sent) - len(inbox) < at:
        line.deliver(listener)
    inbox.popleft()
    line.run()
    line.tick(HEARTBEAT_MS)
    line.run()
    assert line.fault is not None
    assert line.fault.reason == "corrupt"
    shop, east = (side.node for side in line.sides)
    assert SessionPair(shop, east).run().fault is None
    assert shop.replica.vectors == east.replica.vectors


def test_a_session_that_ends_because_of_a_seal_sends_a_sealed_bye() -> None:
    line = opened()
    line.feed(HUB, SAID[SHOP][1])
    assert line.sides[HUB].session.phase is Phase.CLOSED
    said = [unpack_frame(packed, number) for number, packed in enumerate(line.sides[HUB].sent)]
    assert [type(frame).__name__ for frame in said] == ["Hello", "Bye"]
