"""Drafts: entries before they have a stamp, a number and a hash."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, EntryLine


class Draft(Struct, frozen=True, gc=False):
    """An entry before it has a stamp, a number and a hash."""

    kind: str
    moves: tuple[Move, ...] = ()
    lines: tuple[EntryLine, ...] = ()
    facts: dict[str, Any] = {}
    actor: str = ""
    reason: str = ""
    reference: str = ""
    key: bytes = b""
    """Of an entry that no caller asks for."""

    def content(self, clock: int, key: bytes) -> Content:
        """What its entry says, stamped and under a key."""
        return Content(
            self.kind, clock, key, self.actor, self.reason, self.reference, self.moves, self.lines, self.facts
        )
