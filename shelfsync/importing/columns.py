"""The columns of each kind of rows, and how the cells of a row become a document, or the other way round.

A kind is one record in `KINDS`. A column whose name ends with a point stands for many: `name.` for `name.en` and
`name.zh`. A field of a document that has no column is in a column `json.FIELD`, so that an export loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from replica.core.catalog.currencies import MINOR_DIGITS
from shelfsync.importing.cells import (
    ATTRIBUTE,
    FLAG,
    JSON,
    LINES,
    LIST,
    NUMBER,
    RECIPE,
    TEXT,
    WHOLE,
    Cell,
    WrongCell,
    is_exact,
    read_decimal,
    read_number,
    read_whole,
    shown,
    write_json,
    write_number,
)

JSON_COLUMN = "json."
"""The prefix of columns that hold a field of a document as JSON."""

RANK, AT = "rank", "at"
"""Columns of all kinds of documents: the rank, and the region or location that it is of."""


class WrongField(Exception):
    """A row cannot become a document, because of the cell in one column."""

    def __init__(self, column: str, detail: str) -> None:
        super().__init__(detail)
        self.column = column
        self.detail = detail


class Column(Struct, frozen=True):
    """One column: its name, its cells, and where the document has its value."""

    name: str
    cell: Cell
    path: tuple[str, ...]
    about: str

    @property
    def is_group(self) -> bool:
        """Whether it stands for all columns whose names begin like this."""
        return self.name.endswith(".")


class Place(Struct, frozen=True):
    """Where the document has the value of one column of a file."""

    column: str
    cell: Cell
    path: tuple[str, ...]


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of rows. `document`: the kind of the documents; empty for rows that become counts."""

    name: str
    document: str
    key: str
    """The column with the key of the document."""
    columns: tuple[Column, ...]
    required: tuple[str, ...] = ()
    """Columns that a table must have besides the key."""
    has_tables: bool = True
    """Whether rows of a table can describe it; else only NDJSON can."""
    instead: Mapping[str, str] = {}
    """Columns from which fields of others are computed: `amount` from `price`."""
    complete: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda key, value: value
    """The value with what follows from its other fields. Raises WrongField."""

    def place(self, name: str) -> Place | None:
        """Where a column goes; None if the kind has no such column."""
        if name.startswith(JSON_COLUMN) and len(name) > len(JSON_COLUMN):
            return Place(name, JSON, (name.removeprefix(JSON_COLUMN),))
        for column in self.columns:
            if column.is_group and name.startswith(column.name) and len(name) > len(column.name):
                return Place(name, column.cell, (*column.path, name.removeprefix(column.name)))
            if column.name == name and not column.is_group:
                return Place(name, column.cell, column.path)
        return None

    def known_columns(self) -> list[str]:
        """The names of all columns, as messages list them."""
        names = [f"{column.name}…" if column.is_group else column.name for column in self.columns]
        return [self.key, *names, *((RANK, AT) if self.document else ())]

    def column_of(self, path: Sequence[str]) -> str | None:
        """The column that holds a field of a document. `path`: the names that lead to the field."""
        found = [one for one in self.columns if tuple(path[: len(one.path)]) == one.path]
        if not found:
            return None
        longest = max(found, key=lambda one: len(one.path))
        rest = path[len(longest.path) :]
        if longest.is_group:
            return longest.name + rest[0] if rest else longest.name.rstrip(".")
        return longest.name


def value_of(kind: Kind, key: str, cells: Mapping[str, str], places: Mapping[str, Place]) -> dict[str, Any]:
    """The value of the document that a row describes. An empty cell leaves its field out. Raises WrongField."""
    value: dict[str, Any] = {}
    for name, place in places.items():
        cell = cells.get(name, "")
        if not cell or cell.isspace():
            continue
        try:
            _put(value, place.path, place.cell.read(cell))
        except WrongCell as wrong:
            raise WrongField(name, str(wrong)) from None
    return kind.complete(key, value)


def cells_of(kind: Kind, value: Mapping[str, Any]) -> dict[str, str]:
    """The cells of the columns that together hold a value."""
    rest = _copy(value)
    cells: dict[str, str] = {}
    for column in kind.columns:
        for name, found in _taken(rest, column):
            cells[name] = column.cell.write(found)
    cells.update({f"{JSON_COLUMN}{name}": write_json(left) for name, left in rest.items()})
    return cells


def _taken(rest: dict[str, Any], column: Column) -> Iterator[tuple[str, Any]]:
    """Take the fields of a column out of a value, if its cells read as the same again."""
    inner: Any = rest
    for name in column.path[:-1]:
        inner = inner.get(name) if isinstance(inner, dict) else None
    last = column.path[-1]
    if not isinstance(inner, dict) or last not in inner:
        return
    found = inner[last]
    if column.is_group:
        if not isinstance(found, dict) or not found:
            return
        for name in list(found):
            if is_exact(name) and _reads_back(column.cell, found[name]):
                yield column.name + name, found.pop(name)
        if found:
            return
    elif _reads_back(column.cell, found):
        yield column.name, found
    else:
        return
    _remove(rest, column.path)


def _reads_back(cell: Cell, value: Any) -> bool:
    """Whether the text of a value is read as the same value of the same type."""
    try:
        text = cell.write(value)
        return bool(text) and not text.isspace() and write_json(cell.read(text)) == write_json(value)
    except (WrongCell, AttributeError, LookupError, TypeError, ValueError, ArithmeticError):
        return False


def _remove(rest: dict[str, Any], path: Sequence[str]) -> None:
    """Remove a field, and each object around it that is empty then."""
    first, *deeper = path
    if deeper:
        _remove(rest[first], deeper)
    if not deeper or not rest[first]:
        del rest[first]


def _copy(value: Any) -> Any:
    return {name: _copy(inner) for name, inner in value.items()} if isinstance(value, dict) else value


def _put(value: dict[str, Any], path: Sequence[str], found: Any) -> None:
    """Put a field into a value. What two columns say about one object is joined."""
    *outer, last = path
    for name in outer:
        value = value.setdefault(name, {})
    if isinstance(found, dict) and isinstance(value.get(last), dict):
        for name, inner in found.items():
            _put(value[last], (name,), inner)
    else:
        value[last] = found


def _column(name: str, cell: Cell, about: str, *path: str) -> Column:
    return Column(name, cell, path or (name,), about)


def _with_own_item(key: str, value: dict[str, Any]) -> dict[str, Any]:
    """A SKU without a recipe is one unit of the item of the same name."""
    return {"recipe": {key: 1}, **value}


def _in_minor_units(key: str, value: dict[str, Any]) -> dict[str, Any]:
    """The amount of a price in minor units, computed from the price in major units and the digits of its currency."""
    price = value.pop("price", None)
    if price is None:
        return value
    if "amount" in value:
        raise WrongField("price", "The row has a price and an amount. Leave one of them empty.")
    currency = value.get("currency", "")
    if currency not in MINOR_DIGITS:
        text = f"{shown(str(currency))} is not a currency code of ISO 4217. A price needs one, such as EUR."
        raise WrongField("currency", text)
    amount = Decimal(price).scaleb(MINOR_DIGITS[currency])
    if amount != amount.to_integral_value():
        text = f"{price} has more decimals than {currency}, which has {MINOR_DIGITS[currency]}. Round it."
        raise WrongField("price", text)
    return {"amount": int(amount), **value}


def _read_safety_stock(cell: str) -> Any:
    """Units, or `forecast:0.95` for a quantile of the forecast sales."""
    word, mark, quantile = cell.strip().partition(":")
    if word == "forecast" and mark:
        return {"forecast": {"quantile": read_number(quantile)}}
    return read_whole(cell)


def _write_safety_stock(value: Any) -> str:
    return f"forecast:{write_number(value['forecast']['quantile'])}" if isinstance(value, dict) else str(value)


SKUS = Kind(
    name="skus",
    document="sku",
    key="sku",
    columns=(
        _column(
            "recipe", RECIPE, "`item:units item:units`, or a JSON object. Empty: one unit of the item of this name"
        ),
        _column("unit", TEXT, "UN/ECE Rec 20 code, such as EA or KGM"),
        _column("barcodes", LIST, "between blanks, semicolons or bars"),
        _column("name.", TEXT, "the name in a language: `name.en`, `name.zh`", "names"),
        _column("attribute.", ATTRIBUTE, "`attribute.brand`; true, false and numbers are read as such", "attributes"),
        _column("tax_class", TEXT, "the tax class"),
        _column("status", TEXT, "active or ended"),
    ),
    complete=_with_own_item,
)

LOCATIONS = Kind(
    name="locations",
    document="location",
    key="location",
    columns=(
        _column("type", TEXT, "store, warehouse or third_party"),
        _column("name", TEXT, "the name that people read"),
        _column("region", TEXT, "the region"),
        *(
            _column(part, TEXT, f"{part} of the address", "address", part)
            for part in ("country", "province", "city", "district", "postcode")
        ),
        _column("lines", LINES, "lines of the address, between bars", "address", "lines"),
        _column("lat", NUMBER, "latitude in degrees"),
        _column("lon", NUMBER, "longitude in degrees"),
        _column("time_zone", TEXT, "IANA name, such as Asia/Shanghai"),
        _column("hours.", TEXT, "opening hours: `hours.mon`", "hours"),
    ),
    required=("type", "name", "region"),
)

POLICIES = Kind(
    name="policies",
    document="policy",
    key="selector",
    columns=(
        _column("mode", TEXT, "keep, safety, share or both"),
        _column(
            "safety_stock", Cell(_read_safety_stock, _write_safety_stock), "units, or `forecast:0.95` for a quantile"
        ),
        _column("share", NUMBER, "0 to 1"),
        _column("last_units", WHOLE, "units that are never sold online"),
        _column("region.", NUMBER, "share of a region: `region.east`", "regions"),
        _column("channel.", NUMBER, "share of a channel: `channel.web`", "channels"),
    ),
    required=("mode",),
)

PRICES = Kind(
    name="prices",
    document="price",
    key="sku",
    columns=(
        _column("amount", WHOLE, "minor units of the currency, such as cents"),
        _column("price", Cell(lambda cell: str(read_decimal(cell)), str), "instead of `amount`: major units, exactly"),
        _column("currency", TEXT, "ISO 4217 code"),
        _column("per", WHOLE, "for how many units of the SKU the amount is"),
        _column("tax_inclusive", FLAG, "true or false"),
        _column("valid_from", TEXT, "RFC 3339"),
        _column("valid_to", TEXT, "RFC 3339"),
        _column("scheduled", JSON, "later amounts, as a JSON list"),
        _column("override.min", WHOLE, "the least amount of a region or store", "override", "min"),
        _column("override.max", WHOLE, "the greatest amount of a region or store", "override", "max"),
    ),
    instead={"amount": "price"},
    complete=_in_minor_units,
)

PROMOTIONS = Kind(name="promotions", document="promotion", key="key", columns=(), has_tables=False)

LEVELS = Kind(
    name="levels",
    document="",
    key="item",
    columns=(
        _column("location", TEXT, "the location"),
        _column("on_hand", WHOLE, "units in the building"),
    ),
    required=("location", "on_hand"),
)

KINDS = {kind.name: kind for kind in (SKUS, LOCATIONS, LEVELS, POLICIES, PRICES, PROMOTIONS)}
"""By name, in the order of `--kind`."""
