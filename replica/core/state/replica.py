"""A replica: a prefix of each stream, and the state these entries fold to.

A replica is state. It takes in its own entries (`record`) and entries of peers (`take_in`) by the same fold.
`replica.core.state.decisions` decides what to record. Nothing here is durable: new entries collect in a batch. The
driver takes the batch and commits it before it sends any answer.

Rules: one process writes as `writer`. The next entry of a stream has the next number, and its hash covers the hash
before it. The version vector gives the last entry held of each stream, by scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from msgspec.structs import replace

from replica.core.base.clock import COUNTER_BITS, HybridClock
from replica.core.base.errors import Invalid, PeerFault
from replica.core.base.limits import BODY_BYTES_MAX, KEY_LENGTH_MAX
from replica.core.base.names import CHAIN, node_of
from replica.core.catalog.documents import DIGEST_MODULUS
from replica.core.catalog.known_locations import KnownLocations
from replica.core.catalog.locations import time_zone_of
from replica.core.ledger.cells import LocationStock
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, Entry, Head, Stream, chain, pack_body, start
from replica.core.log.entry_run import EntryRun, FastRun, ReceivedRun
from replica.core.log.recent_keys import RecentKeys
from replica.core.log.times import AFTER, WALL, WALL_MIN_MS, is_ahead, is_cause, moved_ms, recorded_clock
from replica.core.orders.context import OrderContext, OrderPolicy
from replica.core.orders.machine import OrderMachine
from replica.core.orders.sourcing import Chooser
from replica.core.rights.location_owners import LocationOwners
from replica.core.state.batch import Batch, Image, ReceiptRow
from replica.core.state.duplicates import Collision, is_ours_to_void
from replica.core.state.fold import Fold
from replica.core.state.kinds import KINDS, Kinds
from replica.core.stock.counts import Seen
from replica.core.stock.location_view import LocationView
from replica.core.stock.till_receipts import RETURN, SALE, RecentReceipts, TillReceipt, uses_of

Vector = dict[str, Head]
"""How far each stream of one scope is held, by writer."""

Earlier = Mapping[bytes | TillReceipt, Sequence[Entry]]
"""The entries in the journal under some keys and till receipts, unless the replica still holds them in memory.

An empty list stands for a till receipt that too many entries name.
"""


class LastHeard(NamedTuple):
    """The newest entry of a node: when it was recorded, as a stamp, and the incarnation that wrote it."""

    stamp: int
    writer: str


class Replica:
    """The state of one node."""

    def __init__(
        self,
        writer: str,
        locations: Iterable[str],
        image: Image | None = None,
        open_catalog: bool = False,
        kinds: Kinds = KINDS,
        order_policy: OrderPolicy | None = None,
    ) -> None:
        self.writer = writer
        self.node = node_of(writer)
        self.locations = tuple(locations)
        """Locations this node writes for. It may also make promises at locations where it was granted rights."""
        self.open_catalog = open_catalog
        self.kinds = kinds
        """The kinds of entries that this replica knows."""
        self.order_policy = order_policy or OrderPolicy()
        """How this kind of node decides about orders."""
        self.repeated = 0
        """Number of repeated requests, answered with the entry of the first one."""
        self.restore(image or Image())

    def restore(self, image: Image) -> None:
        """Drop all state, and start from the image of a journal."""
        self.fold = Fold(self.node, open_catalog=self.open_catalog, kinds=self.kinds)
        self.ledger = self.fold.ledger
        self.documents = self.fold.documents
        self.areas = self.fold.areas
        self.balancing_rules = self.fold.balancing_rules
        self.calendars = self.fold.calendars
        self.incidents = self.fold.incidents
        self.catalog = self.fold.catalog
        self.policies = self.fold.policies
        self.pools = self.fold.pools
        self.price_conflicts = self.fold.price_conflicts
        self.promotions = self.fold.promotions
        self.offers = self.fold.offers
        self.promotion_conflicts = self.fold.promotion_conflicts
        self.orders = self.fold.orders
        self.counts = self.fold.counts
        self.clock_faults = self.fold.clock_faults
        self.transfers = self.fold.transfers
        self.collisions = self.fold.collisions
        self.location_owners = LocationOwners(self.node)
        """Which node owns each location, as far as known. A restarted node learns again what is due to each owner."""
        self.orders.location_owners = self.location_owners.nodes
        self.clock = HybridClock(image.clock)
        self.arrival = image.arrival
        """The number of entries folded, which is the arrival number of the newest one."""
        self.heard: dict[str, dict[str, int]] = {}
        """When each node recorded its newest entry that arrived here, by scope, as a stamp."""
        self._recorded: dict[Stream, int] = {}
        """When the last entry of each stream was recorded, as a stamp."""
        self.vectors: dict[str, Vector] = {}
        self.keys = RecentKeys()
        self.receipts = RecentReceipts()
        """The entries of the newest batches by the till receipts that they name."""
        self._uses: list[ReceiptRow] = []
        """How the entries of the batch use till receipts."""
        self._named: dict[TillReceipt, None] = {}
        """Till receipts of merged entries, while a return may have to be corrected because of them."""
        self._lost: list[Collision] = []
        """Duplicates that this node has to void before the batch is taken."""
        self._runs: list[EntryRun] = []
        self._own: dict[str, Stream] = {}
        self.known_locations = KnownLocations(self.documents, self.locations, self.vectors, self.location_owners.nodes)
        self._views = {location: self.view_of(location) for location in self.locations}
        for stream, head in image.heads:
            self.vectors.setdefault(stream.scope, {})[stream.writer] = head
        for stream, stamp in image.heard:
            self._hear(stream, stamp)
        self.fold.load(image)

    @property
    def machine(self) -> OrderMachine:
        """The current table of order transitions."""
        return self.fold.machine

    def context(self, now_ms: int, chooser: Chooser | None = None) -> OrderContext:
        """All that this node needs to decide about orders now. `chooser`: chooses the locations of an order."""
        return OrderContext(
            node=self.node,
            locations=self.locations,
            ledger=self.ledger,
            catalog=self.catalog,
            orders=self.orders,
            machine=self.machine,
            now_ms=now_ms,
            policies=self.policies,
            order_policy=self.order_policy,
            location_owners=self.location_owners.nodes,
            known_locations=self.known_locations,
            chooser=chooser,
            pool_of=self.pools.of_channel,
        )

    def learn_location_owners(self, stores: Mapping[str, str], hubs: Iterable[str] = ()) -> None:
        """Note which node owns each location, from nodes met and entries received. Paid fulfilments are due to it."""
        changed = self.location_owners.learn(stores, hubs, self.ledger, self.heard)
        if changed:
            self.orders.remind_of(changed)

    def head(self, stream: Stream) -> Head:
        """The last entry held of a stream. Without entries: number 0 and the genesis hash."""
        vector = self.vectors.get(stream.scope)
        return (vector.get(stream.writer) if vector is not None else None) or start(stream)

    def vector(self, scopes: Iterable[str]) -> dict[str, Vector]:
        """A copy of the version vector of some scopes, without scopes that have no entries."""
        return {scope: dict(self.vectors[scope]) for scope in scopes if scope in self.vectors}

    def digest(self, scope: str) -> str:
        """Digest of the folded state of a scope: the cells of a location, and the documents of the scope."""
        cells, documents = int(self.ledger.digest(scope), 16), self.documents.digest(scope)
        return f"{(cells + documents) % DIGEST_MODULUS:032x}"

    def digests(self) -> dict[str, str]:
        """Digest of every scope held, sorted by scope."""
        return {scope: self.digest(scope) for scope in sorted({**self.vectors, CHAIN: None})}

    def vector_digest(self, scope: str) -> str:
        """Digest of the version vector of a scope."""
        return vector_digest(self.vectors.get(scope, {}))

    def newest(self, scope: str) -> int | None:
        """When the newest entry of a scope was recorded, as a stamp: how fresh its state is. None without entries."""
        return max(self.heard.get(scope, {}).values(), default=None)

    def last_heard(self) -> dict[str, LastHeard]:
        """The newest entry of each node, over all its streams."""
        newest: dict[str, LastHeard] = {}
        for stream, at in self._recorded.items():
            node, heard = node_of(stream.writer), LastHeard(at, stream.writer)
            newest[node] = max(newest.get(node, heard), heard)
        return newest

    def location_stock(self, location: str) -> LocationStock | None:
        """The stock of a location, if anything ever moved there."""
        return self.ledger.at_location.get(location)

    def seen(self, location: str, now_ms: int) -> Seen:
        """The present state, as a count made from it records it.

        Its time is the wall clock and not the last stamp, because the last stamp may come from a clock that ran ahead.
        """
        vector = self.vectors.get(location, {})
        as_of = (now_ms << COUNTER_BITS) - 1
        return Seen(levels={}, as_of=as_of, vector={writer: head.sequence for writer, head in sorted(vector.items())})

    def unheard(self, location: str, as_of: int) -> tuple[str, ...]:
        """Other nodes that write at a location, and of which no entry later than `as_of` arrived yet.

        While there are any, a count of the location as of then is provisional.
        """
        heard = self.heard.get(location, {})
        return tuple(node for node, stamp in sorted(heard.items()) if stamp <= as_of and node != self.node)

    def view(self, location: str) -> LocationView | None:
        """The view of a location that this node writes for; None for other locations."""
        return self._views.get(location)

    def view_of(self, location: str) -> LocationView:
        """The view of any location."""
        return LocationView.of(location, self.node, self.ledger, self.catalog, self.transfers)

    @property
    def uncommitted(self) -> int:
        """Entries recorded or merged since the last batch was taken."""
        return sum(len(run) for run in self._runs)

    @property
    def open_runs(self) -> Sequence[EntryRun]:
        """The entries of the next batch."""
        return self._runs

    def take_batch(self) -> Batch:
        """Hand over the batch that the next commit must write."""
        runs = self._runs
        if runs:
            self._runs = []
            self.keys.turn()
            self.receipts.turn()
        uses, self._uses = self._uses, []
        cells, checkpoint = self.fold.take_changes()
        return Batch(runs=runs, cells=cells, checkpoint=checkpoint, receipts=uses, clock=self.clock.last)

    def take_lost(self) -> Collision | None:
        """Hand over the next duplicate that this node has to void; None if there is none."""
        return self._lost.pop(0) if self._lost else None

    def take_named(self) -> list[TillReceipt]:
        """Hand over the till receipts that merged entries name, and that a return of this node may name too."""
        named, self._named = list(self._named), {}
        return named

    def next_stamp(self, now_ms: int) -> int:
        """The stamp of the next entry. It is issued when that entry is recorded."""
        return self.clock.next(now_ms)

    def is_ahead(self, now_ms: int) -> bool:
        """Whether the next stamp may be too far ahead of the wall clock to show the time of its entry."""
        return is_ahead(self.next_stamp(now_ms), now_ms - 1)  # a run of fast entries may end in the next millisecond

    def content_of(self, scope: str, draft: Draft, key: bytes, now_ms: int) -> Content:
        """The content of the entry that `record` would append."""
        clock = self.next_stamp(now_ms)
        content = draft.content(clock, key)
        if not is_ahead(clock, now_ms):
            return content
        facts = {**content.facts, WALL: max(now_ms, WALL_MIN_MS)}
        causes = [stamp for stamp in self.heard.get(scope, {}).values() if is_cause(stamp, now_ms)]
        if causes and draft.moves:
            facts[AFTER] = max(causes)
        return replace(content, facts=facts)

    def record(self, scope: str, draft: Draft, key: bytes, now_ms: int) -> Entry:
        """Append an entry to this node's own stream, and fold it.

        Raises Invalid if it is too large; nothing changed.
        """
        key = key or draft.key
        content = self.content_of(scope, draft, key, now_ms)
        body = packed(content)
        if len(key) > KEY_LENGTH_MAX:
            raise Invalid(f"a key has at most {KEY_LENGTH_MAX} bytes", field="Idempotency-Key")
        stream = self.own_stream(scope)
        head = self.head(stream)
        entry = Entry(
            stream=stream, sequence=head.sequence + 1, hash=chain(head.hash, body), body=body, content=content
        )
        self.clock.last = content.clock
        self._apply(entry)
        self._note_uses(entry, self.arrival + 1)
        self._open_run(stream, entry.sequence).append(entry)
        self._hold(stream, Head(entry.sequence, entry.hash), recorded_clock(content), 1)
        return entry

    def record_run(self, run: FastRun) -> None:
        """Append a run of at least one entry that a fast path has decided."""
        newest = self.clock.last = run.clock + len(run) - 1
        self.ledger.take(run.stream.scope, (self.writer, run.source, run.target), run.taken)
        self.keys.put_run(run)
        if run.receipts:
            self.receipts.put_run(run, [(index, number) for index, _, number, _ in run.receipts])
            scope, first = run.stream.scope, self.arrival + 1
            zone = time_zone_of(self.documents, scope)
            self._uses += [
                (scope, number, SALE, till, first + index, zone, moved) for index, till, number, moved in run.receipts
            ]
        self._open_run(run.stream, run.first).extend(run)
        self._hold(run.stream, run.head, newest, len(run))

    def own_stream(self, scope: str) -> Stream:
        """This node's own stream of a scope."""
        stream = self._own.get(scope)
        if stream is None:
            stream = self._own[scope] = Stream(self.writer, scope)
        return stream

    def take_in(self, run: ReceivedRun, now_ms: int, earlier: Earlier) -> int:
        """Fold a peer's entries that this replica lacks. Return the number of new entries.

        Raises:
            PeerFault: a gap, a fork, or entries of our own writer that we never wrote. Nothing changed then.
        """
        stream, entries = run.stream, run.entries
        head = self.head(stream)
        known = head.sequence - run.first + 1
        if known < 0:
            raise PeerFault("gap", f"{stream.writer} {stream.scope}: {run.first} after {head.sequence}")
        before = run.previous if known == 0 else entries[min(known, len(entries)) - 1].hash
        if known <= len(entries) and before != head.hash:
            raise PeerFault("fork", f"{stream.writer} {stream.scope}: two entries numbered {head.sequence}")
        fresh = entries[known:]
        if fresh and stream.writer == self.writer:
            raise PeerFault("own-stream", f"{stream.scope}: {run.first + known} was never written here")
        if not fresh:
            return 0
        taken = self._open_run(stream, fresh[0].sequence)
        for entry in fresh:
            content = entry.content
            self.clock.observe(content.clock, now_ms)
            if content.key and (content.key in self.keys or content.key in earlier):
                self._meet(entry, earlier)
            self._apply(entry)
            for receipt in self._note_uses(entry, self.arrival + 1 + entry.sequence - fresh[0].sequence):
                if receipt in earlier or self.receipts.is_returned(receipt):
                    self._named[receipt] = None
            taken.append(entry)
        self._hold(stream, taken.head, recorded_clock(fresh[-1].content), len(fresh))
        return len(fresh)

    def _meet(self, entry: Entry, earlier: Earlier) -> None:
        """Handle an entry whose key another node already used, for the same request or another one."""
        key = entry.content.key
        if key not in self.keys:
            for one in earlier[key]:
                self.keys.put(key, one)
        collision = self.collisions.meet(entry, self.keys.entries(key))
        if is_ours_to_void(collision, self.node):
            self._lost.append(collision)

    def _apply(self, entry: Entry) -> None:
        self.fold.apply(entry)
        if entry.content.key:
            self.keys.put(entry.content.key, entry)

    def _note_uses(self, entry: Entry, arrival: int) -> list[TillReceipt]:
        """Note how an entry uses till receipts. Return the receipts that it names."""
        content = entry.content
        uses = uses_of(content) if content.reference or content.kind == RETURN else ()
        if not uses:
            return []
        scope = entry.stream.scope
        self.receipts.put(entry, uses)
        zone, moved = time_zone_of(self.documents, scope), moved_ms(content)
        self._uses += [(scope, use.number, use.name, use.till, arrival, zone, moved) for use in uses]
        return [TillReceipt(scope, use.number) for use in uses]

    def _open_run(self, stream: Stream, first: int) -> EntryRun:
        """The run of the batch that takes the next entries of a stream; `first` is the number of the first."""
        if not self._runs or self._runs[-1].stream != stream:
            self._runs.append(EntryRun(stream, first))
        return self._runs[-1]

    def _hold(self, stream: Stream, head: Head, newest: int, number: int) -> None:
        """Note that `number` entries of a stream were folded, up to `head`, which was recorded at `newest`."""
        self.vectors.setdefault(stream.scope, {})[stream.writer] = head
        self._hear(stream, newest)
        self.arrival += number

    def _hear(self, stream: Stream, stamp: int) -> None:
        heard, node = self.heard.setdefault(stream.scope, {}), node_of(stream.writer)
        before = heard.get(node, 0)
        self._recorded[stream] = stamp
        if stamp >= before:
            heard[node] = stamp
            if not before:
                self.location_owners.heard(node, stream.scope)
        else:  # the clock of this node was ahead before, or an entry of an earlier incarnation arrived
            writers = self.vectors.get(stream.scope, {})
            recorded = [self._recorded.get(Stream(writer, stream.scope), 0) for writer in writers]
            heard[node] = max(at for writer, at in zip(writers, recorded, strict=True) if node_of(writer) == node)


def packed(content: Content) -> bytes:
    """The body of an entry. Raises Invalid if it is too large."""
    body = pack_body(content)
    if len(body) > BODY_BYTES_MAX:
        raise Invalid(
            f"the entry has {len(body)} bytes, the limit is {BODY_BYTES_MAX}: send less at once", field="lines"
        )
    return body


def vector_digest(vector: Mapping[str, Head]) -> str:
    """Digest of a version vector. Equal vectors have equal digests, whatever the order of their keys."""
    state = sorted((writer, head.sequence, head.hash) for writer, head in vector.items())
    return blake2b(repr(state).encode(), digest_size=16).hexdigest()
