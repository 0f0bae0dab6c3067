"""`GET /v1/order_machine`: the table of order transitions in force, and where it comes from."""

from __future__ import annotations

from typing import Any

from replica.core.catalog.documents import pack_value
from replica.core.orders.machine import DEFAULT_DOCUMENT, EVENTS, ORDER_MACHINE, mermaid
from replica.core.state.commands import DocumentWrite
from tests.callers import Caller

SHORT: dict[str, Any] = {
    "states": ["held", "collected"],
    "transitions": [
        {"event": "hold", "from": [], "to": "held"},
        {"event": "collect", "from": ["held"], "to": "collected"},
    ],
}
PATH = "/v1/documents/order_machine/default"


async def test_table_without_a_document_is_built_in(store: Caller) -> None:
    answer = await store.good("/v1/order_machine")
    assert (answer["source"], answer["document"]) == ("built_in", None)
    assert [one["state"] for one in answer["states"]] == list(DEFAULT_DOCUMENT.states)
    assert {one["event"] for one in answer["transitions"]} == set(EVENTS)
    assert answer["diagram"] == mermaid(DEFAULT_DOCUMENT)
    states = {one.pop("state"): one for one in answer["states"]}
    assert states["held"] == {"units": "held", "is_first": True, "is_last": False}
    assert states["shipped"] == {"units": "handed_out", "is_first": False, "is_last": False}
    assert states["cancelled"] == {"units": "released", "is_first": False, "is_last": True}


async def test_document_replaces_the_table_until_it_is_cleared(hub: Caller) -> None:
    await hub.good(PATH, SHORT, method="PUT")
    answer = await hub.good("/v1/order_machine")
    assert (answer["source"], answer["document"]["version"], answer["document"]["value"]) == ("document", 1, SHORT)
    assert answer["transitions"] == SHORT["transitions"]
    assert [(one["state"], one["is_last"]) for one in answer["states"]] == [("held", False), ("collected", True)]
    await hub.write(PATH, None, method="DELETE")
    answer = await hub.good("/v1/order_machine")
    assert (answer["source"], answer["document"]["version"], answer["document"]["value"]) == ("built_in", 2, None)


async def test_write_that_this_version_cannot_use_leaves_the_table_before_it(hub: Caller) -> None:
    async def write_unknown(key: bytes) -> None:
        value = pack_value({"states": ["packed"], "transitions": []})
        await hub.node.driver.submit(DocumentWrite(ORDER_MACHINE, "default", value, key))

    await write_unknown(b"first")
    answer = await hub.good("/v1/order_machine")
    assert (answer["source"], answer["document"]["value"]["states"]) == ("built_in", ["packed"])
    await hub.good(PATH, SHORT, method="PUT")
    await write_unknown(b"second")
    answer = await hub.good("/v1/order_machine")
    assert (answer["source"], answer["document"]["version"]) == ("earlier_document", 3)
    assert answer["transitions"] == SHORT["transitions"]
