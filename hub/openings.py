"""When locations dispatch goods: by their own calendars, and by those of the areas that the goods go to."""

from __future__ import annotations

from collections.abc import Iterable

from replica.core.catalog.areas import Area
from replica.core.catalog.locations import LocationDocument, location_document
from replica.core.catalog.openings import Opening
from replica.core.state.replica import Replica
from replica.runtime.time_zones import time_zone


def opening_of(replica: Replica, location: str, areas: Iterable[Area]) -> Opening:
    """The calendars of a location and of some areas, in the time zone of the location."""
    return opening_by(replica, location_document(replica.documents, location), areas)


def opening_by(replica: Replica, document: LocationDocument | None, areas: Iterable[Area]) -> Opening:
    """The same, by the document of the location."""
    names = [*(document.calendars if document is not None else ()), *(name for one in areas for name in one.calendars)]
    zone = time_zone(document.time_zone if document is not None else "UTC")
    return Opening(replica.calendars, tuple(dict.fromkeys(names)), zone)
