"""Delivery: which locations could send an order to an address, as this hub knows them at one moment.

The address stays in this process. What it leads to, a list of locations with their costs, decides the order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from msgspec import UNSET, Struct
from msgspec.structs import replace

from hub.openings import opening_by
from replica.core.base.names import HELD, bucket_of
from replica.core.catalog.addresses import Where
from replica.core.catalog.areas import Area, ban_on, servings
from replica.core.catalog.dispatch import Dispatch
from replica.core.catalog.documents import Documents
from replica.core.catalog.locations import (
    LOCATION,
    LocationDocument,
    Point,
    distances_from,
    location_document,
    position_in,
    read_location,
)
from replica.core.catalog.openings import Closed, Opening
from replica.core.catalog.selectors import attributes_of
from replica.core.ledger.cells import Ledger
from replica.core.orders.promised import Promised
from replica.core.orders.sourcing import WantedLine
from replica.core.planning.candidates import NOT_IN_POOL, BannedLine, Surveyed, Unfit, sort_out
from replica.core.planning.carriers import carriers_of
from replica.core.planning.promises import Promise, Route, Sender, promise
from replica.core.planning.sourcing import DeliverySources
from replica.core.planning.weights import weights_of
from replica.core.state.replica import Replica
from replica.runtime.time_zones import time_zone


class Survey(Struct, frozen=True):
    """What an order to an address can be sent from. `unfit`: the locations with goods, or in an area, that cannot."""

    sources: DeliverySources
    unfit: tuple[Unfit, ...]
    areas: tuple[Area, ...]
    now_ms: int


class Reads(Protocol):
    """Knows when what this hub knows about a location was last current (`hub.last_current`)."""

    def reading(self, replica: Replica, now_ms: int) -> Callable[[str], int | None]:
        """A function that says it, in milliseconds since 1970; None if nothing ever came."""


class _Site(Struct, frozen=True):
    """What the document of a location says about it. `alike`: equal for locations that dispatch at the same times."""

    packed: bytes | None
    document: LocationDocument | None
    alike: object
    position: Point | None
    serves_walk_ins: bool
    margin_percent: int | None


class Surveyor:
    """Looks at the locations for one order after the other."""

    def __init__(self, last_current: Reads) -> None:
        self._last_current = last_current
        self._as_of: tuple[Documents | None, int] = (None, 0)
        self._sites: dict[str, _Site] = {}
        self._outdated: dict[str, _Site] = {}

    def survey(
        self,
        replica: Replica,
        place: Where,
        channel: str,
        lines: Sequence[WantedLine],
        now_ms: int,
        *,
        explains: bool = False,
    ) -> Survey:
        """What an order of a channel can be sent from now.

        `explains`: also look at locations with goods that areas rule out. An order that is placed needs no reasons.
        """
        areas = replica.areas.containing(place)
        serving = servings(areas)
        items = dict.fromkeys(item for line in lines for item, _ in line.recipe)
        stocked = _stocked(replica.ledger, items) if explains or not serving else {}
        pool, concerned = replica.pools.of_channel(channel), {**serving, **stocked}
        inside = [one for one in concerned if one in pool] if pool is not None else list(concerned)
        surveyed = self._look_at(replica, inside, areas, place, now_ms)
        weights = weights_of(replica.documents, channel)
        candidates, unfit = sort_out(surveyed, serving, weights, now_ms)
        if pool is not None:
            unfit += [Unfit(one, NOT_IN_POOL) for one in concerned if one not in pool]
        banned = tuple(_banned(replica, areas, lines, now_ms))
        survey = Survey(DeliverySources(tuple(candidates), banned), tuple(unfit), tuple(areas), now_ms)

        def promises(location: str, units: int) -> Promised | None:
            found = self.promise(replica, survey, location, units)
            if found is None or found.arrival is None:
                return None if found is None else Promised(found.dispatch_ms)
            arrival = found.arrival
            return Promised(found.dispatch_ms, arrival.carrier, arrival.earliest_ms, arrival.latest_ms)

        return replace(survey, sources=replace(survey.sources, promises=promises))

    def promise(self, replica: Replica, survey: Survey, location: str, units: int) -> Promise | None:
        """When some units of an order leave a location and arrive, as far as anybody can say now."""
        document = location_document(replica.documents, location)
        stock = replica.location_stock(location)
        balances = stock.balances() if stock is not None else {}
        current_ms = self._last_current.reading(replica, survey.now_ms)(location)
        opening = opening_by(replica, document, survey.areas)
        sender = Sender(
            opening=opening,
            dispatch=document.dispatch if document is not None else Dispatch(),
            waiting_units=sum(max(0, held) for name, held in balances.items() if bucket_of(name) == HELD),
            unheard_ms=None if current_ms is None else max(0, survey.now_ms - current_ms),
        )
        return promise(sender, _routes(replica, survey, location, opening), units, survey.now_ms)

    def _look_at(
        self, replica: Replica, locations: Iterable[str], areas: Sequence[Area], place: Where, now_ms: int
    ) -> list[Surveyed]:
        found = []
        last_current_ms = self._last_current.reading(replica, now_ms)
        distance_to = distances_from(place.point)
        openings: dict[object, tuple[int | None, Closed | None]] = {}
        """By what decides about them, because most locations have equal ones."""
        sites = self._sites_of(replica)
        for location in locations:
            site = sites.get(location) or self._site(replica, location)
            opens = openings.get(site.alike)
            if opens is None:
                opens = openings[site.alike] = _opens(opening_by(replica, site.document, areas), now_ms)
            current_ms = last_current_ms(location)
            unheard_ms = None if current_ms is None else max(0, now_ms - current_ms)
            distance_km = distance_to(site.position)
            incident = None
            if replica.incidents and site.document is not None:
                incident = replica.incidents.stops(location, site.document, now_ms)
            walk_ins, margin = site.serves_walk_ins, site.margin_percent
            one = Surveyed(location, distance_km, opens[0], opens[1], unheard_ms, walk_ins, margin, incident)
            found.append(one)
        return found

    def _site(self, replica: Replica, location: str) -> _Site:
        """What the document of a location says, worked out once for each document."""
        packed = replica.documents.packed(LOCATION, location)
        site = self._outdated.get(location)
        if site is None or site.packed is not packed:
            document = read_location(packed) if packed is not None else None
            margin = document.margin_percent if document is not None else UNSET
            site = _Site(
                packed=packed,
                document=document,
                alike=(document.calendars, document.time_zone) if document is not None else None,
                position=position_in(document),
                serves_walk_ins=document is not None and document.type == "store",
                margin_percent=None if margin is UNSET else margin,
            )
        self._sites[location] = site
        return site

    def _sites_of(self, replica: Replica) -> dict[str, _Site]:
        """The sites that are known as the documents say now. A write of any document makes all of them outdated."""
        as_of = (replica.documents, replica.documents.writes)
        if as_of != self._as_of:
            self._as_of, self._outdated, self._sites = as_of, {**self._outdated, **self._sites}, {}
        return self._sites


def _stocked(ledger: Ledger, items: Iterable[str]) -> dict[str, None]:
    """The locations where some items ever moved. Often a few items have been everywhere."""
    found: dict[str, None] = {}
    for item in items:
        found.update(dict.fromkeys(ledger.locations(item)))
        if len(found) == len(ledger.at_location):
            break
    return found


def _routes(replica: Replica, survey: Survey, location: str, opening: Opening) -> Iterable[Route]:
    """The lanes from a location to the address, each with the times at which its carrier works."""
    for carrier in carriers_of(replica.documents, location, [area.id for area in survey.areas]):
        document = carrier.document
        zone = time_zone(document.time_zone) if document.time_zone else opening.zone
        yield Route(carrier.id, carrier.lane, Opening(replica.calendars, document.calendars, zone))


def _opens(opening: Opening, now_ms: int) -> tuple[int | None, Closed | None]:
    closed = opening.closed(now_ms)
    return (now_ms, None) if closed is None else (opening.next_open(now_ms), closed)


def _banned(replica: Replica, areas: Sequence[Area], lines: Iterable[WantedLine], now_ms: int) -> Iterable[BannedLine]:
    for line in lines:
        found = ban_on(areas, line.sku, attributes_of(replica.documents, line.sku), now_ms)
        if found is not None:
            area, ban = found
            yield BannedLine(line.index, line.sku, area.id, ban.reasons)
