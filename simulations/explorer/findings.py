"""What an exploration comes to: how much it visited, and the way to a violation."""

from __future__ import annotations

from msgspec import Struct

from replica.core.log.entry import Entry
from simulations.explorer.book import Problem
from simulations.explorer.script import Ask


class Step(Struct, frozen=True):
    """One step that changes the state of the chain."""

    what: str
    """`ask`, `restart`, `keep`, `settle`, `receive` or `time`."""
    node: str = ""
    ask: Ask | None = None
    peer: str = ""
    entries: tuple[Entry, ...] = ()


Told = tuple[Step, tuple[Entry, ...]]
"""A step, and the entries that its node wrote in it."""


class Found(Struct, frozen=True):
    """A violation, and the shortest way to it."""

    problem: Problem
    steps: list[Told]


class Explored(Struct, kw_only=True):
    """What the exploration of one script came to."""

    script: str
    states: int = 0
    """Distinct states of the chain."""
    steps: int = 0
    """Steps between them."""
    node_states: int = 0
    computed: int = 0
    """Steps that the core computed."""
    depth: int = 0
    """Steps of the longest history without a detour."""
    quiet: int = 0
    """States in which nothing was left to do."""
    seconds: float = 0.0
    is_complete: bool = False
    found: Found | None = None
