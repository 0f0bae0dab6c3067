"""The explorer: a small script holds every guarantee, and planted bugs are found by the shortest history."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from replica.core.base.names import node_of
from replica.core.orders.context import OrderPolicy
from replica.core.state.decisions import execute
from replica.core.state.replica import Replica
from simulations.explorer.__main__ import main
from simulations.explorer.bugs import BUGS
from simulations.explorer.findings import Explored
from simulations.explorer.node_states import writer_of
from simulations.explorer.script import BEGIN_MS, STORE, Ask, Script
from simulations.explorer.scripts import SCRIPTS
from simulations.explorer.search import Search
from simulations.explorer.snapshots import identity, load, save
from simulations.explorer.words import history_of
from simulations.mutations.catalogue import MUTATIONS
from simulations.mutations.mutation import planted

SMALL = "breaches"
"""A script that takes a few seconds."""


def explored(script: str, bug: str = "", states_max: int | None = None) -> Explored:
    """What the exploration of a script comes to."""
    if not bug:
        return Search(SCRIPTS[script]).run(states_max)
    with planted(MUTATIONS[bug]):
        return Search(SCRIPTS[script]).run(states_max)


def asks_of(script: Script) -> dict[str, Ask]:
    """The requests of a script, by name."""
    return {ask.name: ask for ask in script.every_ask}


def replica_after(*names: str) -> Replica:
    """The store's replica after some requests of the small script."""
    replica = Replica(writer_of(STORE), (STORE,), open_catalog=True, order_policy=OrderPolicy(notes_scope=STORE))
    asks = asks_of(SCRIPTS[SMALL])
    for name in names:
        command = asks[name].command
        execute(replica, command, BEGIN_MS)  # type: ignore[arg-type]
        replica.take_batch()
    return replica


# ---------------------------------------------------------------------------------------------------------------------
# exploring


def test_every_state_of_a_small_script_keeps_the_guarantees() -> None:
    found = explored(SMALL)
    assert found.found is None
    assert found.is_complete
    assert found.states > 1_000
    assert found.quiet > 0


def test_an_exploration_is_the_same_each_time() -> None:
    one, other = explored("retries", states_max=2_000), explored("retries", states_max=2_000)
    assert replace(one, seconds=0.0) == replace(other, seconds=0.0)


def test_an_exploration_that_stops_early_is_not_complete() -> None:
    found = explored("retries", states_max=500)
    assert not found.is_complete
    assert 500 <= found.states < 5_000


@pytest.mark.parametrize(
    ("bug", "invariant", "steps"),
    [
        ("void-of-nothing", 3, 3),
        ("rights-of-others", 4, 4),
        ("cancelled-after-it-left", 9, 4),
        ("handover-without-units", 7, 1),
    ],
)
def test_a_planted_bug_is_found_by_the_shortest_history(bug: str, invariant: int, steps: int) -> None:
    found = explored(BUGS[bug], bug).found
    assert found is not None
    assert found.problem.invariant == invariant
    assert len(found.steps) == steps


def test_a_history_says_who_did_what() -> None:
    script = SCRIPTS[BUGS["void-of-nothing"]]
    found = explored(script.name, "void-of-nothing").found
    assert found is not None
    lines = [line.strip() for line in history_of(script, found)]
    assert "1. hub-a is asked to sell 1 cola, if its rights cover them (promise)" in lines
    assert "3. hub-b receives from hub-a: promise" in lines
    assert lines[-1].startswith("Then invariant 3 does not hold: the void of promise moves")


def test_ten_bugs_are_planted_or_more() -> None:
    assert len(BUGS) >= 10
    assert set(BUGS) <= set(MUTATIONS)
    assert set(BUGS.values()) <= set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=lambda script: script.name)
def test_a_script_names_requests_of_its_own(script: Script) -> None:
    names = asks_of(script)
    assert len(names) == len(script.every_ask)
    for ask in script.every_ask:
        assert {*ask.after, *ask.heard, *([ask.like] if ask.like else [])} <= set(names)


# ---------------------------------------------------------------------------------------------------------------------
# snapshots


def test_a_copy_of_a_replica_has_its_identity() -> None:
    replica = replica_after("opening", "sale")
    copy = load(save(replica))
    assert copy is not replica
    assert identity(copy) == identity(replica)
    assert node_of(copy.writer) == STORE


def test_a_copy_of_a_replica_goes_its_own_way() -> None:
    replica = replica_after("opening")
    copy, before = load(save(replica)), identity(replica)
    execute(copy, asks_of(SCRIPTS[SMALL])["sale"].command, BEGIN_MS)  # type: ignore[arg-type]
    copy.take_batch()
    assert identity(replica) == before
    assert identity(copy) == identity(replica_after("opening", "sale")) != before


# ---------------------------------------------------------------------------------------------------------------------
# the command


def test_the_command_shows_the_states_of_a_script() -> None:
    result = CliRunner().invoke(main, ["--scope", SMALL, "--jobs", "1"])
    assert result.exit_code == 0, result.output
    assert "complete" in result.output
    assert "0 violations" in result.output


def test_the_command_tells_the_history_of_a_planted_bug() -> None:
    result = CliRunner().invoke(main, ["--bug", "void-of-nothing", "--jobs", "1"])
    assert result.exit_code == 0, result.output
    assert "The shortest history, 3 steps:" in result.output


def test_the_command_fails_if_a_limit_ends_the_exploration() -> None:
    result = CliRunner().invoke(main, ["--scope", "retries", "--states", "100", "--jobs", "1"])
    assert result.exit_code == 1
    assert "not complete" in result.output
