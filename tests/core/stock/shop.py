"""A location with one node and a catalogue, which decides and folds any request about its goods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from replica.core.base.errors import Refused
from replica.core.catalog.documents import pack_value
from replica.core.catalog.registers import Register
from replica.core.catalog.skus import Catalog, sellable
from replica.core.ledger.cells import Ledger, Move
from replica.core.log.draft import Draft
from replica.core.state.kinds import KINDS, LocationRequest
from replica.core.stock.counts import Seen, prepare_count
from replica.core.stock.location_view import LocationView
from replica.core.stock.requests import Count, GoodsLine, GoodsReceipt, SkuLine
from replica.core.stock.transfers import Transfers
from tests.core.chain import NOTHING_SEEN, STORE

WRITER = "store-1#0000000a"
HUB = "hub-east#0000000b"
FREE, HELD, QUARANTINE = "store-1/free", "store-1/held", "store-1/quarantine"

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "shared_stock.json").read_text())


def prepare(view: LocationView, request: LocationRequest, seen: Seen) -> Draft:
    """Decide any request."""
    if isinstance(request, Count):
        return prepare_count(view, request, seen)
    decide = KINDS.of_request(request).prepare
    assert decide is not None
    return decide(view, request)


class Shop:
    """One location, one node that works there, and a catalogue."""

    def __init__(self, recipes: Mapping[str, Mapping[str, int]] | None = None, is_open: bool = False) -> None:
        self.ledger = Ledger()
        self.catalog = Catalog(is_open)
        self.transfers = Transfers()
        self._documents: dict[str, object] = {}
        for sku, recipe in (recipes or {}).items():
            self.document(sku, {"recipe": dict(recipe), "barcodes": [f"barcode-of-{sku}"]})
        self.view = LocationView.of(STORE, "store-1", self.ledger, self.catalog, self.transfers)

    def document(self, sku: str, value: object) -> None:
        self._documents[sku] = value
        assert self.catalog.put(
            Register(kind="sku", key=sku, rank=0, at="", version=1, clock=1, writer=HUB, value=pack_value(value))
        )

    def delete(self, sku: str) -> None:
        """Delete a SKU."""
        register = Register(kind="sku", key=sku, rank=0, at="", version=1, clock=1, writer=HUB, value=None)
        former = msgspec.structs.replace(register, value=pack_value(self._documents[sku]))
        assert self.catalog.put(msgspec.structs.replace(register, version=2), former)

    def ask(self, request: LocationRequest, seen: Seen = NOTHING_SEEN) -> Draft:
        """Decide and fold."""
        draft = prepare(self.view, request, seen)
        self.ledger.apply(STORE, WRITER, draft.moves)
        return draft

    def move(self, source: str, target: str, quantity: int, item: str = "cola", writer: str = WRITER) -> None:
        """Move units that no request moves."""
        self.ledger.apply(STORE, writer, [Move(item, source, target, quantity)])

    def balance(self, account: str, item: str = "cola") -> int:
        return self.ledger.stock(STORE, item).balance(account)

    def available(self) -> dict[str, int]:
        return {item: stock.figures.available for item, stock in self.ledger.stocks(STORE).items()}

    def sellable(self, sku: str) -> int:
        return sellable(self.catalog.recipe(sku, 0), self.available())

    def refuse(self, request: LocationRequest, why: type[Refused]) -> Refused:
        """Make a request that is refused for this reason, and check that it had no effect."""
        before = list(self.ledger.cells())
        with pytest.raises(why) as refused:
            prepare(self.view, request, NOTHING_SEEN)
        assert list(self.ledger.cells()) == before
        return refused.value


def shop_with(**units: int) -> Shop:
    """A shop with an open catalogue and these units free."""
    shop = Shop(is_open=True)
    for item, number in units.items():
        shop.move("supplier", FREE, number, item)
    return shop


def shared_stock() -> Shop:
    """The shop of the worked examples."""
    shop = Shop(VECTORS["recipes"])
    lines = tuple(GoodsLine(number, item=item) for item, number in VECTORS["items"].items())
    shop.ask(GoodsReceipt(lines))
    return shop


def sold(sku: str, quantity: int = 1) -> SkuLine:
    return SkuLine(quantity, sku=sku)
