"""Faults of clocks, as the journal shows them: an operator is told of them, and no decision depends on them.

    a drift     a node's stamps are far ahead of its wall clock, because that clock was wrong before
    a notice    a node read the clock of a peer, and it differs from its own by too much
    a till      a till says that a movement happened at a time that cannot be true

A stream has one notice for each peer, and one fault for each till: the newest. It is over as soon as an entry of the
same stream shows so, and stays in the list with the time at which it was over. A writer has one drift, whatever the
number of its streams: they share a clock, and an entry with an older stamp says nothing new about it. All of this is
computed from the entries of one stream in their order, or of one writer by their stamps, so replicas that have the same
entries list the same clocks, also after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from replica.core.base.limits import CLOCK_FAULTS_MAX, CLOCK_NOTICE_MS, CLOCK_NOTICES_MAX
from replica.core.log.draft import Draft
from replica.core.log.entry import Entry, Stream
from replica.core.log.times import OCCURRED_AT, WALL, drift_ms, impossible_at, occurred_clock, recorded_ms

NOTICE = "notice"
"""The kind of an entry by which a node tells operators what it saw. It moves nothing."""

DRIFT, PEER, TILL = "drift", "peer", "till"


class ClockFault(Struct, array_like=True):
    """One clock that is or was wrong, as the entries of one stream show it."""

    about: str
    """DRIFT, PEER or TILL."""
    name: str
    """The peer or the till; empty for a drift, which is of the writer."""
    writer: str
    scope: str
    since_ms: int
    at_ms: int
    """When the newest entry that shows it was recorded."""
    ahead_ms: int
    """How far the clock is ahead; negative if it is behind."""
    entry: bytes
    until_ms: int = 0
    """When the first entry that shows a right clock was recorded; 0: none did yet."""
    occurred_at: int = 0
    """For a till: the time that it said, in microseconds since 1970."""
    clock: int = 0
    """The stamp of the newest entry that shows it."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What a replica keeps one of."""
        return self.about, self.name, self.writer, "" if self.about == DRIFT else self.scope

    @property
    def stream(self) -> Stream:
        """The stream that shows it."""
        return Stream(self.writer, self.scope)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ClockFault).decode

_Key = tuple[str, str, str, str]


class ClockFaults:
    """The newest faults of clocks."""

    __slots__ = ("_changed", "_found", "_going", "_slots")

    def __init__(self) -> None:
        self._found: dict[_Key, ClockFault] = {}
        self._slots: dict[_Key, int] = {}
        """The row of each fault in the journal. A new fault takes the row of the one that it replaces."""
        self._going: dict[str, ClockFault] = {}
        """By writer: drifts that no later entry has ended."""
        self._changed: dict[int, ClockFault] = {}

    def __iter__(self) -> Iterator[ClockFault]:
        return iter(sorted(self._found.values(), key=_age))

    def is_going(self, writer: str) -> bool:
        """Whether the stamps of a writer drifted, as far as its newest entry shows."""
        return writer in self._going

    def wrong_tills(self, stream: Stream) -> tuple[str, ...]:
        """Tills of a stream whose last time could not be true."""
        found = self._found.values()
        return tuple([one.name for one in found if one.about == TILL and one.stream == stream and not one.until_ms])

    def notice(self, stream: Stream, peer: str) -> ClockFault | None:
        """What a stream said about the clock of a peer."""
        return self._found.get((PEER, peer, stream.writer, stream.scope))

    def peers_noted(self, stream: Stream, other: str, now_ms: int) -> int:
        """Of how many peers but the other one a stream said within CLOCK_NOTICE_MS that their clocks are wrong."""
        found = [one for one in self._found.values() if one.about == PEER and one.stream == stream]
        return sum(one.name != other and abs(now_ms - one.at_ms) < CLOCK_NOTICE_MS for one in found)

    def concern(self, entry: Entry) -> bool:
        """Whether an entry shows something about a clock: `apply` need not see the others."""
        content = entry.content
        facts = content.facts
        return WALL in facts or OCCURRED_AT in facts or content.kind == NOTICE or entry.stream.writer in self._going

    def apply(self, entry: Entry) -> None:
        """Fold one entry. Never refuses."""
        self._note_drift(entry)
        if entry.content.kind == NOTICE:
            self._note_peer(entry)
        self._note_till(entry)

    def take_changes(self) -> list[tuple[int, bytes]]:
        """Hand over the faults changed since the last call: row, packed fault."""
        changed = [(slot, _encode(fault)) for slot, fault in self._changed.items()]
        self._changed.clear()
        return changed

    def load(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Load the checkpoint of an earlier fold."""
        for slot, packed in rows:
            fault = _decode(packed)
            self._found[fault.key], self._slots[fault.key] = fault, slot
            if fault.about == DRIFT and not fault.until_ms:
                self._going[fault.writer] = fault

    def _note_drift(self, entry: Entry) -> None:
        content, writer = entry.content, entry.stream.writer
        ahead_ms = drift_ms(content)
        known = self._found.get((DRIFT, "", writer, ""))
        if known is not None and content.clock < known.clock:
            return  # an older entry, of another stream
        if ahead_ms:
            self._note(entry, DRIFT, "", ahead_ms)
        elif writer in self._going:
            self._end(self._going[writer], recorded_ms(content))

    def _note_peer(self, entry: Entry) -> None:
        facts = entry.content.facts
        peer, ahead_ms = facts.get("clock_of"), facts.get("ahead_ms")
        if not isinstance(peer, str) or type(ahead_ms) is not int:
            return  # a notice of a later version
        if ahead_ms:
            self._note(entry, PEER, peer, ahead_ms)
            return
        known = self.notice(entry.stream, peer)
        if known is not None and not known.until_ms:
            self._end(known, recorded_ms(entry.content))

    def _note_till(self, entry: Entry) -> None:
        content = entry.content
        occurred_at = impossible_at(content)
        if occurred_at is not None:
            ahead_ms = occurred_at // 1000 - recorded_ms(content)
            self._note(entry, TILL, content.actor, ahead_ms, occurred_at)
        elif occurred_clock(content) is not None:
            known = self._found.get((TILL, content.actor, *entry.stream))
            if known is not None and not known.until_ms:
                self._end(known, recorded_ms(content))

    def _note(self, entry: Entry, about: str, name: str, ahead_ms: int, occurred_at: int = 0) -> None:
        writer, scope = entry.stream
        at_ms = recorded_ms(entry.content)
        known = self._found.get((about, name, writer, "" if about == DRIFT else scope))
        is_same = known is not None and not known.until_ms
        fault = ClockFault(
            about=about,
            name=name,
            writer=writer,
            scope=scope,
            since_ms=known.since_ms if known is not None and is_same else at_ms,
            at_ms=at_ms,
            ahead_ms=ahead_ms,
            entry=entry.hash,
            occurred_at=occurred_at,
            clock=entry.content.clock,
        )
        if fault.key not in self._slots:
            self._slots[fault.key] = self._free_slot()
        self._found[fault.key] = self._changed[self._slots[fault.key]] = fault
        if about == DRIFT:
            self._going[writer] = fault

    def _end(self, fault: ClockFault, at_ms: int) -> None:
        fault.until_ms = at_ms
        self._forget_drift(fault)
        self._changed[self._slots[fault.key]] = fault

    def _free_slot(self) -> int:
        """A row for a new fault: the next one, or that of the oldest fault once there are too many."""
        if len(self._found) < CLOCK_FAULTS_MAX:
            return len(self._found)
        oldest = min(self._found.values(), key=_age)
        del self._found[oldest.key]
        self._forget_drift(oldest)
        return self._slots.pop(oldest.key)

    def _forget_drift(self, fault: ClockFault) -> None:
        if self._going.get(fault.writer) is fault:
            del self._going[fault.writer]


def _age(fault: ClockFault) -> tuple[int, bytes]:
    return fault.at_ms, fault.entry


def prepare_notice(faults: ClockFaults, stream: Stream, peer: str, ahead_ms: int, now_ms: int) -> Draft | None:
    """The entry that says how far the clock of a peer is ahead, or with 0, that it is right again.

    None if the stream says so already: less than CLOCK_NOTICE_MS ago, and nothing since that the clock is right. None
    too if it said so of CLOCK_NOTICES_MAX other peers in that time.
    """
    known = faults.notice(stream, peer)
    if not ahead_ms:
        is_news = known is not None and not known.until_ms
    else:
        is_said = known is not None and not known.until_ms and abs(now_ms - known.at_ms) < CLOCK_NOTICE_MS
        is_news = not is_said and faults.peers_noted(stream, peer, now_ms) < CLOCK_NOTICES_MAX
    facts = {"clock_of": peer, "ahead_ms": ahead_ms}
    return Draft(kind=NOTICE, facts=facts) if is_news else None
