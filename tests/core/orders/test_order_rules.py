"""The classic rules of deduction, each run through the order core: how an event changes the figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from replica.core.base.limits import PARKED_MS
from replica.core.orders.requests import PlacedLine
from tests.core.shuffled import OrderTaker, lines

RULES = json.loads((Path(__file__).parents[2] / "vectors" / "order_rules.json").read_text())
NAMES = ("on_hand", "reserved", "available")
UNITS = 3


def happen(taker: OrderTaker, event: str) -> None:
    """Let an event happen to `UNITS` of the order."""
    match event:
        case "reserve":
            taker.place("o-2", PlacedLine(UNITS, "cola"), paid=True)
        case "adjust":
            taker.happen("adjust", lines=lines(cola=UNITS))
        case "exchange":
            taker.happen("exchange", lines=lines(cola=UNITS), replacement=lines(wings=UNITS))
        case _:
            taker.happen(event)


@pytest.mark.parametrize("name", RULES["effects"])
def test_effect_of_an_event_on_the_figures(name: str) -> None:
    event, _, side = name.partition(".")
    item = "wings" if side == "replacement" else "cola"
    taker = OrderTaker()
    ordered = UNITS + (event in ("adjust", "exchange"))
    taker.place("o-1", PlacedLine(ordered, "cola"), paid=True)
    before = dict(zip(NAMES, taker.figures(item), strict=True))
    happen(taker, event)
    after = dict(zip(NAMES, taker.figures(item), strict=True))
    assert {figure: after[figure] - before[figure] for figure in NAMES} == {
        figure: units * UNITS for figure, units in RULES["effects"][name].items()
    }
    assert after["on_hand"] == after["available"] + after["reserved"]
    taker.check()


def test_shipment_of_an_unreserved_order_is_reported_only_at_its_deadline() -> None:
    (rule,) = [one for one in RULES["orderings"] if one["events"] == ["ship"]]
    taker = OrderTaker()
    before = taker.figures()
    taker.happen("ship")
    taker.now_ms += PARKED_MS - 1_000
    taker.keep_up()
    assert (len(taker.order().waiting), taker.order().reports) == (1, [])
    taker.now_ms += 2_000
    taker.keep_up()
    assert taker.order().waiting == []
    assert [(one.event, one.outcome) for one in taker.order().reports] == [("ship", "late")]
    assert (taker.order().state, taker.figures()) == (rule["end"], before)
