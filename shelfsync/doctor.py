"""`shelfsync doctor`: verify the data of a node."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from replica.runtime.configuration import CONTEXT
from replica.runtime.journal.damage import DataRefused
from replica.runtime.journal.sqlite_journal import FILE_NAME
from replica.runtime.journal.verification import Verification, verify_file
from replica.runtime.process import EXIT_DATA

EXIT_DIFFERENCES = 1


@click.command(
    context_settings=CONTEXT,
    epilog="""\b
Examples:
  shelfsync doctor ./store-12
  shelfsync doctor ./store-12 --json
""",
)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(data: Path, as_json: bool) -> None:
    """Verify the data directory of a node: hashes, and all that a start reads instead of the entries.

    Writes nothing to the file. The node may run. Exits with 0 if all is well, 1 if something differs, and 3 if the data
    cannot be read.
    """
    try:
        found = verify_file(data / FILE_NAME)
    except DataRefused as refused:
        click.echo(str(refused), err=True)
        sys.exit(EXIT_DATA)
    click.echo(msgspec.json.encode(found).decode() if as_json else _text(found))
    if found.differences:
        sys.exit(EXIT_DIFFERENCES)


def _text(found: Verification) -> str:
    lines = [f"{found.writer}: {found.entries} entries in {found.streams} streams"]
    lines += [f"held: {one}" for one in found.held]
    lines += map(str, found.differences)
    if found.differences:
        lines.append(
            "keep the directory: entries that no other node has are only here. docs/how-to/verify-data.md helps"
        )
    else:
        lines.append("every table follows from the entries")
    return "\n".join(lines)
