"""`shelfsync sample`: write the sample catalogue in the shapes that `shelfsync import` takes."""

from __future__ import annotations

import sys

import click

from replica.core.catalog.ranks import CHAIN_NAME, STORE_NAME
from replica.runtime.configuration import CONTEXT
from shelfsync.importing import columns
from shelfsync.importing.export_command import Exported, LinesFile, TableFile
from shelfsync.sample.catalogue import KINDS, sample
from shelfsync.sample.chains import CHAINS
from shelfsync.sample.skus import SKUS_MAX


@click.command(
    "sample",
    context_settings=CONTEXT,
    epilog="""\b
Examples:
  shelfsync sample --kind skus --format csv > skus.csv
  shelfsync sample --kind prices --chain eu > prices.ndjson
  shelfsync sample --kind skus --skus 100000 > skus.ndjson
""",
)
@click.option("--kind", type=click.Choice(list(KINDS)), required=True, help="What to write.")
@click.option(
    "--format", "form", type=click.Choice(("ndjson", "csv")), default="ndjson", show_default=True, help="How."
)
@click.option(
    "--chain", type=click.Choice(CHAINS), default="cn", show_default=True, help="Locations and currency: China or euro."
)
@click.option("--skus", type=click.IntRange(1, SKUS_MAX), help="Number of SKUs. [default: about 3,000]")
def write_sample(kind: str, form: str, chain: str, skus: int | None) -> None:
    """Write a sample catalogue of a supermarket chain, in English and Chinese, to standard output.

    The same arguments always write the same bytes. All goods, brands and addresses are invented.
    """
    chosen = columns.KINDS[kind]
    if form == "csv" and not chosen.has_tables:
        raise click.UsageError(f"{kind} have no columns. Give --format ndjson")
    documents = list(sample(kind, chain, skus))
    ranks = {one.rank for one in documents}
    rank = CHAIN_NAME if ranks == {CHAIN_NAME} else STORE_NAME  # of several ranks, the table needs their columns
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    file = (
        LinesFile(sys.stdout, chosen)
        if form == "ndjson"
        else TableFile(sys.stdout, chosen, rank, for_spreadsheets=False)
    )
    for one in documents:
        file.put(Exported(one.key, one.value, one.rank, one.at))
    file.end()
