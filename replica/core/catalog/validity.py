"""Periods: from when to when a price or a promotion is valid.

A period contains its first moment and not its last, so two periods that meet have no moment in common and none between
them. Moments are milliseconds since 1970. A document says its moments in RFC 3339 with an offset, so they are the same
moments in each time zone. A fraction of a millisecond is rounded up, which changes no answer at a whole millisecond.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import UNSET, Struct, UnsetType

from replica.core.base.errors import Invalid
from replica.core.base.quantities import Timestamp

Moment = Timestamp | UnsetType
"""A field with a moment that may be left out."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

FIRST_MS = -(1 << 62)
"""Before each moment."""

END_MS = 1 << 62
"""After each moment."""


class Period(Struct, frozen=True):
    """From the first moment up to, and without, the last one; in milliseconds since 1970."""

    from_ms: int = FIRST_MS
    to_ms: int = END_MS

    def contains(self, moment_ms: int) -> bool:
        """Whether a moment lies in this period."""
        return self.from_ms <= moment_ms < self.to_ms

    def common(self, other: Period) -> Period:
        """The moments of both periods. It is empty if it ends before it begins, or as it begins."""
        return Period(max(self.from_ms, other.from_ms), min(self.to_ms, other.to_ms))

    @property
    def is_empty(self) -> bool:
        """Whether no moment lies in this period."""
        return self.from_ms >= self.to_ms


ALWAYS = Period()


def moment_ms(moment: datetime) -> int:
    """A time with an offset as milliseconds since 1970, rounded up."""
    return -((_EPOCH - moment) // _MILLISECOND)


def period_of(valid_from: Moment, valid_to: Moment) -> Period:
    """The period of a document's two fields; a field that is left out sets no bound."""
    return Period(
        from_ms=FIRST_MS if valid_from is UNSET else moment_ms(valid_from),
        to_ms=END_MS if valid_to is UNSET else moment_ms(valid_to),
    )


def check_period(valid_from: Moment, valid_to: Moment) -> Period:
    """The period of a document's two fields. Raises Invalid if it contains no moment."""
    period = period_of(valid_from, valid_to)
    if period.is_empty:
        text = "The field valid_to is not later than valid_from, so the document would never be valid."
        raise Invalid(f"{text} Send a later moment, or leave one of them out.", field="valid_to")
    return period
