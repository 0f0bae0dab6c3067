"""The writes at a location over HTTP: one record for each call, with how its answer is rendered.

An answer is rendered from the entry alone. So the same key gets the same answer for as long as the journal holds the
entry, at whichever node holds it.

To add a kind of request: its call is one record in `WRITE_CALLS`. CONTRIBUTING.md walks through an example.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from replica.core.base.clock import stamp_text
from replica.core.base.names import owner_of
from replica.core.catalog.quote_records import read_quote
from replica.core.catalog.quotes import Quote
from replica.core.catalog.ranks import CHAIN_NAME, rank_name
from replica.core.log.entry import DOCUMENT, Entry
from replica.core.log.times import recorded_text
from replica.core.orders.requests import ORDER
from replica.core.rights.grants import GRANT
from replica.core.state.commands import Command
from replica.core.state.kinds import KINDS
from replica.core.stock.adjustments import ADJUSTMENT
from replica.core.stock.counts import COUNT
from replica.core.stock.goods_receipts import GOODS_RECEIPT
from replica.core.stock.quarantine import QUARANTINE_STEP
from replica.core.stock.sales import QUOTE
from replica.core.stock.till_receipts import RETURN
from replica.core.stock.transfers import ACTS
from replica.runtime.background.counting import submit_count
from replica.runtime.http.answers import document_value
from replica.runtime.http.order_answers import OrderAnswer, order_answer
from replica.runtime.http.receipt_answers import PastLine, question_of
from replica.runtime.http.transfer_answers import step_answer
from replica.runtime.node import Node


class LineAnswer(Struct, frozen=True):
    """`breach`: how many of `quantity` exceed the rights of this node. `available`: how many more can be sold."""

    sku: str
    quantity: int
    breach: int
    available: int


class MovementAnswer(Struct, frozen=True, omit_defaults=True):
    """`movement` is the permanent name of the entry; `at` is when the node recorded it.

    `quote`: the prices that a sale applied, and why; left out if its goods have none.
    """

    movement: str
    at: str
    lines: tuple[LineAnswer, ...]
    quote: Quote | None = None


class ReturnAnswer(Struct, frozen=True, omit_defaults=True):
    """As for a sale. `question`: why a person should look at the return; left out if there is no reason."""

    movement: str
    at: str
    lines: tuple[LineAnswer, ...]
    question: QuestionAnswer | None = None


class QuestionAnswer(Struct, frozen=True):
    """The reason, as in `questioned_returns` of `GET /v1/exceptions`, and what came back past the original sale."""

    reason: str
    lines: list[PastLine]


class CountedLine(Struct, frozen=True):
    """`seen` is the level that the count is compared with, `change` the correction, `on_hand` the level after it."""

    item: str
    counted: int
    seen: int
    change: int
    on_hand: int


class CountAnswer(Struct, frozen=True):
    """What a count changed. `as_of` is the moment it holds for, `seen` the number of entries known then, by writer.

    `provisional`: this node may not have all movements of other nodes before that moment yet. When they arrive, the
    node corrects the level by itself.
    """

    movement: str
    at: str
    as_of: str
    seen: dict[str, int]
    lines: tuple[CountedLine, ...]
    provisional: bool


class AdjustedLine(Struct, frozen=True, omit_defaults=True):
    """One correction, and the level after all corrections of the request.

    `breach`: how many of the units taken off exceed the rights of this node; left out if none do.
    """

    item: str
    delta: int
    reason: str
    on_hand: int
    breach: int = 0


class AdjustmentAnswer(Struct, frozen=True):
    """The corrections of a request."""

    movement: str
    at: str
    lines: tuple[AdjustedLine, ...]


class QuarantinedLine(Struct, frozen=True, omit_defaults=True):
    """One movement into or out of quarantine.

    `breach`: how many of the units taken from the shelf exceed the rights of this node; left out if none do.
    """

    item: str
    quantity: int
    action: str
    breach: int = 0


class QuarantineAnswer(Struct, frozen=True):
    """Goods put into quarantine, restocked or written off."""

    movement: str
    at: str
    lines: tuple[QuarantinedLine, ...]


class GrantedLine(Struct, frozen=True):
    """Units of an item that another node has the rights to now."""

    item: str
    quantity: int


class GrantAnswer(Struct, frozen=True):
    """The rights that this node granted to another one."""

    movement: str
    at: str
    to: str
    lines: tuple[GrantedLine, ...]


class DocumentAnswer(Struct, frozen=True, omit_defaults=True):
    """The value of a document at one rank; `version` grows with each write of that rank.

    `at`: the region or store of the rank. Both are left out for the chain.
    """

    kind: str
    key: str
    version: int
    value: Any
    rank: str = CHAIN_NAME
    at: str = ""


class WriteCall(Struct, frozen=True, kw_only=True):
    """One call that writes at a location."""

    path: str
    kind: str
    """The kind of entry it leads to."""
    answer: Any
    """The type of its answer."""
    summary: str
    render: Callable[[Entry], Any]
    """Renders the answer from the entry."""
    submit: Callable[[Node, Command], Awaitable[Entry]] = lambda node, command: node.driver.submit(command)
    """Decides the request and makes it durable. Raises Refused."""

    @property
    def request(self) -> type:
        """The type of its body."""
        request = KINDS.of_name(self.kind).request
        assert request is not None
        return request


def _movement(entry: Entry) -> MovementAnswer:
    content = entry.content
    lines = tuple(
        LineAnswer(sku=line.sku, quantity=line.quantity, breach=line.breach, available=line.available)
        for line in content.lines
    )
    return MovementAnswer(entry.hash.hex(), recorded_text(content), lines, read_quote(content.facts.get(QUOTE)))


def _return(entry: Entry) -> ReturnAnswer:
    shown = _movement(entry)
    reason, lines = question_of(entry)
    return ReturnAnswer(shown.movement, shown.at, shown.lines, QuestionAnswer(reason, lines) if reason else None)


def _count(entry: Entry) -> CountAnswer:
    facts = entry.content.facts
    return CountAnswer(
        movement=entry.hash.hex(),
        at=recorded_text(entry.content),
        as_of=stamp_text(facts["as_of"]),
        seen=facts["seen"],
        lines=tuple(
            CountedLine(item=item, counted=counted, seen=seen, change=change, on_hand=on_hand)
            for item, counted, seen, change, on_hand in facts["count"]
        ),
        provisional=bool(facts.get("unheard")),
    )


def _adjustment(entry: Entry) -> AdjustmentAnswer:
    content = entry.content
    lines = tuple(AdjustedLine(*line) for line in content.facts["adjusted"])
    return AdjustmentAnswer(entry.hash.hex(), recorded_text(content), lines)


def _quarantine(entry: Entry) -> QuarantineAnswer:
    content = entry.content
    lines = tuple(QuarantinedLine(*line) for line in content.facts["quarantine"])
    return QuarantineAnswer(entry.hash.hex(), recorded_text(content), lines)


def _grant(entry: Entry) -> GrantAnswer:
    content = entry.content
    lines = tuple(GrantedLine(move.item, move.quantity) for move in content.moves)
    to = owner_of(content.moves[0].target) or ""
    return GrantAnswer(movement=entry.hash.hex(), at=recorded_text(content), to=to, lines=lines)


def _document(entry: Entry) -> DocumentAnswer:
    facts = entry.content.facts
    return DocumentAnswer(
        kind=facts["kind"],
        key=facts["key"],
        version=facts["version"],
        value=document_value(facts["value"]),
        rank=rank_name(facts["rank"]),
        at=facts["at"],
    )


def _order(entry: Entry) -> OrderAnswer:
    return order_answer(entry.content)


def _submit_count(node: Node, command: Command) -> Awaitable[Entry]:
    return submit_count(node.driver, node.journal, command)


WRITE_CALLS = (
    WriteCall(
        path="/v1/returns",
        kind=RETURN,
        answer=ReturnAnswer,
        summary="Return goods from a customer",
        render=_return,
    ),
    WriteCall(
        path="/v1/receipts",
        kind=GOODS_RECEIPT,
        answer=MovementAnswer,
        summary="Receive goods from a supplier",
        render=_movement,
    ),
    WriteCall(
        path="/v1/counts",
        kind=COUNT,
        answer=CountAnswer,
        summary="Set the stock to a count. Another count of an item replaces it, also one of another area",
        render=_count,
        submit=_submit_count,
    ),
    WriteCall(
        path="/v1/adjustments",
        kind=ADJUSTMENT,
        answer=AdjustmentAnswer,
        summary="Adjust stock by differences",
        render=_adjustment,
    ),
    WriteCall(
        path="/v1/quarantine",
        kind=QUARANTINE_STEP,
        answer=QuarantineAnswer,
        summary="Put goods into quarantine, restock them or write them off",
        render=_quarantine,
    ),
    WriteCall(
        path="/v1/grants",
        kind=GRANT,
        answer=GrantAnswer,
        summary="Grant rights to another node",
        render=_grant,
    ),
)
"""The writes that both kinds of node serve, besides sales, orders and documents."""

_RENDER: dict[str, Callable[[Entry], Any]] = {
    ORDER: _order,
    DOCUMENT: _document,
    **{call.kind: call.render for call in WRITE_CALLS},
    **dict.fromkeys(ACTS, step_answer),
}


def answer_of(entry: Entry) -> Any:
    """Render the answer to the write that made this entry; a kind without a call of its own answers as a movement."""
    return _RENDER.get(entry.content.kind, _movement)(entry)
