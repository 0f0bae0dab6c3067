"""The calls of a hub, one by one, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.rights.requests import Grant, GrantLine
from replica.runtime.driver import Ingress
from tests.callers import Caller
from tests.core.chain import receipt, store

COLA = {"recipe": {"cola_bottle": 1}, "unit": "EA", "barcodes": ["4006381333931"]}
CARRIER = {"recipe": {"cola_bottle": 6}}
SHOP = {"type": "store", "name": "Shop 1", "region": "east"}


async def stocked(hub: Caller) -> None:
    """Write the SKUs, and receive cola in two warehouses."""
    await hub.good("/v1/documents/sku/cola", COLA, method="PUT")
    await hub.good("/v1/documents/sku/cola-carrier", CARRIER, method="PUT")
    for location, quantity in (("w-1", 20), ("w-2", 7)):
        await hub.good(f"/v1/receipts?location={location}", {"lines": [{"sku": "cola", "quantity": quantity}]})


async def test_hub_writes_for_the_locations_it_hosts(hub: Caller) -> None:
    await stocked(hub)
    stock = await hub.good("/v1/stock/w-1/cola_bottle")
    assert (stock["on_hand"], stock["rights"], stock["accounts"]["hub-east/free"]) == (20, 20, 20)
    await hub.good("/v1/counts?location=w-1", {"lines": [{"item": "cola_bottle", "counted": 18}]})
    await hub.good(
        "/v1/adjustments?location=w-1", {"lines": [{"item": "cola_bottle", "delta": -1, "reason": "broken"}]}
    )
    assert (await hub.good("/v1/stock/w-1/cola_bottle"))["on_hand"] == 17
    page = await hub.good("/v1/stock/w-1")
    assert [one["item"] for one in page["items"]] == ["cola_bottle"]
    assert (await hub.good("/v1/explain/w-1/cola_bottle"))["stock"]["on_hand"] == 17


async def test_location_of_a_write_is_required_and_must_be_hosted(hub: Caller) -> None:
    body = {"lines": [{"item": "cola", "counted": 1}]}
    status, problem = await hub.write("/v1/counts", body)
    assert (status, problem["field"]) == (422, "location")
    await stocked(hub)
    receipt = {"lines": [{"sku": "cola", "quantity": 1}]}
    await hub.good("/v1/documents/location/s-1", SHOP, method="PUT")
    status, problem = await hub.write("/v1/receipts?location=s-1", receipt)
    assert (status, problem["type"]) == (409, "not-hosted")


async def test_key_used_at_one_location_is_refused_at_another(hub: Caller) -> None:
    await stocked(hub)
    receipt = {"lines": [{"sku": "cola", "quantity": 1}]}
    await hub.good("/v1/receipts?location=w-1", receipt, key="once")
    status, problem = await hub.write("/v1/receipts?location=w-2", receipt, key="once")
    assert (status, problem["type"]) == (422, "idempotency-key-reused")


async def test_availability_adds_up_locations_through_the_recipe(hub: Caller) -> None:
    await stocked(hub)
    answer = await hub.good("/v1/availability/cola-carrier")
    assert (answer["guaranteed"], answer["optimistic"]) == (4, 4)
    assert [(one["location"], one["optimistic"]) for one in answer["locations"]] == [("w-1", 3), ("w-2", 1)]
    assert all(one["as_of"] for one in answer["locations"])
    one = await hub.good("/v1/availability/cola?location=w-2")
    assert [(local["location"], local["optimistic"]) for local in one["locations"]] == [("w-2", 7)]


async def test_nearest_location_comes_first_if_the_query_has_a_point(hub: Caller) -> None:
    await stocked(hub)
    for name, lat, lon in (("w-1", 53.55, 9.99), ("w-2", 48.14, 11.58)):
        document = {"type": "warehouse", "name": name, "region": "east", "lat": lat, "lon": lon}
        await hub.good(f"/v1/documents/location/{name}", document, method="PUT")
    answer = await hub.good("/v1/availability/cola?near=48.37,10.90")
    assert [one["location"] for one in answer["locations"]] == ["w-2", "w-1"]
    assert answer["locations"][0]["distance_km"] == pytest.approx(56.5, abs=2)
    assert answer["locations"][1]["distance_km"] == pytest.approx(580, abs=10)


async def test_a_location_at_the_point_itself_is_the_nearest_and_one_without_a_place_the_last(hub: Caller) -> None:
    await stocked(hub)
    document = {"type": "warehouse", "name": "w-2", "region": "east", "lat": 48.14, "lon": 11.58}
    await hub.good("/v1/documents/location/w-2", document, method="PUT")
    answer = await hub.good("/v1/availability/cola?near=48.14,11.58")
    assert [(one["location"], one.get("distance_km")) for one in answer["locations"]] == [("w-2", 0.0), ("w-1", None)]


@pytest.mark.parametrize("near", ["x", "1", "1,2,3", "91,0", "0,181", "nan,0"])
async def test_invalid_point_is_refused(hub: Caller, near: str) -> None:
    await stocked(hub)
    status, problem = await hub.read(f"/v1/availability/cola?near={near}")
    assert (status, problem["field"]) == (422, "near")


async def test_availability_of_many_skus_has_one_verdict_per_sku(hub: Caller) -> None:
    await stocked(hub)
    answer = await hub.good("/v1/availability", {"skus": ["cola", "unheard-of", "cola-carrier"]})
    found = [verdict.get("availability", {}).get("optimistic") for verdict in answer["verdicts"]]
    assert found == [27, None, 4]
    assert answer["verdicts"][1]["problem"]["type"] == "unknown-sku"


async def test_document_is_written_read_listed_and_cleared(hub: Caller) -> None:
    first = await hub.good("/v1/documents/sku/cola", COLA, method="PUT")
    again = await hub.good("/v1/documents/sku/cola", {**COLA, "names": {"en": "Cola"}}, method="PUT")
    assert (first["version"], again["version"]) == (1, 2)
    assert (await hub.good("/v1/documents/sku/cola"))["value"]["names"] == {"en": "Cola"}
    page = await hub.good("/v1/documents/sku?limit=1")
    assert ([one["key"] for one in page["documents"]], page["next"]) == (["cola"], None)
    status, _ = await hub.write("/v1/documents/sku/cola", {}, method="DELETE")
    assert status == 200
    status, problem = await hub.read("/v1/documents/sku/cola")
    assert (status, problem["type"]) == (404, "not-found")
    status, problem = await hub.read("/v1/availability/cola")
    assert (status, problem["type"], problem["deleted"]) == (404, "unknown-sku", True)


async def test_same_key_and_document_is_one_write(hub: Caller) -> None:
    first = await hub.good("/v1/documents/sku/cola", COLA, method="PUT", key="d1")
    assert await hub.good("/v1/documents/sku/cola", COLA, method="PUT", key="d1") == first
    status, problem = await hub.write("/v1/documents/sku/cola", CARRIER, key="d1", method="PUT")
    assert (status, problem["type"]) == (422, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("kind", "key", "value", "field"),
    [
        ("sku", "cola", {"recipe": {}}, "recipe"),
        ("sku", "cola", {"recipe": {"a b": 1}}, "recipe"),
        ("sku", "cola", {"recipe": {"cola": 0}}, "recipe[]"),
        ("sku", "cola", {"recipe": {"cola": 1}, "colour": "red"}, "colour"),
        ("sku", "cola", {"recipe": {"cola": 1}, "unit": "bottle"}, "unit"),
        ("sku", "cola", {"recipe": {"cola": 1}, "attributes": {"n": 10**30}}, "value"),
        ("sku", "a%20b", COLA, "key"),
        ("location", "W 1", {"type": "store", "name": "x", "region": "east"}, "key"),
        ("location", "w-1", {"type": "shop", "name": "x", "region": "east"}, "type"),
        ("location", "w-1", {"type": "store", "name": "x", "region": "east", "lat": 100}, "lat"),
        ("location", "w-1", {"type": "store", "name": "x"}, "region"),
        ("policy", "shop:s-1", {"mode": "keep"}, "key"),
        ("policy", "location:S 1", {"mode": "keep"}, "key"),
        ("policy", "default", {}, "mode"),
        ("policy", "default", {"mode": "hide"}, "mode"),
        ("policy", "default", {"mode": "share", "share": 1.5}, "share"),
        ("policy", "default", {"mode": "safety", "safety_stock": -1}, "safety_stock"),
        (
            "policy",
            "default",
            {"mode": "safety", "safety_stock": {"forecast": {"quantile": 0}}},
            "safety_stock.forecast.quantile",
        ),
        ("policy", "default", {"mode": "safety", "safety_stock": {"forecast": {}}}, "safety_stock.forecast.quantile"),
        ("policy", "default", {"mode": "safety", "safety_stock": "many"}, "safety_stock"),
        ("policy", "default", {"mode": "share", "last_units": 0.5}, "last_units"),
        ("policy", "default", {"mode": "share", "regions": {"east": 0.6, "west": 0.5}}, "regions"),
        ("policy", "default", {"mode": "share", "channels": {"web": 0.6, "shop": 0.5}}, "channels"),
        ("policy", "default", {"mode": "keep", "channels": {"web": 0.5}}, "channels"),
        ("order_machine", "mine", {"states": [], "transitions": []}, "key"),
        ("order_machine", "default", {"states": [], "transitions": []}, "states"),
        (
            "order_machine",
            "default",
            {"states": ["lost"], "transitions": [{"event": "lose", "from": [], "to": "lost"}]},
            "body",
        ),
    ],
)
async def test_document_that_does_not_fit_its_kind_is_refused_by_field(
    hub: Caller, kind: str, key: str, value: dict[str, Any], field: str
) -> None:
    status, problem = await hub.write(f"/v1/documents/{kind}/{key}", value, method="PUT")
    assert (status, problem["field"]) == (422, field)
    assert (await hub.good("/v1/journal"))["entries"] == []


async def test_policy_is_written_under_its_selector_and_counts_at_once(hub: Caller) -> None:
    await hub.good("/v1/documents/location/s-1", SHOP, method="PUT")
    for selector, units in [("default", 1), ("location:s-1,item:cola", 2)]:
        policy = {"mode": "safety", "safety_stock": units}
        await hub.good(f"/v1/documents/policy/{selector}", policy, method="PUT")
    counted = hub.node.replica.policies.policy("s-1", "cola")
    assert counted is not None
    assert counted.safety_stock == 2


async def test_unknown_kind_of_document_is_not_found(hub: Caller) -> None:
    for path in ("/v1/documents/colour/red", "/v1/documents/colour", "/v1/documents/colour/schema"):
        status, problem = await hub.read(path)
        assert (status, problem["field"]) == (404, "kind")


async def test_each_kind_serves_its_schema(hub: Caller) -> None:
    schema = await hub.good("/v1/documents/sku/schema")
    assert "recipe" in schema["$defs"]["SkuDocument"]["properties"]


async def test_batch_of_documents_gives_each_its_verdict(hub: Caller) -> None:
    documents = [
        {"kind": "sku", "key": "cola", "value": COLA},
        {"kind": "sku", "key": "tea", "value": {"recipe": {}}},
        {"kind": "colour", "key": "red", "value": {}},
        {"kind": "sku", "key": "cola-carrier", "value": CARRIER},
    ]
    answer = await hub.good("/v1/documents:batch", {"documents": documents}, key="load")
    assert [verdict["status"] for verdict in answer["verdicts"]] == [200, 422, 404, 200]
    assert await hub.good("/v1/documents:batch", {"documents": documents}, key="load") == answer


async def test_hub_without_peers_lists_no_nodes(hub: Caller) -> None:
    assert await hub.good("/v1/nodes") == {"nodes": []}
    status = await hub.good("/v1/status")
    assert (status["node"], status["region"], status["hosts"]) == ("hub-east", "east", ["w-1", "w-2"])
    assert (status["connected"], status["differences"]) == ([], [])


async def test_unit_of_an_item_comes_from_its_sku(hub: Caller) -> None:
    await hub.good("/v1/documents/sku/wings", {"recipe": {"wings_g": 1}, "unit": "GRM"}, method="PUT")
    await hub.good("/v1/receipts?location=w-1", {"lines": [{"item": "wings_g", "quantity": 500}]})
    assert (await hub.good("/v1/stock/w-1/wings_g"))["unit"] == "GRM"


async def test_availability_ranges_from_granted_units_to_units_in_the_ledger(hub: Caller) -> None:
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola": 1}}, method="PUT")
    away = store(1)
    away.ask(receipt(cola=10))
    away.ask(Grant("hub-east", (GrantLine("cola", 4),)))
    away.commit()
    await (await hub.node.driver.take_in(away.runs(), Ingress()))
    single = await hub.good("/v1/availability/cola")
    bulk = await hub.good("/v1/availability", {"skus": ["cola"]}, key="none")
    assert bulk["verdicts"][0]["availability"] == single
    (local,) = single["locations"]
    assert (single["guaranteed"], single["optimistic"]) == (local["guaranteed"], local["optimistic"]) == (4, 10)
    assert local["as_of"].startswith("2025-06-15T")
    await hub.good("/v1/grants?location=store-1", {"to": "hub-west", "lines": [{"item": "cola", "quantity": 1}]})
    status = await hub.good("/v1/status")
    stranded = {"hub-west": {"store-1": 1}, "store-1": {"store-1": 6}}
    assert (status["rights"], status["stranded"]) == ({"store-1": 3}, stranded)
    assert (await hub.good("/v1/availability/cola"))["guaranteed"] == 3
    refused, problem = await hub.write(
        "/v1/grants?location=store-1", {"to": "hub-west", "lines": [{"item": "cola", "quantity": 4}]}
    )
    assert (refused, problem["type"]) == (409, "insufficient-rights")


async def test_a_key_as_long_as_allowed_serves_a_batch_of_documents(hub: Caller) -> None:
    documents = [{"kind": "sku", "key": name, "value": {"recipe": {name: 1}}} for name in ("a", "b")]
    answer = await hub.good("/v1/documents:batch", {"documents": documents}, key="k" * 128)
    assert [one["status"] for one in answer["verdicts"]] == [200, 200]
    assert await hub.good("/v1/documents:batch", {"documents": documents}, key="k" * 128) == answer


async def test_a_key_of_a_batch_does_not_take_the_keys_of_single_documents(hub: Caller) -> None:
    sku = {"kind": "sku", "key": "a", "value": {"recipe": {"a": 1}}}
    await hub.good("/v1/documents/sku/b", {"recipe": {"b": 1}}, key="load/0", method="PUT")
    written = await hub.good("/v1/documents:batch", {"documents": [sku]}, key="load")
    assert written["verdicts"][0]["status"] == 200
    await hub.good("/v1/documents/sku/c", {"recipe": {"c": 1}}, key="load", method="PUT")
    shown = [entry["key"] for entry in (await hub.good("/v1/journal"))["entries"]]
    await hub.good("/v1/documents/sku/d", {"recipe": {"d": 1}}, key=shown[1], method="PUT")
    keys = [entry["key"] for entry in (await hub.good("/v1/journal"))["entries"]]
    assert len(keys) == 4


async def test_changed_row_of_a_repeated_batch_of_documents_is_refused(hub: Caller) -> None:
    for recipe, status in (({"a": 1}, 200), ({"a": 2}, 422)):
        batch = {"documents": [{"kind": "sku", "key": "a", "value": {"recipe": recipe}}]}
        (verdict,) = (await hub.good("/v1/documents:batch", batch, key="load"))["verdicts"]
        assert verdict["status"] == status


@pytest.mark.parametrize("wrong", [0, 1, 2])
async def test_batch_of_documents_with_a_corrected_row_is_accepted_under_its_key(hub: Caller, wrong: int) -> None:
    rows = [{"kind": "sku", "key": name, "value": {"recipe": {name: 1}}} for name in ("a", "b", "c")]
    before = [{**row, "value": {"recipe": {}}} if place == wrong else row for place, row in enumerate(rows)]
    for documents, statuses in ((before, [422 if place == wrong else 200 for place in range(3)]), (rows, [200] * 3)):
        answer = await hub.good("/v1/documents:batch", {"documents": documents}, key="load")
        assert [verdict["status"] for verdict in answer["verdicts"]] == statuses
    assert len((await hub.good("/v1/journal"))["entries"]) == 3
