"""The simulated disk keeps what was synced and loses what it may: trials are worth as much as it is."""

from __future__ import annotations

from random import Random

import pytest

from tests.power_loss.disk import SECTOR_BYTES, Disk, DiskFull, File, PowerIsOff, SyncFailed

SEEDS = range(200)


def disk_with(seed: int, content: bytes) -> tuple[Disk, File]:
    """A disk with one file that is durable in content and in name."""
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


def test_what_was_synced_survives_the_loss_of_power() -> None:
    for seed in SEEDS:
        disk, _ = disk_with(seed, b"a" * 2_000)
        assert after_loss(disk) == b"a" * 2_000


def test_of_unsynced_sectors_each_is_kept_lost_or_torn() -> None:
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


def test_bytes_beside_a_write_are_never_harmed() -> None:
    for seed in SEEDS:
        disk, file = disk_with(seed, b"a" * 2 * SECTOR_BYTES)
        disk.write(file, 100, b"b" * SECTOR_BYTES)
        found = after_loss(disk)
        assert found[:100] + found[100 + SECTOR_BYTES :] == b"a" * SECTOR_BYTES


def test_file_whose_directory_was_not_synced_may_be_gone_or_back() -> None:
    held = []
    for seed in SEEDS:
        disk, _ = disk_with(seed, b"a")
        disk.sync(made(disk, "new"))
        disk.delete("log", is_synced=False)
        held.append(tuple(sorted(disk.after_power_loss().files)))
    assert sorted(set(held)) == [(), ("log",), ("log", "new"), ("new",)]


def test_process_that_dies_loses_nothing_it_wrote() -> None:
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


def test_full_disk_takes_writes_in_place_and_no_growth() -> None:
    disk, file = disk_with(1, b"a" * 10)
    disk.room_bytes = 5
    disk.write(file, 0, b"b" * 15)
    with pytest.raises(DiskFull):
        disk.write(file, 10, b"c" * 6)
    assert disk.read(file, 0, 100) == b"b" * 10 + b"c" * 5


def test_disk_without_power_does_nothing_more() -> None:
    disk, file = disk_with(1, b"a")
    disk.cut_after = disk.operations + 1
    for _ in range(2):
        with pytest.raises(PowerIsOff):
            disk.sync(file)
    with pytest.raises(PowerIsOff):
        disk.read(file, 0, 1)


def test_lying_disk_forgets_what_it_said_was_synced() -> None:
    found = []
    for seed in SEEDS:
        disk, file = disk_with(seed, b"a")
        disk.is_lying = True
        disk.write(file, 0, b"b")
        disk.sync(file)
        found.append(after_loss(disk))
    assert b"a" in found
