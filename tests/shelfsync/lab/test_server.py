"""The calls of the lab, at a chain whose nodes do not run: who may call, what is refused, and that an act acts once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from console.site import SECURITY
from shelfsync.chain import LocalChain, NodeProcess
from shelfsync.lab.lab import Lab
from shelfsync.lab.server import serve
from shelfsync.network import LocalNetwork
from shelfsync.outages import AutomaticOutages, Pace
from shelfsync.proxy import Proxy
from shelfsync.tills import Book, Shoppers

LINES = [
    ("hub-east", "hub-west"),
    ("store-1", "hub-east"),
    ("store-1", "hub-west"),
    ("store-2", "hub-west"),
    ("store-2", "hub-east"),
]


class LabCaller:
    """A lab, and a caller of its server."""

    def __init__(self, lab: Lab, network: LocalNetwork, client: aiohttp.ClientSession, url: str) -> None:
        self.lab = lab
        self.network = network
        self.url = url
        self._client = client
        self._keys = 0

    async def act(self, body: dict[str, Any] | bytes, key: str = "", **headers: str) -> tuple[int, dict[str, Any]]:
        self._keys += 1
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        sent = {"Idempotency-Key": key or f"key-{self._keys}", **headers}
        async with self._client.post(f"{self.url}/v1/lab/acts", headers=sent, data=data) as response:
            return response.status, await response.json(content_type=None)

    async def read(self, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
        async with self._client.get(self.url + path, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    def cut_lines(self) -> list[tuple[str, str]]:
        return [pair for pair in LINES if self.network.lines[pair].is_cut]

    def kinds(self) -> list[str]:
        return [record.kind for record in self.lab.records.recent]


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def caller(client: aiohttp.ClientSession, tmp_path: Path) -> AsyncIterator[LabCaller]:
    network = LocalNetwork(stores=2, regions=2)
    network.lines = {pair: Proxy(1) for pair in LINES}
    network.urls = dict.fromkeys((*network.hubs, *network.stores), "http://127.0.0.1:1")
    chain = LocalChain(tmp_path)
    chain.nodes = {name: NodeProcess(name, "hub", tmp_path, 1, ()) for name in network.urls}
    outages = AutomaticOutages(iter(()), Pace(), network.heal, lambda outage: None)
    books = {name: Book() for name in network.stores}
    lab = Lab(network, chain, client, books, Shoppers(), outages, lambda text: None, began_s=0.0)
    looking = asyncio.ensure_future(lab.run())
    async with AsyncExitStack() as stack:
        yield LabCaller(lab, network, client, await serve(lab, stack))
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)


async def test_page_has_the_policy_of_the_consoles_and_its_own_styles(
    caller: LabCaller, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{caller.url}/") as response:
        page = await response.text()
        assert {name: response.headers[name] for name in SECURITY} == SECURITY
    assert "/lab/main.mjs" in page
    assert "/look/lab.css" in page


async def test_dead_nodes_are_states_of_the_view(caller: LabCaller) -> None:
    status, view = await caller.read("/v1/lab")
    assert status == 200
    assert {node["name"]: node["state"] for node in view["nodes"]} == dict.fromkeys(caller.network.urls, "killed")
    assert view["items"][0]["names"].keys() >= {"en", "zh"}


async def test_feed_sends_the_whole_view_again_and_again(caller: LabCaller, client: aiohttp.ClientSession) -> None:
    views = []
    async with client.get(f"{caller.url}/v1/lab/feed") as response:
        assert response.content_type == "text/event-stream"
        async for line in response.content:
            if line.startswith(b"data: "):
                views.append(msgspec.json.decode(line[6:]))
                await caller.act({"do": "cut-store", "store": "store-1"})
            if len(views) == 3:
                break
    assert {line["state"] for line in views[0]["lines"]} == {"whole"}
    assert {line["state"] for line in views[-1]["lines"]} == {"whole", "cut"}


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"Host": "shelf.example"}, "forbidden"),
        ({"Origin": "https://shelf.example"}, "origin-not-allowed"),
        ({"Origin": "null"}, "origin-not-allowed"),
        ({"Origin": "http://127.0.0.1:1"}, "origin-not-allowed"),
    ],
)
async def test_pages_and_names_of_others_may_not_use_the_lab(
    caller: LabCaller, headers: dict[str, str], kind: str
) -> None:
    status, answer = await caller.act({"do": "cut-store", "store": "store-1"}, **headers)
    assert (status, answer["type"]) == (403, kind)
    assert caller.cut_lines() == []
    assert (await caller.read("/v1/lab", **headers))[0] == 403


async def test_own_page_may_use_the_lab(caller: LabCaller) -> None:
    assert (await caller.act({"do": "heal-all"}, Origin=caller.url))[0] == 200


async def test_store_region_and_line_are_cut_and_healed(caller: LabCaller) -> None:
    await caller.act({"do": "cut-store", "store": "store-1"})
    assert caller.cut_lines() == [("store-1", "hub-east"), ("store-1", "hub-west")]
    await caller.act({"do": "heal-store", "store": "store-1"})
    assert caller.cut_lines() == []
    await caller.act({"do": "cut-region", "region": "east"})
    assert caller.cut_lines() == [("hub-east", "hub-west"), ("store-1", "hub-west"), ("store-2", "hub-east")]
    await caller.act({"do": "heal-region", "region": "east"})
    assert caller.cut_lines() == []
    await caller.act({"do": "cut", "dialler": "hub-east", "dialled": "hub-west"})
    assert caller.cut_lines() == [("hub-east", "hub-west")]
    await caller.act({"do": "heal", "dialler": "hub-east", "dialled": "hub-west"})
    assert caller.cut_lines() == []


async def test_outages_pause_when_a_person_drives_and_come_again_when_asked(caller: LabCaller) -> None:
    await caller.act({"do": "watch", "sku": "kelvane-cola-500ml"})
    assert (await caller.read("/v1/lab"))[1]["outages"] is True
    await caller.act({"do": "cut-store", "store": "store-1"})
    assert (await caller.read("/v1/lab"))[1]["outages"] is False
    await caller.act({"do": "outages", "on": True})
    assert (await caller.read("/v1/lab"))[1]["outages"] is True


@pytest.mark.parametrize(
    ("act", "field"),
    [
        ({"do": "cut", "dialler": "hub-east", "dialled": "store-1"}, "dialled"),
        ({"do": "cut-store", "store": "hub-east"}, "store"),
        ({"do": "cut-region", "region": "north"}, "region"),
        ({"do": "kill", "node": "store-9"}, "node"),
        ({"do": "kill", "node": "store-1"}, "node"),
        ({"do": "sell", "store": "store-9", "quantity": 1}, "store"),
        ({"do": "order", "hub": "store-1", "quantity": 1}, "hub"),
        ({"do": "order", "hub": "hub-east", "store": "store-9", "quantity": 1}, "store"),
        ({"do": "watch", "sku": "bananas"}, "sku"),
        ({"do": "dance"}, "do"),
    ],
)
async def test_impossible_act_is_a_problem_that_names_its_field(
    caller: LabCaller, act: dict[str, Any], field: str
) -> None:
    status, answer = await caller.act(act)
    assert 400 <= status < 500
    assert answer["field"] == field


async def test_body_without_json_and_paths_that_are_not_there_are_problems(caller: LabCaller) -> None:
    assert (await caller.act(b"cut"))[1]["type"] == "malformed-json"
    assert (await caller.read("/v1/none"))[1]["type"] == "not-found"
    assert (await caller.read("/v1/lab/acts"))[1]["type"] == "method-not-allowed"
    assert (await caller.act({"do": "heal-all"}, key=" "))[1]["field"] == "Idempotency-Key"


async def test_repeated_act_acts_once(caller: LabCaller) -> None:
    for _ in range(2):
        assert (await caller.act({"do": "shop", "on": False}, key="once"))[0] == 200
    await caller.act({"do": "shop", "on": True})
    assert (await caller.act({"do": "shop", "on": False}, key="once"))[0] == 200
    assert caller.kinds() == ["shoppers-on", "shoppers-off"]


async def test_key_of_another_act_is_refused(caller: LabCaller) -> None:
    await caller.act({"do": "shop", "on": False}, key="once")
    assert (await caller.act({"do": "shop", "on": True}, key="once"))[1]["type"] == "idempotency-key-reused"


async def test_sale_at_a_dead_store_waits_and_the_next_one_is_refused(caller: LabCaller) -> None:
    status, answer = await caller.act({"do": "sell", "store": "store-1", "quantity": 1})
    assert (status, answer) == (202, {"waiting": True})
    assert "unanswered" in caller.kinds()
    status, answer = await caller.act({"do": "sell", "store": "store-1", "quantity": 1})
    assert (status, answer["field"]) == (400, "node")
