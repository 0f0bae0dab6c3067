"""Make files and directories durable where SQLite's own syncs are not enough."""

from __future__ import annotations

import os
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def make_directory(path: Path) -> None:
    """Make a directory and its parents durably. A new name is durable once the directory that holds it is synced."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_names(made.parent)


def write_again(path: Path) -> None:
    """Make the content of a file that an earlier process left durable, or the fact that there is no file.

    That process may have been killed before its sync, or its sync may have failed. A reader sees the written bytes
    anyway. Power loss would remove them, with everything built on them since. Another sync is not enough: after a
    failed sync, Linux counts the pages as written.
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
    """Make the names in a directory durable."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
