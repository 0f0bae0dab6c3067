"""`POST /v1/sales:batch`: many sales in one call. The node decides each one separately, with a verdict per sale."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import repeat
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta, Raw, Struct

from replica.core.base.clock import stamp_text
from replica.core.base.errors import Invalid, Refused
from replica.core.base.limits import SALES_PER_BATCH_MAX
from replica.core.base.names import parse_key, parse_uuids
from replica.core.catalog.quote_records import read_quote
from replica.core.log.entry import Entry
from replica.core.state.commands import Requests, Sales
from replica.core.state.decisions import Verdict, Verdicts
from replica.core.stock.fast_sales import FastSales
from replica.core.stock.requests import KeyedSale, SaleBatch
from replica.runtime.http.fast_path import FastCall
from replica.runtime.http.operations import JSON, Decoder, encode_json, json_response, read_body
from replica.runtime.http.problems import problem
from replica.runtime.http.writes import LineAnswer, MovementAnswer, answer_of
from replica.runtime.node import Node
from replica.runtime.pricing import has_prices, price_of_sale


class SaleVerdict(Struct, frozen=True, omit_defaults=True):
    """The outcome of one sale of a batch: `sale` if the node accepted it, else `problem`."""

    key: str
    status: int
    sale: Any = None
    problem: dict[str, Any] | None = None


class BatchAnswer(Struct, frozen=True):
    """One verdict per sale, in the order of the request."""

    verdicts: list[SaleVerdict]


class _LooseBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """A batch whose sales are checked one by one."""

    sales: Annotated[list[Raw], Meta(min_length=1, max_length=SALES_PER_BATCH_MAX)]


class _Malformed(Struct, frozen=True):
    """A malformed sale of a batch, its key if it is readable, and the refusal."""

    key: str
    why: Invalid


class SaleBatches:
    """The call at one store."""

    def __init__(self, node: Node, location: str) -> None:
        self._node = node
        self._location = location
        self._batch, self._loose, self._keyed = Decoder(SaleBatch), Decoder(_LooseBatch), Decoder(KeyedSale)

    async def sell(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        call = self.read(body)
        if call is not None:
            status, answer = call.render(await self._node.driver.submit_all(call.requests))
            return web.Response(status=status, body=answer, content_type=JSON)
        sales = self._read_loose(body)
        checked, refused = self._check_keys(sales)
        verdicts = list(await self._node.driver.submit_all(checked))
        for index, why in refused.items():
            verdicts.insert(index, why)
        answers = [_verdict(sale.key, verdict) for sale, verdict in zip(sales, verdicts, strict=True)]
        return json_response(BatchAnswer(answers), 207)

    def read(self, body: bytes, _: str | None = None) -> FastCall | None:
        """Check a batch. None if a sale is malformed: then `sell` checks each sale separately."""
        try:
            batch: SaleBatch = self._batch.decode(body)
            texts = [sale.key for sale in batch.sales]
            keys = parse_uuids(texts) or [parse_key(text) for text in texts]
        except Refused:
            return None
        return FastCall(self._priced(batch.sales, keys), partial(_render_batch, texts))

    def _priced(self, sales: Sequence[KeyedSale], keys: Sequence[bytes]) -> Requests:
        """The requests of a batch, each sale with the price that it applies."""
        replica, location, now_ms = self._node.replica, self._location, self._node.clock.now().wall_ms
        quotes = [price_of_sale(replica, location, sale, now_ms) for sale in sales] if has_prices(replica) else []
        return Sales(location, sales, keys, quotes if any(quotes) else ())

    def _read_loose(self, body: bytes) -> list[KeyedSale | _Malformed]:
        """Check the sales of a batch; a malformed one does not stop the others. Raises Refused."""
        loose: _LooseBatch = self._loose.decode(body)
        return [self._read_keyed(one, f"sales[{index}]") for index, one in enumerate(loose.sales)]

    def _read_keyed(self, one: Raw, at: str) -> KeyedSale | _Malformed:
        try:
            keyed: KeyedSale = self._keyed.decode(bytes(one), at)
            return keyed
        except Invalid as why:
            return _Malformed(_key_in(one), why)

    def _check_keys(self, sales: Sequence[KeyedSale | _Malformed]) -> tuple[Requests, dict[int, Refused]]:
        """Return the sales with a valid key, and the refusals of the others by index."""
        refused: dict[int, Refused] = {}
        checked: list[KeyedSale] = []
        keys: list[bytes] = []
        for index, keyed in enumerate(sales):
            if isinstance(keyed, _Malformed):
                refused[index] = keyed.why
                continue
            try:
                keys.append(parse_key(keyed.key))
                checked.append(keyed)
            except Refused as wrong:
                wrong.field = f"sales[{index}].key"
                refused[index] = wrong
        return self._priced(checked, keys), refused


class _OnlyKey(Struct, frozen=True):
    """The key of a sale. The decoder skips all other fields, whatever they contain."""

    key: str = ""


_only_key = msgspec.json.Decoder(_OnlyKey).decode


def _key_in(one: Raw) -> str:
    """The key of a malformed sale; empty if it is not readable."""
    try:
        return _only_key(bytes(one)).key
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def _verdict(key: str, verdict: Verdict) -> SaleVerdict:
    if isinstance(verdict, Entry):
        return SaleVerdict(key, 201, answer_of(verdict))
    document = problem(verdict)
    return SaleVerdict(key, document["status"], None, document)


def _render_batch(keys: Sequence[str], verdicts: Verdicts) -> tuple[int, bytes]:
    """The answer to a batch without malformed sales."""
    if isinstance(verdicts, FastSales):
        return 207, render_sold(keys, verdicts)
    return 207, encode_json(BatchAnswer([_verdict(key, verdict) for key, verdict in zip(keys, verdicts, strict=True)]))


_GAP = "\0"

_QUOTES_KEPT = 4_096
"""Quotes that are kept as JSON, of about 500 bytes each: the goods of a busy hour."""


def _cut_shape() -> list[str]:
    """Cut the verdict on a fast sale where sales differ: at key, movement, time, SKU, quantity, available and quote."""
    text: Any = Raw(f'"{_GAP}"'.encode())
    number: Any = Raw(_GAP.encode())
    line = LineAnswer(text, number, 0, number)
    shape = SaleVerdict(text, 201, MovementAnswer(text, text, (line,), number))
    return encode_json(shape).decode().split(_GAP)


_SHAPE = _cut_shape()

_NO_QUOTE = _SHAPE[-2].partition(",")[0]
"""What stands between the last number and the end of a verdict without a quote."""


@lru_cache(maxsize=_QUOTES_KEPT)
def _quoted(packed: bytes) -> str:
    """The end of the line and the quote of a verdict. Goods sell again and again at one price."""
    quote = read_quote(packed)
    return _SHAPE[-2] + encode_json(quote).decode() if quote is not None else _NO_QUOTE


def render_sold(keys: Sequence[str], sold: FastSales) -> bytes:
    """The answer to a batch of fast sales. Its bytes equal those of the verdicts encoded one by one."""
    names = "".join([*keys, *sold.skus])
    if '"' in names or "\\" in names or not names.isprintable():
        return encode_json(BatchAnswer([_verdict(key, entry) for key, entry in zip(keys, sold, strict=True)]))
    a, b, c, d, e, f, _, h = _SHAPE
    stamps = range(sold.clock, sold.clock + len(sold))
    first, last = stamp_text(stamps[0]), stamp_text(stamps[-1])
    moments = [first] * len(sold) if first == last else map(stamp_text, stamps)
    quotes = map(_quoted, sold.quotes) if sold.quotes else repeat(_NO_QUOTE, len(sold))
    verdicts = [
        f"{a}{key}{b}{hash.hex()}{c}{moment}{d}{sku}{e}{quantity}{f}{left}{quote}{h}"
        for key, hash, moment, sku, quantity, left, quote in zip(
            keys, sold.hashes, moments, sold.skus, sold.quantities, sold.left, quotes, strict=True
        )
    ]
    return f'{{"verdicts":[{",".join(verdicts)}]}}'.encode()
