"""Which entries name a till receipt, and how long the newest of them are found without the journal."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.log.entry import Entry, Head, start
from replica.core.log.entry_run import FastRun
from replica.core.stock.till_receipts import (
    ORIGINAL,
    RecentReceipts,
    TillReceipt,
    Use,
    receipts_in,
    uses_of,
)
from tests.core.chain import STORE
from tests.core.contents import OWN, linked, receipt_content

ASKED: dict[str, Any] = {"question": ["past-sale", []]}
RECEIPT = TillReceipt(STORE, "R-1")


@pytest.mark.parametrize(
    ("changed", "uses"),
    [
        ({"kind": "sale", "reference": "R-1"}, [Use("sale", "R-1", "till-1")]),
        ({"kind": "sale", "reference": ""}, []),
        ({"kind": "return", "reference": "R-2"}, [Use("return", "R-2", "till-1")]),
        ({"kind": "return", "facts": {"original": "R-1"}}, [Use("original", "R-1")]),
        (
            {"kind": "return", "reference": "R-2", "facts": {"original": "R-1", **ASKED}},
            [Use("return", "R-2", "till-1"), Use("original", "R-1"), Use("question", "R-1")],
        ),
        ({"kind": "return", "facts": {"original": ""}}, []),
        ({"kind": "return", "facts": {"original": 5}}, []),
        ({"kind": "return_correction", "reference": "R-1"}, [Use("corrected", "R-1")]),
        (
            {"kind": "return_correction", "reference": "R-1", "facts": ASKED},
            [Use("corrected", "R-1"), Use("question", "R-1")],
        ),
        ({"kind": "return_correction", "facts": ASKED}, []),
        ({"kind": "count", "reference": "R-1", "facts": {"original": "R-1", **ASKED}}, []),
    ],
)
def test_an_entry_names_its_own_receipt_and_that_of_the_sale_it_changes(
    changed: dict[str, Any], uses: list[Use]
) -> None:
    assert uses_of(receipt_content(actor="till-1", **changed)) == uses


def entry(number: str = "R-1", kind: str = "sale", **facts: Any) -> Entry:
    return linked(OWN, [receipt_content(kind=kind, reference=number, facts=facts)]).entries[0]


def test_the_receipts_of_all_entries_are_listed() -> None:
    found = receipts_in([entry("R-1"), entry("", "return", original="R-2"), entry("R-3")])
    assert found == [TillReceipt(STORE, number) for number in ("R-1", "R-2", "R-3")]


def found_after(turns: int, recent: RecentReceipts) -> int:
    """How many entries name the receipt after some more batches were taken for commit."""
    for _ in range(turns):
        recent.turn()
    return len(recent.entries(RECEIPT, None) or ())


@pytest.mark.parametrize(("turns", "found"), [(0, 1), (1, 1), (2, 1), (3, 0)])
def test_an_entry_is_found_by_its_receipt_in_its_batch_and_the_next_two(turns: int, found: int) -> None:
    recent, sold = RecentReceipts(), entry()
    recent.put(sold, uses_of(sold.content))
    assert found_after(turns, recent) == found


@pytest.mark.parametrize(("turns", "found"), [(0, 1), (1, 1), (2, 1), (3, 0)])
def test_a_fast_sale_is_found_by_its_receipt_in_its_batch_and_the_next_two(turns: int, found: int) -> None:
    recent, run = RecentReceipts(), FastRun(OWN, Head(0, start(OWN).hash), 1, "store-1/free", "customer")
    run.append(entry())
    recent.put_run(run, [(0, "R-1")])
    assert found_after(turns, recent) == found


@pytest.mark.parametrize(("turns", "is_returned"), [(0, True), (1, True), (2, True), (3, False)])
def test_a_returned_sale_is_known_in_the_batch_of_its_return_and_the_next_two(turns: int, is_returned: bool) -> None:
    recent, returned = RecentReceipts(), entry("R-2", "return", original="R-1")
    recent.put(returned, uses_of(returned.content))
    found_after(turns, recent)
    assert recent.is_returned(RECEIPT) is is_returned
    assert recent.returned_at(STORE) == (["R-1"] if is_returned else [])


def test_only_the_receipt_of_the_sale_that_a_return_names_is_returned() -> None:
    recent, returned = RecentReceipts(), entry("R-2", "return", original="R-1")
    recent.put(returned, uses_of(returned.content))
    assert [use.name for use in uses_of(returned.content)] == ["return", ORIGINAL]
    assert not recent.is_returned(TillReceipt(STORE, "R-2"))
    assert not recent.is_returned(TillReceipt("store-2", "R-1"))
    assert recent.returned_at("store-2") == []
