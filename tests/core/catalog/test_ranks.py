"""Ranks: a store before its region before the chain."""

from __future__ import annotations

from replica.core.catalog.ranks import CHAIN_WIDE, REGION_RANK, STORE_RANK, is_known_rank, rank_name, ranks_at


def test_a_store_counts_before_its_region_and_that_before_the_chain() -> None:
    assert ranks_at("store-1", "east") == ((STORE_RANK, "store-1"), (REGION_RANK, "east"), CHAIN_WIDE)
    assert STORE_RANK > REGION_RANK > CHAIN_WIDE[0]


def test_a_location_of_no_region_has_two_ranks() -> None:
    assert ranks_at("w-1", "") == ((STORE_RANK, "w-1"), CHAIN_WIDE)


def test_a_rank_of_a_later_version_is_not_known() -> None:
    assert [rank for rank in range(256) if is_known_rank(rank)] == [0, REGION_RANK, STORE_RANK]


def test_without_a_location_the_ranks_of_the_region_and_the_chain_count() -> None:
    assert ranks_at("", "east") == ((REGION_RANK, "east"), CHAIN_WIDE)
    assert ranks_at("", "") == (CHAIN_WIDE,)


def test_a_rank_is_shown_by_its_name_or_its_number() -> None:
    assert [rank_name(rank) for rank in (0, 100, 200, 150)] == ["chain", "region", "store", "150"]
