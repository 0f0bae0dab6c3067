"""Answers about transfers: their types, and how they are rendered.

The answer to a step is rendered from its entry alone, so a retry gets the same answer at each node that has the entry.
"""

from __future__ import annotations

from msgspec import Struct

from replica.core.base.clock import time_text
from replica.core.base.names import node_of
from replica.core.log.entry import Entry
from replica.core.log.times import recorded_text
from replica.core.stock.transfer import Act, Fact, Transfer
from replica.core.stock.transfer_steps import STATE
from replica.core.stock.transfers import TRANSFER, UNITS, missing

STEPS = {
    Act.REQUEST: "request",
    Act.APPROVE: "approve",
    Act.SHIP: "ship",
    Act.RECEIVE: "receive",
    Act.CANCEL: "cancel",
    Act.SETTLE: "settle",
}
"""The steps as callers name them."""


class TransferLine(Struct, frozen=True):
    """`breach`: how many of `quantity` exceed the rights of this node. `available`: how many can be sold afterwards."""

    sku: str
    quantity: int
    breach: int
    available: int


class StepUnits(Struct, frozen=True, omit_defaults=True):
    """Units of an item. `tag`: the condition of goods that arrived, or why units do not come out even."""

    item: str
    quantity: int
    tag: str = ""


class StepAnswer(Struct, frozen=True):
    """A step of a transfer. `state`: the state after it, as this node knew it.

    `unmatched`: by item, how many of the units that arrived this node does not know to have been sent.
    """

    transfer: str
    step: str
    state: str
    location: str
    movement: str
    at: str
    lines: list[TransferLine]
    units: list[StepUnits]
    unmatched: dict[str, int]


class TransferUnits(Struct, frozen=True):
    """The units of one item of a transfer.

    `received` includes `damaged`. `over`: units past those sent that a person explained. `in_transit`: units on their
    way. `unmatched`: units that arrived or were lost, of which this node does not know that they were sent.
    """

    item: str
    requested: int
    sent: int
    received: int
    damaged: int
    lost: int
    over: int
    in_transit: int
    unmatched: int


class PastStep(Struct, frozen=True, omit_defaults=True):
    """One step of a transfer that happened. `voided`: another entry has the same request, and only that one counts."""

    step: str
    at: str
    location: str
    node: str
    movement: str
    units: list[StepUnits]
    reference: str = ""
    reason: str = ""
    voided: bool = False


class TransferRow(Struct, frozen=True, rename={"source": "from", "target": "to"}):
    """A transfer in a list. `late`: goods of it should have arrived by now.

    `discrepancies`: what somebody should look at: `lost`, `damaged`, `over`, `unmatched`, `wrong_location`,
    `sent_after_cancel`. `from` and `to` are empty while this node has only heard that goods arrived.
    """

    transfer: str
    state: str
    source: str
    target: str
    began_at: str
    expected_at: str | None
    late: bool
    plan: str
    requested: int
    sent: int
    received: int
    in_transit: int
    discrepancies: list[str]


class TransferView(Struct, frozen=True, rename={"source": "from", "target": "to"}):
    """A transfer, as this node knows it.

    `received_at`: the locations where goods arrived. `untold`: the locations that have not heard of all steps yet, as
    far as this node can see; null at a store, which sees its own location only.
    """

    transfer: str
    state: str
    source: str
    target: str
    began_at: str
    expected_at: str | None
    late: bool
    approved: bool
    cancelled: bool
    plan: str
    reference: str
    reason: str
    units: list[TransferUnits]
    received_at: list[str]
    discrepancies: list[str]
    steps: list[PastStep]
    untold: list[str] | None


class TransferPage(Struct, frozen=True):
    """Transfers, those first that began last.

    `next` is the cursor of the next page, null on the last page. A page may be short, or empty, and have a next.
    """

    transfers: list[TransferRow]
    next: str | None


def step_answer(entry: Entry) -> StepAnswer:
    """Render the answer to a step from its entry."""
    content = entry.content
    facts = content.facts
    return StepAnswer(
        transfer=facts[TRANSFER],
        step=STEPS[Act(content.kind)],
        state=facts[STATE],
        location=entry.stream.scope,
        movement=entry.hash.hex(),
        at=recorded_text(content),
        lines=[TransferLine(line.sku, line.quantity, line.breach, line.available) for line in content.lines],
        units=[StepUnits(*one) for one in facts.get(UNITS, ())],
        unmatched=facts.get("unmatched", {}),
    )


def transfer_row(transfer: Transfer, now_ms: int) -> TransferRow:
    """Render a transfer as a row of a list."""
    units = transfer.units().values()
    in_transit = sum(one.in_transit for one in units)
    return TransferRow(
        transfer=transfer.id,
        state=transfer.state.value,
        source=transfer.source,
        target=transfer.target,
        began_at=time_text(transfer.began_ms),
        expected_at=_time(transfer.expected_ms),
        late=_is_late(transfer, now_ms),
        plan=_text(transfer.request, "plan"),
        requested=sum(one.requested for one in units),
        sent=sum(one.sent for one in units),
        received=sum(one.received for one in units),
        in_transit=in_transit,
        discrepancies=transfer.discrepancies,
    )


def transfer_view(transfer: Transfer, now_ms: int, *, hears_all: bool) -> TransferView:
    """Render a transfer with all its steps."""
    request = transfer.request
    return TransferView(
        transfer=transfer.id,
        state=transfer.state.value,
        source=transfer.source,
        target=transfer.target,
        began_at=time_text(transfer.began_ms),
        expected_at=_time(transfer.expected_ms),
        late=_is_late(transfer, now_ms),
        approved=transfer.is_approved,
        cancelled=transfer.is_cancelled,
        plan=_text(request, "plan"),
        reference=_text(request, "reference"),
        reason=_text(request, "note"),
        units=[
            TransferUnits(
                item=one.item,
                requested=one.requested,
                sent=one.sent,
                received=one.received,
                damaged=one.damaged,
                lost=one.lost,
                over=one.over,
                in_transit=one.in_transit,
                unmatched=one.unmatched,
            )
            for one in transfer.units().values()
        ],
        received_at=transfer.places_of_arrival,
        discrepancies=transfer.discrepancies,
        steps=[_past(fact, is_voided=fact.entry in transfer.voided) for fact in transfer.facts],
        untold=list(missing(transfer)) if hears_all else None,
    )


def _past(fact: Fact, *, is_voided: bool) -> PastStep:
    return PastStep(
        step=STEPS[fact.act],
        at=time_text(fact.at_ms),
        location=fact.location,
        node=node_of(fact.writer),
        movement=fact.entry.hex(),
        units=[StepUnits(*one) for one in fact.units],
        reference=_text(fact, "reference"),
        reason=_text(fact, "note"),
        voided=is_voided,
    )


def _text(fact: Fact | None, name: str) -> str:
    text = fact.details.get(name) if fact is not None else None
    return text if isinstance(text, str) else ""


def _time(moment_ms: int) -> str | None:
    return time_text(moment_ms) if moment_ms else None


def _is_late(transfer: Transfer, now_ms: int) -> bool:
    is_underway = any(one.in_transit for one in transfer.units().values())
    return is_underway and transfer.due_ms < now_ms
