"""From which locations and accounts orders take their units."""

from __future__ import annotations

from typing import Any

import pytest

from edge_node.role import store_role
from hub.role import hub_role
from replica.core.base.errors import RightsExhausted
from replica.core.catalog.documents import pack_value
from replica.core.orders.requests import PlacedLine
from replica.core.orders.sourcing import WantedLine, candidates, fullest
from replica.core.rights.requests import Allotment, AllotmentLine
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from tests.core.orders.test_order_parts import parts
from tests.core.shuffled import OrderTaker, lines, write_sku


def where(taker: OrderTaker, *wanted: PlacedLine, **more: Any) -> dict[str, dict[str, int]]:
    """How much of each SKU an order takes at each location."""
    taker.place("o-1", *wanted, **more)
    return {one.location: dict(one.lines) for one in taker.order().fulfilments.values()}


def write_policy(taker: OrderTaker, scope: str, policy: dict[str, Any]) -> None:
    write = DocumentWrite("policy", scope, pack_value(policy), f"policy-{scope}".encode())
    decisions.write(taker.replica, write, taker.now_ms)


def balances(taker: OrderTaker, item: str, location: str) -> dict[str, int]:
    """The units in each account of a node that has some."""
    found = taker.replica.ledger.stock(location, item).balances
    return {name: units for name, units in found.items() if units and "/" in name}


# ---------------------------------------------------------------------------------------------------------------------
# locations


def test_a_line_is_taken_from_the_first_location_that_just_covers_it() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"cola": 9})
    assert where(taker, PlacedLine(5, "cola")) == {"w-1": {"cola": 5}}


def test_several_lines_are_taken_from_the_first_location_that_just_covers_them() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 5, "wings": 2}, w_2={"cola": 9, "wings": 9})
    assert where(taker, PlacedLine(5, "cola"), PlacedLine(2, "wings")) == {"w-1": {"cola": 5, "wings": 2}}


def test_a_hub_takes_from_its_own_locations_in_their_order() -> None:
    taker = OrderTaker("hub-east", w_2={"cola": 5}, w_1={"cola": 5})
    assert where(taker, PlacedLine(5, "cola")) == {"w-2": {"cola": 5}}


def test_a_line_of_several_locations_begins_where_the_order_is_served_already() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 2, "wings": 1}, w_2={"cola": 9})
    taken = where(taker, PlacedLine(1, "wings", location="w-1"), PlacedLine(10, "cola"))
    assert taken == {"w-1": {"wings": 1, "cola": 2}, "w-2": {"cola": 8}}


@pytest.mark.parametrize("partial", [False, True])
def test_a_location_that_has_only_the_first_line_still_sends_all_of_it(partial: bool) -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"wings": 2})
    taken = where(taker, PlacedLine(5, "cola"), PlacedLine(2, "wings"), partial=partial)
    assert taken == {"w-1": {"cola": 5}, "w-2": {"wings": 2}}


def test_of_locations_with_equally_many_units_the_first_by_name_is_taken() -> None:
    taker = OrderTaker("hub-east", w_3={"cola": 3}, w_1={"cola": 3}, w_2={"cola": 3})
    assert where(taker, PlacedLine(5, "cola")) == {"w-1": {"cola": 3}, "w-2": {"cola": 2}}


def test_locations_that_serve_the_order_come_before_own_ones_and_others() -> None:
    taker = OrderTaker("hub-east", w_4={"cola": 1}, w_1={"wings": 1}, w_3={"cola": 1, "wings": 1}, w_2={"cola": 1})
    ledger = taker.replica.ledger
    assert [*candidates(ledger, ("w-3",), ["cola"], ())] == ["w-3", "w-2", "w-4"]
    assert [*candidates(ledger, ("w-3", "w-9"), ["cola"], ("w-4",))] == ["w-4", "w-3", "w-2"]
    assert [*candidates(ledger, (), ["cola", "wings"], ())] == ["w-1", "w-2", "w-3", "w-4"]
    assert [*candidates(ledger, ("w-3", "w-1"), ["wings"], ())] == ["w-3", "w-1"]
    assert [*candidates(ledger, ("w-3",), ["ghost"], ())] == []


@pytest.mark.parametrize(("units", "found"), [((1, 3, 2), "w-2"), ((0, 1, 0), "w-2"), ((0, 0, 0), None)])
def test_the_fullest_location_has_most_of_a_line(units: tuple[int, ...], found: str | None) -> None:
    taker = OrderTaker("hub-east", **{f"w_{index}": {"cola": 3 + number} for index, number in enumerate(units, 1)})
    for location in taker.locations:
        taker.place(location, PlacedLine(3, "cola", location=location))
    wanted = WantedLine(index=0, sku="cola", recipe=(("cola", 1),), quantity=1, location=None)
    assert fullest(taker.replica.ledger, wanted) == found
    ghost = WantedLine(index=0, sku="ghost", recipe=(("ghost", 1),), quantity=1, location=None)
    assert fullest(taker.replica.ledger, ghost) is None


def test_an_exchange_takes_nothing_at_another_location() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"wings": 5})
    taker.place("o-1", PlacedLine(2, "cola"), paid=True)
    with pytest.raises(RightsExhausted):
        taker.happen("exchange", lines=lines(cola=1), replacement=lines(wings=1))
    assert parts(taker) == {"1": ("reserved", {"cola": 2})}


# ---------------------------------------------------------------------------------------------------------------------
# accounts


def hub_with_a_quota() -> OrderTaker:
    """A hub that sets four cola aside for the web shop, and no wings."""
    taker = OrderTaker("hub-east", w_1={"cola": 10, "wings": 10})
    taker.replica.order_policy = hub_role(("w-1",)).order_policy
    write_policy(taker, "item:cola", {"mode": "share", "share": 1.0, "channels": {"web": 0.5}})
    allotment = Allotment((AllotmentLine("web", "cola", 4),))
    decisions.execute(taker.replica, Command("w-1", allotment, b"allotment"), taker.now_ms)
    return taker


def test_a_bundle_takes_each_item_from_its_own_account_and_gives_it_back_there() -> None:
    taker = hub_with_a_quota()
    write_sku(taker, "box", {"cola": 1, "wings": 2})
    taker.place("o-1", PlacedLine(3, "box"), channel="web", paid=True)
    assert balances(taker, "cola", "w-1") == {"hub-east/free": 6, "hub-east/channel.web": 1, "hub-east/held": 3}
    assert balances(taker, "wings", "w-1") == {"hub-east/free": 4, "hub-east/held": 6}
    taker.happen("adjust", lines=lines(box=1))
    taker.happen("cancel")
    assert balances(taker, "cola", "w-1") == {"hub-east/free": 6, "hub-east/channel.web": 4}
    assert balances(taker, "wings", "w-1") == {"hub-east/free": 10}
    taker.check()


def test_an_entry_names_the_account_of_each_item_only_where_they_differ() -> None:
    taker = hub_with_a_quota()
    write_sku(taker, "box", {"cola": 1, "wings": 2})
    for number, (sku, channel) in enumerate((("box", "web"), ("box", "shop"), ("cola", "web")), start=1):
        taker.place(f"o-{number}", PlacedLine(1, sku), channel=channel)
    found = [
        allocation
        for number in (1, 2, 3)
        for allocation in taker.order(f"o-{number}").fulfilments["hub-east.1"].allocations
    ]
    assert [one.source for one in found] == ["hub-east/channel.web", "hub-east/free", "hub-east/channel.web"]
    assert [one.sources for one in found] == [("hub-east/channel.web", "hub-east/free"), (), ()]


def test_an_order_of_a_channel_takes_the_free_units_of_a_store() -> None:
    store = OrderTaker("store-1", store_1={"cola": 5})
    store.replica.order_policy = store_role("store-1").order_policy
    write_policy(store, "item:cola", {"mode": "share", "share": 1.0, "channels": {"web": 0.5}})
    store.place("o-1", PlacedLine(2, "cola"), channel="web")
    assert balances(store, "cola", "store-1") == {"store-1/free": 3, "store-1/held": 2}
    assert store.replica.context(store.now_ms).source("web").channel == ""


def test_all_channels_together_may_take_what_is_not_kept_back() -> None:
    taker = hub_with_a_quota()
    write_policy(taker, "item:wings", {"mode": "safety", "safety_stock": 3})
    source = taker.replica.context(taker.now_ms).source("")
    assert source.units_of_all("w-1", "cola") == 10
    assert source.units_of_all("w-1", "wings") == 7
    assert source.units("w-1", "wings") == 7
    taker.place("o-1", PlacedLine(7, "wings"), PlacedLine(1, "cola"))
    assert (source.units_of_all("w-1", "wings"), source.units_of_all("w-1", "cola")) == (0, 9)
    write_policy(taker, "location:w-1", {"mode": "safety", "safety_stock": 30})
    assert source.units_of_all("w-1", "cola") == 0, "more is kept back than there is"
    assert source.units_of_all("w-1", "ghost") == 0


def test_a_node_keeps_nothing_back_where_a_store_hosts() -> None:
    taker = hub_with_a_quota()
    write_policy(taker, "item:wings", {"mode": "safety", "safety_stock": 3})
    taker.replica.order_policy = hub_role(()).order_policy
    source = taker.replica.context(taker.now_ms).source("")
    assert (source.units_of_all("w-1", "wings"), source.units("w-1", "wings")) == (10, 10)


@pytest.mark.parametrize("policy", [None, {"mode": "share", "share": 1, "last_units": 2, "channels": {"web": 0.5}}])
@pytest.mark.parametrize("channel", ["", "web"])
def test_many_pairs_are_read_as_one_by_one(policy: dict[str, Any] | None, channel: str) -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 5, "wings": 1}, w_2={"cola": 9})
    taker.replica.order_policy = hub_role(("w-1", "w-2")).order_policy
    if policy is not None:
        write_policy(taker, "item:cola", policy)
    taker.place("o-1", PlacedLine(1, "cola"))
    source = taker.replica.context(taker.now_ms).source(channel)
    read = source.reading()
    for location in ("w-1", "w-2", "nowhere"):
        for item in ("cola", "wings", "unknown"):
            assert read(location, item) == source.units(location, item)
