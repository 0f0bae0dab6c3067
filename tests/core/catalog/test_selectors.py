"""Selectors: a list of SKUs, equal attributes, or all."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.base.errors import Invalid
from replica.core.catalog.documents import Documents, pack_value
from replica.core.catalog.registers import Register
from replica.core.catalog.selectors import Selector, attributes_of, check_selector, selected_by


def contains(selector: Selector, sku: str, **attributes: Any) -> bool:
    """Whether a selector means a SKU with these attributes."""
    return selected_by(selector).contains(sku, attributes)


def test_a_list_means_its_skus() -> None:
    selector = Selector(skus=("cola", "wine"))
    assert [contains(selector, sku) for sku in ("cola", "wine", "beer")] == [True, True, False]


def test_all_means_each_sku() -> None:
    assert contains(Selector(all=True), "cola")


def test_a_sku_must_have_each_attribute() -> None:
    selector = Selector(attributes={"brand": "acme", "litres": 1})
    assert contains(selector, "cola", brand="acme", litres=1, colour="red")
    assert not contains(selector, "cola", brand="acme")
    assert not contains(selector, "cola", brand="acme", litres=2)


def test_numbers_are_equal_by_value_and_true_is_no_number() -> None:
    assert contains(Selector(attributes={"litres": 1}), "cola", litres=1.0)
    assert not contains(Selector(attributes={"litres": 1}), "cola", litres=True)
    assert not contains(Selector(attributes={"organic": True}), "cola", organic=1)
    assert not contains(Selector(attributes={"litres": 1}), "cola", litres="1")


@pytest.mark.parametrize(
    "selector",
    [Selector(), Selector(all=True, skus=("cola",)), Selector(skus=("cola",), attributes={"brand": "acme"})],
)
def test_a_selector_has_exactly_one_field(selector: Selector) -> None:
    with pytest.raises(Invalid) as refused:
        check_selector(selector, "applies_to")
    assert refused.value.field == "applies_to"


def test_a_sku_that_is_listed_twice_is_refused_with_its_place() -> None:
    with pytest.raises(Invalid) as refused:
        check_selector(Selector(skus=("cola", "wine", "cola")), "applies_to")
    assert refused.value.field == "applies_to.skus[2]"


@pytest.mark.parametrize(
    ("value", "attributes"),
    [
        ({"recipe": {"cola": 1}, "attributes": {"brand": "acme", "litres": 1.5}}, {"brand": "acme", "litres": 1.5}),
        ({"recipe": {"cola": 1}}, {}),
        ({"attributes": {"brand": "acme", "sizes": [1, 2]}}, {"brand": "acme"}),
        ({"attributes": 7}, {}),
        (7, {}),
        (None, {}),
    ],
)
def test_attributes_are_read_off_the_document_of_the_sku(value: object, attributes: dict[str, Any]) -> None:
    documents = Documents()
    packed = None if value is None else pack_value(value)
    documents.put(Register(kind="sku", key="cola", rank=0, at="", version=1, clock=1, writer="h#0a", value=packed))
    assert attributes_of(documents, "cola") == attributes
    assert attributes_of(documents, "wine") == {}
