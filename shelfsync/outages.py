"""The outages of the demo: some connections fail for a while, and work again. All work between two outages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import cycle

from msgspec import Struct

from shelfsync.proxy import Proxy

CALM_S = 4.0
OUTAGE_S = 8.0
"""Long enough for a store to notice that its hub is silent (4 s), and to connect to another."""

SECONDS_MIN = 6.0
"""The shortest demo: two outages, with some sales before, during and after each."""

Lines = dict[tuple[str, str], Proxy]
"""The lines, by the node that dials and the node that is dialled."""


class Pace(Struct, frozen=True):
    """How long all lines work between two outages, and how long an outage lasts."""

    calm_s: float = CALM_S
    outage_s: float = OUTAGE_S


class Outage(Struct, frozen=True):
    """Lines that fail, and the text for the screen."""

    text: str
    cut: tuple[Proxy, ...] = ()
    black_holed: tuple[Proxy, ...] = ()

    def begin(self) -> None:
        """Break the lines."""
        for line in self.cut:
            line.cut()
        for line in self.black_holed:
            line.black_hole()

    def end(self) -> None:
        """Heal the lines."""
        for line in (*self.cut, *self.black_holed):
            line.heal()


def pace_of(seconds: float | None) -> Pace:
    """Return a pace with at least two outages in this time."""
    if seconds is None or seconds >= 2 * (CALM_S + OUTAGE_S):
        return Pace()
    return Pace(seconds * 0.15, seconds * 0.35)


def outages(stores: list[str], hubs: list[str], home_hub: dict[str, str], lines: Lines) -> Iterator[Outage]:
    """The outages in turn, without end. Each round affects another store."""
    between_hubs = tuple(line for (dialler, _), line in lines.items() if dialler in hubs)
    for store in cycle(stores):
        own = tuple(line for (dialler, _), line in lines.items() if dialler == store)
        yield Outage(f"{store} is cut off and sells alone", cut=own)
        if len(hubs) > 1:
            yield Outage("the regions are cut off from each other", cut=between_hubs)
            first = home_hub[store]
            yield Outage(
                f"{store} gets no answer from {first} and connects to another hub",
                black_holed=(lines[store, first],),
            )
        everything = tuple(lines.values())
        yield Outage("no node reaches another one: all connections lose their data", black_holed=everything)


async def run_outages(all_outages: Iterator[Outage], pace: Pace, show: Callable[[str], None]) -> None:
    """Run outages until cancelled; the caller then heals all lines. `show` prints a text."""
    for outage in all_outages:
        show("all connections work")
        await asyncio.sleep(pace.calm_s)
        outage.begin()
        show(outage.text)
        await asyncio.sleep(pace.outage_s)
        outage.end()
