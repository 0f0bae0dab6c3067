"""Requests that name one SKU or item on two lines, as somebody writes who scans the same goods twice."""

from __future__ import annotations

from random import Random
from typing import Any, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from replica.core.orders.requests import OrderEvent, Placement
from replica.core.stock.requests import Count

T = TypeVar("T")

BEYOND = 0.5
"""Share of order events with two such lines that name more units than the client meant, and perhaps than there are."""


def on_two_lines(random: Random, request: T) -> T:
    """The same request with one of its lines as two, which name as many units together.

    An event of an order may get the whole line twice. Placements and counts stay as they are: an order that is placed
    again must be the same, and the lines of a count are areas.
    """
    lines: Any = getattr(request, "lines", UNSET)
    if lines is UNSET or isinstance(request, Placement | Count):
        return request
    index = random.randrange(len(lines))
    line = lines[index]
    unit = "delta" if hasattr(line, "delta") else "quantity"
    units = getattr(line, unit)
    if isinstance(request, OrderEvent) and random.random() < BEYOND:
        first, second = units, units
    elif abs(units) > 1:
        first = random.randint(1, abs(units) - 1) * (1 if units > 0 else -1)
        second = units - first
    else:
        return request
    others = [*lines[:index], *lines[index + 1 :]]
    both = [replace(line, **{unit: first}), *others]
    both.insert(random.randint(0, len(both)), replace(line, **{unit: second}))
    return replace(request, lines=tuple(both))  # type: ignore[type-var]
