"""The seed at which each mutation was last caught. The tests play these seeds again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

PATH = Path(__file__).with_name("seeds.json")


def recorded() -> dict[str, int]:
    """The recorded seed of each mutation, by name."""
    return msgspec.json.decode(PATH.read_bytes(), type=dict[str, int])


def record(seeds: Mapping[str, int]) -> None:
    """Write the seeds to the file."""
    PATH.write_bytes(msgspec.json.format(msgspec.json.encode(dict(seeds)), indent=2) + b"\n")
