"""Files and directories made durable, where what was done before does not suffice."""

from __future__ import annotations

import os
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def make_directory(path: Path) -> None:
    """Make a directory and those above it, to stay: a new name is durable once the directory it is in was synced."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_names(made.parent)


def write_again(path: Path) -> None:
    """Make durable what is seen of a file that an earlier process left, or that it is gone.

    That process may have been killed before its sync, or its sync may have failed. Reading shows what it wrote all the
    same, and power loss would take it back together with all that was built on it since. To sync once more is not
    enough: after a sync that failed, Linux believes that there is nothing left to write.
    Source: Rebello et al., Can Applications Recover from fsync Failures?, USENIX ATC 2020.
    """
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        sync_names(path.parent)
        return
    try:
        offset = 0
        while some := os.pread(file, _CHUNK_BYTES, offset):
            offset += os.pwrite(file, some, offset)
        os.fsync(file)
    finally:
        os.close(file)
    sync_names(path.parent)


def sync_names(directory: Path) -> None:
    """Make durable which names a directory holds."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
