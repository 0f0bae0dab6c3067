"""The requests a replica takes: a request at a location, a write of a document, or many sales at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Generic, TypeVar

from msgspec import Struct

from replica.core.catalog.ranks import CHAIN_RANK
from replica.core.log.entry import DOCUMENT, Entry
from replica.core.orders.requests import OrderRequest, Placement
from replica.core.orders.sourcing import Chooser
from replica.core.state.kinds import Kinds, LocationRequest
from replica.core.stock.counts import Seen
from replica.core.stock.requests import KeyedSale, Return, Sale
from replica.core.stock.till_receipts import TillReceipt


class Command(Struct, frozen=True, gc=False):
    """One request at one location, under its key. `seen` is the state a count was made from, unless it is the present.

    A request about an order has an empty location, because the order names its locations. `quote`: the price that a
    sale applies, packed; empty if there is none. `chooser`: chooses the locations of an order to an address. Both are
    no part of the request: a retry may have others.
    """

    location: str
    request: LocationRequest | OrderRequest
    key: bytes
    seen: Seen | None = None
    quote: bytes = b""
    chooser: Chooser | None = None


class DocumentWrite(Struct, frozen=True):
    """One write of a document at a rank, under its key; `value` is packed, None clears it.

    `has_new_items`: the caller says that unknown items in it are meant. `at`: the region or location of the rank, empty
    for the chain. `skips_unchanged`: write nothing if the rank has this value when the write is decided.
    """

    kind: str
    name: str
    value: bytes | None
    key: bytes
    has_new_items: bool = False
    rank: int = CHAIN_RANK
    at: str = ""
    skips_unchanged: bool = False


_Asked = TypeVar("_Asked", bound=Sale | Placement)


class _Alike(Generic[_Asked]):
    """Requests of one kind at one location, each under its key. A `Command` is built only when somebody reads it."""

    __slots__ = ("keys", "location", "requests")

    def __init__(self, location: str, requests: Sequence[_Asked], keys: Sequence[bytes]) -> None:
        self.location = location
        self.requests = requests
        self.keys = keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> Command:
        return Command(self.location, self.requests[index], self.keys[index])

    def __iter__(self) -> Iterator[Command]:
        return map(self.__getitem__, range(len(self.keys)))


class Sales(_Alike[Sale]):
    """Sales at one location. `quotes`: the price that each applies, as in `Command`; none at all if it is empty."""

    __slots__ = ("quotes",)

    def __init__(self, location: str, requests: Sequence[Sale], keys: Sequence[bytes], quotes: Sequence[bytes] = ()):
        super().__init__(location, requests, keys)
        self.quotes = quotes

    def __getitem__(self, index: int) -> Command:
        quote = self.quotes[index] if self.quotes else b""
        return Command(self.location, self.requests[index], self.keys[index], quote=quote)


class Placements(_Alike[Placement]):
    """New orders. Their location is empty."""

    __slots__ = ()


Requests = Sales | Placements | Sequence[Command | DocumentWrite]
"""The requests of one caller. The replica decides each request separately."""


Kind = type[Sales] | type[Placements]
"""The columns of requests that are alike."""


def keys_of(requests: Requests) -> Sequence[bytes]:
    """The key of each request."""
    return requests.keys if isinstance(requests, Sales | Placements) else [request.key for request in requests]


def receipt_number(request: object) -> str:
    """The till receipt of a sale, or of the sale that a return reverses; empty if there is none."""
    if isinstance(request, Sale):
        return request.receipt
    return request.original if isinstance(request, Return) else ""


def receipts_of(requests: Requests) -> tuple[list[TillReceipt], list[TillReceipt]]:
    """The till receipts of sales, and those of the sales that returns reverse, in the requests of one caller."""
    if isinstance(requests, Placements):
        return [], []
    if isinstance(requests, Sales):
        location = requests.location
        return [TillReceipt(location, sale.receipt) for sale in requests.requests if sale.receipt], []
    sold: list[TillReceipt] = []
    returned: list[TillReceipt] = []
    for one in requests:
        if isinstance(one, Command) and (number := receipt_number(one.request)):
            (sold if isinstance(one.request, Sale) else returned).append(TillReceipt(one.location, number))
    return sold, returned


def together(asked: Sequence[Requests]) -> Iterator[tuple[Requests, Sequence[Requests]]]:
    """What to decide at once, in the order of the callers, each with the callers it is of.

    Adjacent callers with one sale each, or one order each, form one group. A caller with many requests is a group of
    its own, because its answer is rendered from the columns of its verdicts.
    """
    for of, some in groupby(asked, _kind_of_single):
        callers = list(some)
        if of is None or len(callers) == 1:
            yield from [(requests, (requests,)) for requests in callers]
        else:
            kind, location = of
            yield _alike(kind, location, [one for (one,) in callers if isinstance(one, Command)]), callers


def stretches(
    requests: Iterable[Command | DocumentWrite],
) -> Iterator[Sales | Placements | Command | DocumentWrite]:
    """The requests in their order. Adjacent sales at one location, or adjacent new orders, come as one group."""
    for (kind, location), some in groupby(requests, _kind):
        if kind is None:
            yield from some
        else:
            yield _alike(kind, location, [one for one in some if isinstance(one, Command)])


def _alike(kind: Kind, location: str, commands: Sequence[Command]) -> Sales | Placements:
    """Commands of one kind at one location as columns."""
    keys = [one.key for one in commands]
    requests: list[Any] = [one.request for one in commands]
    if kind is Placements:
        return Placements(location, requests, keys)
    quotes = [one.quote for one in commands]
    return Sales(location, requests, keys, quotes if any(quotes) else ())


def _kind_of_single(requests: Requests) -> tuple[Kind, str] | None:
    if isinstance(requests, Sales | Placements) or len(requests) != 1:
        return None
    kind, location = _kind(requests[0])
    return (kind, location) if kind is not None else None


def _kind(request: Command | DocumentWrite) -> tuple[Kind | None, str]:
    if isinstance(request, Command):
        if isinstance(request.request, Sale):
            return Sales, request.location
        if isinstance(request.request, Placement) and request.chooser is None:
            return Placements, request.location
    return None, ""


def repeats_command(kinds: Kinds, earlier: Entry, command: Command) -> bool:
    """Whether an earlier entry records this request."""
    request = command.request
    if isinstance(request, KeyedSale):
        request = request.sale()
    is_there = earlier.stream.scope == command.location or not command.location
    return is_there and kinds.request_of(earlier.content) == request


def repeats_write(kinds: Kinds, earlier: Entry, write: DocumentWrite) -> bool:
    """Whether an earlier entry records this document write."""
    asked = (write.kind, write.name, write.rank, write.at, write.value)
    return earlier.content.kind == DOCUMENT and kinds.request_of(earlier.content) == asked
