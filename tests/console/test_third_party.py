"""The third-party code of the consoles is fetched as pinned, complete, and imports no package by its name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from console.third_party import BARE, FILES, FOLDER, HERE, FetchFailed, install, is_complete, rewritten


def test_every_file_of_the_pages_is_there() -> None:
    assert is_complete(FOLDER)
    assert {path.name for path in (FOLDER / "licences").iterdir()} >= {"preact.txt", "uplot.txt", "world-atlas.txt"}


def test_no_file_imports_a_package_by_its_name() -> None:
    modules = [*FOLDER.rglob("*.mjs"), *FOLDER.rglob("*.js")]

    assert len(modules) > 10
    assert [
        name for path in modules for name in re.findall(r"""\bfrom\s*["']([^."'/][\w@/-]*)["']""", path.read_text())
    ] == []


def test_lock_pins_each_package_with_a_hash_and_without_an_address() -> None:
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]
    pinned = {name: package for name, package in packages.items() if name}

    assert len(pinned) > 8
    assert all(package["integrity"].startswith("sha512-") for package in pinned.values())
    assert not any("resolved" in package for package in packages.values())


def test_import_of_a_package_becomes_a_path() -> None:
    assert rewritten('import{h}from"preact";', "a.mjs") == f'import{{h}}from"./{BARE["preact"]}";'


def test_import_of_an_unknown_package_is_refused() -> None:
    with pytest.raises(FetchFailed, match=r"a\.mjs imports 'react'"):
        rewritten('import React from "react";', "a.mjs")


def test_missing_file_of_a_package_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "third_party"
    folder.mkdir()
    (folder / "kept.mjs").write_text("1")

    with pytest.raises(FetchFailed, match=re.escape(next(iter(FILES.values())))):
        install(tmp_path / "node_modules", folder)

    assert [path.name for path in tmp_path.iterdir()] == ["third_party"]
    assert (folder / "kept.mjs").read_text() == "1"
