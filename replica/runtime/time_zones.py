"""Time zones of locations, from the IANA database on this machine."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from replica.core.catalog.documents import Documents
from replica.core.catalog.locations import LOCATION, ReadLocation


def time_zone(documents: Documents, location: str) -> tzinfo:
    """The time zone in the document of a location; UTC if it names none that this node knows."""
    try:
        document = msgspec.convert(documents.value(LOCATION, location), ReadLocation)
        return ZoneInfo(document.time_zone)
    except (msgspec.ValidationError, ValueError, OSError, KeyError):
        return UTC
