"""Selectors: which SKUs a promotion applies to. A list of SKUs, equal attributes, or all.

Attributes are those of the SKU document. A number equals a number and a text a text; true and 1 are not equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated

import msgpack
from msgspec import Meta, Struct

from replica.core.base.errors import Invalid
from replica.core.base.limits import SELECTED_SKUS_MAX
from replica.core.base.quantities import Sku
from replica.core.catalog.documents import Documents
from replica.core.catalog.skus import SKU

AttributeValue = str | int | float | bool
Attributes = Mapping[str, AttributeValue]

AttributeKey = tuple[str, bool, AttributeValue]
"""An attribute and its value, as the key of an index: equal if the values are equal."""

_READ_SKUS_MAX = 1 << 14
"""SKU documents whose attributes are kept decoded: the goods of a busy day."""


class Selector(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Exactly one of the fields says which SKUs are meant. A SKU must have all the attributes."""

    all: bool = False
    skus: Annotated[tuple[Sku, ...], Meta(max_length=SELECTED_SKUS_MAX)] = ()
    attributes: Annotated[dict[str, AttributeValue], Meta(max_length=16)] = {}


class Selected(Struct, frozen=True):
    """A selector in the form for calculations. Without SKUs and attributes it means all."""

    skus: dict[str, None]
    attributes: tuple[AttributeKey, ...]

    def contains(self, sku: str, attributes: Attributes) -> bool:
        """Whether a SKU with these attributes is meant."""
        if self.skus:
            return sku in self.skus
        return all(
            name in attributes and attribute_key(name, attributes[name]) == (name, is_bool, value)
            for name, is_bool, value in self.attributes
        )


def attribute_key(name: str, value: AttributeValue) -> AttributeKey:
    """An attribute as the key of an index."""
    return (name, isinstance(value, bool), value)


def selected_by(selector: Selector) -> Selected:
    """The form for calculations."""
    keys = [attribute_key(name, value) for name, value in sorted(selector.attributes.items())]
    return Selected(dict.fromkeys(selector.skus), tuple(keys))


def check_selector(selector: Selector, field: str) -> None:
    """Refuse a selector that does not have exactly one field, or names a SKU twice. Raises Invalid."""
    if (selector.all, bool(selector.skus), bool(selector.attributes)).count(True) != 1:
        text = f"The field {field} must have exactly one of all, skus and attributes."
        raise Invalid(f"{text} To select each SKU, send all: true.", field=field)
    first: dict[str, int] = {}
    for index, sku in enumerate(selector.skus):
        if first.setdefault(sku, index) != index:
            text = f"The field {field}.skus[{index}] names {sku!r} again. Remove it."
            raise Invalid(text, field=f"{field}.skus[{index}]")


def attributes_of(documents: Documents, sku: str) -> Attributes:
    """The attributes of a SKU, by its document; none if there is no document."""
    packed = documents.packed(SKU, sku)
    return _attributes_in(packed) if packed is not None else {}


@lru_cache(maxsize=_READ_SKUS_MAX)
def _attributes_in(packed: bytes) -> Attributes:
    document = msgpack.unpackb(packed, strict_map_key=False)
    attributes = document.get("attributes") if isinstance(document, dict) else None
    if not isinstance(attributes, dict):
        return {}
    return {name: value for name, value in attributes.items() if isinstance(value, str | int | float | bool)}
