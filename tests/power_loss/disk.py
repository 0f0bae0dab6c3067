"""A disk in memory that loses power: what was synced stays, of the rest any part.

Each file is what the running system sees (`seen`, its page cache), what is surely on the platter (`durable`), and the
writes between the two, in order. A sync makes a file's writes durable. When the power goes, every sector of every
write that was not synced is kept, lost, or torn at some byte, each for itself, so that later writes may stay where
earlier ones are lost; bytes beside a write are never harmed. Names are held as strictly as POSIX lets them be: a file
that was made or deleted may be back as it was until its directory was synced.

A disk lives from power-on to power-off. `after_power_loss` and `after_crash` make the disk that the next process
finds; whoever still holds the old one gets errors. Faults are set from outside: `cut_after`, `fails_sync_of`,
`room_bytes`, `is_lying`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

SECTOR_BYTES = 512


class DiskError(Exception):
    """An operation failed; the subclass says how."""


class PowerIsOff(DiskError):
    """The power went during this operation, or before it."""


class SyncFailed(DiskError):
    """EIO: what was not synced may or may not be durable, and is no longer waiting to be."""


class DiskFull(DiskError):
    """ENOSPC: the write, or its end, found no room."""


@dataclass(frozen=True, slots=True)
class Change:
    """A write that is not synced yet, or a cut to a size (`data` is None)."""

    offset: int
    data: bytes | None


@dataclass(slots=True)
class File:
    """The bytes of one file, seen and durable."""

    name: str
    seen: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Selection:
    """A change of the directory that is not synced yet: a name now stands for a file, or for none."""

    name: str
    file: File | None


@dataclass(frozen=True, slots=True)
class Cut:
    """When the power went: during which operation, on which file."""

    operation: str
    name: str


class Disk:
    """One directory of files between power-on and power-off."""

    def __init__(self, chance: Random, happened: Counter[str] | None = None) -> None:
        self.files: dict[str, File] = {}
        self.happened: Counter[str] = Counter() if happened is None else happened
        """What became of unsynced sectors, and faults that struck."""
        self.cut: Cut | None = None
        """Set once the power is off."""
        self.operations = 0
        self.syncs_failed = 0
        self.cut_after: int | None = None
        """The power goes during this operation; reads do not count."""
        self.fails_sync_of = ""
        """The next sync of a file whose name ends so fails."""
        self.room_bytes: int | None = None
        """Bytes by which files may still grow."""
        self.is_lying = False
        """Whether syncs are answered at once and do nothing."""
        self._chance = chance
        self._kept: dict[str, File] = {}
        self._selections: list[Selection] = []

    # what a file system does

    def open(self, name: str, may_create: bool) -> File | None:
        """The file of that name, made if need be; None when there is none."""
        self._check_power()
        file = self.files.get(name)
        if file is None and may_create:
            file = File(name)
            self._name(name, file)
            self._count("create", name)
        return file

    def delete(self, name: str, is_synced: bool) -> None:
        """Take a name off its file."""
        self._check_power()
        self._name(name, None)
        self._count("delete", name)
        if is_synced:
            self.sync_names()

    def read(self, file: File, offset: int, length: int) -> bytes:
        """What the running system sees; less than asked for at the end."""
        self._check_power()
        return bytes(file.seen[offset : offset + length])

    def size(self, file: File) -> int:
        """Bytes in the file, as the running system sees it."""
        self._check_power()
        return len(file.seen)

    def write(self, file: File, offset: int, data: bytes) -> None:
        """Write into the page cache; durable after the next sync, or by luck."""
        self._check_power()
        is_short = self._take_room(offset + len(data) - len(file.seen))
        if is_short:
            data = data[: max(0, len(file.seen) - offset)]
        _put(file.seen, offset, data)
        file.changes.append(Change(offset, data))
        self._count("write", file.name)
        if is_short:
            self.happened["writes without room"] += 1
            raise DiskFull(file.name)

    def truncate(self, file: File, size: int) -> None:
        """Cut a file to a size."""
        self._check_power()
        del file.seen[size:]
        file.changes.append(Change(size, None))
        self._count("truncate", file.name)

    def sync(self, file: File) -> None:
        """Make a file's bytes durable. Its name is another matter."""
        self._check_power()
        self._count("sync", file.name)
        if self.is_lying:
            return
        if self.fails_sync_of and file.name.endswith(self.fails_sync_of):
            self.fails_sync_of = ""
            self.syncs_failed += 1
            self.happened["syncs failed"] += 1
            self._settle(file)
            raise SyncFailed(file.name)
        _apply(file.durable, file.changes)
        file.changes.clear()

    def sync_names(self) -> None:
        """Make the directory durable: which names there are."""
        if not self.is_lying:
            self._kept = dict(self.files)
            self._selections.clear()

    # what befalls it

    def switch_off(self) -> None:
        """End the life of this disk: whoever still holds it can do nothing more."""
        self.cut = self.cut or Cut("none", "")

    def after_crash(self) -> Disk:
        """The disk as the next process finds it when only the process died: the page cache is still there."""
        self.switch_off()
        disk = Disk(self._chance, self.happened)
        disk.files, disk._kept, disk._selections = self.files, self._kept, self._selections
        return disk

    def after_power_loss(self) -> Disk:
        """The disk as the next boot finds it."""
        self.switch_off()
        disk = Disk(self._chance, self.happened)
        chances = self._chances()
        names = dict(self._kept)
        for naming in self._selections:
            if self._chance.random() < self._chance.choice(chances):
                _set(names, naming)
        for name, file in names.items():
            self._lose(file, self._chance.choice(chances))
            disk.files[name] = File(name, bytearray(file.durable), file.durable)
        disk._kept = dict(disk.files)
        return disk

    def _chances(self) -> tuple[float, ...]:
        """How likely an unsynced write is kept. All and nothing are as telling as anything between."""
        return self._chance.choice(((0.0,), (1.0,), (0.0, 1.0), (0.1, 0.5, 0.9), (0.0, 0.5, 1.0)))

    def _settle(self, file: File) -> None:
        """After a failed sync: some of it is durable, and the system believes that nothing is left to write."""
        self._lose(file, self._chance.choice((0.0, 0.5, 1.0)))

    def _lose(self, file: File, kept: float) -> None:
        """Make durable what is kept of the unsynced writes, and forget the rest."""
        _apply(file.durable, self._survivors(file.changes, kept))
        if len(file.durable) < len(file.seen) and self._chance.random() < kept / 4:
            self.happened["files grown without their bytes"] += 1
            _put(file.durable, len(file.seen), b"")
        file.changes.clear()

    def _survivors(self, changes: list[Change], kept: float) -> Iterator[Change]:
        if kept == 1:
            self.happened["sectors kept"] += sum(1 for change in changes for _ in _sectors(change))
            yield from changes
            return
        chance = self._chance.random
        for change in changes:
            for sector in _sectors(change):
                if chance() >= kept:
                    self.happened["sectors lost"] += 1
                elif sector.data and chance() < 0.2:
                    self.happened["sectors torn"] += 1
                    yield self._torn(sector, sector.data)
                else:
                    self.happened["sectors kept"] += 1
                    yield sector

    def _torn(self, sector: Change, data: bytes) -> Change:
        at = self._chance.randrange(len(data))
        if self._chance.random() < 0.5:
            return Change(sector.offset, data[:at])
        return Change(sector.offset + at, data[at:])

    def _name(self, name: str, file: File | None) -> None:
        naming = Selection(name, file)
        _set(self.files, naming)
        self._selections.append(naming)

    def _take_room(self, growth: int) -> bool:
        if self.room_bytes is None or growth <= 0:
            return False
        if growth > self.room_bytes:
            return True
        self.room_bytes -= growth
        return False

    def _check_power(self) -> None:
        if self.cut is not None:
            raise PowerIsOff(self.cut)

    def _count(self, operation: str, name: str) -> None:
        self.operations += 1
        if self.cut_after is not None and self.operations >= self.cut_after:
            self.cut = Cut(operation, name)
            raise PowerIsOff(self.cut)


def _set(names: dict[str, File], naming: Selection) -> None:
    if naming.file is None:
        names.pop(naming.name, None)
    else:
        names[naming.name] = naming.file


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content += bytes(offset - len(content))
    content[offset : offset + len(data)] = data


def _apply(content: bytearray, changes: Iterator[Change] | list[Change]) -> None:
    for change in changes:
        if change.data is None:
            del content[change.offset :]
        else:
            _put(content, change.offset, change.data)


def _sectors(change: Change) -> Iterator[Change]:
    """A write, sector by sector."""
    if change.data is None:
        yield change
        return
    start = 0
    while start < len(change.data):
        end = start + SECTOR_BYTES - (change.offset + start) % SECTOR_BYTES
        yield Change(change.offset + start, change.data[start:end])
        start = end
