"""Orders in the simulator: tests of its checkers, and of orders on several nodes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from replica.core.log.entry import Entry, Stream
from replica.core.orders import fold as orders
from replica.core.orders.machine import DEFAULT_DOCUMENT
from replica.core.orders.requests import ORDER, PlacedLine
from simulations.checkers.checker import Checker, Violation
from simulations.checkers.decisions import CHANGES, TABLE, DecisionsChecker
from simulations.checkers.held import HeldChecker
from simulations.history import changed_by_orders
from simulations.outcome import play_out
from simulations.plan import Plan, Trade
from simulations.run import Run
from tests.core.shuffled import OrderTaker, lines

TRADE = Trade(clients=2, items=2, think_ms=150.0, opening=500, theft=0.0, orders=6.0)
PLAN = Plan(seed=11, seconds=10.0, trade=TRADE)
"""A chain without faults, except that clients report impossible events."""


def seen(checker: type[Checker], *entries: Entry) -> None:
    """Show entries to a checker. Raises Violation."""
    run = Run(PLAN, [])
    looking = checker(run.chain, run.history)
    try:
        for entry in entries:
            looking.appeared(entry)
    finally:
        run.loop.close()


def order_entries(taker: OrderTaker) -> list[Entry]:
    """The entries about orders that a node wrote."""
    taker.commit()
    return [entry for entry in taker.entries if entry.content.kind == ORDER]


def life(*events: str) -> list[Entry]:
    """The entries of a paid order of two units with these events."""
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(2, "cola"), paid=True)
    for event in events:
        taker.happen(event, **({"lines": lines(cola=1)} if event in ("adjust", "return") else {}))
    return order_entries(taker)


def by_another(entry: Entry) -> Entry:
    return replace(entry, stream=Stream("hub-west#0000000a", entry.stream.scope))


def changed(entry: Entry, **facts: object) -> Entry:
    return replace(entry, content=replace(entry.content, facts={**entry.content.facts, **facts}))


def test_the_checkers_accept_correct_orders() -> None:
    for events in (("adjust", "pick", "ship", "return"), ("collect", "return", "return"), ("adjust", "cancel")):
        seen(DecisionsChecker, *life(*events))
        seen(HeldChecker, *life(*events))


def test_a_node_that_decides_for_another_owner_is_caught() -> None:
    placed, shipped = life("ship")
    with pytest.raises(Violation, match="which hub-east owns"):
        seen(DecisionsChecker, placed, by_another(shipped))


def test_a_fulfilment_that_is_shipped_and_cancelled_is_caught() -> None:
    placed, shipped = life("ship")
    _, cancelled = life("cancel")
    for one, other in ((shipped, cancelled), (cancelled, shipped)):
        with pytest.raises(Violation, match="led"):
            seen(DecisionsChecker, placed, one, other)


def test_moves_of_wrong_units_are_caught() -> None:
    placed, adjusted, cancelled = life("adjust", "cancel")
    with pytest.raises(Violation, match="leaves"):
        seen(HeldChecker, placed, cancelled, adjusted)
    with pytest.raises(Violation, match="moved"):
        seen(HeldChecker, placed, adjusted, replace(cancelled, content=replace(cancelled.content, moves=())))


def test_a_hold_that_expires_early_is_caught() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(2, "cola"), ttl_s=5)
    taker.now_ms += 5_000
    taker.keep_up()
    placed, expired = order_entries(taker)
    seen(DecisionsChecker, placed, expired)
    later = expired.content.clock + (1 << 16)
    with pytest.raises(Violation, match="before its time"):
        seen(DecisionsChecker, changed(placed, expires_ms=(later >> 16) + 1), expired)


def test_the_checkers_table_equals_that_of_the_code() -> None:
    rows = [(row.event, origin, row.to) for row in DEFAULT_DOCUMENT.transitions for origin in row.origins or ("",)]
    own = [(event, origin, _after(event, origin, to)) for event, (origins, to) in TABLE.items() for origin in origins]
    assert sorted(rows) == sorted(own)


def _after(event: str, origin: str, to: str) -> str:
    return "held" if event in CHANGES and origin == "held" else to


def test_changes_by_orders_include_entries_that_the_counter_held() -> None:
    entries = life("ship", "return")
    writer, last = entries[-1].stream.writer, entries[-1].sequence
    assert changed_by_orders(entries, ("w-1", "cola"), {writer: last}, 0) == -1
    assert changed_by_orders(entries, ("w-1", "cola"), {writer: last - 1}, 0) == -2
    assert changed_by_orders(entries, ("w-1", "cola"), {}, 0) == 0
    assert changed_by_orders(entries, ("w-1", "cola"), {}, entries[-1].content.clock) == -1
    assert changed_by_orders(entries, ("w-2", "cola"), {writer: last}, 0) == 0


def test_a_chain_without_faults_completes_orders() -> None:
    outcome = play_out(PLAN)
    assert outcome.found is None
    happened = {name for name, times in outcome.counts.items() if times}
    expected = ("hold", "reserve", "pay", "ship", "collect", "cancel", "expire", "hand_over", "ask")
    assert {f"order {what}" for what in expected} <= happened


def test_packed_orders_lead_to_the_same_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = play_out(PLAN)
    monkeypatch.setattr(orders, "LIVE_MAX", 1)
    packed = play_out(PLAN)
    assert packed.found is None
    assert packed.digest == kept.digest


def test_without_orders_in_the_plan_no_client_orders() -> None:
    outcome = play_out(replace(PLAN, trade=replace(TRADE, orders=0.0)))
    assert outcome.found is None
    assert not [name for name in outcome.counts if name.startswith("order ")]
