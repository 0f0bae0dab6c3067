"""The SKUs of the sample: lines of goods times brands, variants, sizes and packs; weighed goods; bundles.

The first edition has about three thousand SKUs. Further editions repeat it with other brands and other barcodes, so
that a catalogue can be as large as a benchmark needs. An item has the name of the SKU that is one unit of it, and this
SKU comes before all others of the item. So a node accepts the SKUs one after the other.

Barcodes are no real ones: GTINs begin with 952, which GS1 reserves for examples, and codes of scales with 21, which
belongs to each chain itself. PLUs are those of the IFPS for the same produce, which are generic.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import Any
from zlib import crc32

from msgspec import Struct

from replica.core.catalog.barcodes import check_digit
from shelfsync.sample.words import (
    Brand,
    BundleWords,
    Department,
    Names,
    ProductLine,
    Size,
    WeighedGoods,
    brands,
    bundles,
    departments,
    made_brand,
    size_of,
    vocabulary,
)

SKUS_MAX = 100_000
"""The most SKUs that the editions have brands for, with room to spare."""

EXAMPLE_PREFIX = "952"
"""The GS1 prefix of numbers for demonstrations and examples."""

SCALE_PREFIX = "21"
"""A prefix of restricted circulation numbers (GS1 General Specifications, section 2.1.12)."""

SCALE_TEMPLATE = "cn-2-weight"
"""The template by which codes of scales are read: 5 digits of the item, 5 of the grams."""

CASE_MIN = 10
"""Units from which on a pack is a case, with a GTIN-14 of its own content."""

_ORGANIC_PERCENT = 140
_LARGER_PERCENT = 90
_PACK_PERCENT = 95
_PORTION_PERCENT = 105
_BUNDLE_PERCENT = 90
_PRICED_GRAMS = 500
_ENDED_EVERY = 83
_ORGANIC = "organic"
_FARMS = 1_600
"""Number of the first made brand that is one of weighed goods; those before it belong to lines."""


class SampleSku(Struct, frozen=True):
    """One SKU of the sample. `fen`: its price in China, of 500 units if it is weighed.

    `reference`: how bundles and promotions name it; packs and organic goods have none. `value`: its document.
    """

    key: str
    reference: str
    fen: int
    is_weighed: bool
    value: dict[str, Any]


def skus(number: int | None = None) -> Iterator[SampleSku]:
    """The first SKUs; without a number, those of the first edition."""
    if number is None:
        return _edition(1)
    return islice((sku for edition in count(1) for sku in _edition(edition)), number)


def hash_of(key: str) -> int:
    """A number that decides by a key what happens to it, the same at each time and on each machine."""
    return crc32(key.encode())


def _edition(edition: int) -> Iterator[SampleSku]:
    known: dict[str, SampleSku] = {}
    numbers = _Numbers(edition)
    for category, department in departments().items():
        for sku in _department(category, department, edition, numbers):
            if sku.reference:
                known[sku.reference] = sku
            yield sku
    for bundle in bundles():
        yield _bundle(bundle, edition, known, numbers)


class _Numbers:
    """Gives barcodes of one edition."""

    def __init__(self, edition: int) -> None:
        self._edition = edition
        self._gtins = count(1)
        self._scale_codes = count(1)

    def gtin(self) -> str:
        """Another GTIN-13."""
        return _checked(f"{EXAMPLE_PREFIX}{self._edition:04}{next(self._gtins):05}")

    def scale_code(self) -> str:
        """Another code of a scale, with zeros instead of the weight."""
        return _checked(f"{SCALE_PREFIX}{(self._edition - 1) * 1_000 + next(self._scale_codes):05}00000")


def _checked(digits: str) -> str:
    return digits + check_digit(digits)


def _brand(key: str, edition: int) -> Brand:
    known = brands()
    return known[key] if edition == 1 else made_brand((edition - 2) * len(known) + list(known).index(key))


def _department(category: str, department: Department, edition: int, numbers: _Numbers) -> Iterator[SampleSku]:
    for index, line in enumerate(department.lines):
        for place in range(line.brands):
            brand = _brand(department.brands[(index + place) % len(department.brands)], edition)
            for variant in line.variants:
                for text in line.sizes:
                    made = _MadeOf(category, department.tax_class, line, place, brand, variant, size_of(text))
                    yield from made.skus(numbers)
    farm = made_brand(_FARMS + edition) if edition > 1 else None
    for goods in department.weighed:
        for is_organic in (False, True) if goods.organic else (False,):
            yield from _weighed(category, department.tax_class, goods, is_organic, farm, numbers)


class _MadeOf(Struct, frozen=True):
    """What one unit of a line is made of."""

    category: str
    tax_class: str
    line: ProductLine
    place: int
    brand: Brand
    variant: str
    size: Size

    def skus(self, numbers: _Numbers) -> Iterator[SampleSku]:
        """The single unit, then its packs and cases."""
        line, size = self.line, self.size
        flavour = f"-{self.variant.replace('_', '-')}" if self.variant != "plain" else ""
        item = f"{self.brand.key}-{line.key}{flavour}-{size.slug}"
        gtin, names, fen = numbers.gtin(), self._names(), self._fen()
        reference = f"{line.key}/{self.variant}/{size.slug}/{self.place}"
        status = {"status": "ended"} if hash_of(item) % _ENDED_EVERY == 0 else {}
        common = {"tax_class": self.tax_class, **status}
        attributes = {
            "brand": self.brand.en,
            "category": self.category,
            "subcategory": line.sub,
            "size": size.en,
            _ORGANIC: self.variant == _ORGANIC,
        }
        if self.variant not in ("plain", _ORGANIC):
            attributes["variant"] = self.variant.replace("_", " ")
        standard = {"barcodes": [gtin], "names": {"en": names.en, "zh": names.zh}}
        value = {"recipe": {item: 1}, **standard, "attributes": {**attributes, "kind": "standard"}, **common}
        yield SampleSku(item, reference, fen, False, value)
        cases = count(1)
        for units in line.packs:
            is_case = units >= CASE_MIN
            value = {
                "recipe": {item: units},
                "unit": "CS" if is_case else "PK",
                "barcodes": [_checked(f"{next(cases)}{gtin[:-1]}") if is_case else numbers.gtin()],
                "names": {
                    "en": f"{names.en}, {units} {size.container.many}",
                    "zh": f"{names.zh} {units}{size.container.zh}装",
                },
                "attributes": {**attributes, "kind": "pack", "units": units},
                **common,
            }
            yield SampleSku(f"{item}-{units}", "", fen * units * _PACK_PERCENT // 100, False, value)

    def _names(self) -> Names:
        line, variant = self.line, vocabulary().variants[self.variant]
        own = line.names.get(self.variant, Names())
        noun = own.en or f"{variant.en} {line.en}".strip()
        return Names(
            f"{self.brand.en} {noun} {self.size.en}", f"{self.brand.zh}{own.zh or variant.zh + line.zh} {self.size.zh}"
        )

    def _fen(self) -> int:
        first = size_of(self.line.sizes[0])
        fen = self.line.fen * self.size.base // first.base
        if self.size.base > first.base:
            fen = fen * _LARGER_PERCENT // 100
        if self.variant == _ORGANIC:
            fen = fen * _ORGANIC_PERCENT // 100
        return fen * self.brand.level // 100


def _weighed(
    category: str, tax_class: str, goods: WeighedGoods, is_organic: bool, farm: Brand | None, numbers: _Numbers
) -> Iterator[SampleSku]:
    """Goods by the gram, and packages of them that the chain fills itself."""
    item = f"{farm.key}-{goods.key}" if farm else goods.key
    item += "-organic" if is_organic else ""
    en = " ".join([*([farm.en] if farm else []), *([_ORGANIC] if is_organic else []), goods.en])
    en = en[0].upper() + en[1:]
    zh = (farm.zh if farm else "") + "有机" * is_organic + goods.zh
    fen = goods.fen * _ORGANIC_PERCENT // 100 if is_organic else goods.fen
    plu = goods.plu if farm is None else ""  # other farms have the same PLU, and a barcode is of one SKU
    barcode = ("9" * is_organic + plu) if plu else numbers.scale_code()
    attributes: dict[str, Any] = {"category": category, "subcategory": goods.sub, _ORGANIC: is_organic}
    if farm is not None:
        attributes["brand"] = farm.en
    value = {
        "recipe": {item: 1},
        "unit": "GRM",
        "barcodes": [barcode],
        "names": {"en": f"{en}, loose", "zh": f"{zh} 散称"},
        "attributes": {**attributes, "kind": "weighed"},
        "tax_class": tax_class,
    }
    yield SampleSku(item, goods.key if not is_organic else "", fen, True, value)
    for grams in goods.grams:
        size = size_of(f"{grams // 1_000}kg bag" if grams % 1_000 == 0 else f"{grams}g bag")
        value = {
            "recipe": {item: grams},
            "unit": "BG",
            "barcodes": [numbers.gtin()],
            "names": {"en": f"{en} {size.en}", "zh": f"{zh} {size.zh}装"},
            "attributes": {**attributes, "kind": "portion", "size": size.en},
            "tax_class": tax_class,
        }
        amount = fen * grams // _PRICED_GRAMS * _PORTION_PERCENT // 100
        yield SampleSku(f"{item}-{size.slug}", "", amount, False, value)


def _bundle(bundle: BundleWords, edition: int, known: dict[str, SampleSku], numbers: _Numbers) -> SampleSku:
    recipe: dict[str, int] = {}
    fen = 0
    for reference, units in bundle.parts:
        part = known[reference]
        recipe[part.key] = recipe.get(part.key, 0) + units
        fen += part.fen * units // _PRICED_GRAMS if part.is_weighed else part.fen * units
    again = edition > 1
    value = {
        "recipe": recipe,
        "unit": "SET",
        "barcodes": [numbers.gtin()],
        "names": {"en": bundle.en + f" no. {edition}" * again, "zh": bundle.zh + f" {edition}号" * again},
        "attributes": {"category": "bundles", "kind": "bundle", _ORGANIC: False},
        "tax_class": bundle.tax_class,
    }
    return SampleSku(bundle.key + f"-{edition}" * again, "", fen * _BUNDLE_PERCENT // 100, False, value)
