"""Ranks of prices and promotions: where a value comes from, and which ranks count at a location."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from replica.core.catalog.documents import CHAIN_RANK, REGION_RANK, STORE_RANK

RankName = Literal["chain", "region", "store"]

_NAMES: dict[int, RankName] = {CHAIN_RANK: "chain", REGION_RANK: "region", STORE_RANK: "store"}

PRICE_RANKS = tuple(_NAMES)
"""The ranks that prices and promotions are written at."""

Rank = tuple[int, str]
"""A rank, and the region or location that it is for; empty for the chain."""

CHAIN_WIDE: Rank = (CHAIN_RANK, "")


class Source(Struct, frozen=True, omit_defaults=True):
    """Where a price or a promotion comes from: which write of which rank. `at`: its region or location."""

    rank: RankName
    version: int
    at: str = ""


def ranks_at(location: str, region: str) -> tuple[Rank, ...]:
    """The ranks that count at a location, highest first. A location of no region has no documents of a region."""
    of_region: tuple[Rank, ...] = ((REGION_RANK, region),) if region else ()
    return ((STORE_RANK, location), *of_region, CHAIN_WIDE)


def is_known_rank(rank: int) -> bool:
    """Whether this version knows a rank. Nodes forward documents of other ranks, and do not use them."""
    return rank in _NAMES


def source_of(rank: Rank, version: int) -> Source:
    """Where a document of a known rank comes from."""
    number, at = rank
    return Source(rank=_NAMES[number], version=version, at=at)
