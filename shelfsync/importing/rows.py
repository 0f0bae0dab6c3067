"""Rows of a file as documents or levels, each with its number, or with the verdict why it is none."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from replica.core.base.limits import DOCUMENT_BYTES_MAX, QUANTITY_MAX
from shelfsync.importing.cells import read_text, shown
from shelfsync.importing.columns import AT, LEVELS, RANK, Kind, WrongField, value_of
from shelfsync.importing.files import FileRow, Format, Unreadable, encoding_of, lines, sheet_rows, table_rows
from shelfsync.importing.mapping import ColumnMapping, Layout
from shelfsync.importing.verdicts import Verdict

_LINE_FIELDS = ("key", "value", RANK, AT, "kind", "version", "overridden")
"""Names in a line of NDJSON. The last three are in answers of nodes, and are not needed."""


class Source(Struct, frozen=True, kw_only=True):
    """A file, and how to read it. `rank` and `at` are those of rows that name none."""

    path: Path
    format: Format
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    mapping: ColumnMapping = ColumnMapping()
    rank: str = "chain"
    at: str = ""


class Row(Struct, frozen=True):
    """One row: the key and value of a document, at its rank. `position`: how far the file is read, in bytes."""

    number: int
    key: str
    value: Any
    rank: str
    at: str
    position: int


class Rows:
    """The rows of one file. `column_of` gives the column of a field of a document, by the name in the file."""

    def __init__(self, kind: Kind, source: Source) -> None:
        """Raises Unreadable if the file cannot be used at all."""
        self.kind = kind
        self._source = source
        self._first: dict[bytes, int] = {}
        """The row of each key, by a hash of the key: 8 bytes, so that millions of keys fit into memory."""
        is_text = source.format != "xlsx"
        self.encoding = encoding_of(source.path, source.encoding) if is_text else ""
        self._layout: Layout | None = None
        if source.format == "ndjson":
            self._read: Iterator[Row | Verdict] = self._from_lines()
        elif not kind.has_tables:
            raise Unreadable(f"{source.path}: {kind.name} have no columns. Write them as NDJSON")
        else:
            self._read = self._from_table()

    def __iter__(self) -> Iterator[Row | Verdict]:
        """Each row in order: a document, or why it is refused. Raises Unreadable in the middle of a broken file."""
        for row in self._read:
            yield self._repeated(row) or row if isinstance(row, Row) else row

    def column_of(self, path: list[str]) -> str:
        """The column that a problem of the node is about. `path`: the field in a document of a batch."""
        if self._layout is None:
            return ".".join(path)
        match path:
            case ["key", *_]:
                name = self.kind.key
            case ["value", *inner]:
                name = self.kind.column_of(inner) or ".".join(inner)
                if name not in self._layout.sources:
                    name = self.kind.instead.get(name, name)
            case _:
                name = ".".join(path)
        return self._layout.source(name)

    def _repeated(self, row: Row) -> Verdict | None:
        """The refusal of a row whose key an earlier row has."""
        identity = f"{row.rank}\0{row.at}\0{row.key}".encode()
        if self.kind is LEVELS:
            identity = f"{row.value['location']}\0{row.key}".encode()
        first = self._first.setdefault(blake2b(identity, digest_size=8).digest(), row.number)
        if first == row.number:
            return None
        text = f"Row {first} has the same key. Keep one of the two rows."
        return Verdict(row.number, row.key, "refused", self.column_of(["key"]), text)

    def _from_table(self) -> Iterator[Row | Verdict]:
        source = self._source
        if source.format == "xlsx":
            rows = sheet_rows(source.path, source.sheet)
        else:
            rows = table_rows(source.path, self.encoding, source.delimiter)
        header = next(rows, None)
        if header is None:
            raise Unreadable(f"{source.path}: the file is empty. Its first row has to name the columns")
        layout = self._layout = Layout(self.kind, header.cells, source.mapping)
        for row in rows:
            yield self._of_cells(layout, row, len(header.cells))

    def _of_cells(self, layout: Layout, row: FileRow, width: int) -> Row | Verdict:
        key = ""
        try:
            cells = layout.cells(row.cells)
            key = read_text(cells[self.kind.key])
            if len(row.cells) > width and any(row.cells[width:]):
                text = f"The row has {len(row.cells)} cells, and the header {width}. Quote cells with the delimiter."
                raise WrongField(self.kind.key, text)
            if not key:
                raise WrongField(self.kind.key, "The cell is empty. Each row needs a key.")
            value = value_of(self.kind, key, cells, layout.places)
            self._check(value)
            rank = read_text(cells.get(RANK, "")) or self._source.rank
            at = read_text(cells.get(AT, "")) or (self._source.at if rank == self._source.rank else "")
        except WrongField as wrong:
            return Verdict(row.number, key, "refused", layout.source(wrong.column), wrong.detail)
        return Row(row.number, key, value, rank, at, row.position)

    def _from_lines(self) -> Iterator[Row | Verdict]:
        for line in lines(self._source.path, self.encoding):
            if line.wrong:
                yield Verdict(line.number, "", "refused", "", line.wrong)
                continue
            try:
                yield self._of_line(line.number, line.value, line.position)
            except WrongField as wrong:
                key = line.value.get("key", "") if isinstance(line.value, dict) else ""
                yield Verdict(line.number, str(key), "refused", wrong.column, wrong.detail)

    def _of_line(self, number: int, line: Any, position: int) -> Row:
        if not isinstance(line, dict):
            raise WrongField("", f"The line is {shown(str(line))}, and not a JSON object.")
        if self.kind is LEVELS:
            return self._level_of_line(number, line, position)
        unknown = next((name for name in line if name not in _LINE_FIELDS), None)
        if unknown is not None:
            raise WrongField(unknown, f"A line has the names key, value, rank and at. Remove {shown(unknown)}.")
        key, rank = line.get("key"), line.get(RANK, self._source.rank)
        at = line.get(AT, self._source.at if rank == self._source.rank else "")
        for name, text in (("key", key), (RANK, rank), (AT, at)):
            if not isinstance(text, str):
                raise WrongField(name, f"The name {name} needs a text.")
        if "value" not in line:
            raise WrongField("value", "The line has no value. Add it; null clears the document.")
        self._check(line["value"])
        return Row(number, str(key), line["value"], str(rank), str(at), position)

    def _level_of_line(self, number: int, line: dict[str, Any], position: int) -> Row:
        item, location, level = (line.get(name) for name in ("item", "location", "on_hand"))
        for name, text in (("item", item), ("location", location)):
            if not isinstance(text, str) or not text:
                raise WrongField(name, f"The name {name} needs a text.")
        if type(level) is not int:
            raise WrongField("on_hand", "The name on_hand needs a whole number.")
        value = {"location": location, "on_hand": level}
        self._check(value)
        return Row(number, str(item), value, "", "", position)

    def _check(self, value: Any) -> None:
        """Refuse what no node would take, so that one row never spoils the request of others. Raises WrongField."""
        if self.kind is LEVELS:
            for name in ("location", "on_hand"):
                if name not in value:
                    raise WrongField(name, "The cell is empty. A level needs it.")
            if not 0 <= value["on_hand"] <= QUANTITY_MAX:
                text = f"{value['on_hand']} is not a level. Write a number from 0 to {QUANTITY_MAX}."
                raise WrongField("on_hand", text)
            return
        try:
            size = len(msgspec.json.encode(value))
        except UnicodeEncodeError:
            raise WrongField(self.kind.key, "The row has half of a surrogate pair, which is no text.") from None
        if size > 4 * DOCUMENT_BYTES_MAX:
            text = f"The row makes a document of {size} bytes. Shorten it to at most {DOCUMENT_BYTES_MAX} bytes."
            raise WrongField(self.kind.key, text)
