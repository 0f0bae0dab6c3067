"""Delivery areas: documents that say which addresses an area contains, and which locations serve it.

An area covers addresses by the names or the codes of divisions, by postcodes, by a polygon, and by the distance from a
position or a location. It contains an address that one of its `covers` fits and none of its `excludes`.

An address may lie in several areas. All of them count: the locations of each may serve it, by the lower number of the
priorities first. `area_index` finds the areas of an address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

import msgpack
from msgspec import UNSET, Meta, Struct, ValidationError, convert

from replica.core.base.errors import Invalid
from replica.core.base.limits import AREA_BANS_MAX, AREA_LOCATIONS_MAX, AREA_PARTS_MAX, PRIORITY_MAX
from replica.core.base.quantities import Reasons
from replica.core.catalog.calendars import CalendarNames
from replica.core.catalog.coverages import ByDistance, Coverage, check_coverage
from replica.core.catalog.locations import LocationName
from replica.core.catalog.selectors import Attributes, Selected, Selector, check_selector, selected_by
from replica.core.catalog.validity import Moment, Period, period_of

AREA = "area"
"""The kind of the documents that describe delivery areas."""

PRIORITY = 100
"""The priority of an area, or of a location in it, that names none."""

Priority = Annotated[int, Meta(ge=0, le=PRIORITY_MAX, description="The lower number comes first.")]


class Server(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A location that serves an area."""

    location: LocationName
    priority: Priority = PRIORITY


Servers = Annotated[tuple[Server, ...], Meta(max_length=AREA_LOCATIONS_MAX)]

Coverages = Annotated[tuple[Coverage, ...], Meta(max_length=AREA_PARTS_MAX)]


class Ban(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Goods that are not delivered to an area, and why."""

    goods: Selector
    reasons: Reasons
    valid_from: Moment = UNSET
    valid_to: Moment = UNSET


class AreaDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `area/{id}`.

    `serves`: the locations that deliver to it. `backups`: those that do if the goods are at none of the others. `bans`:
    the goods that none of them delivers there. `calendars`: when goods for it are dispatched. Those of each location
    hold too.
    """

    covers: Annotated[tuple[Coverage, ...], Meta(min_length=1, max_length=AREA_PARTS_MAX)]
    excludes: Coverages = ()
    names: dict[str, str] = {}
    priority: Priority = PRIORITY
    serves: Servers = ()
    backups: Servers = ()
    bans: Annotated[tuple[Ban, ...], Meta(max_length=AREA_BANS_MAX)] = ()
    calendars: CalendarNames = ()


class ReadArea(AreaDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored, except those of `covers`."""


class Banned(Struct, frozen=True):
    """A ban in the form for look-ups."""

    goods: Selected
    period: Period
    reasons: dict[str, str]


class Area(Struct, frozen=True):
    """An area in the form for look-ups."""

    id: str
    document: AreaDocument
    bans: tuple[Banned, ...] = ()

    @property
    def calendars(self) -> tuple[str, ...]:
        """The calendars that say when goods for the area are dispatched."""
        return self.document.calendars

    @property
    def precedence(self) -> tuple[int, str]:
        """The area with the lesser precedence comes first."""
        return (self.document.priority, self.id)


class Serving(Struct, frozen=True):
    """A location that serves an address. `area`: the one that says so, the first in their order if several do."""

    location: str
    is_backup: bool
    area: str
    priorities: tuple[int, int]
    """That of the area, and that of the location in it."""

    @property
    def precedence(self) -> tuple[bool, tuple[int, int]]:
        """The location with the lesser precedence serves first."""
        return (self.is_backup, self.priorities)


def servings(areas: Iterable[Area]) -> dict[str, Serving]:
    """The locations that serve an address in some areas. A location that serves in one is no backup in another."""
    found: dict[str, Serving] = {}
    for area in areas:
        for is_backup, servers in ((False, area.document.serves), (True, area.document.backups)):
            for server in servers:
                one = Serving(server.location, is_backup, area.id, (area.document.priority, server.priority))
                known = found.get(server.location)
                if known is None or one.precedence < known.precedence:
                    found[server.location] = one
    return found


def ban_on(areas: Iterable[Area], sku: str, attributes: Attributes, now_ms: int) -> tuple[Area, Banned] | None:
    """The first area that does not let a SKU in at a moment, and its ban; None if all do."""
    for area in areas:
        for ban in area.bans:
            if ban.period.contains(now_ms) and ban.goods.contains(sku, attributes):
                return area, ban
    return None


def check_area(document: AreaDocument) -> None:
    """Check what the field types cannot express. Raises Invalid with the field."""
    for name, coverages in (("covers", document.covers), ("excludes", document.excludes)):
        for index, coverage in enumerate(coverages):
            check_coverage(coverage, f"{name}[{index}]", is_known_here=True)
    _check_servers(document)
    _check_bans(document)


def _check_bans(document: AreaDocument) -> None:
    for index, ban in enumerate(document.bans):
        check_selector(ban.goods, f"bans[{index}].goods")
        if period_of(ban.valid_from, ban.valid_to).is_empty:
            field = f"bans[{index}].valid_to"
            raise Invalid(f"The field {field} is not later than valid_from. Send a later moment.", field=field)


def _check_servers(document: AreaDocument) -> None:
    seen: dict[str, str] = {}
    for name, servers in (("serves", document.serves), ("backups", document.backups)):
        for index, server in enumerate(servers):
            field = f"{name}[{index}].location"
            if seen.setdefault(server.location, field) != field:
                text = f"The field {field} names {server.location!r}, and so does {seen[server.location]}. Remove one."
                raise Invalid(text, field=field)


def read_area(area_id: str, value: bytes | None) -> Area | None:
    """Read the packed value of an `area` document. None if it has none, or this version cannot use it."""
    if value is None:
        return None
    try:
        document = convert(msgpack.unpackb(value, strict_map_key=False), ReadArea)
        for coverage in (*document.covers, *document.excludes):
            check_coverage(coverage, "", is_known_here=False)
        _check_bans(document)
    except (ValueError, TypeError, ValidationError, Invalid):
        return None
    bans = [
        Banned(selected_by(ban.goods), period_of(ban.valid_from, ban.valid_to), ban.reasons) for ban in document.bans
    ]
    return Area(area_id, document, tuple(bans))


def locations_of(document: AreaDocument) -> Iterator[tuple[str, str]]:
    """The locations that an area names, each with the field that names it."""
    for name, servers in (("serves", document.serves), ("backups", document.backups)):
        for index, server in enumerate(servers):
            yield server.location, f"{name}[{index}].location"
    for name, coverages in (("covers", document.covers), ("excludes", document.excludes)):
        for index, coverage in enumerate(coverages):
            if isinstance(coverage, ByDistance) and coverage.location is not UNSET:
                yield coverage.location, f"{name}[{index}].location"
