"""The simulated disk as SQLite's file system, in the same library that Python's sqlite3 uses.

SQLite calls its file system through a table of C functions. This module makes the table with ctypes and registers it
as the default. So the journal opens its file as always, and no part of the journal is replaced. Only one process at a
time uses the disk, so locks and shared memory are plain objects; `put_in` discards them. Callbacks may come from any
thread; the lock of the interpreter serialises them.

The file system reports the same properties as SQLite's own for Linux: sectors of 4,096 bytes, and no damage to bytes
beside a write. It syncs the directory in two cases: at the first sync of a log or rollback journal that was opened with
OPEN_CREATE, and at a delete that requests it. It never does so for the database file.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import memmove, memset, string_at
from errno import EIO
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.power_loss import sqlite_tables as c
from tests.power_loss.disk import Disk, DiskError, DiskFull, File, PowerIsOff, SyncFailed
from tests.power_loss.locks import Locks, SharedMemory

SECTOR_BYTES_CLAIMED = 4_096
PATH_BYTES_MAX = 512
JULIAN_MS = 210_866_760_000_000 + 1_750_000_000_000
"""The constant current time, in milliseconds of the Julian calendar."""


class MountedDisk:
    """The state that the connections of one process share while it uses a disk."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.locks: dict[str, Locks] = {}
        self.memory: dict[str, SharedMemory] = {}


class Handle:
    """One open file of one connection."""

    def __init__(self, mounted: MountedDisk, file: File, flags: int) -> None:
        self.disk = mounted.disk
        self.file = file
        self.locks = mounted.locks.setdefault(file.name, Locks())
        self.memory = mounted.memory.setdefault(file.name, SharedMemory())
        self.syncs_names = bool(flags & c.OPEN_CREATE and flags & (c.OPEN_WAL | c.OPEN_MAIN_JOURNAL))


class SimulatedFiles:
    """SQLite's default file system while it is installed. It opens files on the disk that was put in last.

    SQLite keeps pointers to it, so each process has exactly one, which is never freed: `simulated_files()`.
    """

    def __init__(self) -> None:
        self.fault: Exception | None = None
        """An unexpected exception in a callback. SQLite cannot pass it on, so the trial reads it here."""
        self._mounted = MountedDisk(Disk(Random(0)))
        self._chance = Random(0)
        self._handles: dict[int, Handle] = {}
        self._sqlite = c.loaded_sqlite()
        self.methods = c.FileMethods(2)
        self._bind(self.methods, "file")
        self._system = c.FileSystem(2, ctypes.sizeof(c.OpenFile), PATH_BYTES_MAX, None, b"power-loss")
        self._bind(self._system, "system")

    def put_in(self, disk: Disk) -> None:
        """Use a disk from now on. Files that are still open stay on their old disk."""
        self._mounted = MountedDisk(disk)

    def write_again(self, path: Path) -> None:
        """Replace `durable_files.write_again`, which does not use SQLite."""
        disk = self._mounted.disk
        try:
            file = disk.open(str(path), False)
            if file is not None:
                self._check_not_orphaned(disk, file)
                disk.write(file, 0, bytes(file.seen))
                disk.sync(file)
            disk.sync_names()
        except DiskError as error:
            raise OSError(EIO, "simulated") from error

    @staticmethod
    def _check_not_orphaned(disk: Disk, log: File) -> None:
        """Check that a flawless disk never leaves a log that `damage.check_log` would refuse."""
        main = disk.open(log.name.removesuffix("-wal"), False)
        assert not log.seen or (main is not None and main.seen), "a log without its file"

    @contextmanager
    def installed(self, seed: int) -> Iterator[None]:
        """Make this the default file system, and seed SQLite's random numbers."""
        before = self._sqlite.sqlite3_vfs_find(None)
        self._chance = Random(seed)
        self._sqlite.sqlite3_vfs_register(ctypes.byref(self._system), 1)
        self._sqlite.sqlite3_randomness(0, None)
        try:
            yield
        finally:
            self._sqlite.sqlite3_vfs_register(before, 1)
            self._sqlite.sqlite3_vfs_unregister(ctypes.byref(self._system))
            self._sqlite.sqlite3_randomness(0, None)

    def _bind(self, table: ctypes.Structure, prefix: str) -> None:
        for name, kind in table._fields_:  # type: ignore[misc]
            method = getattr(self, f"_{prefix}_{name}", None)
            if method is not None:
                setattr(table, name, kind(self._guarded(method)))

    def _guarded(self, method: Callable[..., int]) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            try:
                return method(*arguments)
            except PowerIsOff:
                return c.IOERR
            except SyncFailed:
                return c.IOERR_FSYNC
            except DiskFull:
                return c.FULL
            except Exception as error:
                self.fault = error
                return c.IOERR

        return call

    # sqlite3_vfs

    def _system_open(self, _: int, name: bytes | None, address: int, flags: int, flags_out: Any) -> int:
        methods = c.OpenFile.from_address(address)
        methods.methods = None
        disk = self._mounted.disk
        file = File("") if name is None else disk.open(name.decode(), bool(flags & c.OPEN_CREATE))
        if file is None:
            return c.CANTOPEN
        self._handles[address] = Handle(self._mounted, file, flags)
        methods.methods = ctypes.addressof(self.methods)
        if flags_out:
            flags_out[0] = flags
        return c.OK

    def _system_delete(self, _: int, name: bytes, is_synced: int) -> int:
        disk = self._mounted.disk
        if disk.open(name.decode(), False) is None:
            return c.IOERR_DELETE_NOENT
        disk.delete(name.decode(), bool(is_synced))
        return c.OK

    def _system_access(self, _: int, name: bytes, flags: int, found: Any) -> int:
        file = self._mounted.disk.open(name.decode(), False)
        found[0] = file is not None and (flags != c.ACCESS_EXISTS or len(file.seen) > 0)
        return c.OK

    def _system_full_path(self, _: int, name: bytes, length: int, path: int) -> int:
        if len(name) >= length:
            return c.CANTOPEN
        memmove(path, name + b"\0", len(name) + 1)
        return c.OK

    def _system_randomness(self, _: int, length: int, target: int) -> int:
        memmove(target, self._chance.randbytes(length), length)
        return length

    def _system_sleep(self, _: int, duration_us: int) -> int:
        return duration_us

    def _system_current_time(self, _: int, day: Any) -> int:
        day[0] = JULIAN_MS / 86_400_000
        return c.OK

    def _system_current_time_ms(self, _: int, moment: Any) -> int:
        moment[0] = JULIAN_MS
        return c.OK

    def _system_last_error(self, *_: int) -> int:
        return c.OK

    # sqlite3_io_methods

    def _file_close(self, address: int) -> int:
        handle = self._handles.pop(address)
        handle.locks.lower(address, 0)
        return c.OK

    def _file_read(self, address: int, target: int, length: int, offset: int) -> int:
        handle = self._handles[address]
        data = handle.disk.read(handle.file, offset, length)
        memmove(target, data, len(data))
        if len(data) == length:
            return c.OK
        memset(target + len(data), 0, length - len(data))
        return c.IOERR_SHORT_READ

    def _file_write(self, address: int, source: int, length: int, offset: int) -> int:
        handle = self._handles[address]
        handle.disk.write(handle.file, offset, string_at(source, length))
        return c.OK

    def _file_truncate(self, address: int, size: int) -> int:
        handle = self._handles[address]
        handle.disk.truncate(handle.file, size)
        return c.OK

    def _file_sync(self, address: int, _: int) -> int:
        handle = self._handles[address]
        handle.disk.sync(handle.file)
        if handle.syncs_names:
            handle.disk.sync_names()
            handle.syncs_names = False
        return c.OK

    def _file_file_size(self, address: int, size: Any) -> int:
        handle = self._handles[address]
        size[0] = handle.disk.size(handle.file)
        return c.OK

    def _file_lock(self, address: int, level: int) -> int:
        handle = self._handles[address]
        handle.disk.size(handle.file)  # fails if the power is off
        return c.OK if handle.locks.take(address, level) else c.BUSY

    def _file_unlock(self, address: int, level: int) -> int:
        self._handles[address].locks.lower(address, level)
        return c.OK

    def _file_check_reserved_lock(self, address: int, found: Any) -> int:
        found[0] = self._handles[address].locks.is_reserved
        return c.OK

    def _file_file_control(self, *_: int) -> int:
        return c.NOTFOUND

    def _file_sector_size(self, _: int) -> int:
        return SECTOR_BYTES_CLAIMED

    def _file_device_characteristics(self, _: int) -> int:
        return c.POWERSAFE_OVERWRITE

    def _file_shm_map(self, address: int, number: int, length: int, may_extend: int, region: Any) -> int:
        region[0] = self._handles[address].memory.region(address, number, length, bool(may_extend))
        return c.OK

    def _file_shm_lock(self, address: int, first: int, count: int, flags: int) -> int:
        handle, slots = self._handles[address], range(first, first + count)
        if flags & c.SHM_UNLOCK:
            handle.memory.release(address, slots)
            return c.OK
        handle.disk.size(handle.file)  # fails if the power is off
        return c.OK if handle.memory.take(address, slots, bool(flags & c.SHM_EXCLUSIVE)) else c.BUSY

    def _file_shm_barrier(self, _: int) -> None:
        pass

    def _file_shm_unmap(self, address: int, _: int) -> int:
        self._handles[address].memory.leave(address)
        return c.OK


@cache
def simulated_files() -> SimulatedFiles:
    """The only instance of this process."""
    return SimulatedFiles()
