"""Ranks of documents: their names, where a value comes from, and which ranks count at a location."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

CHAIN_RANK = 0
REGION_RANK = 100
STORE_RANK = 200
"""A rank between them is possible later: a node keeps and forwards writes of a rank that it does not know."""

RankName = Literal["chain", "region", "store"]

CHAIN_NAME: Final = "chain"
REGION_NAME: Final = "region"
STORE_NAME: Final = "store"

_NAMES: dict[int, RankName] = {CHAIN_RANK: CHAIN_NAME, REGION_RANK: REGION_NAME, STORE_RANK: STORE_NAME}

RANKS: dict[str, int] = {name: rank for rank, name in _NAMES.items()}
"""The ranks as callers name them."""

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
    """The ranks that count at a location, highest first. A location of no region has no documents of a region.

    Without a location: those that count in the region. Without both: the chain's.
    """
    of_location: tuple[Rank, ...] = ((STORE_RANK, location),) if location else ()
    of_region: tuple[Rank, ...] = ((REGION_RANK, region),) if region else ()
    return (*of_location, *of_region, CHAIN_WIDE)


def rank_name(rank: int) -> str:
    """A rank as callers name it; its number if this version has no name for it."""
    return _NAMES.get(rank, str(rank))


def is_known_rank(rank: int) -> bool:
    """Whether this version knows a rank. Nodes forward documents of other ranks, and do not use them."""
    return rank in _NAMES


def source_of(rank: Rank, version: int) -> Source:
    """Where a document of a known rank comes from."""
    number, at = rank
    return Source(rank=_NAMES[number], version=version, at=at)
