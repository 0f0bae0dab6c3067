"""Time zones of locations, from the IANA database on this machine."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=1_024)
def time_zone(name: str) -> tzinfo:
    """The time zone of a name; UTC if this machine does not know it. Each name is read once from the disk."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return UTC


def local_day(name: str, at_ms: int) -> int:
    """The day of a time in a time zone, counted from 0001-01-01, which is day 1; 0 if no calendar has it.

    Args:
        at_ms: milliseconds since 1970.
    """
    try:
        return datetime.fromtimestamp(at_ms / 1000, time_zone(name)).toordinal()
    except (ValueError, OverflowError, OSError):
        return 0
