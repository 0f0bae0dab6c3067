"""The answers of whole nodes are held to the reference model: one that does not follow from the journal is caught."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from replica.core.base.names import CHAIN, CUSTOMER
from replica.core.catalog.documents import pack_value
from replica.core.ledger.cells import Move
from replica.core.log.entry import DOCUMENT, Content, EntryLine, Stream
from replica.core.orders.requests import ORDER
from simulations.checkers.checker import Violation
from simulations.full_stack.answers import Answers
from simulations.full_stack.calls import Call, HttpAnswer, events_in
from simulations.history import Durable, History
from simulations.journal import SimulatedDisk
from simulations.plan import Plan
from simulations.run import Run
from tests.core.contents import OWN, linked, receipt_content

AT = "1970-01-01T00:00:00.000Z"
SOLD = receipt_content(
    kind="sale", key=b"sold", moves=(Move("cola", "store-1/free", CUSTOMER, 2),), lines=(EntryLine("cola", 2, 0, 1),)
)
GRANTED = receipt_content(kind="grant", moves=(Move("cola", "store-1/free", "hub-east/free", 1),))
HELD = receipt_content(
    kind=ORDER,
    key=b"held",
    reason="hold",
    reference="o-1",
    moves=(Move("cola", "store-1/free", "store-1/held", 1),),
    facts={
        "act": "step",
        "fulfilment": "store-1.1",
        "to": "held",
        "digest": b"1",
        "expires_ms": 61_000,
        "taken": [[b"", "cola", 1, [["cola", 1]], "store-1/free", []]],
        "state": "held",
        "shown": [["store-1.1", "store-1", "held", [["cola", 1]]]],
        "request": {"placement": {}},
    },
)


class Told:
    """The disk of a store or a hub after three entries about one item, and what its answers must be."""

    def __init__(self, name: str) -> None:
        self.run = Run(Plan(seed=7, seconds=8.0))
        machine = self.run.chain.machines[name]
        machine.disk = self.disk = SimulatedDisk()
        self._answers = Answers(machine, self.run.chain, History())
        entries = linked(OWN, [receipt_content(quantity=3), SOLD, GRANTED]).entries
        self.disk.keep(entries, 0)
        self.hashes = [one.hash.hex() for one in entries]

    def answer(self, call: Call, status: int, body: Any, since: int = 3) -> None:
        """Show an answer to a client that asked when some entries were durable. Raises Violation."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._answers.check(call, Durable(self.disk, since), HttpAnswer(status, data, is_last=False))


@pytest.fixture(name="store")
def of_store() -> Iterator[Told]:
    store = Told("store-1")
    yield store
    store.run.loop.close()


@pytest.fixture(name="hub")
def of_hub() -> Iterator[Told]:
    hub = Told("hub-east")
    yield hub
    hub.run.loop.close()


def test_the_answer_to_a_sale_shows_its_entry(store: Told) -> None:
    shown = store.disk.stored[1].entry
    line = {"sku": "cola", "quantity": 2, "breach": 0, "available": 1}
    store._answers._stored()
    at = store._answers._now.entries[1].noted["at"]
    call, body = (
        Call("POST", "/v1/sales", b'{"lines":[{"sku":"cola","quantity":2}]}', "sold"),
        {"at": at, "lines": [line]},
    )
    store.answer(call, 201, {"movement": shown.hash.hex(), **body})
    for wrong in (
        {"movement": store.hashes[0], **body},
        {"movement": store.hashes[1], **body, "lines": [{**line, "available": 3}]},
        {"movement": store.hashes[1], **body, "surplus": 1},
    ):
        with pytest.raises(Violation):
            store.answer(call, 201, wrong)
    with pytest.raises(Violation, match="no entry has the key other"):
        store.answer(Call("POST", "/v1/sales", call.body, "other"), 201, body)


def test_the_answer_to_a_placement_shows_its_fulfilments_and_when_it_expires(store: Told) -> None:
    store.disk.keep(linked(Stream("store-1#0000000d", "store-1"), [HELD]).entries, 0)
    body = {
        "order": "o-1",
        "state": "held",
        "fulfilments": [
            {"id": "store-1.1", "location": "store-1", "state": "held", "lines": [{"sku": "cola", "quantity": 1}]}
        ],
        "expires_at": "1970-01-01T00:01:01.000Z",
    }
    call = Call("POST", "/v1/holds", b'{"order":"o-1","lines":[{"sku":"cola","quantity":1}]}', "held")
    store.answer(call, 201, body)
    for wrong in ({**body, "state": "reserved"}, {**body, "fulfilments": []}, {**body, "expires_at": AT}):
        with pytest.raises(Violation):
            store.answer(call, 201, wrong)
    with pytest.raises(Violation):
        store.answer(call, 200, body)


def test_a_refused_event_of_an_order_must_be_impossible(store: Told) -> None:
    store.disk.keep(linked(Stream("store-1#0000000d", "store-1"), [HELD]).entries, 0)
    body = {"type": "invalid-request", "field": "lines", "title": "No.", "status": 422, "detail": "No."}
    adjusted, cancelled = (
        Call("POST", "/v1/orders/o-1/events", b'{"event":"%b","lines":[{"sku":"cola","quantity":1}]}' % name, "told")
        for name in (b"adjust", b"cancel")
    )
    store.answer(adjusted, 422, body, since=4)
    for call, wrong in ((cancelled, body), (adjusted, {**body, "field": "fulfilment"})):
        with pytest.raises(Violation, match="told"):
            store.answer(call, 422, wrong, since=4)


def test_a_read_shows_a_moment_since_it_was_asked(hub: Told) -> None:
    def available(guaranteed: int, optimistic: int) -> dict[str, Any]:
        figures = {"guaranteed": guaranteed, "optimistic": optimistic}
        return {"sku": "cola", **figures, "locations": [{"location": "store-1", **figures, "as_of": None}]}

    call = Call("GET", "/v1/availability/cola")
    hub.answer(call, 200, available(1, 1))
    hub.answer(call, 200, available(0, 3), since=1)
    for guaranteed, optimistic, since in ((1, 2, 0), (1, 0, 0), (0, 3, 2)):
        with pytest.raises(Violation):
            hub.answer(call, 200, available(guaranteed, optimistic), since)


def test_a_malformed_body_is_refused_with_the_field(store: Told) -> None:
    call = Call("POST", "/v1/receipts", b'{"lines":[{"item":"cola","quantity":0}]}', "wrong")
    problem = {"type": "invalid-request", "title": "A.", "status": 422, "detail": "Correct it."}
    store.answer(call, 422, {**problem, "field": "lines[0].quantity"})
    with pytest.raises(Violation):
        store.answer(call, 422, {**problem, "field": "lines"})
    with pytest.raises(Violation):
        store.answer(call, 201, {})


@pytest.mark.parametrize("path", ["/v1/sales", "/v1/receipts", "/v1/sales:batch"])
def test_a_node_may_see_an_invalid_field_before_bytes_that_are_no_json(store: Told, path: str) -> None:
    call = Call("POST", path, b'{"lines":[{"unit":"\xff"}]}', "wrong")
    problem = {"type": "invalid-request", "title": "A.", "status": 422, "detail": "Correct it.", "field": "lines[0]"}
    store.answer(call, 422, problem)
    with pytest.raises(Violation):
        store.answer(call, 422, {**problem, "title": 5})


def test_a_feed_shows_each_entry_with_its_cursor(store: Told) -> None:
    store._answers._stored()
    entries = [json.dumps(dict(one.noted)) for one in store._answers._now.entries]
    kinds = ("receipt", "sale", "grant")

    def feed(*shown: str) -> bytes:
        events = [f"id: w~{at}\nevent: {kinds[at - 1]}\ndata: {one}\n\n" for at, one in enumerate(shown, 1)]
        pieces = [one.encode() for one in ("id: w~0\n\n", *events, "id: w~9\nev")]
        return b"HTTP/1.1 200 OK\r\n\r\n" + b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in pieces)

    call = Call("GET", "/v1/feed?after=0")
    store.answer(call, 200, events_in(feed(*entries)))
    store.answer(call, 200, events_in(feed(*entries[:2])))
    with pytest.raises(Violation):
        store.answer(call, 200, events_in(feed(*entries[1:])))


def document_content(kind: str, key: str, value: Any, rank: int = 0, at: str = "") -> Content:
    """The entry of a document."""
    facts = {"kind": kind, "key": key, "rank": rank, "at": at, "version": 1, "value": pack_value(value)}
    return receipt_content(kind=DOCUMENT, key=key.encode(), moves=(), facts=facts)


def test_a_quote_follows_from_documents_for_the_moment_that_it_names(hub: Told) -> None:
    written = [
        document_content("price", "cola", {"amount": 200, "currency": "EUR"}),
        document_content("price", "cola", {"amount": 150, "currency": "EUR"}, 200, "store-1"),
    ]
    hub.disk.keep(linked(Stream("hub-east#0000000d", CHAIN), written[:1]).entries, 0)
    hub.disk.keep(linked(Stream("hub-east#0000000d", "store-1"), written[1:]).entries, 0)

    def quoted(rank: str, amount: int, at: str, **others: Any) -> dict[str, Any]:
        source = {"rank": rank, "version": 1, **({"at": "store-1"} if rank == "store" else {})}
        price = {"amount": amount, "currency": "EUR", "per": 1, "tax_inclusive": True, "source": source, **others}
        line = {"sku": "cola", "quantity": 2, "price": price, "discounts": []}
        sums = {"list_amount": 2 * amount, "net_amount": 2 * amount}
        totals = {"currency": "EUR", "tax_inclusive": True, "discount_amount": 0, "cash_amount": 2 * amount, **sums}
        return {"lines": [{**line, **sums}], "unpriced": [], "totals": [totals], "location": "store-1", "at": at}

    def call(at: str) -> Call:
        body = {"lines": [{"sku": "cola", "quantity": 2}], "location": "store-1", "at": at}
        return Call("POST", "/v1/quote", json.dumps(body).encode())

    lower = [{"source": {"rank": "chain", "version": 1}, "why": "overridden"}]
    hub.answer(call(AT), 200, quoted("store", 150, AT, others=lower))
    hub.answer(call(AT), 200, quoted("chain", 200, AT), since=4)
    for wrong in (quoted("chain", 200, AT), quoted("store", 150, AT), quoted("store", 150, AT.replace("0Z", "1Z"))):
        with pytest.raises(Violation, match="/v1/quote"):
            hub.answer(call(AT), 200, wrong, since=5)


def test_a_document_is_written_at_the_rank_that_the_client_named(hub: Told) -> None:
    value = {"amount": 150, "currency": "EUR"}
    written = document_content("price", "cola", value, 100, "east")
    hub.disk.keep(linked(Stream("hub-east#0000000d", CHAIN), [written]).entries, 0)
    shown = {"kind": "price", "key": "cola", "version": 1, "value": value, "rank": "region", "at": "east"}
    path, body = "/v1/documents/price/cola", json.dumps({**value, "per": 1}).encode()
    hub.answer(Call("PUT", f"{path}?rank=region&at=east", body, "cola"), 200, shown)
    for call in (Call("PUT", path, body, "cola"), Call("DELETE", f"{path}?rank=region&at=east", b"", "cola")):
        with pytest.raises(Violation):
            hub.answer(call, 200, shown)
    read = Call("GET", f"{path}?location=store-1")
    not_found = {"type": "not-found", "title": "No.", "status": 404, "detail": "No.", "field": "key"}
    hub.answer(read, 404, not_found, since=4)
    with pytest.raises(Violation):
        hub.answer(read, 200, shown, since=4)
