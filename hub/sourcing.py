"""From where orders to an address are sent: the candidates of an order, and the answer of a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from hub.delivery import Survey, Surveyor
from replica.core.base.clock import time_text
from replica.core.base.errors import Refused
from replica.core.catalog.addresses import Where
from replica.core.orders.placement import Planned, plan_placement, wanted_lines
from replica.core.orders.requests import Placement
from replica.core.planning.candidates import Candidate
from replica.core.planning.promises import Confidence, Doubt, Promise
from replica.core.planning.sourcing import DeliverySources
from replica.core.state.replica import Replica

CHOSEN: Final = "chosen"
COSTLIER: Final = "costlier"
NO_RIGHTS: Final = "no-rights"
NO_STOCK: Final = "no-stock"
NO_PART: Final = "not-enough"
BACKUP: Final = "backup"

Reason = Literal[
    "chosen",
    "costlier",
    "backup",
    "no-stock",
    "no-rights",
    "not-enough",
    "not-serving",
    "closed",
    "incident",
    "not-in-pool",
]


class SourcedLine(Struct, frozen=True):
    """Units of a SKU that one location sends."""

    sku: str
    quantity: int


class EtaAnswer(Struct, frozen=True, omit_defaults=True):
    """When goods are ready, leave and arrive. Without a lane of a carrier, nobody knows when they arrive.

    `earliest` and `latest`: between which moments `carrier` brings them. `doubts`: what may make this wrong. `unheard`:
    this hub has heard nothing of the location for an hour. `busy`: more waits there than leaves in a day.
    `no-holidays`: a calendar has no days in that year. `no-lane`: no carrier has a lane. `confidence`: high without
    doubts, medium with one, low with several or without an arrival.
    """

    ready_at: str
    dispatch_at: str
    confidence: Confidence
    doubts: list[Doubt] = []
    carrier: str = ""
    earliest: str | None = None
    latest: str | None = None


class SourcedFulfilment(Struct, frozen=True, omit_defaults=True):
    """What one location would send. `cost`: in points of the cost model. `eta`: left out if it never leaves."""

    location: str
    lines: list[SourcedLine]
    cost: int
    eta: EtaAnswer | None = None


class CandidateAnswer(Struct, frozen=True, omit_defaults=True):
    """A location that was looked at.

    `reason`: `chosen`; `costlier` than the chosen ones; a `backup` that is not needed; `no-stock`; `no-rights` for this
    hub to promise its units; `not-enough`, if the order is short and its units do not help; `not-serving` the areas of
    the address; `closed` for too long, with the `calendar` and its `reasons`; in the area of an `incident`, with its
    `reasons`; `not-in-pool`, if the channel sells a pool. `costs`: the parts of `cost`.
    """

    location: str
    taken: bool
    reason: Reason
    cost: int | None = None
    costs: dict[str, int] = {}
    distance_km: float | None = None
    calendar: str = ""
    incident: str = ""
    reasons: dict[str, str] = {}


class ShortLine(Struct, frozen=True):
    """A line of which only `free` units can be sent."""

    line: int
    sku: str
    wanted: int
    free: int


class BannedLineAnswer(Struct, frozen=True):
    """A line that is not delivered to the address, and the area that says so. It is left out of the rest."""

    line: int
    sku: str
    area: str
    reasons: dict[str, str]


class SourceAnswer(Struct, frozen=True):
    """From where an order would be sent now. `cost` adds up those of the fulfilments."""

    fulfilments: list[SourcedFulfilment]
    cost: int
    candidates: list[CandidateAnswer]
    short: list[ShortLine]
    banned: list[BannedLineAnswer]


def find_sources(
    surveyor: Surveyor, replica: Replica, placement: Placement, place: Where, now_ms: int
) -> DeliverySources:
    """The locations that may send an order to an address. An order that nobody can place is refused later."""
    try:
        wanted = wanted_lines(replica.context(now_ms), placement)
    except Refused:
        return DeliverySources(())  # a retry still gets the first answer
    return surveyor.survey(replica, place, placement.channel, wanted, now_ms).sources


def source_answer(
    surveyor: Surveyor, replica: Replica, placement: Placement, place: Where | None, now_ms: int
) -> SourceAnswer:
    """From where an order would be sent at a moment. `place`: the address it goes to. Raises Refused."""
    context = replica.context(now_ms)
    if place is None:
        return _rendered(replica, plan_placement(context, placement), None, {})
    wanted = wanted_lines(context, placement)
    survey = surveyor.survey(replica, place, placement.channel, wanted, now_ms, explains=True)
    banned = {one.line for one in survey.sources.banned}
    allowed = [line for line in wanted if line.index not in banned]
    planned = plan_placement(replica.context(now_ms, survey.sources), placement, allowed)
    return _rendered(replica, planned, survey, _etas(surveyor, replica, planned, survey))


def _etas(surveyor: Surveyor, replica: Replica, planned: Planned, survey: Survey) -> dict[str, EtaAnswer]:
    """When the goods of each location arrive, unless they never leave."""
    base_units = {line.index: sum(units for _, units in line.recipe) for line in planned.wanted}
    etas = {}
    for location, quantities in planned.plan.taken.items():
        units = sum(base_units[index] * quantity for index, quantity in quantities.items())
        promise = surveyor.promise(replica, survey, location, units)
        if promise is not None:
            etas[location] = _eta(promise)
    return etas


def _eta(promise: Promise) -> EtaAnswer:
    arrival = promise.arrival
    return EtaAnswer(
        ready_at=time_text(promise.ready_ms),
        dispatch_at=time_text(promise.dispatch_ms),
        confidence=promise.confidence,
        doubts=list(promise.doubts),
        carrier=arrival.carrier if arrival is not None else "",
        earliest=time_text(arrival.earliest_ms) if arrival is not None else None,
        latest=time_text(arrival.latest_ms) if arrival is not None else None,
    )


def _rendered(replica: Replica, planned: Planned, survey: Survey | None, etas: Mapping[str, EtaAnswer]) -> SourceAnswer:
    plan, units = planned.plan, planned.source.reading()
    costs = survey.sources.cost_of(units, planned.wanted, plan) if survey is not None else {}
    skus = {line.index: line.sku for line in planned.wanted}
    fulfilments = []
    for location, quantities in plan.taken.items():
        fulfilment = SourcedFulfilment(
            location=location,
            lines=[SourcedLine(skus[index], quantity) for index, quantity in sorted(quantities.items())],
            cost=costs.get(location, 0),
            eta=etas.get(location),
        )
        fulfilments.append(fulfilment)
    short = [ShortLine(one.wanted.index, one.wanted.sku, one.wanted.quantity, one.covered) for one in plan.short]
    banned = (
        [BannedLineAnswer(one.line, one.sku, one.area, one.reasons) for one in survey.sources.banned] if survey else []
    )
    return SourceAnswer(fulfilments, sum(costs.values()), _candidates(replica, planned, survey), short, banned)


def _candidates(replica: Replica, planned: Planned, survey: Survey | None) -> list[CandidateAnswer]:
    taken = planned.plan.taken
    if survey is None:
        return [CandidateAnswer(location, True, CHOSEN) for location in taken]
    answers = [
        CandidateAnswer(
            location=one.location,
            taken=one.location in taken,
            reason=CHOSEN if one.location in taken else _why_not(replica, planned, one),
            cost=one.cost,
            costs=one.parts,
            distance_km=one.distance_km,
        )
        for one in sorted(survey.sources.candidates, key=lambda one: (one.location not in taken, one.cost))
    ]
    for unfit in survey.unfit:
        closed, incident = unfit.closed, unfit.incident
        facts: dict[str, Any] = {}
        if closed is not None:
            facts = {"calendar": closed.calendar, "reasons": closed.reasons}
        elif incident is not None:
            facts = {"incident": incident.id, "reasons": incident.document.reasons}
        answers.append(CandidateAnswer(unfit.location, False, unfit.reason, **facts))
    return answers


def _why_not(replica: Replica, planned: Planned, candidate: Candidate) -> Reason:
    """Why a location that may send an order sends nothing of it."""
    location = candidate.location
    lines = [line for line in planned.wanted if line.location in (None, location)]
    recipes = [line.recipe for line in lines]
    if any(all(planned.source.units(location, item) >= units for item, units in recipe) for recipe in recipes):
        if planned.plan.short and lines:
            return NO_PART
        return BACKUP if candidate.is_backup else COSTLIER
    stocks = {item: replica.ledger.stock(location, item).available for recipe in recipes for item, _ in recipe}
    has_some = any(all(stocks[item] >= units for item, units in recipe) for recipe in recipes)
    return NO_RIGHTS if has_some else NO_STOCK
