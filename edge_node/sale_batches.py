"""`POST /v1/sales:batch`: sales that waited, each decided by itself, with a verdict per sale."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta, Raw, Struct

from replica.core.base.clock import stamp_text
from replica.core.base.errors import Invalid, Refused
from replica.core.base.limits import SALES_PER_BATCH_MAX
from replica.core.base.names import parse_key, parse_uuids
from replica.core.log.entry import Entry
from replica.core.state.commands import Sales
from replica.core.state.decisions import Verdict, Verdicts
from replica.core.stock.fast_sales import FastSales
from replica.core.stock.requests import KeyedSale, SaleBatch
from replica.runtime.http.answers import LineAnswer, MovementAnswer, answer_of
from replica.runtime.http.fast_path import FastCall
from replica.runtime.http.operations import JSON, Decoder, encode_json, json_response, read_body
from replica.runtime.http.problems import problem
from replica.runtime.node import Node


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
        body = await read_body(request)
        asked = self.read(body)
        if asked is not None:
            status, answer = asked.render(await self._node.driver.submit_all(asked.requests))
            return web.Response(status=status, body=answer, content_type=JSON)
        sales = self._read_loose(body)
        taken, refused = self._check_keys(sales)
        told = list(await self._node.driver.submit_all(taken))
        for index, why in refused.items():
            told.insert(index, why)
        answers = [_verdict(sale.key, verdict) for sale, verdict in zip(sales, told, strict=True)]
        return json_response(BatchAnswer(answers), 207)

    def read(self, body: bytes, _: str | None = None) -> FastCall | None:
        """Check a batch; None where a sale of it cannot be decided: then each is looked at by itself."""
        try:
            batch: SaleBatch = self._batch.decode(body)
            texts = [sale.key for sale in batch.sales]
            keys = parse_uuids(texts) or [parse_key(text) for text in texts]
        except Refused:
            return None
        return FastCall(Sales(self._location, batch.sales, keys), partial(_tell, texts))

    def _read_loose(self, body: bytes) -> list[KeyedSale | _Unread]:
        """Check a batch; a sale of it that is malformed stops no other one. Raises Refused."""
        loose: _LooseBatch = self._loose.decode(body)
        return [self._read_keyed(one, f"sales[{index}]") for index, one in enumerate(loose.sales)]

    def _read_keyed(self, one: Raw, field: str) -> KeyedSale | _Unread:
        try:
            keyed: KeyedSale = self._keyed.decode(bytes(one))
            return keyed
        except Invalid as why:
            why.field = field if why.field == "body" else f"{field}.{why.field}"
            return _Unread(_key_in(one), why)

    def _check_keys(self, sales: Sequence[KeyedSale | _Unread]) -> tuple[Sales, dict[int, Refused]]:
        """The sales that can be decided, and by their places why others cannot."""
        refused: dict[int, Refused] = {}
        taken: list[KeyedSale] = []
        keys: list[bytes] = []
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


class _Named(Struct, frozen=True):
    """No more of a sale than its key: the rest is passed over, whatever numbers it has."""

    key: str = ""


_named = Decoder(_Named)


def _key_in(one: Raw) -> str:
    """The key of a sale that is malformed elsewhere; empty where it cannot be told."""
    try:
        named: _Named = _named.decode(bytes(one))
    except Invalid:
        return ""
    return named.key


def _verdict(key: str, verdict: Verdict) -> SaleVerdict:
    if isinstance(verdict, Entry):
        return SaleVerdict(key, 201, answer_of(verdict))
    document = problem(verdict)
    return SaleVerdict(key, document["status"], None, document)


def _tell(keys: Sequence[str], verdicts: Verdicts) -> tuple[int, bytes]:
    """The answer to a batch in which every sale could be decided."""
    if isinstance(verdicts, FastSales):
        return 207, render_sold(keys, verdicts)
    return 207, encode_json(BatchAnswer([_verdict(key, verdict) for key, verdict in zip(keys, verdicts, strict=True)]))


_GAP = "\0"


def _cut_shape() -> list[str]:
    """A verdict on a plain sale, cut where sales differ: at key, movement, moment, SKU, quantity and what is left."""
    text: Any = Raw(f'"{_GAP}"'.encode())
    number: Any = Raw(_GAP.encode())
    line = LineAnswer(text, number, 0, number)
    shape = SaleVerdict(text, 201, MovementAnswer(text, text, (line,)))
    return encode_json(shape).decode().split(_GAP)


_SHAPE = _cut_shape()


def render_sold(keys: Sequence[str], sold: FastSales) -> bytes:
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
