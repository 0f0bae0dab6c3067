"""Voids: entries that take back what another entry did, and the moment as of which an entry counts."""

from __future__ import annotations

from replica.core.log.entry import Content

VOID = "void"
"""The kind of an entry that takes back what a duplicate did."""


def effective_clock(content: Content) -> int:
    """The stamp as of which an entry's moves count: its own, but for one that takes back or corrects another."""
    as_of = content.facts.get("as_of") if content.kind == VOID else None
    return as_of if isinstance(as_of, int) else content.clock
