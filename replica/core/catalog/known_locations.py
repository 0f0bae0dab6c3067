"""Known locations: what a location must be, so that nobody asks or promises about a misspelt one.

A location is known by its document, by a node that writes for it, or by an entry. Without this question, a misspelt
name would look like an empty shop.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from replica.core.base.errors import Invalid, UnknownLocation
from replica.core.base.names import is_name
from replica.core.catalog.documents import Documents
from replica.core.catalog.locations import LOCATION, region_of

CLOSE_MAX = 3
"""Names that a refusal suggests."""

NEIGHBOURS_MAX = 50
"""Names on each side that are compared with a wrong one. To compare 10,000 names takes a third of a second."""


class KnownLocations:
    """The locations that one replica knows.

    Args:
        named: the names from other sources, each as a collection that follows its source. They may hold other scopes.
    """

    __slots__ = ("_documents", "_named")

    def __init__(self, documents: Documents, *named: Collection[str]) -> None:
        self._documents = documents
        self._named = named

    def __contains__(self, location: object) -> bool:
        if not isinstance(location, str) or not is_name(location):
            return False
        if any(location in names for names in self._named):
            return True
        return self._documents.value(LOCATION, location) is not None

    def names(self) -> list[str]:
        """Every known location, in order."""
        found = dict.fromkeys(self._documents.keys(LOCATION))
        for names in self._named:
            found.update(dict.fromkeys(name for name in names if is_name(name)))
        return sorted(found)

    def check(self, location: str, field: str) -> None:
        """Refuse a location in the address of a request that nobody knows. Raises UnknownLocation."""
        if location not in self:
            raise UnknownLocation(self._unknown(location, field), field=field, location=location)

    def check_field(self, location: str, field: str) -> None:
        """Refuse a location in the body of a request that nobody knows. Raises Invalid."""
        if location not in self:
            raise Invalid(self._unknown(location, field), field=field)

    def check_region(self, region: str, field: str) -> None:
        """Refuse a region that no location document names. Raises Invalid."""
        regions = dict.fromkeys(region_of(self._documents, location) for location in self._documents.keys(LOCATION))
        if region not in regions:
            close = get_close_matches(region, regions, CLOSE_MAX)
            correct = f"Did you mean {' or '.join(close)}? Correct it" if close else "Correct it"
            text = f"The field {field} names the region {region!r}, and no location document does. {correct}."
            raise Invalid(text, field=field)

    def _unknown(self, location: str, field: str) -> str:
        close = get_close_matches(location, candidates_for(location, self.names()), CLOSE_MAX)
        correct = f"Did you mean {' or '.join(close)}? Correct it" if close else "Correct it"
        return (
            f"The field {field} names the location {location!r}, and no document, node or entry of this chain does."
            f" {correct}, or write its document location/{location} first."
        )


def candidates_for(wrong: str, names: Sequence[str]) -> list[str]:
    """Of sorted names those that begin most like a wrong one, and those that end most like it."""
    backwards = sorted(name[::-1] for name in names)
    near = _neighbours(wrong, names) + [name[::-1] for name in _neighbours(wrong[::-1], backwards)]
    return list(dict.fromkeys(near))


def _neighbours(wrong: str, names: Sequence[str]) -> list[str]:
    place = bisect(names, wrong)
    return list(names[max(0, place - NEIGHBOURS_MAX) : place + NEIGHBOURS_MAX])
