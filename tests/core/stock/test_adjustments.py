"""What adjustments and quarantine move, and when they are refused."""

from __future__ import annotations

import pytest

from replica.core.base.errors import Invalid, UnknownSku
from replica.core.base.limits import QUANTITY_MAX
from replica.core.ledger.cells import Move
from replica.core.state.kinds import LocationRequest
from replica.core.stock.quarantine import read_quarantine
from replica.core.stock.requests import (
    Action,
    Adjustment,
    AdjustmentLine,
    Count,
    CountLine,
    Quarantine,
    QuarantineLine,
    Sale,
)
from tests.core.chain import STORE
from tests.core.stock.shop import FREE, HELD, QUARANTINE, Shop, shop_with, sold


@pytest.mark.parametrize(
    "request_",
    [
        Adjustment((AdjustmentLine("leaf", 1, "found"),)),
        Adjustment((AdjustmentLine("leaf", -1, "broken"),)),
        Quarantine((QuarantineLine("leaf", 1, Action.PUT),)),
    ],
)
def test_an_item_that_has_moved_is_adjusted_whatever_the_catalog_says(request_: LocationRequest) -> None:
    shop = Shop({"cola": {"cola": 1}})
    shop.move("supplier", FREE, 3, "leaf")
    assert [move.quantity for move in shop.ask(request_).moves] == [1]


def test_a_unit_that_one_line_finds_may_break_in_the_next() -> None:
    shop = Shop(is_open=True)
    lines = (AdjustmentLine("cola", -1, "broken"), AdjustmentLine("cola", 1, "found"))
    assert "breach" not in shop.ask(Adjustment(lines)).facts
    assert shop.balance(FREE) == 0


def test_a_count_finds_as_many_units_as_one_move_may_have_and_no_more() -> None:
    shop = Shop(is_open=True)
    refused = shop.refuse(Count((CountLine("cola", QUANTITY_MAX, "shelf"), CountLine("cola", 1, "cellar"))), Invalid)
    assert refused.field == "lines[1].counted"
    shop.ask(Count((CountLine("cola", QUANTITY_MAX - 1, "shelf"), CountLine("cola", 1, "cellar"))))
    assert shop.balance(FREE) == QUANTITY_MAX


def test_an_adjustment_moves_each_difference_with_its_reason() -> None:
    shop = shop_with(cola=10)
    lines = (AdjustmentLine("cola", -3, "broken"), AdjustmentLine("leaf", 2, "found behind the shelf"))
    draft = shop.ask(Adjustment(lines, "A-1"))
    assert draft.moves == (Move("cola", FREE, "loss", 3), Move("leaf", "found", FREE, 2))
    assert draft.facts == {"adjusted": [["cola", -3, "broken", 7], ["leaf", 2, "found behind the shelf", 2]]}
    assert draft.reference == "A-1"


def test_an_adjustment_past_the_rights_is_recorded_and_says_what_it_overdraws() -> None:
    shop = shop_with(cola=4)
    shop.move(FREE, HELD, 1)
    lines = (AdjustmentLine("cola", -2, "broken"), AdjustmentLine("cola", -2, "broken"))
    draft = shop.ask(Adjustment(lines))
    assert draft.facts == {"adjusted": [["cola", -2, "broken", 0], ["cola", -2, "broken", 0, 1]], "breach": {"cola": 1}}
    assert (shop.balance(FREE), shop.ledger.stock(STORE, "cola").breach) == (-1, 1)


def test_broken_units_past_rights_that_others_hold_are_a_breach_of_this_node() -> None:
    shop = shop_with(cola=10)
    shop.move(FREE, "hub-east/free", 8)
    draft = shop.ask(Adjustment((AdjustmentLine("cola", -5, "broken"),)))
    assert (draft.facts["breach"], shop.ledger.stock(STORE, "cola").figures.on_hand) == ({"cola": 3}, 5)


def test_a_line_that_raises_an_item_counts_for_the_lines_that_lower_it() -> None:
    shop = shop_with(cola=1)
    lines = (AdjustmentLine("cola", -4, "in the wrong box"), AdjustmentLine("cola", 3, "in the wrong box"))
    assert "breach" not in shop.ask(Adjustment(lines)).facts
    assert shop.balance(FREE) == 0


def test_an_adjustment_below_zero_breaches_only_by_what_it_takes() -> None:
    shop = shop_with(cola=1)
    shop.ask(Sale(lines=(sold("cola", 4),)))
    lines = (AdjustmentLine("cola", 2, "found"), AdjustmentLine("cola", -4, "broken"))
    assert (shop.ask(Adjustment(lines)).facts["breach"], shop.balance(FREE)) == ({"cola": 2}, -5)


def test_an_adjustment_below_zero_that_gives_back_what_it_takes_breaches_nothing() -> None:
    shop = shop_with(cola=1)
    shop.ask(Sale(lines=(sold("cola", 4),)))
    lines = (AdjustmentLine("cola", 5, "found"), AdjustmentLine("cola", -5, "broken"))
    assert "breach" not in shop.ask(Adjustment(lines)).facts
    assert (shop.balance(FREE), shop.ledger.stock(STORE, "cola").breach) == (-3, 3)


def test_an_adjustment_by_zero_is_refused_by_line() -> None:
    shop = shop_with(cola=4)
    lines = (AdjustmentLine("cola", -1, "broken"), AdjustmentLine("cola", 0, "so what"))
    assert shop.refuse(Adjustment(lines), Invalid).field == "lines[1].delta"


def test_an_adjustment_of_an_unknown_item_is_refused_by_line() -> None:
    refused = Shop().refuse(Adjustment((AdjustmentLine("cola", 1, "found"),)), UnknownSku)
    assert refused.field == "lines[0].item"


@pytest.mark.parametrize(
    ("action", "move", "figures"),
    [
        (Action.PUT, Move("cola", FREE, QUARANTINE, 2), (10, 0, 5, 5)),
        (Action.RESTOCK, Move("cola", QUARANTINE, FREE, 2), (10, 0, 1, 9)),
        (Action.WRITE_OFF, Move("cola", QUARANTINE, "loss", 2), (8, 0, 1, 7)),
    ],
)
def test_quarantine_takes_in_gives_back_and_writes_off(
    action: Action, move: Move, figures: tuple[int, int, int, int]
) -> None:
    shop = shop_with(cola=10)
    shop.move(FREE, QUARANTINE, 3)
    draft = shop.ask(Quarantine((QuarantineLine("cola", 2, action),), "Q-1"))
    assert draft.moves == (move,)
    assert draft.facts == {"quarantine": [["cola", 2, action.value]]}
    assert shop.ledger.stock(STORE, "cola").figures == figures


def test_units_put_aside_past_the_rights_are_recorded_as_a_breach() -> None:
    shop = shop_with(cola=10)
    shop.move(FREE, "hub-east/free", 8)
    draft = shop.ask(Quarantine((QuarantineLine("cola", 5, Action.PUT),)))
    assert draft.facts == {"quarantine": [["cola", 5, "put", 3]], "breach": {"cola": 3}}
    assert (shop.balance(QUARANTINE), shop.balance(FREE)) == (5, -3)


def test_units_written_off_that_the_book_has_elsewhere_leave_the_shelf() -> None:
    shop = shop_with(cola=5)
    shop.move(FREE, QUARANTINE, 2)
    draft = shop.ask(Quarantine((QuarantineLine("cola", 4, Action.WRITE_OFF),)))
    assert draft.moves == (Move("cola", QUARANTINE, "loss", 2), Move("cola", FREE, "loss", 2))
    assert (shop.balance(QUARANTINE), shop.balance(FREE), "breach" in draft.facts) == (0, 1, False)


def test_units_put_back_that_were_not_in_quarantine_move_nothing() -> None:
    shop = shop_with(cola=5)
    shop.move(FREE, QUARANTINE, 2)
    draft = shop.ask(Quarantine((QuarantineLine("cola", 4, Action.RESTOCK),)))
    assert draft.moves == (Move("cola", QUARANTINE, FREE, 2),)
    assert read_quarantine(draft.content(1, b"q")).lines == (QuarantineLine("cola", 4, Action.RESTOCK),)


def test_units_put_aside_and_put_back_in_one_request_count_for_each_other() -> None:
    shop = shop_with(cola=1)
    shop.move(FREE, QUARANTINE, 1)
    lines = (QuarantineLine("cola", 5, Action.PUT), QuarantineLine("cola", 6, Action.RESTOCK))
    assert "breach" not in shop.ask(Quarantine(lines)).facts
    assert (shop.balance(QUARANTINE), shop.balance(FREE)) == (0, 1)


def test_quarantine_of_an_unknown_item_is_refused_by_line() -> None:
    refused = Shop().refuse(Quarantine((QuarantineLine("cola", 1, Action.PUT),)), UnknownSku)
    assert refused.field == "lines[0].item"
