"""Rules of balancing: documents that say what each location wants of each item, and how its units may move.

A document has a selector, as policies have: `default`, `item:I`, `location:L` or `location:L,item:I`. Each field holds
by itself: that of the most specific document that has it, in this order: `location:L,item:I`, `location:L`, `item:I`,
`default`. What concerns an item at all locations is only in `default` and `item:I`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

import msgpack
from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert

from replica.core.base.errors import Invalid
from replica.core.base.limits import COVER_DAYS_MAX, QUANTITY_MAX
from replica.core.catalog.registers import Register
from replica.core.planning.balancing import Rules
from replica.core.planning.cover import DAY
from replica.core.rights.policies import DEFAULT, Units, is_selector, item_of, location_of

BALANCING = "balancing"
"""The kind of the documents with rules."""

CoverDays = Annotated[int, Meta(ge=0, le=COVER_DAYS_MAX)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Kilometres = Annotated[int, Meta(ge=0, le=20_016)]


class BalancingDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `balancing/{selector}`.

    `display`: the units that a location shows at least. `capacity`: those that it has room for. For all locations:
    `case_pack`: units that only move together; `cover_days`: no location is filled beyond that; `tolerance_percent`: a
    location that lacks a smaller part of its target gets nothing; `max_km`: how far units may go.
    """

    display: Units | UnsetType = UNSET
    capacity: Units | UnsetType = UNSET
    case_pack: Annotated[int, Meta(ge=1, le=QUANTITY_MAX)] | UnsetType = UNSET
    cover_days: CoverDays | UnsetType = UNSET
    tolerance_percent: Percent | UnsetType = UNSET
    max_km: Kilometres | UnsetType = UNSET


class _ReadBalancing(BalancingDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored."""


OF_ITEMS = ("case_pack", "cover_days", "tolerance_percent", "max_km")
"""The fields that concern an item at all locations."""


class Bounds(Struct, frozen=True):
    """What a location wants of an item, and has room for."""

    display: int = 0
    capacity: int = QUANTITY_MAX


def check_balancing(selector: str, document: BalancingDocument) -> None:
    """Check the fields that a selector may have. Raises Invalid with the field."""
    for field in OF_ITEMS if location_of(selector) else ():
        if getattr(document, field) is not UNSET:
            text = f"The field {field} concerns all locations. Write it to the key default or item:NAME."
            raise Invalid(text, field=field)


class BalancingRules:
    """The current rules, by selector."""

    __slots__ = ("_documents", "_pairs")

    def __init__(self) -> None:
        self._documents: dict[str, BalancingDocument] = {}
        self._pairs: dict[str, dict[str, None]] = {}
        """By item, the locations that a document names together with it."""

    def put(self, register: Register) -> bool:
        """Apply the newest write of rules. False if this version cannot use it: then the selector has none."""
        selector = register.key
        location, item = location_of(selector), item_of(selector)
        self._documents.pop(selector, None)
        self._pairs.get(item, {}).pop(location, None)
        if register.value is None:
            return True
        try:
            document = convert(msgpack.unpackb(register.value, strict_map_key=False), _ReadBalancing)
            check_balancing(selector, document)
        except (ValueError, TypeError, ValidationError, Invalid):
            return False
        if not is_selector(selector):
            return False
        self._documents[selector] = document
        if location and item:
            self._pairs.setdefault(item, {})[location] = None
        return True

    def rules(self, item: str) -> Rules:
        """How an item is balanced."""
        usual = Rules()
        found = {field: self._first(field, (f"item:{item}", DEFAULT)) for field in OF_ITEMS}
        days, km = found["cover_days"], found["max_km"]
        return Rules(
            case_pack=usual.case_pack if (pack := found["case_pack"]) is None else pack,
            enough=usual.enough if days is None else days * DAY,
            tolerance_percent=usual.tolerance_percent if (part := found["tolerance_percent"]) is None else part,
            metres_max=usual.metres_max if km is None else km * 1_000,
        )

    def bounds(self, item: str) -> tuple[Bounds, Mapping[str, Bounds]]:
        """What locations want of an item: of all of them, and of those that have rules of their own."""
        general = (f"item:{item}", DEFAULT)
        own = {
            location: self._bounds((f"location:{location},item:{item}", f"location:{location}", *general))
            for location in self._named(item)
        }
        return self._bounds(general), own

    def locations_with(self, item: str) -> list[str]:
        """The locations that rules name together with an item, in order: they want it, also if they never had it."""
        return sorted(self._pairs.get(item, ()))

    def _named(self, item: str) -> Iterator[str]:
        yield from self._pairs.get(item, ())
        for selector in self._documents:
            location = location_of(selector)
            if location and not item_of(selector):
                yield location

    def _bounds(self, selectors: tuple[str, ...]) -> Bounds:
        display, capacity = self._first("display", selectors), self._first("capacity", selectors)
        return Bounds(display or 0, QUANTITY_MAX if capacity is None else capacity)

    def _first(self, field: str, selectors: tuple[str, ...]) -> int | None:
        for selector in selectors:
            document = self._documents.get(selector)
            value = getattr(document, field) if document is not None else UNSET
            if value is not UNSET:
                return int(value)
        return None
