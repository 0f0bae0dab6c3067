"""Quotes: what a basket costs at a store at a moment, and why.

A quote is computed from documents, a moment and a time zone, and from nothing else. So a store without a line gives the
same answer as its hub, if both have the same documents.

1. Lines of one SKU are added up. The list amount of a line is its price times its units, rounded half up.
2. Amounts of different currencies, and amounts with and without tax, are never added. Each kind is its own basket.
3. Exclusive promotions apply first, each to units that no earlier one took. Then combinable ones apply, each to what
   the earlier ones left (`discounts`).
4. The discounts of a region or a store take a line no lower than the least amount that the chain allows for its SKU.
5. The net amount of a line is its list amount less its discounts. The totals are the sums of the lines, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo

from msgspec import Struct

from replica.core.base.errors import Invalid
from replica.core.base.limits import TOTAL_AMOUNT_MAX
from replica.core.catalog.currencies import cash_amount
from replica.core.catalog.discounts import OpenLine, taken_by
from replica.core.catalog.documents import Documents
from replica.core.catalog.money import half_up
from replica.core.catalog.offers import Offers
from replica.core.catalog.prices import EffectivePrice, Minimum, NoPrice, effective_price, minimum_of, price_among
from replica.core.catalog.promotion_index import Promotions
from replica.core.catalog.promotions import Promotion, currency_of, reason_of
from replica.core.catalog.ranks import Source, ranks_at
from replica.core.catalog.selectors import Attributes, attributes_of
from replica.core.catalog.weekly_windows import minute_of_week

LIMITED = ", down to the least amount that the chain allows"
"""The end of the reason of a discount that is less than its promotion says."""


class QuoteLine(Struct, frozen=True):
    """Some units of one SKU. Measured goods are counted in units of the SKU too, such as grams."""

    sku: str
    quantity: int


class Occasion(Struct, frozen=True):
    """Where, when and to whom goods are sold. `zone`: the time zone of the location."""

    location: str
    region: str
    moment_ms: int
    zone: tzinfo
    customer_group: str = ""


class Discount(Struct, frozen=True):
    """What one promotion takes off one line. `quantity`: to how many units of the SKU it applies."""

    promotion: str
    amount: int
    quantity: int
    reason: str
    source: Source


class QuotedLine(Struct, frozen=True):
    """All units of one SKU: their price, their discounts and what is to be paid. All amounts are in minor units."""

    sku: str
    quantity: int
    price: EffectivePrice
    list_amount: int
    discounts: tuple[Discount, ...]
    net_amount: int


class UnpricedLine(Struct, frozen=True):
    """All units of one SKU that has no price here and now, and why not."""

    sku: str
    quantity: int
    why: NoPrice


class Total(Struct, frozen=True):
    """The sums of all lines in one currency, with tax or without. `cash_amount`: what is to be paid in cash."""

    currency: str
    tax_inclusive: bool
    list_amount: int
    discount_amount: int
    net_amount: int
    cash_amount: int


class Quote(Struct, frozen=True):
    """The lines in the order of their SKUs, those without a price, and one total for each kind of amount."""

    lines: tuple[QuotedLine, ...]
    unpriced: tuple[UnpricedLine, ...]
    totals: tuple[Total, ...]


_Basket = tuple[str, bool]
"""Amounts that may be added: their currency, and whether they include tax."""


def quote_at(documents: Documents, promotions: Promotions, lines: Iterable[QuoteLine], occasion: Occasion) -> Quote:
    """The quote of a basket by the documents that a node knows. Raises Invalid as `quote` does."""
    lines = tuple(lines)
    skus = dict.fromkeys(line.sku for line in lines)
    location, region = occasion.location, occasion.region
    prices = {sku: effective_price(documents, sku, location, region, occasion.moment_ms) for sku in skus}
    minimums = {sku: minimum_of(documents, sku) for sku in skus}
    return quote(lines, prices, {sku: attributes_of(documents, sku) for sku in skus}, promotions, occasion, minimums)


def quote_of_one(offers: Offers, line: QuoteLine, occasion: Occasion) -> QuotedLine | UnpricedLine:
    """The line of a quote for one SKU alone. Raises Invalid as `quote` does."""
    offer = offers.of(line.sku, occasion.location, occasion.region)
    price = price_among(offer.prices, offer.chain, occasion.moment_ms)
    if isinstance(price, NoPrice):
        return UnpricedLine(line.sku, line.quantity, price)
    opened = _open_line(line, price, offer.attributes, offer.minimum)
    in_force = _now_in_force(offer.promotions, occasion)
    return _quoted([(opened, price)], in_force, price.currency)[0]


def _open_line(line: QuoteLine, price: EffectivePrice, attributes: Attributes, minimum: Minimum) -> OpenLine:
    amount = half_up(price.amount * line.quantity, price.per)
    least, per = minimum
    least_amount = half_up(least * line.quantity, per)
    return OpenLine(line.sku, attributes, line.quantity, amount, price.per, least_amount)


def quote(
    lines: Iterable[QuoteLine],
    prices: Mapping[str, EffectivePrice | NoPrice],
    attributes: Mapping[str, Attributes],
    promotions: Promotions,
    occasion: Occasion,
    minimums: Mapping[str, Minimum],
) -> Quote:
    """The quote of a basket. Lines in another order give the same quote.

    Args:
        prices: of each SKU of the lines.
        attributes: of each SKU of the lines.
        minimums: the least amount that the chain allows for each SKU of the lines.
    Raises:
        Invalid: the lines cost more than the greatest total.
    """
    quantities: dict[str, int] = {}
    for line in lines:
        quantities[line.sku] = quantities.get(line.sku, 0) + line.quantity
    unpriced = []
    baskets: dict[_Basket, list[tuple[OpenLine, EffectivePrice]]] = {}
    for sku, quantity in sorted(quantities.items()):
        price = prices[sku]
        if isinstance(price, NoPrice):
            unpriced.append(UnpricedLine(sku, quantity, price))
        else:
            opened = _open_line(QuoteLine(sku, quantity), price, attributes[sku], minimums[sku])
            baskets.setdefault((price.currency, price.tax_inclusive), []).append((opened, price))
    quoted: list[QuotedLine] = []
    in_force = _in_force(promotions, quantities, attributes, occasion)
    for currency, tax_inclusive in sorted(baskets):
        quoted += _quoted(baskets[currency, tax_inclusive], in_force, currency)
    in_order = tuple(sorted(quoted, key=lambda line: line.sku))
    return Quote(in_order, tuple(unpriced), totals_of(in_order))


def totals_of(lines: Iterable[QuotedLine]) -> tuple[Total, ...]:
    """The sums of lines, one for each currency with tax and without, in order."""
    baskets: dict[_Basket, list[QuotedLine]] = {}
    for line in lines:
        baskets.setdefault((line.price.currency, line.price.tax_inclusive), []).append(line)
    return tuple([_total(baskets[basket], *basket) for basket in sorted(baskets)])


def _in_force(
    promotions: Promotions, skus: Iterable[str], attributes: Mapping[str, Attributes], occasion: Occasion
) -> list[Promotion]:
    """The promotions that may apply to some SKUs on an occasion, in the order in which they apply."""
    known = promotions.applying(((sku, attributes[sku]) for sku in skus), ranks_at(occasion.location, occasion.region))
    return _now_in_force(known, occasion)


def _now_in_force(promotions: Sequence[Promotion], occasion: Occasion) -> list[Promotion]:
    """Those of some promotions that are in force on an occasion."""
    if not promotions:
        return []
    moment_ms, group = occasion.moment_ms, occasion.customer_group
    minute = minute_of_week(moment_ms - moment_ms % 1_000, occasion.zone)
    return [one for one in promotions if one.is_in_force(moment_ms, minute, group)]


def _quoted(
    priced: list[tuple[OpenLine, EffectivePrice]], promotions: list[Promotion], currency: str
) -> list[QuotedLine]:
    """The lines of one basket with their discounts."""
    list_amounts = {line.sku: line.amount for line, _ in priced}
    if sum(list_amounts.values()) > TOTAL_AMOUNT_MAX:
        text = f"The lines cost more than {TOTAL_AMOUNT_MAX} minor units of {currency} together."
        raise Invalid(f"{text} Divide them into several requests.", field="lines")
    lines = [line for line, _ in priced]
    discounts: dict[str, list[Discount]] = {line.sku: [] for line in lines}
    for promotion in promotions:
        if currency_of(promotion.benefit) not in (None, currency):
            continue
        for line, pieces, amount, is_limited in taken_by(promotion, lines):
            if amount:
                quantity = line.quantity if line.is_measured else pieces
                reason = reason_of(promotion.benefit, line.per) + (LIMITED if is_limited else "")
                discounts[line.sku].append(Discount(promotion.id, amount, quantity, reason, promotion.source))
            line.room -= amount
            if promotion.is_exclusive:
                line.amount -= line.value(pieces)
                line.pieces -= pieces
            else:
                line.amount -= amount
    return [
        QuotedLine(
            sku=line.sku,
            quantity=line.quantity,
            price=price,
            list_amount=list_amounts[line.sku],
            discounts=tuple(discounts[line.sku]),
            net_amount=list_amounts[line.sku] - sum(one.amount for one in discounts[line.sku]),
        )
        for line, price in priced
    ]


def _total(lines: list[QuotedLine], currency: str, tax_inclusive: bool) -> Total:
    listed, net = sum(line.list_amount for line in lines), sum(line.net_amount for line in lines)
    return Total(
        currency=currency,
        tax_inclusive=tax_inclusive,
        list_amount=listed,
        discount_amount=listed - net,
        net_amount=net,
        cash_amount=cash_amount(net, currency),
    )
