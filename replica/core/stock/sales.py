"""Sales: goods leave with a customer."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from replica.core.base.errors import RightsExhausted
from replica.core.base.names import CUSTOMER
from replica.core.catalog.skus import sellable
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, EntryLine
from replica.core.log.times import OCCURRED_AT
from replica.core.stock.lines import Resolved, microseconds, occurred_at, resolve, sku_lines
from replica.core.stock.location_view import LocationView
from replica.core.stock.originals import note_recipes
from replica.core.stock.requests import (
    OnShortage,
    Sale,
)
from replica.core.stock.till_receipts import SALE

_RECORD = OnShortage.RECORD

CUSTOMER_GROUP = "customer_group"
"""The fact with the group of the customer."""

QUOTE = "quote"
"""The fact with the price that the sale applied (`catalog.quote_records`). It is no part of the request."""


def prepare_sale(view: LocationView, sale: Sale) -> Draft:
    """Sell from the node's own rights only.

    Lines that share an item are added up first. With RECORD a sale past the rights is recorded, and its entry says by
    how many units it overdraws each item.

    Raises:
        RightsExhausted: with REFUSE, if the rights do not cover the sale; it lists every item that lacks units.
    """
    resolved, demand, facts = resolve(view.catalog, sale.lines, is_fact=sale.on_shortage is _RECORD)
    stocks, free = view.ledger.stocks(view.location), view.free
    after: dict[str, int] = {}
    rights: dict[str, int] = {}
    short: dict[str, int] = {}
    for item, wanted in demand.items():
        stock = stocks.get(item)
        balance, available = stock.standing(free) if stock is not None else (0, 0)
        after[item] = available - wanted
        rights[item] = balance
        if wanted > balance:
            short[item] = wanted - max(0, balance)
    if short and sale.on_shortage is OnShortage.REFUSE:
        raise RightsExhausted([{"item": item, "wanted": demand[item], "free": max(0, rights[item])} for item in short])
    if short:
        facts["breach"] = short
        breaches = _breaches(resolved, rights)
        lines = [
            EntryLine(sku, quantity, breach, sellable(recipe, after))
            for (sku, recipe, quantity), breach in zip(resolved, breaches, strict=True)
        ]
    else:
        lines = [EntryLine(sku, quantity, 0, sellable(recipe, after)) for sku, recipe, quantity in resolved]
    note_options(sale, facts)
    note_recipes(facts, resolved, demand)
    moves = tuple(Move(item, free, CUSTOMER, wanted) for item, wanted in demand.items())
    return Draft(kind=SALE, moves=moves, lines=tuple(lines), facts=facts, actor=sale.till, reference=sale.receipt)


def note_options(sale: Sale, facts: dict[str, Any]) -> None:
    """Note in the facts the options of a sale that differ from the default."""
    if sale.on_shortage is not _RECORD:
        facts["on_shortage"] = sale.on_shortage.value
    if sale.occurred_at is not UNSET:
        facts[OCCURRED_AT] = microseconds(sale.occurred_at)
    if sale.customer_group:
        facts[CUSTOMER_GROUP] = sale.customer_group


def _breaches(resolved: Resolved, rights: dict[str, int]) -> list[int]:
    """How many SKUs of each line the rights do not cover. Earlier lines take the rights first."""
    left = dict(rights)
    breaches = []
    for _, recipe, quantity in resolved:
        breaches.append(quantity - min(quantity, max(0, sellable(recipe, left))))
        for item, units in recipe:
            left[item] -= units * quantity
    return breaches


def read_sale(content: Content) -> Sale:
    """Read the sale from its entry."""
    on_shortage = OnShortage(content.facts.get("on_shortage", OnShortage.RECORD.value))
    lines = sku_lines(content)
    return Sale(
        lines=lines,
        on_shortage=on_shortage,
        till=content.actor,
        receipt=content.reference,
        occurred_at=occurred_at(content.facts),
        customer_group=content.facts.get(CUSTOMER_GROUP, ""),
    )
