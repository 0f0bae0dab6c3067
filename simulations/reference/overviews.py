"""Overviews of a node: its orders in a list, the rights to an item, and the figures of each location."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from simulations.reference.journal import Journal, is_inside, rights_of
from simulations.reference.order_traces import OrderTrace

ORDER_FIELDS = ("order", "state", "placed_at", "channel", "lines", "units", "locations")
"""Fields of an order in a list that follow from its entries alone."""

LOCATION_FIELDS = ("location", "on_hand", "rights", "breaches")
"""Fields of a location that follow from the entries there alone."""

FIGURES = ("on_hand", "reserved", "quarantined", "available", "breach")


def with_fields(rows: Iterable[Mapping[str, Any]], fields: Iterable[str]) -> list[dict[str, Any]]:
    """Rows with some fields only. The others show the present time, or who is connected."""
    fields = tuple(fields)
    return [{field: row[field] for field in fields} for row in rows]


def order_rows(orders: Mapping[str, OrderTrace]) -> list[dict[str, Any]]:
    """The orders, those first that an entry named last."""
    return [_order_row(one) for one in reversed(list(orders.values()))]


def _order_row(order: OrderTrace) -> dict[str, Any]:
    whole = order.shown
    standing = [one for one in whole["fulfilments"] if not one["is_duplicate"]] or whole["fulfilments"]
    placed = [lines for *_, lines in order.placements[0]["facts"]["shown"]] if order.placements else None
    parts = placed if placed is not None else [[line.values() for line in one["lines"]] for one in standing]
    sold = [tuple(line) for lines in parts for line in lines]
    return {
        **{name: whole[name] for name in ("order", "state", "placed_at", "channel")},
        "lines": len({sku for sku, _ in sold}),
        "units": sum(quantity for _, quantity in sold),
        "locations": sorted({one["location"] for one in standing}),
    }


def rights_rows(journal: Journal, item: str) -> list[dict[str, Any]]:
    """The locations where an item ever moved, with its figures and who has the units."""
    locations = sorted(location for location, moved in journal.cells if moved == item)
    return [
        {
            "location": location,
            **{name: journal.figures(location, item, "")[name] for name in FIGURES},
            "holders": _holders([journal.accounts(location, item)]),
        }
        for location in locations
    ]


def rights_totals(journal: Journal, item: str) -> dict[str, Any]:
    """The sums over these locations."""
    rows = rights_rows(journal, item)
    return {
        "locations": len(rows),
        **{name: sum(row[name] for row in rows) for name in FIGURES},
        "holders": _holders(journal.accounts(row["location"], item) for row in rows),
    }


def location_figures(journal: Journal, location: str, node: str) -> dict[str, Any]:
    """The figures of a location over all items, as a node shows them."""
    totals, items = journal.totals(location), journal.items(location)
    return {
        "location": location,
        "on_hand": sum(units for account, units in totals.items() if is_inside(account)),
        "rights": rights_of(totals, node),
        "breaches": sum(journal.figures(location, item, node)["breach"] > 0 for item in items),
    }


def _holders(places: Iterable[Mapping[str, int]]) -> dict[str, Any]:
    """The nodes that have units, by name, from the units in each account of some places."""
    total: dict[str, int] = {}
    for accounts in places:
        for account, units in accounts.items():
            total[account] = total.get(account, 0) + units
    owned: dict[str, dict[str, int]] = {}
    for account, units in total.items():
        if is_inside(account) and units:
            owner, _, bucket = account.partition("/")
            owned.setdefault(owner, {})[bucket] = units
    return {owner: _holder(buckets) for owner, buckets in owned.items()}


def _holder(buckets: Mapping[str, int]) -> dict[str, Any]:
    return {
        "rights": sum(units for bucket, units in buckets.items() if bucket not in ("held", "quarantine")),
        "free": buckets.get("free", 0),
        "held": buckets.get("held", 0),
        "quarantined": buckets.get("quarantine", 0),
        "channels": _after("channel.", buckets),
        "campaigns": _after("campaign.", buckets),
    }


def _after(start: str, buckets: Mapping[str, int]) -> dict[str, int]:
    return {bucket.removeprefix(start): units for bucket, units in buckets.items() if bucket.startswith(start)}
