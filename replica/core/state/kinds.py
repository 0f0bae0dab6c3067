"""The kinds of entries. The record of a kind holds its request, and how it is decided, read back and voided.

A request at a location becomes an entry of one kind (`prepare`). The request can be read back from the entry
(`request_of`). So the journal alone shows whether a request was made before, whatever the stock was then.

To add a kind: write its request, `prepare_…` and `read_…` in a module of its own, add a record here, and add its call
in `replica.runtime.http.writes`. CONTRIBUTING.md walks through an example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from msgspec import Struct

from replica.core.log.draft import Draft
from replica.core.log.entry import DOCUMENT, Content, Entry
from replica.core.log.voids import VOID
from replica.core.orders.facts import voids_of
from replica.core.orders.requests import ORDER, OrderRequest, answered_request_of
from replica.core.rights.grants import ALLOTMENT, GRANT, prepare_allotment, prepare_grant, read_allotment, read_grant
from replica.core.rights.requests import Allotment, Grant
from replica.core.stock.adjustments import ADJUSTMENT, prepare_adjustment, read_adjustment
from replica.core.stock.counts import COUNT, read_count
from replica.core.stock.goods_receipts import GOODS_RECEIPT, prepare_goods_receipt, read_goods_receipt
from replica.core.stock.location_view import LocationView
from replica.core.stock.quarantine import QUARANTINE_STEP, prepare_quarantine, read_quarantine
from replica.core.stock.requests import Adjustment, Count, GoodsReceipt, OnShortage, Quarantine, Return, Sale
from replica.core.stock.returns import prepare_return, read_return
from replica.core.stock.sales import prepare_sale, read_sale
from replica.core.stock.shipments import prepare_arrival, prepare_shipment, read_arrival, read_shipment
from replica.core.stock.till_receipts import RETURN, SALE
from replica.core.stock.transfer import Act
from replica.core.stock.transfer_requests import (
    ApproveTransfer,
    CancelTransfer,
    ReceiveTransfer,
    RequestTransfer,
    SettleTransfer,
    ShipTransfer,
    TransferRequest,
)
from replica.core.stock.transfer_steps import (
    prepare_approval,
    prepare_cancellation,
    prepare_settlement,
    prepare_transfer,
    read_approval,
    read_cancellation,
    read_settlement,
    read_transfer,
)
from replica.core.stock.transfers import NOTICE

LocationRequest = Sale | Return | GoodsReceipt | Count | Adjustment | Quarantine | Grant | Allotment | TransferRequest
"""The requests at one location: the `request` of a record below."""


class VoidEffect(Enum):
    """Which effect of an entry its void reverses, when the entry lost to a duplicate."""

    MOVES = "moves"
    """The moves, because one event was recorded twice."""
    NOTHING = "nothing"
    """Nothing: policies move granted rights back, the newest count is valid, and documents replace each other."""
    BY_OWNER = "by owner"
    """The owner of the fulfilment decides (`replica.core.orders`)."""


class EntryKind(Struct, frozen=True, kw_only=True):
    """One kind of entry. All functions are pure."""

    name: str
    """The kind as written in entries."""
    read: Callable[[Content], object]
    """Reads the request back from an entry. Equal requests give equal values. None if the entry does not show it."""
    request: type | None = None
    """The type of the request at one location. None if no request at a location leads to this kind."""
    prepare: Callable[[LocationView, Any], Draft] | None = None
    """Decides a request from the view of its location. Raises Refused. None: `decisions` needs more than that."""
    is_promise: Callable[[Any], bool] = lambda request: False
    """Whether a request moves rights only. A node may decide such a request at a location that it does not own."""
    moves_nothing: bool = False
    """Whether a request never moves units. A node that hears of all locations may decide it at each of them."""
    voided: VoidEffect = VoidEffect.MOVES
    is_of_location: bool = True
    """Whether the same request at another location is another request."""


def _refuses_shortage(sale: Sale) -> bool:
    return sale.on_shortage is OnShortage.REFUSE


def _always(request: object) -> bool:
    return True


def _read_document(content: Content) -> tuple[object, ...]:
    facts = content.facts
    return facts.get("kind"), facts.get("key"), facts.get("rank"), facts.get("at"), facts.get("value")


def _read_order(content: Content) -> bytes | OrderRequest | None:
    """The request about an order, or the placement that the entry undoes."""
    return voids_of(content) or answered_request_of(content.facts)


class Kinds:
    """A table of kinds. A replica keeps and forwards entries of other kinds too, and applies their moves."""

    def __init__(self, records: Iterable[EntryKind]) -> None:
        self._records = tuple(records)
        self._by_name: dict[str, EntryKind] = {}
        self._by_request: dict[type, EntryKind] = {}
        for record in self._records:
            self._by_name[record.name] = record
            if record.request is not None:
                self._by_request[record.request] = record

    @property
    def names(self) -> tuple[str, ...]:
        """The kinds in this table, as written in entries."""
        return tuple(self._by_name)

    @property
    def requests(self) -> tuple[type, ...]:
        """The types of all requests at a location."""
        return tuple(self._by_request)

    def of_name(self, name: str) -> EntryKind:
        """The kind that entries call so."""
        return self._by_name[name]

    def with_record(self, record: EntryKind) -> Kinds:
        """A table with one more kind. The new kind decides its request from now on."""
        return Kinds((*self._records, record))

    def of_request(self, request: LocationRequest) -> EntryKind:
        """The kind of entry that a request at a location leads to."""
        return self.of_type(type(request))

    def of_type(self, request: type) -> EntryKind:
        """The kind of entry that requests of a type, or of a type derived from it, lead to."""
        kind = self._by_request.get(request)
        return kind or next(self._by_request[one] for one in request.__mro__ if one in self._by_request)

    def void_effect(self, content: Content) -> VoidEffect:
        """Which effect of an entry its void reverses."""
        kind = self._by_name.get(content.kind)
        return kind.voided if kind is not None else VoidEffect.MOVES

    def request_of(self, content: Content) -> object:
        """Read the request back from its entry: the inverse of `prepare`.

        None if no known request leads to such an entry. Peers may write kinds of later versions, or nonsense.
        """
        kind = self._by_name.get(content.kind)
        try:
            return kind.read(content) if kind is not None else None
        except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError):
            return None

    def are_same_request(self, one: Entry, other: Entry) -> bool:
        """Whether two entries under one key record one request. An unreadable entry equals no other entry."""
        kind = self._by_name.get(one.content.kind)
        if kind is None or one.content.kind != other.content.kind:
            return False
        if kind.is_of_location and one.stream.scope != other.stream.scope:
            return False
        asked = self.request_of(one.content)
        return asked is not None and asked == self.request_of(other.content)


def _note(
    act: Act,
    request: type,
    prepare: Callable[[LocationView, Any], Draft],
    read: Callable[[Content], object],
) -> EntryKind:
    """A step of a transfer that moves nothing. The same step at another location is the same request."""
    return EntryKind(
        name=act.value, request=request, prepare=prepare, read=read, moves_nothing=True, is_of_location=False
    )


KINDS = Kinds(
    (
        EntryKind(name=SALE, request=Sale, prepare=prepare_sale, read=read_sale, is_promise=_refuses_shortage),
        EntryKind(name=RETURN, request=Return, prepare=prepare_return, read=read_return),
        EntryKind(name=GOODS_RECEIPT, request=GoodsReceipt, prepare=prepare_goods_receipt, read=read_goods_receipt),
        EntryKind(name=COUNT, request=Count, read=read_count, voided=VoidEffect.NOTHING),
        EntryKind(name=ADJUSTMENT, request=Adjustment, prepare=prepare_adjustment, read=read_adjustment),
        EntryKind(name=QUARANTINE_STEP, request=Quarantine, prepare=prepare_quarantine, read=read_quarantine),
        EntryKind(
            name=GRANT,
            request=Grant,
            prepare=prepare_grant,
            read=read_grant,
            is_promise=_always,
            voided=VoidEffect.NOTHING,
        ),
        EntryKind(
            name=ALLOTMENT, request=Allotment, prepare=prepare_allotment, read=read_allotment, is_promise=_always
        ),
        _note(Act.REQUEST, RequestTransfer, prepare_transfer, read_transfer),
        _note(Act.APPROVE, ApproveTransfer, prepare_approval, read_approval),
        _note(Act.CANCEL, CancelTransfer, prepare_cancellation, read_cancellation),
        EntryKind(name=Act.SHIP.value, request=ShipTransfer, prepare=prepare_shipment, read=read_shipment),
        EntryKind(name=Act.RECEIVE.value, request=ReceiveTransfer, prepare=prepare_arrival, read=read_arrival),
        EntryKind(name=Act.SETTLE.value, request=SettleTransfer, prepare=prepare_settlement, read=read_settlement),
        EntryKind(name=NOTICE, read=lambda content: content.facts),
        EntryKind(name=ORDER, read=_read_order, voided=VoidEffect.BY_OWNER, is_of_location=False),
        EntryKind(name=DOCUMENT, read=_read_document, voided=VoidEffect.NOTHING),
        EntryKind(name=VOID, read=lambda content: VOID, is_of_location=False),  # its key identifies it
    )
)
"""The kinds that this version knows."""
