"""docs/reference/simulations.md lists exactly the scenarios, faults, checkers and knobs of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulations import catalogue
from simulations.scenario import BESIDES

ROOT = Path(__file__).parents[2]

PAGE = (ROOT / "docs" / "reference" / "simulations.md").read_text()

GUIDE = (ROOT / "docs" / "how-to" / "run-simulations.md").read_text()


def rows() -> dict[str, str]:
    """The rows of the page's tables: descriptions by name."""
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", PAGE, re.MULTILINE))


def test_the_page_lists_every_scenario_fault_checker_and_knob() -> None:
    expected = {name: catalogue.first_sentence(about) for name, about in catalogue.scenarios().items()}
    for kinds in catalogue.faults().values():
        expected |= kinds
    expected |= catalogue.checkers()
    expected |= catalogue.knobs()
    assert rows() == expected
    assert sorted(catalogue.IN_RUN) == sorted(BESIDES)


@pytest.mark.parametrize("page", [PAGE, GUIDE], ids=["reference", "guide"])
def test_files_that_the_page_names_exist(page: str) -> None:
    named = re.findall(r"`((?:simulations|tests)/[\w/.]+)`", page)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
