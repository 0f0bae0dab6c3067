"""The simulated disk keeps synced bytes and may lose others. The trials depend on it."""

from __future__ import annotations

from random import Random

import pytest

from tests.power_loss.disk import SECTOR_BYTES, Disk, DiskFull, File, PowerIsOff, SyncFailed

SEEDS = range(200)


def disk_with(seed: int, content: bytes) -> tuple[Disk, File]:
    """A disk with one file, whose content and name are durable."""
    disk = Disk(Random(seed))
    file = made(disk, "log")
    disk.write(file, 0, content)
    disk.sync(file)
    disk.sync_names()
    return disk, file


def made(disk: Disk, name: str) -> File:
    file = disk.open(name, True)
    assert file is not None
    return file


def after_loss(disk: Disk, name: str = "log") -> bytes:
    return bytes(disk.after_power_loss().files[name].seen)


def test_synced_bytes_survive_a_power_loss() -> None:
    for seed in SEEDS:
        disk, _ = disk_with(seed, b"a" * 2_000)
        assert after_loss(disk) == b"a" * 2_000


def test_each_unsynced_sector_is_kept_lost_or_torn() -> None:
    kinds: dict[str, None] = {}
    for seed in SEEDS:
        disk, file = disk_with(seed, b"a" * 4 * SECTOR_BYTES)
        disk.write(file, 0, b"b" * 4 * SECTOR_BYTES)
        found = after_loss(disk)
        for start in range(0, len(found), SECTOR_BYTES):
            sector = found[start : start + SECTOR_BYTES]
            kinds[{b"a": "lost", b"b": "kept"}.get(bytes(sorted(set(sector))), "torn")] = None
    assert sorted(kinds) == ["kept", "lost", "torn"]


def test_later_writes_may_survive_where_earlier_ones_are_lost() -> None:
    found = []
    for seed in SEEDS:
        disk, file = disk_with(seed, b"a" * 2 * SECTOR_BYTES)
        disk.write(file, 0, b"b" * SECTOR_BYTES)
        disk.write(file, SECTOR_BYTES, b"c" * SECTOR_BYTES)
        found.append(after_loss(disk))
    assert b"a" * SECTOR_BYTES + b"c" * SECTOR_BYTES in found


def test_bytes_beside_a_write_are_never_damaged() -> None:
    for seed in SEEDS:
        disk, file = disk_with(seed, b"a" * 2 * SECTOR_BYTES)
        disk.write(file, 100, b"b" * SECTOR_BYTES)
        found = after_loss(disk)
        assert found[:100] + found[100 + SECTOR_BYTES :] == b"a" * SECTOR_BYTES


def test_unsynced_directory_may_lose_a_new_file_and_bring_back_a_deleted_one() -> None:
    found = []
    for seed in SEEDS:
        disk, _ = disk_with(seed, b"a")
        disk.sync(made(disk, "new"))
        disk.delete("log", is_synced=False)
        found.append(tuple(sorted(disk.after_power_loss().files)))
    assert sorted(set(found)) == [(), ("log",), ("log", "new"), ("new",)]


def test_killed_process_loses_none_of_its_writes() -> None:
    disk, file = disk_with(1, b"a")
    disk.write(file, 0, b"b")
    assert bytes(disk.after_crash().files["log"].seen) == b"b"


def test_after_a_failed_sync_the_next_one_succeeds_and_writes_nothing() -> None:
    found = []
    for seed in SEEDS:
        disk, file = disk_with(seed, b"a")
        disk.write(file, 0, b"b")
        disk.fails_sync_of = "log"
        with pytest.raises(SyncFailed):
            disk.sync(file)
        disk.sync(file)
        assert disk.read(file, 0, 1) == b"b"
        found.append(after_loss(disk))
    assert sorted(set(found)) == [b"a", b"b"]


def test_full_disk_accepts_writes_in_place_but_no_growth() -> None:
    disk, file = disk_with(1, b"a" * 10)
    disk.space_bytes = 5
    disk.write(file, 0, b"b" * 15)
    with pytest.raises(DiskFull):
        disk.write(file, 10, b"c" * 6)
    assert disk.read(file, 0, 100) == b"b" * 10 + b"c" * 5


def test_every_operation_fails_after_the_power_failed() -> None:
    disk, file = disk_with(1, b"a")
    disk.cut_after = disk.operations + 1
    for _ in range(2):
        with pytest.raises(PowerIsOff):
            disk.sync(file)
    with pytest.raises(PowerIsOff):
        disk.read(file, 0, 1)


def test_lying_disk_may_lose_synced_bytes() -> None:
    found = []
    for seed in SEEDS:
        disk, file = disk_with(seed, b"a")
        disk.is_lying = True
        disk.write(file, 0, b"b")
        disk.sync(file)
        found.append(after_loss(disk))
    assert b"a" in found
