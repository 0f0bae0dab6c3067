"""Sample goods and locations: about forty SKUs of all kinds, and the stores of a small chain.

The barcodes begin with 952, which GS1 reserves for examples.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from msgspec import Struct

REGIONS = ("east", "west", "north", "south")
"""Regions in the order in which a demo uses them; the sample locations are distributed over them in turn."""

LOOSE_UNIT = "GRM"
"""UN/ECE Rec 20 code of goods sold by weight."""


class Good(Struct, frozen=True):
    """One sample SKU: its recipe and its barcode."""

    sku: str
    recipe: dict[str, int]
    barcode: str
    is_loose: bool

    @property
    def units(self) -> int:
        """Base units in one SKU, over all its items."""
        return sum(self.recipe.values())

    @property
    def lot(self) -> int:
        """The quantity of one delivery."""
        return 60_000 if self.is_loose else 120

    @property
    def is_basic(self) -> bool:
        """Whether the recipe is one unit of one item, so that a delivery brings no other items."""
        return list(self.recipe.values()) == [1]


def goods() -> list[Good]:
    """The sample SKUs."""
    return [
        Good(sku, document["recipe"], document["barcodes"][0], document.get("unit") == LOOSE_UNIT)
        for sku, document in _read("skus.json").items()
    ]


def store_names(stores: int) -> list[str]:
    """The names of the first stores."""
    return [f"store-{number}" for number in range(1, stores + 1)]


def region_of(store: int, regions: int) -> str:
    """The region of a store, counted from 0, in a chain with this number of regions."""
    return REGIONS[store % len(REGIONS) % regions]


def documents(stores: int, regions: int) -> list[dict[str, Any]]:
    """All SKUs and locations, as documents of a `documents:batch` call."""
    samples = _read("locations.json")
    locations = {
        name: {**samples[number % len(samples)], "region": region_of(number, regions)}
        for number, name in enumerate(store_names(stores))
    }
    return [
        {"kind": kind, "key": key, "value": value}
        for kind, values in (("sku", _read("skus.json")), ("location", locations))
        for key, value in values.items()
    ]


def city_of(store: int) -> str:
    """The city of a store, counted from 0."""
    samples = _read("locations.json")
    city: str = samples[store % len(samples)]["name"]
    return city


def _read(name: str) -> Any:
    return json.loads(resources.files("shelfsync").joinpath("goods", name).read_text("utf-8"))
