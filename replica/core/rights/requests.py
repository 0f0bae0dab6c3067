"""Requests about a node's own rights: grants to other nodes, allotments to channels."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from replica.core.base.limits import (
    LINES_MAX,
    NAME_LENGTH_MAX,
)
from replica.core.base.names import NAME_PATTERN
from replica.core.base.quantities import Delta, Item, Quantity, RequestStruct, Text


class GrantLine(RequestStruct, frozen=True):
    """Units that another node may promise from now on."""

    item: Item
    quantity: Quantity


class AllotmentLine(RequestStruct, frozen=True):
    """Units that a channel gets in addition, or gives back if they are negative."""

    channel: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
    item: Item
    units: Delta


BREACH = "breach"
"""The reason of a grant that covers a deficit of another node. Such a grant never raises that node above zero."""


class Grant(RequestStruct, frozen=True):
    """Rights go to another node. It may promise them once it holds the entry; this node no longer may."""

    to: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=NAME_LENGTH_MAX,
            description="The node that receives them.",
            extra_json_schema={"pattern": NAME_PATTERN},
        ),
    ]
    lines: Annotated[tuple[GrantLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    reason: Text = ""


class Allotment(RequestStruct, frozen=True):
    """A node sets its own free units aside for channels, or frees them again, in this order. No caller requests it."""

    lines: Annotated[tuple[AllotmentLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
