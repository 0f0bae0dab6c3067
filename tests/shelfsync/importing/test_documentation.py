"""docs/how-to/import-and-export.md: its columns are those of the code, and its examples work."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import msgspec
import pytest

from shelfsync.importing.columns import KINDS, PRICES
from shelfsync.importing.command import import_file
from shelfsync.importing.export_command import export
from shelfsync.importing.mapping import CONVERSIONS, ColumnMapping, Layout, read_mapping
from tests.callers import Caller
from tests.shelfsync.importing.test_sending import send, statuses

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "import-and-export.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The examples in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.has_tables], ids=lambda kind: kind.name)
def test_the_page_lists_the_columns_of_each_kind(kind: object) -> None:
    assert isinstance(kind, type(PRICES))
    section = PAGE.partition(f"\n### {kind.name}\n")[2].partition("\n#")[0]
    rows = re.findall(r"^\| (\**)`([^`]+)`\** \| (.+) \|$", section, re.MULTILINE)
    expected = [(kind.key, "the key", True)]
    for column in kind.columns:
        name = f"{column.name}…" if column.is_group else column.name
        expected.append((name, column.about, column.name in kind.required))
    assert [(name, about, bool(bold)) for bold, name, about in rows] == expected


def test_the_page_lists_the_conversions() -> None:
    section = PAGE.partition("| conversion | does |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == list(CONVERSIONS)


def test_each_command_of_the_page_has_flags_that_exist() -> None:
    commands: dict[str, click.Command] = {"import": import_file, "export": export}
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert lines
    for line in lines:
        program, name, *arguments = shlex.split(line)
        assert program == "shelfsync"
        commands[name].make_context(name, list(arguments))


@pytest.mark.parametrize("command", [import_file, export], ids=["import", "export"])
def test_each_flag_has_the_variable_of_its_name(command: click.Command) -> None:
    for param in command.params:
        if isinstance(param, click.Option) and param.name not in ("config", "help"):
            flag = max(param.opts, key=len).lstrip("-").replace("-", "_").upper()
            assert (param.envvar or f"SHELFSYNC_{str(param.name).upper()}") == f"SHELFSYNC_{flag}"


def test_the_mapping_of_the_page_fits_prices(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    path = tmp_path / "erp.toml"
    path.write_text(text, "utf-8")
    mapping = read_mapping(path, [], ignore_unknown=False)
    assert mapping == msgspec.convert(tomllib.loads(text), ColumnMapping)
    layout = Layout(PRICES, ["Artikelnummer", "VK brutto", "Lieferant"], mapping)
    cells = layout.cells(["cola", "1,99", "Meyer"])
    assert cells == {"sku": "cola", "price": "1.99", "tax_inclusive": "true", "currency": "EUR"}


async def test_the_tables_of_the_page_can_be_imported(hub: Caller, tmp_path: Path) -> None:
    catalogue, levels = blocks("csv")
    path = tmp_path / "skus.csv"
    path.write_text(catalogue, "utf-8")
    assert statuses(await send(hub, path, "skus", has_new_items=True)) == ["written"] * 4
    path = tmp_path / "levels.csv"
    path.write_text(levels.replace("store-12", "w-1"), "utf-8")
    assert statuses(await send(hub, path, "levels")) == ["written"] * 2
