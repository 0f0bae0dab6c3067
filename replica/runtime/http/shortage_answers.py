"""Answers about breaches and shortages: which accounts are below zero, and which holds are revoked because of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from replica.core.base.clock import time_text
from replica.core.ledger.cells import Ledger
from replica.core.orders.facts import MOVED, SHORTAGE
from replica.core.orders.order import Order, noted_ms
from replica.core.orders.shortages import short_by


class BreachAnswer(Struct, frozen=True):
    """Units below zero at a location.

    `since`: the time of the entry with which the breach began, as this node received it; null if that was very long
    ago. `short`: the units that no free units can cover.
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


def breached_pairs(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Every location and item with a breach, in order."""
    return ((location, item) for location, stock in sorted(ledger.at_location.items()) for item in stock.breaches())


def breach_answers(ledger: Ledger, since: Mapping[tuple[str, str], str | None]) -> list[BreachAnswer]:
    """Render breaches. `since`: when each began, by location and item. A breach that ended meanwhile is left out."""
    return [
        BreachAnswer(location, item, units=stock.breach, short=short_by(stock), since=began)
        for (location, item), began in sorted(since.items())
        if (stock := ledger.stock(location, item)).breach
    ]


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
                    named_at=time_text(noted_ms(parked)),
                    outcome=parked.became or None,
                    instead=instead if parked.became == MOVED else None,
                )
            )
    return answers
