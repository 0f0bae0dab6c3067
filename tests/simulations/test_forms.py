"""Forms that few plans have: names."""

from __future__ import annotations

from replica.core.base.names import is_name
from simulations.draw import draw_plan
from simulations.plan import Plan
from simulations.scenario import check_plan

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
