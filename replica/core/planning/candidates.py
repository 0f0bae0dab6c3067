"""Candidates: which locations may send an order to an address, and what each of them costs whatever it sends.

If areas of the address name locations, only these may send. If none does, any location may, and the nearest costs
least. A location that does not dispatch soon enough, or is in the area of an incident, is no candidate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from msgspec import Struct

from replica.core.catalog.areas import Serving
from replica.core.catalog.incidents import Incident
from replica.core.catalog.openings import Closed
from replica.core.planning.weights import SourcingDocument

HOUR_MS = 3_600_000

NOT_SERVING: Final = "not-serving"
"""Areas of the address name locations, and not this one."""
CLOSED: Final = "closed"
"""It does not dispatch goods soon enough."""
NOT_IN_POOL: Final = "not-in-pool"
"""The channel of the order sells a pool, and the location is not in it."""
IN_INCIDENT: Final = "incident"
"""It is in the area of an incident, and sends nothing while that goes on."""


class Surveyed(Struct, frozen=True, gc=False):
    """What is known of one location when an order is sourced.

    `opens_ms`: when it dispatches goods next; None if that is far away. `closed`: why it does not now, if it does not.
    `unheard_ms`: for how long this node has heard nothing of it; None if it never did. `serves_walk_ins`: customers buy
    there too, so its last units are worth more. `margin_percent`: what is earned on its goods; None if unknown, which
    counts as the most that any location earns.
    """

    location: str
    distance_km: float | None
    opens_ms: int | None
    closed: Closed | None = None
    unheard_ms: int | None = 0
    serves_walk_ins: bool = False
    margin_percent: int | None = None
    incident: Incident | None = None
    """The incident because of which it sends nothing."""


class Candidate(Struct, frozen=True, gc=False):
    """A location that may send an order. `cost`: in points, if it sends anything; `parts` adds up to it.

    `last_units`: of each item, the units that cost `last_unit` more each.
    """

    location: str
    cost: int
    parts: dict[str, int]
    dispatch_ms: int
    is_backup: bool = False
    last_units: int = 0
    last_unit: int = 0
    distance_km: float | None = None


class Unfit(Struct, frozen=True):
    """A location that may not send an order, and why. `closed`: the calendar and its reasons, if that is why."""

    location: str
    reason: Literal["not-serving", "closed", "incident", "not-in-pool"]
    closed: Closed | None = None
    incident: Incident | None = None


class BannedLine(Struct, frozen=True):
    """A line with goods that an area of the address does not let in."""

    line: int
    sku: str
    area: str
    reasons: dict[str, str]


def sort_out(
    surveyed: Iterable[Surveyed], serving: Mapping[str, Serving], weights: SourcingDocument, now_ms: int
) -> tuple[list[Candidate], list[Unfit]]:
    """Part locations into candidates, the cheapest first, and those that may not send.

    Args:
        serving: the locations that areas of the address name. If it is empty, any location may send.
    """
    ordered = sorted(dict.fromkeys(one.priorities for one in serving.values()))
    steps = {priorities: step for step, priorities in enumerate(ordered)}
    fit: list[tuple[Surveyed, int, int, bool]] = []
    unfit: list[Unfit] = []
    latest_ms = now_ms + weights.dispatch_within_hours * HOUR_MS
    for one in surveyed:
        served = serving.get(one.location)
        if serving and served is None:
            unfit.append(Unfit(one.location, NOT_SERVING))
        elif one.incident is not None:
            unfit.append(Unfit(one.location, IN_INCIDENT, incident=one.incident))
        elif one.opens_ms is None or one.opens_ms > latest_ms:
            unfit.append(Unfit(one.location, CLOSED, one.closed))
        else:
            step = steps[served.priorities] if served is not None else 0
            is_backup = served is not None and served.is_backup
            fit.append((one, one.opens_ms, step, is_backup))
    best_percent = max([one.margin_percent for one, *_ in fit if one.margin_percent is not None], default=0)
    candidates = [_candidate(*one, weights, now_ms, best_percent) for one in fit]
    candidates.sort(key=lambda one: (one.cost, one.location))
    return candidates, unfit


def _candidate(
    one: Surveyed,
    opens_ms: int,
    step: int,
    is_backup: bool,
    weights: SourcingDocument,
    now_ms: int,
    best_percent: int,
) -> Candidate:
    parts: dict[str, int] = {}
    if weights.split:
        parts["split"] = weights.split
    if step and weights.priority:
        parts["priority"] = weights.priority * step
    if is_backup and weights.backup:
        parts["backup"] = weights.backup
    metres = round(one.distance_km * 1_000) if one.distance_km is not None else weights.unknown_km * 1_000
    if points := metres * weights.per_km // 1_000:
        parts["distance"] = points
    if one.margin_percent is not None and (points := (best_percent - one.margin_percent) * weights.per_margin_percent):
        parts["margin"] = points
    if opens_ms > now_ms and (points := (opens_ms - now_ms) * weights.per_closed_hour // HOUR_MS):
        parts["closed"] = points
    if one.unheard_ms != 0:
        unheard_most = weights.unheard_hours_max * HOUR_MS
        unheard_ms = unheard_most if one.unheard_ms is None else min(one.unheard_ms, unheard_most)
        if points := unheard_ms * weights.per_unheard_hour // HOUR_MS:
            parts["unheard"] = points
    last_units = weights.last_units if one.serves_walk_ins else 0
    cost = sum(parts.values())
    return Candidate(  # by position, because there may be a thousand
        one.location, cost, parts, opens_ms, is_backup, last_units, weights.last_unit, one.distance_km
    )
