"""Answers about exceptions: what a person should look at, because the node cannot resolve it alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TypeVar

from msgspec import Struct

from replica.core.base.clock import time_text
from replica.core.base.names import key_text, node_of
from replica.core.log.times import recorded_text
from replica.core.orders.facts import is_placement
from replica.core.orders.order import Order, Placed, noted_ms
from replica.core.orders.requests import ORDER
from replica.core.state.duplicates import Collision
from replica.core.state.replica import Replica
from replica.runtime.http.clock_answers import ClockAnswer, TillClockAnswer, clock_answers, till_clock_answers
from replica.runtime.http.document_conflicts import (
    BarcodeAnswer,
    LostEditAnswer,
    PriceConflictAnswer,
    PromotionConflictAnswer,
    RecipeAnswer,
    barcode_answers,
    lost_edit_answers,
    price_conflict_answers,
    promotion_conflict_answers,
    recipe_answers,
)
from replica.runtime.http.order_answers import ReportAnswer, WaitingAnswer, report_answers, waiting_answers
from replica.runtime.http.receipt_answers import QuestionedReturnAnswer, ReceiptAnswers, RepeatedReceiptAnswer
from replica.runtime.http.shortage_answers import BreachAnswer, ShortageAnswer, breach_answers, shortage_answers
from replica.runtime.http.transfer_answers import TransferRow, transfer_row

Answer = TypeVar("Answer")

NO_RECEIPTS = ReceiptAnswers()


class SideAnswer(Struct, frozen=True):
    """One of two entries: its node, location and time."""

    movement: str
    node: str
    location: str
    at: str


class DuplicateAnswer(Struct, frozen=True):
    """One request that two nodes accepted. `standing` counts. The entry `void` undoes `lost`, null until it arrives.

    `key` is the idempotency key of the caller. It is empty for an order that was placed under several keys, and for an
    order that is too old for the node to know its key.
    """

    key: str
    request: str
    order: str
    standing: SideAnswer
    lost: SideAnswer
    void: str | None


class ConflictAnswer(Struct, frozen=True):
    """Two nodes accepted different requests under one key, or different orders under one name. Both count.

    `order` is the name of the order, empty if only the key is the same. `key` is as in duplicates.
    """

    key: str
    order: str
    requests: list[str]
    sides: list[SideAnswer]


class ExceptionsAnswer(Struct, frozen=True):
    """What a person should look at.

    `breaches`: accounts below zero, by location and item. `shortages`: holds selected to be revoked. `duplicates`:
    requests that two nodes accepted. `key_conflicts`: keys used for different requests. `reports`: events without an
    effect. `waiting`: events that wait, and for what. `barcode_conflicts`: barcodes that several SKUs claim.
    `recipe_conflicts`: SKUs that recipes use as items. `price_conflicts`: overrides past the limits of the chain.
    `promotion_conflicts`: promotions in each other's way. `lost_edits`: edits of documents that lost against another.
    `repeated_receipts`: till receipts told twice on one day. `questioned_returns`: returns that do not fit their sale.
    `differences`: digests that differed between nodes since this process started. They are not in the journal. After a
    restart, nodes compare their digests again. `unreadable`: entries that arrived since this process started, and that
    this version cannot read. `clocks`: clocks of nodes that are or were wrong. `till_clocks`: tills that said a time
    that cannot be true. `late_transfers`: goods that should have arrived. `transfer_discrepancies`: transfers whose
    goods do not come out even. `truncated`: the node has more exceptions than it lists here.
    """

    breaches: list[BreachAnswer]
    shortages: list[ShortageAnswer]
    duplicates: list[DuplicateAnswer]
    key_conflicts: list[ConflictAnswer]
    reports: list[ReportAnswer]
    waiting: list[WaitingAnswer]
    barcode_conflicts: list[BarcodeAnswer]
    recipe_conflicts: list[RecipeAnswer]
    price_conflicts: list[PriceConflictAnswer]
    promotion_conflicts: list[PromotionConflictAnswer]
    lost_edits: list[LostEditAnswer]
    repeated_receipts: list[RepeatedReceiptAnswer]
    questioned_returns: list[QuestionedReturnAnswer]
    differences: list[dict[str, str]]
    unreadable: int
    clocks: list[ClockAnswer]
    till_clocks: list[TillClockAnswer]
    late_transfers: list[TransferRow]
    transfer_discrepancies: list[TransferRow]
    truncated: bool


def exceptions(
    replica: Replica,
    since: Mapping[tuple[str, str], str | None],
    differences: Sequence[dict[str, str]],
    limit: int,
    receipts: ReceiptAnswers = NO_RECEIPTS,
    *,
    now_ms: int,
) -> ExceptionsAnswer:
    """Gather the exceptions of at most `limit` orders with reports, and of at most `limit` orders with waiting events.

    Of duplicates, conflicts, shortages, lost edits and till receipts it lists the newest, at most `limit` of each. Of
    breaches it lists the first `limit` by location and item, and of the conflicts of documents the first by key.
    `since`: when each of the first breaches began, by location and item, one more than `limit`. `receipts`: the newest,
    one more than `limit` of each sort. `now_ms`: conflicts of prices and promotions that ended before are left out.
    """
    orders = replica.orders
    with_reports = orders.latest(orders.with_reports, limit + 1)
    with_duplicates = orders.latest(orders.with_duplicates, limit + 1)
    with_conflicts = orders.latest(orders.with_conflicts, limit + 1)
    waiting = orders.with_waiting(limit + 1)
    with_shortage = orders.latest(orders.with_shortage, limit + 1)
    collisions = [one for one in replica.collisions if not _is_of_one_order(one)]
    keys = _keys_of_orders(replica.collisions)
    duplicates = [(*_place(one), _duplicate(one)) for one in collisions if one.is_duplicate]
    duplicates += [row for order in with_duplicates for row in _double_orders(order, keys)]
    conflicts = [(*_place(one), _conflict(one)) for one in collisions if not one.is_duplicate]
    conflicts += [_other_orders(order, keys) for order in with_conflicts]
    clocks, till_clocks = clock_answers(replica.clock_faults), till_clock_answers(replica.clock_faults)
    barcodes, recipes = barcode_answers(replica.catalog), recipe_answers(replica.catalog)
    prices = price_conflict_answers(replica.price_conflicts, now_ms, limit + 1)
    promotions = promotion_conflict_answers(replica.promotion_conflicts, now_ms, limit + 1)
    lost_edits = lost_edit_answers(replica.documents, limit + 1)
    late, uneven = _transfers(replica, limit + 1, now_ms)
    of_orders = (with_reports, waiting, with_shortage, duplicates, conflicts)
    breaches = breach_answers(replica.ledger, since)
    of_documents = (barcodes, recipes, prices, promotions, lost_edits)
    of_others = (breaches, *of_documents, receipts.repeated, receipts.questioned, late, uneven)
    return ExceptionsAnswer(
        breaches=breaches[:limit],
        shortages=[answer for order in with_shortage[-limit:] for answer in shortage_answers(order)],
        duplicates=_newest(duplicates, limit),
        key_conflicts=_newest(conflicts, limit),
        reports=[report for order in with_reports[-limit:] for report in report_answers(order)],
        waiting=[answer for order in waiting[:limit] for answer in waiting_answers(order)],
        barcode_conflicts=barcodes[:limit],
        recipe_conflicts=recipes[:limit],
        price_conflicts=prices[:limit],
        promotion_conflicts=promotions[:limit],
        lost_edits=lost_edits[:limit],
        repeated_receipts=list(receipts.repeated[:limit]),
        questioned_returns=list(receipts.questioned[:limit]),
        differences=list(differences),
        unreadable=orders.malformed + replica.documents.malformed + replica.transfers.malformed,
        clocks=clocks[-limit:],
        till_clocks=till_clocks[-limit:],
        late_transfers=late[:limit],
        transfer_discrepancies=uneven[-limit:],
        truncated=any(len(some) > limit for some in (*of_orders, *of_others, clocks, till_clocks)),
    )


def _transfers(replica: Replica, limit: int, now_ms: int) -> tuple[list[TransferRow], list[TransferRow]]:
    """At most `limit` transfers that are late longest, and as many of the newest that do not come out even."""
    transfers = replica.transfers
    names = transfers.late(now_ms, limit), transfers.with_discrepancies.newest(limit)
    late, uneven = (
        [transfer_row(one, now_ms) for name in some if (one := transfers.find(name)) is not None] for some in names
    )
    return late, uneven


def _is_of_one_order(collision: Collision) -> bool:
    """Whether one order was placed twice under one key: the node lists it once, as an order."""
    contents = collision.entry.content, collision.winner.content
    are_placements = all(is_placement(one) for one in contents)
    return are_placements and contents[0].reference == contents[1].reference


def _keys_of_orders(collisions: Iterable[Collision]) -> dict[bytes, str]:
    """The keys of orders that were placed twice under one key, by the entries of the placements."""
    keys: dict[bytes, str] = {}
    for one in collisions:
        if _is_of_one_order(one):
            keys[one.entry.hash] = keys[one.winner.hash] = key_text(one.entry.content.key)
    return keys


def _side(collision: Collision, *, is_lost: bool) -> SideAnswer:
    entry = collision.entry if is_lost else collision.winner
    stream = entry.stream
    return SideAnswer(entry.hash.hex(), node_of(stream.writer), stream.scope, recorded_text(entry.content))


def _place(collision: Collision) -> tuple[int, str]:
    """Where a collision stands among others and among orders: by the stamp of the later entry, then by its entry."""
    return max(collision.entry.content.clock, collision.winner.content.clock), collision.entry.hash.hex()


def _newest(rows: Iterable[tuple[int, str, Answer]], limit: int) -> list[Answer]:
    """The newest rows by their stamps, oldest first. Equal stamps are in order of names, as in the lists of orders.

    Wall clocks do not order them: the page of orders is chosen by stamps, and a wall clock may be set back.
    """
    return [row for *_, row in sorted(rows, key=itemgetter(0, 1))[-limit:]]


def _duplicate(found: Collision) -> DuplicateAnswer:
    content, void = found.entry.content, found.void.hash.hex() if found.void is not None else None
    standing, lost = _side(found, is_lost=False), _side(found, is_lost=True)
    order = content.reference if content.kind == ORDER else ""
    return DuplicateAnswer(
        key=key_text(content.key), request=content.kind, order=order, standing=standing, lost=lost, void=void
    )


def _conflict(found: Collision) -> ConflictAnswer:
    requests = [found.winner.content.kind, found.entry.content.kind]
    sides = [_side(found, is_lost=False), _side(found, is_lost=True)]
    return ConflictAnswer(key_text(found.entry.content.key), "", requests, sides)


def _double_orders(order: Order, keys: Mapping[bytes, str]) -> Iterator[tuple[int, str, DuplicateAnswer]]:
    """A row for each placement that lost, all at the stamp of the first, and with the name of the order."""
    lost_placements = order.duplicates()
    for lost, won in lost_placements:
        voids = [order.fulfilments[one.id].void.hex() for one in lost.shown if one.id in order.fulfilments]
        answer = DuplicateAnswer(
            key=_one_key((won, lost), keys),
            request=ORDER,
            order=order.name,
            standing=_placed_side(won),
            lost=_placed_side(lost),
            void=next((one for one in voids if one), None),
        )
        yield lost_placements[0][0].clock, order.name, answer


def _other_orders(order: Order, keys: Mapping[bytes, str]) -> tuple[int, str, ConflictAnswer]:
    """The row of an order that was placed with several requests, at the stamp of the first other request."""
    requests = order.requests()
    sides = [_placed_side(one) for one in requests]
    answer = ConflictAnswer(_one_key(requests, keys), order.name, [ORDER] * len(sides), sides)
    return requests[1].clock, order.name, answer


def _one_key(placed: Sequence[Placed], keys: Mapping[bytes, str]) -> str:
    """The key that placements share; empty if they share none or it is unknown."""
    found = dict.fromkeys([keys.get(one.entry, "") for one in placed])
    return next(iter(found)) if len(found) == 1 else ""


def _placed_side(placed: Placed) -> SideAnswer:
    location = placed.shown[0].location if placed.shown else ""
    return SideAnswer(placed.entry.hex(), node_of(placed.writer), location, time_text(noted_ms(placed)))
