"""The checker of quotas knows the channel of each order, and the quotas that policies give it."""

from __future__ import annotations

import pytest

from hub.role import hub_role
from replica.core.catalog.documents import pack_value
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.rights.requests import Allotment, AllotmentLine
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.runtime.ports import Stored
from simulations.checkers.checker import Violation
from simulations.checkers.quotas import QuotasChecker
from simulations.history import Ask, History
from simulations.plan import Plan
from simulations.run import Run
from tests.core.shuffled import OrderTaker


def seller(*policies: tuple[str, dict[str, float]]) -> OrderTaker:
    """A hub with ten colas, three of them in the quota of `web`, and policies with channels, by selector."""
    taker = OrderTaker("hub-east", w_1={"cola": 10})
    taker.replica.order_policy = hub_role(taker.replica.locations).order_policy
    for number, (selector, channels) in enumerate(policies):
        value = pack_value({"mode": "share", "channels": channels})
        decisions.write(
            taker.replica, DocumentWrite("policy", selector, value, f"rule-{number}".encode()), taker.now_ms
        )
    allotment = Allotment((AllotmentLine("web", "cola", 3),))
    decisions.execute(taker.replica, Command("w-1", allotment, b"allot"), taker.now_ms)
    return taker


def taken(taker: OrderTaker, channel: str, asked_as: str) -> None:
    """Show the checker an order that a hub takes for one channel and a client placed for another. Raises Violation."""
    taker.place("o-1", PlacedLine(2, "cola"), channel=channel)
    taker.commit()
    run, history = Run(Plan(seed=7, seconds=8.0)), History()
    asked = Placement(order="o-1", lines=(PlacedLine(2, "cola"),), channel=asked_as)
    history.begin(Ask(machine="hub-east", asked=Command("", asked, b"k-1"), delta={}))
    checker = QuotasChecker(run.chain, history)
    try:
        for arrival, entry in enumerate(taker.entries, 1):
            checker.entry(run.chain.machines["hub-east"], Stored(arrival, entry, b""))
    finally:
        run.loop.close()


def test_orders_that_take_from_the_right_account_pass() -> None:
    for channel in ("web", "app", ""):
        taken(seller(("default", {"web": 0.3})), channel, channel)
    taken(seller(), "web", "web")
    taken(seller(("default", {"web": 0.3}), ("item:cola", {"mall": 0.3})), "web", "web")


def test_an_order_that_takes_another_channels_quota_is_caught() -> None:
    for asked_as in ("mall", ""):
        with pytest.raises(Violation, match="from hub-east/channel"):
            taken(seller(("default", {"web": 0.3, "mall": 0.2})), "web", asked_as)


def test_an_order_that_takes_free_units_past_its_quota_is_caught() -> None:
    with pytest.raises(Violation, match="from hub-east/free"):
        taken(seller(("default", {"web": 0.3})), "app", "web")
