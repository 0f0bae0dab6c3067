"""Time zones: whether the name in a location document is one of the IANA database on this machine."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import available_timezones

from replica.core.base.errors import Invalid
from replica.core.catalog.locations import LocationDocument

CLOSE_MAX = 3
"""Names that a refusal suggests."""


def check_time_zone(document: LocationDocument) -> None:
    """Refuse a time zone that does not exist. Raises Invalid.

    On a machine without the database nobody can tell, so every name passes there.
    """
    zone, zones = document.time_zone, _time_zones()
    if not zones or zone in zones or zone == "UTC":
        return
    close = get_close_matches(zone, zones, CLOSE_MAX)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    raise Invalid(
        f"The field time_zone is {zone!r}, which is not a time zone. {meant}Send an IANA name, such as Europe/Berlin.",
        field="time_zone",
    )


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    """All names of the database, except the one for this machine. Read once, because that reads hundreds of files."""
    return frozenset(available_timezones()) - {"localtime"}
