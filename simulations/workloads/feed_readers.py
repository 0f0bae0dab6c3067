"""Feed readers: downstream services that read the journal page by page, keep their cursor, and sometimes misuse it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from replica.core.log.cursors import BEGINNING
from simulations.clients import Client

NEVER_GIVEN = 10_000
"""How far past its cursor a confused reader reads: more entries than any run has."""

PAGE_MAX = 20


class FeedReader(Client):
    """One reader. It begins at the journal of one machine, and takes its cursor along when it goes to another one."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._at = self._machine.name
        self._cursor = BEGINNING

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        return [(self._read_on, 60.0), (self._turn, 4.0), (self._confuse, 1.0)]

    async def _read_on(self) -> None:
        """Read the next page. After a refusal, begin where the node says."""
        machine, cursor = self._chain.machines[self._at], self._cursor
        page = await machine.read(cursor, self._random.randint(1, PAGE_MAX), self._timeout_s)
        if page is None:
            return
        self._cursor = page.next
        self._history.read(self._name, self._at, cursor, page)

    async def _turn(self) -> None:
        """Read on at another machine, as a service does that has several addresses for one chain."""
        self._at = self._random.choice(list(self._chain.machines))

    async def _confuse(self) -> None:
        """Go on after an entry that nobody gave, as after a restore of the reader's own notes."""
        start, mark, number = self._cursor.rpartition("~")
        self._cursor = f"{start}{mark}{int(number) + NEVER_GIVEN}"
