"""The checkers of things left undone: each finds what is still due, and nothing where all was done."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from replica.core.catalog.documents import pack_value
from replica.core.catalog.ranks import CHAIN_RANK
from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, Stream
from replica.core.orders.requests import Placement
from replica.core.state.commands import Command
from simulations.checkers.checker import Checker, Violation
from simulations.checkers.policies import PoliciesChecker
from simulations.checkers.regions import RegionsChecker
from simulations.checkers.shortages import ShortagesChecker
from simulations.checkers.told import LATE_MS, ToldChecker
from simulations.history import Ask, History
from simulations.plan import Plan
from simulations.run import Run
from tests.core.contents import linked, receipt_content

PLAN = Plan(seed=7, seconds=8.0, hubs=(("hub-east", "east"), ("hub-west", "west")), stores=("store-1",))

STORE, CHAIN_WIDE = Stream("store-1#0000000a", "store-1"), Stream("hub-east#0000000b", "*")

NOW_STAMP = Run(PLAN).chain.wall_ms << 16


def due(checker: type[Checker], *streams: tuple[Stream, list[Content]]) -> list[str]:
    """What is due by a checker that saw these streams."""
    run = Run(PLAN)
    try:
        made = checker(run.chain, History())
        for stream, contents in streams:
            for entry in linked(stream, contents).entries:
                made.appeared(entry)
        return list(made.due())
    finally:
        run.loop.close()


def moved(source: str, target: str, units: int, item: str = "cola", **changed: Any) -> Content:
    return receipt_content(lines=(), moves=(Move(item, source, target, units),), **changed)


def granted(*units: int) -> tuple[Stream, list[Content]]:
    """Colas at the store: the rights of the store and of the two hubs. Below zero if a node sold past them."""
    accounts = zip(("store-1/free", "hub-east/free", "hub-west/free"), units, strict=True)
    moves = [("supplier", name, number) if number > 0 else (name, "customer", -number) for name, number in accounts]
    return STORE, [moved(*one) for one in moves if one[2]]


def ruled(**policy: Any) -> tuple[Stream, list[Content]]:
    facts = {"kind": "policy", "key": "default", "rank": CHAIN_RANK, "version": 1, "value": pack_value(policy)}
    return CHAIN_WIDE, [receipt_content(kind="document", lines=(), moves=(), facts=facts)]


# policies ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "policy", "what"),
    [
        ((10, 0, 0), {"mode": "share", "share": 0.5}, "still has 10 units"),
        ((1, 9, 0), {"mode": "safety", "safety_stock": 5}, "has only 1 units"),
        ((0, 10, 0), {"mode": "share", "regions": {"east": 0.5, "west": 0.5}}, "region west lacks 5 units"),
        ((0, 10, 0), {"mode": "share", "channels": {"web": 0.5}}, "hub-east has 0 units"),
    ],
)
def test_units_that_a_policy_gives_to_another_node_are_due(
    units: tuple[int, ...], policy: dict[str, Any], what: str
) -> None:
    assert any(what in one for one in due(PoliciesChecker, granted(*units), ruled(**policy)))


@pytest.mark.parametrize(
    ("units", "policy"),
    [
        ((10, 0, 0), {"mode": "keep"}),
        ((5, 5, 0), {"mode": "share", "share": 0.5}),
        ((4, 6, 0), {"mode": "share", "share": 0.5}),
        ((0, 5, 5), {"mode": "share", "regions": {"east": 0.5, "west": 0.5}}),
        ((0, 10, 0), {"mode": "share", "regions": {"north": 0.5}}),
        ((-3, 10, 0), {"mode": "share", "regions": {"west": 1.0}}),
    ],
)
def test_units_within_the_watermarks_or_without_a_receiver_are_not_due(
    units: tuple[int, ...], policy: dict[str, Any]
) -> None:
    assert due(PoliciesChecker, granted(*units), ruled(**policy)) == []


DAY_MS = 86_400_000


def sold(days_ago: float, units: int, **facts: Any) -> Content:
    """Colas that the till of store-1 sold, by a clock that showed the half hour of now on another day."""
    stamp = NOW_STAMP - (int(days_ago * DAY_MS) << 16)
    return moved("store-1/free", "customer", units, kind="sale", clock=stamp, facts=facts)


FORECAST = {"mode": "safety", "safety_stock": {"forecast": {"quantile": 0.9}}}


def due_with(*sales: Content) -> list[str]:
    """What is due if the store sold this, and has given its hub all ten units that are left."""
    supplied = [moved("supplier", "store-1/free", 100), moved("supplier", "hub-east/free", 10)]
    left = 100 - sum(move.quantity for sale in sales for move in sale.moves)
    lost = moved("store-1/free", "loss", left)
    return due(PoliciesChecker, (STORE, [*supplied, *sales, lost]), ruled(**FORECAST))


def test_a_store_that_keeps_less_than_it_sold_in_this_half_hour_of_other_days_is_due() -> None:
    sales = [sold(3, 6), sold(2, 8), sold(1, 6)]
    assert ["has only 0 units" in one and "leaves it 8" in one for one in due_with(*sales)] == [True]
    assert len(due_with(*sales, sold(-20_000, 1))) == 1, "the sale of a clock years ahead changes nothing"
    told = {"occurred_at": (NOW_STAMP >> 16) * 1_000 - 3 * DAY_MS * 1_000}
    assert len(due_with(*sales[1:], sold(0, 6, **told))) == 1, "a till tells late what it sold"


def test_a_forecast_from_too_few_days_or_other_half_hours_is_of_nothing() -> None:
    assert due_with(sold(2, 8), sold(1, 6)) == []
    assert due_with(*[sold(days - 0.25, 8) for days in (3, 2, 1)]) == []


# shortages -----------------------------------------------------------------------------------------------------------


def held(state: str, *items: str) -> Content:
    """An order for one unit of each of some items, which hub-east holds at the store."""
    moves = tuple(Move(item, "hub-east/free", "hub-east/held", 1) for item in items)
    facts = {"act": "step", "fulfilment": "hub-east.1", "to": state}
    return receipt_content(kind="order", reason="reserve", reference="o-1", lines=(), moves=moves, facts=facts)


@pytest.mark.parametrize("item", ["cola", "crisps"])
def test_a_hold_without_a_unit_behind_it_is_due_whichever_item_is_missing(item: str) -> None:
    there = [moved("supplier", "hub-east/free", 1, one) for one in ("cola", "crisps") if one != item]
    found = due(ShortagesChecker, (STORE, [*there, held("reserved", "cola", "crisps")]))
    assert found == [f"1 units of {item} are missing at store-1, and ('o-1', 'hub-east.1') still holds 1"]


def test_a_hold_that_is_picked_or_covered_is_not_due() -> None:
    assert due(ShortagesChecker, (STORE, [held("picking", "cola")])) == []
    assert due(ShortagesChecker, (STORE, [moved("supplier", "hub-east/free", 1), held("reserved", "cola")])) == []


# events --------------------------------------------------------------------------------------------------------------


def noted(act: str, waited_ms: int) -> Content:
    facts = {"act": act, "until_ms": (NOW_STAMP >> 16) - waited_ms}
    return receipt_content(NOW_STAMP, kind="order", reason="pay", reference="o-1", lines=(), moves=(), facts=facts)


def test_an_event_is_due_after_its_deadline_until_an_entry_settles_it() -> None:
    late = noted("park", LATE_MS + 1)
    settles = linked(STORE, [late]).entries[0].hash
    report = receipt_content(kind="order", lines=(), moves=(), facts={"act": "report", "settles": settles})
    assert len(due(ToldChecker, (STORE, [late]))) == 1
    assert due(ToldChecker, (STORE, [late, report])) == []
    assert due(ToldChecker, (STORE, [noted("park", 0)])) == []


# regions -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("durability", "where", "is_caught"), [("region", "hub-east", True), ("local", "", False)])
def test_an_answer_without_another_region_is_caught(durability: Any, where: str, is_caught: bool) -> None:
    answer_to(durability, [where] if where else [], is_caught)


def test_an_answer_after_another_region_stored_the_order_passes() -> None:
    answer_to("region", ["hub-east", "hub-west"], is_caught=False)


def answer_to(durability: Any, stored_at: list[str], is_caught: bool) -> None:
    """Answer an order at hub-east that is on the disks of some hubs."""
    run = Run(PLAN)
    shown = (("hub-east.1", "store-1", "held", (("cola", 1),)),)
    facts = {"act": "step", "fulfilment": "hub-east.1", "to": "held", "shown": shown}
    content = receipt_content(kind="order", reference="o-1", lines=(), moves=(), facts=facts)
    (entry,) = linked(Stream("hub-east#0000000b", "store-1"), [content]).entries
    for name in stored_at:
        run.chain.machines[name].disk.keep([entry], 0)
    placement = Placement(order="o-1", lines=(), durability=durability)
    ask = Ask(machine="hub-east", asked=Command("", placement, b"k"), delta={})
    checker = RegionsChecker(run.chain, History())
    try:
        with pytest.raises(Violation, match="no hub of another region") if is_caught else nullcontext():
            checker.answered(ask, entry)
    finally:
        run.loop.close()
