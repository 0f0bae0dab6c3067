"""What callers are told: answer types, and how they are read off entries and stock.

Every answer to a write is rendered from the entry alone, so the same key gets the same answer for as long as the
journal holds the entry, at whichever node holds it.
"""

from __future__ import annotations

from typing import Any

import msgpack
from msgspec import Struct

from replica.core.base.clock import stamp_text
from replica.core.base.names import key_text, node_of, owner_of
from replica.core.ledger.cells import Stock
from replica.core.log.entry import DOCUMENT, Content, Entry
from replica.core.state.replica import Replica
from replica.runtime.http.order_answers import OrderAnswer, order_answer
from replica.runtime.ports import Stored


class LineAnswer(Struct, frozen=True, gc=False):
    """`breach`: how many of `quantity` went past this node's rights; `available`: how many more there are."""

    sku: str
    quantity: int
    breach: int
    available: int


class MovementAnswer(Struct, frozen=True, gc=False):
    """`movement` names the entry for good; `at` is when it was decided."""

    movement: str
    at: str
    lines: tuple[LineAnswer, ...]


class CountedLine(Struct, frozen=True):
    """`seen` is the level the count was compared with, `change` what was written, `on_hand` the level after it."""

    item: str
    counted: int
    seen: int
    change: int
    on_hand: int


class CountAnswer(Struct, frozen=True):
    """What a count changed, as of which moment, against which state (entries seen, by writer).

    `provisional`: other nodes may have moved something before that moment and not have been heard yet. What turns up is
    corrected by itself.
    """

    movement: str
    at: str
    as_of: str
    seen: dict[str, int]
    lines: tuple[CountedLine, ...]
    provisional: bool


class AdjustedLine(Struct, frozen=True):
    """One correction and the level after all of them."""

    item: str
    delta: int
    reason: str
    on_hand: int


class AdjustmentAnswer(Struct, frozen=True):
    """What was corrected."""

    movement: str
    at: str
    lines: tuple[AdjustedLine, ...]


class QuarantinedLine(Struct, frozen=True):
    """One step into or out of quarantine."""

    item: str
    quantity: int
    action: str


class QuarantineAnswer(Struct, frozen=True):
    """What was put aside, put back or written off."""

    movement: str
    at: str
    lines: tuple[QuarantinedLine, ...]


class GrantedLine(Struct, frozen=True):
    """Units of an item that are another node's now."""

    item: str
    quantity: int


class GrantAnswer(Struct, frozen=True):
    """Which rights went to which node."""

    movement: str
    at: str
    to: str
    lines: tuple[GrantedLine, ...]


class DocumentAnswer(Struct, frozen=True):
    """A document as it stands; `version` grows with every write."""

    kind: str
    key: str
    version: int
    value: Any


Answer = MovementAnswer | CountAnswer | AdjustmentAnswer | QuarantineAnswer | GrantAnswer | OrderAnswer | DocumentAnswer


class Pn(Struct, frozen=True):
    """The pair as a PN-counter: units in and units out, by writer. `on_hand` is Σp - Σn."""

    p: dict[str, int]
    n: dict[str, int]


class LastCount(Struct, frozen=True):
    """The newest count of an item, which the book is kept true to; `unheard`: nodes that make it provisional."""

    movement: str
    by: str
    as_of: str
    counted: int
    provisional: bool
    unheard: list[str]


class StockAnswer(Struct, frozen=True):
    """Stock of one item at one location, in base units; `seen` is the token a count made from this figure gives.

    `count` is the newest one, null where nobody ever counted.
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


class StockPage(Struct, frozen=True):
    """Stock in order of items; `next` is the cursor of the next page, null on the last."""

    items: list[StockAnswer]
    next: str | None


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
    """Entries in arrival order; ask again with `after` = `next`."""

    entries: list[EntryAnswer]
    next: int


class CellAnswer(Struct, frozen=True):
    """Units a writer ever moved from one account to another."""

    writer: str
    source: str
    target: str
    total: int


class ExplainAnswer(Struct, frozen=True):
    """The stock figure, the cells that add up to it, and the entries behind them, newest first."""

    stock: StockAnswer
    cells: list[CellAnswer]
    movements: list[EntryAnswer]
    next: int | None


def answer_of(entry: Entry) -> Answer:
    """Render the answer to the write that made this entry."""
    content = entry.content
    movement, at, facts = entry.hash.hex(), stamp_text(content.clock), content.facts
    match content.kind:
        case "sale" | "return" | "receipt":
            return _movement_answer(content, movement, at)
        case "count":
            counted = tuple(CountedLine(*line) for line in facts["count"])
            is_provisional = bool(facts.get("unheard"))
            return CountAnswer(movement, at, stamp_text(facts["as_of"]), facts["seen"], counted, is_provisional)
        case "adjustment":
            return AdjustmentAnswer(movement, at, tuple(AdjustedLine(*line) for line in facts["adjusted"]))
        case "quarantine":
            return QuarantineAnswer(movement, at, tuple(QuarantinedLine(*line) for line in facts["quarantine"]))
        case "grant":
            granted = tuple(GrantedLine(move.item, move.quantity) for move in content.moves)
            return GrantAnswer(movement, at, owner_of(content.moves[0].target) or "", granted)
        case "order":
            return order_answer(content)
        case "document":
            return DocumentAnswer(facts["kind"], facts["key"], facts["version"], _value(facts["value"]))
        case _:
            return _movement_answer(content, movement, at)


def _movement_answer(content: Content, movement: str, at: str) -> MovementAnswer:
    lines = [LineAnswer(line.sku, line.quantity, line.breach, line.available) for line in content.lines]
    return MovementAnswer(movement, at, tuple(lines))


def stock_answer(stock: Stock, replica: Replica, seen: str) -> StockAnswer:
    """Render the stock of one pair as this node sees it."""
    figures, balances, counter = stock.figures, stock.balances, stock.counter()
    return StockAnswer(
        stock.location,
        stock.item,
        replica.catalog.unit(stock.item),
        *figures,
        stock.rights(replica.node),
        stock.breach,
        balances,
        Pn(dict(sorted(counter.raised.items())), dict(sorted(counter.lowered.items()))),
        seen,
        _last_count(replica, stock),
    )


def _last_count(replica: Replica, stock: Stock) -> LastCount | None:
    last = replica.counts.find(stock.location, stock.item)
    if last is None:
        return None
    node = node_of(last.writer)
    unheard = [other for other in replica.unheard(stock.location, last.as_of) if other != node]
    return LastCount(last.entry.hex(), node, stamp_text(last.as_of), last.level, bool(unheard), unheard)


def entry_answer(stored: Stored) -> EntryAnswer:
    """Render one journal entry."""
    entry = stored.entry
    content = entry.content
    facts = dict(content.facts)
    if content.kind == DOCUMENT:
        facts["value"] = _value(facts.get("value"))
    return EntryAnswer(
        stored.arrival,
        entry.stream.writer,
        entry.stream.scope,
        entry.sequence,
        entry.hash.hex(),
        content.kind,
        stamp_text(content.clock),
        content.clock,
        key_text(content.key),
        content.actor,
        content.reason,
        content.reference,
        [_fields(move) for move in content.moves],
        [_fields(line) for line in content.lines],
        facts,
    )


def cell_answers(stock: Stock) -> list[CellAnswer]:
    """Render the cells of one pair, by writer."""
    return [
        CellAnswer(*route.name, total) for route, total in sorted(stock.cells.items(), key=lambda cell: cell[0].name)
    ]


def _fields(struct: Struct) -> dict[str, Any]:
    return {field: getattr(struct, field) for field in struct.__struct_fields__}


def _value(packed: bytes | None) -> Any:
    """A document's value; its bytes as they are where it was written in a way this version cannot read."""
    try:
        return None if packed is None else msgpack.unpackb(packed)
    except (ValueError, TypeError, msgpack.UnpackException):
        return packed
