"""The commands check flags, variables and files before they start anything."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from edge_node.__main__ import edge
from hub.__main__ import hub
from replica.runtime.configuration import CONTEXT, NumberParam, UrlParam, configurable, node_options
from shelfsync.__main__ import COMMANDS, main
from shelfsync.demo import demo
from simulations.__main__ import simulate

WRONG: dict[str, tuple[list[str], str]] = {
    "no name": (["--data", "d"], "--name"),
    "an invalid name": (["--name", "Store 1", "--data", "d"], "--name"),
    "no data": (["--name", "a"], "--data"),
    "a data directory that is a file": (["--name", "a", "--data", __file__], "--data"),
    "an invalid port": (["--name", "a", "--data", "d", "--port", "0"], "--port"),
    "an invalid address of a hub": (["--name", "a", "--data", "d", "--hub", "hub-east:8700"], "--hub"),
    "an origin that is a page": (["--name", "a", "--data", "d", "--origin", "https://till.example/page"], "--origin"),
    "the origin of a page without one": (["--name", "a", "--data", "d", "--origin", "null"], "--origin"),
    "seconds that are NaN": (["--name", "a", "--data", "d", "--home-after", "nan"], "--home-after"),
    "an unknown flag": (["--name", "a", "--data", "d", "--colour", "red"], "--colour"),
    "an unknown log level": (["--name", "a", "--data", "d", "--log-level", "loud"], "--log-level"),
    "an extra argument": (["--name", "a", "--data", "d", "please"], "please"),
    "a configuration file that does not exist": (
        ["--name", "a", "--data", "d", "--config", "/none.toml"],
        "/none.toml",
    ),
}

FILES: dict[str, tuple[bytes, str]] = {
    "an unknown key": (b'colour = "red"', "'colour'"),
    "a value of the wrong kind": (b'port = "near"', "--port"),
    "a value out of range": (b"port = 70000", "--port"),
    "a fraction for a whole number": (b"port = 8701.7", "--port"),
    "a boolean for a number": (b"port = true", "--port"),
    "a boolean for seconds": (b"home-after = true", "--home-after"),
    "a number for a boolean": (b"open-catalog = 5", "--open-catalog"),
    "a text for a boolean": (b'open-catalog = "yes"', "--open-catalog"),
    "a number for a text": (b"region = 5", "--region"),
    "a date for a text": (b"region = 2026-01-01", "--region"),
    "a table for a text": (b"[region]\nname = 'east'", "--region"),
    "NaN for seconds": (b"home-after = nan", "--home-after"),
    "a list for a text": (b'region = ["east", "west"]', "--region"),
    "a list with an invalid address": (b'hub = ["http://hub-east:8700", 7]', "--hub"),
    "a list with an invalid origin": (b'origin = ["https://till.example", "*"]', "--origin"),
    "one invalid address": (b'hub = "hub-east:8700"', "--hub"),
    "not TOML": (b"port 8701", "node.toml"),
    "not text": (b"\xff", "node.toml"),
}


@pytest.fixture(autouse=True)
def no_node_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line that should be refused must not start a node, which would never end."""

    def start(*_: object) -> None:
        raise AssertionError("a node starts")

    monkeypatch.setattr("edge_node.__main__.run_node", start)


def error_of(command: click.Command, *arguments: str | Path, variables: Mapping[str, str] | None = None) -> str:
    """Run a command that must end with exit code 2; return its only line about the error."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], env=dict(variables or {}))
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error:")]
    return line


@pytest.mark.parametrize("name", WRONG)
def test_error_about_a_flag_is_one_line_that_names_it(name: str) -> None:
    arguments, text = WRONG[name]
    assert text in error_of(edge, *arguments)


@pytest.mark.parametrize("name", FILES)
def test_error_about_a_configuration_is_one_line_that_names_the_key(tmp_path: Path, name: str) -> None:
    content, text = FILES[name]
    file = tmp_path / "node.toml"
    file.write_bytes(content)
    assert text in error_of(edge, "--name", "a", "--data", tmp_path / "data", "--config", file)


def test_error_about_a_variable_is_one_line_that_names_its_flag() -> None:
    assert "--port" in error_of(edge, "--name", "a", "--data", "d", variables={"SHELFSYNC_PORT": "near"})


def test_a_variable_that_is_no_number_is_refused() -> None:
    assert "--home-after" in error_of(edge, "--name", "a", "--data", "d", variables={"SHELFSYNC_HOME_AFTER": "nan"})
    assert "--minutes" in error_of(simulate, "--minutes", "nan")


def test_configuration_with_the_right_types_is_accepted(tmp_path: Path) -> None:
    values_seen: dict[str, object] = {}

    @click.command(context_settings=CONTEXT)
    @configurable
    @node_options(default_port=1)
    @click.option("--hub", multiple=True, type=UrlParam())
    @click.option("--home-after", type=NumberParam(0, 60))
    def note(**values: object) -> None:
        values_seen.update(values)

    file = tmp_path / "node.toml"
    file.write_text('name = "a"\ndata = "d"\nport = 8702\nopen-catalog = true\nhome-after = 5\nhub = "http://a:1"')
    assert CliRunner().invoke(note, ["--config", str(file)]).exit_code == 0
    assert [values_seen[name] for name in ("port", "open_catalog", "home_after", "hub")] == [
        8702,
        True,
        5.0,
        ("http://a:1",),
    ]


PEERS = ["http://a:8700", "http://b:8700", "http://c:8700"]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize(
    ("command", "flag", "is_one_list"), [(edge, "--hub", True), (hub, "--peer", False)], ids=["store", "hub"]
)
def test_a_store_connects_to_one_of_its_hubs_and_a_hub_to_each_of_its_peers(
    monkeypatch: pytest.MonkeyPatch, number: int, command: click.Command, flag: str, is_one_list: bool
) -> None:
    started: dict[str, Any] = {}
    for module in ("edge_node", "hub"):
        monkeypatch.setattr(f"{module}.__main__.run_node", lambda assembly, **more: started.update(more))
    peers = PEERS[:number]
    arguments = ["--name", "a", "--region", "east", "--data", "d", *chain.from_iterable((flag, one) for one in peers)]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    lists = [list(urls) for urls in started["dial"] if urls]
    assert lists == ([peers] if is_one_list and peers else [[one] for one in peers])


@pytest.mark.parametrize("seconds", ["3", "-1", "nan", "inf", "x"])
def test_demo_too_short_for_two_outages_is_refused(seconds: str) -> None:
    assert "--seconds" in error_of(demo, "--seconds", seconds)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_examples(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert "Examples:" in result.output
    assert f"shelfsync {command}" in result.output


def test_the_overview_names_every_command_and_an_unknown_one_is_refused() -> None:
    assert all(command in CliRunner().invoke(main, ["--help"]).output for command in COMMANDS)
    assert "destroy" in error_of(main, "destroy")
