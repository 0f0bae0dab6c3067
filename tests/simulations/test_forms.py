"""Forms that few plans have: names, doubled lines, points, time zones, late returns, moved orders, unsteady hubs."""

from __future__ import annotations

from random import Random

import pytest
from msgspec.structs import replace

from replica.core.base.names import is_name
from replica.core.orders.requests import OrderEvent
from replica.core.stock.requests import Adjustment, AdjustmentLine, Sale, SkuLine
from simulations.doubled_lines import on_two_lines
from simulations.draw import draw_plan
from simulations.mutations.catalogue import MUTATIONS
from simulations.mutations.mutation import planted
from simulations.plan import Fault, Plan, Trade
from simulations.reference.catalogue import Documents
from simulations.reference.points import kilometres, nearest_first
from simulations.run import play
from simulations.scenario import check_plan

PLAIN = Plan(seed=5, seconds=12.0, stores=("store-1", "store-2"), trade=Trade(clients=0, think_ms=400.0, opening=0))
"""A plan without other clients and faults."""

HERE, THERE = (48.14, 11.58), (52.52, 13.41)
"""Munich and Berlin."""


def counts_of(plan: Plan, *workloads: str) -> dict[str, int]:
    result = play(replace(plan, trade=replace(plan.trade, workloads=workloads)))
    assert result.violation is None
    return result.counts


# names ---------------------------------------------------------------------------------------------------------------


def names_of(plan: Plan) -> list[str]:
    return [
        *(name for name, _ in plan.hubs),
        *plan.stores,
        *dict.fromkeys(area for _, area in plan.hubs),
        plan.warehouse,
    ]


def test_drawn_names_have_every_form_that_is_allowed() -> None:
    plans = [plan for seed in range(200) if (plan := draw_plan(seed)).warehouse != "warehouse"]
    assert 20 < len(plans) < 60
    for plan in plans:
        check_plan(plan)
        assert all(is_name(name) for name in names_of(plan)) and len(set(names_of(plan))) == len(names_of(plan))
    drawn = [name for plan in plans for name in names_of(plan)]
    for has_form in (str.isdigit, lambda one: "." in one, lambda one: "_" in one, lambda one: one.endswith(("-", "."))):
        assert any(has_form(name) for name in drawn)
    begun = [
        one for plan in plans for one in plan.stores for other in plan.stores if one != other and one.startswith(other)
    ]
    assert begun


# doubled lines -------------------------------------------------------------------------------------------------------


def test_a_line_is_divided_into_two_of_as_many_units() -> None:
    random = Random(1)
    sale = Sale(lines=(SkuLine(5, "cola"), SkuLine(1, "tea")))
    loss = Adjustment((AdjustmentLine("cola", -4, "damage"),))
    for _ in range(20):
        for asked, field, units in ((sale, "quantity", 6), (loss, "delta", -4)):
            lines = on_two_lines(random, asked).lines
            assert sum(getattr(line, field) for line in lines) == units and all(getattr(line, field) for line in lines)


def test_an_event_of_an_order_may_name_a_whole_line_twice() -> None:
    event = OrderEvent(order="o-1", event="ship", lines=(SkuLine(2, "cola"),))
    found = [on_two_lines(Random(seed), event).lines for seed in range(20)]
    assert {tuple(line.quantity for line in lines) for lines in found} == {(1, 1), (2, 2)}


def test_a_fifth_of_the_plans_doubles_lines() -> None:
    assert 20 < sum(draw_plan(seed).trade.doubled_lines > 0 for seed in range(200)) < 60


# points --------------------------------------------------------------------------------------------------------------


def test_the_reference_knows_how_far_it_is_from_munich_to_berlin() -> None:
    assert kilometres(HERE, THERE) == kilometres(THERE, HERE) == pytest.approx(504.4, abs=1.0)
    assert kilometres(HERE, HERE) == 0.0


def test_a_location_at_the_point_comes_first_and_one_without_a_point_last() -> None:
    documents = Documents()
    for location, point in (("b", HERE), ("a", THERE)):
        documents.put("location", location, dict(zip(("lat", "lon"), point, strict=True)), (1, 1, "w"))
    assert [name for name, _ in nearest_first(documents, ["0", "a", "b"], HERE)] == ["b", "a", "0"]
    assert nearest_first(documents, ["b", "a"], None) == [("a", None), ("b", None)]


# what happens in the runs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workload", "event"),
    [
        ("points", "asked near a point"),
        ("local-hours", "time zone written"),
        ("local-hours", "forecast checked"),
        ("late-returns", "sale told long after its return"),
        ("moved-orders", "numbers told of an order that moved"),
    ],
)
def test_a_workload_does_what_it_is_for(workload: str, event: str) -> None:
    assert counts_of(PLAIN, workload)[event] > 0


def test_a_store_goes_home_after_its_hub_was_well_for_a_while() -> None:
    away = Fault(kind="kill", at_s=1.0, for_s=3.0, who=("hub-east",))
    assert counts_of(replace(PLAIN, seconds=20.0, faults=(away,)))["went home"] > 0


def test_a_store_that_goes_home_to_a_hub_that_goes_up_and_down_is_caught() -> None:
    kills = tuple(Fault(kind="kill", at_s=1.0 + 5.5 * index, for_s=2.5, who=("hub-east",)) for index in range(4))
    plan = replace(PLAIN, seconds=24.0, faults=kills)
    assert play(plan).violation is None
    with planted(MUTATIONS["home-well-with-breaks"]):
        violation = play(plan).violation
    assert violation is not None and violation.checker == "HomeChecker"
