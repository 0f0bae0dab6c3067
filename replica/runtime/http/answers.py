"""Answers to callers: their types, and how they are rendered from entries and stock.

The answer to a write is rendered from its entry alone. So a retry gets the same answer at each node that has the entry.
"""

from __future__ import annotations

from typing import Any

import msgpack
from msgspec import Struct

from replica.core.base.clock import stamp_text
from replica.core.base.names import key_text, node_of
from replica.core.ledger.cells import Stock, breach_of, rights_of
from replica.core.log.entry import DOCUMENT
from replica.core.log.times import recorded_text
from replica.core.state.replica import Replica
from replica.runtime.http.incoming_answers import Incoming, incoming_answers, units_outgoing
from replica.runtime.ports import Stored


class Pn(Struct, frozen=True):
    """The stock as a PN-counter: units in (`p`) and units out (`n`), by writer. `on_hand` is Σp - Σn."""

    p: dict[str, int]
    n: dict[str, int]


class LastCount(Struct, frozen=True):
    """The newest count of an item. `unheard`: nodes whose movements may be missing, so that it is provisional."""

    movement: str
    by: str
    as_of: str
    counted: int
    provisional: bool
    unheard: list[str]


class StockAnswer(Struct, frozen=True, omit_defaults=True):
    """Stock of one item at one location, in base units.

    `seen` is a token: a count that was made from these figures sends it along. `count` is null if nobody counted yet.
    `in_transit`: units that left this location by transfers and have not arrived. `incoming`: units on their way to it.
    Neither is in any other figure, and both are left out if there are none.
    """

    location: str
    item: str
    unit: str
    on_hand: int
    reserved: int
    quarantined: int
    available: int
    rights: int
    breach: int
    accounts: dict[str, int]
    pn: Pn
    seen: str
    count: LastCount | None
    in_transit: int = 0
    incoming: list[Incoming] = []


class EntryAnswer(Struct, frozen=True):
    """One journal entry."""

    arrival: int
    writer: str
    scope: str
    sequence: int
    hash: str
    kind: str
    at: str
    clock: int
    key: str
    actor: str
    reason: str
    reference: str
    moves: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    facts: dict[str, Any]


class JournalPage(Struct, frozen=True):
    """Entries in order of arrival; `next` is the cursor to send as `after` for the next page, at this node only."""

    entries: list[EntryAnswer]
    next: str


class CellAnswer(Struct, frozen=True):
    """All units that a writer moved from one account to another."""

    writer: str
    source: str
    target: str
    total: int


class ExplainAnswer(Struct, frozen=True):
    """The stock, the cells that add up to it, and the entries behind them, newest first.

    `next` is the cursor to send as `before` for the next page, at this node only; null on the last page.
    """

    stock: StockAnswer
    cells: list[CellAnswer]
    movements: list[EntryAnswer]
    next: str | None


def stock_answer(stock: Stock, replica: Replica, seen: str) -> StockAnswer:
    """Render the stock of one item at one location, as this node sees it."""
    figures, counter, balances = stock.figures, stock.counter(), stock.balances
    return StockAnswer(
        location=stock.location,
        item=stock.item,
        unit=replica.catalog.unit(stock.item),
        on_hand=figures.on_hand,
        reserved=figures.reserved,
        quarantined=figures.quarantined,
        available=figures.available,
        rights=rights_of(replica.node, balances),
        breach=breach_of(balances),
        accounts=balances,
        pn=Pn(dict(sorted(counter.raised.items())), dict(sorted(counter.lowered.items()))),
        seen=seen,
        count=_last_count(replica, stock),
        in_transit=units_outgoing(replica.transfers, stock.location, stock.item),
        incoming=incoming_answers(replica.transfers, stock.location, ((stock.item, 1),)),
    )


def _last_count(replica: Replica, stock: Stock) -> LastCount | None:
    last = replica.counts.find(stock.location, stock.item)
    if last is None:
        return None
    node = node_of(last.writer)
    unheard = [other for other in replica.unheard(stock.location, last.as_of) if other != node]
    return LastCount(
        movement=last.entry.hex(),
        by=node,
        as_of=stamp_text(last.as_of),
        counted=last.level,
        provisional=bool(unheard),
        unheard=unheard,
    )


def entry_answer(stored: Stored) -> EntryAnswer:
    """Render one journal entry."""
    entry = stored.entry
    content = entry.content
    facts = dict(content.facts)
    if content.kind == DOCUMENT:
        facts["value"] = document_value(facts.get("value"))
    return EntryAnswer(
        arrival=stored.arrival,
        writer=entry.stream.writer,
        scope=entry.stream.scope,
        sequence=entry.sequence,
        hash=entry.hash.hex(),
        kind=content.kind,
        at=recorded_text(content),
        clock=content.clock,
        key=key_text(content.key),
        actor=content.actor,
        reason=content.reason,
        reference=content.reference,
        moves=[_fields(move) for move in content.moves],
        lines=[_fields(line) for line in content.lines],
        facts=facts,
    )


def cell_answers(stock: Stock) -> list[CellAnswer]:
    """Render the cells of one item at one location, by writer."""
    return [
        CellAnswer(*route.name, total) for route, total in sorted(stock.cells.items(), key=lambda cell: cell[0].name)
    ]


def _fields(struct: Struct) -> dict[str, Any]:
    return {field: getattr(struct, field) for field in struct.__struct_fields__}


def document_value(packed: bytes | None) -> Any:
    """The value of a document, or its bytes if this version cannot decode them."""
    try:
        return None if packed is None else msgpack.unpackb(packed)
    except (ValueError, TypeError, msgpack.UnpackException):
        return packed
