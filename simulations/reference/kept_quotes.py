"""Quotes that sales keep: the fact `quote` of an entry, in the form of an answer."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import msgpack

from simulations.reference.baskets import totals


def read_kept(fact: str | None) -> dict[str, Any] | None:
    """The quote in the fact of an entry, which public JSON shows as base64. None if the sale keeps none."""
    if not fact:
        return None
    lines = [_line(*one) for one in msgpack.unpackb(b64decode(fact))]
    return {"lines": lines, "unpriced": [], "totals": totals(lines)}


def _line(
    sku: str,
    quantity: int,
    amount: int,
    per: int,
    currency: str,
    tax_inclusive: bool,
    source: Sequence[Any],
    listed: int,
    net: int,
    discounts: Sequence[Sequence[Any]],
) -> dict[str, Any]:
    price = {"amount": amount, "currency": currency, "per": per, "tax_inclusive": tax_inclusive}
    names = ("promotion", "amount", "quantity", "reason")
    return {
        "sku": sku,
        "quantity": quantity,
        "price": {**price, "source": _source(*source)},
        "list_amount": listed,
        "discounts": [{**dict(zip(names, one, strict=True)), "source": _source(*of)} for *one, of in discounts],
        "net_amount": net,
    }


def _source(rank: str, at: str, version: int) -> dict[str, Any]:
    return {"rank": rank, "version": version, **({"at": at} if at else {})}
