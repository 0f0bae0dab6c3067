"""The C structures of a file system for SQLite: https://sqlite.org/c3ref/vfs.html and io_methods.html."""

from __future__ import annotations

import _sqlite3
import ctypes
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_double, c_int, c_int64, c_void_p

OK, BUSY, IOERR, NOTFOUND, FULL, CANTOPEN = 0, 5, 10, 12, 13, 14
IOERR_SHORT_READ, IOERR_FSYNC, IOERR_DELETE_NOENT = IOERR | 2 << 8, IOERR | 4 << 8, IOERR | 23 << 8
OPEN_CREATE, OPEN_DELETE_ON_CLOSE, OPEN_MAIN_JOURNAL, OPEN_WAL = 0x4, 0x8, 0x800, 0x80000
ACCESS_EXISTS = 0
POWERSAFE_OVERWRITE = 0x1000
SHM_UNLOCK, SHM_EXCLUSIVE = 1, 8


class FileMethods(Structure):
    """sqlite3_io_methods, version 2."""

    _fields_ = (
        ("version", c_int),
        ("close", CFUNCTYPE(c_int, c_void_p)),
        ("read", CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)),
        ("write", CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)),
        ("truncate", CFUNCTYPE(c_int, c_void_p, c_int64)),
        ("sync", CFUNCTYPE(c_int, c_void_p, c_int)),
        ("file_size", CFUNCTYPE(c_int, c_void_p, POINTER(c_int64))),
        ("lock", CFUNCTYPE(c_int, c_void_p, c_int)),
        ("unlock", CFUNCTYPE(c_int, c_void_p, c_int)),
        ("check_reserved_lock", CFUNCTYPE(c_int, c_void_p, POINTER(c_int))),
        ("file_control", CFUNCTYPE(c_int, c_void_p, c_int, c_void_p)),
        ("sector_size", CFUNCTYPE(c_int, c_void_p)),
        ("device_characteristics", CFUNCTYPE(c_int, c_void_p)),
        ("shm_map", CFUNCTYPE(c_int, c_void_p, c_int, c_int, c_int, POINTER(c_void_p))),
        ("shm_lock", CFUNCTYPE(c_int, c_void_p, c_int, c_int, c_int)),
        ("shm_barrier", CFUNCTYPE(None, c_void_p)),
        ("shm_unmap", CFUNCTYPE(c_int, c_void_p, c_int)),
    )


class OpenFile(Structure):
    """sqlite3_file, with a pointer to its methods. SQLite owns the memory; its address identifies the file."""

    _fields_ = (("methods", c_void_p),)


class FileSystem(Structure):
    """sqlite3_vfs, version 2, without the functions that load libraries."""

    _fields_ = (
        ("version", c_int),
        ("file_bytes", c_int),
        ("path_bytes_max", c_int),
        ("following", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p, c_int, POINTER(c_int))),
        ("delete", CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)),
        ("access", CFUNCTYPE(c_int, c_void_p, c_char_p, c_int, POINTER(c_int))),
        ("full_path", CFUNCTYPE(c_int, c_void_p, c_char_p, c_int, c_void_p)),
        ("library_open", c_void_p),
        ("library_error", c_void_p),
        ("library_symbol", c_void_p),
        ("library_close", c_void_p),
        ("randomness", CFUNCTYPE(c_int, c_void_p, c_int, c_void_p)),
        ("sleep", CFUNCTYPE(c_int, c_void_p, c_int)),
        ("current_time", CFUNCTYPE(c_int, c_void_p, POINTER(c_double))),
        ("last_error", CFUNCTYPE(c_int, c_void_p, c_int, c_void_p)),
        ("current_time_ms", CFUNCTYPE(c_int, c_void_p, POINTER(c_int64))),
    )


class SqliteHidden(Exception):
    """The build of this Python does not export the functions of its SQLite."""


def loaded_sqlite() -> ctypes.CDLL:
    """The same SQLite that this Python's sqlite3 uses, whether it is linked statically or dynamically."""
    found = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    try:
        found.sqlite3_vfs_find.argtypes = (c_char_p,)
        found.sqlite3_vfs_find.restype = c_void_p
        found.sqlite3_vfs_register.argtypes = (c_void_p, c_int)
        found.sqlite3_vfs_unregister.argtypes = (c_void_p,)
        found.sqlite3_randomness.argtypes = (c_int, c_void_p)
    except AttributeError as error:
        raise SqliteHidden(str(error)) from error
    return found
