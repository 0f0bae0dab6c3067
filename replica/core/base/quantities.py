"""Types of the fields of requests: quantities, names and texts, each with its bounds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from replica.core.base.limits import (
    NAME_LENGTH_MAX,
    QUANTITY_MAX,
    SCAN_LENGTH_MAX,
    TEXT_LENGTH_MAX,
)
from replica.core.base.names import ITEM_PATTERN

Quantity = Annotated[int, Meta(ge=1, le=QUANTITY_MAX, description="Whole units, at least 1.")]


Level = Annotated[int, Meta(ge=0, le=QUANTITY_MAX, description="Whole base units, at least 0.")]


Delta = Annotated[
    int,
    Meta(
        ge=-QUANTITY_MAX,
        le=QUANTITY_MAX,
        description="Whole base units, not 0.",
        extra_json_schema={"not": {"const": 0}},
    ),
]


_NAMED = {"pattern": ITEM_PATTERN}
"""The form of items and SKUs. Only the schema names it: a request with another name is refused as one with an unknown
name, and decoding a sale takes no pattern."""

Item = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=NAME_LENGTH_MAX,
        description="A base unit that is counted.",
        extra_json_schema=_NAMED,
    ),
]


Sku = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=NAME_LENGTH_MAX,
        description="Something sold; its recipe names the items.",
        extra_json_schema=_NAMED,
    ),
]


Barcode = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX, description="As scanned.")]
Scan = Annotated[
    str,
    Meta(min_length=1, max_length=SCAN_LENGTH_MAX, description="A barcode, an element string or a GS1 Digital Link."),
]


TEXT_PATTERN = r"^[^\x00-\x1f\x7f]*$(?!\n)"
"""Any text without control characters: nobody sees them, and a journal may end a text at the first of them."""


Text = Annotated[str, Meta(max_length=TEXT_LENGTH_MAX, pattern=TEXT_PATTERN)]


Reason = Annotated[
    str, Meta(min_length=1, max_length=TEXT_LENGTH_MAX, description="Why: a reason code or a few words.")
]


_Language = Annotated[str, Meta(min_length=1, max_length=16)]
_ReasonText = Annotated[str, Meta(min_length=1, max_length=256)]

Reasons = Annotated[
    dict[_Language, _ReasonText],
    Meta(min_length=1, max_length=64, description="What a shopper reads, by language.", examples=[{"en": "Fragile"}]),
]


OptionalReasons = Annotated[
    dict[_Language, _ReasonText], Meta(max_length=64, description="What a shopper reads, by language.")
]


Timestamp = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset.")]


class RequestStruct(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    pass
