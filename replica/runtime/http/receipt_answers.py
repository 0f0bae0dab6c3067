"""Answers about till receipts: those that a till used twice, and returns that a person should look at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence

from msgspec import Struct, ValidationError, convert

from replica.core.base.names import node_of
from replica.core.log.entry import Entry
from replica.core.log.times import recorded_text
from replica.core.state.duplicates import lost_among
from replica.core.state.kinds import Kinds
from replica.core.stock.till_receipts import QUESTION, QuestionedReceipt, TillReceipt
from replica.runtime.ports import Journal

Named = Mapping[TillReceipt, Sequence[Entry]]
"""The entries that name each receipt; none if they are too many."""

Read = Callable[[int, int], Awaitable[list[QuestionedReceipt]]]
"""Reads receipts before an arrival number, at most so many."""

ARRIVAL_MAX = (1 << 63) - 1
"""Later than every entry."""


class ReceiptMovement(Struct, frozen=True):
    """A movement that uses a till receipt: its node and its time."""

    movement: str
    node: str
    at: str


class RepeatedReceiptAnswer(Struct, frozen=True):
    """A till used one receipt number for several sales, or several returns, of one day under different keys. All count.

    `request`: `sale` or `return`. The day is that of the location's time zone as this node knew it when the movement
    arrived.
    """

    location: str
    till: str
    receipt: str
    request: str
    movements: list[ReceiptMovement]


class PastLine(Struct, frozen=True):
    """How many of a SKU were sold under the original receipt, and how many came back in all."""

    sku: str
    sold: int
    returned: int


class QuestionedReturnAnswer(Struct, frozen=True):
    """A return that counts, and that a person should look at. `original`: the till receipt of its sale.

    `reason`: `past-sale` if more came back than was sold, with the SKUs in `lines`; `several-sales` if several sales
    have the receipt and the till does not decide which was meant; `recipe-unknown` if an earlier release recorded the
    sale and its recipes changed since; `often-used` if too many movements name the receipt. In all cases but
    the first, the goods came back by the recipes of the return's day.
    `movement`: the return, or the later entry that found this.
    """

    location: str
    original: str
    reason: str
    lines: list[PastLine]
    movement: str
    node: str
    at: str


class ReceiptAnswers(Struct, frozen=True):
    """The till receipts that a person should look at, newest first."""

    repeated: Sequence[RepeatedReceiptAnswer] = ()
    questioned: Sequence[QuestionedReturnAnswer] = ()


async def read_receipts(journal: Journal, kinds: Kinds, limit: int) -> ReceiptAnswers:
    """Read the newest of these till receipts from the journal, at least `limit` of each sort if there are so many."""
    repeated: list[RepeatedReceiptAnswer] = []
    questioned: list[QuestionedReturnAnswer] = []
    async for some, named in _pages(journal, journal.repeated_receipts, limit):
        repeated += repeated_receipts(some, named, kinds)
        if len(repeated) >= limit:
            break
    async for some, named in _pages(journal, journal.questioned_receipts, limit):
        questioned += questioned_returns(some, named, kinds)
        if len(questioned) >= limit:
            break
    return ReceiptAnswers(repeated, questioned)


async def _pages(journal: Journal, read: Read, limit: int) -> AsyncIterator[tuple[list[QuestionedReceipt], Named]]:
    """Pages of receipts with all entries that name them. A page may have only duplicates under one key.

    Sales wait for the look-up of a receipt, so each receipt is looked up by itself.
    """
    before = ARRIVAL_MAX
    while some := await read(before, limit):
        named: dict[TillReceipt, Sequence[Entry]] = {}
        for receipt in dict.fromkeys(one.receipt for one in some):
            named.update(await journal.find_receipts([receipt]))
        yield some, named
        if len(some) < limit:
            return
        before = some[-1].arrival


def repeated_receipts(repeated: Iterable[QuestionedReceipt], named: Named, kinds: Kinds) -> list[RepeatedReceiptAnswer]:
    """Render the receipts that a till used several times on one day, without the duplicates under one key."""
    answers = []
    for one in repeated:
        (location, number), lost = one.receipt, lost_among(named.get(one.receipt) or one.entries, kinds)
        movements = [_movement(entry) for entry in one.entries if entry.hash not in lost]
        if len(movements) > 1:
            answers.append(RepeatedReceiptAnswer(location, one.till, number, one.use, movements))
    return answers


def questioned_returns(
    questioned: Iterable[QuestionedReceipt], named: Named, kinds: Kinds
) -> list[QuestionedReturnAnswer]:
    """Render the returns that a person should look at."""
    answers = []
    for one in questioned:
        lost = lost_among(named.get(one.receipt) or one.entries, kinds)
        for entry in one.entries:
            if entry.hash in lost or entry.content.facts.get("return") in lost:
                continue
            reason, lines = question_of(entry)
            side = _movement(entry)
            answers.append(
                QuestionedReturnAnswer(
                    location=one.receipt.location,
                    original=one.receipt.number,
                    reason=reason,
                    lines=lines,
                    movement=side.movement,
                    node=side.node,
                    at=side.at,
                )
            )
    return answers


def question_of(entry: Entry) -> tuple[str, list[PastLine]]:
    """Why a person should look at a return: the reason, and what came back past the sale. Empty if there is no why."""
    noted = entry.content.facts.get(QUESTION)
    try:
        reason, lines = convert(noted or ("", ()), tuple[str, list[tuple[str, int, int]]])
    except ValidationError:  # a peer may write anything
        return "", []
    return reason, [PastLine(*line) for line in lines]


def _movement(entry: Entry) -> ReceiptMovement:
    return ReceiptMovement(entry.hash.hex(), node_of(entry.stream.writer), recorded_text(entry.content))
