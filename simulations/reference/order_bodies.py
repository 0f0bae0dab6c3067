"""What the bodies of requests about orders may contain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulations.reference import bodies
from simulations.reference.bodies import invalid

TTL_MAX_S = 30 * 86_400

_PLACED_LINE = bodies.record(
    quantity=bodies.QUANTITY, sku=(bodies.NAME, None), barcode=(bodies.NAME, None), location=(bodies.NAME, None)
)
PLACEMENT = bodies.record(
    order=bodies.NAME,
    lines=bodies.lines(_PLACED_LINE),
    channel=(bodies.TEXT, ""),
    customer=(bodies.TEXT, ""),
    ship_to=(bodies.TEXT, ""),
    pickup_at=(bodies.NAME, None),
    ttl_s=(bodies.whole(1, TTL_MAX_S), 900),
    partial=(bodies.flag, False),
    paid=(bodies.flag, False),
    durability=(bodies.one_of("local", "region"), "local"),
    campaign=(bodies.TEXT, ""),
    wait_ms=(bodies.whole(0, 30_000), 0),
)
EVENT = bodies.record(
    event=bodies.one_of(
        *("pay", "adjust", "exchange", "pick", "ship", "deliver", "collect", "decline", "cancel", "return")
    ),
    fulfilment=(bodies.TEXT, ""),
    lines=(bodies.lines(bodies.SKU_LINE), None),
    replacement=(bodies.lines(bodies.SKU_LINE), None),
    number=(bodies.whole(0, 2**31 - 1), 0),
)


def read_placement(body: Any, *, is_hub: bool = False) -> Any:
    """The body of a placement. At a store, no other region backs it up. Only a hub sends orders to an address."""
    ship_to = body.get("ship_to") if is_hub and isinstance(body, dict) else None
    if isinstance(ship_to, dict):
        return _read_addressed(body, ship_to)
    asked = PLACEMENT(body, "")
    if not bodies.is_item(asked["order"]):
        raise invalid("order")
    for name in ("campaign", "ship_to"):
        if asked[name]:
            raise invalid(name)
    if asked["durability"] != "local" and not is_hub:
        raise invalid("durability")
    return asked


def _read_addressed(body: Mapping[str, Any], ship_to: Mapping[str, Any]) -> Any:
    """The body of an order to an address."""
    asked = read_placement({name: value for name, value in body.items() if name != "ship_to"}, is_hub=True)
    if asked["pickup_at"] is not None:
        raise invalid("pickup_at")
    return {**asked, "ship_to": ship_to}


def read_event(order: str, body: Any) -> dict[str, Any]:
    """The body of an event, with the order that the path names."""
    asked = EVENT(body, "")
    if not bodies.is_item(order):
        raise invalid("order")
    return {"order": order, **asked}


def check_lines(asked: Mapping[str, Any]) -> None:
    """Some events need lines, and some must have none."""
    event, has_lines = asked["event"], asked["lines"] is not None
    if has_lines and event in ("pay", "pick"):
        raise invalid("lines")
    if not has_lines and event in ("adjust", "exchange"):
        raise invalid("lines")
    if (asked["replacement"] is not None) != (event == "exchange"):
        raise invalid("replacement")
