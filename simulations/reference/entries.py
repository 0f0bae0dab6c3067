"""Entries as `GET /v1/journal` shows them, and rows of lists."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

Shown = Mapping[str, Any]
"""An entry as `GET /v1/journal` shows it, or a part of one."""

Rows = list[dict[str, Any]]
"""Rows of a list of a node."""


def hash_of(packed: str) -> str:
    """The hash of an entry as `hash` shows it, from the facts of another one."""
    return b64decode(packed).hex()


def node_of(entry: Shown) -> str:
    """The node that wrote an entry."""
    node: str = entry["writer"].partition("#")[0]
    return node


def precedence(entry: Shown) -> tuple[int, str, str]:
    """Of entries under one key, the one with the least of these stands."""
    return entry["clock"], entry["writer"], entry["hash"]


def at_ms_of(entry: Shown) -> int:
    """When an entry was recorded, in milliseconds since 1970."""
    return round(datetime.fromisoformat(entry["at"]).timestamp() * 1000)


def unlike(found: Sequence[Any], expected: Sequence[Any]) -> str:
    """The first rows in which two lists differ."""
    for row, (one, other) in enumerate(zip(found, expected, strict=False), 1):
        if one != other:
            return f"{one}, not {other}, as row {row}"
    return f"{len(found)} rows, not {len(expected)}: {[*found[len(expected) :], *expected[len(found) :]][:1]}"
