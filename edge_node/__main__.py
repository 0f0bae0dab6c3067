"""`shelfsync edge`, also `python -m edge_node`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from edge_node.assembly import assemble
from replica.runtime.configuration import CONTEXT, NameParam, NumberParam, UrlParam, configurable, node_options
from replica.runtime.logs import configure_logs
from replica.runtime.process import run_node


@click.command(
    context_settings=CONTEXT,
    epilog="""\b
Examples:
  shelfsync edge --name store-12 --location store-12 --data ./store-12 --open-catalog
  shelfsync edge --name store-12 --location store-12 --data ./store-12 \\
      --hub http://hub-east:8700 --hub http://hub-west:8700
""",
)
@configurable
@node_options(default_port=8701)
@click.option("--location", type=NameParam(), help="Location of this node. [default: the name of the node]")
@click.option(
    "--hub",
    type=UrlParam(),
    multiple=True,
    help="Address of a hub. The first is the home hub, the others are used if it fails.",
)
@click.option("--region", type=NameParam(), default="store", show_default=True, help="Region of this store.")
@click.option(
    "--home-after",
    type=NumberParam(0.0, 86_400.0),
    default=15.0,
    show_default=True,
    help="Seconds the home hub must answer before the store returns to it; doubles up to 1 h while it refuses.",
)
def edge(
    name: str,
    data: Path,
    host: str,
    port: int,
    open_catalog: bool,
    origin: tuple[str, ...],
    log_level: str,
    location: str | None,
    hub: tuple[str, ...],
    region: str,
    home_after: float,
) -> None:
    """Run the node of a store. Without --hub it runs alone, without synchronization."""
    configure_logs(log_level, node=name)
    run_node(
        partial(
            assemble,
            name=name,
            location=location or name,
            data=data,
            host=host,
            hubs=hub,
            region=region,
            open_catalog=open_catalog,
            origins=origin,
        ),
        host=host,
        port=port,
        dial=[hub],
        home_after_s=home_after,
    )


if __name__ == "__main__":
    edge()
