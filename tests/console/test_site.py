"""How a node serves its console: one start page, files that are kept for ever, and a strict policy."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from console.site import SECURITY, Site, needed_by
from console.third_party import HERE
from replica.core.catalog.currencies import MINOR_DIGITS
from tests.callers import Caller


async def _file(store: Caller, name: str) -> str:
    async with store.client.get("/") as response:
        page = await response.text()
    found = re.search(rf'"(/console/\w+/{re.escape(name)})"', page)
    assert found is not None
    return found[1]


async def test_start_page_is_asked_for_again_and_has_the_policy(store: Caller) -> None:
    async with store.client.get("/") as response:
        assert response.status == 200
        assert response.content_type == "text/html"
        assert response.headers["Cache-Control"] == "no-cache"
        assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        page = await response.text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page)


async def test_files_are_kept_for_ever_and_have_the_policy_too(store: Caller) -> None:
    async with store.client.get(await _file(store, "store/main.mjs")) as response:
        assert response.content_type == "text/javascript"
        assert "immutable" in response.headers["Cache-Control"]
        assert {name: response.headers[name] for name in SECURITY} == SECURITY


async def test_files_are_compressed_for_readers_that_can(store: Caller) -> None:
    path = await _file(store, "look/console.css")
    plain_headers, packed_headers = {"Accept-Encoding": "identity"}, {"Accept-Encoding": "gzip"}

    async with store.client.get(path, headers=plain_headers) as response:
        plain = await response.read()
        assert "Content-Encoding" not in response.headers
    async with store.client.get(path, headers=packed_headers, auto_decompress=False) as response:
        packed = await response.read()

    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 2


async def test_unknown_file_is_a_problem_document(store: Caller) -> None:
    base = (await _file(store, "look/console.css")).removesuffix("look/console.css")
    for path in (f"{base}nothing.mjs", f"{base}..%2Fsite.py", "/console/0000/look/console.css"):
        status, answer = await store.read(path)
        assert (status, answer["status"], answer["detail"][:17]) == (404, 404, "There is no path ")


def test_change_of_any_file_changes_the_path_of_all(tmp_path: Path) -> None:
    (tmp_path / "main.mjs").write_text("1")
    before = Site("main.mjs", "Test", folder=tmp_path).base
    (tmp_path / "other.css").write_text("2")

    assert Site("main.mjs", "Test", folder=tmp_path).base != before


def test_modules_that_are_needed_at_once_are_found_through_each_other() -> None:
    sources = {
        "store/main.mjs": b'import { a } from "../shell/a.mjs";\nimport("./late.mjs");',
        "shell/a.mjs": b'export{b}from"./b.mjs";import{c}from"./c.mjs";',
        "shell/b.mjs": b'import "./a.mjs";',
        "shell/c.mjs": b"",
        "store/late.mjs": b"",
    }

    shell = ["shell/a.mjs", "shell/b.mjs", "shell/c.mjs"]
    assert sorted(needed_by(["store/main.mjs"], sources)) == [*shell, "store/main.mjs"]
    assert "store/late.mjs" in needed_by(["store/main.mjs", "store/late.mjs"], sources)


def test_pages_know_the_minor_units_that_the_node_knows() -> None:
    source = (HERE / "static" / "shell" / "money.mjs").read_text()
    digits = {code: int(number) for code, number in re.findall(r"\b([A-Z]{3}): (\d)", source)}

    assert digits == {code: number for code, number in MINOR_DIGITS.items() if number != 2}
