"""Ranks: a store before its region before the chain."""

from __future__ import annotations

from replica.core.catalog.documents import REGION_RANK, STORE_RANK
from replica.core.catalog.ranks import CHAIN_WIDE, is_known_rank, ranks_at


def test_a_store_counts_before_its_region_and_that_before_the_chain() -> None:
    assert ranks_at("store-1", "east") == ((STORE_RANK, "store-1"), (REGION_RANK, "east"), CHAIN_WIDE)
    assert STORE_RANK > REGION_RANK > CHAIN_WIDE[0]


def test_a_location_of_no_region_has_two_ranks() -> None:
    assert ranks_at("w-1", "") == ((STORE_RANK, "w-1"), CHAIN_WIDE)


def test_a_rank_of_a_later_version_is_not_known() -> None:
    assert [rank for rank in range(256) if is_known_rank(rank)] == [0, REGION_RANK, STORE_RANK]
