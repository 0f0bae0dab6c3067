"""One SKU over HTTP: by its name, and by what a scanner sends."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.callers import Caller

PRICE = {"amount": 199, "currency": "EUR"}


@pytest.fixture
async def chain(hub: Caller) -> Caller:
    """A hub with a packed SKU, and one that is weighed, in stock."""
    values: list[tuple[str, str, Any]] = [
        ("sku", "cola", {"recipe": {"cola": 1}, "barcodes": ["4006381333931"], "names": {"en": "Cola"}}),
        ("sku", "wings", {"recipe": {"wings": 1}, "unit": "GRM", "barcodes": ["2012345000001"]}),
        ("price", "cola", PRICE),
        ("price", "wings", {"amount": 1290, "currency": "EUR", "per": 1000}),
        ("promotion", "ten", {"benefit": {"type": "percentage", "percent": 10}, "applies_to": {"skus": ["cola"]}}),
        ("promotion", "past", {"benefit": {"type": "percentage", "percent": 50}, "applies_to": {"all": True}}),
    ]
    values[-1][2].update(valid_to="2020-01-01T00:00:00Z", priority=7)
    for kind, key, value in values:
        await hub.good(f"/v1/documents/{kind}/{key}?new_items=true", value, method="PUT")
    await hub.good("/v1/receipts?location=w-1", {"lines": [{"sku": "cola", "quantity": 5}]})
    return hub


async def scan(hub: Caller, text: str) -> dict[str, Any]:
    """Scan a barcode at the first warehouse."""
    return await hub.good(f"/v1/scan/{quote(text, safe='')}?location=w-1")


async def test_a_sku_has_its_price_its_promotions_and_its_units(chain: Caller) -> None:
    sku = await chain.good("/v1/skus/cola?location=w-1")
    assert (sku["names"], sku["unit"], sku["status"]) == ({"en": "Cola"}, "EA", "active")
    assert (sku["price"]["amount"], sku["price"]["source"]) == (199, {"rank": "chain", "version": 1})
    assert [(one["promotion"], one["reason"]) for one in sku["promotions"]] == [("ten", "10 % off")]
    assert (sku["sellable"], sku["guaranteed"]) == (5, 5)


async def test_a_sku_without_a_price_says_why(chain: Caller) -> None:
    await chain.good("/v1/documents/price/cola", {**PRICE, "valid_to": "2020-01-01T00:00:00Z"}, method="PUT")
    sku = await chain.good("/v1/skus/cola?location=w-1")
    assert sku["price"] is None
    assert [one["why"] for one in sku["unpriced"]["others"]] == ["no-longer-valid"]


async def test_an_unknown_sku_is_404(chain: Caller) -> None:
    status, problem = await chain.read("/v1/skus/colla?location=w-1")
    assert (status, problem["type"], problem["field"]) == (404, "unknown-sku", "sku")


@pytest.mark.parametrize("text", ["4006381333931", "04006381333931", "]E04006381333931", "(01)04006381333931"])
async def test_each_form_of_a_gtin_leads_to_its_sku(chain: Caller, text: str) -> None:
    found = await scan(chain, text)
    assert (found["sku"]["sku"], found["quantity"]) == ("cola", 1)


async def test_an_element_string_says_lot_and_expiry(chain: Caller) -> None:
    found = await scan(chain, "(01)04006381333931(17)270131(10)A1")
    assert (found["scanned"]["lot"], found["scanned"]["expiry"]) == ("A1", "2027-01-31")
    assert found["sku"]["sku"] == "cola"


async def test_a_digital_link_leads_to_its_sku(chain: Caller) -> None:
    found = await scan(chain, "https://id.example.org/01/04006381333931/10/A1")
    assert (found["sku"]["sku"], found["scanned"]["lot"]) == ("cola", "A1")


async def test_a_code_of_a_scale_is_read_by_the_templates_of_the_chain(chain: Caller) -> None:
    status, problem = await chain.read("/v1/scan/2012345028753?location=w-1")
    assert (status, problem["field"]) == (404, "barcode")
    template = {"first": "20", "last": "20", "layout": "IIIIIWWWWWC", "weight_decimals": 3, "weight_unit": "KGM"}
    await chain.good("/v1/documents/scale_codes/default", {"templates": {"deli": template}}, method="PUT")
    found = await scan(chain, "2012345028753")
    assert (found["sku"]["sku"], found["quantity"], found["scanned"]["template"]) == ("wings", 2875, "deli")


async def test_a_price_in_a_code_is_the_amount_to_pay(chain: Caller) -> None:
    template = {"first": "20", "last": "20", "layout": "IIIIIPPPPPC", "price_decimals": 2}
    await chain.good("/v1/documents/scale_codes/default", {"templates": {"deli": template}}, method="PUT")
    found = await scan(chain, "2012345028753")
    assert (found["amount"], "quantity" in found) == (2875, False)


@pytest.mark.parametrize(("text", "status"), [("４００６", 422), ("4006381333932", 404), ("(01)123", 422)])
async def test_a_bad_barcode_names_the_field(chain: Caller, text: str, status: int) -> None:
    answered, problem = await chain.read(f"/v1/scan/{quote(text, safe='')}?location=w-1")
    assert (answered, problem["field"]) == (status, "barcode")


async def test_goods_are_received_by_an_element_string_which_the_entry_keeps(chain: Caller) -> None:
    text = "(01)04006381333931(17)270131(10)A1"
    await chain.good("/v1/receipts?location=w-1", {"lines": [{"barcode": text, "quantity": 7}]})
    assert (await chain.good("/v1/sellable/cola?location=w-1"))["sellable"] == 12
    entry = (await chain.good("/v1/journal?limit=1000"))["entries"][-1]
    assert entry["facts"]["scanned"] == [[0, text]]
