"""Tests whose component is missing are skipped, or fail under `--all-components`; pytest counts both."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib

import pytest

from tests.imports import ROOT, parsed, read_sources

pytest_plugins = ("pytester",)

SKIPPERS = ("skip", "skipif", "importorskip", "SkipTest", "skipTest", "skipIf", "skipUnless")

SUITE = """
from tests.components import skip_on_this_machine, skip_without

def test_that_needs_nothing(): pass
def test_that_needs_a_database(): skip_without("a database", "it is not installed")
def test_that_does_not_apply_here(): skip_on_this_machine("there is no network")
"""

MODULE = 'from tests.components import skip_without\nskip_without("a database", "it is not installed")'


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(test_suite=SUITE)
    return pytester


def play(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", "tests.components", "-p", "no:cacheprovider", *arguments)


def arguments_of_make() -> list[str]:
    """The arguments of pytest in `make test`: those of pyproject.toml, and those of the Makefile."""
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    found = re.search(r"^\t\$\(BIN\)/pytest (.*) \$\(ARGS\)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found is not None
    return [*shlex.split(options["addopts"]), *shlex.split(found[1])]


def arguments_of_ci() -> list[str]:
    """The arguments of pytest in `.ci/run`: also those that it gives to `make test`."""
    found = re.search(r'^make test ARGS="(.*)"$', (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert found is not None
    return [*arguments_of_make(), *shlex.split(found[1])]


def test_test_without_its_component_is_skipped_with_a_reason(suite: pytest.Pytester) -> None:
    result = play(suite, "-rs")
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["*needs a database: it is not installed"])
    assert result.ret == 0


def test_test_without_its_component_fails_under_all_components(suite: pytest.Pytester) -> None:
    result = play(suite, "--all-components")
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    assert result.ret == 1


def test_module_without_its_component_fails_under_all_components(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_suite=MODULE)
    play(suite).assert_outcomes(skipped=1)
    result = play(suite, "--all-components")
    result.assert_outcomes(errors=1)
    assert result.ret != 0


def test_ci_counts_tests_and_fails_if_a_component_is_missing(suite: pytest.Pytester) -> None:
    result = play(suite, *arguments_of_ci())
    assert result.ret == 1
    assert re.search(r"^1 failed, 1 passed, 1 skipped in [\d.]+s", result.stdout.lines[-1])


def test_make_test_counts_tests(suite: pytest.Pytester) -> None:
    result = play(suite, *arguments_of_make())
    assert re.search(r"^1 passed, 2 skipped in [\d.]+s", result.stdout.lines[-1])


def skips(source: str) -> list[str]:
    """Names in a source that skip tests without this plugin."""
    nodes = ast.walk(parsed(source))
    return [node.attr for node in nodes if isinstance(node, ast.Attribute) and node.attr in SKIPPERS]


def test_only_the_plugin_skips_tests() -> None:
    skipping = [name for name, source in read_sources("tests").items() if skips(source)]
    assert skipping == ["tests.components"]


@pytest.mark.parametrize("source", ["pytest.skip('x')", "@pytest.mark.skipif(True)\ndef test(): ..."])
def test_a_skip_elsewhere_is_caught(source: str) -> None:
    assert skips(source)
