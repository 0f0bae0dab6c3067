"""The verification of a file: it finds each row that the entries do not give, and nothing in a sound file."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from replica.core.catalog.documents import pack_value
from replica.core.log.entry import start
from replica.core.log.entry_run import ReceivedRun
from replica.core.orders.requests import OrderEvent, PlacedLine, Placement
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.stock.requests import Count, CountLine, GoodsLine, GoodsReceipt, Return, SkuLine
from replica.core.stock.transfer_requests import NewTransfer, new_transfer
from replica.runtime.journal.damage import DataRefused
from replica.runtime.journal.sqlite_journal import FILE_NAME, open_journal
from replica.runtime.journal.verification import DIFFERENCES_MAX, verify_file
from replica.runtime.ports import Journal
from shelfsync.__main__ import main
from simulations.mutations.checkpoints import FILES
from simulations.mutations.mutation import Mutation, planted
from tests.contract.test_journal import INCARNATION, commit, receipted, receive, replica_of, returned, sell

DAMAGES = {
    "a stream with another head": ("streams", "UPDATE streams SET sequence = sequence + 1 WHERE id = 1"),
    "a stream with other units": ("streams", "UPDATE streams SET units = units + 1 WHERE id = 1"),
    "a stream with an old clock": ("streams", "UPDATE streams SET clock = 1 WHERE id = 1"),
    "a missing key": ("keys", "DELETE FROM keys WHERE key = CAST('r1' AS BLOB)"),
    "a key under another arrival": ("keys", "UPDATE keys SET arrival = 99 WHERE key = CAST('r1' AS BLOB)"),
    "a key of no entry": ("keys", "INSERT INTO keys VALUES (CAST('x' AS BLOB), 1)"),
    "a cell with another total": ("cells", "UPDATE cells SET total = total + 1 WHERE item = 1"),
    "a missing cell": ("cells", "DELETE FROM cells WHERE item = 1"),
    "an item with another name": ("cells", "UPDATE items SET name = 'pepsi' WHERE id = 1"),
    "an old document": ("documents", "UPDATE documents SET version = 0"),
    "a forgotten past of a document": ("documents_past", "DELETE FROM documents_past"),
    "a missing order": ("orders", "DELETE FROM orders"),
    "an order under another number": ("orders", "UPDATE orders SET place = 7"),
    "a missing count": ("counts", "DELETE FROM counts"),
    "a missing clock fault": ("clock_faults", "DELETE FROM clock_faults"),
    "a missing transfer": ("transfers", "DELETE FROM transfers"),
    "a missing receipt": ("receipts", "DELETE FROM receipts WHERE use = 'original'"),
    "a receipt of no entry": ("receipts", "INSERT INTO receipts VALUES ('store-1', '9', 'sale', '', 1, 1)"),
    "a receipt that nobody asks about": ("questioned_receipts", "DELETE FROM questioned_receipts"),
    "an old question": ("questioned_receipts", "UPDATE questioned_receipts SET arrival = 1"),
    "a SKU that no search finds": ("search_skus", "DELETE FROM search_skus"),
    "a SKU with other words": ("search_skus", "UPDATE search_skus SET document = x'80'"),
    "a segment with another hash before": ("segments", "UPDATE segments SET previous = zeroblob(16) WHERE arrival > 9"),
}
"""The table that shows it, and the statement that does it."""

FLOODS = {
    "streams": "INSERT INTO streams (writer, scope, sequence, hash, units) VALUES (?, 'w-1', 1, zeroblob(16), 0)",
    "questioned_receipts": "INSERT INTO questioned_receipts VALUES ('store-1', ?, 'sale', '', 1, 1)",
}
"""The statements that write one wrong row of a name."""

NOW_MS = 1_700_000_000_000


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[Path]:
    """The file of a store with something in every table, written in many batches."""
    await fill(tmp_path)
    yield tmp_path / FILE_NAME


async def fill(directory: Path) -> None:
    async with running(directory) as journal:
        await write_some_of_all(journal)


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[Journal]:
    """The journal of a store, loaded. It is closed also after a failure, because its threads would never end."""
    journal = await open_journal(directory, "store-1", INCARNATION)
    try:
        await journal.load()
        yield journal
    finally:
        await journal.close()


async def write_some_of_all(journal: Journal) -> None:
    replica, other = replica_of(), replica_of("hub#b", "warehouse")
    receive(replica, "r1", 50)
    await commit(journal, replica)
    order = Placement(order="o-1", lines=(PlacedLine(2, "cola"),), paid=True)
    decisions.execute(replica, Command("", order, b"o1"), NOW_MS)
    await commit(journal, replica)
    decisions.execute(replica, Command("store-1", Count((CountLine("cola", 40),)), b"c1"), NOW_MS + 1_000)
    await commit(journal, replica)
    for number, recipe in enumerate(({"cola": 6}, None)):
        value = pack_value({"recipe": recipe}) if recipe else None
        decisions.write(replica, DocumentWrite("sku", "six", value, f"d{number}".encode()), NOW_MS + 2_000)
        await commit(journal, replica)
    bottle = pack_value({"recipe": {"cola": 1}, "names": {"en": "Cola"}})
    decisions.write(replica, DocumentWrite("sku", "bottle", bottle, b"d-bottle"), NOW_MS + 2_000)
    receipted(replica, "s1", "R-1")
    receipted(replica, "s2", "R-1")
    returned(replica, "t1", "R-1")
    await commit(journal, replica)
    late = Return((SkuLine(1, "cola"),), till="t-9", occurred_at=datetime(2099, 1, 1, tzinfo=UTC))
    decisions.execute(replica, Command("store-1", late, b"t2"), NOW_MS + 3_000)
    await commit(journal, replica)
    theirs = [receive(other, f"h{number}", 5, location="warehouse") for number in range(3)]
    stream = theirs[0].stream
    decisions.merge(replica, [ReceivedRun(stream, 1, start(stream).hash, theirs)], NOW_MS + 4_000)
    await commit(journal, replica)
    decisions.execute(replica, Command("", OrderEvent(order="o-1", event="pick"), b"e1"), NOW_MS + 5_000)
    await commit(journal, replica)
    transfer = new_transfer(b"x1", NewTransfer("warehouse", (GoodsLine(2, item="cola"),), "store-1"), "")
    decisions.execute(replica, Command("store-1", transfer, b"x1"), NOW_MS + 6_000)
    await commit(journal, replica)
    for number in range(3):
        sell(replica, f"s{number + 3}")
        await commit(journal, replica)


async def test_a_sound_file_has_no_difference(file: Path) -> None:
    found = verify_file(file, believes_all=True)
    assert (found.differences, found.held) == ([], [])
    assert (found.node, found.writer, found.streams) == ("store-1", f"store-1#{INCARNATION}", 3)


@pytest.mark.parametrize("name", DAMAGES)
async def test_a_wrong_row_is_found(file: Path, name: str) -> None:
    table, statement = DAMAGES[name]
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        assert connection.execute(statement).rowcount
    tables = {one.table for one in verify_file(file).differences}
    assert tables == {table} or (table == "segments" and table in tables)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM keys WHERE arrival = 1", ("keys", "7231 1", "missing")),
        ("INSERT INTO keys VALUES (CAST('x' AS BLOB), 1)", ("keys", "1 rows of no entry", "wrong")),
        ("UPDATE segments SET arrival = 99 WHERE arrival > 17", ("segments", "99", "wrong")),
    ],
)
async def test_a_wrong_row_is_told_from_a_missing_one(
    file: Path, statement: str, expected: tuple[str, str, str]
) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        assert connection.execute(statement).rowcount == 1
    table, row, fault = expected
    found = verify_file(file).differences[0]
    assert (found.table, found.row, found.is_stored) == (table, row, fault == "wrong")
    assert str(found).endswith(f"is {fault}")


async def test_a_clock_behind_the_stamp_of_a_peer_is_wrong_if_all_stamps_were_believed(tmp_path: Path) -> None:
    journal, replica, other = await open_journal(tmp_path, "store-1", INCARNATION), replica_of(), replica_of("hub#b")
    await journal.load()
    request = GoodsReceipt((GoodsLine(1, item="cola"),))
    entry = decisions.execute(other, Command("store-1", request, b"h1"), NOW_MS + 60_000)
    decisions.merge(replica, [ReceivedRun(entry.stream, 1, start(entry.stream).hash, [entry])], NOW_MS + 60_000)
    await commit(journal, replica)
    await journal.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as connection:
        connection.execute("UPDATE streams SET clock = clock - 1")
    assert verify_file(tmp_path / FILE_NAME).differences == []
    assert [one.table for one in verify_file(tmp_path / FILE_NAME, believes_all=True).differences] == ["streams"]


async def test_a_file_that_names_no_node_is_verified(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DELETE FROM node")
    found = verify_file(file)
    assert (found.node, found.writer, found.streams) == ("", "#", 3)


@pytest.mark.parametrize("flooded", FLOODS)
async def test_a_wrong_row_is_found_in_each_table_though_another_has_many(file: Path, flooded: str) -> None:
    damages = {table: statement for table, statement in DAMAGES.values() if table != "segments"}
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in damages.values():
            connection.execute(statement)
        for number in range(2 * DIFFERENCES_MAX):
            connection.execute(FLOODS[flooded], (f"x-{number}",))
    found = Counter(one.table for one in verify_file(file).differences)
    assert (set(found), found[flooded]) == (set(damages), DIFFERENCES_MAX)


async def test_a_file_is_verified_while_its_node_writes(tmp_path: Path) -> None:
    async with running(tmp_path) as journal:
        replica = replica_of()
        for number in range(3):
            receive(replica, f"r{number}", 5)
            await commit(journal, replica)
            assert verify_file(tmp_path / FILE_NAME).entries == number + 1


async def test_a_file_of_a_killed_node_is_verified_with_the_commits_in_its_log(tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    killed.mkdir()
    async with running(tmp_path):
        pass
    async with running(tmp_path) as journal:
        replica = replica_of()
        for number in range(3):
            receive(replica, f"r{number}", 5)
            await commit(journal, replica)
        for name in (FILE_NAME, f"{FILE_NAME}-wal"):
            shutil.copy(tmp_path / name, killed / name)
    left = (killed / FILE_NAME).read_bytes()
    assert [verify_file(killed / FILE_NAME).entries for _ in range(2)] == [3, 3]
    assert (killed / FILE_NAME).read_bytes() == left


@pytest.mark.parametrize(("version", "remedy"), [(3, "start its node"), (99, "newer one")])
async def test_a_file_of_another_schema_is_refused(file: Path, version: int, remedy: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(DataRefused, match=f"has schema {version}, .*{remedy}"):
        verify_file(file)


async def test_what_is_not_a_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("no journal " * 100)
    with pytest.raises(DataRefused, match="cannot be read"):
        verify_file(tmp_path / FILE_NAME)


@pytest.mark.parametrize("mutation", FILES, ids=lambda mutation: mutation.name)
async def test_a_journal_that_writes_wrong_rows_is_found(tmp_path: Path, mutation: Mutation) -> None:
    with planted(mutation):
        await fill(tmp_path)
    assert verify_file(tmp_path / FILE_NAME).differences


def ran(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["doctor", *map(str, arguments)])


async def test_the_command_says_that_sound_data_is_sound(file: Path) -> None:
    result = ran(file.parent)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith("every table follows from the entries\n")


async def test_the_command_lists_wrong_rows_as_json(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DELETE FROM counts")
    result = ran(file.parent, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [(one["table"], one["is_stored"]) for one in found["differences"]] == [("counts", False)]


async def test_the_command_refuses_what_is_no_data_directory(tmp_path: Path) -> None:
    result = ran(tmp_path)
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"there is no journal.sqlite in {tmp_path}: name the data directory" in result.stderr
