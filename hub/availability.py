"""What can be promised of a SKU: an interval per location, from what this node owns to what it believes is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import UNSET, Struct

from replica.core.catalog.locations import LocationDocument, distance_km
from replica.core.catalog.skus import Recipe, sellable
from replica.core.ledger.cells import Ledger
from replica.core.orders.sources import Source


class Point(Struct, frozen=True):
    """Where a customer is."""

    lat: float
    lon: float


class LocalAvailability(Struct, frozen=True, omit_defaults=True):
    """`guaranteed` to `optimistic` SKUs at one location, as of when it was last heard."""

    location: str
    guaranteed: int
    optimistic: int
    as_of: str | None
    distance_km: float | None = None


def local_availability(
    source: Source, recipe: Recipe, location: str, as_of: str | None, distance: float | None
) -> LocalAvailability:
    """Availability at one location: what a channel's orders may take there, or with none named what those of all
    channels may, and what the ledger says is available to everybody."""
    stocks = {item: source.ledger.stock(location, item) for item, _ in recipe}
    promise = source.units if source.channel else source.units_of_all
    rights = {item: promise(location, item) for item in stocks}
    available = {item: stock.available for item, stock in stocks.items()}
    return LocalAvailability(
        location, max(0, sellable(recipe, rights)), max(0, sellable(recipe, available)), as_of, distance
    )


def locations_with(ledger: Ledger, recipe: Recipe) -> list[str]:
    """Locations where every item of the recipe ever moved, in order."""
    (first, _), *others = recipe
    return [
        location for location in ledger.locations(first) if all(item in ledger.stocks(location) for item, _ in others)
    ]


def distances(places: Mapping[str, LocationDocument], locations: Iterable[str], near: Point) -> dict[str, float]:
    """Kilometres from a point to each location whose place is known."""
    found = {}
    for location in locations:
        place = places.get(location)
        if place is not None and place.lat is not UNSET and place.lon is not UNSET:
            found[location] = round(distance_km(near.lat, near.lon, place.lat, place.lon), 3)
    return found
