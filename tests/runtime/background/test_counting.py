"""Counts over HTTP: late movements, counts with a token, and provisional counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from replica.core.base.errors import Overtaken
from replica.core.log.entry import Entry
from replica.core.state.commands import Command
from replica.core.stock.requests import Count, CountLine
from replica.runtime.background import counting
from replica.runtime.background.counting import submit_count, token_of
from replica.runtime.driver import Ingress
from replica.runtime.http.problems import problem
from tests.callers import Caller
from tests.core.chain import Node, receipt

COUNTED = {"lines": [{"item": "cola", "counted": 4}]}


def other() -> Node:
    """A hub that writes for the store's location too."""
    return Node("hub-east", ("store-1",), None, "hub")


def now_ms(store: Caller) -> int:
    return store.node.clock.now().wall_ms


async def deliver(store: Caller, node: Node) -> None:
    node.commit()
    await (await store.node.driver.take_in(node.runs("store-1"), Ingress()))


async def receive(store: Caller, units: int) -> None:
    await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": units}]})


async def test_movement_from_before_a_count_that_arrives_after_it_is_corrected(store: Caller) -> None:
    hub = other()
    await receive(store, 5)
    hub.ask(receipt(cola=7), "late", now_ms(store) - 1_000)
    answer = await store.good("/v1/counts", COUNTED)
    assert (answer["provisional"], (await store.good("/v1/stock/cola"))["on_hand"]) == (False, 4)
    await deliver(store, hub)
    explained = await store.good("/v1/explain/cola")
    assert explained["stock"]["on_hand"] == 4
    correction, late, _, _ = explained["movements"]
    assert (correction["kind"], correction["reference"]) == ("correction", answer["movement"])
    assert late["writer"] == hub.replica.writer
    shown = explained["stock"]["count"]
    assert (shown["movement"], shown["counted"], shown["by"]) == (answer["movement"], 4, "store-1")
    assert (shown["provisional"], shown["unheard"]) == (True, ["hub-east"])
    hub.ask(receipt(wings=1), "word", now_ms(store) + 1_000)
    await deliver(store, hub)
    assert not (await store.good("/v1/stock"))["items"][0]["count"]["provisional"]


async def test_count_is_provisional_if_other_nodes_write_for_the_location(store: Caller) -> None:
    hub = other()
    hub.ask(receipt(cola=7), "early", now_ms(store) - 1_000)
    await deliver(store, hub)
    assert (await store.good("/v1/counts", COUNTED))["provisional"]


async def test_count_with_a_token_looks_back_over_many_pages_of_the_journal(
    store: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "_SCAN_PAGE", 3)
    await receive(store, 50)
    seen = (await store.good("/v1/stock/cola"))["seen"]
    for _ in range(10):
        await store.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": 1}]})
    answer = await store.good("/v1/counts", {"lines": [{"item": "cola", "counted": 50}], "seen": seen})
    assert answer["lines"] == [{"item": "cola", "counted": 50, "seen": 50, "change": 0, "on_hand": 40}]


async def test_count_with_a_token_includes_earlier_movements_that_arrived_later(store: Caller) -> None:
    hub = other()
    await receive(store, 5)
    hub.ask(receipt(cola=7), "late", now_ms(store) - 1_000)
    seen = (await store.good("/v1/stock/cola"))["seen"]
    await deliver(store, hub)
    await store.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": 1}]})
    answer = await store.good("/v1/counts", {**COUNTED, "seen": seen})
    assert answer["lines"] == [{"item": "cola", "counted": 4, "seen": 12, "change": -8, "on_hand": 3}]
    assert (await store.good("/v1/stock/cola"))["on_hand"] == 3


async def test_older_count_that_is_entered_after_a_newer_one_changes_nothing(store: Caller, tmp_path: Path) -> None:
    await receive(store, 5)
    seen = (await store.good("/v1/stock/cola"))["seen"]
    while token_of(store.node.replica, now_ms(store)).rpartition(".")[2] == seen.rpartition(".")[2]:
        pass  # the clock moves on within a millisecond
    newer = await store.good("/v1/counts", COUNTED)
    older = await store.good("/v1/counts", {"lines": [{"item": "cola", "counted": 9}], "seen": seen})
    assert [line["change"] for line in older["lines"]] == [0]
    stock = await store.good("/v1/stock/cola")
    assert (stock["on_hand"], stock["count"]["movement"]) == (4, newer["movement"])


class OvertakenDriver:
    """A driver that merges a movement of another node just before each count, except the last."""

    def __init__(self, store: Caller, hub: Node) -> None:
        self._store = store
        self._hub = hub
        self._driver = store.node.driver
        self.replica = self._driver.replica
        self.look = self._driver.look
        self.tries = 0
        self.last = counting.TRIES
        """The try that is not overtaken."""

    async def submit(self, command: Command) -> Entry:
        self.tries += 1
        if self.tries < self.last:
            self._hub.ask(receipt(cola=1), f"late-{self.tries}", now_ms(self._store) - 10_000)
            await deliver(self._store, self._hub)
        return await self._driver.submit(command)


async def test_node_computes_the_level_again_if_a_movement_overtakes_a_count(store: Caller) -> None:
    await receive(store, 5)
    token = token_of(store.node.replica, now_ms(store))
    driver = OvertakenDriver(store, other())
    command = Command("store-1", Count((CountLine("cola", 4),), token), b"count")
    entry = await submit_count(driver, store.node.journal, command)  # type: ignore[arg-type]
    assert driver.tries == counting.TRIES
    assert entry.content.facts["count"] == [["cola", 4, 5 + driver.tries - 1, -driver.tries, 4]]


async def test_a_count_that_is_overtaken_each_time_is_refused_after_some_tries(
    store: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await receive(store, 5)
    token = token_of(store.node.replica, now_ms(store))
    driver = OvertakenDriver(store, other())
    driver.last = 100
    command = Command("store-1", Count((CountLine("cola", 4),), token), b"count")
    with pytest.raises(Overtaken):
        await submit_count(driver, store.node.journal, command)  # type: ignore[arg-type]
    assert driver.tries == counting.TRIES


async def test_count_with_a_token_looks_past_entries_of_other_scopes(hub: Caller) -> None:
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola": 1}}, method="PUT")
    lines = {"lines": [{"item": "cola", "quantity": 5}]}
    await hub.good("/v1/receipts?location=w-1", lines)
    seen = (await hub.good("/v1/stock/w-1/cola"))["seen"]
    await hub.good("/v1/receipts?location=w-2", lines)
    await hub.good("/v1/receipts?location=w-1", lines)
    answer = await hub.good("/v1/counts?location=w-1", {**COUNTED, "seen": seen})
    assert answer["lines"] == [{"item": "cola", "counted": 4, "seen": 5, "change": -1, "on_hand": 9}]


async def test_count_with_the_token_of_an_empty_journal_takes_all_movements_for_later_ones(store: Caller) -> None:
    token = token_of(store.node.replica, now_ms(store) - 1_000)
    assert token.split(".")[1] == "0"
    await receive(store, 5)
    answer = await store.good("/v1/counts", {**COUNTED, "seen": token})
    assert [(line["seen"], line["on_hand"]) for line in answer["lines"]] == [(0, 9)]


@pytest.mark.parametrize("as_of", [-1, 1 << 63, (1 << 64) - 1])
async def test_token_with_an_impossible_moment_is_refused(store: Caller, as_of: int) -> None:
    incarnation = store.node.replica.writer.partition("#")[2]
    status, problem = await store.write("/v1/counts", {**COUNTED, "seen": f"{incarnation}.0.{as_of:x}"})
    assert (status, problem["field"]) == (422, "seen")


def test_overtaken_count_is_answered_with_status_503() -> None:
    assert problem(Overtaken("more was heard of store-1 meanwhile"))["status"] == 503


@pytest.mark.parametrize("level", [-1, "x", 1 << 40])
async def test_invalid_level_of_a_count_is_refused(store: Caller, level: Any) -> None:
    status, refused = await store.write("/v1/counts", {"lines": [{"item": "cola", "counted": level}]})
    assert (status, refused["field"]) == (422, "lines[0].counted")
