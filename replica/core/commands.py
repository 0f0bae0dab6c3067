"""What may be asked of a replica: a request at a location, a write of a document, or many sales at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from replica.core.entry import DOCUMENT, Entry
from replica.core.movements import Seen, request_of
from replica.core.order_requests import OrderRequest
from replica.core.requests import KeyedSale, Request, Sale


class Command(Struct, frozen=True, gc=False):
    """One request at one location, under its key. `seen` says what a count was made from, if not from now.

    What concerns an order is at no location (empty): the order says where.
    """

    location: str
    request: Request | OrderRequest
    key: bytes
    seen: Seen | None = None


class Write(Struct, frozen=True, gc=False):
    """One write of a chain-wide document, under its key; `value` is packed, None clears it."""

    kind: str
    name: str
    value: bytes | None
    key: bytes


class Sales:
    """Sales at one location, each under its key: commands, which are made when somebody wants to see one."""

    __slots__ = ("keys", "location", "sales")

    def __init__(self, location: str, sales: Sequence[Sale], keys: Sequence[bytes]) -> None:
        self.location = location
        self.sales = sales
        self.keys = keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, place: int) -> Command:
        return Command(self.location, self.sales[place], self.keys[place])

    def __iter__(self) -> Iterator[Command]:
        return map(self.__getitem__, range(len(self.keys)))


Requests = Sales | Sequence[Command | Write]
"""What one caller asks at once; each is decided by itself."""


def keys_of(requests: Requests) -> Sequence[bytes]:
    """The key of each request."""
    return requests.keys if isinstance(requests, Sales) else [request.key for request in requests]


def stretches(requests: Requests) -> Iterator[Sales | Command | Write]:
    """The requests in their order, where sales at one location that follow each other come together."""
    sales: list[Sale] = []
    keys: list[bytes] = []
    location = ""
    for request in requests:
        sale = request.request if isinstance(request, Command) else None
        where = request.location if isinstance(request, Command) else ""
        if sales and not (isinstance(sale, Sale) and where == location):
            yield Sales(location, sales, keys)
            sales, keys = [], []
        if isinstance(sale, Sale):
            location = where
            sales.append(sale)
            keys.append(request.key)
        else:
            yield request
    if sales:
        yield Sales(location, sales, keys)


def is_same_request(earlier: Entry, command: Command) -> bool:
    """Tell whether an entry is what came of this very request."""
    request = command.request
    if isinstance(request, KeyedSale):
        request = request.sale()
    is_there = earlier.stream.scope == command.location or not command.location
    return is_there and request_of(earlier.content) == request


def is_same_write(earlier: Entry, write: Write) -> bool:
    """Tell whether an entry is what came of this very document write."""
    facts = earlier.content.facts
    asked = (write.kind, write.name, write.value)
    written = (facts.get("kind"), facts.get("key"), facts.get("value"))
    return earlier.content.kind == DOCUMENT and written == asked
