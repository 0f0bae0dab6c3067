"""What a run found, as tables on the terminal, and as a page and a plot under docs/."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Figures

Results = Mapping[str, Mapping[str, list[Figures]]]
"""By measurement and case, the figures of each round."""

TITLES = {
    "machine": "What the machine gave",
    "http": "Durable sales over HTTP",
    "orders": "Durable orders over HTTP",
    "hub": "What a hub takes in",
    "wire": "Bytes on the wire",
    "catch-up": "A store comes back after a week",
    "memory": "Memory of a store's node",
    "growth": "Growth",
}


class Target(Struct, frozen=True):
    """What a figure is to reach: `least` or `most`."""

    what: str
    measurement: str
    case: str
    figure: str
    least: float = float("-inf")
    most: float = float("inf")


TARGETS = (
    Target("share of the echo, 64 connections", "http", "sales, 64 connections", "of echo %", least=60),
    Target("p99, 64 connections", "http", "sales, 64 connections", "p99 ms", most=15),
    Target("sales in batches of 100", "http", "sales in batches of 100, 16 connections", "/s", least=100_000),
    Target("orders of one item, to PostgreSQL's", "orders", "ours, one item", "of PostgreSQL x", least=5),
    Target("orders of 1,000 items, to PostgreSQL's", "orders", "ours, 1,000 items", "of PostgreSQL x", least=3),
    Target(
        "orders of one item, to Redis within PostgreSQL's",
        "orders",
        "ours, one item",
        "of Redis within a PostgreSQL transaction x",
        least=4,
    ),
    Target("orders of one item, to Redis's", "orders", "ours, one item", "of Redis x", least=1),
    Target("p99 of orders of one item", "orders", "ours, one item", "p99 ms", most=15),
    Target("hub, in memory", "hub", "in memory, sales of 1 line, 1,000 items", "/s", least=100_000),
    Target("hub, durable", "hub", "durable, 1 link, sales of 1 line, 1,000 items", "/s", least=40_000),
    Target("catch-up after 7 days, 1 Mbit/s", "catch-up", "70,000 sales of 5 lines, 1 Mbit/s", "s", most=30),
    Target("memory, idle", "memory", "idle", "resident MB", most=80),
    Target("memory, 50,000 items", "memory", "50,000 items received and sold", "resident MB", most=250),
    Target("start, 1,000,000 entries", "growth", "1,000 items, 1,000,000 sales before", "start s", most=5),
)

PANELS = (
    ("http", "/s", "Sales a second", ("sales", "transaction", "echo, 1 ", "echo, 16 ", "echo, 64 ")),
    ("hub", "/s", "Entries a second at a hub", ("",)),
    ("wire", "per sale bytes", "Bytes per sale on the wire", ("",)),
    ("growth", "/s", "Sales a second, 64 connections", ("",)),
)
"""Measurement, figure, title, and how the cases shown begin."""

WIDTH = 160
"""Columns of the tables when nobody looks."""

INTRODUCTION = """\
# Benchmarks

Written by `{command}`, which measures everything below on the machine it runs on: real processes, real files, the
real durable path. The cases of a measurement take turns within a round; figures are medians of {rounds} rounds.
What is compared was measured in the same round, so ratios hold where absolute figures drift with the machine.

![Figures of this run]({plot})
"""

NOTES = {
    "machine": """\
Probed before each measurement: appending a page to a file and `fdatasync`, for which every durable answer waits at
least once, and a loop of a million turns in the interpreter.""",
    "http": """\
Each sale is one request of one line under a key of its own, from a load generator in a process of its own; every
status, every verdict of a batch, and the length of the journal afterwards are checked. `echo` is an aiohttp server that
decodes the body and answers it, on the same event loop, without an access log: what the HTTP side can do at most.
`transaction per sale` is the usual server: key, stock and sale in a transaction each. `server µs` is processor time of
the server per sale, `generator %` how busy the load generator kept its core.""",
    "orders": """\
Each order is one request for one unit under a key and a name of its own, held in full at one hub; 64 connections. The
others run behind an aiohttp front on the same event loop, with databases of their own on the same disk, and answer
once their writes are synced: `PostgreSQL` inserts the order's row and takes the unit by a conditional update, in a
transaction per order; `Redis within a PostgreSQL transaction` takes the unit by a script while a transaction inserts
a row for a worker; `Redis` is the script alone, with `appendfsync always`. Ours keeps the order with its history,
expires it, and is merged by every other hub. Redis is measured where `redis-server` is installed.""",
    "hub": """\
From a frame's bytes. In memory: decoded, checked and merged. Durable: a hub process, stores delivering over WebSockets,
until the last frame is acknowledged.""",
    "wire": "Full frames of one session, the names it introduces included. Hashes are not sent.",
    "catch-up": """\
A store's and a hub's process; the line between them is a proxy. Timed from the store's node being ready until the hub
holds all durably and both have the same digest of the stock.""",
    "memory": "Resident memory of the process.",
    "growth": """\
`start s` is from starting the process until `/readyz` answers 200, with the file in the page cache. Then 64 connections
sell single lines.""",
}


def print_results(results: Results) -> None:
    """Print medians as tables."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for name, cases in results.items():
        table = Table(title=TITLES[name], title_justify="left")
        columns = _columns(cases)
        table.add_column("")
        for column in columns:
            table.add_column(column, justify="right")
        for case, rounds in cases.items():
            table.add_row(case, *_row(rounds, columns))
        console.print(table)


def write_report(directory: Path, results: Results, machine: Mapping[str, str], command: str, rounds: int) -> None:
    """Write benchmarks.md and benchmarks.svg."""
    _plot(directory / "benchmarks.svg", results)
    parts = [
        INTRODUCTION.format(command=command, rounds=rounds, plot="benchmarks.svg"),
        "## The machine\n",
        _table(("", ""), machine.items()),
        "\n## Targets\n",
        _table(("", "target", "measured", "least to most", ""), map(_verdict, TARGETS, [results] * len(TARGETS))),
    ]
    for name, cases in results.items():
        columns = _columns(cases)
        parts += [f"\n## {TITLES[name]}\n", f"{NOTES[name]}\n"]
        parts.append(_table(("", *columns), ((case, *_row(found, columns)) for case, found in cases.items())))
    (directory / "benchmarks.md").write_text("\n".join(parts) + "\n")


def _verdict(target: Target, results: Results) -> tuple[str, ...]:
    found = [one[target.figure] for one in results[target.measurement][target.case]]
    middle = median(found)
    bound = f"≥ {_number(target.least)}" if target.least > float("-inf") else f"≤ {_number(target.most)}"
    unit = target.figure.rpartition(" ")[2]
    reached = "reached" if target.least <= middle <= target.most else "**missed**"
    return target.what, f"{bound} {unit}", _number(middle), f"{_number(min(found))} to {_number(max(found))}", reached


def _columns(cases: Mapping[str, list[Figures]]) -> list[str]:
    return list(dict.fromkeys(column for rounds in cases.values() for column in rounds[0]))


def _row(rounds: list[Figures], columns: Iterable[str]) -> list[str]:
    return [_number(median(one[column] for one in rounds)) if column in rounds[0] else "" for column in columns]


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 1 else f"{value:.2g}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plot(path: Path, results: Results) -> None:
    mpl.rcParams.update({"svg.hashsalt": "shelfsync", "svg.fonttype": "none", "font.size": 8})
    figure = Figure(figsize=(11, 9), layout="constrained")
    for axes, (measurement, unit, title, starts) in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
        cases = {
            case: [one[unit] for one in rounds]
            for case, rounds in results[measurement].items()
            if case.startswith(starts) and unit in rounds[0]
        }
        _bars(axes, title, cases)
    figure.savefig(path, metadata={"Date": None})


def _bars(axes: Axes, title: str, cases: Mapping[str, list[float]]) -> None:
    """Horizontal bars of the medians; the whiskers reach from the least to the greatest round."""
    middles = [median(found) for found in cases.values()]
    below = [middle - min(found) for middle, found in zip(middles, cases.values(), strict=True)]
    above = [max(found) - middle for middle, found in zip(middles, cases.values(), strict=True)]
    bars = axes.barh(list(cases), middles, xerr=[below, above], color="#4477aa", ecolor="#222222")
    axes.bar_label(bars, labels=[_number(middle) for middle in middles], padding=6)
    axes.set_title(title, loc="left")
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
