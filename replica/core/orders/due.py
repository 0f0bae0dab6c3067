"""Which orders may have something due: by their deadlines, or because something happened to them.

A heap holds the deadlines: of holds that expire, and of parked events that are reported as late. Beside it are the
orders that are ready at once. `take` only hands out names; whoever takes one decides anew what is due, and says
`settled` afterwards. A clock may be far ahead and be set right later, so a deadline that was handed out is kept until
then: if it has not passed after all, it comes back.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable


class DueOrders:
    """Names of orders about which something may be due."""

    __slots__ = ("_deadlines", "_handed_out", "_ready")

    def __init__(self) -> None:
        self._deadlines: list[tuple[int, str]] = []
        self._handed_out: dict[str, list[int]] = {}
        """Deadlines of orders that were handed out and are not settled yet."""
        self._ready: dict[str, None] = {}

    def watch(self, name: str, deadline_ms: int) -> None:
        """Hand out an order once a moment has passed, in milliseconds since 1970."""
        heapq.heappush(self._deadlines, (deadline_ms, name))

    def remind(self, names: Iterable[str]) -> None:
        """Hand these orders out again."""
        self._ready.update(dict.fromkeys(names))

    def take(self, now_ms: int, limit: int) -> list[str]:
        """Hand out the names of at most `limit` orders; each is handed out once."""
        names: dict[str, None] = {}
        while self._ready and len(names) < limit:
            names[self._ready.popitem()[0]] = None
        while self._deadlines and self._deadlines[0][0] <= now_ms and len(names) < limit:
            deadline_ms, name = heapq.heappop(self._deadlines)
            names[name] = None
            self._handed_out.setdefault(name, []).append(deadline_ms)
        return list(names)

    def settled(self, name: str, now_ms: int) -> None:
        """Nothing more is due about an order for now; deadlines that are still ahead of this clock come back."""
        self._ready.pop(name, None)
        for deadline_ms in self._handed_out.pop(name, ()):
            if deadline_ms > now_ms:
                self.watch(name, deadline_ms)
