"""The fields of queries: how the document describes each of them, and how a handler reads it.

A call names its fields in its `Operation`. The bounds of a number are written once: the document shows them, and
`number_of` checks them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import datetime
from typing import Any

from aiohttp import web
from msgspec import Struct, ValidationError, convert

from replica.core.base.errors import Invalid
from replica.core.base.names import NAME_PATTERN
from replica.core.base.quantities import Timestamp
from replica.core.catalog.locations import Point
from replica.core.catalog.ranks import RANKS
from replica.core.log.cursors import CURSOR_LENGTH_MAX

PAGE_MAX = 1_000
PAGE_DEFAULT = 100

_DECIMAL = r" *[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})? *"

POINT_PATTERN = rf"^{_DECIMAL},{_DECIMAL}$(?!\n)"
"""Two decimal numbers with a comma between them."""


class QueryField(Struct, frozen=True):
    """One field of a query: its name, the JSON schema of its value, and what it does."""

    name: str
    schema: dict[str, Any]
    description: str

    @property
    def is_cursor(self) -> bool:
        """Whether its value is a cursor of the journal, which may be one of another journal."""
        return self.name in ("after", "before")


def number_field(name: str, description: str, low: int, high: int, default: int | None = None) -> QueryField:
    """A field that is a whole number in low..high."""
    schema: dict[str, Any] = {"type": "integer", "minimum": low, "maximum": high}
    return QueryField(name, schema if default is None else {**schema, "default": default}, description)


def choice_field(name: str, description: str, choices: tuple[str, ...], default: str | None = None) -> QueryField:
    """A field that has one of some values."""
    schema: dict[str, Any] = {"type": "string", "enum": list(choices)}
    return QueryField(name, schema if default is None else {**schema, "default": default}, description)


def text_field(name: str, description: str, length_max: int | None = None) -> QueryField:
    """A field that is any text."""
    return QueryField(name, {"type": "string"} if length_max is None else _text(length_max), description)


def _text(length_max: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": length_max}


_NAME_OR_NONE = {"type": "string", "pattern": rf"^$(?!\n)|{NAME_PATTERN}"}
"""An empty name counts as none."""

_JOURNAL_CURSOR = {"type": "string", "pattern": rf"^[!-~]{{1,{CURSOR_LENGTH_MAX}}}$(?!\n)"}

LIMIT = number_field("limit", "The greatest number of results on a page.", 1, PAGE_MAX, PAGE_DEFAULT)

CURSOR = text_field("cursor", "The field `next` of the page before. Without it, the answer is the first page.")

AFTER = QueryField(
    "after", _JOURNAL_CURSOR, "A cursor of the journal of this node: only entries that arrived after it. 0: all."
)

BEFORE = QueryField(
    "before", _JOURNAL_CURSOR, "The field `next` of the page before: only entries that arrived before it."
)

LOCATION = QueryField("location", _NAME_OR_NONE, "The location. If the node writes for one only, it may be left out.")

NEAR = QueryField(
    "near",
    {"type": "string", "pattern": rf"^$(?!\n)|{POINT_PATTERN}"},
    "A point: latitude,longitude in degrees, such as 48.1,11.6. The answer has the distances from there.",
)

RANK = choice_field("rank", "Whose document it is. A store overrides its region, and a region the chain.", tuple(RANKS))

AT = QueryField("at", _NAME_OR_NONE, "The region of the rank region, or the location of the rank store.")


def number_of(request: web.Request, field: QueryField) -> int:
    """Return a whole number from the query, or the default of the field. Raises Invalid."""
    schema, text = field.schema, request.query.get(field.name)
    if text is None:
        return int(schema["default"])
    low, high = schema["minimum"], schema["maximum"]
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise Invalid(
            f"The query field {field.name} is {text!r}. Send a whole number in {low}..{high}.", field=field.name
        )
    return int(text)


def choice_of(request: web.Request, field: QueryField) -> str:
    """Return one of the values of a field, its default, or nothing if it has none. Raises Invalid."""
    text, choices = request.query.get(field.name), field.schema["enum"]
    if text is None:
        return str(field.schema.get("default", ""))
    if text not in choices:
        raise Invalid(f"The query field {field.name} is {text!r}. Send one of {', '.join(choices)}.", field=field.name)
    return text


def text_of(request: web.Request, field: QueryField) -> str:
    """Return a text with a greatest length, empty if it is left out. Raises Invalid."""
    text, length_max = request.query.get(field.name, ""), field.schema["maxLength"]
    if len(text) > length_max:
        detail = f"The query field {field.name} has {len(text)} characters. Send at most {length_max}."
        raise Invalid(detail, field=field.name)
    return text


def moment_in(request: web.Request, field: QueryField) -> datetime | None:
    """Return a moment from the query; None if it is left out. Raises Invalid."""
    text = request.query.get(field.name)
    try:
        return convert(text, Timestamp) if text is not None else None
    except ValidationError:
        detail = f"The query field {field.name} is {text!r}. Send a time in RFC 3339 with an offset."
        raise Invalid(detail, field=field.name) from None


def names_after(names: list[str], cursor: str) -> list[str]:
    """Return the names of a sorted list that come after a cursor: all of them if it is empty."""
    return names[bisect_right(names, cursor) :]


def limit_of(request: web.Request) -> int:
    """Return the number of results on a page. Raises Invalid."""
    return number_of(request, LIMIT)


def location_in(request: web.Request) -> str:
    """The location that the query names; empty if it names none."""
    return request.query.get(LOCATION.name, "")


def point_of(text: str) -> Point | None:
    """The point in the field `near`; None if it is empty. Raises Invalid."""
    if not text:
        return None
    if not _point.fullmatch(text):
        raise Invalid(
            f"The field near is {text!r}. Send latitude,longitude in degrees, such as 48.1,11.6.", field="near"
        )
    lat, lon = (float(part) for part in text.split(","))
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise Invalid(
            f"The field near is {text!r}. Send a latitude in -90..90 and a longitude in -180..180.", field="near"
        )
    return Point(lat, lon)


_point = re.compile(POINT_PATTERN)
