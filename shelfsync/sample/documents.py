"""One document of the sample."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from replica.core.catalog.ranks import CHAIN_NAME


class SampleDocument(Struct, frozen=True):
    """Its key, its value, and its rank."""

    key: str
    value: dict[str, Any]
    rank: str = CHAIN_NAME
    at: str = ""
