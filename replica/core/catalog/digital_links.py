"""GS1 Digital Link URIs: a web address with application identifiers, such as
`https://id.gs1.org/01/09506000134352/10/AB1?17=261231`.

The path has the primary key and its qualifiers, the query has the other elements. The domain and the first parts of the
path may be any. Only uncompressed links are read. Parameters of the query that are no numbers are not for tills.

Source: GS1 Digital Link Standard: URI Syntax, release 1.4, and RFC 3986. Short names such as `gtin`, and GTINs without
their leading zeros, are from releases before 1.2.
"""

from __future__ import annotations

import re

from replica.core.base.errors import Invalid
from replica.core.catalog.gs1_elements import Element, add_element, elements_of
from replica.core.catalog.gs1_identifiers import IDENTIFIERS, known_identifier

_QUALIFIERS: dict[str, tuple[str, ...]] = {
    "00": (),
    "01": ("22", "10", "21", "235"),
    "253": (),
    "255": (),
    "401": (),
    "402": (),
    "414": ("254", "7040"),
    "415": ("8020",),
    "417": ("7040",),
    "8003": (),
    "8004": ("7040",),
    "8006": ("22", "10", "21"),
    "8010": ("8011",),
    "8013": (),
    "8017": ("8019",),
    "8018": ("8019",),
}
"""The qualifiers of each primary key, in the order in which a path has them."""

_NAMES = {
    "cpid": "8010",
    "cpsn": "8011",
    "cpv": "22",
    "gcn": "255",
    "gdti": "253",
    "giai": "8004",
    "ginc": "401",
    "gln": "414",
    "glnx": "254",
    "gmn": "8013",
    "grai": "8003",
    "gsin": "402",
    "gsrn": "8018",
    "gsrnp": "8017",
    "gtin": "01",
    "itip": "8006",
    "lot": "10",
    "party": "417",
    "payto": "415",
    "refno": "8020",
    "ser": "21",
    "srin": "8019",
    "sscc": "00",
}
"""Short names of the first releases."""

_GTIN_DIGITS = 14

_OLD_GTIN_DIGITS = (8, 12, 13)

_LINK = re.compile(r"https?://[^/?#]+(?P<path>/[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?", re.IGNORECASE)

_PARAMETER = re.compile(r"[^&;]+")

_ESCAPE = re.compile(r"%([0-7][0-9A-Fa-f])?")


def read_link(text: str, field: str, position: int = 1) -> tuple[Element, ...] | None:
    """Read a Digital Link. None if the text is not one: no web address, or one without a primary key in its path.

    Args:
        field: the field to name in an error.
        position: where the text begins in what was scanned, counted from 1.
    Raises:
        Invalid: a value does not have its form, or an identifier is not possible where it is.
    """
    link = _LINK.fullmatch(text)
    if link is None:
        return None
    parts = [(mark[0], position + link.start("path") + mark.start()) for mark in re.finditer(r"[^/]+", link["path"])]
    start = _primary_at([_NAMES.get(part.lower(), part) for part, _ in parts])
    if start is None:
        return None
    found: dict[str, str] = {}
    _read_path(found, parts[start:], field)
    for parameter in _PARAMETER.finditer(link["query"] or ""):
        _read_parameter(found, parameter[0], field, position + link.start("query") + parameter.start())
    return elements_of(found)


def _primary_at(parts: list[str]) -> int | None:
    """Where the path names a primary key that has a value: the last such place, because the parts before are free."""
    places = range(len(parts) - 2, -1, -2)
    return next((at for at in places if parts[at] in _QUALIFIERS and _are_identifiers(parts[at::2])), None)


def _are_identifiers(parts: list[str]) -> bool:
    return all(part in IDENTIFIERS for part in parts)


def _read_path(found: dict[str, str], parts: list[tuple[str, int]], field: str) -> None:
    rest: tuple[str, ...] = ()
    for index in range(0, len(parts), 2):
        (name, named_at), (written, at) = parts[index : index + 2]
        ai = _NAMES.get(name.lower(), name)
        if index == 0:
            rest = _QUALIFIERS[ai]
        elif ai in rest:
            rest = rest[rest.index(ai) + 1 :]
        else:
            text = f"The field {field} has the identifier {ai} at position {named_at} in the path of a link."
            raise Invalid(f"{text} It is not possible there.", field=field, ai=ai, position=named_at)
        add_element(found, IDENTIFIERS[ai], _value_of(ai, written, field, at), field, at)


def _read_parameter(found: dict[str, str], parameter: str, field: str, position: int) -> None:
    name, _, written = parameter.partition("=")
    ai = _NAMES.get(name.lower(), name)
    if ai in IDENTIFIERS:
        at = position + len(name) + 1
        add_element(found, IDENTIFIERS[ai], _value_of(ai, written, field, at), field, at)
    elif name.isdigit():
        known_identifier(name, field, position)


def _value_of(ai: str, written: str, field: str, position: int) -> str:
    """The value that stands in a link, without escapes. A short GTIN gets its leading zeros."""
    value = _unescaped(ai, written, field, position)
    if ai == "01" and len(value) in _OLD_GTIN_DIGITS and value.isdigit():
        return value.zfill(_GTIN_DIGITS)
    return value


def _unescaped(ai: str, written: str, field: str, position: int) -> str:
    broken = next((escape for escape in _ESCAPE.finditer(written) if escape[1] is None), None)
    if broken is not None:
        at = position + broken.start()
        text = f"The field {field} has a % at position {at} in a link, in the value of the identifier {ai},"
        raise Invalid(f"{text} without two hexadecimal digits of ASCII after it.", field=field, ai=ai, position=at)
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), written)
