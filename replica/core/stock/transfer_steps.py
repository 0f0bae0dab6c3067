"""Steps of transfers that a person or a plan takes: request, approve, cancel, explain what does not come out even.

`shipments` has the steps that move goods out and in. A request promises nothing and moves nothing, so any node that
hears of the location may record it. A settlement only explains differences, so it covers no more units than this node
knows of.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from replica.core.base.errors import Invalid, TransferState, UnknownTransfer
from replica.core.base.limits import TRANSFER_FACTS_MAX
from replica.core.base.names import FOUND, LOSS, check_name
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, EntryLine
from replica.core.stock.lines import goods_lines, microseconds, moment_of, resolve
from replica.core.stock.location_view import LocationView, Taken
from replica.core.stock.transfer import Act, Fact, Transfer
from replica.core.stock.transfer_numbers import check_transfer_number
from replica.core.stock.transfer_requests import (
    Approval,
    ApproveTransfer,
    Cancellation,
    CancelTransfer,
    Discrepancy,
    DiscrepancyLine,
    NewTransfer,
    RequestTransfer,
    Settlement,
    SettleTransfer,
)
from replica.core.stock.transfers import TRANSFER, UNITS, details_of, transit_account

STATE = "state"
"""The fact with the state of the transfer after the step."""

_AFTER_ALL = 1 << 62
"""Above every stamp."""

Noted = list[tuple[str, int, str]]
"""Units of items, each with a condition or a reason, as an entry has them."""


def prepare_transfer(view: LocationView, request: RequestTransfer) -> Draft:
    """Ask for goods to go from one location to another. Nothing moves, and nothing is promised."""
    new = request.new
    assert new.source is not UNSET
    check_transfer_number(request.transfer)
    source, target = check_name(new.source, "from"), check_name(new.target, "to")
    if source == target:
        raise Invalid(f"goods cannot go from {source} to itself", field="to")
    if view.location not in (source, target):
        raise Invalid(f"this location is {view.location}: name it as from or as to", field="from")
    resolved, units, facts = resolve(view.catalog, new.lines, is_fact=False, moved=view.ledger.stocks(view.location))
    facts |= {TRANSFER: request.transfer, UNITS: noted_units(units), "from": source, "to": target}
    facts |= {"approved": True} if new.approve else {}
    facts |= {"plan": new.plan} if new.plan else {}
    facts |= text_facts(new.reference, new.reason)
    draft = Draft(
        kind=Act.REQUEST.value,
        lines=tuple([EntryLine(sku, quantity, 0, 0) for sku, _, quantity in resolved]),
        facts={**facts, **expected_facts(new.expected_at)},
        reason=new.reason,
        reference=new.reference,
    )
    return stepped(view, draft)


def read_transfer(content: Content) -> RequestTransfer:
    """Read the request from its entry."""
    facts = content.facts
    new = NewTransfer(
        target=facts["to"],
        lines=goods_lines(content),
        source=facts["from"],
        approve="approved" in facts,
        expected_at=expected_at(facts),
        plan=facts.get("plan", ""),
        reference=content.reference,
        reason=content.reason,
    )
    return RequestTransfer(facts[TRANSFER], new)


def prepare_approval(view: LocationView, request: ApproveTransfer) -> Draft:
    """Let the goods of a transfer leave. A second approval changes nothing, so whoever repeats one is not refused."""
    transfer = known_transfer(view, request.transfer)
    if transfer.is_cancelled:
        raise wrong_state(transfer, "It is cancelled. Request a new transfer")
    facts = {TRANSFER: request.transfer, **text_facts("", request.approval.reason)}
    return stepped(view, Draft(kind=Act.APPROVE.value, facts=facts, reason=request.approval.reason))


def read_approval(content: Content) -> ApproveTransfer:
    """Read the approval from its entry."""
    return ApproveTransfer(content.facts[TRANSFER], Approval(content.reason))


def prepare_cancellation(view: LocationView, request: CancelTransfer) -> Draft:
    """Stop a transfer before its goods leave. Goods that left stay on their way until somebody receives them.

    Raises TransferState if all its goods have left as far as this node knows.
    """
    transfer = known_transfer(view, request.transfer)
    units = transfer.units().values()
    sent = sum(one.sent for one in units)
    if sent and not transfer.is_open(units) and not transfer.is_cancelled:
        raise wrong_state(transfer, "Its goods have left. Receive them where they are, or settle them as lost")
    facts = {TRANSFER: request.transfer, "sent": sent, **text_facts("", request.cancellation.reason)}
    return stepped(view, Draft(kind=Act.CANCEL.value, facts=facts, reason=request.cancellation.reason))


def read_cancellation(content: Content) -> CancelTransfer:
    """Read the cancellation from its entry."""
    return CancelTransfer(content.facts[TRANSFER], Cancellation(content.reason))


def prepare_settlement(view: LocationView, request: SettleTransfer) -> Draft:
    """Explain units that do not come out even. Nothing is explained that this node does not know of.

    Units taken back leave the free units of this node, whatever its rights: they are not here.

    Raises:
        TransferState: this location neither sends nor received goods of it.
        Invalid: a line explains more units than there are to explain.
    """
    transfer = known_transfer(view, request.transfer, is_requested=False)
    if view.location not in transfer.participants:
        raise wrong_state(transfer, f"{view.location} neither sends nor receives it")
    units, here = transfer.units(), transfer.received_at(view.location)
    left = {
        (item, reason): limit
        for item, one in units.items()
        for reason, limit in (
            (Discrepancy.LOST, one.in_transit),
            (Discrepancy.FOUND, one.lost),
            (Discrepancy.OVER, one.unmatched),
            (Discrepancy.TAKEN_BACK, here.get(item, 0)),
        )
    }
    transit, taken = transit_account(request.transfer), Taken(view)
    routes = {
        Discrepancy.LOST: (transit, LOSS),
        Discrepancy.FOUND: (LOSS, transit),
        Discrepancy.OVER: (FOUND, transit),
        Discrepancy.TAKEN_BACK: (view.free, transit),
    }
    moves, noted = [], []
    for index, line in enumerate(request.settlement.lines):
        there = max(0, left.get((line.item, line.reason), 0))
        if line.quantity > there:
            raise Invalid(
                f"{there} of {line.item} can be {line.reason.value}, as far as this node knows",
                field=f"lines[{index}].quantity",
            )
        left[line.item, line.reason] = there - line.quantity
        if line.reason is Discrepancy.TAKEN_BACK:
            taken.take(view.free, line.item, line.quantity)
        moves.append(Move(line.item, *routes[line.reason], line.quantity))
        noted.append((line.item, line.quantity, line.reason.value))
    facts: dict[str, Any] = {TRANSFER: request.transfer, UNITS: noted}
    facts |= text_facts(request.settlement.reference, "")
    facts |= {"breach": taken.breach} if taken.breach else {}
    draft = Draft(kind=Act.SETTLE.value, moves=tuple(moves), facts=facts, reference=request.settlement.reference)
    return stepped(view, draft)


def read_settlement(content: Content) -> SettleTransfer:
    """Read the settlement from its entry."""
    lines = tuple(DiscrepancyLine(item, number, Discrepancy(tag)) for item, number, tag in content.facts[UNITS])
    return SettleTransfer(content.facts[TRANSFER], Settlement(lines, content.reference))


def stepped(view: LocationView, draft: Draft) -> Draft:
    """A draft of a step, with the state of the transfer after it as far as this node knows, for the answer."""
    facts, number = draft.facts, draft.facts[TRANSFER]
    transfer = view.transfers.find(number) or Transfer(number)
    fact = Fact(
        entry=b"",
        act=Act(draft.kind),
        location=view.location,
        writer="",
        sequence=0,
        clock=_AFTER_ALL,
        at_ms=0,
        units=tuple(facts.get(UNITS, ())),
        details=details_of(facts),
    )
    transfer.add(fact, view.location)
    return replace(draft, facts={**facts, STATE: transfer.state.value})


def known_transfer(view: LocationView, number: str, *, is_requested: bool = True) -> Transfer:
    """The transfer with this number. Raises UnknownTransfer, or Invalid if it has too many facts.

    `is_requested`: whether the node must have heard of its request, and not only of goods that arrived.
    """
    transfer = view.transfers.find(number)
    if transfer is None or (is_requested and not transfer.source):
        raise UnknownTransfer(number)
    if len(transfer.facts) >= TRANSFER_FACTS_MAX:
        raise Invalid(f"a transfer has at most {TRANSFER_FACTS_MAX} steps: request a new one", field="transfer")
    return transfer


def wrong_state(transfer: Transfer, text: str) -> TransferState:
    """The refusal of a step that is not possible in the state of a transfer."""
    return TransferState(f"The transfer {transfer.id} is {transfer.state.value}. {text}", state=transfer.state.value)


def noted_units(units: Mapping[str, int]) -> Noted:
    """Units of items without a condition or reason."""
    return [(item, number, "") for item, number in units.items()]


def text_facts(reference: str, reason: str) -> dict[str, Any]:
    """The texts of an act that other locations are told."""
    found = {"reference": reference, "note": reason}
    return {name: text for name, text in found.items() if text}


def expected_facts(moment: datetime | UnsetType) -> dict[str, Any]:
    """The facts that say when goods should arrive: for everybody, and exactly as the caller said it."""
    if moment is UNSET:
        return {}
    return {"expected_ms": microseconds(moment) // 1000, "expected_us": microseconds(moment)}


def expected_at(facts: Mapping[str, Any]) -> datetime | UnsetType:
    """When goods should arrive, as the caller said it."""
    noted = facts.get("expected_us")
    return moment_of(noted) if noted is not None else UNSET
