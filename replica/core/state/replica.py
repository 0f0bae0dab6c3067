"""A replica: a set of stream prefixes, and what they fold to.

Local requests are decided and recorded here, peers' entries are merged here, both by the same fold. Nothing here is
durable: entries pile up in a batch, which the driver takes, commits, and only then lets answers out. `execute` and
`merge` may refuse; folding never does.

Rules: one process writes as `writer`; a stream grows by exactly the next number, linked to the hash before; the
version vector says per scope how far each stream is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b

from msgspec.structs import replace

from replica.core.base.clock import COUNTER_BITS, HybridClock
from replica.core.base.errors import Invalid, KeyReused, NotFound, NotHosted, Overtaken, PeerFault, Refused
from replica.core.base.limits import BODY_BYTES_MAX, KEY_LENGTH_MAX
from replica.core.base.names import CHAIN, FREE, account, key_text, node_of
from replica.core.catalog.documents import CHAIN_RANK, Documents, Register
from replica.core.catalog.skus import SKU, Catalog
from replica.core.ledger.cells import Ledger, LocationStock, Move
from replica.core.log.draft import Draft
from replica.core.log.entry import DOCUMENT, Content, Entry, Head, Stream, chain, pack_body, start
from replica.core.log.entry_run import EntryRun, FastRun, ReceivedRun
from replica.core.log.recent_keys import RecentKeys
from replica.core.log.voids import VOID
from replica.core.orders.context import OrderContext, OrderPolicy
from replica.core.orders.events import decide, next_due
from replica.core.orders.fast_orders import FastOrders, hold_fast
from replica.core.orders.fold import Orders
from replica.core.orders.machine import DEFAULT_KEY, DEFAULT_MACHINE, ORDER_MACHINE, read_machine
from replica.core.orders.requests import ORDER, Housekeeping, OrderRequest
from replica.core.rights.location_owners import LocationOwners
from replica.core.rights.policies import POLICY, Policies
from replica.core.rights.requests import Allotment, Grant
from replica.core.state.batch import Batch, Image
from replica.core.state.commands import (
    Command,
    DocumentWrite,
    Placements,
    Requests,
    Sales,
    is_same_request,
    repeats_write,
    stretches,
)
from replica.core.state.duplicates import Collision, Collisions, is_ours_to_void, precedence, prepare_void
from replica.core.state.kinds import prepare
from replica.core.stock.counts import FOLDED, Counts
from replica.core.stock.fast_sales import FastSales, sell_fast
from replica.core.stock.movements import LocationView, Seen, prepare_sale
from replica.core.stock.requests import Count, OnShortage, Sale

Verdict = Entry | Refused
"""What became of a request."""

Vector = dict[str, Head]
"""How far each stream of one scope is held, by writer."""


_NOTHING: Mapping[bytes, Sequence[Entry]] = {}


class Replica:
    """Everything one node knows, and the only way to change it."""

    def __init__(
        self,
        writer: str,
        locations: Iterable[str],
        image: Image | None = None,
        open_catalog: bool = False,
        order_policy: OrderPolicy | None = None,
    ) -> None:
        self.writer = writer
        self.node = node_of(writer)
        self.locations = tuple(locations)
        """Locations this node writes for. Where it was granted rights it may promise them besides."""
        self.open_catalog = open_catalog
        self.order_policy = order_policy or OrderPolicy()
        self.repeated = 0
        """Requests answered from an entry that was there before."""
        self.restore(image or Image())

    def restore(self, image: Image) -> None:
        """Forget everything, and begin from what a journal holds."""
        self.ledger = Ledger()
        self.documents = Documents()
        self.catalog = Catalog(self.open_catalog)
        self.policies = Policies()
        self.machine = DEFAULT_MACHINE
        self.orders = Orders(self.node)
        self.location_owners = LocationOwners(self.node)
        """Which node keeps each location, as far as known: to be learned anew, for with it goes what is due to them."""
        self.counts = Counts(self.node)
        self.clock = HybridClock(image.clock)
        self.arrival = image.arrival
        """How many entries were folded: the place in arrival order of the newest one."""
        self.heard: dict[str, dict[str, int]] = {}
        """The newest stamp folded of each node, by scope."""
        self.vectors: dict[str, Vector] = {}
        self.keys = RecentKeys()
        self.collisions = Collisions()
        self._lost: list[Collision] = []
        """Duplicates that are this node's to void before the batch is taken."""
        self._runs: list[EntryRun] = []
        self._own: dict[str, Stream] = {}
        self._views = {
            location: LocationView.of(location, self.node, self.ledger, self.catalog) for location in self.locations
        }
        for stream, head in image.heads:
            self.vectors.setdefault(stream.scope, {})[stream.writer] = head
        for stream, stamp in image.heard:
            self._hear(stream, stamp)
        for location, item, (writer, source, target), total in image.cells:
            self.ledger.apply(location, writer, (Move(item, source, target, total),))
        for register in image.documents:
            if self.documents.put(register) is not None:
                self._index(register)
        self.orders.load(image.orders)
        self.collisions.load(image.shared)
        self.counts.load(image.counts)
        self.ledger.take_changes()
        self.documents.take_changes()

    def execute_all(
        self, requests: Requests, now_ms: int, earlier: Mapping[bytes, Sequence[Entry]]
    ) -> FastSales | list[Verdict]:
        """Decide requests in order, each by itself: the entry of each, or why it was refused.

        Args:
            earlier: the entries the journal holds under the requests' keys, where they are not among the newest.
        """
        if isinstance(requests, Sales):
            return self._decide_all(requests, now_ms, earlier)
        verdicts: list[Verdict] = []
        for some in stretches(requests):
            if isinstance(some, Sales | Placements):
                verdicts += self._decide_all(some, now_ms, earlier)
            else:
                verdicts.append(self._decide(some, now_ms, earlier))
        return verdicts

    def execute(self, command: Command, now_ms: int, earlier: Sequence[Entry] = ()) -> Entry:
        """Decide a request and record it, or find the entry of the first time it was asked.

        Args:
            earlier: the entries the journal holds under the command's key, when it is not one of the newest.
        Raises:
            Refused: definite; nothing changed.
        """
        known = self.keys.entries(command.key) or earlier
        if known:
            same = [one for one in known if is_same_request(one, command)]
            return self.orders.as_placed(self._repeat(known, same))
        if isinstance(command.request, OrderRequest):
            return self._conduct(command.request, command.key, now_ms)
        view = self._views.get(command.location) or self._view_elsewhere(command)
        if view is None:
            raise NotHosted(f"{self.node} does not write for {command.location!r}", field="location")
        request = command.request
        if isinstance(request, Sale):
            draft = prepare_sale(view, request)
        else:
            seen = command.seen or self.seen(command.location, now_ms)
            if isinstance(request, Count):
                seen = self._place_count(command.location, request, seen)
            draft = prepare(view, request, seen)
        return self._record(command.location, draft, command.key, now_ms)

    def write(self, write: DocumentWrite, now_ms: int, earlier: Sequence[Entry] = ()) -> Entry:
        """Write a chain-wide document, or find the entry of the first time it was asked."""
        known = self.keys.entries(write.key) or earlier
        if known:
            return self._repeat(known, [one for one in known if repeats_write(one, write)])
        version = self.documents.next_version(write.kind, write.name)
        register = Register(write.kind, write.name, CHAIN_RANK, "", version, 0, self.writer, write.value)
        return self._record(CHAIN, Draft(DOCUMENT, facts=register.facts()), write.key, now_ms)

    def _conduct(self, request: OrderRequest, key: bytes, now_ms: int) -> Entry:
        """Decide about an order, and then do what has become due about it."""
        context = self.context(now_ms)
        try:
            drafts = decide(context, request, key)
        except NotFound:
            if isinstance(request, Housekeeping):
                self.orders.settled(request.order, now_ms)
            raise
        for _, draft in drafts[1:]:
            packed(draft.content(self.clock.last, b""))  # all of it, or nothing
        scope, first = drafts[0]
        answer = self._record(scope, first, key, now_ms)
        for scope, draft in drafts[1:]:
            self._record(scope, draft, b"", now_ms)
        self._keep_up(context, request.order, now_ms)
        return answer

    def _keep_up(self, context: OrderContext, order: str, now_ms: int) -> None:
        """Do what is due about an order."""
        try:
            while (due := next_due(context, order)) is not None:
                scope, draft = due
                self._record(scope, draft, b"", now_ms)
        except Refused:  # more than an entry holds: a node that knew other bounds handed it over
            self.orders.stuck[order] = None
        self.orders.settled(order, now_ms)

    def context(self, now_ms: int) -> OrderContext:
        """What this node decides about orders with, as of now."""
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
        )

    def learn_location_owners(self, stores: Mapping[str, str], hubs: Iterable[str] = ()) -> None:
        """Note which node keeps each location, by who was met and what was heard: what is paid becomes due to it."""
        changed = self.location_owners.learn(stores, hubs, self.ledger, self.heard)
        if changed:
            self.orders.remind_of(changed)

    def merge(
        self, runs: Iterable[ReceivedRun], now_ms: int, earlier: Mapping[bytes, Sequence[Entry]] = _NOTHING
    ) -> int:
        """Take in what a peer sent and this replica lacks; return how many entries were new.

        What has become due by it is written at once, so that no crash comes between finding out and doing.

        Args:
            earlier: the entries the journal holds under their keys, where they are not among the newest.
        Raises:
            PeerFault: a gap, a fork, or entries of our own writer that we never wrote. Runs before it are kept.
        """
        merged = 0
        try:
            for run in runs:
                merged += self._merge_run(run, now_ms, earlier)
        finally:
            self._follow_up(now_ms)
        return merged

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

    def _place_count(self, location: str, count: Count, seen: Seen) -> Seen:
        heard = {writer: head.sequence for writer, head in self.vectors.get(location, {}).items()}
        if seen.held is not None and {**seen.held, self.writer: 0} != {**heard, self.writer: 0}:
            raise Overtaken(f"more was heard of {location} meanwhile", field="seen")
        items = [line.item for line in count.lines]
        placed = self.counts.placed(location, self.writer, seen, items)
        return replace(placed, unheard=self.unheard(location, seen.as_of))

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
        documents, orders = self.documents.take_changes(), self.orders.take_changes()
        counts = self.counts.take_changes()
        return Batch(runs, self.ledger.take_changes(), documents, orders, counts, self.clock.last)

    def _follow_up(self, now_ms: int) -> None:
        """Write what has become this node's to write by what was merged."""
        while self._lost:
            lost = self._lost.pop(0)
            self._record(lost.entry.stream.scope, prepare_void(lost.entry, lost.winner), b"", now_ms)
        for order in self.orders.take_duplicated():
            self._keep_up(self.context(now_ms), order, now_ms)
        while (due := self.counts.next_correction()) is not None:
            scope, draft = due
            self._record(scope, draft, b"", now_ms)

    def _meet(self, entry: Entry, earlier: Mapping[bytes, Sequence[Entry]]) -> None:
        """An entry comes under a key that was used before: at another node, for the same request or another."""
        key = entry.content.key
        if key not in self.keys:
            for one in earlier[key]:
                self.keys.put(key, one)
        collision = self.collisions.meet(entry, self.keys.entries(key))
        if is_ours_to_void(collision, self.node):
            self._lost.append(collision)

    def _repeat(self, known: Sequence[Entry], same: Sequence[Entry]) -> Entry:
        """The answer to a request of a known key: that of the winner, if several nodes took it."""
        if not same:
            raise KeyReused(
                f"the key {key_text(known[0].content.key)} was used for another {known[0].content.kind}",
                field="Idempotency-Key",
            )
        self.repeated += 1
        return min(same, key=precedence)

    def _record(self, scope: str, draft: Draft, key: bytes, now_ms: int) -> Entry:
        key = key or draft.key
        content = draft.content(self._next_stamp(now_ms), key)
        body = packed(content)
        if len(key) > KEY_LENGTH_MAX:
            raise Invalid(f"a key has at most {KEY_LENGTH_MAX} bytes", field="Idempotency-Key")
        stream = self._own_stream(scope)
        head = self.head(stream)
        entry = Entry(stream, head.sequence + 1, chain(head.hash, body), body, content)
        self.clock.last = content.clock
        self._fold(entry)
        self._open_run(stream, entry.sequence).append(entry)
        self._hold(stream, Head(entry.sequence, entry.hash), content.clock, 1)
        return entry

    def _decide(
        self, request: Command | DocumentWrite, now_ms: int, earlier: Mapping[bytes, Sequence[Entry]]
    ) -> Verdict:
        decide: Callable[..., Entry] = self.execute if isinstance(request, Command) else self.write
        try:
            return decide(request, now_ms, earlier.get(request.key, ()))
        except Refused as refused:
            return refused

    def _decide_all(
        self, asked: Sales | Placements, now_ms: int, earlier: Mapping[bytes, Sequence[Entry]]
    ) -> FastSales | list[Verdict]:
        """Decide requests, by the short road those that are plain: every entry is what `execute` would have made.

        A run, where all were plain sales; else verdicts one by one.
        """
        verdicts: list[Verdict] = []
        place = end = 0
        while place < len(asked):
            if place >= end:
                end = self._first_used(asked.keys, place, earlier)
            run = self._take_fast(asked, place, end, now_ms) if place < end else None
            if isinstance(run, FastSales) and len(run) == len(asked):
                return run
            verdicts += run if run is not None else [self._decide(asked[place], now_ms, earlier)]
            place += len(run) if run is not None else 1
        return verdicts

    def _take_fast(self, asked: Sales | Placements, place: int, end: int, now_ms: int) -> FastSales | FastOrders | None:
        if isinstance(asked, Sales):
            return self._sell_fast(asked, place, end, now_ms)
        return self._hold_fast(asked, place, end, now_ms)

    def _sell_fast(self, sales: Sales, place: int, end: int, now_ms: int) -> FastSales | None:
        """Sell from one place on, up to another, while sales are plain under new keys; None where the first is not."""
        view = self._views.get(sales.location)
        if view is None or len(sales.requests[place].lines) != 1:
            return None
        stream = self._own_stream(sales.location)
        sold = FastSales(stream, self.head(stream), self._next_stamp(now_ms), view.free)
        sell_fast(view, sales.requests[place:end], sales.keys[place:end], sold)
        if not len(sold):
            return None
        self._record_run(sold)
        return sold

    def _hold_fast(self, placements: Placements, place: int, end: int, now_ms: int) -> FastOrders | None:
        """Hold from one place on, up to another, while orders are plain; None where the first is not."""
        context = self.context(now_ms)

        def begin(location: str, source: str) -> FastOrders:
            stream = self._own_stream(location)
            return FastOrders(stream, self.head(stream), self._next_stamp(now_ms), source, context.held)

        held = hold_fast(context, placements.requests[place:end], placements.keys[place:end], begin)
        if held is not None:
            self.orders.begin(held.orders)
            self._record_run(held)
        return held

    def _record_run(self, run: FastRun) -> None:
        """Record what a short road wrote: one entry at least."""
        newest = self.clock.last = run.clock + len(run) - 1
        self.ledger.take(run.stream.scope, (self.writer, run.source, run.target), run.taken)
        self.keys.put_run(run)
        self._open_run(run.stream, run.first).extend(run)
        self._hold(run.stream, run.head, newest, len(run))

    def _first_used(self, keys: Sequence[bytes], place: int, earlier: Mapping[bytes, Sequence[Entry]]) -> int:
        """Where, from a place on, the first key is that was used before; past the end where all are new."""
        own: dict[bytes, None] = {}
        if place == 0:
            own = dict.fromkeys(keys)
            if len(own) == len(keys) and self.keys.is_disjoint(own) and earlier.keys().isdisjoint(own):
                return len(keys)
            own.clear()
        for index in range(place, len(keys)):
            key = keys[index]
            if key in own or key in self.keys or key in earlier:
                return index
            own[key] = None
        return len(keys)

    def _view_elsewhere(self, command: Command) -> LocationView | None:
        """The room for a promise at a location of others where this node was granted rights, else None.

        Goods come in, are counted and lie in hand only where they are: what is no promise is its own node's to write.
        """
        location, request = command.location, command.request
        is_promise = isinstance(request, Grant | Allotment) or (
            isinstance(request, Sale) and request.on_shortage is OnShortage.REFUSE
        )
        place, free = self.place(location), account(self.node, FREE)
        if not is_promise or place is None or all(route.target != free for route in place.totals):
            return None
        return LocationView.of(location, self.node, self.ledger, self.catalog)

    def _next_stamp(self, now_ms: int) -> int:
        """The stamp of the next entry; it counts as issued once the entry is recorded."""
        return self.clock.next(now_ms)

    def _own_stream(self, scope: str) -> Stream:
        stream = self._own.get(scope)
        if stream is None:
            stream = self._own[scope] = Stream(self.writer, scope)
        return stream

    def _merge_run(self, run: ReceivedRun, now_ms: int, earlier: Mapping[bytes, Sequence[Entry]]) -> int:
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
            self._fold(entry)
            taken.append(entry)
        self._hold(stream, taken.head, max([entry.content.clock for entry in fresh]), len(fresh))
        return len(fresh)

    def _fold(self, entry: Entry) -> None:
        """Let an entry have its effect."""
        stream, content = entry.stream, entry.content
        if content.moves:
            self.ledger.apply(stream.scope, stream.writer, content.moves)
        if content.key:
            self.keys.put(content.key, entry)
        if content.kind == DOCUMENT and stream.scope == CHAIN:
            standing = self.documents.apply(content.facts, content.clock, stream.writer)
            if standing is not None:
                self._index(standing)
        elif content.kind == ORDER:
            self.orders.apply(entry)
        elif content.kind == VOID:
            self.collisions.settle(entry)
        watched = self.counts.watched
        if content.kind in FOLDED or (watched and content.clock <= watched.get(stream.scope, 0)):
            self.counts.apply(entry)

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

    def _index(self, register: Register) -> None:
        if register.rank != CHAIN_RANK:
            return
        put = {SKU: self.catalog.put, POLICY: self.policies.put}.get(register.kind)
        if put is not None and not put(register):
            self.documents.malformed += 1
        if (register.kind, register.key, register.rank) == (ORDER_MACHINE, DEFAULT_KEY, CHAIN_RANK):
            machine = read_machine(register.value)
            self.machine = machine or self.machine
            self.orders.remind(self.orders.open_names())  # what could not happen by the old table may by this one
            self.documents.malformed += machine is None


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
