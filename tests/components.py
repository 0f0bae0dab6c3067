"""Plugin: real components that some tests need, and what happens where one is missing.

A test that needs a component calls `skip_without` when it is not there. Usually the test is skipped. With
`--all-components`, as `.ci/run` has it, the test fails: a run that has to try everything may not leave it out silently.
"""

from __future__ import annotations

from typing import NoReturn

import pytest

OPTION = "--all-components"


class Run:
    """This run of pytest."""

    has_all_components = False
    """Whether a missing component is a failure."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, action="store_true", help="fail tests whose component is missing")


def pytest_configure(config: pytest.Config) -> None:
    Run.has_all_components = config.getoption(OPTION)


def skip_without(component: str, why: str) -> NoReturn:
    """Skip this test, or the module that is being imported: a component is not there. Fails under the option."""
    said = f"needs {component}: {why}"
    if Run.has_all_components:
        pytest.fail(f"{said}; {OPTION} does not allow to skip it", pytrace=False)
    pytest.skip(said, allow_module_level=True)


def skip_on_this_machine(why: str) -> NoReturn:
    """Skip this test: not a component is missing, but the machine is one that it says nothing about."""
    pytest.skip(why)
