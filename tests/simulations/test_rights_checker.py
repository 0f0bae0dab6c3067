"""The checker of rights catches nodes that create rights by a grant, or exchange them for ever."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, zip_longest

import pytest

import edge_node.rebalancing
import hub.rebalancing
from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, Stream
from replica.core.rights.policies import Policy
from replica.core.rights.rebalancing import WantAnswer
from replica.runtime.ports import Stored
from simulations.checkers.checker import Violation
from simulations.checkers.rights import RightsChecker
from simulations.history import History
from simulations.outcome import play_out
from simulations.plan import Plan, Trade
from simulations.run import Run
from tests.core.contents import OWN, linked, receipt_content

HUB = Stream("hub-east#0000000b", OWN.scope)
TRADE = Trade(clients=1, items=1, think_ms=200.0, opening=500, theft=0.0)
PLAN = Plan(seed=7, seconds=8.0, stores=("store-1",), trade=TRADE)
"""A chain without faults, so only nodes can cause a violation."""


def swings(policy: Policy | None, own: int, available: int, *others: object) -> int:
    """A store that grants all its rights, and then wants them back."""
    return own if own > 0 else -max(0, available)


def obliges(policy: Policy | None, wanted: int, own: int, *others: object) -> WantAnswer:
    """A node that always grants the requested rights."""
    return WantAnswer(max(0, min(wanted, own)))


def seen(*contents: Content, back: Sequence[Content] = ()) -> None:
    """Show the checker these entries of a store at one machine, each followed by one of a hub, if any."""
    run = Run(PLAN)
    checker = RightsChecker(run.chain, History())
    machine = run.chain.machines["store-1"]
    entries = zip_longest(linked(OWN, contents).entries, linked(HUB, back).entries if back else [])
    for arrival, entry in enumerate([one for pair in entries for one in pair if one is not None], 1):
        checker.entry(machine, Stored(arrival, entry, b""))
    run.loop.close()


def grant(*moves: Move) -> Content:
    return receipt_content(kind="grant", lines=(), moves=moves)


def test_a_quiet_chain_moves_rights_and_then_stops() -> None:
    outcome = play_out(PLAN)
    assert outcome.found is None
    assert outcome.counts["wanted"] > 0


@pytest.mark.parametrize(
    "move", [Move("cola", "supplier", "hub-east/free", 1), Move("cola", "hub-east/free", "store-1/free", 1)]
)
def test_grants_from_outside_or_from_another_node_are_caught(move: Move) -> None:
    with pytest.raises(Violation):
        seen(receipt_content(), grant(move))


def test_endless_grants_are_caught_and_grants_with_causes_pass() -> None:
    there, back = (Move("cola", "store-1/free", f"hub-{name}/free", 1) for name in ("east", "west"))
    for _ in range(3):
        seen(*[content for _ in range(40) for content in (receipt_content(), grant(there), grant(back))])
    with pytest.raises(Violation, match="in a row"):
        seen(receipt_content(quantity=900), *[grant(there), grant(back)] * 100)


def test_grants_that_return_are_caught_before_those_that_lead_on() -> None:
    there, back = (Move("cola", *pair, 1) for pair in permutations(("store-1/free", "hub-east/free")))
    seen(receipt_content(quantity=900), *[grant(there)] * 30)
    with pytest.raises(Violation, match="to an earlier distribution of rights"):
        seen(receipt_content(quantity=900), *[grant(there)] * 15, back=[grant(back)] * 15)


def test_a_rebalancer_that_swings_is_caught() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge_node.rebalancing, "store_gap", swings)
        patch.setattr(edge_node.rebalancing, "answer_of_store", obliges)
        patch.setattr(hub.rebalancing, "answer_of_hub", obliges)
        outcome = play_out(PLAN)
    assert outcome.found is not None
    assert outcome.found.checker == "RightsChecker"
