"""`python -m simulations.maelstrom_node`: one node of a pn-counter under Maelstrom, on the replica core as it is.

Messages come on standard input and go to standard output, one JSON object a line; logs go to standard error. Core,
driver, links and dialling are those of production. What differs are the ports: connections are made of messages
(connections.py), and the journal is in memory, for a node lives as long as its test.

To have Maelstrom test it, give it a program to start:

    printf '#!/bin/sh\\nexec python -m simulations.maelstrom_node\\n' > counter && chmod +x counter
    maelstrom test -w pn-counter --bin ./counter --nodes n1,n2,n3 --time-limit 30 --rate 20 \\
        --nemesis partition --nemesis-interval 5

Nodes find each other again within some seconds of the end of a partition; Maelstrom waits for ten before the final
reads. Its checker lets replicas disagree; ours, simulations/pn_counter.py, does not, and
tests/simulations/test_maelstrom_cluster.py holds these processes to it without Maelstrom.

The process ends with 0 when its input ends, or when nobody reads its output; with 1 when an invariant broke.
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
    """Serve until the input ends. Raises whatever broke."""
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
        log.info("nobody reads any more")


async def _take_lines(service: Service) -> None:
    async for line in read_lines(STANDARD_INPUT):
        await service.take_line(line)


@click.command()
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="What is logged.")
def maelstrom_node(log_level: str) -> None:
    """Run one node of a pn-counter that speaks Maelstrom's protocol on standard input and output."""
    configure_logs(log_level)
    asyncio.run(serve())


if __name__ == "__main__":
    maelstrom_node()
