"""What a store knows of the stock of other locations: from its hub, and without it from what the hub said last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import edge_node.elsewhere
from edge_node.assembly import assemble
from edge_node.elsewhere import Elsewhere
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import encode_json
from replica.runtime.peering.websocket import HttpNetwork
from tests.callers import Caller

_numbers = count(1)

SKUS_KNOWN = ["cola", "tea"]


class ToldNetwork(HttpNetwork):
    """A network whose hub answers questions with what a test says. Sessions are those of the real network."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, bytes | None]] = []
        self.told: bytes | None = None
        """What the hub answers, if not the truth."""

    async def ask(self, url: str, path: str, body: bytes | None = None) -> bytes:
        self.asked.append((path, body))
        return self.told if self.told is not None else await super().ask(url, path, body)


@asynccontextmanager
async def joined(hub: Caller, path: Path, data: str = "") -> AsyncIterator[tuple[Caller, ToldNetwork]]:
    """A store that is connected to a hub and has the SKUs of the chain. `data`: the directory of an earlier one."""
    network = ToldNetwork()
    assembly = await assemble(
        network,
        name="store-1",
        location="store-1",
        data=path / (data or f"store-{next(_numbers)}"),
        host="127.0.0.1",
        hubs=("hub",),
        region="east",
        open_catalog=False,
    )
    async with TestClient(TestServer(assembly.app)) as client:
        assembly.node.start([[str(hub.client.make_url("/"))]], 60.0)
        caller = Caller(client, assembly.node)
        try:
            async with asyncio.timeout(20):
                arrival = assembly.node.driver.arrival
                while (await caller.read(f"/v1/sellable/{SKUS_KNOWN[-1]}"))[0] != 200:
                    await assembly.node.driver.moved_past(arrival)
                    arrival = assembly.node.driver.arrival
            yield caller, network
        finally:
            await assembly.node.stop()
            await network.close()


async def stocked(hub: Caller) -> None:
    """Two SKUs, and two warehouses: the farther one has more cola, and nobody has tea."""
    for sku in SKUS_KNOWN:
        await hub.good(f"/v1/documents/sku/{sku}", {"recipe": {sku: 1}}, method="PUT")
    for location, lat in (("w-1", 50.0), ("w-2", 48.5), ("store-1", 48.0)):
        place = {"type": "warehouse", "name": location.upper(), "region": "east", "lat": lat, "lon": 11.0}
        await hub.good(f"/v1/documents/location/{location}", {**place, "address": {"city": "Ulm"}}, method="PUT")
    for location, quantity in (("w-1", 9), ("w-2", 4)):
        await hub.good(f"/v1/receipts?location={location}", {"lines": [{"sku": "cola", "quantity": quantity}]})


async def line_is_down(store: Caller) -> None:
    """End the session with the hub, and dial no more."""
    for task in store.node._working:
        task.cancel()
    await asyncio.gather(*store.node._working, return_exceptions=True)


async def test_hub_lists_other_locations_nearest_first(hub: Caller) -> None:
    await stocked(hub)
    answer = await hub.good("/v1/elsewhere/cola?location=store-1")
    found = [(one["location"], one["sellable"], one["guaranteed"], one["name"]) for one in answer["locations"]]
    assert found == [("w-2", 4, 4, "W-2"), ("w-1", 9, 9, "W-1")]
    first = answer["locations"][0]
    assert (first["address"], round(first["distance_km"])) == ({"city": "Ulm"}, 56)
    assert first["as_of"] is not None and answer["known_at"] is not None and answer["connected"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["w-1", "w-2"]),
        ("?location=w-2", ["w-1"]),
        ("?location=store-1&limit=1", ["w-2"]),
        ("?location=store-1&near=50,11", ["w-1", "w-2"]),
    ],
)
async def test_hub_takes_a_location_a_point_and_a_limit(hub: Caller, query: str, expected: list[str]) -> None:
    await stocked(hub)
    answer = await hub.good(f"/v1/elsewhere/cola{query}")
    assert [one["location"] for one in answer["locations"]] == expected


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/v1/elsewhere/none", 404, "sku"),
        ("/v1/elsewhere/cola?location=none", 404, "location"),
        ("/v1/elsewhere/cola?near=1", 422, "near"),
        ("/v1/elsewhere/cola?limit=101", 422, "limit"),
    ],
)
async def test_hub_refuses_what_it_does_not_know(hub: Caller, path: str, status: int, field: str) -> None:
    await stocked(hub)
    answered, problem = await hub.read(path)
    assert (answered, problem["field"]) == (status, field)


async def test_hub_gives_a_verdict_for_each_of_many_skus(hub: Caller) -> None:
    await stocked(hub)
    answer = await hub.good("/v1/elsewhere", {"skus": ["cola", "none", "tea"], "location": "store-1"})
    cola, none, tea = answer["verdicts"]
    assert [one["location"] for one in cola["elsewhere"]["locations"]] == ["w-2", "w-1"]
    assert none["problem"]["type"] == "unknown-sku"
    assert tea["elsewhere"]["locations"] == []


async def test_store_says_what_its_hub_knows_now(hub: Caller, tmp_path: Path) -> None:
    await stocked(hub)
    async with joined(hub, tmp_path) as (store, _):
        assert [one["sellable"] for one in (await store.good("/v1/elsewhere/cola"))["locations"]] == [4, 9]
        await hub.good("/v1/receipts?location=w-2", {"lines": [{"sku": "cola", "quantity": 1}]})
        answer = await store.good("/v1/elsewhere/cola")
    assert [one["sellable"] for one in answer["locations"]] == [5, 9]
    assert answer["connected"]


async def test_store_keeps_the_last_answer_while_the_line_is_down(hub: Caller, tmp_path: Path) -> None:
    await stocked(hub)
    async with joined(hub, tmp_path) as (store, _):
        before = await store.good("/v1/elsewhere/cola")
        await line_is_down(store)
        assert await store.good("/v1/elsewhere/cola") == {**before, "connected": False}
        assert await store.good("/v1/elsewhere/tea") == {
            "sku": "tea",
            "locations": [],
            "known_at": None,
            "connected": False,
        }
        assert (await store.read("/v1/elsewhere/none"))[0] == 404


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"null",
        b"{",
        b"\xff",
        b'{"sku": "tea", "locations": [], "known_at": null, "connected": true}',
        b'{"sku": "cola", "locations": [{"location": "w-2", "sellable": -1}], "known_at": null, "connected": true}',
        b'{"sku": "cola", "locations": {}, "known_at": 1, "connected": true}',
        b"[" * 100_000,
    ],
    ids=["nothing", "null", "a piece", "no text", "another SKU", "below zero", "other types", "deep"],
)
async def test_an_answer_that_does_not_fit_changes_nothing(hub: Caller, tmp_path: Path, nonsense: bytes) -> None:
    await stocked(hub)
    async with joined(hub, tmp_path) as (store, network):
        before = await store.good("/v1/elsewhere/cola")
        network.told = nonsense
        assert await store.good("/v1/elsewhere/cola") == before
        assert (await store.good("/v1/elsewhere/tea"))["known_at"] is None


async def test_store_keeps_the_last_answers_over_a_restart_without_a_line(hub: Caller, tmp_path: Path) -> None:
    """A restart forgot them, as they were in memory only."""
    await stocked(hub)
    async with joined(hub, tmp_path, "data") as (store, _):
        await store.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": 1}]})
        elsewhere = Elsewhere(store.node, "store-1", LongReads(store.node.driver))
        await elsewhere.refresh_once()
        await elsewhere.save()
        (before,) = elsewhere.known.values()
    async with joined(hub, tmp_path, "data") as (store, _):
        await line_is_down(store)
        after = await store.good("/v1/elsewhere/cola")
    assert (after["known_at"], after["connected"]) == (before.known_at, False)
    assert [one["location"] for one in after["locations"]] == [one.location for one in before.locations] != []


async def test_a_running_store_writes_the_answers_by_itself(
    hub: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_node.elsewhere, "SAVE_S", 0)
    await stocked(hub)
    async with joined(hub, tmp_path) as (store, _):
        for sku in SKUS_KNOWN:
            await store.good(f"/v1/elsewhere/{sku}")
        async with asyncio.timeout(20):
            while list(await store.node.journal.kept()) != SKUS_KNOWN:
                pass  # each look lets the loop go round


async def test_kept_answers_that_this_version_cannot_read_are_left_out(hub: Caller, tmp_path: Path) -> None:
    await stocked(hub)
    async with joined(hub, tmp_path) as (store, _):
        answer = b'{"sku": "tea", "locations": [], "known_at": null, "connected": true}'
        await store.node.journal.keep({"cola": b"{", "tea": answer, "milk": answer}, 9)
        elsewhere = Elsewhere(store.node, "store-1", LongReads(store.node.driver))
        await elsewhere.load()
    assert list(elsewhere.known) == ["tea"]


async def test_store_asks_ahead_about_what_is_sold_out_here_and_was_sold(hub: Caller, tmp_path: Path) -> None:
    await stocked(hub)
    async with joined(hub, tmp_path) as (store, network):
        await store.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": 1}]})
        elsewhere = Elsewhere(store.node, "store-1", LongReads(store.node.driver))
        await elsewhere.refresh_once()
        ((path, body),) = network.asked
        assert (path, body) == ("/v1/elsewhere", encode_json({"skus": ["cola"], "location": "store-1"}))
        assert [len(one.locations) for one in elsewhere.known.values()] == [2]


async def test_store_does_not_ask_ahead_about_what_it_has(hub: Caller, tmp_path: Path) -> None:
    await stocked(hub)
    async with joined(hub, tmp_path) as (store, network):
        await store.good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 2}, {"sku": "tea", "quantity": 1}]})
        await store.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": 1}]})
        await store.good("/v1/adjustments", {"lines": [{"item": "tea", "delta": -1, "reason": "broken"}]})
        await Elsewhere(store.node, "store-1", LongReads(store.node.driver)).refresh_once()
        assert network.asked == []


async def test_store_does_not_ask_ahead_about_what_was_sold_long_ago(
    hub: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stocked(hub)
    async with joined(hub, tmp_path) as (store, network):
        await store.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": 1}]})
        monkeypatch.setattr(edge_node.elsewhere, "SOLD_WITHIN_MS", -60_000)
        await Elsewhere(store.node, "store-1", LongReads(store.node.driver)).refresh_once()
        assert network.asked == []


async def test_store_without_a_hub_says_that_it_knows_nothing(store: Caller) -> None:
    await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 1}]})
    answer = await store.good("/v1/elsewhere/cola")
    assert answer == {"sku": "cola", "locations": [], "known_at": None, "connected": False}


async def test_store_keeps_a_bounded_number_of_answers(
    hub: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_node.elsewhere, "KEPT_MAX", 1)
    await stocked(hub)
    async with joined(hub, tmp_path) as (store, _):
        for sku in ("cola", "tea"):
            await store.good(f"/v1/elsewhere/{sku}")
        await line_is_down(store)
        assert (await store.good("/v1/elsewhere/cola"))["known_at"] is None
        assert (await store.good("/v1/elsewhere/tea"))["known_at"] is not None


@pytest.mark.parametrize(("size", "status"), [(9 << 20, 200), (10, 404), (10, 302)], ids=["long", "error", "elsewhere"])
async def test_network_takes_only_a_short_answer_of_success(size: int, status: int) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bytes(size), status=status, headers={"Location": "/other"})

    app = web.Application()
    app.router.add_get("/v1/elsewhere/cola", answer)
    app.router.add_get("/other", _other)
    network = HttpNetwork()
    async with TestServer(app) as server:
        with pytest.raises(ConnectionError):
            await network.ask(str(server.make_url("/")), "/v1/elsewhere/cola")
        await network.close()


async def _other(request: web.Request) -> web.Response:
    return web.json_response({})
