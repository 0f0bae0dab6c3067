"""`shelfsync hub`, also `python -m hub`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from hub.assembly import assemble
from replica.runtime.configuration import CONTEXT, NameParam, UrlParam, configurable, node_options
from replica.runtime.logs import configure_logs
from replica.runtime.process import run_node


@click.command(
    context_settings=CONTEXT,
    epilog="""\b
Examples:
  shelfsync hub --name hub-east --region east --data ./hub-east
  shelfsync hub --name hub-west --region west --data ./hub-west --port 8710 \\
      --peer http://hub-east:8700 --hosts warehouse-1
""",
)
@configurable
@node_options(default_port=8700)
@click.option("--region", type=NameParam(), required=True, help="Region this hub serves.")
@click.option("--peer", type=UrlParam(), multiple=True, help="Address of another hub. One side of each pair needs it.")
@click.option("--hosts", type=NameParam(), multiple=True, help="Location without its own node: this hub writes for it.")
def hub(
    name: str,
    data: Path,
    host: str,
    port: int,
    open_catalog: bool,
    origin: tuple[str, ...],
    log_level: str,
    region: str,
    peer: tuple[str, ...],
    hosts: tuple[str, ...],
) -> None:
    """Run a regional hub."""
    configure_logs(log_level, node=name)
    run_node(
        partial(
            assemble,
            name=name,
            region=region,
            data=data,
            host=host,
            hosts=hosts,
            open_catalog=open_catalog,
            origins=origin,
        ),
        host=host,
        port=port,
        dial=[(url,) for url in peer],
        home_after_s=0.0,
    )


if __name__ == "__main__":
    hub()
