"""The goods and locations of the demo: about forty SKUs of the sample catalogue, and the stores of a small chain."""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec import Struct

from replica.core.catalog.ranks import CHAIN_NAME
from shelfsync.sample.catalogue import KINDS, sample
from shelfsync.sample.chains import scale_codes
from shelfsync.sample.documents import SampleDocument
from shelfsync.sample.words import read_data

REGIONS = ("east", "west", "north", "south")
"""Regions in the order in which a demo uses them; the sample locations are distributed over them in turn."""

LOOSE_UNIT = "GRM"
"""UN/ECE Rec 20 code of goods sold by weight."""

_CHAIN = "eu"


ONLINE = {"kind": "policy", "key": "default", "value": {"mode": "share", "share": 0.5}}
"""The document that lets hubs promise half of the stock of each store."""


class Good(Struct, frozen=True):
    """One sample SKU: its recipe, its barcode, its English name and its names by language."""

    sku: str
    recipe: dict[str, int]
    barcode: str
    is_loose: bool
    name: str = ""
    names: dict[str, str] = {}

    def __hash__(self) -> int:
        return hash(self.sku)

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
    """The SKUs that shoppers buy."""
    return [_good(one) for one in _of_goods("skus") if one.key != read_data("demo")["scarce"]]


def scarce_good() -> Good:
    """The SKU that no shopper buys: a single unit of one item, for the story of the lab."""
    (one,) = (one for one in _of_goods("skus") if one.key == read_data("demo")["scarce"])
    return _good(one)


def store_names(stores: int) -> list[str]:
    """The names of the first stores."""
    return [f"store-{number}" for number in range(1, stores + 1)]


def region_of(store: int, regions: int) -> str:
    """The region of a store, counted from 0, in a chain with this number of regions."""
    return REGIONS[store % len(REGIONS) % regions]


def documents(stores: int, regions: int) -> list[dict[str, Any]]:
    """SKUs, locations and prices, and how codes of scales are read, as documents of a `documents:batch` call."""
    samples = _locations()
    locations = [
        (name, {**samples[number % len(samples)], "region": region_of(number, regions)})
        for number, name in enumerate(store_names(stores))
    ]
    skus, prices = (
        [(one.key, one.value) for one in _of_goods(kind) if one.rank == CHAIN_NAME] for kind in ("skus", "prices")
    )
    kinds = {
        "scale_codes": [("default", scale_codes())],
        KINDS["skus"]: skus,
        KINDS["locations"]: locations,
        KINDS["prices"]: prices,
    }
    return [{"kind": kind, "key": key, "value": value} for kind, values in kinds.items() for key, value in values]


def city_of(store: int) -> str:
    """The city of a store, counted from 0."""
    samples = _locations()
    city: str = samples[store % len(samples)]["name"]
    return city


def _good(one: SampleDocument) -> Good:
    return Good(
        sku=one.key,
        recipe=one.value["recipe"],
        barcode=one.value["barcodes"][0],
        is_loose=one.value.get("unit") == LOOSE_UNIT,
        name=one.value["names"]["en"],
        names=one.value["names"],
    )


@cache
def _of_goods(kind: str) -> list[SampleDocument]:
    """The documents of one kind of the SKUs of the demo, in the order of the sample."""
    demo = read_data("demo")
    chosen = {*demo["skus"], demo["scarce"]}
    return [one for one in sample(kind, _CHAIN) if one.key in chosen]


@cache
def _locations() -> list[dict[str, Any]]:
    return [one.value for one in sample("locations", _CHAIN) if one.value["type"] == "store"]
