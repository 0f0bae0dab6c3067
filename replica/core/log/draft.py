"""Drafts: entries before they have a stamp, a number and a hash."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, EntryLine


class Draft(Struct, frozen=True):
    """An entry before it has a stamp, a number and a hash."""

    kind: str
    moves: tuple[Move, ...] = ()
    lines: tuple[EntryLine, ...] = ()
    facts: dict[str, Any] = {}
    actor: str = ""
    reason: str = ""
    reference: str = ""
    key: bytes = b""
    """The key of an entry that no caller requests; else empty."""

    def content(self, clock: int, key: bytes) -> Content:
        """Return the content of its entry, with a clock stamp and a key."""
        return Content(
            kind=self.kind,
            clock=clock,
            key=key,
            actor=self.actor,
            reason=self.reason,
            reference=self.reference,
            moves=self.moves,
            lines=self.lines,
            facts=self.facts,
        )
