"""The documents of locations, as checkers learn them from entries."""

from __future__ import annotations

from msgpack import unpackb

from replica.core.log.entry import DOCUMENT, Entry
from simulations.reference.catalogue import Documents


def note_location(documents: Documents, entry: Entry) -> None:
    """Note the document of a location, if an entry wrote one."""
    content, facts = entry.content, entry.content.facts
    if content.kind == DOCUMENT and facts["kind"] == "location":
        value = unpackb(facts["value"]) if facts["value"] is not None else None
        documents.put("location", facts["key"], value, (facts["version"], content.clock, entry.stream.writer))
