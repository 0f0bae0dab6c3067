"""Bytes of a sale on the wire, in frames as sessions send them."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Bench, Sample
from benchmarks.sales import STOCKED, Linked, Workload, make_entries
from replica.core.base.limits import FRAME_ENTRIES_MAX
from replica.core.sync.columns import ColumnEncoder
from replica.core.sync.wire import Entries, pack_frame

SHAPES = {"1 line, 1,000 items": (1, 1_000), "5 lines, 10,000 items": (5, 10_000)}
KEYS = {"uuid7": "UUIDv7 keys", "till": "till and counter keys"}


class Framer:
    """Full frames of one session; the session has sent `before` other frames before them."""

    def __init__(self, before: int = 0) -> None:
        self._encoder = ColumnEncoder()
        self._before = before
        self._number = 0

    def frames(self, entries: Linked) -> list[bytes]:
        """Pack entries into the next frames."""
        return [
            self._frame(entries[first : first + FRAME_ENTRIES_MAX])
            for first in range(0, len(entries), FRAME_ENTRIES_MAX)
        ]

    def _frame(self, entries: Linked) -> bytes:
        self._number += 1
        return pack_frame(Entries(self._number, self._encoder.encode(entries)), self._before + self._number - 1)


def measure_wire(bench: Bench) -> Iterator[Sample]:
    """Bytes per sale and per cell that a frame changes, including the names that the session introduces."""
    sales = bench.sized(50_000, 10_000)
    for shape, (lines, items) in SHAPES.items():
        for keys, text in KEYS.items():
            workload = Workload(
                sales=sales, items=items, lines=lines, keys=keys, days=7.0 * sales / 70_000, stocked=STOCKED
            )
            _, entries = make_entries("store-1", workload)
            frames = Framer().frames(entries)
            cells = 0
            for first in range(0, sales, FRAME_ENTRIES_MAX):
                framed = entries[first : first + FRAME_ENTRIES_MAX]
                cells += len({move.item for entry, _ in framed for move in entry.content.moves})
            sent = sum(map(len, frames))
            figures = {"per sale bytes": sent / sales, "per changed cell bytes": sent / cells}
            yield Sample(f"sales of {shape}, {text}", figures)
