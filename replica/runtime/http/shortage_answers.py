"""What callers are told of breaches and shortages: what is below zero, what was given up for it, and how that went."""

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

    `since` is when this node first saw it so, since it started; `short` is how much of it no free units are there for.
    """

    location: str
    item: str
    units: int
    short: int
    since: str | None


class ShortageAnswer(Struct, frozen=True):
    """A hold that was named to be given up, when, and by whom.

    `outcome`: null until its owner answered; `cancelled`; `moved`, to the fulfilment `instead`; `covered` when the
    units were there by then; `impossible` when it was being picked or had ended.
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
    """Render what is below zero, location by location."""
    answers = []
    for location, place in sorted(ledger.places.items()):
        for item, units in place.breaches().items():
            debt = settlement.debts.get((location, item))
            since = time_text(debt.seen_ms) if debt is not None else None
            answers.append(BreachAnswer(location, item, units, short_by(place.stocks[item]), since))
    return answers


def shortage_answers(order: Order) -> list[ShortageAnswer]:
    """Render what was named of an order, and what became of it."""
    answers = []
    for parked in order.parked:
        named = order.fulfilments.get(parked.event.fulfilment) if parked.event is not None else None
        if parked.why == SHORTAGE and named is not None:
            instead = next((one.id for one in order.fulfilments.values() if one.instead_of == named.id), None)
            answers.append(
                ShortageAnswer(
                    order.name,
                    named.id,
                    named.location,
                    named.owner,
                    parked.node,
                    stamp_text(parked.clock),
                    parked.became or None,
                    instead if parked.became == MOVED else None,
                )
            )
    return answers
