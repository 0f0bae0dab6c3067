"""The availability of a SKU per location: units this node has the rights to, and units it believes available."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from replica.core.catalog.locations import Point, distance_to
from replica.core.catalog.skus import Recipe, sellable
from replica.core.ledger.cells import Ledger
from replica.core.orders.sources import Source
from replica.core.state.replica import Replica
from replica.runtime.http.incoming_answers import Incoming, incoming_answers


class LocalAvailability(Struct, frozen=True, omit_defaults=True):
    """The availability at one location, at least `guaranteed` and at most `optimistic`, as known at `as_of`.

    `incoming`: what is on its way there by transfers, left out if nothing is. It is in neither figure.
    """

    location: str
    guaranteed: int
    optimistic: int
    as_of: str | None
    distance_km: float | None = None
    incoming: list[Incoming] = []


class AvailabilityAnswer(Struct, frozen=True):
    """The availability of a SKU: this node may promise `guaranteed`, and believes `optimistic` to be available."""

    sku: str
    guaranteed: int
    optimistic: int
    locations: list[LocalAvailability]


def sku_availability(
    replica: Replica,
    sku: str,
    location: str,
    near: Point | None,
    channel: str,
    as_of: Callable[[str], str | None],
    pool: str = "",
) -> AvailabilityAnswer:
    """The availability of a SKU at one location, or at all of them, of a pool or of the channel's. Raises Refused.

    `as_of` says when the knowledge about a location was last current.
    """
    pools = [replica.pools.get(pool)] if pool else []
    of_channel = replica.pools.of_channel(channel)
    if of_channel is not None:
        pools.append(of_channel)
    source = Source(
        ledger=replica.ledger,
        policies=replica.policies,
        node=replica.node,
        channel=channel,
        hosted=replica.locations,
        pool=of_channel,
    )
    recipe = replica.catalog.recipe_of(sku, "sku")
    locations = [location] if location else locations_with(replica.ledger, recipe)
    locations = [one for one in locations if all(one in pool for pool in pools)]
    away = {one: distance_to(replica.documents, one, near) for one in locations} if near is not None else {}
    local = [
        replace(
            local_availability(source, recipe, one, as_of(one), away.get(one)),
            incoming=incoming_answers(replica.transfers, one, recipe),
        )
        for one in locations
    ]
    local.sort(key=lambda one: (one.distance_km is None, one.distance_km or 0.0, one.location))
    return AvailabilityAnswer(
        sku=sku,
        guaranteed=sum(one.guaranteed for one in local),
        optimistic=sum(one.optimistic for one in local),
        locations=local,
    )


def local_availability(
    source: Source, recipe: Recipe, location: str, as_of: str | None, distance: float | None
) -> LocalAvailability:
    """The availability at one location.

    Guaranteed are the units that orders of the source's channel may take. Without a channel: orders of all channels.
    Optimistic are the units that the ledger shows as available for everybody.
    """
    stocks = {item: source.ledger.stock(location, item) for item, _ in recipe}
    promise = source.units if source.channel else source.units_of_all
    rights = {item: promise(location, item) for item in stocks}
    available = {item: stock.available for item, stock in stocks.items()}
    return LocalAvailability(
        location=location,
        guaranteed=max(0, sellable(recipe, rights)),
        optimistic=max(0, sellable(recipe, available)),
        as_of=as_of,
        distance_km=distance,
    )


def locations_with(ledger: Ledger, recipe: Recipe) -> list[str]:
    """The locations where each item of the recipe moved at least once, in order."""
    (first, _), *others = recipe
    return [
        location for location in ledger.locations(first) if all(item in ledger.stocks(location) for item, _ in others)
    ]
