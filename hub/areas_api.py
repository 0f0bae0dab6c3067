"""The call that finds the delivery areas of an address, and the locations that serve it."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web
from msgspec import Struct

from replica.core.catalog.areas import Area, Destination, Serving, Where, servings, where
from replica.core.catalog.divisions import divisions
from replica.core.catalog.locations import distance_to
from replica.core.state.replica import Replica
from replica.runtime.http.operations import Decoder, Operation, json_response
from replica.runtime.node import Node


class AreaQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """An address. Nothing of it is stored."""

    ship_to: Destination


class AreaAnswer(Struct, frozen=True):
    """An area that contains the address."""

    area: str
    names: dict[str, str]
    priority: int


class ServerAnswer(Struct, frozen=True):
    """A location that serves the address, because an `area` says so. `backup`: if the goods are nowhere else."""

    location: str
    area: str
    backup: bool
    distance_km: float | None


class AreasAnswer(Struct, frozen=True):
    """What the areas say about an address.

    `division`: the smallest division of China that contains it, by GB/T 2260, and the names from the province down.
    Null if the address is not in China, or its names mean no division or several ones. `areas` are in the order of
    their priorities, `locations` in the order in which they serve.
    """

    division: dict[str, str | list[str]] | None
    areas: list[AreaAnswer]
    locations: list[ServerAnswer]


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
        return json_response(await self._node.driver.look(lambda replica: areas_answer(replica, place)))


def areas_answer(replica: Replica, place: Where) -> AreasAnswer:
    """What the areas say about an address."""
    areas = replica.areas.containing(place)
    return AreasAnswer(
        division=_division(place.code),
        areas=[AreaAnswer(area.id, area.document.names, area.document.priority) for area in areas],
        locations=_servers(replica, areas, place),
    )


def _servers(replica: Replica, areas: Iterable[Area], place: Where) -> list[ServerAnswer]:
    point = place.point
    away = {
        one: distance_to(replica.documents, one.location, point) if point is not None else None
        for one in servings(areas).values()
    }

    def precedence(one: Serving) -> tuple[object, ...]:
        distance = away[one]
        return (*one.precedence, distance is None, distance or 0.0, one.location)

    ordered = sorted(away, key=precedence)
    return [ServerAnswer(one.location, one.area, one.is_backup, away[one]) for one in ordered]


def _division(code: str) -> dict[str, str | list[str]] | None:
    if not code:
        return None
    known = divisions()
    names = [division.name for one in reversed(known.and_above(code)) if (division := known.get(one)) is not None]
    return {"code": code, "names": names}
