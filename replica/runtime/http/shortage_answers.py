"""Answers about breaches and shortages: which accounts are below zero, and which holds are revoked because of that."""

from __future__ import annotations

from msgspec import Struct

from replica.core.base.clock import stamp_text, time_text
from replica.core.ledger.cells import Ledger
from replica.core.orders.facts import MOVED, SHORTAGE
from replica.core.orders.order import Order
from replica.core.orders.shortages import short_by
from replica.runtime.background.settlement import Settlement


class BreachAnswer(Struct, frozen=True):
    """Units below zero at a location.

    `since`: when this node first saw the breach after its start. `short`: the units that no free units can cover.
    """

    location: str
    item: str
    units: int
    short: int
    since: str | None


class ShortageAnswer(Struct, frozen=True):
    """A hold that a hub selected to be revoked, when, and which hub.

    `outcome`: null until the owner of the fulfilment decides; `cancelled`; `moved`, to the fulfilment `instead`;
    `covered` if enough units had arrived by then; `impossible` if the fulfilment was being picked or had ended.
    """

    order: str
    fulfilment: str
    location: str
    owner: str
    named_by: str
    named_at: str
    outcome: str | None
    instead: str | None


def breach_answers(ledger: Ledger, settlement: Settlement) -> list[BreachAnswer]:
    """Render the breaches, location by location."""
    answers = []
    for location, stock in sorted(ledger.at_location.items()):
        for item, units in stock.breaches().items():
            debt = settlement.debts.get((location, item))
            answers.append(
                BreachAnswer(
                    location=location,
                    item=item,
                    units=units,
                    short=short_by(stock.stocks[item]),
                    since=time_text(debt.seen_ms) if debt is not None else None,
                )
            )
    return answers


def shortage_answers(order: Order) -> list[ShortageAnswer]:
    """Render the holds of an order that were selected to be revoked, and the outcome of each."""
    answers = []
    for parked in order.parked:
        selected = order.fulfilments.get(parked.event.fulfilment) if parked.event is not None else None
        if parked.why == SHORTAGE and selected is not None:
            instead = next((one.id for one in order.fulfilments.values() if one.instead_of == selected.id), None)
            answers.append(
                ShortageAnswer(
                    order=order.name,
                    fulfilment=selected.id,
                    location=selected.location,
                    owner=selected.owner,
                    named_by=parked.node,
                    named_at=stamp_text(parked.clock),
                    outcome=parked.became or None,
                    instead=instead if parked.became == MOVED else None,
                )
            )
    return answers
