"""Many seeds in several processes."""

from __future__ import annotations

import pytest

from simulations import swarm
from simulations.swarm import play_seed, play_seeds


def test_every_seed_is_played_once_although_processes_are_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swarm, "SEEDS_PER_PROCESS", 1)
    seeds = [8, 9, 12, 17, 26]
    outcomes = sorted(play_seeds(seeds, 2), key=lambda outcome: outcome.plan.seed)
    assert [outcome.plan.seed for outcome in outcomes] == seeds
    assert outcomes[0].digest == play_seed(8).digest
