"""What a basket costs, and why: `POST /v1/quote`, and the quote that a sale keeps.

Each promotion in its turn looks at the lines of the basket, takes something off them, and leaves the rest to the next
one. A line is a plain object:

    sku, quantity, per      what the customer buys; goods whose price has `per` above 1 are measured
    units, cost             the units that no exclusive promotion took, and what they still cost; measured goods are one
    room                    what regions and stores may still take off the line
    listed, discounts       its list amount, and what was taken off it

Amounts are whole minor units. Prices of single units are exact fractions. What a promotion takes is a list of (line,
units, amount, whether the chain limits it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

from simulations.reference.answers import AnyThat
from simulations.reference.price_documents import CHAIN, PriceDocuments, Rank, half_up, source

Line = dict[str, Any]
Taken = list[tuple[Line, int, int, bool]]

LIMITED = "down to the least amount that the chain allows"
"""The end of the reason of a discount that would be greater without the limits of the chain."""

COINS = {"CHF": 5, "DKK": 50, "SEK": 100, "NOK": 100, "CZK": 100, "HUF": 500, "AUD": 5, "CAD": 5, "NZD": 10}
"""Minor units of the smallest coin, where whole countries round cash to it."""


def quote(
    documents: PriceDocuments, goods: Iterable[tuple[str, int]], location: str, now_ms: int, group: str = ""
) -> dict[str, Any]:
    """What some SKUs and quantities cost at a location at a moment, for a customer of a group."""
    quantities: dict[str, int] = {}
    for sku, quantity in goods:
        quantities[sku] = quantities.get(sku, 0) + quantity
    prices = {sku: documents.price(sku, location, now_ms) for sku in sorted(quantities)}
    lines = [_line(documents, sku, quantities[sku], price) for sku, price in prices.items() if "amount" in price]
    for name, rank, version, value in documents.promotions_at(location, now_ms, group):
        for kind in sorted({_kind(line) for line in lines}):
            if value["benefit"].get("currency", kind[0]) == kind[0]:
                basket = [line for line in lines if _kind(line) == kind]
                _apply(name, rank, version, value, _taken(documents, value, rank, basket))
    shown = [_shown(line) for line in lines]
    return {
        "lines": shown,
        "unpriced": [
            {"sku": sku, "quantity": quantities[sku], "why": price}
            for sku, price in prices.items()
            if "amount" not in price
        ],
        "totals": totals(shown),
    }


def _line(documents: PriceDocuments, sku: str, quantity: int, price: Mapping[str, Any]) -> Line:
    listed = half_up(price["amount"] * quantity, price["per"])
    least, per = documents.least(sku)
    return {
        "sku": sku,
        "quantity": quantity,
        "per": price["per"],
        "price": price,
        "units": 1 if price["per"] > 1 else quantity,
        "cost": listed,
        "room": listed - half_up(least * quantity, per),
        "listed": listed,
        "discounts": [],
    }


def _kind(line: Mapping[str, Any]) -> tuple[str, bool]:
    """Amounts of another currency, and amounts without tax, are another basket."""
    return line["price"]["currency"], line["price"]["tax_inclusive"]


# promotions ----------------------------------------------------------------------------------------------------------


def _taken(documents: PriceDocuments, promotion: Mapping[str, Any], rank: Rank, basket: Sequence[Line]) -> Taken:
    """What a promotion takes off the lines of a basket. Nothing if it takes no amount off any of them."""
    benefit, uses = promotion["benefit"], promotion.get("max_uses")
    has_limits = rank != CHAIN

    def selected(applies_to: Mapping[str, Any]) -> list[Line]:
        return [line for line in basket if line["units"] and documents.selects(applies_to, line["sku"])]

    match benefit["type"]:
        case "percentage" | "amount_off":
            return _off_units(benefit, uses, _dearest_first(selected(promotion["applies_to"])), has_limits)
        case "n_for_m":
            found = _n_for_m(benefit, uses, _dearest_first(_counted(selected(promotion["applies_to"]))))
        case "bundle":
            of_components = [_dearest_first(_counted(selected(one["applies_to"]))) for one in benefit["components"]]
            found = _bundles(benefit, uses, of_components)
        case _:
            found = _threshold(benefit, selected(promotion["applies_to"]))
    bounded = [_bounded(line, units, amount, has_limits) for line, units, amount in found]
    return bounded if any(amount for _, _, amount, _ in bounded) else []


def _apply(name: str, rank: Rank, version: int, promotion: Mapping[str, Any], taken: Taken) -> None:
    for line, units, amount, is_limited in taken:
        if amount:
            line["discounts"].append(
                {
                    "promotion": name,
                    "amount": amount,
                    "quantity": line["quantity"] if line["per"] > 1 else units,
                    "reason": AnyThat("a reason", partial(_is_reason, is_limited)),
                    "source": source(rank, version),
                }
            )
        line["room"] -= amount
        if promotion.get("combinable"):
            line["cost"] -= amount
        else:
            line["cost"] -= _cost_of(line, units)
            line["units"] -= units


def _is_reason(is_limited: bool, text: Any) -> bool:
    return isinstance(text, str) and bool(text) and text.endswith(LIMITED) == is_limited


def _off_units(benefit: Mapping[str, Any], uses: int | None, lines: Sequence[Line], has_limits: bool) -> Taken:
    """Something off each unit, the dearest first. A line off which nothing is taken counts as no use."""
    left = sum(line["units"] for line in lines) if uses is None else uses
    taken: Taken = []
    for line in lines:
        units = min(left, line["units"])
        cost = _cost_of(line, units)
        if benefit["type"] == "percentage":
            amount = cost - _less(cost, benefit["percent"])
        else:
            per_unit = half_up(benefit["amount"] * line["quantity"], line["per"])
            amount = min(cost, per_unit if line["per"] > 1 else benefit["amount"] * units)
        one = _bounded(line, units, amount, has_limits)
        if one[2]:
            taken.append(one)
            left -= units
    return taken


def _n_for_m(benefit: Mapping[str, Any], uses: int | None, lines: Sequence[Line]) -> list[tuple[Line, int, int]]:
    """All units in a row, the dearest first, in groups: at the end of each group are those that are free."""
    take, pay = benefit["take"], benefit["pay"]
    groups = sum(line["units"] for line in lines) // take
    end = (groups if uses is None else min(groups, uses)) * take
    found, before = [], 0
    for line in lines:
        row = range(before, max(before, min(before + line["units"], end)))
        free = sum(len(row[(place - before) % take :: take]) for place in range(pay, take))
        if row:
            found.append((line, len(row), _cost_of(line, free)))
        before += line["units"]
    return found


def _bundles(benefit: Mapping[str, Any], uses: int | None, lines: list[list[Line]]) -> list[tuple[Line, int, int]]:
    """Bundle after bundle, each of the dearest units that are left, while it costs less than its units."""
    left = {line["sku"]: line["units"] for some in lines for line in some}
    picked: dict[str, int] = {}
    bundles = 0
    while uses is None or bundles < uses:
        picks = [_picked(one["quantity"], some, left) for one, some in zip(benefit["components"], lines, strict=True)]
        units = {sku: number for pick in picks for sku, number in pick.items()}
        prices = {line["sku"]: _unit_price(line) for some in lines for line in some}
        cost = sum(prices[sku] * number for sku, number in units.items())
        if not all(picks) or cost <= benefit["amount"]:
            break
        # as many equal bundles as the units of these lines make
        times = min(left[sku] // number for sku, number in units.items()) if all(len(one) == 1 for one in picks) else 1
        times = times if uses is None else min(times, uses - bundles)
        bundles += times
        for sku, number in units.items():
            left[sku] -= number * times
            picked[sku] = picked.get(sku, 0) + number * times
    in_order = sorted((line for some in lines for line in some if line["sku"] in picked), key=lambda line: line["sku"])
    costs = [_cost_of(line, picked[line["sku"]]) for line in in_order]
    parts = _split(max(0, sum(costs) - bundles * benefit["amount"]), costs)
    return [(line, picked[line["sku"]], part) for line, part in zip(in_order, parts, strict=True)]


def _picked(quantity: int, lines: Sequence[Line], left: Mapping[str, int]) -> dict[str, int]:
    """The next units of one component by their SKUs; nothing if there are too few."""
    picked: dict[str, int] = {}
    for line in lines:
        units = min(quantity - sum(picked.values()), left[line["sku"]])
        if units:
            picked[line["sku"]] = units
    return picked if sum(picked.values()) == quantity else {}


def _threshold(benefit: Mapping[str, Any], lines: Sequence[Line]) -> list[tuple[Line, int, int]]:
    """Something off the sum of all open units, once, if they cost enough."""
    costs = [line["cost"] for line in lines]
    if sum(costs) < benefit["minimum"]:
        return []
    amount = min(sum(costs), benefit["amount"]) if "amount" in benefit else 0
    if "percent" in benefit:
        amount = sum(costs) - _less(sum(costs), benefit["percent"])
    return [(line, line["units"], part) for line, part in zip(lines, _split(amount, costs), strict=True)]


# arithmetic ----------------------------------------------------------------------------------------------------------


def _less(cost: int, percent: float) -> int:
    """What remains of a cost after a percentage with two decimals."""
    return half_up(cost * (10_000 - round(percent * 100)), 10_000)


def _unit_price(line: Line) -> Fraction:
    return Fraction(line["cost"], line["units"])


def _cost_of(line: Line, units: int) -> int:
    """What some of the open units cost, rounded down."""
    return int(_unit_price(line) * units) if line["units"] else 0


def _dearest_first(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (-_unit_price(line), line["sku"]))


def _counted(lines: Iterable[Line]) -> list[Line]:
    """Goods that are counted in pieces."""
    return [line for line in lines if line["per"] == 1]


def _bounded(line: Line, units: int, amount: int, has_limits: bool) -> tuple[Line, int, int, bool]:
    """A discount within what regions and stores may still take off the line."""
    room = max(0, line["room"])
    return (line, units, room, True) if has_limits and amount > room else (line, units, amount, False)


def _split(amount: int, costs: Sequence[int]) -> list[int]:
    """Split an amount by costs. Minor units that are left over go to the largest remainders, then to the first."""
    shares = [Fraction(amount * cost, sum(costs)) if sum(costs) else Fraction(0) for cost in costs]
    parts = [int(share) for share in shares]
    by_remainder = sorted(range(len(costs)), key=lambda place: (parts[place] - shares[place], place))
    for place in by_remainder[: amount - sum(parts)] if sum(costs) else ():
        parts[place] += 1
    return parts


# answers -------------------------------------------------------------------------------------------------------------


def _shown(line: Line) -> dict[str, Any]:
    return {
        "sku": line["sku"],
        "quantity": line["quantity"],
        "price": line["price"],
        "list_amount": line["listed"],
        "discounts": line["discounts"],
        "net_amount": line["listed"] - sum(one["amount"] for one in line["discounts"]),
    }


def totals(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The sums of quoted lines, for each currency with tax and without."""
    found = []
    for kind in sorted({_kind(line) for line in lines}):
        some = [line for line in lines if _kind(line) == kind]
        listed, net = (sum(line[name] for line in some) for name in ("list_amount", "net_amount"))
        coin = COINS.get(kind[0], 1)
        found.append(
            {
                "currency": kind[0],
                "tax_inclusive": kind[1],
                "list_amount": listed,
                "discount_amount": listed - net,
                "net_amount": net,
                "cash_amount": half_up(net, coin) * coin,
            }
        )
    return found


def kept(quoted: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a sale keeps of its quote: the lines with a price, without the documents that do not count."""
    lines = [
        {**line, "price": {name: value for name, value in line["price"].items() if name != "others"}}
        for line in quoted["lines"]
    ]
    return {**quoted, "lines": lines, "unpriced": []} if lines else None
