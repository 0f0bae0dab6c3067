"""Answers about till receipts: those that a till used twice, and returns that a person should look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo

from msgspec import Struct, ValidationError, convert

from replica.core.base.names import node_of
from replica.core.catalog.documents import Documents
from replica.core.log.entry import Entry
from replica.core.log.times import moved_ms, recorded_text
from replica.core.state.duplicates import lost_among
from replica.core.state.kinds import Kinds
from replica.core.stock.till_receipts import QUESTION, QuestionedReceipt, TillReceipt
from replica.runtime.ports import Journal
from replica.runtime.time_zones import time_zone


class ReceiptMovement(Struct, frozen=True):
    """A movement that uses a till receipt: its node and its time."""

    movement: str
    node: str
    at: str


class RepeatedReceiptAnswer(Struct, frozen=True):
    """A till used one receipt number for several sales, or several returns, of one day under different keys. All count.

    `request`: `sale` or `return`.
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


class ReceiptQuestions(Struct, frozen=True):
    """The till receipts that a person should look at, newest first, and all entries on those of returns."""

    questioned: Sequence[QuestionedReceipt] = ()
    named: Mapping[TillReceipt, Sequence[Entry]] = {}


NO_QUESTIONS = ReceiptQuestions()


async def read_questions(journal: Journal, limit: int) -> ReceiptQuestions:
    """Read the newest of these till receipts from the journal, at most `limit`."""
    questioned = await journal.questioned_receipts(limit)
    returns = [one.receipt for one in questioned if one.use == QUESTION]
    return ReceiptQuestions(questioned, await journal.find_receipts(returns) if returns else {})


def repeated_receipts(questions: ReceiptQuestions, kinds: Kinds, documents: Documents) -> list[RepeatedReceiptAnswer]:
    """Render the receipts that a till used several times on one day, without the duplicates under one key.

    Many tills begin with the same number each day. The day is that of the location's time zone.
    """
    answers = []
    for one in questions.questioned:
        if one.use == QUESTION:
            continue
        (location, number), lost = one.receipt, lost_among(one.entries, kinds)
        zone, of_day = time_zone(documents, location), dict[date | None, list[ReceiptMovement]]()
        for entry in one.entries:
            if entry.hash not in lost:
                of_day.setdefault(_day(entry, zone), []).append(_movement(entry))
        answers += [
            RepeatedReceiptAnswer(location, one.till, number, one.use, movements)
            for movements in reversed(of_day.values())
            if len(movements) > 1
        ]
    return answers


def _day(entry: Entry, zone: tzinfo) -> date | None:
    """The day on which the goods moved; None if no calendar has it."""
    try:
        return datetime.fromtimestamp(moved_ms(entry.content) / 1000, zone).date()
    except (ValueError, OverflowError, OSError):
        return None


def questioned_returns(questions: ReceiptQuestions, kinds: Kinds) -> list[QuestionedReturnAnswer]:
    """Render the returns that a person should look at."""
    answers = []
    for one in questions.questioned:
        if one.use != QUESTION:
            continue
        lost = lost_among(questions.named.get(one.receipt) or one.entries, kinds)
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
