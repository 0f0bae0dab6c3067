"""Guarantees of the SQLite journal alone: its file, its lock, a full disk, and a checked checkpoint."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from structlog.testing import capture_logs

from replica.core.base.errors import StorageFull, Unknown
from replica.core.catalog.documents import pack_value
from replica.core.catalog.search_terms import read_terms
from replica.core.log.entry import start
from replica.core.log.entry_run import ReceivedRun
from replica.core.orders.context import OrderPolicy
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.replica import Replica
from replica.core.stock.requests import Count, CountLine
from replica.runtime.journal import batch_row, connections, sqlite_journal
from replica.runtime.journal.connections import LOG_PAGES_MAX, PAGE_BYTES
from replica.runtime.journal.damage import DataRefused
from replica.runtime.journal.data import open_replica
from replica.runtime.journal.segment import SEGMENT_ENTRIES_MAX
from replica.runtime.journal.sqlite_journal import FILE_NAME, SqliteJournal, open_journal
from replica.runtime.journal.verification import verify_file
from replica.runtime.world import SystemEntropy
from tests.contract.test_journal import INCARNATION, WRITER, commit, receive, replica_of, sell


async def opened(directory: Path) -> SqliteJournal:
    return await open_journal(directory, "store-1", INCARNATION)


def rows_of(path: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def forget(path: Path, *tables: str) -> None:
    """Empty some tables of a journal that is closed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for table in tables:
            connection.execute(f"DELETE FROM {table}")


async def filled(directory: Path) -> Replica:
    """A closed journal with some entries in it, and the replica that wrote them."""
    journal, replica = await opened(directory), replica_of()
    await journal.load()
    receive(replica, "r1", 100)
    for number in range(10):
        sell(replica, f"s{number}")
    await commit(journal, replica)
    await journal.close()
    return replica


async def commit_each(journal: SqliteJournal, replica: Replica, numbers: Iterable[int]) -> None:
    """One commit for each number, with a sale after each."""
    for number in numbers:
        await commit(journal, replica)
        sell(replica, f"s{number}")


async def varied(directory: Path) -> None:
    """A closed journal with an order, a count and a document in it."""
    journal, replica = await opened(directory), replica_of()
    await journal.load()
    receive(replica, "r1", 10)
    decisions.execute(
        replica,
        Command("", Placement(order="o-1", lines=(PlacedLine(2, "cola"),), paid=True), b"o1"),
        1_700_000_000_000,
    )
    decisions.execute(replica, Command("store-1", Count((CountLine("cola", 8),)), b"c1"), 1_700_000_001_000)
    decisions.write(
        replica, DocumentWrite("sku", "cola-6", pack_value({"recipe": {"cola": 6}}), b"d1"), 1_700_000_002_000
    )
    await commit(journal, replica)
    await journal.close()


async def test_commits_are_synchronous_in_wal_mode_with_a_bounded_log(tmp_path: Path) -> None:
    journal = await opened(tmp_path)
    pragmas = [
        await journal.on_writer(lambda c, n=name: c.execute(f"PRAGMA {n}").fetchone()[0])
        for name in ("journal_mode", "synchronous", "journal_size_limit")
    ]
    await journal.close()
    assert pragmas == ["wal", 2, LOG_PAGES_MAX * PAGE_BYTES]


async def test_an_older_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 2))
    with pytest.raises(DataRefused, match=r"at least 3\.38\.0 is needed"):
        await opened(tmp_path)


async def test_a_batch_is_one_statement(tmp_path: Path) -> None:
    journal, replica = await opened(tmp_path), replica_of()
    statements: list[str] = []
    receive(replica, "r1", 10)
    decisions.execute(
        replica,
        Command("", Placement(order="o-1", lines=(PlacedLine(2, "cola"),), paid=True), b"o1"),
        1_700_000_000_000,
    )
    decisions.execute(replica, Command("store-1", Count((CountLine("cola", 8),)), b"c1"), 1_700_000_001_000)
    await journal.on_writer(lambda c: c.set_trace_callback(statements.append))
    await commit(journal, replica)
    await journal.close()
    assert len(set(statements)) == 1  # SQLite reports it again for each statement of the trigger


async def test_an_enormous_batch_is_one_transaction_of_several_statements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    files = [tmp_path / name for name in ("whole", "in-parts")]
    for directory in files:
        journal, replica = await opened(directory), replica_of()
        await journal.on_writer(lambda c: c.set_trace_callback(statements.append))
        receive(replica, "r1", 1_000)
        for number in range(3 * SEGMENT_ENTRIES_MAX):
            sell(replica, f"s{number}")
        for number in range(3):
            order = Placement(order=f"o-{number}", lines=(PlacedLine(2, "cola"),), paid=True)
            decisions.execute(replica, Command("", order, b"o%d" % number), 1_700_000_000_000)
        await commit(journal, replica)
        await journal.close()
        monkeypatch.setattr(batch_row, "BYTES_MAX", 1_000)
    assert len([one for one in dict.fromkeys(statements) if one.startswith("INSERT INTO batches")]) == 1 + 4 + 1
    assert statements[-1] == "COMMIT"
    for table in ("streams", "segments", "keys", "items", "lanes", "cells", "orders"):
        whole, in_parts = [rows_of(one / FILE_NAME, f"SELECT * FROM {table}") for one in files]
        assert whole and whole == in_parts


async def test_log_is_copied_into_the_file_while_commits_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_journal, "COPY_COMMITS", 3)
    journal, replica = await opened(tmp_path), replica_of()
    receive(replica, "r1", 100)
    await commit_each(journal, replica, range(2))
    assert journal.log_copy is None
    await commit(journal, replica)
    assert journal.log_copy is not None
    await journal.log_copy
    without_log = tmp_path / "copy.sqlite"
    without_log.write_bytes((tmp_path / FILE_NAME).read_bytes())
    assert rows_of(without_log, "SELECT sum(sequence) FROM streams") == [(3,)]
    await journal.close()


async def test_log_restarts_under_constant_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_journal, "COPY_COMMITS", 1_000)
    monkeypatch.setattr(connections, "LOG_PAGES_MAX", 50)
    journal, replica = await opened(tmp_path), replica_of()
    receive(replica, "r1", 1_000)
    await commit_each(journal, replica, range(100))
    log_bytes = (tmp_path / f"{FILE_NAME}-wal").stat().st_size
    await journal.close()
    assert log_bytes < 100 * PAGE_BYTES


async def test_log_that_a_long_reader_made_longer_is_cut_back_after_it_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LOG_PAGES_MAX", 20)
    journal, replica = await opened(tmp_path), replica_of()
    log = tmp_path / f"{FILE_NAME}-wal"
    reading = sqlite3.connect(tmp_path / FILE_NAME)
    reading.execute("BEGIN")
    reading.execute("SELECT count(*) FROM segments").fetchall()
    receive(replica, "r1", 1_000)
    await commit_each(journal, replica, range(60))
    assert log.stat().st_size > 50 * PAGE_BYTES
    reading.close()
    await commit_each(journal, replica, range(60, 64))
    assert log.stat().st_size <= 20 * PAGE_BYTES
    await journal.close()


async def test_journal_closes_during_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_journal, "COPY_COMMITS", 1)
    journal, replica = await opened(tmp_path), replica_of()
    receive(replica, "r1", 100)
    await commit(journal, replica)
    assert journal.log_copy is not None
    await journal.close()
    assert journal.log_copy.done()
    assert journal.log_copy.exception() is None


async def test_full_disk_starts_a_copy_of_the_log(tmp_path: Path) -> None:
    journal, replica = await opened(tmp_path), replica_of()
    await journal.on_writer(lambda c: c.execute("PRAGMA max_page_count = 1").fetchall())
    with pytest.raises(StorageFull):
        for number in range(1_000):
            receive(replica, f"receipt-{number}" * 10, 1)
            await commit(journal, replica)
    assert journal.log_copy is not None
    await journal.close()


async def test_notes_without_room_are_not_kept_and_any_other_failure_is_unknown(tmp_path: Path) -> None:
    journal = await opened(tmp_path)
    await journal.on_writer(lambda c: c.execute("PRAGMA max_page_count = 1").fetchall())
    await journal.keep({"a": bytes(1 << 20)}, 9)
    assert await journal.kept() == {}
    await journal.on_writer(lambda c: c.execute("DROP TABLE notes").fetchall())
    with pytest.raises(Unknown, match="no such table"):
        await journal.keep({"a": b"1"}, 9)
    await journal.close()


async def test_a_search_does_not_wait_for_a_long_page_of_the_journal(tmp_path: Path) -> None:
    journal = await opened(tmp_path)
    await journal.load()
    is_over = Event()
    page = asyncio.create_task(journal._query.run(lambda _: is_over.wait(5)))
    await asyncio.sleep(0)  # the page is read first
    assert (await journal.search(read_terms("cola"))).found == []
    assert not page.done()
    is_over.set()
    assert await page
    await journal.close()


async def test_second_journal_on_one_directory_is_refused(tmp_path: Path) -> None:
    journal = await opened(tmp_path)
    with pytest.raises(DataRefused, match="in use by another process"):
        await opened(tmp_path)
    await journal.close()
    await (await opened(tmp_path)).close()


async def test_data_of_another_node_is_refused(tmp_path: Path) -> None:
    await (await opened(tmp_path)).close()
    with pytest.raises(DataRefused, match="belongs to node 'store-1'"):
        await open_journal(tmp_path, "store-2", INCARNATION)


async def test_existing_file_keeps_its_incarnation(tmp_path: Path) -> None:
    await (await opened(tmp_path)).close()
    journal = await open_journal(tmp_path, "store-1", "ffffffffffff")
    assert journal.incarnation == INCARNATION
    await journal.close()


LATER_TABLES = ("clock_faults", "documents_past", "receipts", "questioned_receipts", "transfers")
"""Tables of the schemas after the fourth."""


async def test_a_deleted_sku_in_a_file_of_an_earlier_schema_keeps_its_recipe(tmp_path: Path) -> None:
    journal, replica = await opened(tmp_path), replica_of()
    await journal.load()
    receive(replica, "r1", 100)
    for number, value in enumerate((pack_value({"recipe": {"cola": 6}}), None)):
        decisions.write(replica, DocumentWrite("sku", "six", value, f"d{number}".encode()), 1_700_000_000_000)
    await commit(journal, replica)
    await journal.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as connection:
        for table in LATER_TABLES:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 4")
    journal = await opened(tmp_path)
    loaded = Replica(WRITER, ("store-1",), await journal.load())
    await journal.close()
    assert loaded.catalog.recipe_of("six", "sku", is_fact=True) == (("cola", 6),)
    assert loaded.digests() == replica.digests()


async def test_newer_schema_is_refused_by_an_older_program(tmp_path: Path) -> None:
    await (await opened(tmp_path)).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DataRefused, match="schema 99"):
        await opened(tmp_path)


async def test_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database at all" * 100)
    with pytest.raises(DataRefused, match="not a database"):
        await opened(tmp_path)


async def test_schema_that_is_not_valid_text_is_refused(tmp_path: Path) -> None:
    await filled(tmp_path)
    content = (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(content.replace(b"CREATE TABLE streams", b"CREATE TABLE str\xd1ams"))
    with pytest.raises(DataRefused, match="restore a backup"):
        await opened(tmp_path)


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM cells", "UPDATE cells SET total = total + 1", "DELETE FROM cells WHERE rowid IN (SELECT 1)"],
)
async def test_damaged_checkpoint_is_folded_again_from_the_journal(tmp_path: Path, damage: str) -> None:
    replica = await filled(tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute(damage.replace("rowid IN (SELECT 1)", "lane = 1"))
    connection.close()
    journal = await opened(tmp_path)
    loaded = Replica(WRITER, ("store-1",), await journal.load())
    assert loaded.digests() == replica.digests()
    await journal.close()
    assert verify_file(tmp_path / FILE_NAME, believes_all=True).differences == []
    with capture_logs() as logs:
        journal = await opened(tmp_path)
        assert Replica(WRITER, ("store-1",), await journal.load()).digests() == replica.digests()
        await journal.close()
    assert logs == []  # it is not folded a second time


async def test_an_opened_replica_holds_the_journal_and_logs_its_size(tmp_path: Path) -> None:
    replica = await filled(tmp_path)
    with capture_logs() as logs:
        loaded, journal = await open_replica(
            tmp_path, "store-1", ("store-1",), SystemEntropy(), open_catalog=True, order_policy=OrderPolicy()
        )
    await journal.close()
    assert loaded.digests() == replica.digests()
    assert [(one["writer"], one["entries"], one["scopes"]) for one in logs] == [(WRITER, 11, 1)]


async def test_a_failed_commit_is_unknown_and_names_its_cause(tmp_path: Path) -> None:
    journal, replica = await opened(tmp_path), replica_of()
    receive(replica, "r1", 10)
    batch = replica.take_batch()
    await journal.append(batch)
    await journal.on_writer(lambda c: c.execute("UPDATE segments SET arrival = 2"))
    with pytest.raises(Unknown, match="UNIQUE"):
        await journal.append(batch)
    await journal.on_writer(lambda c: c.execute("DROP VIEW batches"))
    with pytest.raises(Unknown, match="no such table"):
        await journal.append(batch)
    await journal.close()


async def test_a_table_of_another_form_is_refused_by_its_name(tmp_path: Path) -> None:
    await filled(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as connection:
        connection.execute("ALTER TABLE counts ADD COLUMN of_development TEXT")
    with pytest.raises(DataRefused, match="'counts'"):
        await opened(tmp_path)


async def test_stream_that_does_not_end_with_its_head_is_refused(tmp_path: Path) -> None:
    await filled(tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE streams SET hash = x'00'")
    connection.close()
    journal = await opened(tmp_path)
    with pytest.raises(DataRefused, match="does not end with its head"):
        await journal.load()
    await journal.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE orders SET state = x'c1'",
        "UPDATE orders SET state = 'text'",
        "UPDATE counts SET state = x'90'",
        "DELETE FROM items",
        "DELETE FROM lanes",
        "UPDATE segments SET sequence = 'text'",
        "UPDATE streams SET clock = 'text'",
        "DELETE FROM node",
    ],
)
async def test_data_with_damaged_rows_is_refused_and_unlocked(tmp_path: Path, damage: str) -> None:
    await varied(tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute(damage)
    connection.close()
    for _ in range(2):
        with pytest.raises(DataRefused, match="restore a backup"):
            await open_replica(
                tmp_path, "store-1", ("store-1",), SystemEntropy(), open_catalog=True, order_policy=OrderPolicy()
            )


async def test_log_without_its_file_is_kept_and_refused(tmp_path: Path) -> None:
    journal, replica = await opened(tmp_path), replica_of()
    receive(replica, "r1", 10)
    await commit(journal, replica)
    copied = {name: (tmp_path / name).read_bytes() for name in (FILE_NAME, f"{FILE_NAME}-wal")}
    await journal.close()
    for name, content in copied.items():
        (tmp_path / name).write_bytes(content)
    for damage in (lambda file: file.write_bytes(b""), Path.unlink):
        damage(tmp_path / FILE_NAME)
        with pytest.raises(DataRefused, match="-wal is not"):
            await opened(tmp_path)
        assert (tmp_path / f"{FILE_NAME}-wal").read_bytes() == copied[f"{FILE_NAME}-wal"]
    (tmp_path / FILE_NAME).write_bytes(copied[FILE_NAME])
    journal = await opened(tmp_path)
    assert len((await journal.read(0, 10)).stored) == 1
    await journal.close()


async def test_full_disk_writes_nothing_and_recovers_when_there_is_room(tmp_path: Path) -> None:
    journal, replica = await opened(tmp_path), replica_of()
    await journal.load()
    receive(replica, "r1", 1_000_000)
    arrival = await commit(journal, replica)
    before = replica.digests()
    pages = await journal.on_writer(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await journal.on_writer(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    for number in range(500):
        sell(replica, f"full-{number}", item=f"item-{number}")
    with pytest.raises(StorageFull):
        await commit(journal, replica)
    replica.restore(await journal.load())
    assert replica.digests() == before
    assert (await journal.read(arrival, 10)).stored == []
    assert await journal.find([b"full-1"]) == {}
    await journal.on_writer(lambda c: c.execute("PRAGMA max_page_count = 1073741823").fetchone())
    sell(replica, "after", 5)
    assert await commit(journal, replica) == arrival + 1
    await journal.close()
    loaded = await opened(tmp_path)
    assert Replica(WRITER, ("store-1",), await loaded.load()).digests() == replica.digests()
    await loaded.close()


async def test_open_write_does_not_block_a_reader(tmp_path: Path) -> None:
    journal, replica = await opened(tmp_path), replica_of()
    await journal.load()
    receive(replica, "r1", 10)
    await commit(journal, replica)
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert len((await journal.read(0, 10)).stored) == 1
        writer.execute("ROLLBACK")
    await journal.close()


async def test_orders_are_folded_again_with_the_rest_of_the_checkpoint(tmp_path: Path) -> None:
    journal, replica = await opened(tmp_path), replica_of()
    await journal.load()
    receive(replica, "r1", 10)
    placement = Placement(order="o-1", lines=(PlacedLine(2, "cola"),), paid=True)
    decisions.execute(replica, Command("", placement, b"o1"), 1_700_000_000_000)
    await commit(journal, replica)
    await journal.close()
    forget(tmp_path / FILE_NAME, "orders", "cells")
    journal = await opened(tmp_path)
    image = await journal.load()
    await journal.close()
    again = Replica(WRITER, ("store-1",), image)
    assert again.orders.digest() == replica.orders.digest()


async def test_counts_are_folded_again_with_the_rest_of_the_checkpoint(tmp_path: Path) -> None:
    journal, replica = await opened(tmp_path), replica_of()
    other = replica_of("store-1b#aaaaaaaaaaaa", "store-1")
    await journal.load()
    receive(replica, "r1", 10)
    late = receive(other, "late", 3)
    decisions.execute(replica, Command("store-1", Count((CountLine("cola", 8),)), b"c1"), 1_700_000_001_000)
    decisions.merge(replica, [ReceivedRun(late.stream, 1, start(late.stream).hash, [late])], 1_700_000_002_000)
    await commit(journal, replica)
    await journal.close()
    forget(tmp_path / FILE_NAME, "counts", "cells")
    journal = await opened(tmp_path)
    again = Replica(WRITER, ("store-1",), await journal.load())
    await journal.close()
    standing = again.counts.find("store-1", "cola")
    assert standing == replica.counts.find("store-1", "cola")
    assert standing is not None
    assert (standing.level, standing.drift) == (8, 0)
    assert again.ledger.stock("store-1", "cola").figures.on_hand == 8
