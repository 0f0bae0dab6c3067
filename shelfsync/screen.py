"""The output of the demo: a live table on a terminal, else plain lines."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from msgspec import Struct
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

SUMMARY_S = 2.0
"""The shortest time between two plain summary lines."""


class ScreenRow(Struct, frozen=True):
    """One node in the table: `line` is the node it is connected to, `home_hub` the home hub of a store.

    `last_sold`: the name of what a till of the store sold last.
    """

    node: str
    city: str
    is_hub: bool
    home_hub: str = ""
    answers: bool = False
    line: str = ""
    units_sold: int = 0
    unacknowledged: int = 0
    digest: str = ""
    agreeing: int = 0
    last_sold: str = ""


class Snapshot(Struct, frozen=True):
    """The whole chain at one moment."""

    elapsed_s: float
    now: str
    sales: int
    retries: int
    hubs: int
    rows: list[ScreenRow]


class Screen(Protocol):
    """The output of the demo, as a context manager."""

    def __enter__(self) -> Screen: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def say(self, text: str, style: str = "") -> None:
        """Print a line."""

    def show(self, snapshot: Snapshot) -> None:
        """Show the current state."""

    def settle(self) -> None:
        """Show no further state; further lines go below the last one."""


class LiveScreen:
    """A table that is updated in place; lines go above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> LiveScreen:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()

    def say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style))

    def show(self, snapshot: Snapshot) -> None:
        if self._live.is_started:
            self._live.update(_render(snapshot), refresh=True)

    def settle(self) -> None:
        self._live.stop()


class PlainScreen:
    """A line per event, and a summary line every two seconds."""

    def __init__(self, write: Callable[[str], None] = print) -> None:
        self._write = write
        self._next_s = 0.0

    def __enter__(self) -> PlainScreen:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def say(self, text: str, style: str = "") -> None:
        self._write(text)

    def show(self, snapshot: Snapshot) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s < self._next_s:
            return
        self._next_s = now_s + SUMMARY_S
        self._write(f"{snapshot.elapsed_s:6.1f} s  {_summary(snapshot)}")

    def settle(self) -> None:
        self._next_s = math.inf


def screen_for(console: Console) -> Screen:
    """Return the screen for this console."""
    return LiveScreen(console) if console.is_terminal else PlainScreen(lambda text: print(text, flush=True))


def _summary(snapshot: Snapshot) -> str:
    """The sales, what the first store sold last, and the stores that are not connected to their home hub."""
    stores = [row for row in snapshot.rows if not row.is_hub]
    groups = {
        "not answering": [row.node for row in stores if not row.answers],
        "cut off": [f"{row.node} ({row.unacknowledged:,} waiting)" for row in stores if row.answers and not row.line],
        "not at the home hub": [f"{row.node} at {row.line}" for row in stores if row.line not in ("", row.home_hub)],
    }
    connected = sum(bool(row.line) for row in stores)
    first = f"{snapshot.sales:,} sales, {connected} of {len(stores)} stores connected"
    last = [f"last {row.last_sold}" for row in stores if row.last_sold][:1]
    problems = [f"{problem}: {', '.join(names)}" for problem, names in groups.items() if names]
    return "; ".join([first, *last, *problems])


def _render(snapshot: Snapshot) -> Group:
    table = Table(pad_edge=False, box=None, padding=(0, 2, 0, 0))
    table.add_column("node", no_wrap=True)
    table.add_column("city", no_wrap=True)
    table.add_column("connected to", no_wrap=True)
    table.add_column("units sold", justify="right", no_wrap=True)
    table.add_column("waiting", justify="right", no_wrap=True)
    table.add_column("digest", no_wrap=True)
    table.add_column("same at", justify="right", no_wrap=True)
    for row in snapshot.rows:
        table.add_row(
            Text(row.node, style="bold" if row.is_hub else ""),
            row.city,
            _line(row),
            f"{row.units_sold:,}",
            Text(f"{row.unacknowledged:,}", style="yellow" if row.unacknowledged else "dim"),
            row.digest,
            Text(f"{row.agreeing}/{snapshot.hubs} hubs", style="green" if row.agreeing == snapshot.hubs else "yellow"),
        )
    counts = Text(f"{snapshot.elapsed_s:.0f} s · {snapshot.sales:,} sales · {snapshot.retries} retries")
    names = "; ".join(f"{row.last_sold} in {row.city}" for row in snapshot.rows if row.last_sold)
    sold_last = Text(f"sold last: {names}", no_wrap=True, overflow="ellipsis")
    return Group(Text(), table, counts, sold_last, Text(f"now: {snapshot.now}", style="bold cyan"))


def _line(row: ScreenRow) -> Text:
    if not row.answers:
        return Text("not answering", style="red")
    return Text(row.line, style="green") if row.line else Text("cut off", style="red")
