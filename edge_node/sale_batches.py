"""`POST /v1/sales:batch`: sales that waited, each decided by itself, with a verdict per sale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta, Raw, Struct

from replica.core.clock import stamp_text
from replica.core.commands import Sales
from replica.core.entry import Entry
from replica.core.errors import Invalid, Refused
from replica.core.limits import SALES_PER_BATCH_MAX
from replica.core.names import parse_key, parse_uuids
from replica.core.plain_sales import Sold
from replica.core.replica import Verdict
from replica.core.requests import KeyedSale, SaleBatch
from replica.runtime.answers import LineAnswer, MovementAnswer, answer_of
from replica.runtime.http import JSON, Decoder, encode_json, json_response, read_body
from replica.runtime.node import Node
from replica.runtime.problems import problem


class SaleVerdict(Struct, frozen=True, gc=False, omit_defaults=True):
    """What became of one sale of a batch: `sale` where it was taken, `problem` where not."""

    key: str
    status: int
    sale: Any = None
    problem: dict[str, Any] | None = None


class BatchAnswer(Struct, frozen=True):
    """One verdict per sale, in the order of the request."""

    verdicts: list[SaleVerdict]


class _LooseBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """A batch whose sales are looked at one by one."""

    sales: Annotated[list[Raw], Meta(min_length=1, max_length=SALES_PER_BATCH_MAX)]


class _Unread(Struct, frozen=True):
    """A sale of a batch that is malformed, and its key as far as it can be told."""

    key: str
    why: Invalid


class SaleBatches:
    """The call, at one store."""

    def __init__(self, node: Node, location: str) -> None:
        self._node = node
        self._location = location
        self._batch, self._loose, self._keyed = Decoder(SaleBatch), Decoder(_LooseBatch), Decoder(KeyedSale)

    async def sell(self, request: web.Request) -> web.Response:
        sales = self._read(await read_body(request))
        keys = [keyed.key for keyed in sales]
        asked, refused = self._check_keys(sales, keys)
        verdicts = await self._node.driver.submit_all(asked)
        if isinstance(verdicts, Sold) and not refused:
            return web.Response(status=207, body=render_sold(keys, verdicts), content_type=JSON)
        told = list(verdicts)
        for index, why in refused.items():
            told.insert(index, why)
        answers = [_verdict(key, verdict) for key, verdict in zip(keys, told, strict=True)]
        return json_response(BatchAnswer(answers), 207)

    def _read(self, body: bytes) -> Sequence[KeyedSale | _Unread]:
        """Check a batch; a sale of it that is malformed stops no other one. Raises Refused."""
        try:
            batch: SaleBatch = self._batch.decode(body)
            return batch.sales
        except Invalid:
            loose: _LooseBatch = self._loose.decode(body)
            return [self._read_keyed(one, f"sales[{index}]") for index, one in enumerate(loose.sales)]

    def _read_keyed(self, one: Raw, field: str) -> KeyedSale | _Unread:
        try:
            keyed: KeyedSale = self._keyed.decode(bytes(one))
            return keyed
        except Invalid as why:
            why.field = field if why.field == "body" else f"{field}.{why.field}"
            return _Unread(_key_in(one), why)

    def _check_keys(
        self, sales: Sequence[KeyedSale | _Unread], texts: Sequence[str]
    ) -> tuple[Sales, dict[int, Refused]]:
        """The sales that can be decided, and by their places why others cannot."""
        refused: dict[int, Refused] = {}
        readable = [keyed for keyed in sales if isinstance(keyed, KeyedSale)]
        keys = parse_uuids(texts) if len(readable) == len(sales) else None
        if keys is not None:
            return Sales(self._location, readable, keys), refused
        taken: list[KeyedSale] = []
        keys = []
        for index, keyed in enumerate(sales):
            if isinstance(keyed, _Unread):
                refused[index] = keyed.why
                continue
            try:
                keys.append(parse_key(keyed.key))
                taken.append(keyed)
            except Refused as wrong:
                wrong.field = f"sales[{index}].key"
                refused[index] = wrong
        return Sales(self._location, taken, keys), refused


def _key_in(one: Raw) -> str:
    """The key of a sale that is malformed elsewhere; empty when it has none."""
    sale = msgspec.json.decode(one)
    key = sale.get("key") if isinstance(sale, dict) else None
    return key if isinstance(key, str) else ""


def _verdict(key: str, verdict: Verdict) -> SaleVerdict:
    if isinstance(verdict, Entry):
        return SaleVerdict(key, 201, answer_of(verdict))
    document = problem(verdict)
    return SaleVerdict(key, document["status"], None, document)


_GAP = "\0"


def _cut_shape() -> list[str]:
    """A verdict on a plain sale, cut where sales differ: at key, movement, moment, SKU, quantity and what is left."""
    text: Any = Raw(f'"{_GAP}"'.encode())
    number: Any = Raw(_GAP.encode())
    line = LineAnswer(text, number, 0, number)
    shape = SaleVerdict(text, 201, MovementAnswer(text, text, (line,)))
    return encode_json(shape).decode().split(_GAP)


_SHAPE = _cut_shape()


def render_sold(keys: Sequence[str], sold: Sold) -> bytes:
    """The answer to a batch of plain sales, to the byte what its verdicts encode to one by one."""
    names = "".join([*keys, *sold.skus])
    if '"' in names or "\\" in names or not names.isprintable():
        return encode_json(BatchAnswer([_verdict(key, entry) for key, entry in zip(keys, sold, strict=True)]))
    a, b, c, d, e, f, g = _SHAPE
    stamps = range(sold.clock, sold.clock + len(sold))
    first, last = stamp_text(stamps[0]), stamp_text(stamps[-1])
    moments = [first] * len(sold) if first == last else map(stamp_text, stamps)
    verdicts = [
        f"{a}{key}{b}{hash.hex()}{c}{moment}{d}{sku}{e}{quantity}{f}{left}{g}"
        for key, hash, moment, sku, quantity, left in zip(
            keys, sold.hashes, moments, sold.skus, sold.quantities, sold.left, strict=True
        )
    ]
    return f'{{"verdicts":[{",".join(verdicts)}]}}'.encode()
