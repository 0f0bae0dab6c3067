"""`shelfsync`: all commands under one name. The module of a command is imported when the command is called."""

from __future__ import annotations

from importlib import import_module

import click

from replica.version import VERSION

COMMANDS = {
    "edge": "edge_node.__main__:edge",
    "hub": "hub.__main__:hub",
    "demo": "shelfsync.demo:demo",
    "doctor": "shelfsync.doctor:doctor",
    "import": "shelfsync.importing.command:import_file",
    "export": "shelfsync.importing.export_command:export",
    "holidays": "shelfsync.holidays:write_holidays",
    "sample": "shelfsync.sample.command:write_sample",
    "simulate": "simulations.__main__:simulate",
}
"""The module and function of each command."""


class Commands(click.Group):
    """The commands, each imported when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="shelfsync")
def main() -> None:
    """Keep retail stock consistent across stores and hubs, also while they are disconnected."""


if __name__ == "__main__":
    main()
