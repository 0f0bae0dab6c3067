"""Searches: what a caller may ask about SKUs, and which of those found are shown in which order.

A search has a text, filters and sort keys. The index finds candidates by the text. The caller adds what it knows of
each: price, available units, distance. Without sort keys the most popular SKU comes first, then by name, then by SKU.
So the same candidates are always in the same order. A figure that is not known fits no filter, and comes last in either
order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isnan
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct

from replica.core.base.errors import Invalid
from replica.core.base.limits import (
    NAME_LENGTH_MAX,
    QUANTITY_MAX,
    SEARCH_FILTERS_MAX,
    SEARCH_PAGE_MAX,
    TEXT_LENGTH_MAX,
)
from replica.core.catalog.locations import Latitude, Longitude
from replica.core.catalog.search_terms import Terms, fold, read_terms

By = Literal["popularity", "name", "sku", "price", "available", "distance", "attribute"]

Attribute = Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH_MAX)]

Value = str | int | float | bool

_ATTRIBUTE = "attribute."
"""How a sort key names an attribute in a text: `attribute.brand`."""

_KEYS: dict[str, By] = {key: key for key in get_args(By)}

_DEFAULT_LIMIT = 20


class SortKey(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One key by which a search is sorted. `attribute` is its name, if the key is one."""

    by: By
    descending: bool = False
    attribute: Annotated[str, Meta(max_length=TEXT_LENGTH_MAX)] = ""


class AttributeFilter(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """SKUs with one of some values of an attribute, or with a number in a range. Bounds are included."""

    name: Attribute
    values: Annotated[tuple[Value, ...], Meta(max_length=SEARCH_FILTERS_MAX)] = ()
    least: int | float | None = None
    most: int | float | None = None


class PriceRange(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """SKUs with a price in a range, in minor units. Bounds are included."""

    least: Annotated[int, Meta(ge=0)] | None = None
    most: Annotated[int, Meta(ge=0)] | None = None


class AvailabilityRange(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """SKUs of which so many can be sold. Bounds are included."""

    least: Annotated[int, Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)] | None = None
    most: Annotated[int, Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)] | None = None


class Near(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A point, from which distances to the nearest location with stock count."""

    lat: Latitude
    lon: Longitude
    within_km: Annotated[float, Meta(gt=0, le=20_100)] | None = None


class SearchQuery(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A search for SKUs."""

    q: Annotated[str, Meta(max_length=TEXT_LENGTH_MAX)]
    language: Annotated[str, Meta(max_length=NAME_LENGTH_MAX, description="Whose names are sorted and shown.")] = ""
    attributes: Annotated[tuple[AttributeFilter, ...], Meta(max_length=SEARCH_FILTERS_MAX)] = ()
    price: PriceRange | None = None
    available: AvailabilityRange | None = None
    near: Near | None = None
    sort: Annotated[tuple[SortKey, ...], Meta(max_length=SEARCH_FILTERS_MAX)] = ()
    limit: Annotated[int, Meta(ge=1, le=SEARCH_PAGE_MAX)] = _DEFAULT_LIMIT


class FoundSku(Struct, frozen=True, array_like=True, gc=False):
    """A candidate, and what the caller knows of it. None means that it is not known.

    The index keeps it as an array, so a new field comes last, and changes the version of the index.
    """

    sku: str
    names: Mapping[str, str] = {}
    attributes: Mapping[str, Value] = {}
    popularity: int = 0
    """Units sold, or whatever else says which SKU is meant more often."""
    price: int | None = None
    """Minor units."""
    available: int | None = None
    distance_km: float | None = None
    status: str = "active"

    def name(self, language: str) -> str:
        """The name in a language. If it has none, that in the first language by its code, and at last the SKU."""
        return self.names.get(language) or (self.names[min(self.names)] if self.names else self.sku)


class FoundSkus(Struct, frozen=True):
    """Some SKUs that fit the text of a search, in no order.

    `through`: where the index went on looking to. `is_capped`: more SKUs after it may fit.
    """

    found: list[FoundSku]
    is_capped: bool
    through: int = 0


def read_sort(text: str, field: str = "sort") -> tuple[SortKey, ...]:
    """Read sort keys such as `-price,attribute.brand,name`. A minus means descending. Raises Invalid with the field."""
    if not text:
        return ()
    keys = []
    for index, part in enumerate(text.split(",")):
        name = part.removeprefix("-")
        by = "attribute" if name.startswith(_ATTRIBUTE) else name
        if by not in _KEYS:
            known = ", ".join([*(key for key in _KEYS if key != "attribute"), f"{_ATTRIBUTE}NAME"])
            raise Invalid(f"The field {field}[{index}] is {part!r}. Sort by {known}.", field=f"{field}[{index}]")
        keys.append(
            SortKey(_KEYS[by], part.startswith("-"), name.removeprefix(_ATTRIBUTE) if by == "attribute" else "")
        )
    return tuple(keys)


def check_search(query: SearchQuery) -> Terms:
    """Check the rules that concern several fields, and return the terms of the text. Raises Invalid with the field.

    Without a text, the filters alone decide.
    """
    for index, wanted in enumerate(query.attributes):
        field = f"attributes[{index}]"
        if bool(wanted.values) == (wanted.least is not None or wanted.most is not None):
            text = f"The field {field} filters by {wanted.name!r}. Give either its values, or a least or most number."
            raise Invalid(text, field=f"{field}.values")
        _check_range(field, wanted.least, wanted.most)
    for field, bounds in (("price", query.price), ("available", query.available)):
        if bounds is not None:
            if bounds.least is None and bounds.most is None:
                raise Invalid(f"The field {field} has no bound. Give a least or most number.", field=f"{field}.least")
            _check_range(field, bounds.least, bounds.most)
    seen: dict[tuple[str, str], int] = {}
    for index, key in enumerate(query.sort):
        _check_key(query, key, f"sort[{index}]")
        if (key.by, key.attribute) in seen:
            text = f"The field sort[{index}] has the same key as sort[{seen[key.by, key.attribute]}]."
            raise Invalid(text, field=f"sort[{index}]")
        seen[key.by, key.attribute] = index
    return read_terms(query.q) if query.q.strip() else Terms()


def _check_range(field: str, least: float | None, most: float | None) -> None:
    if least is not None and most is not None and least > most:
        raise Invalid(f"The field {field}.most is {most}, which is less than {field}.least.", field=f"{field}.most")


def _check_key(query: SearchQuery, key: SortKey, field: str) -> None:
    if key.by == "distance" and query.near is None:
        raise Invalid(f"The field {field} sorts by distance. Give a point in the field near.", field=field)
    if (key.by == "attribute") != bool(key.attribute):
        text = f"The field {field}.attribute names the attribute if {field}.by is attribute, and only then."
        raise Invalid(text, field=f"{field}.attribute")


def select(candidates: Iterable[FoundSku], query: SearchQuery) -> list[FoundSku]:
    """The candidates that fit the filters of a checked search, in its order. The caller cuts the page out."""
    is_filtered = query.attributes or query.price or query.available or query.near
    chosen = [one for one in candidates if is_wanted(one, query)] if is_filtered else list(candidates)
    chosen.sort(key=lambda one: (-one.popularity, fold(one.name(query.language)), one.sku))
    for key in reversed(query.sort):
        figures = [(_figure(one, key, query.language), one) for one in chosen]
        known = [(figure, one) for figure, one in figures if figure is not None]
        known.sort(key=_first, reverse=key.descending)
        chosen = [one for _, one in known] + [one for figure, one in figures if figure is None]
    return chosen


def _first(pair: tuple[Any, FoundSku]) -> Any:
    return pair[0]


def is_wanted(candidate: FoundSku, query: SearchQuery) -> bool:
    """Whether a candidate fits all filters."""
    if query.price is not None and not _is_within(candidate.price, query.price.least, query.price.most):
        return False
    if query.available is not None and not _is_within(candidate.available, query.available.least, query.available.most):
        return False
    within_km = query.near.within_km if query.near is not None else None
    if within_km is not None and not _is_within(candidate.distance_km, None, within_km):
        return False
    return all(_has(candidate.attributes.get(wanted.name), wanted) for wanted in query.attributes)


def _is_within(figure: float | None, least: float | None, most: float | None) -> bool:
    return figure is not None and (least is None or figure >= least) and (most is None or figure <= most)


def _has(value: Value | None, wanted: AttributeFilter) -> bool:
    if value is None:
        return False
    if wanted.values:
        return any(_comparable(value) == _comparable(one) for one in wanted.values)
    return not isinstance(value, str | bool) and _is_within(value, wanted.least, wanted.most)


def _comparable(value: Value) -> tuple[int, str | float]:
    """Values of one attribute in order: no and yes, numbers, texts. True is not 1."""
    match value:
        case bool():
            return (0, int(value))
        case str():
            return (2, fold(value))
        case _:
            return (1, value)


def _figure(candidate: FoundSku, key: SortKey, language: str) -> Any:
    """What a candidate is sorted by; None if it is not known."""
    match key.by:
        case "popularity":
            return candidate.popularity
        case "name":
            return fold(candidate.name(language))
        case "sku":
            return candidate.sku
        case "price":
            return candidate.price
        case "available":
            return candidate.available
        case "distance":
            return candidate.distance_km
        case "attribute":
            value = candidate.attributes.get(key.attribute)
            if value is None or (isinstance(value, float) and isnan(value)):
                return None
            return _comparable(value)
