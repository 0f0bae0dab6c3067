"""A chain in memory: nodes, each with a replica and a list as its journal, and lines, each with two sessions.

No bytes leave the process. Only a test lets time pass or makes a node commit. A crash loses uncommitted entries, and a
node sends committed entries only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from replica.core.base.clock import Moment
from replica.core.base.errors import PeerFault, Refused
from replica.core.base.limits import RECEIPT_ENTRIES_MAX
from replica.core.base.names import CHAIN, HUBS, node_of, parse_key, writer_of
from replica.core.catalog.documents import pack_value
from replica.core.log.entry import Entry, Stream, start
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.state.batch import Batch, Image
from replica.core.state.commands import Command, DocumentWrite, receipt_number
from replica.core.state.decisions import Verdict
from replica.core.state.fold import image_of as folded_image
from replica.core.state.kinds import LocationRequest
from replica.core.state.replica import Replica
from replica.core.stock.counts import Seen
from replica.core.stock.requests import GoodsLine, GoodsReceipt, OnShortage, Sale, SkuLine
from replica.core.stock.till_receipts import TillReceipt, receipts_in
from replica.core.sync.events import Arrived, Asked, Diverged, Event, Greeted, Scopes
from replica.core.sync.session import Phase, Session, plain_vectors
from replica.core.sync.wire import PROTOCOL_MAX, PROTOCOL_MIN, Frame, Hello, Vectors, unpack_frame
from simulations.checkpoints import StoredCheckpoint

SomeFrame = TypeVar("SomeFrame", bound=Frame)

NOW_MS = 1_750_000_000_000
STORE = "store-1"
NOTHING_SEEN = Seen(levels={}, as_of=0, vector={})


def receipt(**units: int) -> GoodsReceipt:
    """Goods in: a number of each item."""
    return GoodsReceipt(tuple(GoodsLine(number, sku=item) for item, number in units.items()))


def sale(on_shortage: OnShortage = OnShortage.RECORD, **units: int) -> Sale:
    """Goods out: a number of each SKU."""
    return Sale(lines=tuple(SkuLine(number, sku=sku) for sku, number in units.items()), on_shortage=on_shortage)


class Node:
    """A replica and its journal. Its catalogue is open: every SKU name is also an item."""

    def __init__(
        self,
        name: str = STORE,
        locations: tuple[str, ...] = (STORE,),
        scopes: Scopes = (STORE, CHAIN),
        role: str = "edge",
    ) -> None:
        self.name = name
        self.scopes = scopes
        self.role = role
        self.replica = Replica(writer_of(name, "0000000a"), locations, open_catalog=True)
        self.journal: list[tuple[Entry, bytes]] = []
        """Entries in arrival order, each with the hash before it."""
        self._tips: dict[Stream, bytes] = {}
        self._clock = 0
        self._checkpoint = StoredCheckpoint(name)

    def ask(self, request: LocationRequest, key: str = "", now_ms: int = NOW_MS, seen: Seen | None = None) -> Entry:
        """Decide a request at the node's first location."""
        found = parse_key(key) if key else b""
        command = Command(self.replica.locations[0], request, found, seen)
        return decisions.execute(self.replica, command, now_ms, self.find(found), self.on_receipt(command))

    def write(self, name: str, value: object, key: str = "", kind: str = "sku", now_ms: int = NOW_MS) -> Entry:
        """Write a chain-wide document."""
        found = parse_key(key) if key else b""
        return decisions.write(
            self.replica,
            DocumentWrite(kind, name, None if value is None else pack_value(value), found),
            now_ms,
            self.find(found),
        )

    def commit(self) -> Batch:
        """Make new and merged entries durable."""
        batch = self.replica.take_batch()
        self._clock = batch.clock
        self._checkpoint.put(batch)
        for entry in batch.entries:
            stream = entry.stream
            self.journal.append((entry, self._tips.get(stream, start(stream).hash)))
            self._tips[stream] = entry.hash
        return batch

    def restored(self, incarnation: str) -> Node:
        """This node, restored from a copy of its journal with another incarnation."""
        again = Node(self.name, self.replica.locations, self.scopes, self.role)
        writer = writer_of(self.name, incarnation)
        again.replica = Replica(writer, self.replica.locations, self._image(writer), open_catalog=True)
        again.journal, again._tips = list(self.journal), dict(self._tips)
        again._checkpoint = self._checkpoint.copy()
        return again

    def crash(self) -> None:
        """Lose uncommitted entries, and start again from the journal."""
        self.replica.restore(self._image(self.replica.writer, self._clock))

    def _image(self, writer: str, clock: int = 0) -> Image:
        """What the journal loads at start: the checkpoint, which must be the fold of its entries."""
        return self._checkpoint.image(image_of(self.journal, writer, clock))

    def missing(self, held: Mapping[Stream, int], limit: int) -> list[tuple[Entry, bytes]]:
        """Entries of these streams past the numbers held, in arrival order."""
        lacking = [pair for pair in self.journal if pair[0].sequence > held.get(pair[0].stream, 1 << 63)]
        return lacking[:limit]

    def durable(self, scopes: Scopes) -> Vectors:
        """The last number and hash of each stream in the journal, for these scopes."""
        vectors: Vectors = {}
        for entry, _ in self.journal:
            if scopes is None or entry.stream.scope in scopes:
                vectors.setdefault(entry.stream.scope, {})[entry.stream.writer] = (entry.sequence, entry.hash)
        return vectors

    def runs(self, scope: str = STORE) -> list[ReceivedRun]:
        """Its own stream of a scope, one run for each entry."""
        own = Stream(self.replica.writer, scope)
        return [
            ReceivedRun(own, entry.sequence, before, [entry]) for entry, before in self.journal if entry.stream == own
        ]

    def hello(self, now_ms: int = NOW_MS, versions: tuple[int, int] = (PROTOCOL_MIN, PROTOCOL_MAX)) -> Hello:
        """The hello of this node."""
        return Hello(
            versions=versions,
            node=self.name,
            writer=self.replica.writer,
            nonce=b"n",
            role=self.role,
            region="east",
            scopes=self.scopes,
            clock_ms=now_ms,
            software="test",
        )

    def admit(self, peer: Hello) -> Scopes:
        """Accept all of this node's scopes from a hub, but only its own location from a store."""
        if peer.role == "hub":
            return self.scopes
        return tuple(scope for scope in peer.scopes or () if scope not in (CHAIN, HUBS))

    def session(self, now: Moment | None = None) -> Session:
        """This node's side of a new session."""
        moment = now or Moment(NOW_MS, 0)
        return Session(self.hello(moment.wall_ms), self.replica, self.admit, moment)

    def take(self, runs: Sequence[ReceivedRun], now_ms: int = NOW_MS) -> int:
        """Merge runs of a peer, as the driver does."""
        entries = [entry for run in runs for entry in run.entries]
        earlier: dict[bytes | TillReceipt, Sequence[Entry]] = {}
        earlier.update({key: found for entry in entries if (found := self.find(key := entry.content.key))})
        earlier.update({name: found for name in receipts_in(entries) if (found := self.naming(name)) is not None})
        return decisions.merge(self.replica, runs, now_ms, earlier)

    def naming(self, receipt: TillReceipt) -> list[Entry] | None:
        """The committed entries that name a till receipt; None if there are none, and none if they are too many."""
        named = [entry for entry, _ in self.journal if receipt in receipts_in([entry])]
        return None if not named else named if len(named) < RECEIPT_ENTRIES_MAX else []

    def on_receipt(self, command: Command) -> list[Entry] | None:
        """The committed entries that name the till receipt of a sale, or of the sale that a return reverses."""
        number = receipt_number(command.request)
        return self.naming(TillReceipt(command.location, number)) if number else None

    def find(self, key: bytes) -> list[Entry]:
        """The committed entries with a key."""
        return [entry for entry, _ in self.journal if key and entry.content.key == key]


def image_of(journal: Sequence[tuple[Entry, bytes]], writer: str, clock: int = 0) -> Image:
    """The image that a journal with these entries loads at start."""
    entries = [entry for entry, _ in journal]
    own = [entry.content.clock for entry in entries if entry.stream.writer == writer]
    return folded_image(entries, node_of(writer), clock=max([clock, *own]), shared=shared_entries(entries))


def shared_entries(entries: Sequence[Entry]) -> list[Entry]:
    """Entries that share their keys with others, and the voids of these entries."""
    uses: dict[bytes, int] = {}
    for entry in entries:
        uses[entry.content.key] = uses.get(entry.content.key, 0) + bool(entry.content.key)
    shared = [entry.hash for entry in entries if uses[entry.content.key] > 1]
    return [entry for entry in entries if entry.hash in shared or entry.content.facts.get("loser") in shared]


class Side:
    """One end of a line: a node, its session, and the frames on their way to it."""

    def __init__(self, node: Node, now: Moment) -> None:
        self.node = node
        self.session = node.session(now)
        self.inbox: deque[bytes] = deque()
        self.sent: list[bytes] = []
        """Every frame that it sent, in order."""
        self.last: bytes | None = None
        """The frame that it received last."""
        self.waiting: deque[Arrived] = deque()
        self.events: list[Event] = []
        self.asked = False
        self.covered = False


class SessionPair:
    """Two connected sessions. A fault on either side cuts the line and loses the frames in flight."""

    def __init__(self, left: Node, right: Node, now: Moment | None = None) -> None:
        self.now = now or Moment(NOW_MS, 0)
        self.sides = (Side(left, self.now), Side(right, self.now))
        self.fault: PeerFault | None = None
        self.frames: list[bytes] = []
        """Every frame of both sides, in order."""
        for index in (0, 1):
            self.carry(index)

    @property
    def is_up(self) -> bool:
        """Whether no fault occurred and neither session is closed."""
        return self.fault is None and all(side.session.phase is not Phase.CLOSED for side in self.sides)

    def deliver(self, index: int) -> bool:
        """Let the side receive one frame; False if none is in flight."""
        side = self.sides[index]
        if not self.is_up or not side.inbox:
            return False
        side.last = side.inbox.popleft()
        self.feed(index, side.last)
        return True

    def feed(self, index: int, frame: bytes) -> None:
        """Let the side receive this frame."""
        side = self.sides[index]
        try:
            for event in side.session.receive(frame, self.now):
                side.events.append(event)
                if isinstance(event, Greeted):
                    side.session.claim(side.node.durable(side.session.accepted))
                if isinstance(event, Arrived):
                    side.waiting.append(event)
                side.asked = side.asked or isinstance(event, Asked)
        except PeerFault as fault:
            self.fault = fault
        self.carry(index)

    def settle(self, index: int) -> bool:
        """Let the side merge, commit and acknowledge the oldest waiting frame; False if none waits."""
        side = self.sides[index]
        if not self.is_up or not side.waiting:
            return False
        arrived = side.waiting.popleft()
        try:
            side.node.take(arrived.runs, self.now.wall_ms)
        except PeerFault as fault:
            side.session.close(fault.reason, fault.detail)
            self.fault = fault
        side.node.commit()
        if self.fault is None:
            side.session.merged(arrived.number)
        self.carry(index)
        return True

    def pump(self, index: int, limit: int = 1_024) -> bool:
        """Let the side send entries that the other lacks; False if it lacks none."""
        side = self.sides[index]
        session = side.session
        if not self.is_up or not side.asked or not session.has_room:
            return False
        stored = side.node.missing(session.lacking(), limit)
        if stored:
            session.send(stored)
        else:
            session.cover(None if side.covered else plain_vectors(side.node.replica, session.offered))
            side.covered = True
        self.carry(index)
        return bool(stored)

    def tick(self, later_ms: int) -> None:
        """Let time pass on both sides."""
        self.now = Moment(self.now.wall_ms + later_ms, self.now.elapsed_ms + later_ms)
        for index in (0, 1):
            if self.is_up:
                try:
                    self.sides[index].session.tick(self.now)
                except PeerFault as fault:
                    self.fault = fault
                self.carry(index)

    def run(self, limit: int = 1_024) -> SessionPair:
        """Run both sides until they have nothing left to do."""
        busy = True
        while busy and self.is_up:
            steps = [step(index) for index in (0, 1) for step in (self.deliver, self.settle)]
            if not any(steps):
                steps = [self.pump(index, limit) for index in (0, 1)]
            busy = any(steps)
        return self

    def said(self, kind: type[SomeFrame]) -> list[SomeFrame]:
        """The sent frames of one kind."""
        sent = [unpack_frame(packed, number) for side in self.sides for number, packed in enumerate(side.sent)]
        return [frame for frame in sent if isinstance(frame, kind)]

    def alarms(self) -> list[Diverged]:
        """Events for digests that differed at equal vectors."""
        return [event for side in self.sides for event in side.events if isinstance(event, Diverged)]

    def carry(self, index: int) -> None:
        """Put the side's new frames into the other's inbox."""
        frames = self.sides[index].session.take_frames()
        self.frames += frames
        self.sides[index].sent += frames
        self.sides[1 - index].inbox += frames


def store(number: int) -> Node:
    """A store's node: it writes for its location, and subscribes to that and to the chain."""
    name = f"store-{number}"
    return Node(name, (name,), (name, CHAIN))


def hub(name: str, *hosted: str) -> Node:
    """A hub: it subscribes to everything, and writes for the locations that it hosts."""
    return Node(name, hosted or (f"warehouse-{name}",), None, "hub")


def one_by_one(replica: Replica, asked: Iterable[Command | DocumentWrite], now_ms: int) -> list[Verdict]:
    """Decide requests without the fast paths."""
    verdicts: list[Verdict] = []
    for request in asked:
        try:
            if isinstance(request, Command):
                verdicts.append(decisions.execute(replica, request, now_ms))
            else:
                verdicts.append(decisions.write(replica, request, now_ms))
        except Refused as refused:
            verdicts.append(refused)
    return verdicts
