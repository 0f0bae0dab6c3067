"""`GET /v1/rights/{item}`: which node may promise which units of an item, location by location."""

from __future__ import annotations

from typing import Any

from replica.core.rights.holders import CAMPAIGN, Holder, holders_of, sum_of_holders
from replica.core.rights.requests import Allotment, AllotmentLine, Grant, GrantLine
from replica.core.state.commands import Command
from replica.runtime.driver import Ingress
from tests.callers import Caller
from tests.core.chain import receipt, sale, store

NOBODY: dict[str, Any] = {"rights": 0, "free": 0, "held": 0, "quarantined": 0, "channels": {}, "campaigns": {}}


async def spread(hub: Caller) -> None:
    """A store has five colas, granted the hub three, and sold two more than it had left; a warehouse has twenty.

    No rights move by themselves afterwards.
    """
    hub.node.worker("RightsRebalancer").cancel()
    away = store(1)
    away.ask(receipt(cola=5))
    away.ask(Grant("hub-east", (GrantLine("cola", 3),)))
    away.ask(sale(cola=4))
    away.commit()
    await (await hub.node.driver.take_in(away.runs(), Ingress()))
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola": 1}, "unit": "EA"}, method="PUT")
    await hub.good("/v1/receipts?location=w-1", {"lines": [{"sku": "cola", "quantity": 20}]})
    await hub.node.driver.submit(Command("w-1", Allotment((AllotmentLine("web", "cola", 4),)), b"quota"))
    order = {"order": "o-1", "channel": "mall", "lines": [{"sku": "cola", "quantity": 6, "location": "w-1"}]}
    await hub.good("/v1/orders", order)


async def test_each_location_shows_its_figures_and_who_has_the_units(hub: Caller) -> None:
    await spread(hub)
    page = await hub.good("/v1/rights/cola")
    assert (page["item"], page["unit"], page["next"]) == ("cola", "EA", None)
    shop, warehouse = page["locations"]
    assert shop == {
        "location": "store-1",
        "on_hand": 1,
        "reserved": 0,
        "quarantined": 0,
        "available": 1,
        "breach": 2,
        "holders": {
            "hub-east": {**NOBODY, "rights": 3, "free": 3},
            "store-1": {**NOBODY, "rights": -2, "free": -2},
        },
    }
    assert (warehouse["location"], warehouse["on_hand"], warehouse["reserved"]) == ("w-1", 20, 6)
    held = {**NOBODY, "rights": 14, "free": 10, "held": 6, "channels": {"web": 4}}
    assert warehouse["holders"] == {"hub-east": held}


async def test_first_page_has_the_totals_of_all_locations(hub: Caller) -> None:
    await spread(hub)
    first = await hub.good("/v1/rights/cola?limit=1")
    assert ([one["location"] for one in first["locations"]], first["next"]) == (["store-1"], "store-1")
    totals = first["totals"]
    assert (totals["locations"], totals["on_hand"], totals["reserved"]) == (2, 21, 6)
    assert (totals["available"], totals["breach"]) == (15, 2)
    assert totals["holders"]["hub-east"] == {**NOBODY, "rights": 17, "free": 13, "held": 6, "channels": {"web": 4}}
    assert totals["holders"]["store-1"]["free"] == -2
    last = await hub.good("/v1/rights/cola?limit=1&cursor=store-1")
    assert ([one["location"] for one in last["locations"]], last["next"], last["totals"]) == (["w-1"], None, None)


async def test_known_item_without_stock_has_no_locations_and_an_unknown_one_is_not_found(hub: Caller) -> None:
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola": 1}}, method="PUT")
    page = await hub.good("/v1/rights/cola")
    assert (page["locations"], page["totals"]["locations"], page["totals"]["holders"]) == ([], 0, {})
    status, problem = await hub.read("/v1/rights/koala")
    assert (status, problem["type"], problem["field"]) == (404, "unknown-sku", "item")


def test_accounts_add_up_to_holders_and_empty_ones_are_left_out() -> None:
    balances = {"h/free": 1, f"h/{CAMPAIGN}618": 2, "h/later": 4, "h/quarantine": 8, "s/free": 0, "customer": 5}
    assert holders_of(balances) == {"h": Holder(rights=7, free=1, quarantined=8, campaigns={"618": 2})}
    assert sum_of_holders([balances, {"h/free": -1, "s/held": 3}]) == {
        "h": Holder(rights=6, quarantined=8, campaigns={"618": 2}),
        "s": Holder(held=3),
    }
