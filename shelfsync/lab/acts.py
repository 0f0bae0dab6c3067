"""What a person can do in the lab: one struct for each act. `do` says which; a body that fits none is refused."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from shelfsync.lab.refusals import invalid_body

UNITS_MAX = 1_000

Units = Annotated[int, Meta(ge=1, le=UNITS_MAX)]


class Cut(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="cut"):
    """Cut the line from one node to another."""

    dialler: str
    dialled: str


class Heal(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="heal"):
    """Heal the line from one node to another."""

    dialler: str
    dialled: str


class CutStore(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="cut-store"):
    """Cut all lines of a store."""

    store: str


class HealStore(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="heal-store"):
    """Heal all lines of a store."""

    store: str


class CutRegion(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="cut-region"):
    """Cut all lines between a region and the rest of the chain."""

    region: str


class HealRegion(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="heal-region"):
    """Heal all lines between a region and the rest of the chain."""

    region: str


class HealAll(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="heal-all"):
    """Heal all lines."""


class Kill(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="kill"):
    """Kill the process of a node with SIGKILL."""

    node: str


class Start(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="start"):
    """Start a node again."""

    node: str


class Sell(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="sell"):
    """Sell units of the watched item in a store. They are in the hand of the customer, so no till refuses them."""

    store: str
    quantity: Units


class Order(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="order"):
    """Order units of the watched item online at a hub, out of the stock of a store; empty: of any store."""

    hub: str
    quantity: Units
    store: str = ""


class Deliver(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="deliver"):
    """Deliver units of the watched item to a store."""

    store: str
    quantity: Units


class Shop(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="shop"):
    """Let shoppers come to the tills, or not."""

    on: bool


class Outages(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="outages"):
    """Let outages come by themselves, or not."""

    on: bool


class Watch(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="watch"):
    """Choose the item that the lab shows."""

    sku: str


class Play(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="play"):
    """Play the story, or stop it."""

    on: bool


ByHand = Cut | Heal | CutStore | HealStore | CutRegion | HealRegion | HealAll | Kill | Start | Sell | Order | Deliver
"""Acts after which no outage comes by itself, because a person drives."""

Act = ByHand | Shop | Outages | Watch | Play

_decoder: msgspec.json.Decoder[Act] = msgspec.json.Decoder(Act)


def act_of(body: bytes) -> Act:
    """Read an act. Raises Invalid, with the field to correct."""
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise invalid_body(error) from None
