"""The calls about balancing plans: make one, read it, approve it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType, field

from hub.balance_inputs import Coming, PlanLocation, PlanMode, PlanScope
from hub.balance_plans import Plan, Plans, PlanState
from replica.core.base.clock import time_text
from replica.core.base.errors import Invalid
from replica.core.base.limits import PLAN_ITEMS_MAX, PLAN_LOCATIONS_MAX
from replica.core.base.names import NAME_PATTERN
from replica.core.base.quantities import Item
from replica.core.catalog.incidents import where_is
from replica.core.catalog.locations import LocationName, location_document, region_of
from replica.core.planning.balancing import PlannedMove, Why
from replica.core.planning.balancing_rules import CoverDays
from replica.core.planning.cover import DAY
from replica.core.rights.daily_sales import DailySales
from replica.core.rights.policies import Units
from replica.core.state.replica import Replica
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Decoder, Operation, json_response, key_of
from replica.runtime.http.query_fields import CURSOR, LIMIT, limit_of
from replica.runtime.node import Node

WAIT_S = 2.0
"""How long the first answer may wait for a plan. A larger plan is read later."""

Name = Annotated[str, Meta(pattern=NAME_PATTERN)]


class BalanceBody(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to plan. Without `region` and `locations`: all locations; without `items`: all items.

    `mode`: `even` the days of cover; `evacuate` the area of the `incident`; `prestock` it; gather `last_units`;
    `allocate` what is at `source`, `by` cover or by margin. `cover_days`: no location is filled beyond that; for
    `prestock`, what the area gets (14). `keep_days`: what the locations outside keep (7). `last_units`: a location
    with at most so many of an item gives them (1).
    """

    mode: PlanMode = "even"
    region: Name | UnsetType = UNSET
    locations: Annotated[tuple[LocationName, ...], Meta(max_length=PLAN_LOCATIONS_MAX)] = ()
    items: Annotated[tuple[Item, ...], Meta(max_length=PLAN_ITEMS_MAX)] = ()
    incident: Name | UnsetType = UNSET
    cover_days: CoverDays | UnsetType = UNSET
    keep_days: CoverDays = 7
    last_units: Units = 1
    source: LocationName | UnsetType = UNSET
    by: Literal["cover", "margin"] = "cover"


class MoveAnswer(Struct, frozen=True):
    """Units that should go from one location to another one.

    `why`: the location that gets them is below its `display`; lasts less long than others (`cover`); has `room` for
    units that must leave. The days of cover are those before the plan, null where nothing is sold.
    """

    item: str
    source: str = field(name="from")
    target: str = field(name="to")
    quantity: int
    why: Why
    km: float
    from_cover_days: float | None
    to_cover_days: float | None


class PlannedLocation(Struct, frozen=True):
    """A location before and after the plan, over all items: units there or on their way, and days of cover."""

    location: str
    units: int
    out: int
    into: int
    cover_days: float | None
    cover_days_after: float | None


class PlanSummary(Struct, frozen=True):
    """A plan. `done` of `total` items are planned. `problem`: why it failed.

    `cost`: kilometres times units. `unmet`: units that locations lack after it. `unknown`: locations with fewer than
    three days of sales, which neither give nor get. `transfers`: how many of its transfers are in which state, once it
    is approved.
    """

    id: str
    state: PlanState
    mode: str
    made_at: str
    approved_at: str | None
    transfers: dict[str, int]
    done: int
    total: int
    problem: str
    move_count: int
    units: int
    cost: int
    unmet: int
    unknown: list[str]


class PlanAnswer(PlanSummary, frozen=True):
    """A plan, and a page of its moves; `next` is the cursor of the next page, null on the last one.

    Other fields are as in the list of plans. `locations` is on the first page only, and empty on the others.
    """

    locations: list[PlannedLocation]
    moves: list[MoveAnswer]
    next: str | None


class PlansAnswer(Struct, frozen=True):
    """The plans that this hub keeps, the newest first."""

    plans: list[PlanSummary]


class BalanceApi:
    """The calls at one hub."""

    def __init__(self, node: Node, plans: Plans, long_reads: LongReads) -> None:
        self._node = node
        self._plans = plans
        self._long_reads = long_reads
        self._body = Decoder(BalanceBody)

    def operations(self) -> list[Operation]:
        """The calls."""
        path = "/v1/balance/{plan}"
        return [
            Operation(
                method="POST",
                path="/v1/balance",
                handler=self.make,
                summary="Plan which goods should move between locations, and move nothing",
                body=BalanceBody,
                answer=PlanAnswer,
                also=(202,),
            ),
            Operation(
                method="GET",
                path="/v1/balance",
                handler=self.list,
                summary="List the balancing plans that this hub keeps",
                answer=PlansAnswer,
            ),
            Operation(
                method="GET",
                path=path,
                handler=self.get,
                summary="Read a balancing plan",
                answer=PlanAnswer,
                query=(CURSOR, LIMIT),
            ),
            Operation(
                method="POST",
                path=f"{path}/approve",
                handler=self.approve,
                summary="Approve a balancing plan: request its transfers",
                answer=PlanSummary,
                is_write=True,
            ),
        ]

    async def make(self, request: web.Request) -> web.Response:
        limit = limit_of(request)
        body: BalanceBody = await self._body.read(request)
        plan = await begin_plan(self._node, self._plans, body)
        await self._plans.wait(plan, WAIT_S)
        answer = _answer(plan, {}, 0, limit)
        return json_response(answer, 202 if plan.state is PlanState.PLANNING else 200)

    async def list(self, request: web.Request) -> web.Response:
        return json_response(PlansAnswer([await self._summary(plan) for plan in self._plans.all()]))

    async def get(self, request: web.Request) -> web.Response:
        start, limit = _start(request), limit_of(request)
        plan = self._plans.find(request.match_info["plan"])
        return json_response(_answer(plan, await self._progress(plan), start, limit))

    async def approve(self, request: web.Request) -> web.Response:
        key_of(request)  # every write has one; the transfers have keys of the plan
        plan = self._plans.find(request.match_info["plan"])
        await self._plans.approve(plan)
        return json_response(await self._summary(plan))

    async def _summary(self, plan: Plan) -> PlanSummary:
        return PlanSummary(**_fields(plan, await self._progress(plan)))

    async def _progress(self, plan: Plan) -> dict[str, int]:
        """How many transfers of a plan are in which state."""
        names = await self._node.driver.look(lambda replica: replica.transfers.of_plan(plan.id))
        states = await self._long_reads.collect(names, _states)
        return {state: states.count(state) for state in sorted(dict.fromkeys(states))}


def _states(replica: Replica, numbers: Sequence[str]) -> list[str]:
    return [transfer.state.value for transfer in filter(None, map(replica.transfers.find, numbers))]


async def begin_plan(node: Node, plans: Plans, body: BalanceBody) -> Plan:
    """Begin to make a plan. Raises Refused."""
    for location in body.locations:
        await node.meet(location)
    locations = await node.driver.look(lambda replica: chosen_locations(replica, body))
    scope_of = partial(_scope, body, locations, node.clock.now().wall_ms)
    return plans.begin(body.mode, [one.name for one in locations], body.items, scope_of)


def chosen_locations(replica: Replica, body: BalanceBody) -> tuple[PlanLocation, ...]:
    """The locations of a plan, in order of names. Raises Invalid."""
    for index, location in enumerate(body.locations):
        replica.known_locations.check_field(location, f"locations[{index}]")
    names = sorted(dict.fromkeys(body.locations)) or replica.known_locations.names()
    if body.region is not UNSET:
        replica.known_locations.check_region(body.region, "region")
        names = [name for name in names if region_of(replica.documents, name) == body.region]
    if len(names) > PLAN_LOCATIONS_MAX:
        text = f"These are {len(names)} locations, and a plan has at most {PLAN_LOCATIONS_MAX}. Name a region."
        raise Invalid(text, field="region")
    if body.by == "margin" and body.mode != "allocate":
        raise Invalid("Only the mode allocate goes by margin.", field="by")
    if body.mode == "allocate" and body.source not in names:
        text = "The mode allocate needs the field source: one of the locations of the plan, whose units are shared out."
        raise Invalid(text, field="source")
    if body.mode in ("evacuate", "prestock"):
        return _around(replica, body, names)
    return tuple(PlanLocation(name) for name in names)


def _around(replica: Replica, body: BalanceBody, names: Sequence[str]) -> tuple[PlanLocation, ...]:
    """The locations of a plan, of which those in the area of its incident are marked."""
    incident = replica.incidents.get(body.incident) if body.incident is not UNSET else None
    if incident is None:
        text = f"The mode {body.mode} needs the field incident: the key of a document incident/ID that says where."
        raise Invalid(text, field="incident")
    documents = {name: location_document(replica.documents, name) for name in names}
    return tuple(
        PlanLocation(name, document is not None and incident.contains(where_is(document)))
        for name, document in documents.items()
    )


def _scope(
    body: BalanceBody, locations: tuple[PlanLocation, ...], now_ms: int, sales: DailySales, coming: Coming
) -> PlanScope:
    return PlanScope(
        mode=body.mode,
        locations=locations,
        sales=sales,
        coming=coming,
        cover_days=None if body.cover_days is UNSET else body.cover_days,
        keep_days=body.keep_days,
        last_units=body.last_units,
        source="" if body.source is UNSET else body.source,
        is_by_margin=body.by == "margin",
        now_ms=now_ms,
    )


def _start(request: web.Request) -> int:
    cursor = request.query.get("cursor", "")
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise Invalid("The query field cursor is not one that this hub gave.", field="cursor")
    return int(cursor or 0)


def _fields(plan: Plan, progress: dict[str, int]) -> dict[str, Any]:
    return {
        "id": plan.id,
        "state": plan.state,
        "mode": plan.mode,
        "made_at": time_text(plan.made_ms),
        "approved_at": time_text(plan.approved_ms) if plan.approved_ms else None,
        "transfers": progress,
        "done": plan.done,
        "total": plan.total,
        "problem": plan.problem,
        "move_count": len(plan.moves),
        "units": sum(sums[2] for sums in plan.sums),
        "cost": plan.metres // 1_000,
        "unmet": plan.unmet,
        "unknown": plan.unknown,
    }


def _answer(plan: Plan, progress: dict[str, int], start: int, limit: int) -> PlanAnswer:
    moves = [_move(plan, *one) for one in plan.moves[start : start + limit]]
    end = start + len(moves)
    return PlanAnswer(
        **_fields(plan, progress),
        locations=[] if start else _locations(plan),
        moves=moves,
        next=str(end) if end < len(plan.moves) else None,
    )


def _move(plan: Plan, item: int, move: PlannedMove, source_cover: int | None, target_cover: int | None) -> MoveAnswer:
    return MoveAnswer(
        item=plan.items[item],
        source=plan.names[move.source],
        target=plan.names[move.target],
        quantity=move.quantity,
        why=move.why,
        km=round(move.metres / 1_000, 3),
        from_cover_days=_days(source_cover),
        to_cover_days=_days(target_cover),
    )


def _days(cover: int | None) -> float | None:
    return None if cover is None else round(cover / DAY, 1)


def _locations(plan: Plan) -> list[PlannedLocation]:
    found = []
    for name, (units, sold, out, into) in zip(plan.names, plan.sums, strict=True):
        before, after = (
            _days(max(0, one) * 1_000 * DAY // sold) if sold else None for one in (units, units - out + into)
        )
        found.append(PlannedLocation(name, units, out, into, before, after))
    return found
