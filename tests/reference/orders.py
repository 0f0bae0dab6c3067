"""Bodies of requests about orders, as hypothesis draws them: few names, so that events meet their orders."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.reference.requests import BARCODES, Draw, lines, optional

ORDERS = ("o-1", "o-2", "o-3")
SKUS = ("apple", "apple", "bolt", "duo", "trio", "mix")
EVENTS = ("pay", "pick", "ship", "collect", "cancel", "adjust", "exchange", "return")
WITH_LINES = ("ship", "collect", "cancel", "adjust", "return")


@st.composite
def sku_lines(draw: Draw) -> dict[str, Any]:
    """A line that names a SKU, or rarely a barcode."""
    name = draw(st.sampled_from(("sku",) * 9 + ("barcode",)))
    return {name: draw(st.sampled_from(SKUS if name == "sku" else BARCODES)), "quantity": draw(quantities)}


quantities = st.sampled_from((1, 1, 1, 2, 2, 3, 5, 2.0))
replacements = st.fixed_dictionaries({"sku": st.sampled_from(("apple", "bolt", "bolt")), "quantity": quantities})
"""SKUs whose recipes never change, so that an order holds each by one recipe."""


@st.composite
def placements(draw: Draw) -> dict[str, Any]:
    """An order of a few units, which mostly are there."""
    places = st.sampled_from(("store-1", "store-1", "store-1", "nowhere"))
    more = optional(
        channel=st.sampled_from(("", "web")),
        customer=st.just("c-1"),
        pickup_at=places,
        ttl_s=st.sampled_from((1, 2, 60, 3_600)),
        partial=st.booleans(),
        paid=st.booleans(),
        durability=st.sampled_from(("local", "local", "local", "region")),
        wait_ms=st.sampled_from((0, 500)),  # no other node has rights, so there is nothing to wait for
    )
    some = draw(lines(sku_lines()))
    if draw(st.integers(0, 5)) == 0:
        some[0]["location"] = draw(places)
    return {"order": draw(st.sampled_from(ORDERS)), "lines": some, **draw(more)}


@st.composite
def events(draw: Draw, *, is_known: bool, is_numbered: bool) -> dict[str, Any]:
    """An event. A return of goods whose order is not known is drawn nowhere."""
    event = draw(st.sampled_from(EVENTS if is_known else EVENTS[:-1]))
    body: dict[str, Any] = {"event": event}
    if event == "exchange":
        body["replacement"] = draw(lines(replacements))
    if event in ("adjust", "exchange") or (event in WITH_LINES and draw(st.booleans())):
        body["lines"] = draw(lines(sku_lines()))
    if draw(st.integers(0, 2)) == 0 and event != "return":
        body["fulfilment"] = draw(st.sampled_from(("store-1.1", "store-1.1", "store-1.1-1", "store-1.1-2", "other.1")))
    if is_numbered:
        body["number"] = draw(st.integers(1, 4))
    return body


FAULTS = (
    {"event": "adjust"},
    {"event": "pay", "lines": [{"sku": "apple", "quantity": 1}]},
    {"event": "ship", "lines": []},
    {"event": "ship", "lines": [{"quantity": 1}]},
    {"event": "ship", "lines": [{"sku": "apple", "barcode": "plu-5", "quantity": 1}]},
    {"event": "cancel", "replacement": [{"sku": "apple", "quantity": 1}]},
    {"event": "exchange", "lines": [{"sku": "apple", "quantity": 1}]},
    {"event": "sell"},
    {"event": "pay", "number": -1},
    {"event": "pay", "colour": 1},
    {},
)
"""Events that are refused in every state."""
