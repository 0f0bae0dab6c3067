"""Where returned goods go."""

from __future__ import annotations

from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import EntryLine
from replica.core.stock.requests import Disposition, Return
from tests.core.chain import STORE
from tests.core.stock.shop import FREE, QUARANTINE, Shop, shop_with, sold


def test_a_return_waits_in_quarantine() -> None:
    shop = shop_with(cola=5)
    draft = shop.ask(Return(lines=(sold("cola", 2),), original="R-1", till="till-3", receipt="R-2"))
    assert draft == Draft(
        kind="return",
        moves=(Move("cola", "customer", QUARANTINE, 2),),
        lines=(EntryLine("cola", 2, 0, 5),),
        facts={"original": "R-1"},
        actor="till-3",
        reason="quarantine",
        reference="R-2",
    )
    assert shop.ledger.stock(STORE, "cola").figures == (7, 0, 2, 5)


def test_a_return_to_the_shelf_can_be_sold_at_once() -> None:
    shop = shop_with(cola=5)
    draft = shop.ask(Return(lines=(sold("cola", 2),), disposition=Disposition.RESTOCK))
    assert draft.moves == (Move("cola", "customer", FREE, 2),)
    assert draft.lines == (EntryLine("cola", 2, 0, 7),)
    assert draft.reason == "restock"


def test_a_returned_pack_comes_back_as_its_items() -> None:
    shop = Shop({"menu": {"cola": 1, "wings": 200}})
    assert shop.ask(Return(lines=(sold("menu", 2),))).moves == (
        Move("cola", "customer", QUARANTINE, 2),
        Move("wings", "customer", QUARANTINE, 400),
    )
