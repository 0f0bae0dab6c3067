"""What happened lately, as short records. The page says each of them in a plain sentence of its language."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from msgspec import Struct

RECENT_MAX = 40


class Record(Struct, frozen=True):
    """One thing that happened: its kind, and the names and numbers of its sentence. `at_s`: seconds of the demo."""

    number: int
    at_s: float
    kind: str
    values: dict[str, str | int]


class Records:
    """The last things that happened."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._number = 0
        self._recent: deque[Record] = deque(maxlen=RECENT_MAX)

    def add(self, kind: str, **values: str | int) -> None:
        """Note that something happened now."""
        self._number += 1
        self._recent.appendleft(Record(self._number, round(self._clock_s(), 1), kind, values))

    @property
    def recent(self) -> list[Record]:
        """The last records, newest first."""
        return list(self._recent)
