"""Plugin: tests that need a real component, such as a database, are skipped without it, or fail.

A test that does not find its component calls `skip_without`. Usually this skips the test. With `--all-components`, as
in `.ci/run`, it fails the test, so that CI never silently leaves out a test.
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


def skip_without(component: str, reason: str) -> NoReturn:
    """Skip this test, or the module that is being imported, because a component is missing. Fail under the option."""
    text = f"needs {component}: {reason}"
    if Run.has_all_components:
        pytest.fail(f"{text}; {OPTION} does not allow a skip", pytrace=False)
    pytest.skip(text, allow_module_level=True)


def skip_on_this_machine(reason: str) -> NoReturn:
    """Skip this test because it says nothing about this machine. No component is missing."""
    pytest.skip(reason)
