"""What a promotion takes off the lines of a basket.

A line has units that no exclusive promotion took, and what is still to be paid for them: its open amount. A promotion
looks at the open units of the lines that it applies to. Its discount on a line is at most the open amount, so nothing
is ever below zero.

- Dearer units come first: they are discounted first if uses are limited, and of some units the cheapest are free. Units
  of one price come in the order of their SKUs, so the order of the lines does not matter.
- What remains of a line after a percentage is rounded half up. If one discount concerns several lines, it is split by
  what they cost, and left-over minor units go to the largest remainders, ties by SKU.
- A promotion of a region or a store takes a line no lower than the least amount that the chain allows for its SKU. If a
  discount is split, the part of a line that is past this is not given to another line.
- An earlier promotion may leave an amount that does not divide by the units. Then some of these units cost that part of
  it, rounded down.

Measured goods have a price for more than one unit of the SKU. Nobody counts grams as pieces: all units of such a line
together count as one use, and no group of pieces or bundle contains them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple, assert_never

from msgspec import UNSET

from replica.core.catalog.money import distribute, half_up
from replica.core.catalog.promotions import (
    WHOLE,
    AmountOff,
    Bundle,
    NForM,
    Percentage,
    Promotion,
    Threshold,
    hundredths,
)
from replica.core.catalog.selectors import Attributes, Selected

_PRICE_SCALE = 10**24
"""Parts of a minor unit in the price of one unit: so many that two different prices of 10^12 units never look equal."""


class OpenLine:
    """One SKU of a basket while promotions apply: what no exclusive promotion took yet, and what it still costs."""

    __slots__ = ("amount", "attributes", "is_measured", "per", "pieces", "quantity", "room", "sku")

    def __init__(
        self, sku: str, attributes: Attributes, quantity: int, amount: int, per: int, least_amount: int = 0
    ) -> None:
        self.sku = sku
        self.attributes = attributes
        self.quantity = quantity
        self.per = per
        self.is_measured = per > 1
        self.pieces = 1 if self.is_measured else quantity
        """Open units; 1 if measured goods are still open."""
        self.amount = amount
        """What the open units cost, in minor units."""
        self.room = amount - least_amount
        """What regions and stores may still take off the line. It is below zero if the chain took off more."""

    def value(self, pieces: int) -> int:
        """What some of the open units cost, rounded down."""
        return self.amount * pieces // self.pieces if self.pieces else 0

    @property
    def unit_price(self) -> int:
        """What one open unit costs, in parts of a minor unit."""
        return self.amount * _PRICE_SCALE // self.pieces


class Taken(NamedTuple):
    """Units of a line that a promotion applies to, and what it takes off their price.

    `is_limited`: it would take off more, and the chain does not allow that.
    """

    line: OpenLine
    pieces: int
    discount: int
    is_limited: bool = False


def taken_by(promotion: Promotion, lines: Sequence[OpenLine]) -> list[Taken]:
    """What a promotion takes off some lines of one currency, which are ordered by SKU. Nothing is changed.

    It is empty if the promotion takes nothing off.
    """
    match promotion.benefit:
        case Percentage() | AmountOff() as benefit:
            open_lines = _dearest_first(_open(lines, promotion.selected[0]))
            taken = _off_units(benefit, promotion.max_uses, open_lines, has_limits=promotion.has_limits)
        case NForM() as benefit:
            taken = _n_for_m(benefit, promotion.max_uses, _dearest_first(_pieces(lines, promotion.selected[0])))
        case Bundle() as benefit:
            components = [_dearest_first(_pieces(lines, selected)) for selected in promotion.selected]
            taken = _bundle(benefit, promotion.max_uses, components)
        case Threshold() as benefit:
            taken = _threshold(benefit, _open(lines, promotion.selected[0]))
        case _:
            assert_never(promotion.benefit)
    if promotion.has_limits:
        taken = [_limited(one) for one in taken]
    return taken if any(one.discount for one in taken) else []


def _limited(taken: Taken) -> Taken:
    room = max(0, taken.line.room)
    return taken if taken.discount <= room else Taken(taken.line, taken.pieces, room, is_limited=True)


def _open(lines: Sequence[OpenLine], selected: Selected) -> list[OpenLine]:
    """The selected lines that have open units, in the order of SKUs."""
    return [line for line in lines if line.pieces and selected.contains(line.sku, line.attributes)]


def _pieces(lines: Sequence[OpenLine], selected: Selected) -> list[OpenLine]:
    return [line for line in _open(lines, selected) if not line.is_measured]


def _dearest_first(lines: list[OpenLine]) -> list[OpenLine]:
    return sorted(lines, key=lambda line: (-line.unit_price, line.sku))


def _off_units(
    benefit: Percentage | AmountOff, max_uses: int | None, lines: list[OpenLine], *, has_limits: bool
) -> list[Taken]:
    """A discount on each unit, up to a number of units. A line off which it takes nothing is left alone."""
    left = sum(line.pieces for line in lines) if max_uses is None else max_uses
    taken = []
    for line in lines:
        pieces = min(left, line.pieces)
        cost = line.value(pieces)
        match benefit:
            case Percentage(percent):
                discount = _percentage_of(cost, percent)
            case AmountOff(amount):
                units = half_up(amount * line.quantity, line.per) if line.is_measured else amount * pieces
                discount = min(cost, units)
            case _:
                assert_never(benefit)
        one = Taken(line, pieces, discount)
        if has_limits:
            one = _limited(one)
        if one.discount:
            taken.append(one)
            left -= pieces
    return taken


def _percentage_of(cost: int, percent: float) -> int:
    """The discount of a percentage. What remains to be paid is rounded half up."""
    return cost - half_up(cost * (WHOLE - hundredths(percent)), WHOLE)


def _n_for_m(benefit: NForM, max_uses: int | None, lines: list[OpenLine]) -> list[Taken]:
    """Groups of `take` units, dearest first: the cheapest of each group are free, and the customer saves the most."""
    groups = sum(line.pieces for line in lines) // benefit.take
    in_groups = (groups if max_uses is None else min(groups, max_uses)) * benefit.take

    def free_among(first: int) -> int:
        """The free ones among the first units."""
        whole, rest = divmod(min(first, in_groups), benefit.take)
        return whole * (benefit.take - benefit.pay) + max(0, rest - benefit.pay)

    taken = []
    before = 0
    for line in lines:
        after = before + line.pieces
        grouped = min(after, in_groups) - min(before, in_groups)
        if grouped:
            taken.append(Taken(line, grouped, line.value(free_among(after) - free_among(before))))
        before = after
    return taken


class _Component:
    """The units of one component of a bundle, dearest first, and what the first of them cost."""

    def __init__(self, quantity: int, lines: list[OpenLine]) -> None:
        self._quantity = quantity
        self._lines = lines
        self._ends = list(accumulate((line.pieces for line in lines), initial=0))
        self._costs = list(accumulate((line.unit_price * line.pieces for line in lines), initial=0))
        self.bundles = self._ends[-1] // quantity
        """For how many bundles there are units."""

    def cost(self, bundles: int) -> int:
        """What the units of the first bundles cost, in parts of a minor unit."""
        units = bundles * self._quantity
        index = bisect_left(self._ends, units)
        if index == 0:
            return 0
        line = self._lines[index - 1]
        return self._costs[index - 1] + line.unit_price * (units - self._ends[index - 1])

    def units(self, bundles: int) -> list[tuple[OpenLine, int]]:
        """The lines of the units of the first bundles, each with their number."""
        left = bundles * self._quantity
        found = []
        for line in self._lines:
            pieces = min(left, line.pieces)
            if pieces:
                found.append((line, pieces))
            left -= pieces
        return found


def _bundle(benefit: Bundle, max_uses: int | None, selected: list[list[OpenLine]]) -> list[Taken]:
    """As many bundles as cost less than their units. Each next one has cheaper units, and saves no more than before."""
    components = [
        _Component(component.quantity, lines) for component, lines in zip(benefit.components, selected, strict=True)
    ]
    most = min(component.bundles for component in components)

    def saves(bundles: int) -> bool:
        """Whether the last of some bundles costs less than its units."""
        cost = sum(component.cost(bundles) - component.cost(bundles - 1) for component in components)
        return cost > benefit.amount * _PRICE_SCALE

    low, high = 0, most if max_uses is None else min(most, max_uses)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if saves(middle) else (low, middle - 1)
    units = sorted([one for component in components for one in component.units(low)], key=lambda one: one[0].sku)
    costs = [line.value(pieces) for line, pieces in units]
    return _split(units, costs, max(0, sum(costs) - low * benefit.amount))


def _threshold(benefit: Threshold, lines: list[OpenLine]) -> list[Taken]:
    """A discount on the sum of all open units, if they cost enough."""
    cost = sum(line.amount for line in lines)
    if cost < benefit.minimum:
        return []
    if benefit.percent is not UNSET:
        discount = _percentage_of(cost, benefit.percent)
    else:
        discount = min(cost, benefit.amount) if benefit.amount is not UNSET else 0
    return _split([(line, line.pieces) for line in lines], [line.amount for line in lines], discount)


def _split(units: list[tuple[OpenLine, int]], costs: list[int], discount: int) -> list[Taken]:
    """Split one discount among units, by what they cost."""
    parts = distribute(discount, costs)
    return [Taken(line, pieces, part) for (line, pieces), part in zip(units, parts, strict=True)]
