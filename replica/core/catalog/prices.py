"""Prices: documents, the amount in force at a moment, and which rank's price counts at a store.

An amount is a whole number of minor units for `per` units of the SKU, with or without tax. A document may hold amounts
for later. So a change that headquarters schedules is in the store before its time, and takes effect without a line.

A region or a store overrides the price of the chain. The chain's document may set limits for such overrides. A write
past them is refused. Two nodes that did not know of each other can still make such a pair, and so can a chain that
narrows its limits: then the override does not count, the next lower rank does, and the override is reported.

Everything here is computed from the registers of the documents, so nodes with the same documents have the same prices.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Literal

import msgpack
from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert

from replica.core.base.errors import Invalid
from replica.core.base.limits import AMOUNT_MAX, SCHEDULED_PRICES_MAX
from replica.core.base.quantities import Quantity, Timestamp
from replica.core.catalog.currencies import CurrencyCode, amount_text, check_currency
from replica.core.catalog.documents import Documents
from replica.core.catalog.ranks import CHAIN_RANK, Source, source_of
from replica.core.catalog.registers import Register
from replica.core.catalog.validity import END_MS, FIRST_MS, Moment, Period, check_period, moment_ms, period_of

PRICE = "price"
"""The kind of the documents with prices."""

Amount = Annotated[int, Meta(ge=0, le=AMOUNT_MAX, description="Whole minor units of the currency, such as cents.")]

PositiveAmount = Annotated[int, Meta(ge=1, le=AMOUNT_MAX, description="Minor units of the currency, at least 1.")]

_READ_PRICES_MAX = 1 << 14
"""Documents that are kept decoded: the goods of a busy day."""


class ScheduledAmount(Struct, frozen=True, forbid_unknown_fields=True):
    """From this moment on the price has another amount."""

    amount: Amount
    valid_from: Timestamp


class OverrideLimits(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Between which amounts regions and stores may set the price."""

    min: Amount = 0
    max: Amount = AMOUNT_MAX


class PriceDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `price/{sku}`, of the chain, a region or a store."""

    amount: Amount
    currency: CurrencyCode
    per: Annotated[
        Quantity, Meta(description="For how many units of the SKU the amount is. More than 1 for measured goods.")
    ] = 1
    tax_inclusive: bool = True
    valid_from: Moment = UNSET
    valid_to: Moment = UNSET
    scheduled: Annotated[
        tuple[ScheduledAmount, ...], Meta(max_length=SCHEDULED_PRICES_MAX, description="In the order of time.")
    ] = ()
    override: OverrideLimits | UnsetType = UNSET


class _ReadPrice(PriceDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored."""


class KnownPrice(Struct, frozen=True):
    """What calculations need of one document. `amounts`: from when each is in force, earliest first."""

    currency: str
    per: int
    tax_inclusive: bool
    period: Period
    amounts: tuple[tuple[int, int], ...]
    limits: OverrideLimits | None

    def amount_at(self, moment_ms: int) -> int:
        """The amount in force at a moment, if the document is valid then."""
        return self.amounts[bisect_right(self.amounts, (moment_ms, AMOUNT_MAX)) - 1][1]


Why = Literal["overridden", "not-yet-valid", "no-longer-valid", "past-the-limits", "unreadable"]


class PassedOver(Struct, frozen=True):
    """A document that does not give the price, and why."""

    source: Source
    why: Why


class EffectivePrice(Struct, frozen=True, omit_defaults=True):
    """The price of a SKU at a location and a moment, where it comes from, and the documents that do not count."""

    amount: int
    currency: str
    per: int
    tax_inclusive: bool
    source: Source
    others: tuple[PassedOver, ...] = ()


class NoPrice(Struct, frozen=True, omit_defaults=True):
    """No document gives a price; `others` says why not."""

    others: tuple[PassedOver, ...] = ()


class PastLimits(Struct, frozen=True):
    """An override that does not count, now or from some moment on, because of the chain's limits."""

    sku: str
    source: Source
    field: str
    limits: OverrideLimits


@lru_cache(maxsize=_READ_PRICES_MAX)
def read_price(value: bytes) -> KnownPrice | None:
    """Read the packed value of a `price` document. None if this version cannot read it."""
    try:
        document = convert(msgpack.unpackb(value), _ReadPrice)
    except (ValueError, ValidationError):
        return None
    later = sorted((moment_ms(one.valid_from), one.amount) for one in document.scheduled)
    return KnownPrice(
        currency=document.currency,
        per=document.per,
        tax_inclusive=document.tax_inclusive,
        period=period_of(document.valid_from, document.valid_to),
        amounts=((FIRST_MS, document.amount), *later),
        limits=None if document.override is UNSET else document.override,
    )


def effective_price(
    documents: Documents, sku: str, location: str, region: str, moment_ms: int
) -> EffectivePrice | NoPrice:
    """The price of a SKU at a location of a region at a moment, in milliseconds since 1970."""
    return price_among(documents.valued(PRICE, sku, region, location), documents.register(PRICE, sku), moment_ms)


def price_among(registers: Iterable[Register], of_chain: Register | None, moment_ms: int) -> EffectivePrice | NoPrice:
    """The price that some documents of one SKU give at a moment: those that have a value, highest rank first.

    Args:
        of_chain: the document of the chain.
    """
    chain = _known(of_chain)
    others: list[PassedOver] = []
    found: tuple[KnownPrice, int, Source] | None = None
    for register in registers:
        price = _known(register)
        why = "overridden" if found is not None else _why_not(price, chain, register.rank, moment_ms)
        if why is not None:
            others.append(PassedOver(_source_of(register), why))
        elif price is not None:
            found = (price, price.amount_at(moment_ms), _source_of(register))
    if found is None:
        return NoPrice(tuple(others))
    price, amount, source = found
    return EffectivePrice(amount, price.currency, price.per, price.tax_inclusive, source, tuple(others))


def price_until(documents: Documents, sku: str, location: str, region: str, moment_ms: int) -> int:
    """The first moment after one at which the price of a SKU may be another one, if nobody writes a document."""
    until = END_MS
    for register in documents.valued(PRICE, sku, region, location):
        price = _known(register)
        if price is not None:
            ends = [price.period.from_ms, price.period.to_ms, *[from_ms for from_ms, _ in price.amounts]]
            until = min([until, *[end for end in ends if end > moment_ms]])
    return until


def check_price(document: PriceDocument) -> None:
    """Check what concerns the document alone. Raises Invalid with the field."""
    check_currency(document.currency, "currency")
    period = check_period(document.valid_from, document.valid_to)
    earlier_ms = period.from_ms
    for index, one in enumerate(document.scheduled):
        field = f"scheduled[{index}].valid_from"
        from_ms = moment_ms(one.valid_from)
        if from_ms <= earlier_ms:
            text = f"The field {field} is not later than the moment before it. Send the amounts in the order of time."
            raise Invalid(text, field=field)
        if from_ms >= period.to_ms:
            text = f"The field {field} is not earlier than valid_to, so its amount would never be in force."
            raise Invalid(f"{text} Send an earlier moment, or remove it.", field=field)
        earlier_ms = from_ms
    if document.override is not UNSET and document.override.min > document.override.max:
        text = "The field override.min is more than override.max, so no override would be possible."
        raise Invalid(f"{text} Correct one of them.", field="override.min")


def admit_price(documents: Documents, sku: str, value: bytes, rank: int) -> None:
    """Check a write of a rank against the limits of the chain. Raises Invalid with the field."""
    price = read_price(value)
    if price is None or rank == CHAIN_RANK:
        return
    if price.limits is not None:
        text = "The field override sets limits for regions and stores, and only the chain's document may have it."
        raise Invalid(f"{text} Remove it.", field="override")
    chain = _known(documents.register(PRICE, sku))
    field = _past_limits(price, chain)
    if field is not None and chain is not None and chain.limits is not None:
        limits = chain.limits
        per = "" if chain.per == 1 else f" per {chain.per}"
        bounds = f"{amount_text(limits.min, chain.currency)} to {amount_text(limits.max, chain.currency)}{per}"
        tax = "with" if chain.tax_inclusive else "without"
        text = f"The field {field} is past what the chain allows: {bounds}, {tax} tax."
        raise Invalid(f"{text} Correct it, or ask for other limits.", field=field, min=limits.min, max=limits.max)


def past_limits(documents: Documents, register: Register, moment_ms: int = FIRST_MS) -> PastLimits | None:
    """How an override of a region or store is past the limits at a moment or later. None if it is not."""
    price, chain = _known(register), _known(documents.register(PRICE, register.key))
    field = _past_limits(price, chain, moment_ms) if price is not None else None
    if field is None or chain is None or chain.limits is None:
        return None
    return PastLimits(register.key, _source_of(register), field, chain.limits)


def past_limits_until(documents: Documents, register: Register) -> int:
    """The moment from which on no amount of an override is past the limits. FIRST_MS if none ever is."""
    price, chain = _known(register), _known(documents.register(PRICE, register.key))
    if price is None or chain is None or chain.limits is None:
        return FIRST_MS
    ends = [*[from_ms for from_ms, _ in price.amounts[1:]], price.period.to_ms]
    past = [end for end, (_, amount) in zip(ends, price.amounts, strict=True) if not _is_within(price, amount, chain)]
    return max(past, default=FIRST_MS)


Minimum = tuple[int, int]
"""The least amount to which a discount of a region or a store may lead, and for how many units of the SKU it is."""

NO_MINIMUM: Minimum = (0, 1)


def minimum_of(documents: Documents, sku: str) -> Minimum:
    """The least amount that the chain allows for a SKU. It limits overrides, and promotions of lower ranks."""
    chain = _known(documents.register(PRICE, sku))
    return NO_MINIMUM if chain is None or chain.limits is None else (chain.limits.min, chain.per)


def _source_of(register: Register) -> Source:
    return source_of((register.rank, register.at), register.version)


def _known(register: Register | None) -> KnownPrice | None:
    return read_price(register.value) if register is not None and register.value is not None else None


def _why_not(price: KnownPrice | None, chain: KnownPrice | None, rank: int, moment_ms: int) -> Why | None:
    """Why a document does not give the price at a moment; None if it does, unless a higher rank has one."""
    if price is None:
        return "unreadable"
    if moment_ms < price.period.from_ms:
        return "not-yet-valid"
    if moment_ms >= price.period.to_ms:
        return "no-longer-valid"
    if rank != CHAIN_RANK and not _is_within(price, price.amount_at(moment_ms), chain):
        return "past-the-limits"
    return None


def _past_limits(price: KnownPrice, chain: KnownPrice | None, moment_ms: int = FIRST_MS) -> str | None:
    """The first field of an override that is past the limits at a moment or later. None if none is."""
    if chain is None or chain.limits is None or moment_ms >= price.period.to_ms:
        return None
    if price.currency != chain.currency:
        return "currency"
    if price.tax_inclusive != chain.tax_inclusive:
        return "tax_inclusive"
    ends = [from_ms for from_ms, _ in price.amounts[1:]] + [price.period.to_ms]
    for index, (_, amount) in enumerate(price.amounts):
        if ends[index] > moment_ms and not _is_within(price, amount, chain):
            return f"scheduled[{index - 1}].amount" if index else "amount"
    return None


def _is_within(price: KnownPrice, amount: int, chain: KnownPrice | None) -> bool:
    """Whether the chain's limits admit an amount of an override. They concern the amount for one unit."""
    if chain is None or chain.limits is None:
        return True
    if (price.currency, price.tax_inclusive) != (chain.currency, chain.tax_inclusive):
        return False
    return chain.limits.min * price.per <= amount * chain.per <= chain.limits.max * price.per
