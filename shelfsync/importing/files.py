"""Files of rows: CSV, NDJSON and spreadsheets, in the encodings that shops have.

A file is read row by row, except a spreadsheet. The encoding is that of a byte order mark, else UTF-8. A file that is
not UTF-8 is GB18030 if nearly all its characters past ASCII are common Chinese ones, because text in many encodings is
valid GB18030. Else the caller has to name the encoding.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from replica.core.base.errors import Invalid
from replica.runtime.http.bodies import check_unique, is_surely_unique

CELL_MAX = 1 << 17
"""Characters in one cell: twice the largest document. A longer one is a quote that nobody closed."""

LINE_BYTES_MAX = 1 << 20
"""Bytes in one line of NDJSON."""

SAMPLE_CHARACTERS = 1 << 16
"""Characters from which the delimiter is guessed, and others than ASCII from which an encoding is guessed."""

CHUNK_BYTES = 1 << 20

COMMON_SHARE = 0.8
"""The share of characters other than ASCII that are common Chinese ones in a file in GB18030."""

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}

Format = Literal["csv", "ndjson", "xlsx"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Encodings by the mark at the start. A longer mark comes first."""

_FORMATS: dict[str, Format] = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}


_beyond_ascii = re.compile(r"[^\x00-\x7f]+")


class Unreadable(Exception):
    """A file or a mapping cannot be used at all. The text says why and what to do."""


class FileRow(Struct, frozen=True):
    """One row of a table: its number as spreadsheets count, its cells, and how far the file is read, in bytes."""

    number: int
    cells: list[str]
    position: int


class FileLine(Struct, frozen=True):
    """One line of NDJSON: its number, its value, and how far the file is read. `wrong`: why it has no value."""

    number: int
    value: Any
    position: int
    wrong: str = ""


def format_of(path: Path) -> Format:
    """The format of a file, by the end of its name."""
    if path.suffix.lower() in (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"):
        return "xlsx"
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        raise Unreadable(f"{path}: the end of the name says no format. Give --format csv, ndjson or xlsx")
    return found


def digest_of(path: Path) -> str:
    """A hash of the bytes of a file."""
    digest = blake2b(digest_size=16)
    with opened(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """The bytes of a file. Raises Unreadable."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None


def encoding_of(path: Path, named: str = "") -> str:
    """The encoding of a text file: as named, else by its mark, else as found. The whole file is read once.

    Raises Unreadable if the file is not text in the encoding.
    """
    with opened(path) as file:
        start = file.read(4)
    if start.startswith(b"PK\x03\x04"):
        raise Unreadable(f"{path}: this is a spreadsheet or an archive, not text. Give --format xlsx for a spreadsheet")
    if named:
        try:
            codecs.lookup(named)
        except LookupError:
            text = "Use one such as utf-8, utf-16, gb18030 or cp1252"
            raise Unreadable(f"{path}: there is no encoding {named!r}. {text}") from None
        marked = "utf-8-sig" if codecs.lookup(named).name == "utf-8" else named
        if not _decodes(path, marked):
            raise Unreadable(f"{path}: the file is not in {named}. Name its encoding, or leave --encoding out")
        return marked
    marked = next((encoding for mark, encoding in _MARKS if start.startswith(mark)), "")
    for encoding in (marked,) if marked else ("utf-8", "gb18030"):
        if _decodes(path, encoding) and (encoding != "gb18030" or _is_chinese(path)):
            return encoding
    hint = "Name its encoding: --encoding gb18030, cp1252, utf-16-le …"
    raise Unreadable(f"{path}: the file is not valid {(marked or 'utf-8').removesuffix('-sig').upper()}. {hint}")


def _decodes(path: Path, encoding: str) -> bool:
    """Whether a file is text in an encoding: it decodes, and has no NUL."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    with opened(path) as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                if "\0" in decoder.decode(chunk):
                    return False
            decoder.decode(b"", final=True)
        except UnicodeError:
            return False
    return True


def _is_chinese(path: Path) -> bool:
    """Whether nearly all characters of a file in GB18030 are ASCII, or of the common set that GB 2312 defines."""
    decoder = codecs.getincrementaldecoder("gb18030")("strict")
    common = others = 0
    with opened(path) as file:
        while (chunk := file.read(CHUNK_BYTES)) and common + others < SAMPLE_CHARACTERS:
            found = "".join(_beyond_ascii.findall(decoder.decode(chunk)))
            fitting = sum(map(_is_common, found))
            common, others = common + fitting, others + len(found) - fitting
    return common >= COMMON_SHARE * (common + others)


def _is_common(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _text(file: io.BufferedReader, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(file, encoding, errors="strict", newline="")


def table_rows(path: Path, encoding: str, delimiter: str = "") -> Iterator[FileRow]:
    """The rows of a CSV file, the header first. Rows without any cell are left out. Raises Unreadable."""
    csv.field_size_limit(CELL_MAX)
    with opened(path) as file:
        text = _text(file, encoding)
        sample = text.read(SAMPLE_CHARACTERS)
        text.seek(0)
        reader = csv.reader(text, delimiter=delimiter or _guessed(sample))
        number = 0
        try:
            for number, cells in enumerate(reader, 1):
                if any(cells):
                    yield FileRow(number, cells, file.tell())
        except csv.Error as error:
            hint = "A quote that nobody closed takes the rest of the file into one cell"
            raise Unreadable(f"{path}: row {number + 1} cannot be read: {error}. {hint}") from None


def _guessed(sample: str) -> str:
    """The delimiter that the first line has most often outside of quotes; the comma if it has none."""
    first: list[str] = []
    is_quoted = False
    for character in sample:
        if character == '"':
            is_quoted = not is_quoted
        elif character in "\r\n" and not is_quoted:
            if first:
                break
        elif not is_quoted:
            first.append(character)
    counts = {delimiter: first.count(delimiter) for delimiter in DELIMITERS.values()}
    return max(counts, key=lambda delimiter: counts[delimiter])


def lines(path: Path, encoding: str) -> Iterator[FileLine]:
    """The values of a file with one JSON value in each line. Empty lines are left out. Raises Unreadable."""
    with opened(path) as file:
        text = _text(file, encoding)
        for number in _counting():
            line = text.readline(LINE_BYTES_MAX)
            if not line:
                return
            if not line.endswith("\n") and len(line) >= LINE_BYTES_MAX:
                raise Unreadable(f"{path}: line {number} is longer than {LINE_BYTES_MAX} characters")
            if not line.strip():
                continue
            try:
                value = msgspec.json.decode(line)
                if not is_surely_unique(line.encode(), value):
                    check_unique(line.encode(), "")
            except msgspec.DecodeError as error:
                yield FileLine(number, None, file.tell(), f"The line is not JSON: {error}.")
            except Invalid as doubled:
                yield FileLine(number, None, file.tell(), doubled.detail)
            else:
                yield FileLine(number, value, file.tell())


def _counting() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


def sheet_rows(path: Path, sheet: str = "") -> Iterator[FileRow]:
    """The rows of a spreadsheet, the header first. The whole sheet is in memory. Raises Unreadable."""
    try:
        from python_calamine import CalamineWorkbook
    except ImportError:
        raise Unreadable(f"{path}: spreadsheets need the extra xlsx: pip install 'shelfsync[xlsx]'") from None
    try:
        book = CalamineWorkbook.from_path(str(path))
        found = book.get_sheet_by_name(sheet) if sheet else book.get_sheet_by_index(0)
        rows = found.to_python(skip_empty_area=False)
    except Exception as error:  # the library raises errors of many types
        raise Unreadable(f"{path}: the spreadsheet cannot be read: {error}") from None
    size = path.stat().st_size
    for number, row in enumerate(rows, 1):
        cells = [_sheet_text(cell) for cell in row]
        if any(cells):
            yield FileRow(number, cells, size * number // len(rows))


def _sheet_text(cell: Any) -> str:
    """A cell of a spreadsheet as text: `12` for the number 12, RFC 3339 for times."""
    match cell:
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer() and abs(cell) < 2**53:
            return str(int(cell))
        case str() | int() | float():
            return str(cell)
        case _:
            return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
