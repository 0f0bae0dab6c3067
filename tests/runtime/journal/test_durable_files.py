"""Files and directories are durable where the journal depends on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from replica.core.state.replica import Replica
from replica.runtime.journal.durable_files import make_directory, write_again
from replica.runtime.journal.sqlite_journal import FILE_NAME, open_journal
from tests.contract.test_journal import INCARNATION, WRITER, commit, receive, replica_of

Touched = dict[str, list[int]]


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Touched]:
    """Inodes that Python wrote to and synced, in order, and the ends of the writes that each follow the one before."""
    found: Touched = {"written": [], "synced": [], "ends": [0]}
    real_write, real_sync = os.pwrite, os.fsync

    def write(file: int, data: bytes, offset: int) -> int:
        found["written"].append(os.fstat(file).st_ino)
        if offset == found["ends"][-1]:
            found["ends"].append(offset + max(1, len(data) // 2))
        return real_write(file, data[: max(1, len(data) // 2)], offset)  # a system may write less than it was given

    def sync(file: int) -> None:
        found["synced"].append(os.fstat(file).st_ino)
        real_sync(file)

    monkeypatch.setattr(os, "pwrite", write)
    monkeypatch.setattr(os, "fsync", sync)
    yield found


def test_file_written_again_has_the_same_bytes_and_is_synced_with_its_name(tmp_path: Path, touched: Touched) -> None:
    path = tmp_path / "log"
    content = os.urandom(3_000_000)
    path.write_bytes(content)
    write_again(path)
    assert path.read_bytes() == content
    assert touched["ends"][-1] == len(content)
    assert touched["synced"] == [path.stat().st_ino, tmp_path.stat().st_ino]


def test_missing_file_is_not_made_and_its_absence_is_synced(tmp_path: Path, touched: Touched) -> None:
    write_again(tmp_path / "log")
    assert list(tmp_path.iterdir()) == []
    assert touched["synced"] == [tmp_path.stat().st_ino]


def test_names_of_all_new_directories_are_synced(tmp_path: Path, touched: Touched) -> None:
    make_directory(tmp_path / "a" / "b")
    assert touched["synced"] == [(tmp_path / "a").stat().st_ino, tmp_path.stat().st_ino]
    make_directory(tmp_path / "a" / "b")
    assert len(touched["synced"]) == 2


async def test_log_of_a_killed_process_is_written_again_before_it_is_read(tmp_path: Path, touched: Touched) -> None:
    living, killed = tmp_path / "living", tmp_path / "killed"
    journal, replica = await open_journal(living, "store-1", INCARNATION), replica_of()
    await journal.load()
    receive(replica, "r1", 10)
    await commit(journal, replica)
    shutil.copytree(living, killed, ignore=shutil.ignore_patterns("*-shm"))
    await journal.close()
    log = (killed / f"{FILE_NAME}-wal").stat().st_ino
    journal = await open_journal(killed, "store-1", INCARNATION)
    loaded = Replica(WRITER, ("store-1",), await journal.load())
    await journal.close()
    assert log in touched["written"]
    assert log in touched["synced"]
    assert loaded.digests() == replica.digests()
