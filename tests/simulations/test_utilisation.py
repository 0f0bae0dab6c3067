"""Two disconnected hubs and a store sell the same stock: all of it, and never more."""

from __future__ import annotations

import pytest

from simulations.utilisation import DEMANDS, EAST, POLICIES, STOCK, STORE, WEST, play

SEEDS = range(1, 6)
LARGEST_ORDER = 3


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("demand", DEMANDS)
def test_disconnected_nodes_promise_exactly_their_own_rights(policy: str, demand: str) -> None:
    for seed in SEEDS:
        found = play(seed, POLICIES[policy], DEMANDS[demand])
        assert sum(found.held.values()) == STOCK, seed
        assert found.available == STOCK - sum(found.promised.values()) >= 0, seed
        for name, share in DEMANDS[demand].items():
            could = min(found.held[name], int(STOCK * share))
            assert could - LARGEST_ORDER < found.promised[name] <= could, f"seed {seed}: {name}"


@pytest.mark.parametrize(
    ("policy", "held"),
    [
        ("keep", (1_000, 0, 0)),
        ("safety 200", (200, 400, 400)),
        ("share 0.5", (500, 250, 250)),
        ("share 0.5, one region", (500, 500, 0)),
        ("both 200, 0.5", (600, 200, 200)),
        ("share 1, last 50", (50, 475, 475)),
    ],
)
def test_rights_follow_the_policy_when_the_lines_are_cut(policy: str, held: tuple[int, ...]) -> None:
    found = play(7, POLICIES[policy], DEMANDS["everywhere"])
    assert tuple(found.held[name] for name in (STORE, EAST, WEST)) == held
