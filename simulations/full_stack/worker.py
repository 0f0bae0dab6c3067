"""A database worker without a thread. It replaces aiosqlite's queue and does the work inline, a little later.

The worker does jobs one after the other. Each takes as long as its disk needs, then its caller gets the result at once.
So if a process dies, the current job was done completely, partly or not at all, and its caller got no result.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from msgspec import Struct

from replica.core.state.batch import Batch

WorkerJob = Callable[[], Any]

COMMIT = "_append"
"""The name of the journal's function that makes entries durable."""


class NoThread:
    """Replaces the thread that takes work from the queue."""

    def __init__(self, **options: object) -> None:
        pass

    def start(self) -> None:
        """Do nothing, because the queue does the work itself."""


class WorkersDisk(Protocol):
    """The interface of the disk that a worker needs."""

    read_s: Callable[[], float]
    write_s: Callable[[], float]

    def expect(self, batch: Batch) -> None:
        """Note a batch that a commit may make durable."""

    def carry_out(self, commit: Callable[[], Any]) -> Any:
        """Do a commit. May fail as the disk fails."""


class _Job(Struct, eq=False):
    begins_s: float
    future: asyncio.Future[Any] | None
    work: WorkerJob


class Worker:
    """The queue of one connection, and the worker that empties it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, disk: WorkersDisk) -> None:
        self.connection: sqlite3.Connection | None = None
        self._loop = loop
        self._disk = disk
        self._jobs: deque[_Job] = deque()
        self._free_s = 0.0

    def put_nowait(self, job: tuple[asyncio.Future[Any] | None, WorkerJob]) -> None:
        """Queue one job."""
        future, work = job
        if _is_commit(work):
            assert isinstance(work, partial)
            self._disk.expect(work.args[-1])
        begins_s = max(self._loop.time(), self._free_s)
        self._free_s = begins_s + (self._disk.write_s() if _is_commit(work) else self._disk.read_s())
        self._jobs.append(_Job(begins_s, future, work))
        self._loop.call_at(self._free_s, self._do_next)

    def finish_what_was_begun(self) -> None:
        """Do the job that was in progress at a crash. Its result is dropped."""
        if self._jobs and self._jobs[0].begins_s <= self._loop.time():
            try:
                self._jobs.popleft().work()
            except (sqlite3.Error, OSError):
                pass  # the job failed, but its caller is gone

    def _do_next(self) -> None:
        job = self._jobs.popleft()
        future = job.future
        try:
            result = self._disk.carry_out(job.work) if _is_commit(job.work) else job.work()
        except Exception as failure:
            if future is not None and not future.done():
                future.set_exception(failure)
            return
        if isinstance(result, sqlite3.Connection):
            self.connection = result
        if future is not None and not future.done():
            future.set_result(result)


def _is_commit(work: WorkerJob) -> bool:
    return getattr(getattr(work, "func", None), "__name__", "") == COMMIT
