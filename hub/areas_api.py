"""The call that finds the delivery areas of an address, and the locations that serve it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType

from hub.openings import opening_of
from replica.core.base.clock import time_text
from replica.core.base.quantities import Sku, Timestamp
from replica.core.catalog.addresses import Destination, Where, where
from replica.core.catalog.areas import Area, Serving, ban_on, servings
from replica.core.catalog.divisions import divisions
from replica.core.catalog.locations import distance_to
from replica.core.catalog.openings import Opening
from replica.core.catalog.selectors import attributes_of
from replica.core.catalog.validity import moment_ms
from replica.core.state.replica import Replica
from replica.runtime.http.operations import Decoder, Operation, json_response
from replica.runtime.http.sku_verdicts import SKUS_PER_CALL_MAX
from replica.runtime.node import Node


class AreaQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """An address, and goods that may go there. Nothing of it is stored. Without `at`, it is about now."""

    ship_to: Destination
    skus: Annotated[tuple[Sku, ...], Meta(max_length=SKUS_PER_CALL_MAX)] = ()
    at: Timestamp | UnsetType = UNSET


class AreaAnswer(Struct, frozen=True):
    """An area that contains the address."""

    area: str
    names: dict[str, str]
    priority: int


class ClosedAnswer(Struct, frozen=True):
    """Why nothing is dispatched: the calendar that says so, and its reasons. `until`: null if it does not end soon."""

    calendar: str
    reasons: dict[str, str]
    until: str | None


class ServerAnswer(Struct, frozen=True):
    """A location that serves the address, because an `area` says so. `backup`: if the goods are nowhere else.

    `closed`: why the location dispatches nothing at the moment of the question; null if it does.
    """

    location: str
    area: str
    backup: bool
    distance_km: float | None
    closed: ClosedAnswer | None


class BanAnswer(Struct, frozen=True):
    """A SKU of the question that is not delivered to the address, and the area that says so."""

    sku: str
    area: str
    reasons: dict[str, str]


class AreasAnswer(Struct, frozen=True):
    """What the areas say about an address.

    `division`: the smallest division of China that contains it, by GB/T 2260, and the names from the province down.
    Null if the address is not in China, or its names mean no division or several ones. `areas` are in the order of
    their priorities, `locations` in the order in which they serve. `bans` has those of the SKUs that were asked for.
    """

    division: dict[str, str | list[str]] | None
    areas: list[AreaAnswer]
    locations: list[ServerAnswer]
    bans: list[BanAnswer]


class AreasApi:
    """The call at one hub."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._query = Decoder(AreaQuery)

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                method="POST",
                path="/v1/areas:find",
                handler=self.find,
                summary="Find the delivery areas of an address, and the locations that serve it",
                body=AreaQuery,
                answer=AreasAnswer,
            )
        ]

    async def find(self, request: web.Request) -> web.Response:
        query: AreaQuery = await self._query.read(request)
        place = where(query.ship_to, "ship_to")
        now_ms = self._node.clock.now().wall_ms if query.at is UNSET else moment_ms(query.at)
        return json_response(
            await self._node.driver.look(lambda replica: areas_answer(replica, place, query.skus, now_ms))
        )


def areas_answer(replica: Replica, place: Where, skus: Sequence[str], now_ms: int) -> AreasAnswer:
    """What the areas say about an address."""
    areas = replica.areas.containing(place)
    return AreasAnswer(
        division=_division(place.code),
        areas=[AreaAnswer(area.id, area.document.names, area.document.priority) for area in areas],
        locations=_servers(replica, areas, place, now_ms),
        bans=_bans(replica, areas, skus, now_ms),
    )


def _servers(replica: Replica, areas: Sequence[Area], place: Where, now_ms: int) -> list[ServerAnswer]:
    point = place.point
    away = {
        one: distance_to(replica.documents, one.location, point) if point is not None else None
        for one in servings(areas).values()
    }

    def precedence(one: Serving) -> tuple[object, ...]:
        distance = away[one]
        return (*one.precedence, distance is None, distance or 0.0, one.location)

    ordered = sorted(away, key=precedence)
    return [
        ServerAnswer(
            location=one.location,
            area=one.area,
            backup=one.is_backup,
            distance_km=away[one],
            closed=_closed(opening_of(replica, one.location, areas), now_ms),
        )
        for one in ordered
    ]


def _closed(opening: Opening, now_ms: int) -> ClosedAnswer | None:
    closed = opening.closed(now_ms)
    if closed is None:
        return None
    until = opening.next_open(now_ms)
    return ClosedAnswer(closed.calendar, closed.reasons, None if until is None else time_text(until))


def _bans(replica: Replica, areas: Sequence[Area], skus: Sequence[str], now_ms: int) -> list[BanAnswer]:
    found = []
    for index, sku in enumerate(skus):
        replica.catalog.recipe_of(sku, f"skus[{index}]")
        banned = ban_on(areas, sku, attributes_of(replica.documents, sku), now_ms)
        if banned is not None:
            area, ban = banned
            found.append(BanAnswer(sku, area.id, ban.reasons))
    return found


def _division(code: str) -> dict[str, str | list[str]] | None:
    if not code:
        return None
    known = divisions()
    names = [division.name for one in reversed(known.and_above(code)) if (division := known.get(one)) is not None]
    return {"code": code, "names": names}
