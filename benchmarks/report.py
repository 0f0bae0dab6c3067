"""Writes the results of a run: tables on the terminal, a page and a plot in docs/."""

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

from benchmarks.measure import Measured

Results = Mapping[str, Mapping[str, list[Measured]]]
"""The figures of each round, by measurement and case."""

TITLES = {
    "machine": "Speed of the machine",
    "http": "Durable sales over HTTP",
    "orders": "Durable orders over HTTP",
    "hub": "Merging at a hub",
    "paging": "Sales beside a client that pages",
    "wire": "Bytes on the wire",
    "catch-up": "A store comes back after a week",
    "catalogue": "A catalogue of 100,000 SKUs",
    "search": "Searches beside tills that sell goods with prices",
    "sourcing": "From where an order is sent",
    "nearest-first": "Orders of two weeks, compared with nearest first",
    "optimum": "Orders of middle size, compared with the optimum",
    "sustained": "Orders to addresses over HTTP",
    "balancing": "A balancing plan",
    "memory": "Memory of a store's node",
    "growth": "Growth",
    "console": "The console of a hub over 500 stores",
}


class Target(Struct, frozen=True):
    """A figure must be at least `least`, or at most `most`."""

    label: str
    measurement: str
    case: str
    figure: str
    least: float = float("-inf")
    most: float = float("inf")


TARGETS = (
    Target(
        label="relative to the echo, 64 connections",
        measurement="http",
        case="sales, 64 connections",
        figure="of echo %",
        least=60,
    ),
    Target(label="p99, 64 connections", measurement="http", case="sales, 64 connections", figure="p99 ms", most=15),
    Target(
        label="sales in batches of 100",
        measurement="http",
        case="sales in batches of 100, 16 connections",
        figure="/s",
        least=100_000,
    ),
    Target(
        label="orders of one item, relative to PostgreSQL",
        measurement="orders",
        case="ours, one item",
        figure="of PostgreSQL x",
        least=5,
    ),
    Target(
        label="orders of 1,000 items, relative to PostgreSQL",
        measurement="orders",
        case="ours, 1,000 items",
        figure="of PostgreSQL x",
        least=3,
    ),
    Target(
        label="orders of one item, relative to Redis within PostgreSQL",
        measurement="orders",
        case="ours, one item",
        figure="of Redis within a PostgreSQL transaction x",
        least=4,
    ),
    Target(
        label="orders of one item, relative to Redis",
        measurement="orders",
        case="ours, one item",
        figure="of Redis x",
        least=1,
    ),
    Target(label="p99 of orders of one item", measurement="orders", case="ours, one item", figure="p99 ms", most=15),
    Target(
        label="hub, in memory",
        measurement="hub",
        case="in memory, sales of 1 line, 1,000 items",
        figure="/s",
        least=100_000,
    ),
    Target(
        label="hub, durable",
        measurement="hub",
        case="durable, 1 link, sales of 1 line, 1,000 items",
        figure="/s",
        least=40_000,
    ),
    Target(
        label="catch-up after 7 days, 1 Mbit/s",
        measurement="catch-up",
        case="70,000 sales of 5 lines, 1 Mbit/s",
        figure="s",
        most=30,
    ),
    Target(
        label="balancing plan, 1,000 locations",
        measurement="balancing",
        case="plan 5,000 items at 1,000 locations",
        figure="s",
        most=60,
    ),
    Target(label="memory, idle", measurement="memory", case="idle", figure="resident MB", most=80),
    Target(
        label="movement of an item of 1,000 SKUs",
        measurement="catalogue",
        case="one item of 1,000 SKUs moves",
        figure="CPU p50 ms",
        most=5,
    ),
    Target(
        label="sellable quantities of 100,000 SKUs",
        measurement="catalogue",
        case="all SKUs computed",
        figure="CPU p50 ms",
        most=2_000,
    ),
    Target(
        label="one sellable quantity",
        measurement="catalogue",
        case="one sellable quantity",
        figure="CPU p99 ms",
        most=1,
    ),
    Target(
        label="p99 of searches as you type, 100,000 SKUs",
        measurement="catalogue",
        case="a search, as you type",
        figure="CPU p99 ms",
        most=20,
    ),
    Target(
        label="p99 of searches beside half of the most sales",
        measurement="search",
        case="searches beside 50 % of these sales",
        figure="search p99 ms",
        most=20,
    ),
    Target(
        label="p99 of sourcing 50 lines over 1,000 locations",
        measurement="sourcing",
        case="50 lines, 95 % of the locations have an item",
        figure="CPU p99 ms",
        most=20,
    ),
    Target(
        label="median gap to the optimum",
        measurement="optimum",
        case="as chosen",
        figure="median gap %",
        most=1,
    ),
    Target(
        label="orders to addresses, sustained",
        measurement="sustained",
        case="50 of 1,000 locations serve an address",
        figure="/min",
        least=9_990,
    ),
    Target(
        label="memory, 50,000 items",
        measurement="memory",
        case="50,000 items received and sold",
        figure="resident MB",
        most=250,
    ),
    Target(
        label="start, 1,000,000 entries",
        measurement="growth",
        case="1,000 items, 1,000,000 sales before",
        figure="start s",
        most=5,
    ),
)

PANELS = (
    ("http", "/s", "Sales a second", ("sales", "transaction", "echo, 1 ", "echo, 16 ", "echo, 64 ")),
    ("hub", "/s", "Entries a second at a hub", ("",)),
    ("wire", "per sale bytes", "Bytes per sale on the wire", ("",)),
    ("growth", "/s", "Sales a second, 64 connections", ("",)),
)
"""Measurement, figure, title, and the prefixes of the cases that are shown."""

WIDTH = 160
"""Width of the tables, in characters, if the output is no terminal."""

INTRODUCTION = """\
# Benchmarks

`{command}` wrote this page. It measures the machine it runs on, with real processes, real
files and durable writes. The cases of a measurement take turns within a round; figures are medians of {rounds} rounds.
Compared figures come from the same round, so ratios stay valid when the speed of the machine changes.

![Figures of this run]({plot})
"""

NOTES = {
    "machine": """\
Two probes run before each measurement. The first appends a page to a file and calls `fdatasync`; every durable answer
waits for at least one `fdatasync`. The second is a loop of a million turns in the interpreter.""",
    "http": """\
Each sale is one request with one line and a new key. The load generator is a separate process. It checks every status
and every verdict of a batch; afterwards the length of the journal is checked. `echo` is an aiohttp server that decodes
the body and answers it, on the same event loop, without an access log: an upper bound for the HTTP side.
`transaction per sale` is the usual server, which writes key, stock and sale in one transaction per sale. `server µs` is
the processor time of the server per sale; `generator %` is the load generator's use of its core.""",
    "orders": """\
Each order is one request for one unit, with a new key and a new order name, over one of 64 connections. `ours` is one
hub, which holds all units of the order. The others run behind an aiohttp front on the same event loop, with their own
databases on the same disk, and answer after their writes are synced:

- `PostgreSQL` inserts the row of the order and takes the unit by a conditional update, in one transaction per order.
- `Redis within a PostgreSQL transaction` takes the unit by a script while a transaction inserts a row for a worker.
- `Redis` is the script alone, with `appendfsync always`.

Only the hub keeps the history of the order, expires the order and sends it to other hubs. Redis is measured only if
`redis-server` is installed.""",
    "hub": """\
Entries a second, from the bytes of the frames. In memory: entries are decoded, checked and merged. Durable: stores
send over WebSockets to a hub process, and the time ends when the hub acknowledges the last frame.""",
    "wire": "Full frames of one session, including the names that the session introduces. Hashes are not sent.",
    "catch-up": """\
A process of a store and one of a hub, connected by a proxy. The time begins when the store's node is ready. It ends
when the hub has all entries durably; then both must have the same digest of the stock.""",
    "paging": """\
A store sells on one connection, alone and beside one client that reads all its stock in pages of 1,000 items, again and
again. `of alone, p50` is the ratio of the two medians.""",
    "catalogue": """\
The sample catalogue, extended to 100,000 SKUs, and 1,000 packs of one item, in one process. The figures are processor
time without HTTP. A movement sells one unit of an item that 1,000 SKUs share, and computes what can be sold of each. A
search finds candidates in the index on disk, which is in the page cache, and brings the page into order. `as you type`
looks for the first one to six characters of an English name. Memory is what documents and their indexes add.""",
    "search": """\
A store with the sample catalogue of 100,000 SKUs, with names, barcodes, prices and promotions. Tills sell 1,000 of
them, one in each sale, over 64 connections: first as fast as they get answers, then at shares of that rate, at even
intervals. Beside them somebody searches, over one connection: beginnings of English names, one and two Chinese
characters, two words. Tills, searches and the node share the cores of the machine.""",
    "sourcing": """\
An order of 50 lines to an address, at a hub that knows 1,000 locations with positions and a calendar, each with some of
200 items. The figures are times in one process, without HTTP: to look at all locations, and to choose. `CPU` is the
time of the processor alone; the wall clock also counts what else the machine does.""",
    "nearest-first": """\
3,000 orders of one to six lines in 14 days, at a hub over 4 warehouses and 40 stores, each way from the same stock. A
parcel is late if its promise ends more than four days after the order. `last units sold` are those of the last 2 of an
item at a store. Points are those of the cost model.""",
    "optimum": """\
200 drawn orders, with 12 to 36 locations and 4 to 25 lines. The gap is how much more than the optimum of a
mixed-integer solver (HiGHS) the way costs, in points.""",
    "sustained": """\
Orders of two lines to addresses, 10,000 a minute at even intervals over 16 connections for five minutes, at a hub that
hosts 1,000 locations. In the first case, areas name 50 locations that serve an address; in the second, all may.""",
    "balancing": """\
Each of 1,000 locations has each of 5,000 items. On a usual night, stock differs from what two weeks need by up to a
half. In the other case it is anything, so nearly all locations give or get. The figures are processor time on one core,
with HiGHS. The last line is what a hub needs besides: reading the figures of the plan.""",
    "memory": "Resident memory of the process.",
    "growth": """\
`start s` is the time from the start of the process until `/readyz` answers 200, with the file in the page cache. Then
64 connections send sales of one line.""",
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
        _table(("", "target", "measured", "range", ""), map(_verdict, TARGETS, [results] * len(TARGETS))),
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
    return target.label, f"{bound} {unit}", _number(middle), f"{_number(min(found))} to {_number(max(found))}", reached


def _columns(cases: Mapping[str, list[Measured]]) -> list[str]:
    return list(dict.fromkeys(column for rounds in cases.values() for column in rounds[0]))


def _row(rounds: list[Measured], columns: Iterable[str]) -> list[str]:
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
    """Draw horizontal bars of the medians; the whiskers reach from the lowest to the highest round."""
    middles = [median(found) for found in cases.values()]
    below = [middle - min(found) for middle, found in zip(middles, cases.values(), strict=True)]
    above = [max(found) - middle for middle, found in zip(middles, cases.values(), strict=True)]
    bars = axes.barh(list(cases), middles, xerr=[below, above], color="#4477aa", ecolor="#222222")
    axes.bar_label(bars, labels=[_number(middle) for middle in middles], padding=6)
    axes.set_title(title, loc="left")
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
