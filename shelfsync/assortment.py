"""Sample goods and places: some forty SKUs of every kind, and the stores of a small chain.

The barcodes begin with 952, which GS1 sets aside for examples.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from msgspec import Struct

REGIONS = ("east", "west", "north", "south")
"""Regions in the order in which a demo takes them; the sample places lie in them in turn."""

LOOSE_UNIT = "GRM"
"""UN/ECE Rec 20 code of goods sold by weight."""


class Good(Struct, frozen=True):
    """One SKU of the sample: what it is made of, and how many make a delivery."""

    sku: str
    recipe: dict[str, int]
    barcode: str
    is_loose: bool

    @property
    def units(self) -> int:
        """Base units in one, over all its items."""
        return sum(self.recipe.values())

    @property
    def lot(self) -> int:
        """How many are delivered at once."""
        return 60_000 if self.is_loose else 120

    @property
    def is_basic(self) -> bool:
        """Whether it is one unit of one item, so that receiving it brings nothing else along."""
        return list(self.recipe.values()) == [1]


def goods() -> list[Good]:
    """The sample SKUs."""
    return [
        Good(sku, document["recipe"], document["barcodes"][0], document.get("unit") == LOOSE_UNIT)
        for sku, document in _read("skus.json").items()
    ]


def store_names(stores: int) -> list[str]:
    """Names of the first so many stores."""
    return [f"store-{number}" for number in range(1, stores + 1)]


def region_of(store: int, regions: int) -> str:
    """The region of a store, counted from 0, in a chain of so many regions."""
    return REGIONS[store % len(REGIONS) % regions]


def documents(stores: int, regions: int) -> list[dict[str, Any]]:
    """Every SKU and location as the body of a `documents:batch` call wants them."""
    places = _read("locations.json")
    locations = {
        name: {**places[number % len(places)], "region": region_of(number, regions)}
        for number, name in enumerate(store_names(stores))
    }
    return [
        {"kind": kind, "key": key, "value": value}
        for kind, values in (("sku", _read("skus.json")), ("location", locations))
        for key, value in values.items()
    ]


def city_of(store: int) -> str:
    """Where a store, counted from 0, is."""
    places = _read("locations.json")
    city: str = places[store % len(places)]["name"]
    return city


def _read(name: str) -> Any:
    return json.loads(resources.files("shelfsync").joinpath("goods", name).read_text("utf-8"))
