"""Stranded rights: the units of each item that only one node may promise at a location.

The totals of the routes say how many units a node has over all items, at the cost of a few routes. Item by item, all
stocks of the location are read. So whoever needs that keeps it until a total of these routes is another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replica.core.base.names import HELD, QUARANTINE, bucket_of, owner_of
from replica.core.ledger.cells import LocationStock, Route, Stock

RouteName = tuple[str, str, str]

Directions = dict[Route, int]
"""By how many units one unit moved along a route changes the rights of a node."""


def directions_of(stock: LocationStock, node: str) -> Directions:
    """The routes at a location that change the rights of a node."""
    found = {route: _is_right(route.target, node) - _is_right(route.source, node) for route in stock.totals}
    return {route: change for route, change in found.items() if change}


def moved_along(stock: LocationStock, directions: Directions) -> dict[RouteName, int]:
    """The units moved along some routes. While they are equal, the node has the same units of each item."""
    return {route.name: stock.totals[route] for route in directions}


def units_of(stocks: Iterable[Stock], directions: Directions) -> Iterator[tuple[str, int]]:
    """The items of which a node has rights, with the units. An item below zero, because of a breach, is left out."""
    for stock in stocks:
        units = 0
        for route, total in stock.cells.items():
            change = directions.get(route)
            if change is not None:
                units += change * total
        if units > 0:
            yield stock.item, units


def _is_right(account: str, node: str) -> bool:
    return owner_of(account) == node and bucket_of(account) not in (HELD, QUARANTINE)
