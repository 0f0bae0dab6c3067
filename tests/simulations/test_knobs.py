"""Knobs: plans turn them for the time of a run, every copy of a constant, and nothing stays turned."""

from __future__ import annotations

import ast
from collections import Counter
from pkgutil import resolve_name

import pytest
from msgspec.structs import replace

from replica.runtime.journal.key_filter import KeyFilter
from simulations.draw import draw_knobs, draw_plan
from simulations.knobs import KNOBS, OF_ADAPTERS, OF_NODES, check_setting, turned
from simulations.mutations.mutation import Mutation, planted, slip
from simulations.outcome import Found
from simulations.plan import Fault, Plan, Setting
from simulations.run import Run, play
from simulations.shrinking import Budget, Shrinker
from tests.imports import parsed, read_sources

PRODUCT = ("replica", "edge_node", "hub", "simulations")

SEEDS = range(200)


def values() -> dict[str, object]:
    """The present value of every copy of every constant."""
    return {
        f"{module}:{knob.constant}": getattr(resolve_name(module), knob.constant)
        for knob in KNOBS.values()
        for module in (*knob.modules, *knob.twins)
    }


def importers(module: str, constant: str) -> list[str]:
    """Modules that import a constant from a module."""
    return [
        name
        for name, source in read_sources(*PRODUCT).items()
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.ImportFrom) and node.module == module
        if any(alias.name == constant for alias in node.names)
    ]


@pytest.mark.parametrize("name", KNOBS)
def test_a_knob_names_every_module_that_has_its_constant(name: str) -> None:
    knob = KNOBS[name]
    assert sorted(importers(knob.modules[0], knob.constant)) == sorted(knob.modules[1:])


@pytest.mark.parametrize("name", KNOBS)
def test_a_knob_turns_every_copy_and_turns_it_back(name: str) -> None:
    knob, before = KNOBS[name], values()
    assert knob.default not in knob.values
    for value in knob.values:
        check_setting(Setting(name, value))
        with turned([Setting(name, value)]):
            assert knob.default == value and type(knob.default) is type(value)
            changed = {key for key, now in values().items() if now != before[key]}
            assert changed == {f"{module}:{knob.constant}" for module in (*knob.modules, *knob.twins)}
        assert values() == before


def test_settings_that_no_knob_can_have_are_refused() -> None:
    with pytest.raises(ValueError, match="no knob 'unknown'"):
        check_setting(Setting("unknown", 1))
    with pytest.raises(ValueError, match="outside its range"):
        check_setting(Setting("inbox", 0))


def test_knobs_are_turned_during_a_run_and_not_after_it() -> None:
    seen, before = [], values()
    plan = Plan(seed=1, seconds=0.5, knobs=(Setting("inbox", 24), Setting("filter-keys", 4)))
    run = Run(plan, on_look=lambda: seen.append((KNOBS["inbox"].default, len(KeyFilter()._words))))
    assert run.play().violation is None
    assert set(seen) == {(24, 1)}
    assert values() == before


def test_a_run_that_breaks_leaves_no_knob_turned() -> None:
    before = values()

    def fail() -> None:
        raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        Run(Plan(seed=1, seconds=0.5, knobs=(Setting("inbox", 24),)), on_look=fail).play()
    assert values() == before


def test_a_small_inbox_changes_the_trace_and_replays() -> None:
    plan = replace(draw_plan(3), seconds=3.0, knobs=())
    small = replace(plan, knobs=(Setting("inbox", 24),))
    first, again, without = play(small), play(small), play(plan)
    assert first.digest == again.digest != without.digest


def test_pairs_passed_over_while_digests_are_brought_up_to_date_are_seen() -> None:
    plan = draw_plan(40)
    assert Setting("stale-moves", 16) in plan.knobs
    assert play(plan).violation is None
    passing_over = slip(
        "replica.core.ledger.cells:LocationStock.refresh",
        ("_bring_up_to_date(some)", "_bring_up_to_date(some[::2])"),
    )
    with planted(Mutation("passed-over", "some pairs are passed over", 1, ("ConvergenceChecker",), (passing_over,))):
        violation = play(plan).violation
    assert violation is not None and violation.checker == "ConvergenceChecker"


def test_every_value_of_every_knob_is_drawn_within_two_hundred_seeds() -> None:
    drawn = Counter((one.knob, one.value) for seed in SEEDS for one in draw_knobs(seed, KNOBS))
    assert {(name, value) for name, knob in KNOBS.items() for value in knob.values} == set(drawn)
    assert sum(not draw_knobs(seed) for seed in SEEDS) > len(SEEDS) // 4


def test_a_new_knob_changes_no_draw_of_another() -> None:
    some = dict(list(OF_NODES.items())[::2])
    for seed in SEEDS:
        assert draw_knobs(seed, some) == tuple(one for one in draw_knobs(seed) if one.knob in some)


def test_only_the_full_stack_turns_knobs_of_adapters() -> None:
    assert not any(one.knob in OF_ADAPTERS for seed in SEEDS for one in draw_plan(seed).knobs)


def test_shrinking_turns_back_the_knobs_that_a_failure_does_not_need() -> None:
    knobs = tuple(Setting(name, knob.values[0]) for name, knob in OF_NODES.items())
    plan = Plan(seed=1, faults=(Fault("kill", 1.0, 1.0, ("store-1",)),), knobs=knobs)

    def fails(tried: Plan) -> Found | None:
        return Found("FloorChecker", 4, "", 2.0) if Setting("inbox", 24) in tried.knobs else None

    left = Shrinker(plan, Found("FloorChecker", 4, "", 2.0), fails, Budget(1_000, 60.0)).shrink().plan
    assert left.knobs == (Setting("inbox", 24),) and not left.faults
