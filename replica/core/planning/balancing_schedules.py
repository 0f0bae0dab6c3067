"""Schedules of balancing: documents that say which hub plans at which time of day, and whether nobody is asked first.

A schedule names its hub, so two hubs of a region never plan the same night twice. The clock is that of a time zone. A
time that is skipped when clocks go forward counts as the first one after it, and one that comes twice counts once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

import msgpack
from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert

from replica.core.base.limits import COVER_DAYS_MAX
from replica.core.base.names import NAME_PATTERN
from replica.core.catalog.documents import Documents
from replica.core.catalog.locations import Words
from replica.core.rights.policies import Units

BALANCING_SCHEDULE = "balancing_schedule"
"""The kind of the documents with schedules."""

LATE_MINUTES_MAX = 120
"""A plan that could not be made at its time is made up to so many minutes later: a hub that restarts, not one that was
away until noon."""


class BalancingScheduleDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `balancing_schedule/{id}`.

    `hub`: the hub that plans. `at`: each day at this time. `region`: for the locations of this region; left out: all.
    `mode`, `cover_days` and `last_units` are as in `POST /v1/balance`. `approve`: the plan is approved at once.
    """

    hub: Annotated[str, Meta(pattern=NAME_PATTERN)]
    at: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["02:30"])]
    time_zone: Words = "UTC"
    mode: Literal["even", "last_units"] = "last_units"
    region: Annotated[str, Meta(pattern=NAME_PATTERN)] | UnsetType = UNSET
    cover_days: Annotated[int, Meta(ge=0, le=COVER_DAYS_MAX)] | UnsetType = UNSET
    last_units: Units = 1
    approve: bool = False

    def is_due(self, minute: int) -> bool:
        """Whether a plan is to be made at a minute of the day, unless it was made on this day already."""
        return 0 <= minute - (int(self.at[:2]) * 60 + int(self.at[3:])) <= LATE_MINUTES_MAX


class _ReadSchedule(BalancingScheduleDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored."""


@lru_cache(maxsize=256)
def read_schedule(packed: bytes) -> BalancingScheduleDocument | None:
    """Read the packed value of a schedule. None if this version cannot use it."""
    try:
        return convert(msgpack.unpackb(packed, strict_map_key=False), _ReadSchedule)
    except (ValueError, TypeError, ValidationError):
        return None


def schedules_of(documents: Documents, hub: str) -> dict[str, BalancingScheduleDocument]:
    """The schedules of a hub, by id."""
    found = {}
    for key in documents.keys(BALANCING_SCHEDULE):
        packed = documents.packed(BALANCING_SCHEDULE, key)
        schedule = read_schedule(packed) if packed is not None else None
        if schedule is not None and schedule.hub == hub:
            found[key] = schedule
    return found
