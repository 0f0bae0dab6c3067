"""A hundred seeds under pressure: guarantees hold, every fault happens, and every run repeats."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulations.draw import draw_plan
from simulations.faults import FAULTS
from simulations.ordering_clients import EVENTS
from tests.simulations.played import Played, play_seeds

ROOT = Path(__file__).parents[2]

SEEDS = range(100)
AGAIN = SEEDS[::20]
"""Five percent of the seeds, played again in another process."""

SOMETIMES = (
    "acknowledged",
    "granted by policy",
    "granted by want",
    "no answer",
    "not listening",
    "left open",
    "shown",
    "stolen",
    "wanted",
    "refused idempotency-key-reused",
    "refused insufficient-rights",
    "refused not-owner",
    "refused order-exists",
    "refused stopping",
    "refused storage-full",
    "asked elsewhere",
    "order placed at two hubs",
    "a key that two nodes used",
    "corrected a count",
    "overdrawn by a count",
    "overdrawn by a sale",
    *(f"order {what}" for what in (*EVENTS, "hold", "reserve", "expire", "hand_over")),
    *(f"order {what}" for what in ("park", "ask", "impossible", "late", "short", "repeat")),
)
"""Events that must happen to clients in these runs at least once; otherwise the runs prove less than they seem to."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def played() -> list[Played]:
    return play_seeds(SEEDS)


def test_no_seed_violates_a_guarantee(played: list[Played]) -> None:
    assert {one.seed: one.violation for one in played if one.violation is not None} == {}


def test_every_fault_and_every_answer_occurred(played: list[Played]) -> None:
    occurred = {name for one in played for name, count in one.counts.items() if count > 0}
    assert sorted({*FAULTS, *SOMETIMES} - occurred) == []


def test_a_seed_has_the_same_trace_in_another_process_with_another_hash_seed(played: list[Played]) -> None:
    command = [sys.executable, "-m", "tests.simulations.played", *map(str, AGAIN)]
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    again = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    assert again.split() == [one.digest for one in played if one.seed in AGAIN]


def test_another_seed_leaves_another_trace(played: list[Played]) -> None:
    assert len({one.digest for one in played}) == len(played)


def test_drawn_plans_differ_in_their_chains_and_trade() -> None:
    plans = [draw_plan(seed) for seed in SEEDS]
    assert {len(plan.hubs) for plan in plans} == {1, 2, 3, 4}
    assert {len(plan.stores) for plan in plans} == {1, 2, 3, 4}
    assert any(plan.newer for plan in plans) and any(plan.core for plan in plans)
    assert {plan.trade.opening for plan in plans} > {0, 5}
