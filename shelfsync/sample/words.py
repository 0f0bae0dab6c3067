"""The words of the sample catalogue, as the files in `data/` have them."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from msgspec import Struct, convert

DEPARTMENTS = (
    "drinks",
    "alcohol",
    "dairy",
    "snacks",
    "pantry",
    "bakery",
    "frozen",
    "produce",
    "counter",
    "loose",
    "household",
    "personal-care",
    "baby",
    "pet",
    "seasonal",
)
"""The files with goods, in the order of the catalogue. Their names are the category of the goods."""

_SIZE = re.compile(r"([0-9]+)(?:\.([0-9]+))?([a-z]+) ([a-z]+)")

_THOUSANDTHS = 1_000


class Names(Struct, frozen=True, omit_defaults=True):
    """A name in English and Chinese."""

    en: str = ""
    zh: str = ""


class SizeUnit(Struct, frozen=True):
    """A unit of sizes. `one`: its English name after the number 1. `base`: how many of the smallest unit it has."""

    en: str
    zh: str
    one: str = ""
    base: int = 1


class Container(Struct, frozen=True):
    """What goods come in: English for one and for several, and the Chinese counter."""

    one: str
    many: str
    zh: str


class Brand(Struct, frozen=True):
    """An invented brand. `level`: what it costs, in percent of the usual price."""

    en: str
    zh: str
    level: int = 100

    @property
    def key(self) -> str:
        """How SKUs name it."""
        return self.en.lower()


class Syllables(Struct, frozen=True):
    """Beginnings and ends of brands. The two languages have as many of each."""

    starts: tuple[str, ...]
    ends: tuple[str, ...]
    zh_starts: tuple[str, ...]
    zh_ends: tuple[str, ...]


class Vocabulary(Struct, frozen=True):
    """What all departments use."""

    units: dict[str, SizeUnit]
    containers: dict[str, Container]
    variants: dict[str, Names]
    syllables: Syllables


class ProductLine(Struct, frozen=True):
    """Goods of one kind in several brands, variants and sizes.

    `names`: of variants that are not called variant and noun. `packs`: how many there are in packs and cases. `fen`:
    the price of the first size.
    """

    key: str
    sub: str
    en: str
    zh: str
    brands: int
    variants: tuple[str, ...]
    sizes: tuple[str, ...]
    packs: tuple[int, ...]
    fen: int
    names: dict[str, Names] = {}


class WeighedGoods(Struct, frozen=True):
    """Goods by weight. `fen`: the price of 500 g. `grams`: the weights of packages that the chain fills itself."""

    key: str
    sub: str
    en: str
    zh: str
    fen: int
    organic: bool
    grams: tuple[int, ...]
    plu: str = ""


class Department(Struct, frozen=True):
    """One file with goods."""

    tax_class: str
    brands: tuple[str, ...] = ()
    lines: tuple[ProductLine, ...] = ()
    weighed: tuple[WeighedGoods, ...] = ()


class BundleWords(Struct, frozen=True):
    """A bundle. `parts`: references to SKUs, each with its units."""

    key: str
    en: str
    zh: str
    tax_class: str
    parts: tuple[tuple[str, int], ...]


class Size(Struct, frozen=True):
    """A size such as 1.5 l in a bottle. `base`: in the smallest unit, so that sizes compare."""

    slug: str
    en: str
    zh: str
    base: int
    container: Container


def read_data(name: str) -> dict[str, Any]:
    """One file of the sample."""
    return tomllib.loads(resources.files("shelfsync.sample").joinpath("data", f"{name}.toml").read_text("utf-8"))


@cache
def vocabulary() -> Vocabulary:
    """What all departments use."""
    return convert(read_data("words"), Vocabulary)


@cache
def brands() -> dict[str, Brand]:
    """The brands of the first edition by key."""
    return convert(read_data("brands"), dict[str, Brand])


@cache
def departments() -> dict[str, Department]:
    """All departments by their file, in order."""
    return {name: convert(read_data(name), Department) for name in DEPARTMENTS}


@cache
def bundles() -> tuple[BundleWords, ...]:
    """The bundles."""
    return convert(read_data("bundles")["bundles"], tuple[BundleWords, ...])


def made_brand(number: int) -> Brand:
    """An invented brand for large catalogues: each number below the product of the syllables has another one."""
    syllables = vocabulary().syllables
    end, start = divmod(number, len(syllables.starts))
    return Brand(
        en=syllables.starts[start] + syllables.ends[end],
        zh=syllables.zh_starts[start] + syllables.zh_ends[end],
        level=90 + number % 25,
    )


@cache
def size_of(text: str) -> Size:
    """Read a size such as `1.5l bottle`."""
    found = _SIZE.fullmatch(text)
    assert found is not None, text
    whole, decimals, unit_key, container = found[1], found[2] or "", found[3], found[4]
    unit = vocabulary().units[unit_key]
    number = f"{whole}.{decimals}" if decimals else whole
    thousandths = int(whole) * _THOUSANDTHS + int(decimals.ljust(3, "0"))
    return Size(
        slug=number + unit_key,
        en=f"{number} {unit.one if number == '1' and unit.one else unit.en}",
        zh=number + unit.zh,
        base=thousandths * unit.base // _THOUSANDTHS,
        container=vocabulary().containers[container],
    )
