"""Kinds of entries: how each is prepared from a request, and read back."""

from __future__ import annotations

from typing import assert_never

from replica.core.base.names import owner_of
from replica.core.log.draft import Draft
from replica.core.log.entry import Content
from replica.core.orders.requests import OrderRequest, order_request_of
from replica.core.rights.grants import allotment_line, allotted, prepare_grant
from replica.core.rights.requests import Allotment, Grant, GrantLine
from replica.core.stock.movements import (
    LocationView,
    Seen,
    _goods_lines,
    _occurred_at,
    _sku_lines,
    prepare_adjustment,
    prepare_count,
    prepare_goods_receipt,
    prepare_quarantine,
    prepare_return,
    prepare_sale,
)
from replica.core.stock.requests import (
    Action,
    Adjustment,
    AdjustmentLine,
    Count,
    CountLine,
    Disposition,
    GoodsReceipt,
    OnShortage,
    Quarantine,
    QuarantineLine,
    Return,
    Sale,
)
from replica.core.stock.requests import Quarantine as QuarantineRequest


def prepare(view: LocationView, request: Request, seen: Seen) -> Draft:
    """Decide any request; `seen` is used by counts only. Raises Refused."""
    match request:
        case Sale():
            return prepare_sale(view, request)
        case Return():
            return prepare_return(view, request)
        case GoodsReceipt():
            return prepare_goods_receipt(view, request)
        case Count():
            return prepare_count(view, request, seen)
        case Adjustment():
            return prepare_adjustment(view, request)
        case QuarantineRequest():
            return prepare_quarantine(view, request)
        case Grant():
            return prepare_grant(view, request)
        case Allotment():
            moves = allotted(view.ledger, view.location, owner_of(view.free) or "", request.lines)
            return Draft("allotment", moves)
        case _:
            assert_never(request)


def request_of(content: Content) -> Request | OrderRequest | None:
    """Read the request off the entry it led to: the inverse of `prepare`, whatever the stock was.

    Two requests under one key are one request exactly when they are equal, so nothing has to be kept to compare them.
    None when no request known here leads to such an entry: peers may write kinds of next year, or nonsense.
    """
    try:
        return _read_request(content)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return None


def _read_request(content: Content) -> Request | OrderRequest | None:
    facts, actor, reference = content.facts, content.actor, content.reference
    match content.kind:
        case "sale":
            on_shortage = OnShortage(facts.get("on_shortage", OnShortage.RECORD.value))
            return Sale(_sku_lines(content), on_shortage, actor, reference, _occurred_at(facts))
        case "return":
            original, disposition = facts.get("original", ""), Disposition(content.reason)
            return Return(_sku_lines(content), original, disposition, actor, reference, _occurred_at(facts))
        case "receipt":
            return GoodsReceipt(_goods_lines(content), reference)
        case "count":
            counted = tuple([CountLine(item, level) for item, level, *_ in facts["count"]])
            return Count(counted, facts.get("token", ""), reference)
        case "adjustment":
            adjusted = tuple([AdjustmentLine(item, delta, reason) for item, delta, reason, _ in facts["adjusted"]])
            return Adjustment(adjusted, reference)
        case "quarantine":
            done = [QuarantineLine(item, number, Action(action)) for item, number, action in facts["quarantine"]]
            return QuarantineRequest(tuple(done), reference)
        case "grant":
            granted = tuple([GrantLine(move.item, move.quantity) for move in content.moves])
            return Grant(owner_of(content.moves[0].target) or "", granted, content.reason)
        case "allotment":
            return Allotment(tuple([allotment_line(move) for move in content.moves]))
        case "order":
            return order_request_of(facts)
        case _:
            return None


Request = Sale | Return | GoodsReceipt | Count | Adjustment | Quarantine | Grant | Allotment
