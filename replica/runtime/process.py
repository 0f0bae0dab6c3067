"""A node as a process: it listens, serves until a signal, and ends with an exit code.

0  stopped by a signal           2  wrong flag or configuration
3  the data cannot be used       4  the node cannot listen on the address
70 an unexpected error: see the log
74 a commit failed and nobody knows what is durable: start the node again, and retry requests with the same keys
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
from replica.runtime.http.protocol import problem_protocols
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
"""Requests leave almost no cycles behind. With its own thresholds the interpreter would collect every few requests."""

SWITCH_S = 0.000_3
"""How long the thread of the journal waits for the interpreter's lock after a commit, while the loop is busy. The
default of 5 ms is as long as a commit takes."""


class Assembly(Struct, frozen=True):
    """A node and its application. `fast_calls`: the calls of the fast path, their readers by path."""

    node: Node
    app: web.Application
    fast_calls: Mapping[str, FastRead]


Assemble = Callable[[HttpNetwork], Awaitable[Assembly]]


def run_node(
    assemble: Assemble, *, host: str, port: int, dial: Sequence[Sequence[str]], home_after_s: float
) -> NoReturn:
    """Run a node until SIGTERM, SIGINT or SIGHUP, then exit the process."""
    try:
        code = uvloop.run(serve(assemble, host, port, dial, home_after_s))
    except DataRefused as refused:
        print(f"shelfsync: {refused}", file=sys.stderr)
        code = EXIT_DATA
    except Exception:
        traceback.print_exc()
        code = EXIT_BROKEN
    os._exit(code)  # a busy thread must not keep the process alive


async def serve(
    assemble: Assemble,
    host: str,
    port: int,
    dial: Sequence[Sequence[str]],
    home_after_s: float,
    *,
    exit_at_once: Callable[[int], NoReturn] = os._exit,
) -> int:
    """Run a node on this loop until a signal stops it; return the exit code. `exit_at_once` never returns."""
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
    protocols = problem_protocols(runner.server)
    fast_path = FastPath(assembly.fast_calls, node.driver, protocols) if assembly.fast_calls else None
    try:
        server = await loop.create_server(fast_path or protocols, host, port, backlog=BACKLOG, reuse_address=True)
    except OSError as error:
        print(
            f"shelfsync: cannot listen on {host}:{port}: {error.strerror}. Choose another --host or --port.",
            file=sys.stderr,
        )
        await node.stop()
        return EXIT_ADDRESS
    gc.freeze()  # the loaded state stays: the collector skips it from here on
    vital = node.start(dial, home_after_s)
    log.warning("no keys configured: the node serves only callers on this machine", host=host)
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
    """Crash-only: nobody knows what is durable, or an invariant broke, so the process answers and writes no more."""
    failure = task.exception()
    code = EXIT_INDETERMINATE if isinstance(failure, Unknown) else EXIT_BROKEN
    trace = "".join(traceback.format_exception(failure)) if failure is not None else ""
    log.critical("a vital task ended, so the process ends", error=str(failure), trace=trace, code=code)
    sys.stderr.flush()
    exit_at_once(code)
