"""Readers of journals in the simulation: what the checker demands while disks are replaced."""

from __future__ import annotations

from msgspec.structs import replace

from simulations.checkers.readers import ReadersChecker
from simulations.full_stack.run import play
from simulations.mutations.mutation import Mutation, planted, slip
from simulations.plan import Plan
from simulations.profiles import draw_stack_plan
from simulations.run import Result, Run
from simulations.scenario import scenario

INCARNATION_IGNORED = Mutation(
    name="incarnation-ignored",
    breaks="a node takes the cursor that it gave before its disk was replaced",
    invariant=0,
    expected=("ReadersChecker",),
    edits=(slip("replica.core.log.cursors:_fault", ('if found["incarnation"] != incarnation:', "if False:")),),
)


def with_readers(plan: Plan, readers: int) -> Plan:
    return replace(plan, trade=replace(plan.trade, workloads=("feed-readers",) * readers))


def play_wiped() -> Result:
    """Play the scenario of a replaced disk with readers at all machines."""
    return Run(with_readers(scenario("wiped-disk").plan, 3), (ReadersChecker,)).play()


def test_readers_of_a_replaced_disk_begin_again() -> None:
    result = play_wiped()
    assert result.violation is None
    assert result.counts["begun again"] > 0
    assert result.counts["page read"] > 100


def test_a_cursor_of_an_earlier_incarnation_that_is_taken_is_caught() -> None:
    with planted(INCARNATION_IGNORED):
        result = play_wiped()
    assert result.violation is not None
    assert result.violation.checker == "ReadersChecker"


def test_readers_over_http_get_each_entry_once_or_are_told_to_begin_again() -> None:
    result = play(with_readers(draw_stack_plan(2), 2))
    assert result.violation is None
    assert result.counts["begun again"] > 0
    assert result.counts["page read"] > 50
