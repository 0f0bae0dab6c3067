"""Addresses that orders go to, and how what people write differently is compared.

An address is used to find areas and locations, and is not kept: it is personal data, and an entry lasts for ever.
"""

from __future__ import annotations

import unicodedata
from hashlib import blake2b
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from replica.core.base.errors import Invalid
from replica.core.base.limits import POSTCODE_LENGTH_MAX
from replica.core.catalog import divisions
from replica.core.catalog.locations import Latitude, Longitude, Point, Words

Country = Annotated[str, Meta(pattern=r"^[A-Za-z]{2}$", description="ISO 3166-1 alpha-2.", examples=["CN"])]

Postcode = Annotated[str, Meta(min_length=1, max_length=POSTCODE_LENGTH_MAX)]


class Destination(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where an order goes to. `lat` and `lon` say it exactly, the names and the postcode say in which division."""

    country: Country
    province: Words = ""
    city: Words = ""
    district: Words = ""
    postcode: Annotated[str, Meta(max_length=POSTCODE_LENGTH_MAX)] = ""
    lat: Latitude | UnsetType = UNSET
    lon: Longitude | UnsetType = UNSET


class Where(Struct, frozen=True):
    """An address in the form for look-ups. `names`: province, city and district as `plain` texts.

    `code`: the smallest division of China that it is surely in.
    """

    country: str
    names: tuple[str, str, str]
    code: str
    postcode: str
    point: Point | None


def where(destination: Destination, field: str) -> Where:
    """The form for look-ups. Raises Invalid if it has only half a position. `field`: where the address is in a body."""
    lat, lon = destination.lat, destination.lon
    if (lat is UNSET) != (lon is UNSET):
        missing = f"{field}.{'lat' if lat is UNSET else 'lon'}"
        raise Invalid(f"The field {missing} is missing. Send both lat and lon, or neither.", field=missing)
    country = destination.country.upper()
    return Where(
        country=country,
        names=plain_names(destination.province, destination.city, destination.district),
        code=_code_of(destination) if country == divisions.COUNTRY else "",
        postcode=plain_postcode(destination.postcode),
        point=Point(lat, lon) if lat is not UNSET and lon is not UNSET else None,
    )


def _code_of(destination: Destination) -> str:
    return divisions.divisions().named(destination.province, destination.city, destination.district).code


def mark_of(destination: Destination, order: str) -> str:
    """A mark of an address for the entry of its order, by which a retry with another address is noticed.

    It has one byte, on purpose: of 256 addresses, one has the same mark. So the mark tells nobody the address, not even
    its postcode, and a retry with another address is noticed nearly always.
    """
    written = msgspec.msgpack.encode([order, destination], order="deterministic")
    return f"#{blake2b(written, digest_size=1).hexdigest()}"


def plain(name: str) -> str:
    """A name of a division without what people write differently: capitals, accents, blanks, dots and hyphens."""
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in apart if letter.isalnum())


def plain_names(province: str, city: str, district: str) -> tuple[str, str, str]:
    """The names of an address, without what people write differently."""
    return (plain(province), plain(city), plain(district))


def plain_postcode(postcode: str) -> str:
    """A postcode without blanks and hyphens, in capitals."""
    return "".join(postcode.replace("-", "").upper().split())
