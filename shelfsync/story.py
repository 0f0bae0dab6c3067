"""What happens to the lines while the shoppers shop: a few acts, over and over.

Between two acts everything is whole for a while. An act breaks some lines and mends them again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import cycle

from msgspec import Struct

from shelfsync.proxy import Proxy

CALM_S = 4.0
ACT_S = 8.0
"""Long enough for a store to miss its hub (4 s of silence) and to turn to another."""

SECONDS_MIN = 6.0
"""The shortest demo: two acts, each with some sales before, during and after."""

Lines = dict[tuple[str, str], Proxy]
"""By who dials and who is dialled."""


class Pace(Struct, frozen=True):
    """How long it is calm, and how long an act lasts."""

    calm_s: float = CALM_S
    act_s: float = ACT_S


class Act(Struct, frozen=True):
    """Something that happens to the lines, and how to say it."""

    tells: str
    cut: tuple[Proxy, ...] = ()
    black_holed: tuple[Proxy, ...] = ()

    def begin(self) -> None:
        """Break the lines."""
        for line in self.cut:
            line.cut()
        for line in self.black_holed:
            line.black_hole()

    def end(self) -> None:
        """Mend them."""
        for line in (*self.cut, *self.black_holed):
            line.heal()


def pace_of(seconds: float | None) -> Pace:
    """Return the pace at which at least two acts fit into so many seconds."""
    if seconds is None or seconds >= 2 * (CALM_S + ACT_S):
        return Pace()
    return Pace(seconds * 0.15, seconds * 0.35)


def acts(stores: list[str], hubs: list[str], home: dict[str, str], lines: Lines) -> Iterator[Act]:
    """The acts, in turn and without end; each time round other stores are hit."""
    between_hubs = tuple(line for (dialler, _), line in lines.items() if dialler in hubs)
    for store in cycle(stores):
        own = tuple(line for (dialler, _), line in lines.items() if dialler == store)
        yield Act(f"{store} is cut off and sells alone", cut=own)
        if len(hubs) > 1:
            yield Act("the regions are cut off from each other", cut=between_hubs)
            first = home[store]
            yield Act(
                f"{store} talks to {first} into a black hole: it has to turn elsewhere",
                black_holed=(lines[store, first],),
            )
        everything = tuple(lines.values())
        yield Act("nobody reaches anybody: every line is a black hole", black_holed=everything)


async def play(story: Iterator[Act], pace: Pace, tell: Callable[[str], None]) -> None:
    """Play acts for ever; cancel it to end, then mend all lines."""
    for act in story:
        tell("all lines are whole")
        await asyncio.sleep(pace.calm_s)
        act.begin()
        tell(act.tells)
        await asyncio.sleep(pace.act_s)
        act.end()
