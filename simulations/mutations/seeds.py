"""The seed or the scenario at which each mutation was last caught. The tests play them again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

Scene = int | str
"""A seed, or the name of a scenario."""

PATH = Path(__file__).with_name("seeds.json")


def recorded() -> dict[str, Scene]:
    """The recorded seed or scenario of each mutation, by name."""
    return msgspec.json.decode(PATH.read_bytes(), type=dict[str, Scene])


def record(seeds: Mapping[str, Scene]) -> None:
    """Write the seeds and scenarios to the file."""
    PATH.write_bytes(msgspec.json.format(msgspec.json.encode(dict(seeds)), indent=2) + b"\n")
