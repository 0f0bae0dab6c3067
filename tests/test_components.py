"""Tests whose component is missing are skipped, and fail where all components have to be there; both are counted."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib

import pytest

from tests.imports import ROOT, read_sources

pytest_plugins = ("pytester",)

SKIPPERS = ("skip", "skipif", "importorskip", "SkipTest", "skipTest", "skipIf", "skipUnless")

SUITE = """
from tests.components import skip_on_this_machine, skip_without

def test_that_needs_nothing(): pass
def test_that_needs_a_database(): skip_without("a database", "it is not installed")
def test_that_says_nothing_here(): skip_on_this_machine("there is no network")
"""

MODULE = 'from tests.components import skip_without\nskip_without("a database", "it is not installed")'


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(test_suite=SUITE)
    return pytester


def play(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", "tests.components", "-p", "no:cacheprovider", *arguments)


def arguments_of_ci() -> list[str]:
    """What pytest is given by `.ci/run`: what always counts, and what is given to `make test`."""
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    given = re.search(r'^make test ARGS="(.*)"$', (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert given is not None
    return [*shlex.split(options["addopts"]), *shlex.split(given[1])]


def test_a_test_without_its_component_is_skipped_and_says_why(suite: pytest.Pytester) -> None:
    result = play(suite, "-rs")
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["*needs a database: it is not installed"])
    assert result.ret == 0


def test_a_test_without_its_component_fails_where_all_have_to_be_there(suite: pytest.Pytester) -> None:
    result = play(suite, "--all-components")
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    assert result.ret == 1


def test_a_module_without_its_component_fails_where_all_have_to_be_there(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_suite=MODULE)
    play(suite).assert_outcomes(skipped=1)
    result = play(suite, "--all-components")
    result.assert_outcomes(errors=1)
    assert result.ret != 0


def test_ci_counts_tests_and_fails_where_a_component_is_missing(suite: pytest.Pytester) -> None:
    result = play(suite, *arguments_of_ci())
    assert result.ret == 1
    assert re.search(r"^1 failed, 1 passed, 1 skipped in [\d.]+s", result.stdout.lines[-1])


def test_make_test_counts_tests(suite: pytest.Pytester) -> None:
    result = play(suite, *arguments_of_ci()[:2])
    assert re.search(r"^1 passed, 2 skipped in [\d.]+s", result.stdout.lines[-1])


def skips(source: str) -> list[str]:
    """Names in a source that skip tests in their own way."""
    nodes = ast.walk(ast.parse(source))
    return [node.attr for node in nodes if isinstance(node, ast.Attribute) and node.attr in SKIPPERS]


def test_tests_are_skipped_in_one_place_only() -> None:
    skipping = [name for name, source in read_sources("tests").items() if skips(source)]
    assert skipping == ["tests.components"]


@pytest.mark.parametrize("source", ["pytest.skip('x')", "@pytest.mark.skipif(True)\ndef test(): ..."])
def test_a_skip_elsewhere_is_caught(source: str) -> None:
    assert skips(source)
