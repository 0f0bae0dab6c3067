"""Incidents: something happens in an area for a while, such as a storm, and goods do not leave from there.

An incident is a document of the chain, so each node knows it, also while it is cut off. It begins and ends by its two
moments, or when somebody clears the document. The locations inside are those whose documents say so: by their position,
for a polygon or a circle, or by their address.
"""

from __future__ import annotations

from typing import Annotated

import msgpack
from msgspec import UNSET, Meta, Struct, ValidationError, convert

from replica.core.base.errors import Invalid
from replica.core.base.limits import AREA_PARTS_MAX
from replica.core.base.quantities import OptionalReasons
from replica.core.catalog.addresses import Destination, Where, where
from replica.core.catalog.areas import Coverages
from replica.core.catalog.coverages import Coverage, IsMember, PositionOf, check_coverage, membership
from replica.core.catalog.locations import LocationDocument, position_in
from replica.core.catalog.registers import Register
from replica.core.catalog.validity import Moment, Period, check_period, period_of

INCIDENT = "incident"
"""The kind of the documents that describe incidents."""


class IncidentDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `incident/{id}`.

    `covers` and `excludes`: where it happens, as in areas. `sends`: whether the locations inside still send orders.
    """

    covers: Annotated[tuple[Coverage, ...], Meta(min_length=1, max_length=AREA_PARTS_MAX)]
    excludes: Coverages = ()
    names: dict[str, str] = {}
    reasons: OptionalReasons = {}
    sends: bool = False
    valid_from: Moment = UNSET
    valid_to: Moment = UNSET


class _ReadIncident(IncidentDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored, except those of `covers`."""


class Incident(Struct, frozen=True):
    """An incident in the form for look-ups."""

    id: str
    document: IncidentDocument
    period: Period
    covers: tuple[IsMember, ...]
    excludes: tuple[IsMember, ...]

    def contains(self, place: Where) -> bool:
        """Whether an address is inside."""
        return any(test(place) for test in self.covers) and not any(test(place) for test in self.excludes)


def check_incident(document: IncidentDocument) -> None:
    """Check what the field types cannot express. Raises Invalid with the field."""
    for name, coverages in (("covers", document.covers), ("excludes", document.excludes)):
        for index, coverage in enumerate(coverages):
            check_coverage(coverage, f"{name}[{index}]", is_known_here=True)
    check_period(document.valid_from, document.valid_to)


def read_incident(incident_id: str, value: bytes | None, position_of: PositionOf) -> Incident | None:
    """Read the packed value of an `incident` document. None if it has none, or this version cannot use it."""
    if value is None:
        return None
    try:
        document = convert(msgpack.unpackb(value, strict_map_key=False), _ReadIncident)
        for coverage in (*document.covers, *document.excludes):
            check_coverage(coverage, "", is_known_here=False)
    except (ValueError, TypeError, ValidationError, Invalid):
        return None
    return Incident(
        id=incident_id,
        document=document,
        period=period_of(document.valid_from, document.valid_to),
        covers=tuple(membership(one, position_of) for one in document.covers),
        excludes=tuple(membership(one, position_of) for one in document.excludes),
    )


def where_is(document: LocationDocument) -> Where:
    """Where a location is, in the form for look-ups."""
    address, point = document.address, position_in(document)
    return where(
        Destination(
            country=address.country,
            province=address.province,
            city=address.city,
            district=address.district,
            postcode=address.postcode,
            lat=point.lat if point is not None else UNSET,
            lon=point.lon if point is not None else UNSET,
        ),
        "address",
    )


class Incidents:
    """The current incidents.

    Args:
        position_of: where a location is.
    """

    __slots__ = ("_incidents", "_inside", "_position_of")

    def __init__(self, position_of: PositionOf) -> None:
        self._position_of = position_of
        self._incidents: dict[str, Incident] = {}
        self._inside: dict[str, tuple[LocationDocument, tuple[Incident, ...]]] = {}
        """By location, the incidents around it as its document was when somebody asked."""

    def __len__(self) -> int:
        return len(self._incidents)

    def get(self, incident_id: str) -> Incident | None:
        """The incident of an id, whether or not it goes on."""
        return self._incidents.get(incident_id)

    def put(self, register: Register) -> bool:
        """Apply the newest write of an incident. False if this version cannot use it: then there is no such one."""
        self._inside.clear()
        self._incidents.pop(register.key, None)
        if register.value is None:
            return True
        incident = read_incident(register.key, register.value, self._position_of)
        if incident is not None:
            self._incidents[incident.id] = incident
        return incident is not None

    def locations_changed(self) -> None:
        """Look again at all locations: a circle around one may have moved."""
        self._inside.clear()

    def around(self, location: str, document: LocationDocument, now_ms: int) -> list[Incident]:
        """The incidents that go on and have a location inside, in the order of their ids."""
        if not self._incidents:
            return []
        known = self._inside.get(location)
        if known is None or known[0] is not document:
            place = where_is(document)
            found = tuple(one for _, one in sorted(self._incidents.items()) if one.contains(place))
            known = self._inside[location] = (document, found)
        return [one for one in known[1] if one.period.contains(now_ms)]

    def stops(self, location: str, document: LocationDocument, now_ms: int) -> Incident | None:
        """The first incident because of which a location sends no orders now; None if it does."""
        return next((one for one in self.around(location, document, now_ms) if not one.document.sends), None)
