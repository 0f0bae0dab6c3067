"""Dispatch: how a location sends goods, as its document says.

It is in the document of the location, and not in those of areas: the same people pick the goods for all areas, and the
same lorry takes them.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from replica.core.base.limits import CUT_OFFS_MAX, HANDLING_MINUTES_MAX, QUANTITY_MAX
from replica.core.catalog.weekly_windows import DAYS, Day


class CutOff(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A time of day, by the clock of the location, at which goods leave. What is ready by then leaves with them."""

    time: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["16:00"])]
    days: Annotated[tuple[Day, ...], Meta(min_length=1, max_length=len(DAYS))] = DAYS


class Dispatch(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a location sends goods.

    `handling_minutes`: how long it works on an order, while it is open. `units_per_day`: base units that leave on a day
    at most. Without `cut_offs`, goods leave as soon as they are ready.
    """

    cut_offs: Annotated[tuple[CutOff, ...], Meta(max_length=CUT_OFFS_MAX)] = ()
    handling_minutes: Annotated[int, Meta(ge=0, le=HANDLING_MINUTES_MAX)] = 0
    units_per_day: Annotated[int, Meta(ge=1, le=QUANTITY_MAX)] | UnsetType = UNSET


def minute_of_cut_off(cut_off: CutOff) -> int:
    """The minute of the day."""
    return int(cut_off.time[:2]) * 60 + int(cut_off.time[3:])
