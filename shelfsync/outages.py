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
    """Lines that fail, and the text for the screen. `kind` and `values`: the same for the lab, which has languages."""

    text: str
    kind: str
    values: dict[str, str] = {}
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


CALM = Outage("all connections work", "healed-all")


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
        yield Outage(f"{store} is cut off and sells alone", "cut-store", {"store": store}, cut=own)
        if len(hubs) > 1:
            yield Outage("the regions are cut off from each other", "cut-regions", cut=between_hubs)
            first = home_hub[store]
            yield Outage(
                f"{store} gets no answer from {first} and connects to another hub",
                "silent-hub",
                {"store": store, "hub": first},
                black_holed=(lines[store, first],),
            )
        everything = tuple(lines.values())
        yield Outage(
            "no node reaches another one: all connections lose their data", "losing-all", black_holed=everything
        )


async def run_outages(all_outages: Iterator[Outage], pace: Pace, show: Callable[[Outage], None]) -> None:
    """Run outages until cancelled; the caller then heals all lines. `show` shows each, and `CALM` between them."""
    for outage in all_outages:
        show(CALM)
        await asyncio.sleep(pace.calm_s)
        outage.begin()
        show(outage)
        await asyncio.sleep(pace.outage_s)
        outage.end()


class AutomaticOutages:
    """Outages in turn, which a person can switch off and on."""

    def __init__(
        self, in_turn: Iterator[Outage], pace: Pace, heal: Callable[[], None], show: Callable[[Outage], None]
    ) -> None:
        self._in_turn = in_turn
        self._pace = pace
        self._heal = heal
        self._show = show
        self._on = asyncio.Event()
        self._on.set()
        self._off = asyncio.Event()

    @property
    def are_on(self) -> bool:
        """Whether outages come by themselves."""
        return self._on.is_set()

    def switch_off(self) -> None:
        """Let no outage begin or end by itself. Lines that are cut now stay cut."""
        self._on.clear()
        self._off.set()

    def switch_on(self) -> None:
        """Heal all lines, and let outages come again."""
        self._off.clear()
        self._on.set()

    async def run(self) -> None:
        """Run outages while they are switched on, until cancelled; the caller then heals all lines."""
        while True:
            await self._on.wait()
            self._heal()
            running = asyncio.ensure_future(run_outages(self._in_turn, self._pace, self._show))
            try:
                await self._off.wait()
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
