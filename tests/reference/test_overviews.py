"""The reference model of overviews: it agrees with a hub, and notices each figure that is wrong."""

from __future__ import annotations

import time
from copy import deepcopy
from typing import Any

import pytest

from simulations.reference.view_faults import ViewFaults
from simulations.reference.view_reading import read_entries, read_views
from tests.callers import Caller
from tests.hub.test_rights_calls import spread
from tests.runtime.http.test_order_calls import event
from tests.runtime.http.test_order_list_calls import place


async def views_of(hub: Caller) -> tuple[ViewFaults, dict[str, Any]]:
    """The model of a hub, and what the hub shows."""
    await spread(hub)
    for name in ("o-2", "o-0"):
        await place(hub, name, channel="web", quantity=2, pickup_at="w-1")
    await event(hub, "cancel", "o-2")
    await event(hub, "ship", "unheard")
    model = ViewFaults("hub-east", ("w-1", "w-2"), await read_entries(hub.good), int(time.time() * 1000))
    return model, await read_views(hub.good, model)


async def test_overviews_of_a_hub_are_those_of_the_reference(hub: Caller) -> None:
    model, shown = await views_of(hub)
    assert [*model.find(shown)] == []
    assert [one["order"] for one in shown["/v1/orders"]] == ["unheard", "o-0", "o-2", "o-1"]
    assert {one["location"] for one in shown["/v1/locations"]} == {"store-1", "w-1", "w-2"}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/orders", "state"),
        ("/v1/orders", "units"),
        ("/v1/orders", "lines"),
        ("/v1/orders", "locations"),
        ("/v1/rights/cola", "breach"),
        ("/v1/rights/cola", "holders"),
        ("/v1/locations", "on_hand"),
        ("/v1/locations", "rights"),
        ("/v1/locations", "breaches"),
    ],
)
async def test_a_wrong_figure_of_an_overview_is_noticed(hub: Caller, path: str, field: str) -> None:
    model, shown = await views_of(hub)
    wrong = deepcopy(shown)
    for rows in (wrong[path], wrong[next(one for one in wrong if one.startswith(f"{path}?"))]):
        rows[1][field] = {"hub-east": {}} if isinstance(rows[1][field], dict) else 7
    (fault,) = model.find(wrong)
    assert path in fault


async def test_wrong_order_of_a_list_and_wrong_totals_are_noticed(hub: Caller) -> None:
    model, shown = await views_of(hub)
    backwards = {**shown, "/v1/orders": shown["/v1/orders"][::-1], "/v1/orders?limit=7": shown["/v1/orders"][::-1]}
    assert [*model.find(backwards)] != []
    totals = {**shown["/v1/rights/cola/totals"], "reserved": 7}
    assert [*model.find({**shown, "/v1/rights/cola/totals": totals})] != []
