"""A disk in memory that loses power: it keeps all synced bytes, and any part of the others.

A file has the bytes that the running system sees (`seen`, its page cache), the bytes that are certainly on the platter
(`durable`), and the unsynced writes between the two, in order. A sync makes the writes of a file durable. When the
power fails, each sector of each unsynced write is kept, lost, or torn at some byte, independently of all others. So a
later write may survive where an earlier one is lost. Bytes beside a write are never damaged. Names follow the minimum
that POSIX guarantees: until its directory is synced, a created file may vanish, and a deleted one may come back.

A disk exists from power-on to power-off. `after_power_loss` and `after_crash` make the disk that the next process
finds; every operation on the old disk then fails. Tests set the faults: `cut_after`, `fails_sync_of`, `space_bytes`,
`is_lying`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

SECTOR_BYTES = 512


class DiskError(Exception):
    """An operation failed; the subclass names the failure."""


class PowerIsOff(DiskError):
    """The power failed during this operation, or before it."""


class SyncFailed(DiskError):
    """EIO: each unsynced write may be durable or lost; a later sync does not write it."""


class DiskFull(DiskError):
    """ENOSPC: there was no space for the write, or for its end."""


@dataclass(frozen=True, slots=True)
class Change:
    """An unsynced write, or an unsynced truncation to `offset` (`data` is None)."""

    offset: int
    data: bytes | None


@dataclass(slots=True)
class File:
    """The seen and the durable bytes of one file."""

    name: str
    seen: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NameChange:
    """An unsynced change of the directory: the file that a name now stands for, or None if it was deleted."""

    name: str
    file: File | None


@dataclass(frozen=True, slots=True)
class Cut:
    """The operation, and its file, during which the power failed."""

    operation: str
    name: str


class Disk:
    """One directory of files between power-on and power-off."""

    def __init__(self, chance: Random, events: Counter[str] | None = None) -> None:
        self.files: dict[str, File] = {}
        self.events: Counter[str] = Counter() if events is None else events
        """How often each fault occurred, and how often an unsynced sector was kept, lost or torn."""
        self.cut: Cut | None = None
        """Set once the power is off."""
        self.operations = 0
        self.syncs_failed = 0
        self.cut_after: int | None = None
        """The number of the operation during which the power fails. Reads are not counted."""
        self.fails_sync_of = ""
        """The next sync of a file whose name has this ending fails."""
        self.space_bytes: int | None = None
        """Free space: the number of bytes by which files can still grow."""
        self.is_lying = False
        """Whether a sync returns immediately and does nothing."""
        self._chance = chance
        self._kept: dict[str, File] = {}
        self._name_changes: list[NameChange] = []

    # operations of a file system

    def open(self, name: str, may_create: bool) -> File | None:
        """Return the file of this name, or None. Create it if it is missing and `may_create`."""
        self._check_power()
        file = self.files.get(name)
        if file is None and may_create:
            file = File(name)
            self._name(name, file)
            self._count("create", name)
        return file

    def delete(self, name: str, is_synced: bool) -> None:
        """Delete a name."""
        self._check_power()
        self._name(name, None)
        self._count("delete", name)
        if is_synced:
            self.sync_names()

    def read(self, file: File, offset: int, length: int) -> bytes:
        """Return bytes as the running system sees them; fewer than `length` at the end of the file."""
        self._check_power()
        return bytes(file.seen[offset : offset + length])

    def size(self, file: File) -> int:
        """The size of the file in bytes, as the running system sees it."""
        self._check_power()
        return len(file.seen)

    def write(self, file: File, offset: int, data: bytes) -> None:
        """Write to the page cache. The write is durable after the next sync; after a power loss it may be."""
        self._check_power()
        is_short = self._use_space(offset + len(data) - len(file.seen))
        if is_short:
            data = data[: max(0, len(file.seen) - offset)]
        _put(file.seen, offset, data)
        file.changes.append(Change(offset, data))
        self._count("write", file.name)
        if is_short:
            self.events["writes without space"] += 1
            raise DiskFull(file.name)

    def truncate(self, file: File, size: int) -> None:
        """Truncate a file to a size."""
        self._check_power()
        del file.seen[size:]
        file.changes.append(Change(size, None))
        self._count("truncate", file.name)

    def sync(self, file: File) -> None:
        """Make the bytes of a file durable, but not its name."""
        self._check_power()
        self._count("sync", file.name)
        if self.is_lying:
            return
        if self.fails_sync_of and file.name.endswith(self.fails_sync_of):
            self.fails_sync_of = ""
            self.syncs_failed += 1
            self.events["syncs failed"] += 1
            self._settle(file)
            raise SyncFailed(file.name)
        _apply(file.durable, file.changes)
        file.changes.clear()

    def sync_names(self) -> None:
        """Make the names in the directory durable."""
        if not self.is_lying:
            self._kept = dict(self.files)
            self._name_changes.clear()

    # power loss and crash

    def switch_off(self) -> None:
        """Switch this disk off: every later operation on it fails."""
        self.cut = self.cut or Cut("none", "")

    def after_crash(self) -> Disk:
        """The disk that the next process finds after only the process died. It still has its page cache."""
        self.switch_off()
        disk = Disk(self._chance, self.events)
        disk.files, disk._kept, disk._name_changes = self.files, self._kept, self._name_changes
        return disk

    def after_power_loss(self) -> Disk:
        """The disk that the next boot finds."""
        self.switch_off()
        disk = Disk(self._chance, self.events)
        chances = self._chances()
        names = dict(self._kept)
        for change in self._name_changes:
            if self._chance.random() < self._chance.choice(chances):
                _set(names, change)
        for name, file in names.items():
            self._lose(file, self._chance.choice(chances))
            disk.files[name] = File(name, bytearray(file.durable), file.durable)
        disk._kept = dict(disk.files)
        return disk

    def _chances(self) -> tuple[float, ...]:
        """Probabilities that an unsynced write is kept. The extremes find as many flaws as values between them."""
        return self._chance.choice(((0.0,), (1.0,), (0.0, 1.0), (0.1, 0.5, 0.9), (0.0, 0.5, 1.0)))

    def _settle(self, file: File) -> None:
        """Make some of the writes durable after a failed sync; the system treats all of them as written."""
        self._lose(file, self._chance.choice((0.0, 0.5, 1.0)))

    def _lose(self, file: File, kept: float) -> None:
        """Make the kept part of the unsynced writes durable, and drop the rest."""
        _apply(file.durable, self._survivors(file.changes, kept))
        if len(file.durable) < len(file.seen) and self._chance.random() < kept / 4:
            self.events["files grown without their bytes"] += 1
            _put(file.durable, len(file.seen), b"")
        file.changes.clear()

    def _survivors(self, changes: list[Change], kept: float) -> Iterator[Change]:
        if kept == 1:
            self.events["sectors kept"] += sum(1 for change in changes for _ in _sectors(change))
            yield from changes
            return
        chance = self._chance.random
        for change in changes:
            for sector in _sectors(change):
                if chance() >= kept:
                    self.events["sectors lost"] += 1
                elif sector.data and chance() < 0.2:
                    self.events["sectors torn"] += 1
                    yield self._torn(sector, sector.data)
                else:
                    self.events["sectors kept"] += 1
                    yield sector

    def _torn(self, sector: Change, data: bytes) -> Change:
        at = self._chance.randrange(len(data))
        if self._chance.random() < 0.5:
            return Change(sector.offset, data[:at])
        return Change(sector.offset + at, data[at:])

    def _name(self, name: str, file: File | None) -> None:
        change = NameChange(name, file)
        _set(self.files, change)
        self._name_changes.append(change)

    def _use_space(self, growth: int) -> bool:
        if self.space_bytes is None or growth <= 0:
            return False
        if growth > self.space_bytes:
            return True
        self.space_bytes -= growth
        return False

    def _check_power(self) -> None:
        if self.cut is not None:
            raise PowerIsOff(self.cut)

    def _count(self, operation: str, name: str) -> None:
        self.operations += 1
        if self.cut_after is not None and self.operations >= self.cut_after:
            self.cut = Cut(operation, name)
            raise PowerIsOff(self.cut)


def _set(names: dict[str, File], change: NameChange) -> None:
    if change.file is None:
        names.pop(change.name, None)
    else:
        names[change.name] = change.file


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
    """Split a write into sectors."""
    if change.data is None:
        yield change
        return
    start = 0
    while start < len(change.data):
        end = start + SECTOR_BYTES - (change.offset + start) % SECTOR_BYTES
        yield Change(change.offset + start, change.data[start:end])
        start = end
