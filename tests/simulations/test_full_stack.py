"""Whole nodes under simulation: guarantees hold, faults happen, runs repeat, and planted bugs are caught."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import edge_node.elsewhere
from replica.runtime.journal.key_filter import KeyFilter
from replica.runtime.peering.websocket import HttpNetwork
from simulations.__main__ import simulate
from simulations.checkers.checker import Violation
from simulations.full_stack import run
from simulations.mutations.catalogue import MUTATIONS
from simulations.mutations.mutation import Mutation, planted, slip
from simulations.profiles import draw_stack_plan
from simulations.run import Result

ROOT = Path(__file__).parents[2]

SEEDS = (*range(1, 10), 20, 34)

ASKING_SEED = 2
"""A seed in which goods sell out at a store that is connected."""

FLAWED_SEEDS = range(1, 17)
"""A planted bug must be found within these seeds."""

SOMETIMES = (
    "isolate",
    "kill",
    "power-loss",
    "lost-answers",
    "corrupt",
    "no answer",
    "not listening",
    "nonsense",
    "shown",
    "torn commits",
    "refused idempotency-key-reused",
    "refused insufficient-rights",
    "answered with another region",
)


COMMITS_IN_PARTS = Mutation(
    name="commits-in-parts",
    breaks="each part of a batch is committed separately",
    invariant=2,
    expected=(),
    edits=(
        slip(
            "replica.runtime.journal.sqlite_journal:SqliteJournal._put",
            (
                'connection.executemany(STATEMENTS["insert_batch"], rows)',
                """if not any(checkpoint.get(part) for part in PUT_PARTS):
        rows = [
            (heap, *[part if one == index else "[]" for one in range(len(parts))])
            for heap, *parts in rows
            for index, part in enumerate(parts)
        ]
    for row in rows:
        connection.execute(STATEMENTS["insert_batch"], row)""",
            ),
        ),
    ),
)


ALL_ORDERS_FAST = Mutation(
    name="all-orders-fast",
    breaks="the fast path takes orders that have to wait for another region",
    invariant=2,
    expected=("RegionsChecker",),
    edits=(slip("replica.runtime.http.orders_api:OrdersApi.read_fast", (" or waits(placement):", ":")),),
)


@pytest.fixture(scope="module")
def played() -> list[Result]:
    return [run.play(draw_stack_plan(seed)) for seed in SEEDS]


def first_violation() -> Violation | None:
    for seed in FLAWED_SEEDS:
        violation = run.play(draw_stack_plan(seed)).violation
        if violation is not None:
            return violation
    return None


def test_no_seed_violates_a_guarantee(played: list[Result]) -> None:
    assert {one.plan.seed: str(one.violation) for one in played if one.violation is not None} == {}


def test_cuts_kills_and_unknown_outcomes_occurred(played: list[Result]) -> None:
    assert [what for what in SOMETIMES if not any(one.counts.get(what) for one in played)] == []
    assert all(one.counts["lives"] > len(one.plan.hubs) + len(one.plan.stores) for one in played)
    assert sum(one.counts["acknowledged"] for one in played) > 300


def test_a_seed_has_the_same_trace_in_another_process_with_another_hash_seed(played: list[Result]) -> None:
    seed = SEEDS[-1]
    command = [sys.executable, "-m", "simulations", "--profile", "full-stack", "--seed", str(seed)]
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    again = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    assert f"trace    {played[-1].digest}\n" in again
    assert len({one.digest for one in played}) == len(played)


def test_stores_that_ask_their_hub_about_others_all_the_time_harm_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ask = HttpNetwork.ask

    async def noted(self: HttpNetwork, url: str, path: str, body: bytes | None = None) -> bytes:
        answer = await ask(self, url, path, body)
        asked.append(path)
        return answer

    monkeypatch.setattr(HttpNetwork, "ask", noted)
    monkeypatch.setattr(edge_node.elsewhere, "REFRESH_S", 3.0)
    assert run.play(draw_stack_plan(ASKING_SEED)).violation is None
    assert asked


def test_an_answer_before_its_commit_is_caught() -> None:
    with planted(MUTATIONS["answer-before-commit"]):
        violation = first_violation()
    assert violation is not None and violation.checker == "DurabilityChecker"


def test_keys_that_the_journal_forgets_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KeyFilter, "likely", lambda self, keys: [])
    violation = first_violation()
    assert violation is not None and violation.checker == "ExactlyOnceChecker"


def test_commits_in_parts_are_caught() -> None:
    with planted(COMMITS_IN_PARTS):
        assert first_violation() is not None


def test_fast_answers_to_orders_that_need_another_region_are_caught() -> None:
    with planted(ALL_ORDERS_FAST):
        violation = first_violation()
    assert violation is not None and violation.checker == "RegionsChecker"


def test_the_command_stores_a_failure_and_plays_it_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(KeyFilter, "likely", lambda self, keys: [])
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(simulate, ["--profile", "full-stack", "--seeds", "1..3", "--jobs", "1", "--no-shrink"])
    assert shown.exit_code == 1
    (replay,) = re.findall(r"^replay +\S+ (.*)$", shown.output, re.MULTILINE)
    (violation,) = re.findall(r"^VIOLATION +\S+ +(.*)$", shown.output, re.MULTILINE)
    again = CliRunner().invoke(simulate, [*shlex.split(replay), "--no-shrink"])
    assert again.exit_code == 1
    assert f"  {violation}\n" in again.output
