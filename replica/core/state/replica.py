"""A replica: a set of stream prefixes, and what they fold to.

A replica is state. It takes in entries of its own (`record`) and of peers (`take_in`), both by the same fold, and knows
how far it holds each stream. What to record is decided in `replica.core.state.decisions`. Nothing here is durable:
entries gather in a batch, which the driver takes and commits before any answer goes out.

Rules: one process writes as `writer`; a stream grows by exactly the next number, linked to the hash before; the
version vector says per scope how far each stream is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

from replica.core.base.clock import COUNTER_BITS, HybridClock
from replica.core.base.errors import Invalid, PeerFault
from replica.core.base.limits import BODY_BYTES_MAX, KEY_LENGTH_MAX
from replica.core.base.names import CHAIN, HUBS, node_of
from replica.core.ledger.cells import LocationStock
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, Entry, Head, Stream, chain, pack_body, start
from replica.core.log.entry_run import EntryRun, FastRun, ReceivedRun
from replica.core.log.recent_keys import RecentKeys
from replica.core.orders.context import OrderContext
from replica.core.orders.machine import OrderMachine
from replica.core.rights.location_owners import LocationOwners
from replica.core.state.batch import Batch, Image
from replica.core.state.duplicates import Collision, is_ours_to_void
from replica.core.state.fold import Fold
from replica.core.state.kinds import KINDS, Kinds
from replica.core.stock.counts import Seen
from replica.core.stock.location_view import LocationView

Vector = dict[str, Head]
"""How far each stream of one scope is held, by writer."""

Earlier = Mapping[bytes, Sequence[Entry]]
"""The entries that the journal holds under some keys, where those are not among the newest."""


class Replica:
    """Everything one node knows."""

    def __init__(
        self,
        writer: str,
        locations: Iterable[str],
        image: Image | None = None,
        open_catalog: bool = False,
        kinds: Kinds = KINDS,
    ) -> None:
        self.writer = writer
        self.node = node_of(writer)
        self.locations = tuple(locations)
        """Locations this node writes for. It may also promise where it was granted rights."""
        self.open_catalog = open_catalog
        self.kinds = kinds
        """The kinds of entries that this replica knows."""
        self.is_hub = False
        """Whether orders here promise, by policy, what lies elsewhere or what nobody else keeps."""
        self.home = HUBS
        """Where to note what is at no location that is known: a hub tells other hubs; its node says so of a store."""
        self.repeated = 0
        """Requests answered from an entry that was there before."""
        self.restore(image or Image())

    def restore(self, image: Image) -> None:
        """Forget everything, and begin from what a journal holds."""
        self.fold = Fold(self.node, open_catalog=self.open_catalog, kinds=self.kinds)
        self.ledger = self.fold.ledger
        self.documents = self.fold.documents
        self.catalog = self.fold.catalog
        self.policies = self.fold.policies
        self.orders = self.fold.orders
        self.counts = self.fold.counts
        self.collisions = self.fold.collisions
        self.location_owners = LocationOwners(self.node)
        """Which node owns each location, as far as known. It is learned anew: what is due to owners goes with it."""
        self.clock = HybridClock(image.clock)
        self.arrival = image.arrival
        """How many entries were folded: the place in arrival order of the newest one."""
        self.heard: dict[str, dict[str, int]] = {}
        """The newest stamp folded of each node, by scope."""
        self.vectors: dict[str, Vector] = {}
        self.keys = RecentKeys()
        self._lost: list[Collision] = []
        """Duplicates that this node has to void before the batch is taken."""
        self._runs: list[EntryRun] = []
        self._own: dict[str, Stream] = {}
        self._views = {
            location: LocationView.of(location, self.node, self.ledger, self.catalog) for location in self.locations
        }
        for stream, head in image.heads:
            self.vectors.setdefault(stream.scope, {})[stream.writer] = head
        for stream, stamp in image.heard:
            self._hear(stream, stamp)
        self.fold.load(image)

    @property
    def machine(self) -> OrderMachine:
        """The table of order transitions that stands."""
        return self.fold.machine

    def context(self, now_ms: int) -> OrderContext:
        """What this node decides about orders with, as of now."""
        return OrderContext(
            self.node,
            self.locations,
            self.ledger,
            self.catalog,
            self.orders,
            self.machine,
            now_ms,
            self.policies,
            self.is_hub,
            self.home,
            self.location_owners.nodes,
        )

    def learn_location_owners(self, stores: Mapping[str, str], hubs: Iterable[str] = ()) -> None:
        """Note which node keeps each location, by who was met and what was heard: what is paid becomes due to it."""
        changed = self.location_owners.learn(stores, hubs, self.ledger, self.heard)
        if changed:
            self.orders.remind_of(changed)

    def head(self, stream: Stream) -> Head:
        """How far a stream is held; number 0 and its genesis when not at all."""
        vector = self.vectors.get(stream.scope)
        return (vector.get(stream.writer) if vector is not None else None) or start(stream)

    def vector(self, scopes: Iterable[str]) -> dict[str, Vector]:
        """A copy of the version vector of some scopes; scopes without entries are left out."""
        return {scope: dict(self.vectors[scope]) for scope in scopes if scope in self.vectors}

    def digest(self, scope: str) -> str:
        """Digest of what a scope folds to: a location's cells, or the chain's documents."""
        return self.documents.digest() if scope == CHAIN else self.ledger.digest(scope)

    def digests(self) -> dict[str, str]:
        """Digest of every scope held, in order."""
        return {scope: self.digest(scope) for scope in sorted({**self.vectors, CHAIN: None})}

    def vector_digest(self, scope: str) -> str:
        """Digest of how far each stream of a scope is held."""
        return vector_digest(self.vectors.get(scope, {}))

    def newest(self, scope: str) -> int | None:
        """The newest stamp folded of a scope, if there is any: how fresh what is known of it is."""
        return max(self.heard.get(scope, {}).values(), default=None)

    def place(self, location: str) -> LocationStock | None:
        """The stock of a location, if anything ever moved there."""
        return self.ledger.places.get(location)

    def seen(self, location: str, now_ms: int) -> Seen:
        """What a count made from this very state is made from.

        Its moment is that of the wall clock, not of the last stamp: that may be of a clock that ran ahead.
        """
        vector = self.vectors.get(location, {})
        as_of = (now_ms << COUNTER_BITS) - 1
        return Seen({}, as_of, {writer: head.sequence for writer, head in sorted(vector.items())})

    def unheard(self, location: str, as_of: int) -> tuple[str, ...]:
        """Other nodes that write at a location and were not heard of past a moment: a count of it is provisional."""
        heard = self.heard.get(location, {})
        return tuple([node for node, stamp in sorted(heard.items()) if stamp <= as_of and node != self.node])

    def view(self, location: str) -> LocationView | None:
        """A location that this node writes for, as it sees it; None elsewhere."""
        return self._views.get(location)

    @property
    def uncommitted(self) -> int:
        """Entries recorded or merged since the last batch was taken."""
        return sum([len(run) for run in self._runs])

    def take_batch(self) -> Batch:
        """Hand over what the next commit must write."""
        runs = self._runs
        if runs:
            self._runs = []
            self.keys.turn()
        cells, checkpoint = self.fold.take_changes()
        return Batch(runs=runs, cells=cells, checkpoint=checkpoint, clock=self.clock.last)

    def take_lost(self) -> Collision | None:
        """Hand over the next duplicate that this node has to void; None when there is none."""
        return self._lost.pop(0) if self._lost else None

    def next_stamp(self, now_ms: int) -> int:
        """The stamp of the next entry; it counts as issued once the entry is recorded."""
        return self.clock.next(now_ms)

    def record(self, scope: str, draft: Draft, key: bytes, now_ms: int) -> Entry:
        """Append an entry of this node's own and fold it. Raises Invalid where it is too large; nothing changed."""
        key = key or draft.key
        content = draft.content(self.next_stamp(now_ms), key)
        body = packed(content)
        if len(key) > KEY_LENGTH_MAX:
            raise Invalid(f"a key has at most {KEY_LENGTH_MAX} bytes", field="Idempotency-Key")
        stream = self.own_stream(scope)
        head = self.head(stream)
        entry = Entry(stream, head.sequence + 1, chain(head.hash, body), body, content)
        self.clock.last = content.clock
        self._apply(entry)
        self._open_run(stream, entry.sequence).append(entry)
        self._hold(stream, Head(entry.sequence, entry.hash), content.clock, 1)
        return entry

    def record_run(self, run: FastRun) -> None:
        """Append a run that a fast path has decided: one entry at least."""
        newest = self.clock.last = run.clock + len(run) - 1
        self.ledger.take(run.stream.scope, (self.writer, run.source, run.target), run.taken)
        self.keys.put_run(run)
        self._open_run(run.stream, run.first).extend(run)
        self._hold(run.stream, run.head, newest, len(run))

    def own_stream(self, scope: str) -> Stream:
        """This node's own stream of a scope."""
        stream = self._own.get(scope)
        if stream is None:
            stream = self._own[scope] = Stream(self.writer, scope)
        return stream

    def take_in(self, run: ReceivedRun, now_ms: int, earlier: Earlier) -> int:
        """Fold what a peer sent and this replica lacks; return how many entries were new.

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
            taken.append(entry)
        self._hold(stream, taken.head, max([entry.content.clock for entry in fresh]), len(fresh))
        return len(fresh)

    def _meet(self, entry: Entry, earlier: Earlier) -> None:
        """An entry comes under a key that was used before: at another node, for the same request or another."""
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

    def _open_run(self, stream: Stream, first: int) -> EntryRun:
        """The run of the batch that the next entries of a stream join; number `first` is the first of them."""
        if not self._runs or self._runs[-1].stream != stream:
            self._runs.append(EntryRun(stream, first))
        return self._runs[-1]

    def _hold(self, stream: Stream, head: Head, newest: int, number: int) -> None:
        """Hold a stream as far as a number of entries that were folded; `newest` is the newest of their stamps."""
        self.vectors.setdefault(stream.scope, {})[stream.writer] = head
        self._hear(stream, newest)
        self.arrival += number

    def _hear(self, stream: Stream, stamp: int) -> None:
        heard, node = self.heard.setdefault(stream.scope, {}), node_of(stream.writer)
        before = heard.get(node, 0)
        if stamp > before:
            heard[node] = stamp
            if not before:
                self.location_owners.heard(node, stream.scope)


def packed(content: Content) -> bytes:
    """The body of an entry. Raises Invalid when there is too much to say."""
    body = pack_body(content)
    if len(body) > BODY_BYTES_MAX:
        raise Invalid(f"this takes {len(body)} bytes to record, at most {BODY_BYTES_MAX} are", field="lines")
    return body


def vector_digest(vector: Mapping[str, Head]) -> str:
    """Equal vectors, equal digest."""
    state = sorted((writer, head.sequence, head.hash) for writer, head in vector.items())
    return blake2b(repr(state).encode(), digest_size=16).hexdigest()
