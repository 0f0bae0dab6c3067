"""Orders with `ship_to` at a hub: sent from the locations that `POST /v1/source` names, without keeping the address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from replica.core.base.errors import NotFound
from replica.core.orders.requests import Revocation
from replica.core.state.commands import Command
from replica.core.stock.requests import Adjustment, AdjustmentLine
from tests.callers import Caller
from tests.hub.test_sourcing_calls import HANGZHOU, ZHEJIANG, ask, chain, sent, write


def body(order: str, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
    asked = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
    return {"order": order, "lines": asked, "ship_to": HANGZHOU, **more}


async def test_an_order_is_held_where_the_question_said(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9}, w_2={"cola": 9, "tea": 9})
    await write(hub, "area", "zj", {"covers": [ZHEJIANG], "serves": [{"location": "w-2"}]})
    expected = sent(await ask(hub, ("cola", 2), ("tea", 1)))
    answer = await hub.good("/v1/orders", body("web-1", ("cola", 2), ("tea", 1)))
    assert sent(answer) == expected == {"w-2": {"cola": 2, "tea": 1}}
    assert (await hub.good("/v1/stock/w-2/cola"))["reserved"] == 2


async def test_thirteen_units_are_held_once_over_two_locations(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 10}, w_2={"cola": 5})
    answer = await hub.good("/v1/orders", body("web-1", ("cola", 13)))
    assert sum(units["cola"] for units in sent(answer).values()) == 13
    reserved = [(await hub.good(f"/v1/stock/{location}/cola"))["reserved"] for location in ("w-1", "w-2")]
    assert sum(reserved) == 13


async def test_a_retry_gets_the_first_answer_whatever_the_areas_say_by_now(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9}, w_2={"cola": 9})
    first = await hub.good("/v1/orders", body("web-1", ("cola", 2)), key="order-1")
    ban = {"goods": {"all": True}, "reasons": {"en": "Nothing at all"}}
    await write(hub, "area", "zj", {"covers": [ZHEJIANG], "bans": [ban]})
    assert await hub.good("/v1/orders", body("web-1", ("cola", 2)), key="order-1") == first


async def test_a_key_that_is_used_for_another_address_is_refused(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9})
    await hub.good("/v1/orders", body("web-1", ("cola", 1)), key="order-1")
    statuses = []
    for number in range(3):
        other = {**HANGZHOU, "lat": 30.0 + number}
        statuses.append((await hub.write("/v1/orders", body("web-1", ("cola", 1), ship_to=other), key="order-1"))[0])
    assert 422 in statuses


async def test_goods_that_are_banned_at_the_address_are_refused_with_reasons(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9, "tea": 9})
    ban = {"goods": {"skus": ["tea"]}, "reasons": {"zh": "不能空运"}}
    await write(hub, "area", "zj", {"covers": [ZHEJIANG], "bans": [ban]})
    status, problem = await hub.write("/v1/orders", body("web-1", ("cola", 1), ("tea", 1), partial=True))
    assert (status, problem["type"]) == (409, "not-deliverable")
    assert problem["lines"] == [{"line": 1, "sku": "tea", "area": "zj", "reasons": {"zh": "不能空运"}}]
    assert (await hub.read("/v1/orders/web-1"))[0] == 404


async def test_an_order_that_no_serving_location_covers_is_refused_or_held_in_part(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9}, w_2={"cola": 3})
    await write(hub, "area", "zj", {"covers": [ZHEJIANG], "serves": [{"location": "w-2"}]})
    status, problem = await hub.write("/v1/orders", body("web-1", ("cola", 5)))
    assert (status, problem["type"], problem["lines"][0]["free"]) == (409, "insufficient-rights", 3)
    assert sent(await hub.good("/v1/orders", body("web-2", ("cola", 5), partial=True))) == {"w-2": {"cola": 3}}
    status, problem = await hub.write("/v1/orders", body("web-3", ("cola", 1), wait_ms=50))
    assert (status, problem["type"]) == (409, "insufficient-rights")


async def test_no_file_of_the_hub_contains_the_address(hub: Caller, tmp_path: Path) -> None:
    await chain(hub, w_1={"cola": 9})
    address = {**HANGZHOU, "district": "西湖区 secret", "postcode": "310007-9", "lat": 30.123456789}
    await hub.good("/v1/orders", body("web-1", ("cola", 1), ship_to=address))
    page = await hub.good("/v1/journal?limit=100")
    assert '"ship_to": "#' in str(page).replace("'", '"')
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"web-1" in stored
    for text in ("secret", "310007-9", "杭州", "浙江"):
        assert text.encode() not in stored and text not in str(page)


async def test_a_shortage_moves_an_order_only_to_a_location_that_may_send_it(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 2}, w_2={"cola": 9})
    await write(hub, "area", "zj", {"covers": [ZHEJIANG], "serves": [{"location": "w-1"}]})
    await hub.good("/v1/orders", body("web-1", ("cola", 2)))
    broken = Adjustment((AdjustmentLine("cola", -2, reason="broken"),))
    await hub.node.driver.submit(Command("w-1", broken, b"broken-1"))
    order = await hub.good("/v1/orders/web-1")
    (held,) = order["fulfilments"]
    await hub.node.driver.submit(Command("", Revocation("web-1", held["id"]), b""))
    order = await hub.good("/v1/orders/web-1")
    assert [(one["location"], one["state"]) for one in order["fulfilments"]] == [("w-1", "cancelled")]


async def test_an_order_that_is_sourced_again_is_held_once(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 2}, w_2={"cola": 9})
    await hub.good("/v1/orders", body("web-1", ("cola", 2)), key="order-1")
    broken = Adjustment((AdjustmentLine("cola", -2, reason="broken"),))
    await hub.node.driver.submit(Command("w-1", broken, b"broken-1"))
    (held,) = (await hub.good("/v1/orders/web-1"))["fulfilments"]
    for _ in range(2):
        try:
            await hub.node.driver.submit(Command("", Revocation("web-1", held["id"]), b""))
        except NotFound:
            continue
    order = await hub.good("/v1/orders/web-1")
    assert {one["location"]: one["state"] for one in order["fulfilments"]} == {"w-1": "cancelled", "w-2": "held"}
    reserved = [(await hub.good(f"/v1/stock/{location}/cola"))["reserved"] for location in ("w-1", "w-2")]
    assert reserved == [0, 2]
    again = await hub.good("/v1/orders", body("web-1", ("cola", 2)), key="order-1")
    assert sent(again) == {"w-1": {"cola": 2}}
    assert (await hub.good("/v1/stock/w-2/cola"))["reserved"] == 2


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"ship_to": "a-1"}, "ship_to"),
        ({"ship_to": None}, "ship_to"),
        ({"ship_to": {"country": "CN", "street": "x"}}, "ship_to.street"),
        ({"ship_to": {"country": "CN", "lon": 1.0}}, "ship_to.lat"),
        ({"pickup_at": "w-1"}, "pickup_at"),
        ({"campaign": "summer"}, "campaign"),
        ({"ttl_s": 0}, "ttl_s"),
    ],
)
async def test_an_address_that_makes_no_sense_is_refused(hub: Caller, more: dict[str, Any], field: str) -> None:
    await chain(hub, w_1={"cola": 2})
    status, problem = await hub.write("/v1/orders", body("web-1", ("cola", 1), **more))
    assert (status, problem["field"]) == (422, field)


async def test_what_a_location_declines_is_sent_by_the_next_one_of_the_area(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9}, w_2={"cola": 9})
    servers = [{"location": "w-1"}, {"location": "w-2", "priority": 200}]
    await write(hub, "area", "zj", {"covers": [ZHEJIANG], "serves": servers})
    await hub.good("/v1/orders", body("web-1", ("cola", 4), paid=True))
    part = {"event": "decline", "fulfilment": "hub-east.1", "lines": [{"sku": "cola", "quantity": 1}]}
    await hub.good("/v1/orders/web-1/events", part)
    order = await hub.good("/v1/orders/web-1")
    states = {one["id"]: (one["location"], one["state"]) for one in order["fulfilments"]}
    assert states == {
        "hub-east.1": ("w-1", "reserved"),
        "hub-east.1-1": ("w-1", "declined"),
        "hub-east.2": ("w-2", "reserved"),
    }
    assert (await hub.good("/v1/stock/w-2/cola"))["reserved"] == 1
    await write(hub, "area", "zj", {"covers": [ZHEJIANG], "serves": servers[:1]})
    await hub.good("/v1/orders", body("web-2", ("cola", 2), paid=True))
    await hub.good("/v1/orders/web-2/events", {"event": "decline"})
    order = await hub.good("/v1/orders/web-2")
    assert [(one["location"], one["state"]) for one in order["fulfilments"]] == [("w-1", "declined")]
    assert [(one["event"], one["outcome"]) for one in order["reports"]] == [("decline", "nowhere")]
