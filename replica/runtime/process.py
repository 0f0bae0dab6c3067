"""A node as a process: listen, serve until told to stop, end with a code that says why.

0  stopped as asked              2  wrong flags or configuration
3  the data cannot be used       4  the address cannot be listened on
74 a commit failed and nobody knows what is durable: start again, the idempotency keys answer
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NoReturn

import structlog
import uvloop
from aiohttp import web
from msgspec import Struct

from replica.core.base.errors import Unknown
from replica.runtime.http.fast_path import FastPath, FastRead
from replica.runtime.journal.damage import DataRefused
from replica.runtime.node import Node
from replica.runtime.peering.websocket import HttpNetwork

log = structlog.get_logger(__name__)

EXIT_DATA = 3
EXIT_ADDRESS = 4
EXIT_BROKEN = 70
EXIT_INDETERMINATE = 74

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")

REQUESTS_FINISH_S = 1.0

BACKLOG = 1_024

GC_THRESHOLDS = (50_000, 20, 50)
"""Requests leave next to no cycles behind; the interpreter's own thresholds would have it look every few requests."""

SWITCH_S = 0.000_3
"""How long the journal's thread, back from the disk, waits for the interpreter's lock while the loop is busy. The
interpreter's own 5 ms are as long as a commit takes."""


class Assembly(Struct, frozen=True):
    """A node and its application; `hot` are the calls that take the express lane: what reads them, by path."""

    node: Node
    app: web.Application
    hot: Mapping[str, FastRead]


Assemble = Callable[[HttpNetwork], Awaitable[Assembly]]


def run_node(
    assemble: Assemble, *, host: str, port: int, dial: Sequence[Sequence[str]], home_after_s: float
) -> NoReturn:
    """Run a node until SIGTERM, SIGINT or SIGHUP; exits the process."""
    try:
        code = uvloop.run(serve(assemble, host, port, dial, home_after_s))
    except DataRefused as refused:
        print(f"shelfsync: {refused}", file=sys.stderr)
        code = EXIT_DATA
    except Exception:
        traceback.print_exc()
        code = EXIT_BROKEN
    os._exit(code)  # a thread that is still busy must not keep a process that is done


async def serve(
    assemble: Assemble,
    host: str,
    port: int,
    dial: Sequence[Sequence[str]],
    home_after_s: float,
    *,
    exit_at_once: Callable[[int], NoReturn] = os._exit,
) -> int:
    """Run a node on this loop until it is told to stop; return the exit code. `exit_at_once` never returns."""
    gc.set_threshold(*GC_THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stopping.set)
    network = HttpNetwork()
    assembly = await assemble(network)
    node = assembly.node
    runner = web.AppRunner(assembly.app, access_log=None, handle_signals=False, shutdown_timeout=REQUESTS_FINISH_S)
    await runner.setup()
    assert runner.server is not None
    fast_path = FastPath(assembly.hot, node.driver, runner.server) if assembly.hot else None
    try:
        server = await loop.create_server(fast_path or runner.server, host, port, backlog=BACKLOG, reuse_address=True)
    except OSError as error:
        print(f"shelfsync: cannot listen on {host}:{port}: {error.strerror}", file=sys.stderr)
        await node.stop()
        return EXIT_ADDRESS
    gc.freeze()  # what was loaded stays: the collector need not walk it again and again
    vital = node.start(dial, home_after_s)
    log.warning("no keys configured: only callers on this machine are served", host=host)
    log.info("serving", host=host, port=port)
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait([stopped, *vital], return_when=asyncio.FIRST_COMPLETED)
    for task in vital:
        if task.done():
            _end_at_once(task, exit_at_once)
    log.info("stopping")
    node.is_ready = False
    server.close()
    if fast_path is not None:
        fast_path.close()
    node.peers.close()
    await runner.cleanup()
    await node.stop()
    await network.close()
    log.info("stopped")
    return 0


def _end_at_once(task: asyncio.Task[None], exit_at_once: Callable[[int], NoReturn]) -> NoReturn:
    """Crash-only: what is durable is not known, or an invariant broke, so this process says and writes nothing more."""
    failure = task.exception()
    code = EXIT_INDETERMINATE if isinstance(failure, Unknown) else EXIT_BROKEN
    trace = "".join(traceback.format_exception(failure)) if failure is not None else ""
    log.critical("a task the node lives by ended, so does the process", error=str(failure), trace=trace, code=code)
    sys.stderr.flush()
    exit_at_once(code)
