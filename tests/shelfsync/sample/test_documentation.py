"""The documentation names goods that the sample catalogue has, and its commands work."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from pathlib import Path

import pytest

from shelfsync.sample.command import write_sample
from shelfsync.sample.skus import skus

ROOT = Path(__file__).parents[3]
REFERENCE = "docs/reference/sample-catalog.md"
PAGES = ("README.md", "docs/tutorial/first-store.md", REFERENCE)
SAMPLE = {sku.key: sku for sku in skus()}


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_goods_in_the_documentation_are_in_the_sample(page: str) -> None:
    named = set(re.findall(r"kelvane-[a-z0-9.-]*[a-z0-9]", text_of(page)))
    assert named and named <= SAMPLE.keys()


@pytest.mark.parametrize("page", PAGES)
def test_each_command_of_the_documentation_has_flags_that_exist(page: str) -> None:
    lines = [line.partition(" > ")[0] for line in text_of(page).splitlines() if line.startswith("shelfsync sample")]
    assert lines
    for line in lines:
        write_sample.make_context("sample", shlex.split(line)[2:])


def test_the_page_counts_the_skus_of_each_kind_and_shows_their_names() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| ([0-9,]+) \| `([^`]+)`(?: and `[^`]+`)?, (.+?) \|", text_of(REFERENCE), re.MULTILINE
    )
    kinds = Counter(sku.value["attributes"]["kind"] for sku in SAMPLE.values())
    assert {kind: int(number.replace(",", "")) for kind, number, *_ in rows} == kinds
    for _, _, key, shown in rows:
        names = SAMPLE[key].value["names"]
        assert shown in (f"{names['en']}, {names['zh']}", names["zh"])
