"""Reading the journal of a node from outside: pages of durable entries, and the cursors between them.

A reader gets only entries that the driver knows as durable. So the node never refuses as unknown a cursor that it just
gave: the file may already have an entry whose commit has not returned to the driver.
"""

from __future__ import annotations

from replica.core.log.cursors import arrival_of, cursor_at
from replica.runtime.node import Node
from replica.runtime.ports import Page


class JournalReading:
    """The journal of one node, as readers outside see it."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def newest(self) -> int:
        """The arrival number of the newest entry that a reader may get."""
        return self._node.driver.arrival

    def cursor(self, arrival: int) -> str:
        """The cursor after the entry with this arrival number."""
        return cursor_at(self._node.replica.writer, arrival)

    def arrival(self, cursor: str, field: str) -> int:
        """The arrival number of a cursor. Raises CursorUnknown if this journal did not give it."""
        return arrival_of(cursor, self._node.replica.writer, self.newest, field)

    async def after(self, arrival: int, limit: int) -> Page:
        """Read up to `limit` entries that arrived after a number."""
        page = await self._node.journal.read(arrival, limit)
        stored = [one for one in page.stored if one.arrival <= self.newest]
        return Page(stored, stored[-1].arrival if stored else arrival)
