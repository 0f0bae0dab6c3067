"""Reading the journal by cursor, over HTTP: journal, live feed, and the entries behind a figure."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.callers import Caller

Event = dict[str, str]
"""The fields of one block of a live feed."""


def lines(**quantities: int) -> dict[str, Any]:
    return {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]}


async def receive(store: Caller, number: int) -> None:
    """Write entries with the keys r0, r1, …"""
    for index in range(number):
        await store.good("/v1/receipts", lines(cola=index + 1), key=f"r{index}")


async def blocks(caller: Caller, path: str, number: int, headers: dict[str, str] | None = None) -> list[Event]:
    """The first blocks of a live feed."""
    found: list[Event] = []
    block: Event = {}
    async with asyncio.timeout(5), caller.client.get(path, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == "text/event-stream"
        async for raw in response.content:
            name, _, value = raw.decode().removesuffix("\n").partition(": ")
            if name:
                block[name] = value
            elif block:
                found.append(block)
                block = {}
                if len(found) == number:
                    return found
    return found


def keys(events: list[Event]) -> list[str]:
    return [json.loads(one["data"])["key"] for one in events if "data" in one and one["event"] != "reset"]


def foreign(store: Caller, arrival: int = 1) -> list[str]:
    """Cursors that the journal of this store never gave."""
    incarnation = store.node.replica.writer.partition("#")[2]
    return [
        f"hub-east~{incarnation}~{arrival}",
        f"store-1~{'0' * len(incarnation)}~{arrival}",
        f"store-1~{incarnation}~5000",
        "17",
        "nonsense",
    ]


async def test_a_page_of_the_journal_ends_with_a_cursor_of_this_node(store: Caller) -> None:
    await receive(store, 5)
    first = await store.good("/v1/journal?limit=3")
    assert first["next"] == f"{store.node.replica.writer.replace('#', '~')}~3"
    rest = await store.good(f"/v1/journal?after={first['next']}")
    assert [entry["key"] for entry in first["entries"] + rest["entries"]] == [f"r{number}" for number in range(5)]
    assert await store.good(f"/v1/journal?after={rest['next']}") == {"entries": [], "next": rest["next"]}


async def test_zero_and_no_cursor_read_the_journal_from_the_beginning(store: Caller) -> None:
    await receive(store, 2)
    assert await store.good("/v1/journal?after=0") == await store.good("/v1/journal")


async def test_the_journal_answers_a_foreign_cursor_with_where_to_begin(store: Caller) -> None:
    await receive(store, 2)
    begin = await store.good("/v1/journal?limit=1")
    for cursor in foreign(store):
        status, problem = await store.read(f"/v1/journal?after={cursor}")
        assert (status, problem["type"], problem["field"]) == (410, "cursor-unknown", "after"), cursor
        again = await store.good(f"/v1/journal?limit=1&after={problem['begin']}")
        assert again == begin
        assert (await store.good(f"/v1/journal?after={problem['newest']}"))["entries"] == []


async def test_a_hub_refuses_the_cursor_of_a_store(store: Caller, hub: Caller) -> None:
    await receive(store, 2)
    cursor = (await store.good("/v1/journal"))["next"]
    status, problem = await hub.read(f"/v1/journal?after={cursor}")
    assert (status, problem["type"]) == (410, "cursor-unknown")
    assert "store-1" in problem["detail"]
    assert "hub-east" in problem["detail"]


async def test_the_feed_sends_new_entries_and_resumes_after_the_last_event(store: Caller) -> None:
    await receive(store, 1)
    listening = asyncio.create_task(blocks(store, "/v1/feed", 2))
    while not store.node.driver.watching:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await store.good("/v1/sales", lines(cola=1), key="s")
    start, sold = await listening
    assert (sold["event"], keys([sold])) == ("sale", ["s"])
    resumed = await blocks(store, "/v1/feed", 2, {"Last-Event-ID": start["id"]})
    assert resumed == [start, sold]
    assert keys(await blocks(store, "/v1/feed?after=0", 3)) == ["r0", "s"]
    assert keys(await blocks(store, f"/v1/feed?after={start['id']}", 2)) == ["s"]


async def test_the_feed_says_where_it_begins_before_the_first_entry(store: Caller) -> None:
    await receive(store, 3)
    (start,) = await blocks(store, "/v1/feed", 1)
    assert start == {"id": (await store.good("/v1/journal"))["next"]}


async def test_the_feed_tells_a_foreign_reader_to_begin_again_and_skips_nothing(store: Caller) -> None:
    await receive(store, 2)
    for cursor in foreign(store):
        for path, headers in ((f"/v1/feed?after={cursor}", None), ("/v1/feed", {"Last-Event-ID": cursor})):
            reset, *events = await blocks(store, path, 3, headers)
            told = json.loads(reset["data"])
            assert (reset["event"], told["type"]) == ("reset", "cursor-unknown")
            assert reset["id"] == told["begin"]
            assert told["newest"] == events[-1]["id"]
            assert keys(events) == ["r0", "r1"]


async def test_the_last_event_id_counts_before_the_query(store: Caller) -> None:
    await receive(store, 3)
    ids = [event["id"] for event in await blocks(store, "/v1/feed?after=0", 4)]
    assert keys(await blocks(store, "/v1/feed?after=0", 2, {"Last-Event-ID": ids[2]})) == ["r2"]


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", "\u0661".encode(), b"a b", b"9" * 2_000])
async def test_a_last_event_id_that_no_feed_sends_is_refused(store: Caller, text: bytes) -> None:
    address = urlsplit(str(store.client.make_url("/")))

    def ask() -> bytes:
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=5) as line:
            head = b"GET /v1/feed HTTP/1.1\r\nHost: x\r\nConnection: close\r\nLast-Event-ID: "
            line.sendall(head + text + b"\r\n\r\n")
            return b"".join(iter(lambda: line.recv(65_536), b""))

    answer = await asyncio.to_thread(ask)
    assert answer.startswith(b"HTTP/1.1 410 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["field"] == "Last-Event-ID"


async def test_two_last_event_ids_are_refused(store: Caller) -> None:
    async with store.client.get("/v1/feed", headers=[("Last-Event-ID", "0"), ("Last-Event-ID", "1")]) as response:
        assert (response.status, (await response.json(content_type=None))["field"]) == (422, "Last-Event-ID")


async def test_the_entries_behind_a_figure_are_paged_by_cursors_of_this_node(store: Caller) -> None:
    await receive(store, 3)
    first = await store.good("/v1/explain/cola?limit=2")
    rest = await store.good(f"/v1/explain/cola?limit=2&before={first['next']}")
    assert [entry["key"] for entry in first["movements"] + rest["movements"]] == ["r2", "r1", "r0"]
    assert rest["next"] is None
    for cursor in foreign(store):
        status, problem = await store.read(f"/v1/explain/cola?before={cursor}")
        assert (status, problem["type"], problem["field"]) == (410, "cursor-unknown", "before"), cursor


async def test_explained_stock_and_its_movements_are_of_one_moment(store: Caller) -> None:
    await store.good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 1}]})
    for _ in range(20):
        receipt = store.good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 1}]})
        _, explained = await asyncio.gather(receipt, store.good("/v1/explain/cola"))
        assert len(explained["movements"]) == explained["stock"]["on_hand"]


async def test_a_reader_gets_an_entry_only_once_its_commit_has_returned(store: Caller) -> None:
    await receive(store, 2)
    store.node.driver.arrival = 1  # the second commit is in the file, and has not returned yet
    page = await store.good("/v1/journal")
    assert [entry["key"] for entry in page["entries"]] == ["r0"]
    store.node.driver.arrival = 2
    assert [entry["key"] for entry in (await store.good(f"/v1/journal?after={page['next']}"))["entries"]] == ["r1"]


async def test_the_cursor_of_a_page_of_stock_is_a_name_and_valid_at_any_node(store: Caller, hub: Caller) -> None:
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola": 1, "tea": 1}}, method="PUT")
    goods = {"lines": [{"item": "cola", "quantity": 1}, {"item": "tea", "quantity": 1}]}
    await store.good("/v1/receipts", goods)
    await hub.good("/v1/receipts?location=w-1", goods)
    for caller, path in ((store, "/v1/stock"), (hub, "/v1/stock/w-1")):
        assert (await caller.good(f"{path}?limit=1"))["next"] == "cola"
        assert [one["item"] for one in (await caller.good(f"{path}?cursor=cola"))["items"]] == ["tea"]
