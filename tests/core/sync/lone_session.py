"""One side of a session without a socket, and the frames that a test sends it."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from replica.core.base.clock import Moment
from replica.core.base.errors import PeerFault
from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, Stream
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.sync.columns import ColumnEncoder
from replica.core.sync.events import Admission
from replica.core.sync.session import Phase, Session
from replica.core.sync.wire import (
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
    unpack_frame,
)
from tests.core.chain import NOW_MS, STORE, Node, hub, receipt, store
from tests.core.contents import linked, receipt_content, with_hash_before

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


def filled(node: Node, number: int) -> Node:
    """The node, after this number of goods receipts."""
    for _ in range(number):
        node.ask(receipt(cola=1))
    node.commit()
    return node


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
