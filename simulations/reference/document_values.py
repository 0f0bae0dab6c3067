"""Values of documents: two of them are one value if they differ only in defaults, or in how they write a moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from simulations.reference.deliveries import WEIGHTS

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "price": {"per": 1, "tax_inclusive": True},
    "promotion": {"priority": 100, "combinable": False, "locked": False},
    "location": {"time_zone": "UTC"},
    "area": {"priority": 100},
    "sourcing": WEIGHTS,
    "policy": {"safety_stock": 0, "last_units": 0},
}
"""Fields that a node leaves out if they have these values. So it does with empty lists, objects and texts."""

NESTED: Mapping[str, Mapping[str, Any]] = {
    "override": {"min": 0},
    "windows": {"start": "00:00", "end": "24:00"},
    "applies_to": {"all": False},
    "serves": {"priority": 100},
    "backups": {"priority": 100},
    "goods": {"all": False},
    "dispatch": {"handling_minutes": 0},
}
"""The same within a field."""

MOMENTS = ("valid_from", "valid_to")


def in_normal_form(kind: str, value: Any) -> Any:
    """The value of a document of a kind, without defaults."""
    return _form(value, DEFAULTS.get(kind, {}))


def _form(value: Any, defaults: Mapping[str, Any], name: str = "") -> Any:
    match value:
        case dict():
            found = {member: _form(one, NESTED.get(member, {}), member) for member, one in value.items()}
            return {member: one for member, one in found.items() if not _is_default(one, member, defaults)}
        case list():
            return [_form(one, NESTED.get(name, {})) for one in value]
        case str() if name in MOMENTS:
            return datetime.fromisoformat(value).timestamp()
    return value


def _is_default(value: Any, name: str, defaults: Mapping[str, Any]) -> bool:
    is_same = name in defaults and type(value) is type(defaults[name]) and value == defaults[name]
    return is_same or (value in ([], {}, "") and not isinstance(value, bool))
