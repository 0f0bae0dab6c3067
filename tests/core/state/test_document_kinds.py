"""The kinds of documents: what a write of a policy or of an order machine is checked against."""

from __future__ import annotations

import pytest

from replica.core.base.errors import Invalid
from replica.core.catalog.scale_codes import NO_SCALE_CODES, SCALE_CODES
from replica.core.catalog.scale_templates import NAMED
from replica.core.orders.machine import DEFAULT_MACHINE
from tests.core.chain import Node, hub, receipt

SHARE = {"mode": "share", "share": 0.5}
TEMPLATE = next(iter(NAMED))


def chain_hub() -> Node:
    """A hub with a warehouse, a SKU of six colas, and a SKU that is the item of its name."""
    node = hub("hub-east", "w-1")
    node.write("six", {"recipe": {"cola": 6}})
    node.write("leaf", {"recipe": {"leaf": 1}})
    return node


@pytest.mark.parametrize("selector", ["location:w-7", "location:w-7,item:cola", "item:six", "location:w-1,item:six"])
def test_a_policy_for_an_unknown_location_or_for_a_sku_is_refused(selector: str) -> None:
    with pytest.raises(Invalid) as refused:
        chain_hub().write(selector, SHARE, kind="policy")
    assert refused.value.field == "key"
    assert "None" not in refused.value.detail


@pytest.mark.parametrize(
    "selector", ["default", "location:w-1", "item:cola", "item:leaf", "location:w-1,item:cola", "item:of-next-year"]
)
def test_a_policy_for_a_known_location_and_an_item_is_written(selector: str) -> None:
    assert chain_hub().write(selector, SHARE, kind="policy").content.facts["key"] == selector


def test_a_policy_for_an_item_that_moved_is_written_though_a_sku_has_its_name() -> None:
    node = chain_hub()
    node.write("box", {"recipe": {"box": 1}})
    node.ask(receipt(box=3))
    node.write("box", None)
    node.write("box", {"recipe": {"cola": 12}})
    assert node.write("item:box", SHARE, kind="policy").content.facts["key"] == "item:box"


def test_an_order_machine_under_another_key_changes_nothing_and_is_no_fault() -> None:
    node = chain_hub()
    node.write("of-next-year", {"states": []}, kind="order_machine")
    assert (node.replica.documents.malformed, node.replica.machine) == (0, DEFAULT_MACHINE)


def test_scale_codes_are_read_by_the_newest_document_that_this_version_understands() -> None:
    node = chain_hub()
    found = []
    for value in ({"use": [{"template": TEMPLATE}]}, {"use": 7}, {"use": [{"template": TEMPLATE}]}, None):
        node.write("default", value, kind=SCALE_CODES)
        found.append((node.replica.catalog.scale_codes != NO_SCALE_CODES, node.replica.documents.malformed))
    assert found == [(True, 0), (False, 1), (True, 1), (False, 1)]
