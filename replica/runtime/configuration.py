"""Configuration: each flag is also an environment variable and a key of a TOML file. Flag before variable before file.

--hub URL   SHELFSYNC_HUB="URL URL"   hub = ["URL", "URL"]
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
from yarl import URL

from replica.core.base.errors import Invalid
from replica.core.base.names import check_name
from replica.runtime.logs import LEVELS

F = TypeVar("F", bound=Callable[..., Any])

CONTEXT = {"auto_envvar_prefix": "SHELFSYNC"}
"""The settings of all commands: the variable of a flag is the same for each way to start a command."""


class NameParam(click.ParamType[str]):
    """A node, location or region name."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return check_name(str(value), "name")
        except Invalid as invalid:
            self.fail(invalid.detail, param, ctx)


class UrlParam(click.ParamType[str]):
    """The base address of a peer."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        try:
            url = URL(text)
            is_good = url.scheme in ("http", "https") and bool(url.host) and url.port is not None
        except ValueError:
            is_good = False
        if not is_good:
            self.fail(f"{text!r} is not an address. Use one such as http://hub-east:8700", param, ctx)
        return text.rstrip("/")


_DEFAULT_PORTS = {"http": 80, "https": 443}


def canonical_origin(text: str) -> str | None:
    """Return an origin as browsers write it, `scheme://host[:port]`; None if the text is no origin of a web page."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # such as http://[::1
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    if parts.path or parts.query or parts.fragment:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _DEFAULT_PORTS[parts.scheme]) else "")


class OriginParam(click.ParamType[str]):
    """The origin of web pages that may call the node."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        origin = canonical_origin(str(value).rstrip("/"))
        if origin is None:
            self.fail(f"{str(value)!r} is not the origin of a page. Use one such as https://till.example", param, ctx)
        return origin


class NumberParam(click.FloatRange):
    """A number in a range. Click alone accepts NaN, because NaN is outside of no range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number. Use one such as 15 or 0.5", param, ctx)
        return number


def _read_file(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    """Use the keys of a TOML file as defaults of the flags of this command."""
    if path is None:
        return
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except (OSError, ValueError) as error:  # missing, not TOML, or not text
        raise click.BadParameter(f"{path}: {error}", ctx, param) from None
    known = {name.lstrip("-"): each for each in ctx.command.params for name in each.opts if each is not param}
    unknown = sorted(key for key in values if key not in known)
    if unknown:
        raise click.BadParameter(
            f"{path}: the key {unknown[0]!r} is not known. Use one of {', '.join(sorted(known))}", ctx, param
        )
    for key, value in values.items():
        if not _fits(known[key], value):
            raise click.BadParameter(
                f"{path}: the value {value!r} of {key!r} has the wrong type. Use {_type_text(known[key])}",
                ctx,
                known[key],
            )
    defaults = {str(known[key].name): _as_given(known[key], value) for key, value in values.items()}
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


def _fits(param: click.Parameter, value: object) -> bool:
    """Whether a value has the TOML type of its option. Click alone accepts 8701.7 and true as a port."""
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


def _type_text(param: click.Parameter) -> str:
    """The TOML type that an option takes, as text."""
    if isinstance(param, click.Option) and param.is_flag:
        return "true or false"
    if isinstance(param.type, click.types.FloatParamType):
        return "a number"
    if isinstance(param.type, click.types.IntParamType):
        return "a whole number"
    return "a text" if not (isinstance(param, click.Option) and param.multiple) else "a text or a list of texts"


def _as_given(param: click.Parameter, value: object) -> object:
    """A single value of an option that may be repeated becomes a list."""
    is_list = isinstance(param, click.Option) and param.multiple
    return [value] if is_list and not isinstance(value, list) else value


def configurable(command: F) -> F:
    """Add the flag `--config FILE` to a command."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        is_eager=True,
        expose_value=False,
        callback=_read_file,
        help="TOML file. Its keys are these flags, without the dashes.",
    )(command)


def node_options(default_port: int) -> Callable[[F], F]:
    """Add the flags that all nodes have to a command."""

    def add(command: F) -> F:
        for option in reversed(
            (
                click.option("--name", type=NameParam(), required=True, help="Unique name of this node in the chain."),
                click.option(
                    "--data",
                    type=click.Path(path_type=Path, file_okay=False),
                    required=True,
                    help="Directory of the journal.",
                ),
                click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
                click.option(
                    "--port",
                    type=click.IntRange(1, 65535),
                    default=default_port,
                    show_default=True,
                    help="Port to listen on.",
                ),
                click.option(
                    "--open-catalog", is_flag=True, help="Accept an unknown SKU as the item with the same name."
                ),
                click.option(
                    "--origin",
                    type=OriginParam(),
                    multiple=True,
                    help="Origin of web pages that may call this node. Pages of this machine always may.",
                ),
                click.option(
                    "--log-level",
                    type=click.Choice(LEVELS),
                    default="info",
                    show_default=True,
                    help="Lowest level of log lines.",
                ),
            )
        ):
            command = option(command)
        return command

    return add
