"""`shelfsync export`: read documents or levels of a node into a file that `shelfsync import` takes.

A table needs its header first, and the columns `name.…` are known only at the end. So the rows wait in a temporary
file, and memory stays bounded.
"""

from __future__ import annotations

import asyncio
import csv
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlencode

import aiohttp
import click
import msgspec
from msgspec import Struct

from replica.core.catalog.ranks import CHAIN_NAME, RANKS
from replica.runtime.configuration import CONTEXT, NameParam, UrlParam, configurable
from shelfsync.importing.columns import AT, KINDS, LEVELS, RANK, Kind, cells_of
from shelfsync.importing.files import Unreadable
from shelfsync.importing.sending import ANSWER_S, NodeSilent, Target

EXIT_WRONG = 2
EXIT_SILENT = 3

PAGE = 1_000

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""How cells begin that spreadsheets compute. A spreadsheet shows a cell after an apostrophe as a text."""


class Exported(Struct, frozen=True):
    """One document or level. A level has the item as its key."""

    key: str
    value: dict[str, Any]
    rank: str = CHAIN_NAME
    at: str = ""


async def documents_of(target: Target, kind: Kind, rank: str, at: str) -> AsyncIterator[Exported]:
    """The documents of a kind at one rank, in order of keys. Raises Unreadable or NodeSilent."""
    cursor: str | None = ""
    where = {"rank": rank, **({"at": at} if at else {})}
    while cursor is not None:
        query = urlencode({**where, "limit": PAGE, **({"cursor": cursor} if cursor else {})})
        page = await _read(target, f"/v1/documents/{kind.document}?{query}")
        for one in page["documents"]:
            yield Exported(one["key"], one["value"], one.get("rank", CHAIN_NAME), one.get("at", ""))
        cursor = page["next"]


async def levels_of(target: Target, location: str) -> AsyncIterator[Exported]:
    """The units in the building of each item at a location. A store has one location, and a hub needs its name."""
    status = await _read(target, "/v1/status")
    own = status.get("location")
    if location and own and location != own:
        raise Unreadable(f"{target.url} is the node of {own}, not of {location}")
    if not location and not own:
        raise Unreadable(f"{target.url} is a hub. Name a location: --location store-12")
    path = "/v1/stock" if own else f"/v1/stock/{quote(location, safe='')}"
    cursor: str | None = ""
    while cursor is not None:
        query = urlencode({"limit": PAGE, **({"cursor": cursor} if cursor else {})})
        page = await _read(target, f"{path}?{query}")
        for one in page["items"]:
            yield Exported(one["item"], {"location": own or location, "on_hand": one["on_hand"]})
        cursor = page["next"]


async def _read(target: Target, path: str) -> Any:
    reply = await target.ask("GET", path)
    if reply.status != 200:
        raise Unreadable(f"{target.url}: {reply.answer.get('detail', reply.answer)}")
    return reply.answer


class LinesFile:
    """Writes one JSON value in each line."""

    def __init__(self, file: IO[str], kind: Kind) -> None:
        self._file = file
        self._kind = kind

    def put(self, one: Exported) -> None:
        line = {"item": one.key, **one.value} if self._kind is LEVELS else msgspec.to_builtins(one)
        self._file.write(msgspec.json.encode(line).decode() + "\n")

    def end(self) -> None:
        pass


class TableFile:
    """Writes a CSV table. `for_spreadsheets`: an apostrophe stands before what a spreadsheet would compute."""

    def __init__(self, file: IO[str], kind: Kind, rank: str, *, for_spreadsheets: bool) -> None:
        self._file = file
        self._kind = kind
        self._ranked = [RANK, AT] if kind.document and rank != CHAIN_NAME else []
        self._for_spreadsheets = for_spreadsheets
        self._columns: dict[str, None] = {}
        self._waiting = tempfile.TemporaryFile("w+", encoding="utf-8", newline="")  # noqa: SIM115 (`end` closes it)

    def put(self, one: Exported) -> None:
        cells = {self._kind.key: one.key, **cells_of(self._kind, one.value), RANK: one.rank, AT: one.at}
        self._columns.update(dict.fromkeys(cells))
        self._waiting.write(msgspec.json.encode(cells).decode() + "\n")

    def end(self) -> None:
        """Write the table, now that its columns are known."""
        columns = [self._kind.key, *sorted(self._columns.keys() - {self._kind.key, RANK, AT}, key=self._order)]
        columns += self._ranked
        if len(columns) == 1:
            columns += self._kind.required
        table = csv.writer(self._file, lineterminator="\n")
        table.writerow(self._safe(columns))
        self._waiting.seek(0)
        for line in self._waiting:
            cells = msgspec.json.decode(line)
            table.writerow(self._safe([cells.get(name, "") for name in columns]))
        self._waiting.close()

    def _order(self, name: str) -> tuple[int, str]:
        for number, column in enumerate(self._kind.columns):
            if name == column.name or (column.is_group and name.startswith(column.name)):
                return number, name
        return len(self._kind.columns), name

    def _safe(self, cells: Iterable[str]) -> Iterable[str]:
        if not self._for_spreadsheets:
            return cells
        return [f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell for cell in cells]


@click.command(
    "export",
    context_settings=CONTEXT,
    epilog="""\b
Examples:
  shelfsync export --kind skus --from http://hub-east:8700 --output skus.csv
  shelfsync export --kind prices --rank region --at east --from http://hub-east:8700 --format ndjson
  shelfsync export --kind levels --location store-12 --from http://hub-east:8700
""",
)
@configurable
@click.option("--kind", type=click.Choice(list(KINDS)), required=True, help="What to export.")
@click.option("--from", "url", envvar="SHELFSYNC_FROM", type=UrlParam(), required=True, help="Address of the node.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="[default: standard output]")
@click.option(
    "--format",
    "form",
    envvar="SHELFSYNC_FORMAT",
    type=click.Choice(("csv", "ndjson")),
    help="[default: by the name of the output, csv]",
)
@click.option("--rank", type=click.Choice(list(RANKS)), default=CHAIN_NAME, show_default=True, help="Which rank.")
@click.option("--at", default="", help="Region or store of the rank.")
@click.option("--location", type=NameParam(), help="Location of the levels, at a hub.")
@click.option("--for-spreadsheets", is_flag=True, help="Put an apostrophe before what a spreadsheet would compute.")
@click.option("--patience", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds of silence.")
def export(
    kind: str,
    url: str,
    output: Path | None,
    form: str | None,
    rank: str,
    at: str,
    location: str | None,
    for_spreadsheets: bool,
    patience: float,
) -> None:
    """Write documents or levels of a node to a file, in the shape that `shelfsync import` takes.

    Exits with 0 if all is well, 2 if the node or the file refuses, and 3 if the node is silent.
    """
    chosen = KINDS[kind]
    if form is None:
        is_lines = (output is not None and output.suffix.lower() in (".ndjson", ".jsonl")) or not chosen.has_tables
        form = "ndjson" if is_lines else "csv"
    if form == "csv" and not chosen.has_tables:
        raise click.UsageError(f"{kind} have no columns. Give --format ndjson")
    try:
        file = output.open("w", encoding="utf-8", newline="") if output is not None else sys.stdout
    except OSError as error:
        raise click.UsageError(f"{output}: {error.strerror}") from None
    written = (
        LinesFile(file, chosen)
        if form == "ndjson"
        else TableFile(file, chosen, rank, for_spreadsheets=for_spreadsheets)
    )
    try:
        number = asyncio.run(_export(chosen, url, rank, at, location or "", patience, written))
    except (Unreadable, NodeSilent) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(EXIT_SILENT if isinstance(error, NodeSilent) else EXIT_WRONG)
    if output is not None:
        file.close()
        click.echo(f"{number} {kind} written to {output}", err=True)


async def _export(
    kind: Kind, url: str, rank: str, at: str, location: str, patience: float, written: LinesFile | TableFile
) -> int:
    number = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as client:
        target = Target(client=client, url=url, patience_s=patience)
        found = levels_of(target, location) if kind is LEVELS else documents_of(target, kind, rank, at)
        async for one in found:
            written.put(one)
            number += 1
    written.end()
    return number
