"""What a count moves, and when it is refused."""

from __future__ import annotations

import pytest

from replica.core.base.errors import Invalid, UnknownSku
from replica.core.base.limits import QUANTITY_MAX
from replica.core.ledger.cells import Move
from replica.core.state.kinds import KINDS
from replica.core.stock.counts import Seen
from replica.core.stock.requests import Count, CountLine, Sale
from tests.core.chain import STORE
from tests.core.stock.shop import FREE, HELD, HUB, QUARANTINE, WRITER, Shop, shop_with, sold


def count(**levels: int) -> Count:
    return Count(tuple(CountLine(item, level) for item, level in levels.items()))


@pytest.mark.parametrize(
    ("counted", "moves"),
    [
        (12, (Move("cola", "found", FREE, 2),)),
        (7, (Move("cola", FREE, "loss", 3),)),
        (10, ()),
        (0, (Move("cola", FREE, "loss", 10),)),
    ],
)
def test_a_count_moves_the_difference_to_the_book(counted: int, moves: tuple[Move, ...]) -> None:
    shop = shop_with(cola=10)
    assert shop.ask(count(cola=counted)).moves == moves
    assert shop.ledger.stock(STORE, "cola").figures.on_hand == counted


def test_the_areas_of_an_item_add_up_to_one_level() -> None:
    shop = shop_with(cola=10)
    asked = Count((CountLine("cola", 3, "floor"), CountLine("leaf", 1), CountLine("cola", 4, "back")))
    draft = shop.ask(asked)
    assert draft.facts["count"] == [["cola", 7, 10, -3, 7], ["leaf", 1, 0, 1, 1]]
    assert KINDS.request_of(draft.content(1, b"c")) == asked


@pytest.mark.parametrize(("area", "field"), [("floor", "lines[1].area"), ("", "lines[1].item")])
def test_an_area_of_an_item_counted_twice_is_refused_by_its_field(area: str, field: str) -> None:
    lines = (CountLine("cola", 3, area), CountLine("cola", 4, area))
    assert shop_with(cola=10).refuse(Count(lines), Invalid).field == field


def test_a_count_without_areas_keeps_the_facts_of_earlier_releases() -> None:
    draft = shop_with(cola=10).ask(Count((CountLine("cola", 9),)))
    assert sorted(draft.facts) == ["as_of", "count", "seen"]


def test_a_count_includes_all_units_in_the_building() -> None:
    shop = shop_with(cola=10)
    shop.move(FREE, HELD, 2)
    shop.move(FREE, QUARANTINE, 1)
    shop.move(FREE, "hub-east/free", 3)
    shop.ask(count(cola=11))
    assert shop.ledger.stock(STORE, "cola").figures.on_hand == 11
    assert shop.balance(FREE) == 5


def test_a_count_below_the_book_stock_overdraws_only_the_counters_own_units() -> None:
    shop = shop_with(cola=10)
    shop.move(FREE, HELD, 8)
    shop.ask(count(cola=5))
    assert shop.balance(FREE) == -3
    assert shop.balance(HELD) == 8
    assert shop.ledger.stock(STORE, "cola").breach == 3


def test_a_count_is_as_of_the_levels_seen_so_later_movements_still_count() -> None:
    shop = shop_with(cola=10)
    seen = Seen(levels={"cola": 10}, as_of=77, vector={WRITER: 1})
    shop.ask(Sale(lines=(sold("cola", 4),)))
    draft = shop.ask(count(cola=9), seen)
    assert draft.moves == (Move("cola", FREE, "loss", 1),)
    assert shop.ledger.stock(STORE, "cola").figures.on_hand == 5


def test_a_count_that_differs_by_more_than_one_move_may_have_makes_several() -> None:
    shop = shop_with()
    for _ in range(3):
        shop.move("supplier", FREE, QUANTITY_MAX)
    draft = shop.ask(count(cola=7))
    assert [move.quantity for move in draft.moves] == [QUANTITY_MAX, QUANTITY_MAX, QUANTITY_MAX - 7]
    assert shop.ledger.stock(STORE, "cola").figures.on_hand == 7


def test_a_count_records_level_moment_and_vector() -> None:
    shop = shop_with(cola=10, leaf=1)
    seen = Seen(levels={"cola": 8}, as_of=77, vector={WRITER: 3, HUB: 4})
    draft = shop.ask(Count((CountLine("cola", 9), CountLine("leaf", 1)), seen="token-1", reference="C-1"), seen)
    assert draft.facts == {
        "count": [["cola", 9, 8, 1, 11], ["leaf", 1, 1, 0, 1]],
        "as_of": 77,
        "seen": {WRITER: 3, HUB: 4},
        "token": "token-1",
    }
    assert draft.reference == "C-1"


def test_an_item_counted_twice_is_refused_by_line() -> None:
    shop = shop_with(cola=10)
    refused = shop.refuse(Count((CountLine("cola", 9), CountLine("leaf", 1), CountLine("cola", 9))), Invalid)
    assert refused.field == "lines[2].item"


def test_a_count_of_an_unknown_item_is_refused_unless_it_moved() -> None:
    shop = Shop({"cola": {"cola": 1}})
    refused = shop.refuse(count(cola=1, leaf=1), UnknownSku)
    assert refused.field == "lines[1].item"
    shop.move("supplier", "hub-east/free", 1, "leaf", HUB)
    shop.ask(count(cola=1, leaf=1))
