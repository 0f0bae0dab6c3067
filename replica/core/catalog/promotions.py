"""Promotions: documents that take something off the price of some goods for some customers at some times.

A promotion is exclusive or combinable. Units that an exclusive promotion applies to get no other promotion. Exclusive
promotions come before combinable ones; the lower priority number comes first, and then the lesser id. A combinable
promotion applies to what the earlier ones left of the price.

No promotion raises a price, and none takes off more than there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, assert_never

import msgpack
from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert

from replica.core.base.errors import Invalid
from replica.core.base.limits import COMPONENTS_MAX, CUSTOMER_GROUPS_MAX, PRIORITY_MAX, WINDOWS_MAX
from replica.core.base.quantities import Quantity
from replica.core.catalog.currencies import CurrencyCode, amount_text, check_currency
from replica.core.catalog.prices import Amount, PositiveAmount
from replica.core.catalog.ranks import CHAIN_WIDE, Rank, Source, is_known_rank, source_of
from replica.core.catalog.selectors import Selected, Selector, check_selector, selected_by
from replica.core.catalog.validity import Moment, Period, check_period, period_of
from replica.core.catalog.weekly_windows import Minutes, WeeklyWindow, check_windows, is_open, minutes_of

PROMOTION = "promotion"
"""The kind of the documents with promotions."""

PRIORITY = 100
"""The priority of a promotion that names none."""

WHOLE = 10_000
"""A hundred percent, in hundredths of a percent."""

Percent = Annotated[float, Meta(gt=0.0, le=100.0, description="At most two decimals.")]
GroupName = Annotated[str, Meta(min_length=1, max_length=64)]


class Percentage(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="percentage"):
    """A percentage off the price of each unit."""

    percent: Percent


class AmountOff(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="amount_off"):
    """An amount off the price: of each unit, or of `per` units of measured goods."""

    amount: PositiveAmount
    currency: CurrencyCode


class NForM(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="n_for_m"):
    """Take some units and pay fewer: the cheapest of them are free. The units may be of several SKUs."""

    take: Annotated[int, Meta(ge=2, le=1_000)]
    pay: Annotated[int, Meta(ge=1, le=999)]


class Component(Struct, frozen=True, forbid_unknown_fields=True):
    """Some units of the selected SKUs."""

    quantity: Annotated[int, Meta(ge=1, le=1_000)]
    applies_to: Selector


class Bundle(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="bundle"):
    """A fixed price for one unit of each component, or for some units of one component."""

    amount: Amount
    currency: CurrencyCode
    components: Annotated[tuple[Component, ...], Meta(min_length=1, max_length=COMPONENTS_MAX)]


class Threshold(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", tag="threshold"):
    """If the selected goods cost at least `minimum` together: a percentage or an amount off their sum."""

    minimum: PositiveAmount
    currency: CurrencyCode
    percent: Percent | UnsetType = UNSET
    amount: PositiveAmount | UnsetType = UNSET


Benefit = Percentage | AmountOff | NForM | Bundle | Threshold


class PromotionDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `promotion/{id}`, of the chain, a region or a store."""

    benefit: Benefit
    applies_to: Annotated[Selector, Meta(description="Which SKUs; in a bundle, the components say so.")] | UnsetType = (
        UNSET
    )
    names: dict[str, str] = {}
    customer_groups: Annotated[
        tuple[GroupName, ...], Meta(max_length=CUSTOMER_GROUPS_MAX, description="None named: each customer.")
    ] = ()
    valid_from: Moment = UNSET
    valid_to: Moment = UNSET
    windows: Annotated[tuple[WeeklyWindow, ...], Meta(max_length=WINDOWS_MAX)] = ()
    combinable: bool = False
    priority: Annotated[int, Meta(ge=0, le=PRIORITY_MAX, description="The lower number comes first.")] = PRIORITY
    max_uses: Annotated[Quantity, Meta(description="Units, groups or bundles per basket.")] | UnsetType = UNSET
    locked: Annotated[bool, Meta(description="Only in the chain's document: no region or store overrides it.")] = False


class _ReadPromotion(PromotionDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored, except those of the benefit."""


class Promotion(Struct, frozen=True):
    """A promotion in the form for calculations. `selected`: which SKUs, for each component if it is a bundle."""

    id: str
    rank: Rank
    source: Source
    benefit: Benefit
    selected: tuple[Selected, ...]
    customer_groups: tuple[str, ...]
    period: Period
    minutes: Minutes
    is_exclusive: bool
    priority: int
    max_uses: int | None
    is_locked: bool = False
    """Whether no lower rank overrides it. It has no meaning at the lower ranks."""

    @property
    def has_limits(self) -> bool:
        """Whether the limits of the chain's prices bound what it takes off: if a region or a store wrote it."""
        return self.rank != CHAIN_WIDE

    @property
    def precedence(self) -> tuple[bool, int, str]:
        """The promotion with the lesser precedence applies first."""
        return (not self.is_exclusive, self.priority, self.id)

    def is_in_force(self, moment_ms: int, minute: int | None, customer_group: str) -> bool:
        """Whether it applies to a customer at a moment, at which the store's clock shows a minute of the week."""
        if self.customer_groups and customer_group not in self.customer_groups:
            return False
        return self.period.contains(moment_ms) and minute is not None and is_open(self.minutes, minute)


def hundredths(percent: float) -> int:
    """A percentage in hundredths of a percent. Exact for at most two decimals."""
    return round(percent * 100)


def currency_of(benefit: Benefit) -> str | None:
    """The currency of a benefit's amounts; None if it has none and applies to prices in each currency."""
    return None if isinstance(benefit, Percentage | NForM) else benefit.currency


def reason_of(benefit: Benefit, per: int = 1) -> str:
    """What a benefit gives, for a receipt. `per`: for how many units of measured goods the price is."""
    match benefit:
        case Percentage(percent):
            return f"{percent:g} % off"
        case AmountOff(amount, currency):
            return f"{amount_text(amount, currency)} off {'each' if per == 1 else f'per {per}'}"
        case NForM(take, pay):
            return f"{take} for {pay}"
        case Bundle(amount, currency, components):
            units = sum(component.quantity for component in components)
            return f"{units} together for {amount_text(amount, currency)}"
        case Threshold(minimum, currency, percent, amount):
            taken = amount_text(amount, currency) if amount is not UNSET else f"{percent:g} %"
            return f"{taken} off from {amount_text(minimum, currency)}"
        case _:
            assert_never(benefit)


def check_promotion(document: PromotionDocument) -> None:
    """Check what concerns the document alone. Raises Invalid with the field."""
    currency = currency_of(document.benefit)
    if currency is not None:
        check_currency(currency, "benefit.currency")
    _check_sense(document)


def _check_sense(document: PromotionDocument) -> None:
    """Check all except the currency, which may have been withdrawn since."""
    check_period(document.valid_from, document.valid_to)
    check_windows(document.windows, "windows")
    benefit = document.benefit
    match benefit:
        case Percentage(percent):
            _check_percent(percent)
        case NForM(take, pay):
            if pay >= take:
                text = f"The field benefit.pay is {pay}, which is not less than {take}, the units to take."
                raise Invalid(f"{text} Nothing would be free. Send fewer.", field="benefit.pay")
        case Bundle(components=components):
            _check_components(components)
        case Threshold(percent=percent, amount=amount):
            if (percent is UNSET) == (amount is UNSET):
                raise Invalid("The field benefit must have one of percent and amount. Send one.", field="benefit")
            if percent is not UNSET:
                _check_percent(percent)
        case AmountOff():
            pass
        case _:
            assert_never(benefit)
    _check_applies_to(document)


def read_promotion(promotion_id: str, value: bytes | None, rank: Rank, version: int = 0) -> Promotion | None:
    """Read the packed value of a `promotion` document. None if it has none, or this version cannot use it."""
    if value is None or not is_known_rank(rank[0]):
        return None
    try:
        document = convert(msgpack.unpackb(value, strict_map_key=False), _ReadPromotion)
        _check_sense(document)
    except (ValueError, TypeError, ValidationError, Invalid):
        return None
    selectors = [document.applies_to] if document.applies_to is not UNSET else []
    if isinstance(document.benefit, Bundle):
        selectors = [component.applies_to for component in document.benefit.components]
    return Promotion(
        id=promotion_id,
        rank=rank,
        source=source_of(rank, version),
        benefit=document.benefit,
        selected=tuple(map(selected_by, selectors)),
        customer_groups=document.customer_groups,
        period=period_of(document.valid_from, document.valid_to),
        minutes=minutes_of(document.windows),
        is_exclusive=not document.combinable,
        priority=document.priority,
        max_uses=None if document.max_uses is UNSET else document.max_uses,
        is_locked=document.locked,
    )


def _check_percent(percent: float) -> None:
    if hundredths(percent) / 100 != percent:
        text = f"The field benefit.percent is {percent}, which has more than two decimals. Round it."
        raise Invalid(text, field="benefit.percent")


def _check_components(components: tuple[Component, ...]) -> None:
    """Refuse components that a unit could belong to in two ways, because the price would then depend on the choice."""
    seen: dict[str, int] = {}
    for index, component in enumerate(components):
        field = f"benefit.components[{index}].applies_to"
        check_selector(component.applies_to, field)
        if len(components) > 1 and not component.applies_to.skus:
            text = f"The field {field} must list SKUs, because the bundle has several components."
            raise Invalid(f"{text} Send skus.", field=field)
        for place, sku in enumerate(component.applies_to.skus):
            if seen.setdefault(sku, index) != index:
                text = f"The field {field}.skus[{place}] is {sku!r}, which is in another component too."
                raise Invalid(f"{text} Name each SKU in one component.", field=f"{field}.skus[{place}]")


def _check_applies_to(document: PromotionDocument) -> None:
    if isinstance(document.benefit, Bundle):
        if document.applies_to is not UNSET:
            text = "The field applies_to has no meaning for a bundle, because its components say which SKUs it needs."
            raise Invalid(f"{text} Remove it.", field="applies_to")
    elif document.applies_to is UNSET:
        text = "The field applies_to is missing. Send skus or attributes, or all: true for each SKU."
        raise Invalid(text, field="applies_to")
    else:
        check_selector(document.applies_to, "applies_to")


def groups_meet(one: Promotion, other: Promotion) -> bool:
    """Whether a customer may be in a group of each."""
    if not one.customer_groups or not other.customer_groups:
        return True
    return any(group in other.customer_groups for group in one.customer_groups)


def in_order(promotions: Iterable[Promotion]) -> list[Promotion]:
    """Promotions in the order in which they apply."""
    return sorted(promotions, key=lambda promotion: promotion.precedence)
