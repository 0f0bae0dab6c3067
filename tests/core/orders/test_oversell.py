"""Two sellers that do not coordinate: with rights they sell all there is, and never one unit more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.role import hub_role
from replica.core.base.errors import RightsExhausted
from replica.core.orders.requests import PlacedLine
from replica.core.rights.requests import Grant, GrantLine
from replica.core.stock.requests import GoodsLine, GoodsReceipt, OnShortage
from tests.core.chain import Node, SessionPair, hub, sale, store
from tests.core.rights.test_quotas import allot, rule
from tests.core.shuffled import OrderTaker

CASES = json.loads((Path(__file__).parents[2] / "vectors" / "oversell.json").read_text())["cases"]
AT_THE_TILL = [case for case in CASES if "store_sells" in case]
MARKETPLACES = [case for case in CASES if "marketplace_sells" in case]


def promise_up_to(node: Node, case: dict[str, Any], wanted: int) -> int:
    """Promise the wanted units or, if the node refuses, the free units in its refusal. Return how many were sold."""
    item = case["item"]
    try:
        node.ask(sale(OnShortage.REFUSE, **{item: wanted}), now_ms=2_000_000_000_000)
        return wanted
    except RightsExhausted as refused:
        (short,) = refused.facts["lines"]
        if short["free"]:
            node.ask(sale(OnShortage.REFUSE, **{item: short["free"]}), now_ms=2_000_000_000_000)
        return int(short["free"])


def test_every_case_is_of_a_till_or_of_a_marketplace() -> None:
    assert len(AT_THE_TILL) + len(MARKETPLACES) == len(CASES) == 4


@pytest.mark.parametrize("is_till_first", [True, False])
@pytest.mark.parametrize("case", AT_THE_TILL, ids=lambda case: f"{case['item']}-{case['stock']}")
def test_store_and_hub_cut_off_from_each_other_sell_all_there_is_and_no_more(
    case: dict[str, Any], is_till_first: bool
) -> None:
    assert case["naive"]["oversold"] == case["store_sells"] + case["online_wants"] - case["stock"]
    shop, east = store(1), hub("hub-east", "store-1")
    shop.ask(GoodsReceipt((GoodsLine(case["stock"], item=case["item"]),)))
    shop.ask(Grant("hub-east", (GrantLine(case["item"], case["stock"] - case["store_sells"]),)))
    shop.commit()
    SessionPair(shop, east).run()
    sellers = [(shop, case["store_sells"]), (east, case["online_wants"])]
    sold = [promise_up_to(node, case, wanted) for node, wanted in (sellers if is_till_first else reversed(sellers))]
    assert sorted(sold) == sorted([case["store_sells"], case["stock"] - case["store_sells"]])
    for node in (shop, east):
        with pytest.raises(RightsExhausted):
            node.ask(sale(OnShortage.REFUSE, **{case["item"]: 1}))
        node.commit()
    SessionPair(shop, east).run()
    for node in (shop, east):
        stock = node.replica.ledger.stock("store-1", case["item"])
        assert (stock.figures.on_hand, stock.breach) == (0, 0)


@pytest.mark.parametrize("first", ["mall", "web"])
@pytest.mark.parametrize("case", MARKETPLACES, ids=lambda case: f"{case['item']}-{case['stock']}")
def test_marketplace_and_own_channel_sell_all_there_is_and_no_more(case: dict[str, Any], first: str) -> None:
    assert case["naive"]["oversold"] == case["marketplace_sells"] + case["own_channel_wants"] - case["stock"]
    item, stock = case["item"], case["stock"]
    taker = OrderTaker("hub-east", w_1={item: stock})
    taker.replica.order_policy = hub_role(taker.replica.locations).order_policy
    quotas = {"mall": case["marketplace_sells"], "web": stock - case["marketplace_sells"]}
    rule(taker, channels={name: round(units / stock, 6) for name, units in quotas.items()})
    allot(taker, *[(name, item, units) for name, units in quotas.items()])
    wanted = {"mall": case["marketplace_sells"], "web": case["own_channel_wants"]}
    sold = {}
    for channel in dict.fromkeys([first, *wanted]):
        entry = taker.place(channel, PlacedLine(wanted[channel], item), channel=channel, partial=True, paid=True)
        sold[channel] = sum(move.quantity for move in entry.content.moves)
    assert sold == quotas
    for channel in (*wanted, "another"):
        with pytest.raises(RightsExhausted):
            taker.place(f"{channel}-2", PlacedLine(1, item), channel=channel)
    for channel in wanted:
        taker.happen("ship", channel)
    assert taker.figures(item) == (0, 0, 0)
    taker.check()
