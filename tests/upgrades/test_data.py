"""Data directories of an earlier release open, give the same answers, and keep their schema."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from edge_node.assembly import assemble as assemble_edge
from hub.assembly import assemble as assemble_hub
from replica.core.base.clock import Moment
from replica.core.stock.till_receipts import uses_of
from replica.runtime.journal.sqlite_journal import FILE_NAME, open_journal
from replica.runtime.journal.statements import schema_scripts
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.process import Assembly
from replica.runtime.world import SystemClock

FIXTURES = Path(__file__).parents[1] / "fixtures" / "earlier_release"
ANSWERS = json.loads((FIXTURES / "answers.json").read_text())
NAMES = {"hub": "hub-east", "store": "store-1"}

RECORDED_AT_MS = 1_796_041_980_000
"""A minute after the data was recorded: its holds have not expired."""

VOLATILE = ("seen", "since")
"""Fields that depend on the time or state of an answer."""


class EarlierClock:
    """A clock that starts shortly after the data was recorded."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._ahead_ms = self._clock.now().wall_ms - RECORDED_AT_MS

    def now(self) -> Moment:
        moment = self._clock.now()
        return Moment(moment.wall_ms - self._ahead_ms, moment.elapsed_ms)


async def assemble(role: str, data: Path) -> Assembly:
    common: dict[str, Any] = {"data": data, "host": "127.0.0.1", "region": "east", "open_catalog": False}
    if role == "hub":
        return await assemble_hub(HttpNetwork(), name=NAMES[role], hosts=("w-1",), clock=EarlierClock(), **common)
    return await assemble_edge(
        HttpNetwork(), name=NAMES[role], location="store-1", hubs=(), clock=EarlierClock(), **common
    )


@asynccontextmanager
async def serving(role: str, data: Path) -> AsyncIterator[TestClient[Any, Any]]:
    assembly = await assemble(role, data)
    async with TestClient(TestServer(assembly.app)) as client:
        assembly.node.start([], 0.0)
        yield client
    await assembly.node.stop()


@pytest.fixture(params=["hub", "store"])
def role(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def data(role: str, tmp_path: Path) -> Path:
    """A copy of the data directory of one node."""
    return Path(shutil.copytree(FIXTURES / NAMES[role], tmp_path / "data"))


def steady(answer: Any) -> Any:
    """An answer without its volatile fields."""
    if isinstance(answer, dict):
        return {name: steady(value) for name, value in answer.items() if name not in VOLATILE}
    return [steady(one) for one in answer] if isinstance(answer, list) else answer


def known(answer: Any, earlier: Any) -> Any:
    """An answer without the fields that the earlier release did not have, and with cursors as numbers."""
    if isinstance(answer, dict) and isinstance(earlier, dict):
        return {name: known(value, earlier[name]) for name, value in answer.items() if name in earlier}
    if isinstance(answer, list) and isinstance(earlier, list) and len(answer) == len(earlier):
        return [known(one, other) for one, other in zip(answer, earlier, strict=True)]
    is_cursor = isinstance(answer, str) and isinstance(earlier, int)
    return int(answer.rpartition("~")[2]) if is_cursor else answer


def schema(data: Path) -> list[Any]:
    with sqlite3.connect(data / FILE_NAME) as connection:
        version = connection.execute("PRAGMA user_version").fetchall()
        return version + connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


async def test_data_of_the_earlier_release_gives_the_same_answers(role: str, data: Path) -> None:
    async with serving(role, data) as client:
        for path, (status, answer) in reads(role):
            async with client.get(path) as response:
                assert (path, response.status) == (path, status)
                assert known(steady(await response.json(content_type=None)), steady(answer)) == steady(answer), path


def reads(role: str) -> list[tuple[str, tuple[int, Any]]]:
    return [(path, answer) for path, answer in ANSWERS["reads"][role].items() if path != "status"]


async def test_the_node_of_the_earlier_release_has_the_same_writer_and_digest(role: str, data: Path) -> None:
    async with serving(role, data) as client, client.get("/v1/status") as response:
        status = await response.json()
    assert {name: status[name] for name in ANSWERS["reads"][role]["status"]} == ANSWERS["reads"][role]["status"]


async def test_a_key_of_the_earlier_release_gets_its_first_answer(role: str, data: Path) -> None:
    async with serving(role, data) as client:
        for method, path, body, key, status, answer in ANSWERS["repeats"][role]:
            async with client.request(method, path, json=body, headers={"Idempotency-Key": key}) as response:
                assert (path, response.status, await response.json(content_type=None)) == (path, status, answer)


async def test_the_file_gets_the_current_schema_and_keeps_its_tables(role: str, data: Path) -> None:
    _, *before = schema(data)
    path = "/v1/receipts" + ("?location=w-1" if role == "hub" else "")
    async with serving(role, data) as client:
        body, headers = {"lines": [{"item": "cola", "quantity": 1}]}, {"Idempotency-Key": "new"}
        async with client.post(path, json=body, headers=headers) as response:
            assert response.status == 201
    version, *after = schema(data)
    assert version == (len(schema_scripts()),)
    assert [table for table in after if table in before] == before


async def test_the_till_receipts_of_the_earlier_release_are_found(role: str, data: Path) -> None:
    async with serving(role, data):
        pass
    with sqlite3.connect(data / FILE_NAME) as connection:
        named = connection.execute("SELECT location, number, use, till, arrival FROM receipts").fetchall()
    journal = await open_journal(data, NAMES[role], "none")
    stored = (await journal.read(0, 1_000)).stored
    await journal.close()
    uses = [(one, use) for one in stored for use in uses_of(one.entry.content)]
    rows = [(one.entry.stream.scope, use.number, use.name, use.till, one.arrival) for one, use in uses]
    assert sorted(named) == sorted(rows)
