"""GS1 element strings: application identifiers and their values, one after the other.

They come in two forms. A scanner sends `0109506000134352` `10AB1` GS `17261231`: a separator, the control character GS,
ends a value of variable length, and the last value needs none. People write `(01)09506000134352(10)AB1(17)261231`.

Source: GS1 General Specifications, sections 7.8 (scanned form) and 4.14 (written form).
"""

from __future__ import annotations

import re

from msgspec import Struct

from replica.core.base.errors import Invalid
from replica.core.catalog.gs1_identifiers import Identifier, check_value, identifier_at, known_identifier

SEPARATOR = "\x1d"
"""GS, as which a scanner sends FNC1."""

_WRITTEN = re.compile(r"\((\d{2,4})\)")


class Element(Struct, frozen=True, gc=False):
    """One application identifier and its value."""

    ai: str
    value: str


def is_written(text: str) -> bool:
    """Whether a text begins like an element string with its identifiers in parentheses."""
    return _WRITTEN.match(text) is not None


def read_elements(text: str, field: str, position: int = 1) -> tuple[Element, ...]:
    """Read an element string in either form.

    Args:
        field: the field to name in an error.
        position: where the text begins in what was scanned, counted from 1.
    Raises:
        Invalid: an identifier is unknown, a value does not have its form, or two elements contradict each other. It
            names the identifier and the position.
    """
    found = _read_written(text, field, position) if is_written(text) else _read_scanned(text, field, position)
    if not found:
        raise Invalid(f"The field {field} has no GS1 element.", field=field, position=position)
    return found


def _read_scanned(text: str, field: str, position: int) -> tuple[Element, ...]:
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        if text[at] == SEPARATOR:
            at += 1
            continue
        identifier = identifier_at(text, at, field, position + at)
        start = at + len(identifier.ai)
        end = text.find(SEPARATOR, start)
        end = len(text) if end < 0 else end
        if identifier.is_predefined:
            end = min(end, start + identifier.length_max)
        add_element(found, identifier, text[start:end], field, position + start)
        at = end
    return elements_of(found)


def _read_written(text: str, field: str, position: int) -> tuple[Element, ...]:
    found: dict[str, str] = {}
    marks = list(_WRITTEN.finditer(text))
    for mark, after in zip(marks, [*[one.start() for one in marks[1:]], len(text)], strict=True):
        identifier = known_identifier(mark[1], field, position + mark.start(1))
        add_element(found, identifier, text[mark.end() : after].strip(" "), field, position + mark.end())
    return elements_of(found)


def add_element(found: dict[str, str], identifier: Identifier, value: str, field: str, position: int) -> None:
    """Check a value and add it to those found. Raises Invalid, also if the identifier has another value already."""
    check_value(identifier, value, field, position)
    if found.setdefault(identifier.ai, value) != value:
        text = f"The field {field} has the identifier {identifier.ai} ({identifier.name}) twice, with different values:"
        raise Invalid(
            f"{text} {found[identifier.ai]!r}, and {value!r} at position {position}.",
            field=field,
            ai=identifier.ai,
            position=position,
        )


def elements_of(found: dict[str, str]) -> tuple[Element, ...]:
    """The elements by identifier, in the order in which they were found."""
    return tuple([Element(ai, value) for ai, value in found.items()])
