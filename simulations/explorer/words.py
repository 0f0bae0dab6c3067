"""Histories in plain words: who was asked for what, who received which entries, and what each node wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from msgspec import UNSET

from replica.core.log.entry import Entry
from replica.core.orders.requests import Handover, Housekeeping, OrderEvent, OrderRequest, Placement, Revocation
from replica.core.rights.requests import Allotment, Grant
from replica.core.state.commands import DocumentWrite
from replica.core.state.kinds import LocationRequest
from replica.core.stock.requests import (
    Adjustment,
    Count,
    GoodsLine,
    GoodsReceipt,
    OnShortage,
    Quarantine,
    Return,
    Sale,
    SkuLine,
)
from replica.core.stock.transfer_requests import (
    ApproveTransfer,
    CancelTransfer,
    ReceiveTransfer,
    RequestTransfer,
    SettleTransfer,
    ShipTransfer,
)
from simulations.explorer.checks import name_of
from simulations.explorer.findings import Found, Step
from simulations.explorer.script import Script


def history_of(script: Script, found: Found) -> Iterator[str]:
    """The lines that tell how a violation comes about."""
    if script.opening:
        yield "At first, and known to every node:"
        for node, ask in script.opening:
            yield f"     {node} is asked to {_wish(ask.request)} ({ask.name})"
    yield f"The shortest history, {len(found.steps)} step{'s' if len(found.steps) != 1 else ''}:"
    for number, (step, wrote) in enumerate(found.steps, 1):
        yield f"{number:3}. {_step(step)}"
        for entry in wrote:
            yield f"       {step.node} writes {_entry(entry)}"
    about = f"invariant {found.problem.invariant}" if found.problem.invariant else "the core"
    yield f"Then {about} does not hold: {found.problem.text}"


def _step(step: Step) -> str:
    match step.what:
        case "ask":
            assert step.ask is not None
            return f"{step.node} is asked to {_wish(step.ask.request)} ({step.ask.name})"
        case "receive":
            return f"{step.node} receives from {step.peer}: {', '.join(map(name_of, step.entries))}"
        case "restart":
            return f"{step.node} is killed, and starts again from its journal"
        case "keep":
            return f"{step.node} does the housekeeping of its orders"
        case "settle":
            return f"{step.node} covers the breaches that it sees"
        case _:
            return "time goes on"


def _wish(request: LocationRequest | OrderRequest | DocumentWrite) -> str:
    match request:
        case Sale():
            how = ", if its rights cover them" if request.on_shortage is OnShortage.REFUSE else " that a customer has"
            return f"sell {_lines(request.lines)}{how}"
        case Return():
            return f"take back {_lines(request.lines)}"
        case GoodsReceipt():
            return f"receive {_lines(request.lines)}"
        case Count():
            return f"note a count of {', '.join(f'{line.counted} {line.item}' for line in request.lines)}"
        case Grant():
            return f"grant {', '.join(f'{line.quantity} {line.item}' for line in request.lines)} to {request.to}"
        case Placement():
            return f"place {request.order}{', paid,' if request.paid else ''} for {_lines(request.lines)}"
        case OrderEvent():
            return f"{request.event} {request.order}"
        case DocumentWrite():
            return f"write the document {request.kind}/{request.name}"
        case RequestTransfer() | ApproveTransfer() | ShipTransfer() | ReceiveTransfer():
            return f"decide {request}"
        case CancelTransfer() | SettleTransfer():
            return f"decide {request}"
        case Adjustment() | Quarantine() | Allotment() | Handover() | Housekeeping() | Revocation():
            return f"decide {request}"
        case _:
            assert_never(request)


def _lines(lines: tuple[SkuLine, ...] | tuple[GoodsLine, ...]) -> str:
    return ", ".join(f"{line.quantity} {line.sku if line.sku is not UNSET else line.barcode}" for line in lines)


def _entry(entry: Entry) -> str:
    content = entry.content
    moves = ", ".join(f"{move.quantity} {move.item} {move.source} → {move.target}" for move in content.moves)
    what = f"{content.facts['act']} {content.reason}" if content.kind == "order" else content.kind
    return f"{what}: {moves}" if moves else what
