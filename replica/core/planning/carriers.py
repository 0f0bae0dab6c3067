"""Carriers: documents that say how many days goods travel, by lane.

A lane leads from some locations to some areas. A carrier works on the days on which its calendars are open, and only
these count. The first lane that fits is the one that holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Annotated

import msgpack
from msgspec import Meta, Struct, ValidationError, convert

from replica.core.base.errors import Invalid
from replica.core.base.limits import LANE_DAYS_MAX, LANE_ENDS_MAX, LANES_MAX
from replica.core.base.names import NAME_PATTERN
from replica.core.catalog.calendars import CalendarNames
from replica.core.catalog.documents import Documents
from replica.core.catalog.locations import LocationName, Words

CARRIER = "carrier"
"""The kind of the documents that describe carriers."""

LaneDays = Annotated[int, Meta(ge=0, le=LANE_DAYS_MAX)]


class Lane(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many working days after the day of dispatch goods arrive: at least `first` and at most `last`.

    `locations`: those that it leads from; none named: all. `areas`: those that it leads to; none named: all.
    """

    first: LaneDays
    last: LaneDays
    locations: Annotated[tuple[LocationName, ...], Meta(max_length=LANE_ENDS_MAX)] = ()
    areas: Annotated[tuple[Annotated[str, Meta(pattern=NAME_PATTERN)], ...], Meta(max_length=LANE_ENDS_MAX)] = ()

    def fits(self, location: str, areas: Collection[str]) -> bool:
        """Whether it leads from a location to an address in some areas."""
        is_from = not self.locations or location in self.locations
        return is_from and (not self.areas or any(area in self.areas for area in areas))


class CarrierDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `carrier/{id}`. `time_zone`: where it delivers; empty: that of the location."""

    lanes: Annotated[tuple[Lane, ...], Meta(min_length=1, max_length=LANES_MAX)]
    names: dict[str, str] = {}
    calendars: CalendarNames = ()
    time_zone: Words = ""


class _ReadCarrier(CarrierDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored."""


class Carrier(Struct, frozen=True):
    """A carrier that takes goods along a lane."""

    id: str
    document: CarrierDocument
    lane: Lane


def check_carrier(document: CarrierDocument) -> None:
    """Check what the field types cannot express. Raises Invalid with the field."""
    for index, lane in enumerate(document.lanes):
        if lane.first > lane.last:
            field = f"lanes[{index}].last"
            raise Invalid(f"The field {field} is less than first. Send at least {lane.first}.", field=field)


@lru_cache(maxsize=1_024)
def read_carrier(packed: bytes) -> CarrierDocument | None:
    """Read the packed value of a `carrier` document. None if this version cannot use it."""
    try:
        document = convert(msgpack.unpackb(packed, strict_map_key=False), _ReadCarrier)
        check_carrier(document)
    except (ValueError, TypeError, ValidationError, Invalid):
        return None
    return document


def carriers_of(documents: Documents, location: str, areas: Collection[str]) -> Iterator[Carrier]:
    """The carriers that take goods from a location to an address in some areas, in the order of their ids."""
    for name in documents.keys(CARRIER):
        packed = documents.packed(CARRIER, name)
        document = read_carrier(packed) if packed is not None else None
        if document is not None:
            lane = next((one for one in document.lanes if one.fits(location, areas)), None)
            if lane is not None:
                yield Carrier(name, document, lane)
