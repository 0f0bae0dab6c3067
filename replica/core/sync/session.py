"""One sync session between two peers, sans I/O.

Both sides do the same, at the same time. Each says who it is (hello) and what it holds (have). Then each sends the
entries that the other lacks, in its own arrival order, so causes come before effects, and acknowledges what it made
durable. A have or covered that does not fit one frame is split into parts. After the backlog the same loop pushes new
entries. Bytes and times come in, bytes and events come out. The caller reads the journal for the session, and commits
the entries that it hands over.

    greeting --hello--> comparing --last have--> streaming        any --fault, bye, silence--> closed

Every frame has a seal over its bytes and its number in its direction. If a frame is changed, lost, duplicated or
reordered on the way, the session ends: at the latest with the next frame, and a heartbeat comes soon.

The session computes what to send from the vector that the peer gave in this session, never from remembered
acknowledgements. A frame that breaks a rule raises PeerFault; the caller then sends the bye and hangs up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from enum import Enum

from msgspec import Struct

from replica.core.base.clock import Moment
from replica.core.base.errors import PeerFault
from replica.core.base.limits import (
    CLOCK_SKEW_MAX_MS,
    DIGEST_INTERVAL_MS,
    FRAME_ENTRIES_MAX,
    FRAME_SOFT_BYTES,
    HEARTBEAT_MS,
    SILENCE_MAX_MS,
    STREAMS_MAX,
    WANTS_MAX,
    WINDOW_BYTES,
)
from replica.core.base.names import CHAIN, HUBS, is_scope, is_writer, node_of
from replica.core.catalog.ranks import STORE_RANK
from replica.core.log.entry import DOCUMENT, Content, Entry, Stream
from replica.core.state.replica import Replica
from replica.core.sync.columns import ColumnDecoder, ColumnEncoder
from replica.core.sync.events import (
    Acknowledged,
    Admission,
    Answered,
    Arrived,
    Asked,
    ClockReading,
    Diverged,
    Ended,
    Event,
    Greeted,
    RightsWanted,
    Scopes,
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
    Vectors,
    Want,
    pack_frame,
    split_vectors,
    unpack_frame,
)


class Phase(Enum):
    """The phase of a session."""

    GREETING = "greeting"
    COMPARING = "comparing"
    STREAMING = "streaming"
    CLOSED = "closed"


FRAMES_OF: dict[Phase, tuple[type[AnyFrame], ...]] = {
    Phase.GREETING: (Hello, Bye),
    Phase.COMPARING: (Have, Bye, Beat),
    Phase.STREAMING: (Entries, Covered, Ack, Digests, Bye, Beat, Want, Given),
    Phase.CLOSED: (),
}
"""Which frames a session takes in each phase. Any other frame is out of sequence."""


class _Sent(Struct, frozen=True):
    number: int
    size: int
    reach: dict[Stream, int]


class Session:
    """One side of one session. After every call, send the frames that `take_frames` returns."""

    def __init__(self, hello: Hello, replica: Replica, admit: Admission, now: Moment) -> None:
        self.phase = Phase.GREETING
        self.peer: Hello | None = None
        self.unacknowledged_bytes = 0
        self.behind: dict[Stream, int] = {}
        """Streams of which the peer holds more than we do, with the highest number known."""
        self.clock_read: ClockReading | None = None
        """What the peer's clock showed the last time, also of one refused for it. None before it was admitted."""
        self._hello = hello
        self._replica = replica
        self._admit = admit
        self._accepts: Scopes = ()
        self._held: dict[Stream, int] = {}
        self.durable: dict[Stream, int] = {}
        """The last number of each stream that the peer says it holds durably."""
        self._sent: deque[_Sent] = deque()
        self._numbers = 0
        self._arrived = 0
        self._covered: dict[str, dict[str, tuple[int, bytes]]] = {}
        self._wants: dict[int, Want] = {}
        """Our wants that the peer has not answered, by number."""
        self._taken: dict[int, Want] = {}
        """The peer's wants that we have not answered, by number."""
        self.wants_sent = self._wants_taken = 0
        self.resent = 0
        """Entries that the peer sent although `claim` had said that this side holds them."""
        self._claimed: dict[Stream, int] = {}
        self._encoder = ColumnEncoder()
        self._decoder = ColumnDecoder()
        self._outgoing: list[bytes] = []
        self._sealed = self._opened = 0
        """Number of frames sent, and received. The seal of the next frame depends on it."""
        self._heard_ms = self._spoke_ms = self._digested_ms = now.elapsed_ms
        self._digested: dict[str, str] = {}
        """By scope: the digest of the version vector when the digests were last sent."""
        self._push(hello)

    def take_frames(self) -> list[bytes]:
        """Hand over the frames to send now. Send all of them, in this order."""
        frames = self._outgoing
        self._outgoing = []
        return frames

    def receive(self, packed: bytes, now: Moment) -> list[Event]:
        """Take in one frame. If it breaks a rule, the session closes and PeerFault is raised."""
        try:
            frame = unpack_frame(packed, self._opened)
            self._opened += 1
            if not isinstance(frame, FRAMES_OF[self.phase]):
                raise PeerFault("out-of-sequence", f"{type(frame).__name__} while {self.phase.value}")
            self._heard_ms = now.elapsed_ms
            return self._take(frame, now)
        except PeerFault as fault:
            self.close(fault.reason, fault.detail)
            raise

    def tick(self, now: Moment) -> None:
        """Send the heartbeat and digests that are due. Raises PeerFault if the peer is silent for too long."""
        if self.phase is Phase.CLOSED:
            return
        silence_ms = now.elapsed_ms - self._heard_ms
        if silence_ms > SILENCE_MAX_MS:
            self.close("silent", f"nothing heard for {silence_ms} ms")
            raise PeerFault("silent", f"nothing heard for {silence_ms} ms")
        if self.phase is Phase.STREAMING and now.elapsed_ms - self._digested_ms >= DIGEST_INTERVAL_MS:
            self._digested_ms = now.elapsed_ms
            self._push_digests()
        if self.phase is not Phase.GREETING and now.elapsed_ms - self._spoke_ms >= HEARTBEAT_MS:
            self._push(Beat(now.wall_ms))
            self._spoke_ms = now.elapsed_ms

    @property
    def due_ms(self) -> int:
        """Elapsed time, in milliseconds, at which `tick` has work, unless a frame of the peer arrives before."""
        due_ms = self._heard_ms + SILENCE_MAX_MS + 1
        if self.phase is not Phase.GREETING:
            due_ms = min(due_ms, self._spoke_ms + HEARTBEAT_MS)
        if self.phase is Phase.STREAMING:
            due_ms = min(due_ms, self._digested_ms + DIGEST_INTERVAL_MS)
        return due_ms

    @property
    def has_frames(self) -> bool:
        """Whether `take_frames` would return any."""
        return bool(self._outgoing)

    @property
    def has_room(self) -> bool:
        """Whether more entries may be sent before the peer acknowledges some."""
        return self.phase is Phase.STREAMING and self.unacknowledged_bytes < WINDOW_BYTES

    @property
    def subscribed(self) -> Scopes:
        """Scopes the peer wants from us; None means all."""
        return () if self.peer is None else self.peer.scopes

    @property
    def accepted(self) -> Scopes:
        """Scopes whose entries we accept from the peer; None means all."""
        return self._accepts

    @property
    def offered(self) -> Scopes:
        """Scopes to send to the peer: those it wants, except those it would not accept from us.

        A store holds `*`, and a hub wants every scope. But a hub accepts from a store only the streams of its location.
        """
        own, wanted = self._hello.scopes, self.subscribed
        if own is None:
            return wanted
        return tuple(scope for scope in own if scope != CHAIN and (wanted is None or scope in wanted))

    def claim(self, vectors: Vectors) -> None:
        """Once greeted, say how far we hold the accepted scopes durably. The peer never sends those entries."""
        if self.phase is not Phase.CLOSED:
            self._claimed = {
                Stream(writer, scope): sequence
                for scope, streams in vectors.items()
                for writer, (sequence, _) in streams.items()
            }
            self._push_reach(Have, vectors)

    def lacking(self) -> dict[Stream, int]:
        """Streams with entries to send, each with the last number that the peer holds or was sent."""
        vectors, held = self._replica.vectors, self._held
        scopes = vectors if self.offered is None else self.offered
        streams = ((Stream(writer, scope), head) for scope in scopes for writer, head in vectors.get(scope, {}).items())
        return {stream: held.get(stream, 0) for stream, head in streams if head.sequence > held.get(stream, 0)}

    def send(self, entries: Sequence[tuple[Entry, bytes]]) -> int:
        """Send those entries that the peer lacks. They come in arrival order, each with the hash before it.

        Stops when the window is full. Returns how many of the given entries the peer now holds, or will receive.
        """
        frame: list[tuple[Entry, bytes]] = []
        size = 0
        for taken, (entry, previous) in enumerate(entries):
            if not (frame or self.has_room):
                return taken
            stream = entry.stream
            if entry.sequence <= self._held.get(stream, 0):
                continue
            self._held[stream] = entry.sequence
            self._covered.setdefault(stream.scope, {})[stream.writer] = (entry.sequence, entry.hash)
            frame.append((entry, previous))
            size += len(entry.body)
            if len(frame) >= FRAME_ENTRIES_MAX or size >= FRAME_SOFT_BYTES:
                self._push_entries(frame)
                frame, size = [], 0
        if frame:
            self._push_entries(frame)
        return len(entries)

    def cover(self, vectors: Vectors | None = None) -> None:
        """Say that the backlog was sent: the first time up to `vectors`, later up to the entries sent since."""
        covered = vectors if vectors is not None else self._covered
        if covered or vectors is not None:
            self._push_reach(Covered, covered)
        self._covered = {}

    def merged(self, number: int) -> None:
        """Acknowledge that the entries frame of this number, and all before it, are durable here."""
        if self.phase is not Phase.CLOSED:
            self._push(Ack(number))

    @property
    def may_want(self) -> bool:
        """Whether the peer may be asked for rights now."""
        return self.phase is Phase.STREAMING and len(self._wants) < WANTS_MAX

    @property
    def unanswered(self) -> tuple[int, int]:
        """The number of our wants that the peer has not answered, and of its wants that we have not answered."""
        return len(self._wants), len(self._taken)

    def want(self, location: str, item: str, quantity: int, clock: int) -> int:
        """Ask the peer for rights, if `may_want`: one request at a time for each item. Return its number."""
        self.wants_sent += 1
        want = self._wants[self.wants_sent] = Want(
            number=self.wants_sent, location=location, item=item, quantity=quantity, clock=clock
        )
        self._push(want)
        return want.number

    def give(self, number: int, granted: int, reason: str = "") -> None:
        """Answer the peer's want of this number."""
        if self._taken.pop(number, None) is not None and self.phase is not Phase.CLOSED:
            self._push(Given(number, granted, reason))

    def close(self, reason: str, detail: str = "") -> None:
        """Say bye and take nothing more."""
        if self.phase is not Phase.CLOSED:
            self._push(Bye(reason, detail[:256]))
            self.phase = Phase.CLOSED

    def entries_behind(self) -> int:
        """How many entries the peer holds, as far as known, that this replica lacks."""
        self._settle_behind()
        return sum(known - self._replica.head(stream).sequence for stream, known in self.behind.items())

    def _take(self, frame: AnyFrame, now: Moment) -> list[Event]:
        match frame:
            case Hello():
                return [self._greet(frame, now)]
            case Have():
                return self._compare(frame)
            case Entries():
                return [self._arrive(frame)]
            case Covered():
                self._note_behind(frame.vectors)
                return []
            case Ack():
                return self._acknowledge(frame.number)
            case Digests():
                return list(self._diverged(frame))
            case Beat():
                assert self.peer is not None
                self._check_clock(self.peer.node, frame.clock_ms, now)
                return []
            case Want():
                return [self._take_want(frame)]
            case Given():
                return [self._take_answer(frame)]
            case Bye():
                self.phase = Phase.CLOSED
                return [Ended(frame.reason, frame.detail)]

    def _greet(self, peer: Hello, now: Moment) -> Event:
        low, high = peer.versions
        if min(high, PROTOCOL_MAX) < max(low, PROTOCOL_MIN):
            raise PeerFault("version", f"we speak {PROTOCOL_MIN}..{PROTOCOL_MAX}, the peer {low}..{high}")
        if peer.node == self._hello.node:
            raise PeerFault("same-name", f"both sides are called {peer.node}")
        if not is_writer(peer.writer) or node_of(peer.writer) != peer.node:
            raise PeerFault("malformed", f"{peer.writer!r} is not a writer of {peer.node}")
        if peer.scopes is not None and not all(map(is_scope, peer.scopes)):
            raise PeerFault("malformed", "the hello names an invalid scope")
        accepts = self._admit(peer)
        self._check_clock(peer.node, peer.clock_ms, now)  # only of an admitted peer: a node writes a notice about it
        self._accepts = accepts
        self.peer = peer
        self.phase = Phase.COMPARING
        return Greeted(peer)

    def _compare(self, have: Have) -> list[Event]:
        for scope, streams in have.vectors.items():
            for writer, (sequence, end) in streams.items():
                stream = Stream(writer, scope)
                ours = self._replica.head(stream)
                if sequence == ours.sequence and end != ours.hash:
                    raise PeerFault("fork", f"{writer} {scope}: two entries numbered {sequence}")
                if sequence > ours.sequence and writer == self._replica.writer:
                    raise PeerFault("own-stream", f"{scope}: the peer holds {sequence}, we wrote {ours.sequence}")
                self._held[stream] = self.durable[stream] = sequence
        if len(self._held) > STREAMS_MAX:
            raise PeerFault("oversized", f"{len(self._held)} streams in one session, the limit is {STREAMS_MAX}")
        self._note_behind(have.vectors)
        if not have.is_last:
            return []
        self.phase = Phase.STREAMING
        return [Asked()]

    def _arrive(self, frame: Entries) -> Event:
        if frame.number != self._arrived + 1:
            raise PeerFault("out-of-sequence", f"entries frame {frame.number} follows {self._arrived}")
        runs = self._decoder.decode(frame.columns)
        for run in runs:
            if self._accepts is not None and run.stream.scope not in self._accepts:
                raise PeerFault("unauthorised", f"the peer may not send entries of {run.stream.scope!r}")
            if run.stream.scope in (CHAIN, HUBS) and any(entry.content.moves for entry in run.entries):
                raise PeerFault("malformed", f"entries of {run.stream.scope!r} move stock")
            scope = run.stream.scope
            if scope != CHAIN and any(_is_of_others(entry.content, scope) for entry in run.entries):
                raise PeerFault("unauthorised", f"entries of {scope!r} write documents that are not of this location")
            last = run.entries[-1].sequence
            self.resent += max(0, min(last, self._claimed.get(run.stream, 0)) + 1 - run.first)
            if last > self._held.get(run.stream, 0):
                self._held[run.stream] = self.durable[run.stream] = last
        self._arrived = frame.number
        return Arrived(frame.number, runs)

    def _acknowledge(self, number: int) -> list[Event]:
        if number > self._numbers:
            raise PeerFault("out-of-sequence", f"the peer acknowledges frame {number}, we sent {self._numbers}")
        while self._sent and self._sent[0].number <= number:
            sent = self._sent.popleft()
            self.unacknowledged_bytes -= sent.size
            for stream, reached in sent.reach.items():
                self.durable[stream] = max(reached, self.durable.get(stream, 0))
        return [Acknowledged()]

    def _take_want(self, want: Want) -> Event:
        if want.number != self._wants_taken + 1:
            raise PeerFault("out-of-sequence", f"want {want.number} follows {self._wants_taken}")
        for scopes in (self._hello.scopes, self.subscribed):
            if scopes is not None and want.location not in scopes:
                raise PeerFault("unauthorised", f"the peer may not ask for rights at {want.location!r}")
        if any((one.location, one.item) == (want.location, want.item) for one in self._taken.values()):
            raise PeerFault("out-of-sequence", f"a second want of {want.item} before the first was answered")
        if len(self._taken) >= WANTS_MAX:
            raise PeerFault("oversized", f"more than {WANTS_MAX} unanswered wants")
        self._wants_taken = want.number
        self._taken[want.number] = want
        return RightsWanted(want)

    def _take_answer(self, given: Given) -> Event:
        want = self._wants.pop(given.number, None)
        if want is None:
            raise PeerFault("out-of-sequence", f"an answer to want {given.number}, which is not open")
        if given.granted > want.quantity:
            raise PeerFault("malformed", f"the peer grants {given.granted} units, we asked for {want.quantity}")
        return Answered(want, given.granted, given.reason)

    def _diverged(self, frame: Digests) -> Iterable[Event]:
        for scope, (vector, folded) in frame.digests.items():
            if scope in self._replica.vectors and self._replica.vector_digest(scope) == vector:
                ours = self._replica.digest(scope)
                if ours != folded:
                    yield Diverged(scope, ours, folded)

    def _check_clock(self, node: str, clock_ms: int, now: Moment) -> None:
        self.clock_read = ClockReading(node, clock_ms - now.wall_ms)
        skew_ms = abs(self.clock_read.ahead_ms)
        if skew_ms > CLOCK_SKEW_MAX_MS:
            raise PeerFault("clock", f"the clocks are {skew_ms} ms apart")

    def _note_behind(self, vectors: Vectors) -> None:
        for scope, streams in vectors.items():
            if self._accepts is None or scope in self._accepts:
                for writer, (sequence, _) in streams.items():
                    if sequence > self._replica.head(Stream(writer, scope)).sequence:
                        self.behind[Stream(writer, scope)] = sequence
        if len(self.behind) > STREAMS_MAX:
            raise PeerFault("oversized", f"the peer names {len(self.behind)} streams and has not sent them")

    def _settle_behind(self) -> None:
        for stream in [s for s, known in self.behind.items() if self._replica.head(s).sequence >= known]:
            del self.behind[stream]

    def _push(self, frame: AnyFrame) -> int:
        """Seal a frame and queue it for `take_frames`. Return its size in bytes."""
        packed = pack_frame(frame, self._sealed)
        self._sealed += 1
        self._outgoing.append(packed)
        return len(packed)

    def _push_reach(self, kind: type[Have] | type[Covered], vectors: Vectors) -> None:
        *before, last = split_vectors(vectors)
        for part in before:
            self._push(kind(part, is_last=False))
        self._push(kind(last))

    def _push_entries(self, entries: Sequence[tuple[Entry, bytes]]) -> None:
        self._numbers += 1
        size = self._push(Entries(self._numbers, self._encoder.encode(entries)))
        self._sent.append(_Sent(self._numbers, size, {entry.stream: entry.sequence for entry, _ in entries}))
        self.unacknowledged_bytes += size

    def _push_digests(self) -> None:
        assert self.peer is not None
        subscribed = self._replica.vectors if self.peer.scopes is None else self.peer.scopes
        fresh = {}
        for scope in subscribed:
            if scope not in self._replica.vectors:
                continue
            vector = self._replica.vector_digest(scope)
            if self._digested.get(scope) != vector:
                self._digested[scope] = vector
                fresh[scope] = (vector, self._replica.digest(scope))
        if fresh:
            self._push(Digests(fresh))


def _is_of_others(content: Content, scope: str) -> bool:
    """Whether an entry in the scope of a location writes a document that is not of the rank of that location."""
    facts = content.facts
    return content.kind == DOCUMENT and (facts.get("rank"), facts.get("at")) != (STORE_RANK, scope)


def plain_vectors(replica: Replica, scopes: Scopes) -> Vectors:
    """The replica's version vector of some scopes, as plain values for a frame."""
    vectors = replica.vector(list(replica.vectors) if scopes is None else scopes)
    return {
        scope: {writer: (head.sequence, head.hash) for writer, head in streams.items()}
        for scope, streams in vectors.items()
    }
