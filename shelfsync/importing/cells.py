"""Cells of a table: how the text of one cell becomes a value, and how a value becomes text.

Reading is strict. A whole number is digits: `1e3`, `1.5` and thirty digits are refused, because a wrong quantity is
worse than a question. What `write_…` makes, `read_…` reads as the same value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

_WHOLE = re.compile(r"(-?[0-9]{1,18})(?:\.0+)?")
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,400})?")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")
_BETWEEN = re.compile(r"[ ;|]+")
_ITEMS = re.compile(r"[\s,;]+")

_PLAIN_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,19})")
_PLAIN_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")

INT_MIN, INT_MAX = -(2**63), 2**64 - 1
"""The whole numbers that a document can hold."""


class WrongCell(Exception):
    """A cell cannot be read. The text says what is wrong and what to write instead."""


class Cell(Struct, frozen=True):
    """How the cells of a column are read and written. `read` raises WrongCell; it never gets an empty cell."""

    read: Callable[[str], Any]
    write: Callable[[Any], str]


def read_text(cell: str) -> str:
    """A text without blanks around it, or a JSON text in quotes exactly as it is."""
    found = cell.strip()
    if len(found) > 1 and found[0] == found[-1] == '"':
        try:
            return msgspec.json.decode(found, type=str)
        except msgspec.DecodeError:
            return found
    return found


def write_text(value: str) -> str:
    """The text itself, or in quotes if it would be read in another way."""
    if is_exact(value) and not (len(value) > 1 and value[0] == value[-1] == '"'):
        return value
    return msgspec.json.encode(value).decode()


def is_exact(text: str) -> bool:
    """Whether a text stays the same in a cell: it is not empty, and has no blanks around it, and no NUL."""
    return bool(text) and text == text.strip() and "\0" not in text


def read_whole(cell: str) -> int:
    """A whole number in digits. `2.0` is one, because spreadsheets write it."""
    found = _WHOLE.fullmatch(cell.strip())
    if found is None:
        raise WrongCell(f"{shown(cell)} is not a whole number. Write digits only, such as 12.")
    return int(found[1])


def read_number(cell: str) -> int | float:
    """A number with a decimal point."""
    text = cell.strip()
    if not _NUMBER.fullmatch(text):
        raise WrongCell(f"{shown(cell)} is not a number. Write digits and a decimal point, such as 52.5.")
    return float(text) if "." in text else int(text)


def write_number(value: Any) -> str:
    """A number without an exponent."""
    if not isinstance(value, float):
        return str(value)
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else f"{text}.0"


def read_decimal(cell: str) -> Decimal:
    """An exact decimal number, such as a price."""
    text = cell.strip()
    if not _DECIMAL.fullmatch(text):
        hint = "Write digits and a decimal point, such as 1.99, or use the conversion decimal-comma."
        raise WrongCell(f"{shown(cell)} is not a decimal number. {hint}")
    return Decimal(text)


def read_flag(cell: str) -> bool:
    """True or false."""
    text = cell.strip().lower()
    if text not in (*_TRUE, *_FALSE):
        raise WrongCell(f"{shown(cell)} is neither true nor false. Write one of them.")
    return text in _TRUE


def write_flag(value: Any) -> str:
    return "true" if value else "false"


def read_json(cell: str) -> Any:
    """Any JSON value."""
    try:
        return msgspec.json.decode(cell)
    except msgspec.DecodeError as error:
        raise WrongCell(f"{shown(cell)} is not JSON: {error}.") from None


def write_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def read_list(cell: str) -> list[Any]:
    """Texts between blanks, semicolons or bars, or a JSON list."""
    text = cell.strip()
    if text.startswith("["):
        found = read_json(text)
        if isinstance(found, list):
            return found
    return [one for one in _BETWEEN.split(text) if one]


def write_list(values: Sequence[Any]) -> str:
    """The texts between blanks, if that says the same; else a JSON list."""
    if values and all(isinstance(one, str) and _is_word(one) for one in values) and not values[0].startswith("["):
        return " ".join(values)
    return write_json(values)


def _is_word(text: str) -> bool:
    return is_exact(text) and not _BETWEEN.search(text)


def read_lines(cell: str) -> list[Any]:
    """Texts between bars, or a JSON list."""
    text = cell.strip()
    return read_list(text) if text.startswith("[") else [one.strip() for one in text.split("|")]


def write_lines(values: Sequence[Any]) -> str:
    """The texts between bars, if that says the same; else a JSON list."""
    if values and all(isinstance(one, str) and "|" not in one and one == one.strip() for one in values):
        text = "|".join(values)
        if is_exact(text) and not text.startswith("["):
            return text
    return write_json(values)


def read_recipe(cell: str) -> Any:
    """`item:units item:units`, or a JSON object. An item without units counts once."""
    text = cell.strip()
    if text.startswith("{") and text.endswith("}"):
        found = read_json(text)
        if isinstance(found, dict):
            return found
    recipe: dict[str, int] = {}
    for part in filter(None, _ITEMS.split(text)):
        item, mark, units = part.rpartition(":")
        if not mark:
            item, units = part, "1"
        if item in recipe:
            raise WrongCell(f"The recipe names {item!r} twice. Add the units up.")
        recipe[item] = read_whole(units)
    if not recipe:
        raise WrongCell(f"{shown(cell)} is not a recipe. Write one such as cola:1 ice:2.")
    return recipe


def write_recipe(recipe: Any) -> str:
    text = " ".join(f"{item}:{units}" for item, units in recipe.items())
    try:
        is_same = not text.startswith("{") and read_recipe(text) == recipe
    except WrongCell:
        is_same = False
    return text if is_same else write_json(recipe)


def read_attribute(cell: str) -> str | int | float | bool:
    """`true`, `false`, a number without an exponent, a JSON text in quotes, or else the text itself.

    Digits with a zero in front, such as `007`, are a text. So are numbers that no document can hold.
    """
    text = cell.strip()
    if text in ("true", "false"):
        return text == "true"
    if _PLAIN_INT.fullmatch(text) and INT_MIN <= int(text) <= INT_MAX and text != "-0":
        return int(text)
    if _PLAIN_FLOAT.fullmatch(text) and len(text) < 400 and float(text) not in (float("inf"), float("-inf")):
        return float(text)
    return read_text(cell)


def write_attribute(value: Any) -> str:
    if isinstance(value, bool):
        return write_flag(value)
    if isinstance(value, int | float):
        return write_number(value)
    text = write_text(str(value))
    return text if read_attribute(text) == value and isinstance(read_attribute(text), str) else write_json(value)


def shown(cell: str) -> str:
    """A cell as messages show it: not more than anybody reads."""
    return repr(cell if len(cell) <= 40 else f"{cell[:37]}…")


TEXT = Cell(read_text, write_text)
WHOLE = Cell(read_whole, str)
NUMBER = Cell(read_number, write_number)
FLAG = Cell(read_flag, write_flag)
JSON = Cell(read_json, write_json)
LIST = Cell(read_list, write_list)
LINES = Cell(read_lines, write_lines)
RECIPE = Cell(read_recipe, write_recipe)
ATTRIBUTE = Cell(read_attribute, write_attribute)
