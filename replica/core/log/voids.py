"""Voids: entries that reverse a duplicate, and the time at which the moves of an entry count."""

from __future__ import annotations

from replica.core.log.entry import Content

VOID = "void"
"""The kind of an entry that reverses a duplicate."""


def effective_clock(content: Content) -> int:
    """Return the stamp at which an entry's moves count: its own stamp, except for a void with a stamp in `as_of`."""
    as_of = content.facts.get("as_of") if content.kind == VOID else None
    return as_of if isinstance(as_of, int) else content.clock
