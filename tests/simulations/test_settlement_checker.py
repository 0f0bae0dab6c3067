"""The checker of settlement catches nodes that cover a deficit out of turn, or with too many units."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest

from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, Stream
from replica.core.rights.requests import BREACH
from replica.runtime.ports import Stored
from simulations.checkers.checker import Violation
from simulations.checkers.settlement import STEP_IN_S, SettlementChecker
from simulations.history import History
from simulations.plan import Plan
from simulations.run import Run
from tests.core.contents import OWN, linked, receipt_content

STORE, EAST, WEST = "store-1/free", "hub-east/free", "hub-west/free"


def moved(kind: str, source: str, target: str, units: int, reason: str = "") -> Content:
    return receipt_content(kind=kind, reason=reason, lines=(), moves=(Move("cola", source, target, units),))


SOLD_PAST = (
    receipt_content(quantity=10),
    moved("grant", STORE, EAST, 6),
    moved("grant", STORE, WEST, 4),
    moved("sale", STORE, "customer", 3),
)
"""The store is three units below zero. hub-east has six units, hub-west four."""


def covered(*said: tuple[str, Content], by: str, after_s: float = 0.0) -> None:
    """Show the checker, at one machine, the entries of a store, and after a while those of others. Raises Violation."""
    run = Run(Plan(seed=7, seconds=8.0))
    checker, machine = SettlementChecker(run.chain, History()), run.chain.machines[by]
    try:
        for arrival, entry in enumerate(linked(OWN, SOLD_PAST).entries, 1):
            checker.entry(machine, Stored(arrival, entry, b""))
        run.loop.run_until_complete(asyncio.sleep(after_s))
        for arrival, (node, content) in enumerate(said, 9):
            (entry,) = linked(Stream(f"{node}#0000000b", "store-1"), [content]).entries
            checker.entry(machine, Stored(arrival, entry, b""))
    finally:
        run.loop.close()


def covers(node: str, units: int = 3) -> tuple[str, Content]:
    return node, moved("grant", f"{node}/free", STORE, units, BREACH)


@pytest.mark.parametrize(("by", "after_s", "is_caught"), [("hub-west", 15.0, False), ("hub-west", 30.0, True)])
def test_a_node_that_runs_alone_must_cover_a_deficit_when_its_turn_has_come(
    by: str, after_s: float, is_caught: bool
) -> None:
    run = Run(Plan(seed=7, seconds=8.0))
    checker, machine = SettlementChecker(run.chain, History()), run.chain.machines[by]
    try:
        for arrival, entry in enumerate(linked(OWN, SOLD_PAST).entries, 1):
            checker.entry(machine, Stored(arrival, entry, b""))
        run.loop.run_until_complete(asyncio.sleep(after_s))
        with pytest.raises(Violation, match="left a deficit") if is_caught else nullcontext():
            checker.away([by], 0.0)
        checker.away(["store-1"], 0.0)
    finally:
        run.loop.close()


def test_the_richest_node_covers_at_once_and_the_next_after_a_wait() -> None:
    covered(covers("hub-east"), by="hub-east")
    covered(covers("hub-west"), by="hub-west", after_s=STEP_IN_S)
    covered(covers("hub-east", 2), covers("hub-west", 1), by="hub-east")


def test_a_node_that_covers_before_its_turn_is_caught() -> None:
    with pytest.raises(Violation, match="1 come before it"):
        covered(covers("hub-west"), by="hub-west")


def test_a_node_that_does_not_wait_after_anothers_grant_is_caught() -> None:
    waited_s = STEP_IN_S / 2
    with pytest.raises(Violation, match="1 come before it"):
        covered(covers("hub-east", 1), covers("hub-west", 2), by="hub-west", after_s=waited_s)


def test_a_node_that_was_in_turn_when_it_decided_passes() -> None:
    more = ("store-1", moved("receipt", "supplier", WEST, 9))
    covered(more, covers("hub-east"), by="hub-east")


def test_covering_more_than_the_deficit_is_caught() -> None:
    with pytest.raises(Violation, match="covered 4 of the 3"):
        covered(covers("hub-east", 4), by="hub-east")
