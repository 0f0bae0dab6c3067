"""Answers about the stock of a SKU at other locations: what a hub says, and what a store keeps of it.

A store decodes what a hub said, so each field has a bound.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from replica.core.base.limits import NAME_LENGTH_MAX, TEXT_LENGTH_MAX
from replica.core.base.quantities import Sku
from replica.core.catalog.locations import Address
from replica.runtime.http.sku_verdicts import SkuVerdict

LOCATIONS_MAX = 100
"""Locations in one answer."""

SKUS_PER_CALL_MAX = 500

Units = Annotated[int, Meta(ge=0, le=1 << 53)]
"""Not more than JSON numbers carry exactly everywhere."""

Time = Annotated[str, Meta(max_length=64)]


class ReadAddress(Address, frozen=True, forbid_unknown_fields=False):
    """An address of a location, which a later version may have written."""


class LocationElsewhere(Struct, frozen=True):
    """One other location that has some of a SKU, as known at `as_of`.

    `sellable`: how many can be sold there. `guaranteed`: how many of them the hub that was asked may promise.
    `distance_km`, `name` and `address` are as the document of the location says; null or empty without one.
    """

    location: Annotated[str, Meta(max_length=NAME_LENGTH_MAX)]
    sellable: Units
    guaranteed: Units
    as_of: Time | None
    distance_km: Annotated[float, Meta(ge=0)] | None
    name: Annotated[str, Meta(max_length=TEXT_LENGTH_MAX)]
    address: ReadAddress


class ElsewhereAnswer(Struct, frozen=True):
    """The other locations that have some of a SKU, nearest first.

    `known_at`: when a hub said so; null if this node never heard of it. `connected`: whether this node reaches a hub.
    """

    sku: Annotated[str, Meta(max_length=NAME_LENGTH_MAX)]
    locations: Annotated[list[LocationElsewhere], Meta(max_length=LOCATIONS_MAX)]
    known_at: Time | None
    connected: bool


class ElsewhereQuery(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The SKUs, the location that asks, and at most how many other locations of each."""

    skus: Annotated[tuple[Sku, ...], Meta(min_length=1, max_length=SKUS_PER_CALL_MAX)]
    location: str = ""
    near: str = ""
    limit: Annotated[int, Meta(ge=1, le=LOCATIONS_MAX)] = 20


class ElsewhereVerdict(SkuVerdict, frozen=True, omit_defaults=True):
    """The other locations of one SKU, or a problem."""

    elsewhere: ElsewhereAnswer | None = None
