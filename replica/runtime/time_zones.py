"""Time zones of locations, from the IANA database on this machine."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from replica.core.base.errors import Invalid

CLOSE_MAX = 3
"""Names that a refusal suggests."""


@lru_cache(maxsize=1_024)
def time_zone(name: str) -> tzinfo:
    """The time zone of a name; UTC if this machine does not know it. Each name is read once from the disk."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return UTC


def check_time_zone(zone: str) -> None:
    """Refuse a time zone that does not exist. Raises Invalid.

    On a machine without the database nobody can tell, so every name passes there.
    """
    zones = _time_zones()
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


def local_day(name: str, at_ms: int) -> int:
    """The day of a time in a time zone, counted from 0001-01-01, which is day 1; 0 if no calendar has it.

    Args:
        at_ms: milliseconds since 1970.
    """
    try:
        return datetime.fromtimestamp(at_ms / 1000, time_zone(name)).toordinal()
    except (ValueError, OverflowError, OSError):
        return 0
