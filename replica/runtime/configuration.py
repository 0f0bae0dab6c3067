"""Configuration: every flag is also an environment variable and a key of a TOML file; the flag wins, then the variable.

--hub URL   SHELFSYNC_HUB="URL URL"   hub = ["URL", "URL"]
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from yarl import URL

from replica.core.base.errors import Invalid
from replica.core.base.names import check_name
from replica.runtime.logs import LEVELS

F = TypeVar("F", bound=Callable[..., Any])

CONTEXT = {"auto_envvar_prefix": "SHELFSYNC"}
"""Settings of every command, so that the variable is the same however the command was reached."""


class NameParam(click.ParamType[str]):
    """A node, location or region name."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return check_name(str(value), "name")
        except Invalid as invalid:
            self.fail(invalid.detail, param, ctx)


class UrlParam(click.ParamType[str]):
    """A peer's base address."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        try:
            url = URL(text)
            is_good = url.scheme in ("http", "https") and bool(url.host) and url.port is not None
        except ValueError:
            is_good = False
        if not is_good:
            self.fail(f"{text!r} is not an address such as http://hub-east:8700", param, ctx)
        return text.rstrip("/")


class NumberParam(click.FloatRange):
    """A number in a range. Click takes NaN for one, which is outside of no range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def _read_file(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    """Make a TOML file's keys the defaults of this command's flags."""
    if path is None:
        return
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except (OSError, ValueError) as error:  # not there, not TOML, not even text
        raise click.BadParameter(f"{path}: {error}", ctx, param) from None
    known = {name.lstrip("-"): each for each in ctx.command.params for name in each.opts if each is not param}
    unknown = sorted(key for key in values if key not in known)
    if unknown:
        raise click.BadParameter(f"{path}: there is no key {unknown[0]!r}", ctx, param)
    for key, value in values.items():
        if not _fits(known[key], value):
            raise click.BadParameter(f"{path}: {value!r} is of the wrong type", ctx, known[key])
    defaults = {str(known[key].name): _as_given(known[key], value) for key, value in values.items()}
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


def _fits(param: click.Parameter, value: object) -> bool:
    """Whether a value is of the TOML type its option takes: click would make a port of 8701.7, and one of true."""
    if isinstance(param, click.Option) and param.multiple and isinstance(value, list):
        return all(_fits_one(param, one) for one in value)
    return _fits_one(param, value)


def _fits_one(param: click.Parameter, value: object) -> bool:
    if isinstance(param, click.Option) and param.is_flag:
        return isinstance(value, bool)
    if isinstance(param.type, click.types.FloatParamType):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(param.type, click.types.IntParamType):
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str)


def _as_given(param: click.Parameter, value: object) -> object:
    """One address where there may be several is a list of one."""
    is_list = isinstance(param, click.Option) and param.multiple
    return [value] if is_list and not isinstance(value, list) else value


def configurable(command: F) -> F:
    """Give a command `--config FILE`."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        is_eager=True,
        expose_value=False,
        callback=_read_file,
        help="TOML file with any of these flags as keys.",
    )(command)


def node_options(default_port: int) -> Callable[[F], F]:
    """Give a command the flags every node has."""

    def add(command: F) -> F:
        for option in reversed(
            (
                click.option("--name", type=NameParam(), required=True, help="Name of this node, unique in the chain."),
                click.option(
                    "--data",
                    type=click.Path(path_type=Path, file_okay=False),
                    required=True,
                    help="Directory for the journal.",
                ),
                click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
                click.option(
                    "--port", type=click.IntRange(1, 65535), default=default_port, show_default=True, help="Port."
                ),
                click.option("--open-catalog", is_flag=True, help="Take an unknown SKU for the item of the same name."),
                click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True),
            )
        ):
            command = option(command)
        return command

    return add
