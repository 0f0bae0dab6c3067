"""Commands: which requests are decided together, and which till receipts they name."""

from __future__ import annotations

import pytest

from replica.core.orders.requests import Housekeeping, PlacedLine, Placement
from replica.core.state.commands import (
    Command,
    DocumentWrite,
    Placements,
    Requests,
    Sales,
    keys_of,
    receipt_number,
    receipts_of,
    stretches,
    together,
)
from replica.core.stock.requests import Count, CountLine, Return, Sale, SkuLine
from replica.core.stock.till_receipts import TillReceipt

LINES = (SkuLine(1, sku="cola"),)
COUNT = Count((CountLine("cola", 1),))
DOCUMENT = DocumentWrite("sku", "cola", None, b"w-1")


def sale(key: str, location: str = "store-1", receipt: str = "") -> Command:
    return Command(location, Sale(lines=LINES, receipt=receipt), key.encode())


def order(key: str) -> Command:
    return Command("", Placement(order=f"order-{key}", lines=(PlacedLine(1, "cola"),)), key.encode())


def shape(requests: Requests) -> tuple[str, list[bytes]]:
    """The type of some requests and their keys."""
    return type(requests).__name__, list(keys_of(requests))


def groups(*asked: Requests) -> list[tuple[tuple[str, list[bytes]], int]]:
    """What is decided at once, each with the number of its callers."""
    return [(shape(requests), len(callers)) for requests, callers in together(asked)]


def test_adjacent_callers_with_one_sale_each_are_one_group() -> None:
    assert groups([sale("1")], [sale("2")], [sale("3")]) == [(("Sales", [b"1", b"2", b"3"]), 3)]
    assert groups([order("1")], [order("2")]) == [(("Placements", [b"1", b"2"]), 2)]


def test_a_group_has_the_requests_of_its_callers_in_their_order() -> None:
    first, second = sale("1", receipt="R-1"), sale("2", receipt="R-2")
    ((requests, callers),) = together([[first], [second]])
    assert (list(requests), list(callers)) == ([first, second], [[first], [second]])


def test_sales_with_a_price_and_without_one_are_one_group() -> None:
    priced = Command("store-1", Sale(lines=LINES), b"2", quote=b"a price")
    ((requests, _),) = together([[sale("1")], [priced]])
    assert isinstance(requests, Sales)
    assert list(requests) == [sale("1"), priced]


@pytest.mark.parametrize(
    "alone",
    [
        [sale("2"), sale("3")],
        [order("2")],
        [sale("2", location="store-2")],
        [Command("store-1", COUNT, b"2")],
        [DOCUMENT],
        Sales("store-1", [Sale(lines=LINES)], [b"2"]),
        [],
    ],
)
def test_a_caller_with_other_requests_is_a_group_of_its_own(alone: Requests) -> None:
    assert groups([sale("1")], alone, [sale("9")]) == [
        (("list", [b"1"]), 1),
        (shape(alone), 1),
        (("list", [b"9"]), 1),
    ]


def test_adjacent_sales_at_a_location_and_adjacent_orders_come_as_groups() -> None:
    asked: list[Command | DocumentWrite] = [
        sale("1"),
        sale("2"),
        sale("3", "store-2"),
        order("4"),
        order("5"),
        DOCUMENT,
        sale("6"),
    ]
    assert [shape(one) if isinstance(one, Sales | Placements) else one for one in stretches(asked)] == [
        ("Sales", [b"1", b"2"]),
        ("Sales", [b"3"]),
        ("Placements", [b"4", b"5"]),
        DOCUMENT,
        ("Sales", [b"6"]),
    ]


def test_requests_of_other_kinds_come_one_by_one() -> None:
    asked: list[Command | DocumentWrite] = [
        Command("store-1", COUNT, b"1"),
        DOCUMENT,
        Command("", Housekeeping("o-1"), b"2"),
    ]
    assert list(stretches(asked)) == asked


@pytest.mark.parametrize(
    ("request_", "number"),
    [
        (Sale(lines=LINES, receipt="R-1"), "R-1"),
        (Return(lines=LINES, receipt="R-2", original="R-1"), "R-1"),
        (Return(lines=LINES, receipt="R-2"), ""),
        (COUNT, ""),
    ],
)
def test_a_request_names_the_receipt_of_its_sale(request_: object, number: str) -> None:
    assert receipt_number(request_) == number


def test_receipts_of_sales_and_of_returned_sales_are_told_apart() -> None:
    asked: list[Command | DocumentWrite] = [
        sale("1", receipt="R-1"),
        Command("store-1", Return(lines=LINES, original="R-2"), b"2"),
        sale("3"),
        Command("store-1", COUNT, b"4"),
        DOCUMENT,
    ]
    assert receipts_of(asked) == ([TillReceipt("store-1", "R-1")], [TillReceipt("store-1", "R-2")])
    sales = Sales("store-1", [Sale(lines=LINES), Sale(lines=LINES, receipt="R-3")], [b"5", b"6"])
    assert receipts_of(sales) == ([TillReceipt("store-1", "R-3")], [])
    assert receipts_of(Placements("", [], [])) == ([], [])
