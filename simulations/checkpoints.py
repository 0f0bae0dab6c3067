"""Checkpoints: a node that opens from one must have the state that it would fold from its entries.

`StoredCheckpoint` keeps the rows of a checkpoint on a simulated disk, as the tables of a file do. `differences`
compares a replica that was just loaded with one that applied all entries, attribute by attribute: cells, documents,
orders and their deadlines, counts, collisions, indexes, when each node was heard, and the clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from replica.core.base.errors import Broken
from replica.core.base.names import void_key
from replica.core.ledger.cells import Route, Stock
from replica.core.log.entry import Entry, Head
from replica.core.log.times import recorded_clock
from replica.core.orders.fold import Orders
from replica.core.state.batch import Batch, Checkpoint, Image, Row
from replica.core.state.known_nodes import known_nodes
from replica.core.state.replica import Replica

KEY_COLUMNS = {"documents": 4, "documents_past": 4, "orders": 1, "counts": 2, "clock_faults": 1, "transfers": 1}
"""The number of columns that are the key of a row, by part. The rest is its state."""

DIFFERENCES_MAX = 5

MEMORY_ONLY = {
    ".clock.refused": "a number since the start, for metrics",
    ".fold.catalog.malformed": "a number since the start, for metrics",
    ".fold.counts.malformed": "a number since the start, for metrics",
    ".fold.transfers.malformed": "a number since the start, for metrics",
    ".fold.documents.malformed": "a number since the start, for metrics",
    ".fold.documents.writes": "a number since the start, for what is kept until a document changes",
    ".fold.offers": "a cache of what documents say, which are compared",
    ".offers": "the same",
    ".fold.orders.malformed": "a number since the start, for metrics",
    ".fold.orders._live": "a cache of the packed orders, which are compared",
    ".fold.orders._due": "may hold deadlines and reminders that are obsolete; `_deadlines` compares the others",
    ".fold.orders._duplicated": "as `_due`: an order may be looked at in vain",
    ".fold.counts._ledger._moves": "a number since digests were brought up to date; digests are compared",
    ".fold.counts._ledger._stale": "the same",
    ".fold.counts.watched": "a filter before `Counts.apply`: it may also cover counts that are no longer the newest",
}
"""What may differ after a restart, and why."""

BATCH_ONLY = (".keys", ".receipts", "._runs", "._uses", "._named", "._lost", ".repeated", ".order_policy", ".kinds")
"""Attributes of a replica that belong to requests and batches since its start, or that its caller gave."""


class CheckpointDiffers(Broken):
    """The state that a node loaded is not the fold of its entries."""


class StoredCheckpoint:
    """The rows of a checkpoint as the last commit left them."""

    def __init__(self, node: str = "") -> None:
        self.node = node
        """The node whose fold it is: some parts keep more for their own node."""
        self._cells: dict[tuple[str, str, tuple[str, str, str]], int] = {}
        self._rows: dict[str, dict[Row, Row]] = {part: {} for part in KEY_COLUMNS}

    @classmethod
    def of(cls, image: Image, node: str) -> StoredCheckpoint:
        """The rows of an image."""
        made = StoredCheckpoint(node)
        made._cells = _cells(image)
        made._put(image.checkpoint)
        return made

    def put(self, batch: Batch) -> None:
        """Store what one batch changed."""
        for route, changed in batch.cells.items():
            for stock, total in changed.items():
                self._cells[stock.location, stock.item, route.name] = total
        self._put(batch.checkpoint)

    def _put(self, checkpoint: Checkpoint) -> None:
        for part, rows in checkpoint.items():
            columns = KEY_COLUMNS[part]
            self._rows[part].update({row[:columns]: row for row in rows})

    def cells(self) -> list[tuple[str, str, tuple[str, str, str], int]]:
        """All cells, as an image has them."""
        return [(*cell, total) for cell, total in sorted(self._cells.items())]

    def rows(self) -> Checkpoint:
        """All rows of each part, in the order of their keys."""
        return {part: [rows[key] for key in sorted(rows)] for part, rows in self._rows.items()}

    def image(self, folded: Image) -> Image:
        """An image with these rows. They must be those of the image of the entries. Raises CheckpointDiffers."""
        stored = replace(folded, cells=self.cells(), checkpoint=self.rows())
        check_image(stored, folded)
        return stored

    def copy(self) -> StoredCheckpoint:
        """The same rows, on another disk."""
        copied = StoredCheckpoint(self.node)
        copied._cells = dict(self._cells)
        copied._rows = {part: dict(rows) for part, rows in self._rows.items()}
        return copied


class BatchClocks:
    """The clock of each batch by its last entry: the clock that a node must have that loads exactly so far."""

    def __init__(self) -> None:
        self._of_hash: dict[bytes, int] = {}

    def note(self, batch: Batch) -> None:
        """Note a batch that a commit may make durable. A batch of repeated requests has no entry."""
        if batch.runs:
            self._of_hash[batch.runs[-1].head.hash] = batch.clock

    def after(self, entries: Sequence[Entry]) -> int:
        """The clock after these entries. Raises CheckpointDiffers if the last one does not end a batch."""
        if not entries:
            return 0
        if entries[-1].hash not in self._of_hash:
            raise CheckpointDiffers(f"the last entry in the file is not the last one of a batch: {entries[-1]}")
        return self._of_hash[entries[-1].hash]


def check_image(image: Image, expected: Image) -> None:
    """Compare an image that was loaded from a checkpoint with that of the entries. Raises CheckpointDiffers."""
    found: list[str] = []
    for name, loaded, folded in (
        ("heads", dict(image.heads), dict(expected.heads)),
        ("heard", dict(image.heard), dict(expected.heard)),
        ("cells", _cells(image), _cells(expected)),
        ("arrival", image.arrival, expected.arrival),
        ("clock", image.clock, expected.clock),
        ("shared", [entry.hash for entry in image.shared], [entry.hash for entry in expected.shared]),
    ):
        found += _unlike(name, loaded, folded)
    for part in KEY_COLUMNS:
        rows, wanted = (sorted(one.checkpoint.get(part, ()), key=repr) for one in (image, expected))
        found += _unlike(part, rows, wanted)
    _report(found)


def check_replica(replica: Replica, entries: Sequence[Entry], clock: int) -> None:
    """Compare a replica that was just loaded with one that folds the entries one by one. Raises CheckpointDiffers.

    Args:
        entries: all entries of its journal, in order of arrival.
        clock: the last stamp of its clock, as the last commit wrote it.
    """
    folded = Replica(
        replica.writer,
        replica.locations,
        Image(clock=clock),
        replica.open_catalog,
        kinds=replica.kinds,
        order_policy=replica.order_policy,
    )
    for entry in entries:
        folded.fold.apply(entry)
        folded._hold(entry.stream, Head(entry.sequence, entry.hash), recorded_clock(entry.content), 1)
    folded.collisions.load(shared_among(entries))
    folded.fold.take_changes()
    found = _unlike("known nodes", known_nodes(replica), known_nodes(folded))
    found += _unlike("digests", replica.digests(), folded.digests())
    found += _unlike("deadlines", _deadlines(replica.orders), _deadlines(folded.orders))
    expected, seen = _attributes(folded), dict[tuple[int, int], None]()
    for name, loaded in _attributes(replica).items():
        if name not in BATCH_ONLY:
            found += _compare(name, loaded, expected[name], seen)
    _report(found)


def _deadlines(orders: Orders) -> dict[str, list[int]]:
    """The deadlines by order that its present state has: of own holds, and of events that wait."""
    watched = dict.fromkeys(orders._due._deadlines)
    current: dict[str, list[int]] = {}
    for order in orders:
        deadlines = [one.expires_ms for one in order.fulfilments.values()]
        deadlines += [parked.deadline_ms for parked in order.parked if "" not in parked.settled]
        current[order.name] = sorted(one for one in dict.fromkeys(deadlines) if (one, order.name) in watched)
    return current


def _report(found: Sequence[str]) -> None:
    if found:
        raise CheckpointDiffers("; ".join(found[:DIFFERENCES_MAX]))


def shared_among(entries: Iterable[Entry]) -> list[Entry]:
    """The entries whose keys other entries also have, and their voids, in order of arrival."""
    under: dict[bytes, list[Entry]] = {}
    for entry in entries:
        if entry.content.key:
            under.setdefault(entry.content.key, []).append(entry)
    wanted = {key: None for key, several in under.items() if len(several) > 1}
    wanted |= {void_key(entry.hash): None for key in wanted for entry in under[key]}
    return [entry for entry in entries if entry.content.key in wanted]


def _cells(image: Image) -> dict[tuple[str, str, tuple[str, str, str]], int]:
    return {(location, item, route): total for location, item, route, total in image.cells}


def _unlike(name: str, loaded: object, folded: object) -> list[str]:
    return list(_compare(name, loaded, folded, {}))


def _compare(path: str, loaded: Any, folded: Any, seen: dict[tuple[int, int], None]) -> Iterator[str]:
    """Walk two values side by side, and say where they differ."""
    if path in MEMORY_ONLY or (id(loaded), id(folded)) in seen:
        return
    if type(loaded) is not type(folded):
        yield f"{path}: loaded {_shown(loaded)}, folded {_shown(folded)}"
        return
    if callable(loaded):
        return
    if isinstance(loaded, str | bytes | int | float | None):
        if loaded != folded:
            yield f"{path}: loaded {_shown(loaded)}, folded {_shown(folded)}"
        return
    seen[id(loaded), id(folded)] = None
    one, other = _parts(path, loaded), _parts(path, folded)
    for name in [*one, *(name for name in other if name not in one)]:
        if name not in one or name not in other:
            yield f"{path}{name}: only {'loaded' if name in one else 'folded'}, {_shown({**one, **other}[name])}"
        else:
            yield from _compare(f"{path}{name}", one[name], other[name], seen)


def _parts(path: str, value: Any) -> dict[str, Any]:
    """The parts of a value by their names. Two values are equal if all parts are."""
    if isinstance(value, Mapping):
        return {f"[{_name(key)}]": held for key, held in value.items()}
    if isinstance(value, list | tuple | deque):
        return {f"[{index}]": one for index, one in enumerate(value)}
    return _attributes(value)


def _attributes(value: Any) -> dict[str, Any]:
    names = [name for kind in type(value).__mro__ for name in _slots(kind)]
    names += getattr(value, "__dict__", {})
    return {f".{name}": getattr(value, name) for name in dict.fromkeys(names) if hasattr(value, name)}


def _slots(kind: type) -> Sequence[str]:
    if issubclass(kind, Struct):
        return kind.__struct_fields__
    slots: Any = kind.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _name(key: object) -> str:
    if isinstance(key, Route):
        return " ".join(key.name)
    return f"{key.location} {key.item}" if isinstance(key, Stock) else repr(key)


def _shown(value: object) -> str:
    return repr(value)[:120]
