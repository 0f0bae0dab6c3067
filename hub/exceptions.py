"""What somebody should look at, over all a hub knows: nothing here mends itself."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from replica.core.replica import Replica
from replica.runtime.order_answers import ReportAnswer, WaitingAnswer, report_answers, waiting_answers


class ExceptionsAnswer(Struct, frozen=True):
    """Breaches by location and item; orders placed twice; events that did nothing or still wait; digest differences.

    `truncated` says that there are more orders to look at than are shown.
    """

    breaches: dict[str, dict[str, int]]
    duplicates: list[str]
    reports: list[ReportAnswer]
    waiting: list[WaitingAnswer]
    differences: list[dict[str, str]]
    unreadable: int
    truncated: bool


def exceptions(replica: Replica, differences: Sequence[dict[str, str]], limit: int) -> ExceptionsAnswer:
    """Gather what is wrong, of at most `limit` orders that have reports and as many that have events waiting."""
    orders = replica.orders
    troubled = [order for name in orders.troubled if (order := orders.find(name)) is not None]
    waiting = orders.with_waiting(limit + 1)
    places = replica.ledger.places
    return ExceptionsAnswer(
        {location: place.breaches() for location, place in sorted(places.items()) if place.breaches()},
        [order.name for order in troubled if len(order.placed) > 1][:limit],
        [report for order in troubled[-limit:] for report in report_answers(order)],
        [answer for order in waiting[:limit] for answer in waiting_answers(order)],
        list(differences),
        orders.malformed + replica.documents.malformed,
        len(troubled) > limit or len(waiting) > limit,
    )
