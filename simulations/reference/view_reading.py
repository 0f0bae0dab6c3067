"""All views of a node, read over HTTP: each list whole, and again page by page.

Runs of whole nodes hold them to the reference model (`simulations.reference.view_faults`). They and the tests of real
processes also compare what a node shows before and after a restart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from simulations.reference.overviews import LOCATION_FIELDS, ORDER_FIELDS, with_fields
from simulations.reference.view_faults import CHANNELS, ViewFaults

Get = Callable[[str], Awaitable[Any]]
"""Reads a path and returns the document of the answer. Raises if the node does not answer 200."""

WHOLE = 1_000
"""The largest page."""

PAGES = (1, 3)
"""Sizes of pages of exceptions."""

PAGE = 2
"""The size of the pages of every other list."""

LONG_PAGE = 7
"""The size of the pages of lists that are long in some runs."""

EXPLAINED_MAX, ORDERS_MAX = 3, 4
"""How many pairs are explained, of how many items the rights are read, and how many orders.

More would take long in runs of whole nodes."""

OF_THE_MOMENT = ("seen", "as_of", "distance_km")
"""Fields that show the present time or what the caller asked."""


async def read_entries(get: Get, size: int = WHOLE) -> list[dict[str, Any]]:
    """All entries of a node's journal, in order of arrival."""
    entries: list[dict[str, Any]] = []
    after = "0"
    while True:
        page = await get(f"/v1/journal?after={after}&limit={size}")
        entries += page["entries"]
        if not page["entries"]:
            return entries
        after = page["next"]


async def read_views(get: Get, model: ViewFaults, location: str = "") -> dict[str, Any]:
    """The views of a node by their paths, as `ViewFaults` knows them. `location`: that of a store; none at a hub."""
    shown = {f"/v1/exceptions?limit={size}": await get(f"/v1/exceptions?limit={size}") for size in (WHOLE, *PAGES)}
    shown["/v1/exceptions"] = shown.pop(f"/v1/exceptions?limit={WHOLE}")
    orders = dict.fromkeys(row["order"] for name in ("reports", "waiting") for row in shown["/v1/exceptions"][name])
    pairs = model.pairs()
    for place in dict.fromkeys(place for place, _ in pairs):
        path = "/v1/stock" if location else f"/v1/stock/{place}"
        shown |= await _both(get, path, "items", f"/v1/stock/{place}")
    for place, item in pairs[:EXPLAINED_MAX]:
        path = f"/v1/explain/{quote(item, '')}" if location else f"/v1/explain/{place}/{quote(item, '')}"
        shown |= await _explanation(get, path, f"/v1/explain/{place}/{quote(item, '')}")
    if location:
        shown |= await _both(get, "/v1/pickups", "pickups", "/v1/pickups", size=1)  # a page has all of an order
        orders |= dict.fromkeys(row["order"] for row in shown["/v1/pickups"])
    else:
        shown |= await _of_hub(get, model)
    shown |= await _overview(get, "/v1/orders", "orders", ORDER_FIELDS)
    for order in list(orders)[-ORDERS_MAX:]:
        shown[f"/v1/orders/{quote(order, '')}"] = await get(f"/v1/orders/{quote(order, '')}")
    return shown


async def _of_hub(get: Get, model: ViewFaults) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for sku in model.skus():
        path = f"/v1/availability/{quote(sku, '')}"
        for channel in ("", *CHANNELS):
            found = await get(f"{path}?channel={channel}" if channel else path)
            shown[f"{path}/{channel}".rstrip("/")] = {**found, "locations": list(map(_lasting, found["locations"]))}
    for item in list(dict.fromkeys(item for _, item in model.pairs()))[:EXPLAINED_MAX]:
        path = f"/v1/rights/{quote(item, '')}"
        shown |= await _both(get, path, "locations", path)
        shown[f"{path}/totals"] = (await get(path))["totals"]
    shown |= await _overview(get, "/v1/locations", "locations", LOCATION_FIELDS)
    for kind in model.kinds():
        shown |= await _both(get, f"/v1/documents/{kind}", "documents", f"/v1/documents/{kind}")
    return shown


async def _overview(get: Get, path: str, rows: str, fields: Sequence[str]) -> dict[str, Any]:
    """A list whole and page by page, with some fields only."""
    found = await _both(get, path, rows, path, size=LONG_PAGE)
    return {name: with_fields(some, fields) for name, some in found.items()}


async def _both(get: Get, path: str, rows: str, name: str, size: int = PAGE) -> dict[str, Any]:
    """A list whole and page by page, by the names of the two."""
    return {name: await _pages(get, path, rows, WHOLE), f"{name}?limit={size}": await _pages(get, path, rows, size)}


async def _pages(get: Get, path: str, rows: str, size: int) -> list[Any]:
    """All pages of a list together."""
    page = await get(f"{path}?limit={size}")
    found = list(page[rows])
    while page["next"] is not None:
        page = await get(f"{path}?limit={size}&cursor={quote(page['next'], '')}")
        found += page[rows]
    return list(map(_lasting, found))


async def _explanation(get: Get, path: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for size, query in ((WHOLE, ""), (PAGE, f"?limit={PAGE}")):
        page = await get(f"{path}?limit={size}")
        whole = {**page, "stock": _lasting(page["stock"]), "movements": list(page["movements"])}
        while page["next"] is not None:
            page = await get(f"{path}?limit={size}&before={quote(page['next'], '')}")
            whole["movements"] += page["movements"]
        found[name + query] = {**whole, "next": None}
    return found


def _lasting(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without the fields that another read shows otherwise."""
    return {name: value for name, value in row.items() if name not in OF_THE_MOMENT}
