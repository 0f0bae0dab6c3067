"""Channel quotas: how units are set aside for channels, and which units their orders may take."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.role import hub_role
from replica.core.base.errors import Invalid, RightsExhausted
from replica.core.catalog.documents import pack_value
from replica.core.orders.requests import Handover, Housekeeping, PlacedLine
from replica.core.rights.policies import Policy
from replica.core.rights.quotas import channel_units, kept_back, rebalance
from replica.core.rights.rebalancing import Hub, units_to_split
from replica.core.rights.requests import Allotment, AllotmentLine
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.kinds import KINDS
from tests.core.shuffled import BOX, OrderTaker, lines, write_sku

HALVES = {"mall": 500_000, "web": 500_000}
WEST = Hub("hub-west", "west", True)


def rule(taker: OrderTaker, selector: str = "default", **policy: Any) -> None:
    taker.now_ms += 1_000
    value = pack_value({"mode": "share", **policy})
    decisions.write(
        taker.replica, DocumentWrite("policy", selector, value, f"policy-{taker.now_ms}".encode()), taker.now_ms
    )


def allot(taker: OrderTaker, *moved: tuple[str, str, int]) -> Any:
    taker.now_ms += 1_000
    request = Allotment(tuple(AllotmentLine(*one) for one in moved))
    entry = decisions.execute(taker.replica, Command("w-1", request, f"allot-{taker.now_ms}".encode()), taker.now_ms)
    assert KINDS.request_of(entry.content) == request
    return entry


def hub(**stock: int) -> OrderTaker:
    """A hub whose channels `mall` and `web` each have a quota of half the stock; other channels have none."""
    taker = OrderTaker("hub-east", w_1=stock or {"cola": 10})
    taker.replica.order_policy = hub_role(taker.replica.locations).order_policy
    rule(taker, channels={"mall": 0.5, "web": 0.5})
    allot(
        taker, *[(channel, item, units // 2) for item, units in (stock or {"cola": 10}).items() for channel in HALVES]
    )
    return taker


def accounts(taker: OrderTaker, item: str = "cola") -> dict[str, int]:
    balances = taker.replica.ledger.stock("w-1", item).balances
    return {name.removeprefix("hub-east/"): units for name, units in balances.items() if units and "/" in name}


# ---------------------------------------------------------------------------------------------------------------------
# splitting


@pytest.mark.parametrize(
    ("shares", "free", "quotas", "own", "moves"),
    [
        (HALVES, 10, {}, 10, {"mall": 5, "web": 5}),
        (HALVES, 0, {"mall": 5, "web": 5}, 10, {}),
        (HALVES, 0, {"mall": 1, "web": 5}, 6, {"web": -2, "mall": 2}),
        ({"web": 250_000}, 8, {}, 8, {"web": 2}),
        ({}, 2, {"web": 3}, 5, {"web": -3}),
        ({"web": 1_000_000}, 0, {"web": 100}, 95, {"web": -5}),
        ({"web": 1_000_000}, 5, {"web": 100}, 105, {}),
        ({"web": 1_000_000}, 5, {"web": 10}, 10, {}),
        ({"web": 1_000_000}, -3, {"web": 10}, 7, {"web": -3}),
        (HALVES, -3, {"mall": 5, "web": 5}, 0, {"mall": -5, "web": -5}),
        (HALVES, 1, {"mall": 3}, 4, {"mall": -1, "web": 2}),
        (HALVES, -2, {"mall": 4, "web": 6}, 8, {"web": -2}),
        (HALVES, 0, {"mall": 54, "web": 46}, 100, {}),
        (HALVES, 51, {"mall": 54}, 100, {"web": 46}),
        (HALVES, 74, {"mall": 94}, 168, {"mall": -10, "web": 84}),
        ({"web": 1_000_000}, 0, {"web": 4}, 3, {"web": -1}),
        ({"web": 1_000_000}, 1, {"web": 11}, 12, {"web": 1}),
        ({"web": 1_000_000}, 4, {"mall": 3}, 7, {"mall": -3, "web": 7}),
        ({"app": 500_000, "mall": 250_000, "web": 250_000}, 180, {"app": 220}, 400, {"mall": 100, "web": 80}),
    ],
)
def test_worked_examples_of_quotas(
    shares: dict[str, int], free: int, quotas: dict[str, int], own: int, moves: dict[str, int]
) -> None:
    found = rebalance(shares, free, quotas, own)
    assert found == moves
    assert list(found) == list(moves), "units are freed first"


channels = st.sampled_from(["app", "mall", "web"])


@given(
    st.dictionaries(channels, st.integers(0, 333_333)),
    st.integers(-50, 200),
    st.dictionaries(channels, st.integers(0, 200)),
    st.integers(0, 100),
)
def test_quotas_never_add_up_to_more_than_there_is_and_need_no_second_change(
    shares: dict[str, int], free: int, quotas: dict[str, int], elsewhere: int
) -> None:
    own = max(0, free + sum(quotas.values()) - elsewhere)
    moves = rebalance(shares, free, quotas, own)
    for channel, units in moves.items():
        assert units != 0
        quotas[channel] = quotas.get(channel, 0) + units
        free -= units
        assert quotas[channel] >= 0
        assert units < 0 or free >= 0
    assert rebalance(shares, free, quotas, own) == {}
    assert sum(quotas.values()) <= own


@pytest.mark.parametrize(
    ("policy", "rights", "available", "passed", "own"),
    [
        (Policy(mode="share", channels_ppm=HALVES), {"hub-east": 10}, 10, 0, 10),
        (Policy(mode="safety", safety_stock=4, channels_ppm=HALVES), {"hub-east": 10}, 10, 0, 6),
        (Policy(mode="safety", safety_stock=4, channels_ppm=HALVES), {"hub-east": 6, "store-1": 4}, 10, 0, 6),
        (Policy(mode="safety", safety_stock=4, channels_ppm=HALVES), {"hub-east": 6, "store-1": -2}, 4, 0, 0),
        (Policy(mode="share", channels_ppm=HALVES), {"hub-east": 6, "store-1": -2}, 4, 0, 4),
        (Policy(mode="share", channels_ppm=HALVES), {"hub-east": 6, "hub-west": 4}, 10, 2, 4),
        (None, {"hub-east": 6}, 6, 0, 0),
        (Policy(mode="share", channels_ppm=HALVES), {"hub-west": 4}, 10, 0, 0),
    ],
)
def test_worked_examples_of_units_that_a_hub_may_split(
    policy: Policy | None, rights: dict[str, int], available: int, passed: int, own: int
) -> None:
    assert units_to_split(policy, rights, available, "hub-east", [WEST], passed) == own


def test_allotment_moves_no_more_than_there_is_and_needs_a_valid_channel() -> None:
    taker = hub()
    assert accounts(taker) == {"channel.mall": 5, "channel.web": 5}
    with pytest.raises(RightsExhausted) as exhausted:
        allot(taker, ("web", "cola", 1))
    assert exhausted.value.facts["lines"] == [{"item": "cola", "wanted": 1, "free": 0}]
    with pytest.raises(RightsExhausted):
        allot(taker, ("web", "cola", -6))
    for channel, units, field in (("Web Shop", 1, "channel"), ("web", 0, "units")):
        with pytest.raises(Invalid) as refused:
            allot(taker, (channel, "cola", units))
        assert refused.value.field == f"lines[0].{field}"
    allot(taker, ("web", "cola", -2), ("mall", "cola", 2))
    assert accounts(taker) == {"channel.mall": 7, "channel.web": 3}
    assert channel_units(taker.replica.ledger.stock("w-1", "cola"), "hub-east") == {"mall": 7, "web": 3}


def test_each_line_of_an_allotment_sees_what_the_lines_before_it_moved() -> None:
    taker = hub()
    with pytest.raises(RightsExhausted):
        allot(taker, ("web", "cola", -3), ("web", "cola", -3))
    allot(taker, ("web", "cola", -2), ("mall", "cola", -3), ("app", "cola", 5))
    assert accounts(taker) == {"channel.mall": 2, "channel.web": 3, "channel.app": 5}


# ---------------------------------------------------------------------------------------------------------------------
# orders


def test_two_channels_cannot_sell_the_same_unit() -> None:
    taker = hub()
    taker.place("m-1", PlacedLine(5, "cola"), channel="mall")
    for channel in ("mall", "app", ""):
        with pytest.raises(RightsExhausted):
            taker.place(f"{channel}-2", PlacedLine(1, "cola"), channel=channel)
    taker.place("w-1", PlacedLine(5, "cola"), channel="web")
    assert accounts(taker) == {"held": 10}
    taker.check()


def test_channel_without_a_quota_takes_free_units() -> None:
    taker = hub()
    allot(taker, ("web", "cola", -3))
    taker.place("a-1", PlacedLine(3, "cola"), channel="app")
    assert accounts(taker) == {"channel.mall": 5, "channel.web": 2, "held": 3}
    taker.happen("cancel", "a-1")
    assert accounts(taker)["free"] == 3


@pytest.mark.parametrize("event", ["cancel", "adjust", "exchange", "expire", "refuse"])
def test_released_units_go_back_to_the_channel_they_came_from(event: str) -> None:
    taker = hub(cola=10, wings=20)
    store = OrderTaker("store-1", w_1={})
    taker.place("o-1", PlacedLine(4, "cola"), channel="web", paid=event not in ("cancel", "expire"))
    match event:
        case "adjust":
            taker.happen("adjust", lines=lines(cola=1))
        case "exchange":
            taker.happen("exchange", lines=lines(cola=1), replacement=lines(wings=2))
            assert accounts(taker, "wings") == {"channel.mall": 10, "channel.web": 8, "held": 2}
        case "expire":
            taker.now_ms += 1_000_000
            taker.keep_up()
        case "refuse":
            taker.ask(Handover("o-1", "hub-east.1", "store-1"))
            taker.tell(store)
            taker.happen("cancel")
            taker.tell(store)
            store.ask(Housekeeping("o-1"))
            store.tell(taker)
        case _:
            taker.happen("cancel")
    back = 1 if event in ("adjust", "exchange") else 4
    assert accounts(taker)["channel.web"] == 1 + back
    assert "free" not in accounts(taker)
    taker.check()


def test_bundle_takes_and_releases_each_item_at_the_account_of_its_policy() -> None:
    taker = hub(cola=10, wings=1_000)
    write_sku(taker, "box", BOX)
    rule(taker, "item:wings")
    allot(taker, ("web", "wings", -500), ("mall", "wings", -500))
    taker.place("o-1", PlacedLine(2, "box"), channel="web")
    assert accounts(taker) == {"channel.mall": 5, "channel.web": 3, "held": 2}
    assert accounts(taker, "wings") == {"free": 600, "held": 400}
    taker.happen("cancel")
    assert accounts(taker) == {"channel.mall": 5, "channel.web": 5}
    assert accounts(taker, "wings") == {"free": 1_000}
    taker.check()


def test_store_has_no_channel_quotas() -> None:
    taker = OrderTaker("store-1", w_1={"cola": 5})
    rule(taker, channels={"web": 0.5})
    entry = taker.place("o-1", PlacedLine(5, "cola"), channel="web")
    assert [(move.source, move.quantity) for move in entry.content.moves] == [("store-1/free", 5)]
    taker.check()


# ---------------------------------------------------------------------------------------------------------------------
# units that a hub keeps back at a location that it hosts


@pytest.mark.parametrize(
    ("policy", "units"),
    [
        (None, 0),
        (Policy(mode="keep"), 0),
        (Policy(mode="share", safety_stock=4), 0),
        (Policy(mode="safety", safety_stock=4), 4),
        (Policy(mode="both", safety_stock=4, last_units=6), 6),
        (Policy(mode="both", safety_stock=7, last_units=6), 7),
        (Policy(mode="share", last_units=2), 2),
    ],
)
def test_worked_examples_of_units_kept_back(policy: Policy | None, units: int) -> None:
    assert kept_back(policy) == units


def test_hub_never_promises_the_safety_stock_of_a_warehouse_that_it_hosts() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 10}, w_2={"cola": 10})
    taker.replica.order_policy = hub_role(taker.replica.locations).order_policy
    rule(taker, "location:w-1", mode="safety", safety_stock=4)
    with pytest.raises(RightsExhausted):
        taker.place("o-1", PlacedLine(7, "cola", location="w-1"))
    taker.place("o-1", PlacedLine(6, "cola", location="w-1"))
    taker.place("o-2", PlacedLine(10, "cola"))
    assert [one.location for one in taker.order("o-2").fulfilments.values()] == ["w-2"]
    with pytest.raises(RightsExhausted):
        taker.place("o-3", PlacedLine(1, "cola"))
