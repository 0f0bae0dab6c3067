"""The checker that holds entries to the reference model catches an entry that says something else than its request."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from replica.core.base.names import CUSTOMER
from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, EntryLine
from replica.core.state.commands import Command
from replica.core.stock.requests import OnShortage, Sale, SkuLine
from replica.runtime.ports import Stored
from simulations.checkers.checker import Violation
from simulations.checkers.reference import ReferenceChecker
from simulations.history import Ask, History
from simulations.plan import Plan
from simulations.run import Run
from tests.core.contents import OWN, linked, receipt_content

SOLD = receipt_content(
    kind="sale",
    key=b"sold",
    moves=(Move("cola", "store-1/free", CUSTOMER, 5),),
    lines=(EntryLine("cola", 5, 2, -2),),
    facts={"breach": {"cola": 2}},
)
"""Five sold of three."""


def see(content: Content, **request: Any) -> None:
    """Show the checker a store that gets three cola, and then the entry of a sale of five. Raises Violation."""
    run, history = Run(Plan(seed=7, seconds=8.0)), History()
    sale = Sale((SkuLine(5, "cola"),), **request)
    history.begin(Ask("store-1", Command("store-1", sale, b"sold"), {"cola": -5}))
    checker = ReferenceChecker(run.chain, history)
    try:
        for arrival, entry in enumerate(linked(OWN, [receipt_content(quantity=3), content]).entries, 1):
            checker.entry(run.chain.machines["store-1"], Stored(arrival, entry, b""))
    finally:
        run.loop.close()
    assert history.counts["held to the reference"] == 1


def test_an_entry_that_says_what_its_request_leads_to_passes() -> None:
    see(SOLD)


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"lines": (EntryLine("cola", 5, 2, 0),)}, r"lines\[0\].available is 0, not -2"),
        ({"lines": (EntryLine("cola", 5, 5, -2),)}, r"lines\[0\].breach is 5, not 2"),
        ({"moves": (Move("cola", "store-1/free", CUSTOMER, 4),)}, r"moves\[0\].quantity is 4, not 5"),
        ({"facts": {}}, "facts.breach is missing"),
        ({"actor": "till-9"}, "actor is 'till-9'"),
    ],
)
def test_an_entry_that_says_something_else_is_caught(changed: dict[str, Any], where: str) -> None:
    with pytest.raises(Violation, match=where):
        see(replace(SOLD, **changed))


def test_a_promise_that_the_rights_do_not_cover_is_caught() -> None:
    with pytest.raises(Violation, match="had to refuse it: insufficient-rights"):
        see(SOLD, on_shortage=OnShortage.REFUSE)
