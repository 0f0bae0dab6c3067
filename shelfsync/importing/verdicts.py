"""Verdicts: what became of each row of a file, as a report and as a summary."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct

from shelfsync.importing.files import Unreadable, format_of

Status = Literal["written", "unchanged", "refused"]

SHOWN_MAX = 10
"""Refused rows that the summary shows; the report has all of them."""


class Verdict(Struct, frozen=True):
    """What became of one row. `field`: the name of its column in the file. `row`: as a spreadsheet counts."""

    row: int
    key: str
    status: Status
    field: str = ""
    detail: str = ""


class Report(Protocol):
    """Where verdicts go, as a context manager."""

    def __enter__(self) -> Report: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def put(self, verdicts: Iterable[Verdict]) -> None:
        """Note verdicts. They are in the file when this returns."""


class NoReport:
    """No file was asked for."""

    def __enter__(self) -> NoReport:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def put(self, verdicts: Iterable[Verdict]) -> None:
        pass


class FileReport:
    """A file of verdicts: CSV or NDJSON, by the end of its name."""

    def __init__(self, path: Path) -> None:
        """Raises Unreadable if the file cannot be written."""
        self._is_table = format_of(path) == "csv"
        try:
            self._file = path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise Unreadable(f"{path}: {error.strerror}") from None
        self._table = csv.writer(self._file)

    def __enter__(self) -> FileReport:
        if self._is_table:
            self._table.writerow(Verdict.__struct_fields__)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def put(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            if self._is_table:
                self._table.writerow([getattr(verdict, name) for name in Verdict.__struct_fields__])
            else:
                self._file.write(msgspec.json.encode(verdict).decode() + "\n")
        self._file.flush()


class Summary:
    """How many rows had which verdict, and the first refusals."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.refused: list[Verdict] = []

    def put(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            self.counts[verdict.status] += 1
            if verdict.status == "refused" and len(self.refused) < SHOWN_MAX:
                self.refused.append(verdict)

    def lines(self, *, is_dry_run: bool) -> list[str]:
        """The summary for people."""
        shown = [f"row {one.row} ({one.key}): {one.field}: {one.detail}" for one in self.refused]
        more = self.counts["refused"] - len(shown)
        words: dict[str, Any] = {"written": "to write" if is_dry_run else "written"}
        total = ", ".join(f"{self.counts[one]} {words.get(one, one)}" for one in ("written", "unchanged", "refused"))
        return [*shown, *([f"… and {more} more refused rows"] if more else []), total]
