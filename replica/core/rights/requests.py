"""What a node may ask of its own rights: grants to other nodes, allotments to channels."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from replica.core.base.limits import (
    LINES_MAX,
    NAME_LENGTH_MAX,
)
from replica.core.base.quantities import Delta, Item, Quantity, RequestStruct, Text


class GrantLine(RequestStruct, frozen=True):
    """So many units that another node may promise from now on."""

    item: Item
    quantity: Quantity


class AllotmentLine(RequestStruct, frozen=True):
    """So many units more for a channel; less than none are given back."""

    channel: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
    item: Item
    units: Delta


BREACH = "breach"
"""The reason of a grant that covers what another node lacks to be at zero: it never gives more than that."""


class Grant(RequestStruct, frozen=True):
    """Rights go to another node: its to promise once it holds the entry, this node's no more."""

    to: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX, description="The node that receives them.")]
    lines: Annotated[tuple[GrantLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
    reason: Text = ""


class Allotment(RequestStruct, frozen=True):
    """A node sets free units of its own aside for channels, or frees them again, in this order. Nobody outside asks."""

    lines: Annotated[tuple[AllotmentLine, ...], Meta(min_length=1, max_length=LINES_MAX)]
