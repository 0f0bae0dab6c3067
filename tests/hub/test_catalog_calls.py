"""SKU documents over HTTP at a hub: what is refused when it is written, and what is listed when documents disagree."""

from __future__ import annotations

from typing import Any

from replica.core.base.names import CHAIN
from replica.runtime.driver import Ingress
from tests.callers import Caller
from tests.core.chain import NOW_MS, Node
from tests.core.chain import hub as hub_node

COLA = {"recipe": {"cola": 1}, "barcodes": ["036000291452"]}
SIX = {"recipe": {"cola": 6}, "barcodes": ["4001"]}


async def put(hub: Caller, sku: str, value: Any, query: str = "") -> tuple[int, dict[str, Any]]:
    """Write the document of a SKU."""
    return await hub.write(f"/v1/documents/sku/{sku}{query}", value, method="PUT")


async def put_all(hub: Caller, **values: Any) -> None:
    """Write the documents of several SKUs, which must be accepted."""
    for sku, value in values.items():
        status, answer = await put(hub, sku, value)
        assert status == 200, answer


async def batch(hub: Caller, query: str = "", **values: Any) -> list[dict[str, Any]]:
    """Write several SKUs in one batch. Return the verdicts."""
    documents = [{"kind": "sku", "key": sku, "value": value} for sku, value in values.items()]
    answer = await hub.good(f"/v1/documents:batch{query}", {"documents": documents})
    return list(answer["verdicts"])


async def deliver(hub: Caller, other: Node) -> None:
    """Deliver the documents that another hub wrote."""
    other.commit()
    await (await hub.node.driver.take_in(other.runs(CHAIN), Ingress()))


async def test_a_recipe_of_a_sku_of_other_items_is_refused_naming_it(hub: Caller) -> None:
    await put_all(hub, cola=COLA, **{"cola-6": SIX})
    status, problem = await put(hub, "crate", {"recipe": {"cola-6": 4}})
    assert (status, problem["type"], problem["field"]) == (422, "invalid-request", "recipe.cola-6")
    assert problem["items"] == {"cola": 24}
    assert '{"cola": 24}' in problem["detail"]
    await put_all(hub, crate={"recipe": {"cola": 24}})


async def test_a_sku_whose_name_is_an_item_of_another_recipe_is_refused(hub: Caller) -> None:
    await put_all(hub, crate={"recipe": {"cola-6": 4}})
    status, problem = await put(hub, "cola-6", SIX)
    assert (status, problem["field"], problem["skus"]) == (422, "recipe", ["crate"])


async def test_a_misspelt_item_is_questioned_and_accepted_when_it_is_meant(hub: Caller) -> None:
    await put_all(hub, cola=COLA)
    status, problem = await put(hub, "cola-6", {"recipe": {"colla": 6}})
    assert (status, problem["field"], problem["known"]) == (422, "recipe.colla", ["cola"])
    assert (await put(hub, "cola-6", {"recipe": {"colla": 6}}, "?new_items=false"))[0] == 422
    assert (await put(hub, "cola-6", {"recipe": {"colla": 6}}, "?new_items=true"))[0] == 200
    status, problem = await put(hub, "cola-9", {"recipe": {"colla": 9}}, "?new_items=yes")
    assert (status, problem["field"]) == (422, "new_items")


async def test_a_fresh_catalogue_takes_packs_and_bundles_in_any_order(hub: Caller) -> None:
    verdicts = await batch(
        hub,
        menu={"recipe": {"cola": 1, "wings_g": 200}},
        wings={"recipe": {"wings_g": 500}},
        six={"recipe": {"cola": 6}},
        cola=COLA,
    )
    assert [verdict["status"] for verdict in verdicts] == [200] * 4


async def test_the_documents_of_a_batch_are_checked_against_each_other(hub: Caller) -> None:
    crate, colla = {"recipe": {"six": 4}}, {"recipe": {"colla": 6}}
    verdicts = await batch(hub, cola=COLA, leaf={**COLA, "recipe": {"leaf": 1}}, six=SIX, crate=crate, ten=colla)
    assert [verdict["status"] for verdict in verdicts] == [200, 409, 200, 422, 422]
    fields = [verdict["problem"]["field"] for verdict in verdicts if "problem" in verdict]
    inside = ["[1].value.barcodes[0]", "[3].value.recipe.six", "[4].value.recipe.colla"]
    assert fields == [f"documents{field}" for field in inside]
    (verdict,) = await batch(hub, "?new_items=true", ten=colla)
    assert verdict["status"] == 200


async def test_a_second_claim_of_a_barcode_is_refused_naming_the_holder(hub: Caller) -> None:
    await put_all(hub, cola=COLA)
    status, problem = await put(hub, "leaf", {"recipe": {"leaf": 1}, "barcodes": ["1", "0036000291452 "]})
    assert (status, problem["type"], problem["field"]) == (409, "barcode-conflict", "barcodes[1]")
    assert problem["skus"] == ["cola"]
    assert "a barcode of the SKU 'cola'" in problem["detail"]


async def test_a_gtin_is_one_number_whatever_its_padding_and_shown_as_registered(hub: Caller) -> None:
    await put_all(hub, cola={**COLA, "barcodes": [" 036000291452 "]})
    assert (await hub.good("/v1/documents/sku/cola"))["value"]["barcodes"] == ["036000291452"]
    for code in ("036000291452", "0036000291452", "00036000291452", "036000291452 "):
        sold = await hub.good("/v1/receipts?location=w-1", {"lines": [{"barcode": code, "quantity": 1}]})
        assert sold["lines"][0]["sku"] == "cola"


async def test_a_wrong_check_digit_is_refused_with_the_right_one(hub: Caller) -> None:
    status, problem = await put(hub, "cola", {**COLA, "barcodes": ["4011", "036000291453"]})
    assert (status, problem["field"], problem["check_digit"]) == (422, "barcodes[1]", "2")


async def test_an_unknown_unit_is_refused_with_the_known_ones(hub: Caller) -> None:
    for unit in ("bottle", "XYZ"):
        status, problem = await put(hub, "cola", {**COLA, "unit": unit})
        assert (status, problem["field"]) == (422, "unit")
        assert "KGM (kilogram)" in problem["detail"]
    schema = await hub.good("/v1/documents/sku/schema")
    assert "KGM" in schema["$defs"]["SkuDocument"]["properties"]["unit"]["enum"]


async def test_a_lost_edit_shows_the_wall_clock_also_after_a_clock_was_wrong(hub: Caller) -> None:
    other = hub_node("hub-elsewhere")
    other.write("leaf", {"recipe": {"leaf": 1}}, now_ms=3 * 86_400_000)
    other.write("ten", {"recipe": {"cola": 9}}, now_ms=5_000)
    await put_all(hub, cola=COLA, ten={"recipe": {"cola": 10}})
    await deliver(hub, other)
    (edit,) = (await hub.good("/v1/exceptions"))["lost_edits"]
    assert edit["lost"]["at"].startswith("1970-01-01T00:00:05")


async def test_documents_that_disagree_across_a_cut_are_exceptions(hub: Caller) -> None:
    other = hub_node("hub-elsewhere")
    other.write("leaf", {"recipe": {"leaf": 1}, "barcodes": ["036000291452"]}, now_ms=1)
    other.write("crate", {"recipe": {"six": 4}}, now_ms=1)
    other.write("ten", {"recipe": {"cola": 9}}, now_ms=1)
    await put_all(hub, cola=COLA, six=SIX, ten={"recipe": {"cola": 10}})
    await deliver(hub, other)
    found = await hub.good("/v1/exceptions")
    assert found["barcode_conflicts"] == [{"barcode": "036000291452", "skus": ["cola", "leaf"]}]
    assert found["recipe_conflicts"] == [{"sku": "six", "items": {"cola": 6}, "skus": ["crate"]}]
    (edit,) = found["lost_edits"]
    assert (edit["kind"], edit["key"], edit["rank"], edit["at"]) == ("sku", "ten", 0, "")
    assert (edit["standing"]["node"], edit["standing"]["value"]["recipe"]) == ("hub-east", {"cola": 10})
    assert (edit["lost"]["node"], edit["lost"]["version"]) == ("hub-elsewhere", 1)
    assert edit["lost"]["value"] == {"recipe": {"cola": 9}}
    assert found["truncated"] is False
    status, problem = await hub.write(
        "/v1/orders", {"order": "o-1", "channel": "web", "lines": [{"barcode": "036000291452", "quantity": 1}]}
    )
    assert (status, problem["type"], problem["skus"]) == (409, "barcode-conflict", ["cola", "leaf"])
    await put_all(hub, leaf={"recipe": {"leaf": 1}}, crate={"recipe": {"cola": 24}}, ten={"recipe": {"cola": 10}})
    found = await hub.good("/v1/exceptions")
    assert (found["barcode_conflicts"], found["recipe_conflicts"], found["lost_edits"]) == ([], [], [])


async def test_more_lost_edits_than_asked_for_are_marked_as_truncated(hub: Caller) -> None:
    other = hub_node("hub-elsewhere")
    for number in range(3):
        other.write(f"pack-{number}", {"recipe": {"cola": 3}}, now_ms=NOW_MS)
        await put_all(hub, **{f"pack-{number}": {"recipe": {"cola": 4}}})
    await deliver(hub, other)
    found = await hub.good("/v1/exceptions?limit=2")
    assert [edit["key"] for edit in found["lost_edits"]] == ["pack-2", "pack-1"]
    assert found["truncated"] is True


async def test_facts_about_a_deleted_sku_are_recorded_and_promises_refused(hub: Caller) -> None:
    await put_all(hub, six=SIX)
    at = "?location=w-1"
    await hub.good(f"/v1/receipts{at}", {"lines": [{"sku": "six", "quantity": 10}]})
    assert (await hub.write("/v1/documents/sku/six", None, method="DELETE"))[0] == 200
    for line in ({"sku": "six"}, {"barcode": "4001"}, {"item": "cola"}):
        await hub.good(f"/v1/receipts{at}", {"lines": [{**line, "quantity": 1}]})
    await hub.good(f"/v1/returns{at}", {"lines": [{"sku": "six", "quantity": 1}]})
    stock = await hub.good("/v1/stock/w-1/cola")
    assert (stock["on_hand"], stock["quarantined"]) == (60 + 6 + 6 + 1 + 6, 6)
    status, problem = await hub.write("/v1/orders", {"order": "o", "lines": [{"sku": "six", "quantity": 1}]})
    assert (status, problem["type"], problem["deleted"]) == (404, "unknown-sku", True)
    assert "was deleted" in problem["detail"]


async def test_a_policy_of_a_sku_that_is_no_item_is_refused_naming_its_items(hub: Caller) -> None:
    await put_all(hub, cola=COLA, **{"cola-6": SIX})
    policy = {"mode": "keep"}
    for selector in ("item:cola-6", "location:w-1,item:cola-6"):
        status, problem = await hub.write(f"/v1/documents/policy/{selector}", policy, method="PUT")
        assert (status, problem["type"], problem["field"]) == (422, "invalid-request", "key")
        assert "cola" in problem["detail"]
    for selector in ("item:cola", "item:not-yet-known", "location:w-1,item:cola", "default"):
        status, problem = await hub.write(f"/v1/documents/policy/{selector}", policy, method="PUT")
        assert status == 200, problem
