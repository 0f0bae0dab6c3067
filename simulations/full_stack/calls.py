"""HTTP for clients: requests as bytes, and answers as verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

import msgpack
import msgspec
from msgspec import Struct

from replica.core.base.errors import InvalidTransition, Overloaded, Overtaken, Refused, Stopping, StorageFull
from replica.core.base.names import key_text
from replica.core.catalog.ranks import CHAIN_RANK, rank_name
from replica.core.orders.requests import OrderEvent, OrderRequest, Placement
from replica.core.state.commands import Command, DocumentWrite
from replica.core.stock.requests import Adjustment, Count, GoodsReceipt, KeyedSale, Quarantine, Return, Sale
from replica.runtime.http.order_placing import NotReplicated
from simulations.addressed import AddressedCommand
from simulations.workloads.shelf_documents import moment_text

PATHS = {
    Sale: "/v1/sales",
    Return: "/v1/returns",
    GoodsReceipt: "/v1/receipts",
    Count: "/v1/counts",
    Adjustment: "/v1/adjustments",
    Quarantine: "/v1/quarantine",
}

OF_THE_MOMENT = {refused.kind: refused for refused in (NotReplicated, Overloaded, Overtaken, Stopping, StorageFull)}


PROBLEM = ("type", "title", "status", "detail")
"""What each problem document has."""


class Call(Struct, frozen=True):
    """One HTTP request."""

    method: str
    path: str
    body: bytes = b""
    key: str = ""


class HttpAnswer(Struct, frozen=True):
    """One HTTP answer."""

    status: int
    body: bytes
    is_last: bool
    """Whether the node closes the connection after it."""

    def document(self) -> Any:
        """The body, decoded from JSON."""
        return msgspec.json.decode(self.body)


QUOTE = "/v1/quote"
SOURCE = "/v1/source"


def call_of(asked: Sequence[Command | DocumentWrite], at_hub: bool) -> Call:
    """The HTTP request for one write, or for several sales at once."""
    if len(asked) > 1:
        return Call("POST", "/v1/sales:batch", msgspec.json.encode({"sales": [_keyed(one) for one in asked]}))
    (one,) = asked
    key = key_text(one.key)
    if isinstance(one, AddressedCommand):
        return Call("POST", "/v1/orders", _addressed_body(one), key)
    if isinstance(one, Command) and isinstance(one.request, OrderRequest):
        return _order_call(one.request, key, at_hub)
    if isinstance(one, DocumentWrite):
        return _document_call(one, key)
    path = PATHS[type(one.request)] + (f"?location={one.location}" if at_hub else "")
    return Call("POST", path, msgspec.json.encode(one.request), key)


def _document_call(one: DocumentWrite, key: str) -> Call:
    """The request for one write. Of the two ways to clear a document, lower ranks use one and the chain the other."""
    path = f"/v1/documents/{one.kind}/{quote(one.name, '')}"
    if one.rank != CHAIN_RANK:
        path += f"?rank={rank_name(one.rank)}&at={quote(one.at, '')}"
        if one.value is None:
            return Call("DELETE", path, key=key)
    value = None if one.value is None else msgpack.unpackb(one.value)
    return Call("PUT", path, msgspec.json.encode(value), key)


def quote_call(lines: Iterable[tuple[str, int]], group: str = "", at_ms: int | None = None, location: str = "") -> Call:
    """The request for a quote. It says only what differs from the default."""
    body: dict[str, Any] = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]}
    named = {"customer_group": group, "at": "" if at_ms is None else moment_text(at_ms), "location": location}
    return Call("POST", QUOTE, msgspec.json.encode({**body, **{name: one for name, one in named.items() if one}}))


def source_call(asked: AddressedCommand) -> Call:
    """The question from where an order would be sent."""
    return Call("POST", SOURCE, _addressed_body(asked))


def _addressed_body(asked: AddressedCommand) -> bytes:
    body = {**msgspec.to_builtins(asked.request), "ship_to": msgspec.to_builtins(asked.ship_to)}
    return msgspec.json.encode(body)


def _order_call(asked: OrderRequest, key: str, at_hub: bool) -> Call:
    if isinstance(asked, Placement):
        return Call("POST", "/v1/orders" if at_hub else "/v1/holds", msgspec.json.encode(asked), key)
    assert isinstance(asked, OrderEvent)
    body = {name: value for name, value in msgspec.to_builtins(asked).items() if name != "order"}
    return Call("POST", f"/v1/orders/{quote(asked.order)}/events", msgspec.json.encode(body), key)


def _keyed(one: Command | DocumentWrite) -> KeyedSale:
    assert isinstance(one, Command)
    sale = one.request
    assert isinstance(sale, Sale)
    return KeyedSale(
        lines=sale.lines,
        on_shortage=sale.on_shortage,
        till=sale.till,
        receipt=sale.receipt,
        occurred_at=sale.occurred_at,
        customer_group=sale.customer_group,
        key=key_text(one.key),
    )


def is_noted(problem: dict[str, Any]) -> bool:
    """Whether the node recorded a refusal: an event that is impossible for its order."""
    return bool(problem["type"] == InvalidTransition.kind)


def refused_from(problem: dict[str, Any]) -> Refused:
    """The refusal for a problem document."""
    kind, detail, field = problem["type"], problem["detail"], problem.get("field")
    facts = {name: value for name, value in problem.items() if name not in (*PROBLEM, "field")}
    refused = OF_THE_MOMENT.get(kind, Refused)(detail, field=field, **facts)
    refused.kind = kind
    return refused


def packed(call: Call, host: str, *extra: str) -> bytes:
    """A request as bytes, in the form that the fast path accepts."""
    lines = [f"{call.method} {call.path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(call.body)}", *extra]
    if call.body:
        lines.append("Content-Type: application/json")
    if call.key:
        lines.append(f"Idempotency-Key: {call.key}")
    return "\r\n".join([*lines, "", ""]).encode() + call.body


def packed_in_chunks(call: Call, host: str, size: int) -> bytes:
    """A request as bytes with a chunked body, which only aiohttp understands, not the fast path."""
    pieces = [call.body[index : index + size] for index in range(0, len(call.body), size)]
    head = packed(Call(call.method, call.path, b"", call.key), host, "Transfer-Encoding: chunked")
    head = head.replace(b"Content-Length: 0\r\n", b"Content-Type: application/json\r\n")
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def events_in(said: bytes) -> bytes:
    """The whole events in the answer to a feed, which has a chunked body and no end; empty if it is no such answer."""
    head, _, rest = said.partition(b"\r\n\r\n")
    body = b""
    while head.startswith(b"HTTP/1.1 200 ") and b"\r\n" in rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body[: body.rfind(b"\n\n") + 2] if b"\n\n" in body else b""
