"""Times of orders after a wrong clock: what happened to an order shows the wall clock, and deadlines follow it."""

from __future__ import annotations

from replica.core.base.clock import time_text
from replica.core.base.limits import PARKED_MS
from replica.core.orders.order import Order, noted_ms
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.runtime.http.order_answers import order_view
from tests.core.chain import NOW_MS
from tests.core.shuffled import OrderTaker

DAY_MS = 86_400_000


def drifted() -> OrderTaker:
    """A hub whose clock was three days ahead while it placed one order, and is right again."""
    taker = OrderTaker()
    taker.now_ms += 3 * DAY_MS
    taker.place("o-1")
    taker.now_ms = NOW_MS
    return taker


def order_of(taker: OrderTaker, name: str) -> Order:
    order = taker.replica.orders.find(name)
    assert order is not None
    return order


def test_the_history_of_an_order_shows_the_wall_clock() -> None:
    taker = drifted()
    taker.place("o-2", paid=True)
    taker.now_ms += 1_000
    taker.happen("pick", "o-2")
    taker.happen("pay", "o-2")
    view = order_view(order_of(taker, "o-2"))
    assert view.placed_at == time_text(NOW_MS)
    assert [past.at for past in view.fulfilments[0].history][:2] == [time_text(NOW_MS), time_text(NOW_MS + 1_000)]


def test_a_rush_of_orders_after_a_wrong_clock_shows_the_wall_clock() -> None:
    taker = drifted()
    placed = [
        Command("", Placement(order=f"r-{number}", lines=(PlacedLine(1, "cola"),)), f"r-{number}".encode())
        for number in range(3)
    ]
    decisions.execute_requests(taker.replica, placed, taker.now_ms, {})
    assert [order_view(order_of(taker, f"r-{number}")).placed_at for number in range(3)] == [time_text(NOW_MS)] * 3


def test_an_event_that_waits_after_a_wrong_clock_shows_since_when_by_the_wall_clock() -> None:
    taker = drifted()
    taker.place("o-2")
    taker.happen("ship", "o-2")
    (parked,) = order_of(taker, "o-2").parked
    assert noted_ms(parked) == NOW_MS
    assert parked.deadline_ms == NOW_MS + PARKED_MS


def test_a_report_after_a_wrong_clock_shows_the_wall_clock() -> None:
    taker = drifted()
    taker.place("o-2", paid=True)
    taker.happen("pay", "o-2")
    (report,) = order_view(order_of(taker, "o-2")).reports
    assert report.at == time_text(NOW_MS)
