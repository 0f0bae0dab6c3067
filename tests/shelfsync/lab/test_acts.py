"""What the lab accepts as an act, and what it refuses with the name of the field."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from replica.core.base.errors import Invalid
from shelfsync.lab.acts import Act, Cut, HealAll, Order, Sell, act_of

GOOD: list[tuple[dict[str, Any], Act]] = [
    ({"do": "cut", "dialler": "store-1", "dialled": "hub-east"}, Cut("store-1", "hub-east")),
    ({"do": "heal-all"}, HealAll()),
    ({"do": "sell", "store": "store-1", "quantity": 7}, Sell("store-1", 7)),
    ({"do": "order", "hub": "hub-east", "quantity": 1}, Order("hub-east", 1)),
]

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no act": ({}, "do"),
    "an unknown act": ({"do": "fly"}, "do"),
    "no store": ({"do": "sell", "quantity": 1}, "store"),
    "no unit": ({"do": "sell", "store": "store-1", "quantity": 0}, "quantity"),
    "too many units": ({"do": "sell", "store": "store-1", "quantity": 1_001}, "quantity"),
    "an unknown field": ({"do": "kill", "node": "hub-east", "with": "9"}, "with"),
}


@pytest.mark.parametrize(("body", "act"), GOOD)
def test_act_is_read(body: dict[str, Any], act: Act) -> None:
    assert act_of(msgspec.json.encode(body)) == act


@pytest.mark.parametrize("name", WRONG)
def test_wrong_act_is_refused_with_its_field(name: str) -> None:
    body, field = WRONG[name]
    with pytest.raises(Invalid) as refused:
        act_of(msgspec.json.encode(body))
    assert refused.value.field == field


def test_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(Invalid, match="not valid JSON"):
        act_of(b"cut")
