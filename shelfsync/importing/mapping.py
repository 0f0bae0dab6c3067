"""How the columns of a file of others become ours: names, defaults, constants, and conversions of values.

[columns]
sku = "Artikelnummer"          # our column = theirs
"name.en" = "Bezeichnung"
price = "VK"

[constants]                    # the same in each row
currency = "EUR"

[defaults]                     # where a cell is empty
unit = "EA"

[convert]                      # see CONVERSIONS
price = "decimal-comma"

[values.status]                # one value for another
aktiv = "active"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from replica.core.catalog.units import UNITS
from shelfsync.importing.cells import WrongCell, shown
from shelfsync.importing.columns import AT, RANK, Kind, Place, WrongField
from shelfsync.importing.files import Unreadable

_UNIT_NAMES = {
    **{name: code for code, name in UNITS.items()},
    **dict.fromkeys(("pcs", "pc", "piece", "pieces", "stück", "stk", "st", "个", "件", "只"), "H87"),
    **dict.fromkeys(("kg", "千克", "公斤"), "KGM"),
    **dict.fromkeys(("g", "gr", "克"), "GRM"),
    **dict.fromkeys(("l", "liter", "升"), "LTR"),
    **dict.fromkeys(("ml", "毫升"), "MLT"),
    **dict.fromkeys(("m", "meter", "米"), "MTR"),
    **dict.fromkeys(("bottle", "flasche", "瓶"), "BO"),
    **dict.fromkeys(("box", "盒"), "BX"),
    **dict.fromkeys(("case", "箱"), "CS"),
    **dict.fromkeys(("bag", "袋"), "BG"),
    **dict.fromkeys(("can", "dose", "罐", "听"), "CA"),
    **dict.fromkeys(("pack", "包"), "PK"),
}
"""Codes of units by the names that files use, in small letters."""


def _number(mark: str, point: str) -> Callable[[str], str]:
    """Reads numbers with a mark between thousands and another decimal point."""
    form = re.compile(rf"-?(?:[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|[0-9]+)(?:{point}[0-9]+)?")

    def convert(cell: str) -> str:
        text = cell.strip()
        if not form.fullmatch(text):
            raise WrongCell(f"{shown(cell)} is not a number of this form. Correct it, or use another conversion.")
        return re.sub(mark, "", text) if point == r"\." else re.sub(mark, "", text).replace(",", ".")

    return convert


def _unit_code(cell: str) -> str:
    text = cell.strip()
    if text in UNITS:
        return text
    code = _UNIT_NAMES.get(text.lower().rstrip(".")) or text.upper()
    if code not in UNITS:
        raise WrongCell(
            f"{shown(cell)} is no known unit. Write its UN/ECE Rec 20 code, or list it under [values.unit]."
        )
    return code


CONVERSIONS: dict[str, Callable[[str], str]] = {
    "decimal-comma": _number(r"[.\s']", ","),
    "thousands-comma": _number(r"[,\s']", r"\."),
    "unit-names": _unit_code,
    "lower": lambda cell: cell.strip().lower(),
    "upper": lambda cell: cell.strip().upper(),
    "text": lambda cell: msgspec.json.encode(cell.strip()).decode(),
}
"""Conversions of cells by name. `text`: digits in an attribute stay a text."""


class ColumnMapping(Struct, frozen=True, forbid_unknown_fields=True):
    """What a mapping file says. All names are ours, except the values of `columns`."""

    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    defaults: dict[str, str] = {}
    convert: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    ignore_unknown: bool = False


def read_mapping(path: Path | None, pairs: Sequence[tuple[str, str]], *, ignore_unknown: bool) -> ColumnMapping:
    """The mapping of a file, and of `--map` flags, which win. Raises Unreadable."""
    mapping = ColumnMapping()
    if path is not None:
        try:
            mapping = msgspec.convert(tomllib.loads(path.read_text("utf-8-sig")), ColumnMapping)
        except (OSError, ValueError, msgspec.ValidationError) as error:
            raise Unreadable(f"{path}: {error}") from None
    wrong = next((name for name in mapping.convert.values() if name not in CONVERSIONS), None)
    if wrong is not None:
        raise Unreadable(f"{path}: there is no conversion {wrong!r}. Use one of {', '.join(CONVERSIONS)}")
    columns = {**mapping.columns, **dict(pairs)}
    return msgspec.structs.replace(mapping, columns=columns, ignore_unknown=mapping.ignore_unknown or ignore_unknown)


class Layout:
    """How the cells of the rows of one file become cells of our columns."""

    def __init__(self, kind: Kind, header: Sequence[str], mapping: ColumnMapping) -> None:
        """Raises Unreadable if the header does not fit the kind."""
        self._kind = kind
        self._mapping = mapping
        self.sources: dict[str, str] = {}
        """The name that the file has for each of our columns."""
        self._indexes: dict[str, int] = {}
        self._read_header(header)
        for name in mapping.constants:
            self.sources.setdefault(name, name)
        self.places: dict[str, Place] = {}
        named = dict.fromkeys([*self.sources, *mapping.defaults])
        for name in named:
            place = kind.place(name)
            if place is not None:
                self.places[name] = place
            elif name not in self._own_names():
                raise Unreadable(self._unknown(name))
        missing = [name for name in (kind.key, *kind.required) if name not in named]
        if missing:
            text = f"The column {missing[0]} is missing; the file has {_listed(header)}."
            raise Unreadable(f"{text} Add it, or name the column that has it: --map {missing[0]}=COLUMN")

    def _own_names(self) -> tuple[str, ...]:
        return (self._kind.key, RANK, AT) if self._kind.document else (self._kind.key,)

    def _read_header(self, header: Sequence[str]) -> None:
        ours = {theirs: name for name, theirs in self._mapping.columns.items()}
        found: dict[str, str] = {}
        for index, written in enumerate(header):
            theirs = written.strip()
            name = ours.get(theirs, "" if theirs in self._mapping.columns else theirs)
            if not name or (self._mapping.ignore_unknown and not self._is_known(name)):
                continue
            if name in found:
                raise Unreadable(f"The columns {found[name]!r} and {theirs!r} both are our column {name}. Keep one.")
            found[name] = theirs
            self._indexes[name] = index
        lost = next((theirs for theirs in ours if theirs not in map(str.strip, header)), None)
        if lost is not None:
            raise Unreadable(f"The mapping names the column {lost!r}; the file has {_listed(header)}. Correct it.")
        self.sources = found

    def _is_known(self, name: str) -> bool:
        return self._kind.place(name) is not None or name in self._own_names()

    def _unknown(self, name: str) -> str:
        known = ", ".join(self._kind.known_columns())
        hint = "Rename it, map it with --map OURS=THEIRS, or give --ignore-unknown."
        return f"There is no column {name!r} for {self._kind.name}. The columns are {known}. {hint}"

    def source(self, name: str) -> str:
        """The name that the file has for one of our columns."""
        return self.sources.get(name, name)

    def cells(self, row: Sequence[str]) -> dict[str, str]:
        """The cells of our columns. Raises WrongField with the name of the file's column."""
        mapping = self._mapping
        cells = {name: row[index] if index < len(row) else "" for name, index in self._indexes.items()}
        for name, choices in mapping.values.items():
            if name in cells:
                cells[name] = choices.get(cells[name].strip(), cells[name])
        for name, conversion in mapping.convert.items():
            if cells.get(name, "").strip():
                try:
                    cells[name] = CONVERSIONS[conversion](cells[name])
                except WrongCell as wrong:
                    raise WrongField(name, str(wrong)) from None
        for name, default in mapping.defaults.items():
            if not cells.get(name, "").strip():
                cells[name] = default
        cells.update(mapping.constants)
        return cells


def _listed(header: Sequence[str]) -> str:
    names = [repr(name.strip()) for name in header[:20]]
    return ", ".join(names) + (" …" if len(header) > 20 else "") if names else "no columns"
