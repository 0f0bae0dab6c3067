"""Decisions: a replica decides each request, and then records and answers it, or refuses it.

These functions change a replica only by recording entries. They use no I/O, no clock and no randomness. If `execute`
or `write` refuses, nothing changed. `merge` takes in a peer's entries and records what becomes due because of them in
the same batch, so a crash cannot separate the two. Fast paths are in `fast_paths`; they record the same entries as
this module would.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import UNSET
from msgspec.structs import replace

from replica.core.base.errors import KeyReused, NotFound, NotHosted, Overtaken, Refused, Unchanged
from replica.core.base.names import FREE, account, key_text
from replica.core.catalog.documents import are_equal
from replica.core.catalog.locations import LOCATION
from replica.core.catalog.ranks import REGION_RANK, STORE_RANK
from replica.core.catalog.registers import Register
from replica.core.log.draft import Draft
from replica.core.log.entry import DOCUMENT, Entry, precedence
from replica.core.log.entry_run import ReceivedRun
from replica.core.orders.context import OrderContext
from replica.core.orders.events import decide, next_due
from replica.core.orders.requests import Housekeeping, OrderRequest
from replica.core.state.commands import (
    Command,
    DocumentWrite,
    Placements,
    Requests,
    Sales,
    receipt_number,
    repeats_command,
    repeats_write,
    stretches,
    together,
)
from replica.core.state.document_kinds import DOCUMENT_KINDS
from replica.core.state.duplicates import lost_among, prepare_void
from replica.core.state.fast_paths import first_used, take_fast
from replica.core.state.kinds import EntryKind
from replica.core.state.replica import Earlier, Replica, packed
from replica.core.stock.counts import Seen, prepare_count
from replica.core.stock.fast_sales import FastSales
from replica.core.stock.location_view import LocationView
from replica.core.stock.originals import prepare_corrections
from replica.core.stock.requests import Count, Return, Sale
from replica.core.stock.returns import prepare_return
from replica.core.stock.sales import QUOTE
from replica.core.stock.till_receipts import TillReceipt
from replica.core.stock.transfer_requests import RequestTransfer

Verdict = Entry | Refused
"""The result of one request."""

Verdicts = FastSales | list[Verdict]
"""The results of one caller's requests, in their order. If all were fast sales, a run."""

_NOTHING: Earlier = {}


def execute_all(replica: Replica, asked: Sequence[Requests], now_ms: int, earlier: Earlier) -> list[Verdicts]:
    """Decide the requests of several callers in order, each request separately.

    Adjacent callers with one sale each, or one order each, are decided together, because that costs less.

    Args:
        asked: the requests of each caller.
        earlier: the entries under the requests' keys in the journal, unless the replica still holds them in memory.
    """
    verdicts: list[Verdicts] = []
    for requests, callers in together(asked):
        decided = execute_requests(replica, requests, now_ms, earlier)
        if len(callers) == 1:
            verdicts.append(decided)
        else:
            verdicts += [[verdict] for verdict in decided]
    return verdicts


def execute_requests(replica: Replica, requests: Requests, now_ms: int, earlier: Earlier) -> Verdicts:
    """Decide the requests of one caller."""
    if isinstance(requests, Sales | Placements):
        return _execute_alike(replica, requests, now_ms, earlier)
    verdicts: list[Verdict] = []
    for some in stretches(requests):
        if isinstance(some, Sales | Placements):
            verdicts += _execute_alike(replica, some, now_ms, earlier)
        else:
            verdicts.append(_try(replica, some, now_ms, earlier))
    return verdicts


def _execute_alike(replica: Replica, asked: Sales | Placements, now_ms: int, earlier: Earlier) -> Verdicts:
    """Decide by the fast path as many requests as it takes, and the others by `execute`."""
    verdicts: list[Verdict] = []
    index = end = 0
    while index < len(asked):
        if index >= end:
            end = first_used(replica, asked.keys, index, earlier)
        run = take_fast(replica, asked, index, end, now_ms, earlier) if index < end else None
        if isinstance(run, FastSales) and len(run) == len(asked):
            return run
        verdicts += run if run is not None else [_try(replica, asked[index], now_ms, earlier)]
        index += len(run) if run is not None else 1
    return verdicts


def _try(replica: Replica, request: Command | DocumentWrite, now_ms: int, earlier: Earlier) -> Verdict:
    known = earlier.get(request.key, ())
    try:
        if isinstance(request, Command):
            return execute(replica, request, now_ms, known, earlier.get(_receipt_of(request) or b""))
        return write(replica, request, now_ms, known)
    except Refused as refused:
        return refused


def execute(
    replica: Replica,
    command: Command,
    now_ms: int,
    earlier: Sequence[Entry] = (),
    on_receipt: Sequence[Entry] | None = None,
) -> Entry:
    """Decide a request and record it. If it repeats an earlier request, return the entry of that one.

    Args:
        earlier: the entries under the command's key in the journal, unless the replica still holds them in memory.
        on_receipt: the same for the till receipt of a sale, and for that of the sale that a return reverses. Empty if
            they are too many to read, and None if there are none.
    Raises:
        Refused: definite; nothing changed.
    """
    known = replica.keys.entries(command.key) or earlier
    if known:
        same = [one for one in known if repeats_command(replica.kinds, one, command)]
        return replica.orders.as_placed(_repeat(replica, known, same))
    request = command.request
    if isinstance(request, OrderRequest):
        return _execute_order(replica, request, command, now_ms)
    kind = replica.kinds.of_request(request)
    if isinstance(request, RequestTransfer):
        _check_ends(replica, request)
    view = replica.view(command.location) or _view_elsewhere(replica, kind, command)
    if view is None:
        replica.known_locations.check(command.location, "location")
        raise NotHosted(f"{replica.node} does not write for {command.location!r}", field="location")
    if isinstance(request, Count):
        draft = prepare_count(view, request, _rank_count(replica, command, request, now_ms))
    elif isinstance(request, Return) and request.original:
        named = replica.receipts.entries(TillReceipt(command.location, request.original), on_receipt)
        lost = lost_among(named or (), replica.kinds)
        standing = [entry for entry in named if entry.hash not in lost] if named is not None else None
        draft = prepare_return(view, request, standing)
    else:
        assert kind.prepare is not None
        draft = kind.prepare(view, request)
    if command.quote:
        draft = replace(draft, facts={**draft.facts, QUOTE: command.quote})
    entry = replica.record(command.location, draft, command.key, now_ms)
    receipt = _receipt_of(command) if isinstance(request, Sale) else None
    if receipt is not None and (on_receipt is not None or replica.receipts.is_returned(receipt)):
        _correct_returns(replica, receipt, on_receipt, now_ms)
    _correct_counts(replica, now_ms)  # a till may report that goods moved before the newest count
    return entry


def _check_ends(replica: Replica, request: RequestTransfer) -> None:
    """Refuse a transfer from or to a location that nobody knows. Raises Invalid.

    A store knows other locations by their documents only. In a chain without such documents it takes any name.
    """
    new = request.new
    assert new.source is not UNSET
    if replica.order_policy.hears_all or next(iter(replica.documents.keys(LOCATION)), None) is not None:
        replica.known_locations.check_field(new.source, "from")
        replica.known_locations.check_field(new.target, "to")


def write(replica: Replica, write: DocumentWrite, now_ms: int, earlier: Sequence[Entry] = ()) -> Entry:
    """Write a document at its rank. If it repeats an earlier write, return the entry of that one.

    Raises:
        Unchanged: the document has the value already, and the write asks for changes only.
        Refused: definite; nothing changed. The document does not agree with what this node knows.
    """
    known = replica.keys.entries(write.key) or earlier
    if known:
        return _repeat(replica, known, [one for one in known if repeats_write(replica.kinds, one, write)])
    register = prepare_write(replica, write)
    facts = register.facts(replica.documents.replaced_by_next(register))
    return replica.record(register.scope, Draft(kind=DOCUMENT, facts=facts), write.key, now_ms)


def prepare_write(replica: Replica, write: DocumentWrite) -> Register:
    """The register as a write would leave it, without its clock. Nothing changes. Raises as `write`."""
    if write.skips_unchanged:
        current = replica.documents.register(write.kind, write.name, write.rank, write.at)
        if are_equal(current.value if current is not None else None, write.value):
            raise Unchanged(current)
    kind = DOCUMENT_KINDS.get(write.kind)
    if kind is not None and write.value is not None:
        kind.admit(replica, write)
    if write.rank == STORE_RANK:
        replica.known_locations.check_field(write.at, "at")
    elif write.rank == REGION_RANK:
        replica.known_locations.check_region(write.at, "at")
    return Register(
        kind=write.kind,
        key=write.name,
        rank=write.rank,
        at=write.at,
        version=replica.documents.next_version(write.kind, write.name, write.rank, write.at),
        clock=0,
        writer=replica.writer,
        value=write.value,
    )


def merge(replica: Replica, runs: Iterable[ReceivedRun], now_ms: int, earlier: Earlier = _NOTHING) -> int:
    """Take in a peer's entries that this replica lacks, and record what becomes due. Return the number of new entries.

    Args:
        earlier: the entries under their keys in the journal, unless the replica still holds them in memory.
    Raises:
        PeerFault: a gap, a fork, or entries of our own writer that we never wrote. Earlier runs of this call stay.
    """
    merged = 0
    try:
        for run in runs:
            merged += replica.take_in(run, now_ms, earlier)
    finally:
        _follow_up(replica, now_ms, earlier)
    return merged


def _follow_up(replica: Replica, now_ms: int, earlier: Earlier) -> None:
    """Record the voids, order changes and corrections that became due because of a merge."""
    while (lost := replica.take_lost()) is not None:
        replica.record(lost.entry.stream.scope, prepare_void(lost.entry, lost.winner, replica.kinds), b"", now_ms)
    for receipt in replica.take_named():
        _correct_returns(replica, receipt, earlier.get(receipt), now_ms)
    for order in replica.orders.take_duplicated():
        _record_due(replica, replica.context(now_ms), order, now_ms)
    _correct_counts(replica, now_ms)


def _correct_counts(replica: Replica, now_ms: int) -> None:
    """Record the corrections that became due, so that the book stock as of each count equals its level."""
    while (due := replica.counts.next_correction()) is not None:
        scope, draft = due
        replica.record(scope, draft, b"", now_ms)


def _correct_returns(replica: Replica, receipt: TillReceipt, durable: Sequence[Entry] | None, now_ms: int) -> None:
    """Record the corrections of this node's returns that name the sale with a till receipt.

    If too many entries name it, record none: without all earlier corrections, each would be repeated.
    """
    location, number = receipt
    view = replica.view_of(location)
    named = replica.receipts.entries(receipt, durable)
    if named is None:
        return
    for draft in prepare_corrections(view, replica.node, number, named, lost_among(named, replica.kinds)):
        replica.record(location, draft, b"", now_ms)


def _receipt_of(command: Command) -> TillReceipt | None:
    """The till receipt of a sale, or of the sale that a return reverses."""
    number = receipt_number(command.request)
    return TillReceipt(command.location, number) if number else None


def _execute_order(replica: Replica, request: OrderRequest, command: Command, now_ms: int) -> Entry:
    """Decide a request about an order, then record what becomes due for that order."""
    context = replica.context(now_ms, command.chooser)
    try:
        answer = _record_decided(replica, context, request, command.key, now_ms)
    except Refused as refused:
        if isinstance(request, Housekeeping):
            _end_housekeeping(replica, request.order, now_ms, is_stuck=not isinstance(refused, NotFound))
        raise
    _record_due(replica, context, request.order, now_ms)
    return answer


def _record_decided(replica: Replica, context: OrderContext, request: OrderRequest, key: bytes, now_ms: int) -> Entry:
    """Decide a request about an order, and record its entries. Return the one that answers the caller."""
    drafts = decide(context, request, key)
    for scope, draft in drafts[1:]:
        packed(replica.content_of(scope, draft, b"", now_ms))  # check all sizes before the first entry is recorded
    scope, first = drafts[0]
    answer = replica.record(scope, first, key, now_ms)
    for scope, draft in drafts[1:]:
        replica.record(scope, draft, b"", now_ms)
    return answer


def _record_due(replica: Replica, context: OrderContext, order: str, now_ms: int) -> None:
    """Record everything that is due for an order."""
    is_stuck = False
    try:
        while (due := next_due(context, order)) is not None:
            scope, draft = due
            replica.record(scope, draft, b"", now_ms)
    except Refused:
        is_stuck = True
    _end_housekeeping(replica, order, now_ms, is_stuck=is_stuck)


def _end_housekeeping(replica: Replica, order: str, now_ms: int, *, is_stuck: bool) -> None:
    """Note that nothing more is due about an order for now.

    `is_stuck`: what is due is too large for one entry, because a node with other limits handed the order over.
    """
    if is_stuck:
        replica.orders.stuck[order] = None
    else:
        replica.orders.stuck.pop(order, None)
    replica.orders.settled(order, now_ms)


def _repeat(replica: Replica, known: Sequence[Entry], same: Sequence[Entry]) -> Entry:
    """The answer to a repeated request. If several nodes accepted it, the entry that won."""
    if not same:
        raise KeyReused(
            f"the key {key_text(known[0].content.key)} was used for another {known[0].content.kind}",
            field="Idempotency-Key",
        )
    replica.repeated += 1
    return min(same, key=precedence)


def _rank_count(replica: Replica, command: Command, count: Count, now_ms: int) -> Seen:
    """The state a count was made from, with its rank among the counts known here. Raises Overtaken."""
    location, seen = command.location, command.seen or replica.seen(command.location, now_ms)
    heard = {writer: head.sequence for writer, head in replica.vectors.get(location, {}).items()}
    if seen.held is not None and {**seen.held, replica.writer: 0} != {**heard, replica.writer: 0}:
        raise Overtaken(f"new entries of {location} arrived meanwhile", field="seen")
    ranked = replica.counts.placed(location, replica.writer, seen, [line.item for line in count.lines])
    return replace(ranked, unheard=replica.unheard(location, seen.as_of))


def _view_elsewhere(replica: Replica, kind: EntryKind, command: Command) -> LocationView | None:
    """The view of a location that this node does not write for, if the request is a promise and it has rights there.

    None otherwise: only a promise may be made from elsewhere, because goods are received and counted on the spot. What
    moves nothing may be written from elsewhere too, by a node that hears of all locations.
    """
    location = command.location
    if kind.moves_nothing and replica.order_policy.hears_all and location in replica.known_locations:
        return replica.view_of(location)
    stock, free = replica.location_stock(location), account(replica.node, FREE)
    if not kind.is_promise(command.request) or stock is None or all(route.target != free for route in stock.totals):
        return None
    return LocationView.of(location, replica.node, replica.ledger, replica.catalog, replica.transfers)
