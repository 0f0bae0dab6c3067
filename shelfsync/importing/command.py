"""`shelfsync import`: write the rows of a file to a node, with a verdict on each."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from replica.core.catalog.ranks import CHAIN_NAME, RANKS
from replica.runtime.configuration import CONTEXT, UrlParam, configurable
from shelfsync.importing.columns import KINDS, LEVELS
from shelfsync.importing.files import DELIMITERS, Format, Unreadable, digest_of, format_of
from shelfsync.importing.mapping import read_mapping
from shelfsync.importing.rows import Rows, Source
from shelfsync.importing.sending import ANSWER_S, NodeSilent, Target, send_documents, send_levels
from shelfsync.importing.verdicts import FileReport, NoReport, Report, Summary

EXIT_REFUSED = 1
EXIT_UNREADABLE = 2
EXIT_SILENT = 3
EXIT_INTERRUPTED = 130
"""Exit codes: rows were refused; the file or the command line is wrong; the node does not answer; Ctrl-C."""


def _pairs(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = []
    for text in given:
        ours, mark, theirs = text.partition("=")
        if not mark or not ours or not theirs:
            raise click.BadParameter(f"{text!r} has not the form OURS=THEIRS, such as sku=Artikelnummer", ctx, param)
        pairs.append((ours, theirs))
    return pairs


@click.command(
    "import",
    context_settings=CONTEXT,
    epilog="""\b
Examples:
  shelfsync import skus.csv --kind skus --to http://hub-east:8700 --dry-run
  shelfsync import Artikel.csv --kind skus --to http://hub-east:8700 \\
      --map sku=Artikelnummer --map name.en=Bezeichnung --encoding cp1252
  shelfsync import prices.xlsx --kind prices --mapping erp.toml --to http://hub-east:8700
  shelfsync import levels.csv --kind levels --to http://store-12:8701 --verdicts verdicts.csv
""",
)
@configurable
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--kind", type=click.Choice(list(KINDS)), required=True, help="What the rows are.")
@click.option("--to", "url", envvar="SHELFSYNC_TO", type=UrlParam(), required=True, help="Address of the node.")
@click.option("--dry-run", is_flag=True, help="Give the verdicts, and write nothing.")
@click.option("--verdicts", type=click.Path(path_type=Path, dir_okay=False), help="File for a verdict on each row.")
@click.option(
    "--format",
    "form",
    envvar="SHELFSYNC_FORMAT",
    type=click.Choice(("csv", "ndjson", "xlsx")),
    help="[default: by the file's name]",
)
@click.option("--encoding", default="", help="Encoding of the text. [default: by its mark, UTF-8, or GB18030]")
@click.option("--delimiter", type=click.Choice(list(DELIMITERS)), help="[default: by the first row]")
@click.option("--sheet", default="", help="Name of the sheet. [default: the first]")
@click.option(
    "--map",
    "columns",
    envvar="SHELFSYNC_MAP",
    multiple=True,
    callback=_pairs,
    help="OURS=THEIRS: the file's name of a column.",
)
@click.option("--mapping", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with a mapping.")
@click.option("--ignore-unknown", is_flag=True, help="Skip columns that the kind does not have.")
@click.option("--rank", type=click.Choice(list(RANKS)), default=CHAIN_NAME, show_default=True, help="Rank of the rows.")
@click.option("--at", default="", help="Region or store of the rank.")
@click.option("--new-items", is_flag=True, help="Unknown items in recipes are meant.")
@click.option("--reference", default="", help="Reference of counts. The same levels count again under another one.")
@click.option("--seen", default="", help="Token of the moment that the levels are of, from GET /v1/stock.")
@click.option("--patience", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds of silence.")
def import_file(
    file: Path,
    kind: str,
    url: str,
    dry_run: bool,
    verdicts: Path | None,
    form: Format | None,
    encoding: str,
    delimiter: str | None,
    sheet: str,
    columns: list[tuple[str, str]],
    mapping: Path | None,
    ignore_unknown: bool,
    rank: str,
    at: str,
    new_items: bool,
    reference: str,
    seen: str,
    patience: float,
) -> None:
    """Write the rows of a file to a node: CSV, NDJSON, or a spreadsheet.

    A row that is there already is left as it is. So a file may be imported again, also after a stop in the middle.
    Exits with 0 if all is well, 1 if rows were refused, 2 if the file cannot be read, and 3 if the node is silent.
    """
    summary = Summary()
    try:
        source = Source(
            path=file,
            format=form or format_of(file),
            encoding=encoding,
            delimiter=DELIMITERS[delimiter] if delimiter else "",
            sheet=sheet,
            mapping=read_mapping(mapping, columns, ignore_unknown=ignore_unknown),
            rank=rank,
            at=at,
        )
        rows = Rows(KINDS[kind], source)
        with FileReport(verdicts) if verdicts is not None else NoReport() as report, _progress(file) as show:
            asyncio.run(
                _import(
                    rows,
                    source,
                    lambda client: Target(
                        client=client,
                        url=url,
                        patience_s=patience,
                        is_dry_run=dry_run,
                        has_new_items=new_items,
                        reference=reference,
                        seen=seen,
                    ),
                    report,
                    summary,
                    show,
                )
            )
    except Unreadable as unreadable:
        _end(summary, str(unreadable), EXIT_UNREADABLE, dry_run)
    except NodeSilent as silent:
        _end(summary, f"{silent}. Import the file again to go on", EXIT_SILENT, dry_run)
    except KeyboardInterrupt:
        _end(summary, "stopped. Import the file again to go on", EXIT_INTERRUPTED, dry_run)
    for line in summary.lines(is_dry_run=dry_run):
        click.echo(line)
    if summary.counts["refused"]:
        sys.exit(EXIT_REFUSED)


def _end(summary: Summary, why: str, code: int, dry_run: bool) -> None:
    if summary.counts:
        for line in summary.lines(is_dry_run=dry_run):
            click.echo(line)
    click.echo(f"Error: {why}", err=True)
    sys.exit(code)


async def _import(
    rows: Rows,
    source: Source,
    target_of: Callable[[aiohttp.ClientSession], Target],
    report: Report,
    summary: Summary,
    show: Callable[[int, Summary], None],
) -> None:
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    async with aiohttp.ClientSession(timeout=timeout) as client:
        target = target_of(client)
        if rows.kind is LEVELS:
            sent = send_levels(target, rows, digest_of(source.path))
        else:
            sent = send_documents(target, rows, f"import-{uuid4().hex}")
        async for batch in sent:
            report.put(batch.verdicts)
            summary.put(batch.verdicts)
            show(batch.position, summary)


@contextmanager
def _progress(file: Path) -> Iterator[Callable[[int, Summary], None]]:
    """Shows on a terminal how much of the file is done."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda position, summary: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(file.name, total=max(file.stat().st_size, 1))

        def show(position: int, summary: Summary) -> None:
            counts = summary.counts
            text = f"{counts['written']} written, {counts['unchanged']} unchanged, {counts['refused']} refused"
            progress.update(task, completed=position, description=text)

        yield show
