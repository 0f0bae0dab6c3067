"""Delivery promises: what was promised, what happened, and the figures, compared with a recount of all orders."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replica.core.base.errors import Refused
from replica.core.orders.promised import Delivery, KeptPromises, Promised
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.orders.sourcing import SourcingPlan, WantedLine
from replica.core.state import decisions
from replica.core.state.commands import Command
from tests.core.chain import NOW_MS
from tests.core.shuffled import OrderTaker, lines

HOUR_MS = 3_600_000
PROMISE = Promised(NOW_MS + HOUR_MS, "runner", NOW_MS + 2 * HOUR_MS, NOW_MS + 4 * HOUR_MS)


class Sends:
    """Chooses the first location, and promises the same each time."""

    def __init__(self, promise: Promised | None, *may_send: str) -> None:
        self.may_send = may_send
        self._promise = promise

    def choose(self, units: Any, wanted: list[WantedLine]) -> SourcingPlan:
        return SourcingPlan({self.may_send[0]: {one.index: one.quantity for one in wanted}}, [])

    def promise(self, location: str, units: int) -> Promised | None:
        return self._promise


def hub() -> OrderTaker:
    return OrderTaker("hub-east", w_1={"cola": 50}, w_2={"cola": 50})


def place(taker: OrderTaker, order: str, promise: Promised | None = PROMISE, units: int = 3) -> None:
    placement = Placement(order=order, lines=(PlacedLine(units, "cola"),), paid=True)
    command = Command("", placement, order.encode(), chooser=Sends(promise, "w-1", "w-2"))
    decisions.execute(taker.replica, command, taker.now_ms)


def figures(taker: OrderTaker) -> dict[tuple[str, str], dict[str, int]]:
    """The figures that are kept. None of them is zero."""
    return {place: dict(kept) for place, kept in taker.replica.orders.promises.figures.items()}


def recounted(taker: OrderTaker) -> dict[tuple[str, str], dict[str, int]]:
    """The same, counted from all orders."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for order in taker.replica.orders:
        for one in order.deliveries:
            figures = counts.setdefault((one.location, one.promised.carrier), {})
            for outcome in one.outcomes:
                figures[outcome] = figures.get(outcome, 0) + 1
    return counts


@pytest.mark.parametrize(
    ("left", "arrived", "outcomes", "is_late"),
    [
        (None, None, ("promised",), False),
        (1, None, ("promised", "left_in_time"), False),
        (1.01, None, ("promised", "left_late"), True),
        (1, 1.99, ("promised", "left_in_time", "arrived_early"), False),
        (1, 2, ("promised", "left_in_time", "arrived_in_time"), False),
        (1, 4, ("promised", "left_in_time", "arrived_in_time"), False),
        (1, 4.01, ("promised", "left_in_time", "arrived_late"), True),
    ],
)
def test_a_delivery_is_held_to_the_moments_that_were_promised(
    left: float | None, arrived: float | None, outcomes: tuple[str, ...], is_late: bool
) -> None:
    moments = [None if hours is None else NOW_MS + round(hours * HOUR_MS) for hours in (left, arrived)]
    one = Delivery("hub-east.1", "w-1", PROMISE, *moments)
    assert (one.outcomes, one.is_late) == (outcomes, is_late)


def test_without_a_lane_only_the_time_of_leaving_was_promised() -> None:
    one = Delivery("hub-east.1", "w-1", Promised(NOW_MS), NOW_MS, NOW_MS + 99 * HOUR_MS)
    assert one.outcomes == ("promised", "left_in_time")


def test_what_happened_is_counted_by_location_and_carrier() -> None:
    taker = hub()
    for name in ("in-time", "late", "cancelled", "waiting"):
        place(taker, name)
    place(taker, "unpromised", None)
    taker.happen("cancel", "cancelled")
    taker.happen("ship", "in-time")
    taker.now_ms = NOW_MS + 3 * HOUR_MS
    taker.happen("deliver", "in-time")
    taker.happen("ship", "late")
    taker.now_ms = NOW_MS + 5 * HOUR_MS
    taker.happen("deliver", "late")
    kept = {"promised": 3, "left_in_time": 1, "left_late": 1, "arrived_in_time": 1, "arrived_late": 1}
    assert figures(taker) == {("w-1", "runner"): kept} == recounted(taker)
    promises = taker.replica.orders.promises
    assert list(promises.late) == ["late"]
    assert list(promises.overdue(NOW_MS + HOUR_MS, 9)) == []
    assert list(promises.overdue(NOW_MS + HOUR_MS + 1, 9)) == ["waiting"]
    assert promises.by_carrier() == {("runner", name): number for name, number in kept.items()}


def test_what_replaces_a_declined_fulfilment_keeps_its_promise() -> None:
    taker = hub()
    place(taker, "o-1")
    taker.happen("decline", "o-1", lines=lines(cola=1))
    taker.keep_up()
    assert figures(taker) == {("w-1", "runner"): {"promised": 1}, ("w-2", "runner"): {"promised": 1}}
    assert {one.promised for one in taker.order("o-1").deliveries} == {PROMISE}


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["place", "ship", "part", "deliver", "collect", "cancel", "decline", "return", "restart"]),
            st.integers(0, 3),
            st.integers(0, 120),
        ),
        max_size=25,
    )
)
def test_figures_are_those_of_a_recount_whatever_happens_and_after_a_restart(steps: list[tuple[str, int, int]]) -> None:
    taker = hub()
    for name, at, minutes in steps:
        taker.now_ms += minutes * 60_000
        order = f"o-{at}"
        with suppress(Refused):
            if name == "place":
                place(taker, order, PROMISE if at else None)
            elif name == "part":
                taker.happen("ship", order, lines=lines(cola=1))
            elif name == "restart":
                taker.commit()
                taker.restart()
            else:
                taker.happen(name, order)
        taker.keep_up()
        assert figures(taker) == recounted(taker)
    late = [order.name for order in taker.replica.orders if any(one.is_late for one in order.deliveries)]
    assert sorted(taker.replica.orders.promises.late) == sorted(late)
    waiting = [o.name for o in taker.replica.orders if any(one.left_ms is None for one in o.deliveries)]
    assert sorted(taker.replica.orders.promises.waiting) == sorted(waiting)


def test_no_orders_have_no_figures() -> None:
    assert KeptPromises().by_carrier() == {}
