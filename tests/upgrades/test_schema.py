"""A schema script is never edited once it ran. A file of each schema opens and works, or is refused with the reason."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib import resources
from pathlib import Path

import msgspec
import pytest

from edge_node.assembly import assemble as assemble_edge
from replica.core.catalog.documents import pack_value
from replica.core.orders.order import Order
from replica.core.state.commands import DocumentWrite
from replica.runtime.journal.damage import DataRefused
from replica.runtime.journal.sqlite_journal import FILE_NAME
from replica.runtime.journal.statements import schema_scripts
from replica.runtime.journal.verification import verify_file
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.process import Assembly
from tests.callers import Caller, calling

DIGESTS = {
    "0001_journal.sql": "15d39e378fb5310f9df355fbed690c79dc5ac6928592329eb5a7d274441ef501",
    "0002_orders.sql": "1a9b7e19bf997d95284b5c93da86e5c6957e760804097cc9af4fc9a7e718f3d1",
    "0003_counts.sql": "6b07423e20945d4fc69da8bced187698cf582cb3f8efd067c71fbbdd425eabd6",
    "0004_clock.sql": "4d463f0e25fe584d54bc6ab17c52dfa8ca59cfb6b5ec614a1ec608c27fa5aa6e",
    "0005_clock_faults.sql": "cf5af873cbdc0118f33b8fe1976a798466f83a7ef5844cb9a2a1afbdca176c13",
    "0006_documents_past.sql": "cb4afc94d036e718e6f01199ba3e0a0cfae3b874f41f8246ecc99d69de0431e7",
    "0007_receipts.sql": "37183571d0932ef4e5bf6a523cee142613791f48b5077401a1c63bb261275e17",
    "0008_outcomes.sql": "6a4f568e85b1c73e0cd34dcce12806791e2026e4064afbb48b4a62e67ae9c33b",
    "0009_receipt_days.sql": "150b4edf622f5e61ce75c6d183ac9fbb98885d00768be8d8a1b281808d610fa5",
    "0010_transfers.sql": "4f2e82a45b8baf0f3ab890256351da2ed320e69b789018aed4bec5b51781a440",
}
"""The content of each script that ran on somebody's data (SHA-256). Add a new script; never change a digest."""

DEVELOPMENT = sorted((Path(__file__).parents[1] / "fixtures" / "development_schemas").glob("*.sql"))
"""The schemas that scripts had for some time before the first release, by schema version."""


def make_file(data: Path, script: str, version: int) -> None:
    """Write an empty journal with a schema."""
    data.mkdir()
    with sqlite3.connect(data / FILE_NAME) as connection:
        connection.executescript(f"{script}\nPRAGMA user_version = {version};")
    connection.close()


async def opened(data: Path) -> Assembly:
    return await assemble_edge(
        HttpNetwork(),
        name="store-1",
        location="store-1",
        data=data,
        host="127.0.0.1",
        hubs=(),
        region="east",
        open_catalog=True,
    )


def test_no_schema_script_is_edited() -> None:
    scripts = resources.files("replica.runtime.journal").joinpath("schema").iterdir()
    digests = {one.name: sha256(one.read_bytes()).hexdigest() for one in scripts if one.name.endswith(".sql")}
    assert {name: digests[name] for name in DIGESTS} == DIGESTS
    assert set(digests) == set(DIGESTS), "pin the digest of the new script here"


def test_each_schema_script_has_a_number_of_its_own() -> None:
    numbers = [int(name[:4]) for name in sorted(DIGESTS)]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("version", range(1, len(DIGESTS) + 1))
async def test_a_file_of_each_earlier_schema_opens_and_works(tmp_path: Path, version: int) -> None:
    data = tmp_path / "data"
    make_file(data, "\n".join(schema_scripts()[:version]), version)
    for quantity in (3, 6):
        async with calling(await opened(data)) as store:
            await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 3}]}, key=f"r{quantity}")
            assert (await store.good("/v1/stock/cola"))["on_hand"] == quantity


def make_older(data: Path, version: int) -> None:
    """Take away what later schemas than `version` added to a file. A table that they changed has no rows then."""
    scripts = schema_scripts()
    with sqlite3.connect(":memory:") as earlier, sqlite3.connect(data / FILE_NAME) as connection:
        earlier.executescript("\n".join(scripts[:version]))
        forms = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        kept = dict(earlier.execute(forms))
        for name, form in dict(connection.execute(forms)).items():
            if form != kept.get(name) and not name.startswith("search_index_"):  # SQLite drops these with their index
                connection.execute(f"DROP TABLE {name}")
                indexes = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql <> '' ORDER BY type DESC"
                for (sql,) in earlier.execute(indexes, (name,)).fetchall():
                    connection.execute(sql)
        connection.execute(f"PRAGMA user_version = {version}")
    earlier.close()
    connection.close()


async def test_a_file_of_an_earlier_schema_is_folded_again_entirely(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with calling(await opened(data)) as store:
        await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 3}]})
        sold = {"lines": [{"sku": "cola", "quantity": 1}], "till": "A", "occurred_at": "2001-01-01T00:00:00Z"}
        await store.good("/v1/sales", sold)
    make_older(data, 4)
    async with calling(await opened(data)) as store:
        (found,) = (await store.good("/v1/exceptions"))["till_clocks"]
        assert found["till"] == "A"
        assert (await store.good("/v1/stock/cola"))["on_hand"] == 2


@pytest.mark.parametrize("version", [4, 8])
async def test_a_file_of_an_earlier_schema_gets_the_days_of_its_receipts(tmp_path: Path, version: int) -> None:
    """The location got its time zone between the receipts: they are of one day in Shanghai, and of two in UTC."""
    data = tmp_path / "data"
    document = {"type": "store", "name": "A shop", "region": "east", "time_zone": "Asia/Shanghai"}
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(3)

    async def sell(store: Caller, receipt: str) -> None:
        for hours in (-2, 2):
            when = (day + timedelta(hours=hours)).isoformat()
            sold = {"lines": [{"sku": "cola", "quantity": 1}], "till": "A", "receipt": receipt, "occurred_at": when}
            await store.good("/v1/sales", sold)

    async with calling(await opened(data)) as store:
        await sell(store, "R-1")
        await store.node.driver.submit(DocumentWrite("location", "store-1", pack_value(document), b"document"))
        await sell(store, "R-2")
        before = await store.good("/v1/exceptions")
    assert [one["receipt"] for one in before["repeated_receipts"]] == ["R-2"]
    make_older(data, version)
    async with calling(await opened(data)) as store:
        assert await store.good("/v1/exceptions") == before
    assert verify_file(data / FILE_NAME).differences == []


@pytest.mark.parametrize("version", [4, 6, 8])
async def test_an_update_asks_about_the_same_receipts_as_the_commits_did(tmp_path: Path, version: int) -> None:
    data, lines = tmp_path / "data", [{"sku": "cola", "quantity": 1}]
    async with calling(await opened(data)) as store:
        for till in ("", "A"):
            for number in range(2):  # twice under each name, and once under another one
                for receipt in (f"R-{till}", f"R-{till}{number}"):
                    await store.good("/v1/sales", {"lines": lines, "till": till, "receipt": receipt})
                await store.good("/v1/returns", {"lines": lines, "till": till, "receipt": f"B-{till}"})
            for _ in range(2):  # the second one is past the sale
                await store.good("/v1/returns", {"lines": lines, "till": till, "original": f"R-{till}0"})
        before = await store.good("/v1/exceptions")
    assert [(one["receipt"], one["request"]) for one in before["repeated_receipts"]] == [
        ("B-A", "return"),
        ("R-A", "sale"),
    ]
    assert [one["original"] for one in before["questioned_returns"]] == ["R-A0", "R-0"]
    make_older(data, version)
    async with calling(await opened(data)) as store:
        assert await store.good("/v1/exceptions") == before
    assert verify_file(data / FILE_NAME).differences == []


async def test_a_file_without_moves_is_folded_again_after_an_update(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with calling(await opened(data)) as store:
        clear = DocumentWrite("sku", "pack", None, b"clear")
        for write in (DocumentWrite("sku", "pack", pack_value({"recipe": {"cola": 6}}), b"write"), clear):
            await store.node.driver.submit(write)
    make_older(data, 5)
    async with calling(await opened(data)) as store:
        former = store.node.replica.documents.former("sku", "pack")
        assert former is not None
        assert former.value == pack_value({"recipe": {"cola": 6}})


async def test_an_outcome_that_an_older_fold_kept_is_folded_again(tmp_path: Path) -> None:
    """An older fold kept the outcome that arrived last, so its order may differ from that of other nodes."""
    data = tmp_path / "data"
    async with calling(await opened(data)) as store:
        await store.write("/v1/orders/o-1/events", {"event": "cancel"})
    with sqlite3.connect(data / FILE_NAME) as connection:
        ((state,),) = connection.execute("SELECT state FROM orders")
        order = msgspec.msgpack.decode(state, type=Order)
        order.parked[0].became = "repeat"
        connection.execute("UPDATE orders SET state = ?", (msgspec.msgpack.encode(order),))
    connection.close()
    assert verify_file(data / FILE_NAME).differences
    make_older(data, 7)
    async with calling(await opened(data)):
        pass
    assert verify_file(data / FILE_NAME).differences == []


@pytest.mark.parametrize("script", DEVELOPMENT, ids=[one.stem for one in DEVELOPMENT])
async def test_a_file_of_a_development_schema_is_refused_with_the_reason(tmp_path: Path, script: Path) -> None:
    data = tmp_path / "data"
    make_file(data, script.read_text(), int(script.stem))
    with pytest.raises(DataRefused, match="development version"):
        await opened(data)
