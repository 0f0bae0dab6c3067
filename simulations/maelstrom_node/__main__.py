"""`python -m simulations.maelstrom_node`: one node of a pn-counter under Maelstrom, with the production core.

Messages come on standard input and go to standard output, one JSON object in each line. Logs go to standard error.
Core, driver, links and dialling are those of production. Only the ports differ: connections consist of messages
(connections.py), and the journal is in memory, because a node lives as long as its test.

To test it with Maelstrom, give Maelstrom a program to start:

    printf '#!/bin/sh\\nexec python -m simulations.maelstrom_node\\n' > counter && chmod +x counter
    maelstrom test -w pn-counter --bin ./counter --nodes n1,n2,n3 --time-limit 30 --rate 20 \\
        --nemesis partition --nemesis-interval 5

Nodes reconnect within seconds after a partition. Maelstrom waits ten seconds before the final reads. Its checker
accepts replicas that disagree. Ours, simulations/pn_counter.py, does not.
tests/simulations/test_maelstrom_cluster.py checks these processes with it, without Maelstrom.

The exit status is 0 if the input ends or if no process reads the output, and 1 if an invariant is broken.
"""

from __future__ import annotations

import asyncio
from functools import partial

import click
import structlog

from replica.runtime.logs import LEVELS, configure_logs
from replica.runtime.world import SystemClock, SystemEntropy
from simulations.maelstrom_node.lines import read_lines, write_line
from simulations.maelstrom_node.service import Service

log = structlog.get_logger(__name__)

STANDARD_INPUT = 0
STANDARD_OUTPUT = 1


async def serve() -> None:
    """Serve until the input ends. Raises the failure of a task."""
    service = Service(partial(write_line, STANDARD_OUTPUT), SystemClock(), SystemEntropy())
    reading = asyncio.create_task(_take_lines(service))
    await asyncio.wait([reading, service.failed], return_when=asyncio.FIRST_COMPLETED)
    try:
        if service.failed.done():
            reading.cancel()
            await service.abandon()
            service.failed.result()
        reading.result()
        await service.stop()
    except BrokenPipeError:
        log.info("output closed")


async def _take_lines(service: Service) -> None:
    async for line in read_lines(STANDARD_INPUT):
        await service.take_line(line)


@click.command()
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="info",
    show_default=True,
    help="Log messages of this level and above.",
)
def maelstrom_node(log_level: str) -> None:
    """Run one node of a pn-counter that speaks Maelstrom's protocol on standard input and output."""
    configure_logs(log_level)
    asyncio.run(serve())


if __name__ == "__main__":
    maelstrom_node()
