"""What the bodies of requests may contain.

A shape is a function of a value and its path in the body. It returns the value in its normal form, with all defaults,
or raises a refusal that names the path. Two bodies are one request if their normal forms are equal: `2.0` is `2`, and
`Z` is `+00:00`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from simulations.reference.answers import Refusal

Shape = Callable[[Any, str], Any]

QUANTITY_MAX = 1_000_000_000
NAME_MAX, TEXT_MAX, LINES_MAX, BATCH_MAX, KEY_MAX = 64, 256, 1_000, 500, 128
WHOLE_MAX = 2**53
"""Up to here each whole number is exact if it is written as a float."""

REQUIRED = object()

_control = re.compile(r"[\x00-\x1f\x7f]")
_key = re.compile(rf"[!-~]{{1,{KEY_MAX}}}")
_uuid = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}")
_item = re.compile(r"(?!\.\.?$)[!#-.0-\[\]-~]{1,64}")


def invalid(field: str) -> Refusal:
    """The refusal of a field with an invalid value."""
    return Refusal("invalid-request", field or "body")


def decoded(body: bytes) -> Any:
    """The JSON value of a body. A name that stands twice in one object is refused."""
    try:
        return json.loads(body.removeprefix(b"\xef\xbb\xbf").decode(), object_pairs_hook=_object)
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise Refusal("malformed-json", "body") from None
    except RecursionError:  # too many levels of lists and objects
        raise invalid("body") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    doubled = [name for name in names if names.count(name) > 1]
    if doubled:
        raise invalid(doubled[0])
    return dict(pairs)


def below(at: str, name: str) -> str:
    """The path of a member."""
    return f"{at}.{name}" if at else name


def whole(low: int, high: int) -> Shape:
    """A whole number. `2.0` is one."""

    def check(value: Any, at: str) -> int:
        if isinstance(value, float) and value.is_integer() and abs(value) <= WHOLE_MAX:
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            raise invalid(at)
        return value

    return check


def text(low: int, high: int, *, is_plain: bool = False) -> Shape:
    """A text of some length; `is_plain`: without control characters."""

    def check(value: Any, at: str) -> str:
        if not isinstance(value, str) or not low <= len(value) <= high or (is_plain and _control.search(value)):
            raise invalid(at)
        return value

    return check


def one_of(*choices: str) -> Shape:
    """One of a few words."""

    def check(value: Any, at: str) -> str:
        if value not in choices or not isinstance(value, str):
            raise invalid(at)
        return value

    return check


def flag(value: Any, at: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise invalid(at)
    return value


def moment(value: Any, at: str) -> int:
    """A time with an offset (RFC 3339), as microseconds since 1970."""
    try:
        found = datetime.fromisoformat(value)
        if found.utcoffset() is None:
            raise ValueError
    except (TypeError, ValueError):
        raise invalid(at) from None
    since = found - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def list_of(shape: Shape, low: int, high: int) -> Shape:
    """A list of some length."""

    def check(value: Any, at: str) -> list[Any]:
        if not isinstance(value, list):
            raise invalid(at)
        found = [shape(one, f"{at}[{index}]") for index, one in enumerate(value)]
        if not low <= len(value) <= high:
            raise invalid(at)
        return found

    return check


def record(**members: Shape | tuple[Shape, Any]) -> Shape:
    """An object with these members and no others. A pair is a member with a default."""

    def check(value: Any, at: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid(at)
        found = {}
        for name, inner in value.items():
            if name not in members:
                raise invalid(below(at, name))
            found[name] = _shape(members[name])(inner, below(at, name))
        for name, member in members.items():
            if name not in found and not isinstance(member, tuple):
                raise invalid(below(at, name))
        return {**{name: member[1] for name, member in members.items() if isinstance(member, tuple)}, **found}

    return check


def _shape(member: Shape | tuple[Shape, Any]) -> Shape:
    return member[0] if isinstance(member, tuple) else member


NAME = text(1, NAME_MAX)
TEXT = text(0, TEXT_MAX, is_plain=True)
QUANTITY = whole(1, QUANTITY_MAX)

SKU_LINE = record(quantity=QUANTITY, sku=(NAME, None), barcode=(NAME, None))
GOODS_LINE = record(quantity=QUANTITY, sku=(NAME, None), barcode=(NAME, None), item=(NAME, None))


def lines(shape: Shape) -> Shape:
    """The lines of a request."""
    return list_of(shape, 1, LINES_MAX)


_SALE: Mapping[str, Any] = {
    "lines": lines(SKU_LINE),
    "on_shortage": (one_of("record", "refuse"), "record"),
    "till": (TEXT, ""),
    "receipt": (TEXT, ""),
    "occurred_at": (moment, None),
    "customer_group": (TEXT, ""),
}

SALE = record(**_SALE)
KEYED_SALE = record(**_SALE, key=text(1, KEY_MAX + 2))
QUOTE = record(lines=lines(SKU_LINE), customer_group=(TEXT, ""), at=(moment, None), location=(TEXT, ""))
RETURN = record(
    lines=lines(SKU_LINE),
    original=(TEXT, ""),
    disposition=(one_of("quarantine", "restock"), "quarantine"),
    till=(TEXT, ""),
    receipt=(TEXT, ""),
    occurred_at=(moment, None),
)
GOODS_RECEIPT = record(lines=lines(GOODS_LINE), reference=(TEXT, ""), occurred_at=(moment, None))
COUNT = record(
    lines=lines(record(item=NAME, counted=whole(0, QUANTITY_MAX), area=(TEXT, ""))),
    seen=(text(0, 64), ""),
    reference=(TEXT, ""),
)
ADJUSTMENT = record(
    lines=lines(record(item=NAME, delta=whole(-QUANTITY_MAX, QUANTITY_MAX), reason=text(1, TEXT_MAX))),
    reference=(TEXT, ""),
    occurred_at=(moment, None),
)
QUARANTINE = record(
    lines=lines(record(item=NAME, quantity=QUANTITY, action=one_of("restock", "write_off", "put"))),
    reference=(TEXT, ""),
    occurred_at=(moment, None),
)
GRANT = record(to=NAME, lines=lines(record(item=NAME, quantity=QUANTITY)), reason=(TEXT, ""))
BATCH = record(sales=list_of(lambda value, at: value, 1, BATCH_MAX))
"""A batch of sales. Each sale is checked on its own, so that an invalid one does not stop the others."""


def checked_key(key: str | None, field: str = "Idempotency-Key") -> str:
    """An idempotency key in its normal form: without quotes, and a UUID in lower case."""
    if key is None:
        raise invalid(field)
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if _uuid.fullmatch(key):
        return key.lower()
    if key.startswith(("void:", "given:")) or not _key.fullmatch(key):
        raise invalid(field)
    return key


def is_item(name: str) -> bool:
    """Whether an item or a SKU can have this name: a path can reach it."""
    return bool(_item.fullmatch(name))
