"""The statements of the journal, read from `queries.sql` and `search_queries.sql` by name."""

from __future__ import annotations

from importlib import resources


def read_statements(text: str) -> dict[str, str]:
    """Parse named statements: a comment line with the name, comment lines that describe it, then the statement.

    Raises ValueError if a statement has no name or no description, or if two have the same name.
    """
    found: dict[str, str] = {}
    for block in text.split("\n\n")[1:]:
        lines = block.strip().splitlines()
        comments = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
        statement = "\n".join(line for line in lines if not line.startswith("--"))
        if len(comments) < 2 or " " in comments[0] or not statement or comments[0] in found:
            raise ValueError(f"a statement needs a name of its own and a description: {block!r}")
        found[comments[0]] = statement
    return found


def _text(name: str) -> str:
    return resources.files("replica.runtime.journal").joinpath(name).read_text()


STATEMENTS = read_statements(_text("queries.sql"))
"""Every statement by name."""

SEARCH_STATEMENTS = read_statements(_text("search_queries.sql"))
"""Every statement of the search index by name."""

SEARCH_SCHEMA = _text("search.sql")
"""The tables of the search index."""

BATCH = _text("batch.sql")
"""The view and the trigger that spread a batch over the tables, for each connection that writes."""

PARTS = [name.removeprefix("load_") for name in STATEMENTS if name.startswith("load_") and name != "load_cells"]
"""The parts of the fold that have a checkpoint in the file."""

PUT_PARTS = [name.removeprefix("put_") for name in STATEMENTS if name.startswith("put_")]
"""The parts that are written row by row beside the batch, because they seldom change."""


def schema_scripts() -> list[str]:
    """The scripts that update a file from each schema version to the next. The first starts from an empty file."""
    files = resources.files("replica.runtime.journal").joinpath("schema").iterdir()
    scripts = [file for file in files if file.name.endswith(".sql")]
    return [file.read_text() for file in sorted(scripts, key=lambda file: file.name)]
