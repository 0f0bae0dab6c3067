"""Delivery: which locations could send an order to an address, as this hub knows them at one moment.

The address stays in this process. What it leads to, a list of locations with their costs, decides the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from hub.last_current import LastCurrent
from hub.openings import opening_of
from replica.core.catalog.addresses import Where
from replica.core.catalog.areas import Area, ban_on, servings
from replica.core.catalog.locations import distance_to, location_document
from replica.core.catalog.openings import Closed, Opening
from replica.core.catalog.selectors import attributes_of
from replica.core.orders.sourcing import WantedLine
from replica.core.planning.candidates import BannedLine, Surveyed, Unfit, sort_out
from replica.core.planning.sourcing import DeliverySources
from replica.core.planning.weights import weights_of
from replica.core.state.replica import Replica


class Survey(Struct, frozen=True):
    """What an order to an address can be sent from. `unfit`: the locations with goods, or in an area, that cannot."""

    sources: DeliverySources
    unfit: tuple[Unfit, ...]


class Surveyor:
    """Looks at the locations for one order after the other."""

    def __init__(self, last_current: LastCurrent) -> None:
        self._last_current = last_current

    def survey(self, replica: Replica, place: Where, channel: str, lines: Sequence[WantedLine], now_ms: int) -> Survey:
        """What an order of a channel can be sent from now."""
        areas = replica.areas.containing(place)
        serving = servings(areas)
        items = dict.fromkeys(item for line in lines for item, _ in line.recipe)
        with_goods = (location for item in items for location in replica.ledger.locations(item))
        surveyed = self._look_at(replica, dict.fromkeys([*serving, *with_goods]), areas, place, now_ms)
        weights = weights_of(replica.documents, channel)
        candidates, unfit = sort_out(surveyed, serving, weights, now_ms)
        banned = tuple(_banned(replica, areas, lines, now_ms))
        return Survey(DeliverySources(tuple(candidates), banned), tuple(unfit))

    def _look_at(
        self, replica: Replica, locations: Iterable[str], areas: Sequence[Area], place: Where, now_ms: int
    ) -> list[Surveyed]:
        found = []
        last_current_ms = self._last_current.reading(replica, now_ms)
        openings: dict[tuple[object, ...], tuple[int | None, Closed | None]] = {}
        for location in locations:
            document = location_document(replica.documents, location)
            opening = opening_of(replica, location, areas)
            name = (opening.names, opening.zone)
            if name not in openings:
                openings[name] = _opens(opening, now_ms)
            opens_ms, closed = openings[name]
            current_ms = last_current_ms(location)
            one = Surveyed(
                location=location,
                distance_km=distance_to(replica.documents, location, place.point) if place.point is not None else None,
                opens_ms=opens_ms,
                closed=closed,
                unheard_ms=None if current_ms is None else max(0, now_ms - current_ms),
                is_store=document is not None and document.type == "store",
            )
            found.append(one)
        return found


def _opens(opening: Opening, now_ms: int) -> tuple[int | None, Closed | None]:
    closed = opening.closed(now_ms)
    return (now_ms, None) if closed is None else (opening.next_open(now_ms), closed)


def _banned(replica: Replica, areas: Sequence[Area], lines: Iterable[WantedLine], now_ms: int) -> Iterable[BannedLine]:
    for line in lines:
        found = ban_on(areas, line.sku, attributes_of(replica.documents, line.sku), now_ms)
        if found is not None:
            area, ban = found
            yield BannedLine(line.index, line.sku, area.id, ban.reasons)
