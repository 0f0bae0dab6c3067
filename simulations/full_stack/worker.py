"""A database worker without a thread: stands in for aiosqlite's queue, and does its work inline, a little later.

Work is done one piece after the other, each after the time its disk takes; then its result is handed over at once. So
what was begun when a process dies was done as a whole, by half, or not at all, and nobody had been told.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

Work = Callable[[], Any]

COMMIT = "_append"
"""Name of the journal's work that makes entries durable."""


class NoThread:
    """Stands in for the thread that would take work from the queue."""

    def __init__(self, **options: object) -> None:
        pass

    def start(self) -> None:
        """Nothing to start: the queue does its work itself."""


class WorkersDisk(Protocol):
    """What a worker needs of the disk it works on."""

    read_s: Callable[[], float]
    write_s: Callable[[], float]

    def carry_out(self, commit: Callable[[], Any]) -> Any:
        """Do a commit, as well as the disk can."""


class _Job(Struct, eq=False):
    begins_s: float
    future: asyncio.Future[Any] | None
    work: Work


class Worker:
    """The queue of one connection, and the hand that empties it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, disk: WorkersDisk) -> None:
        self.connection: sqlite3.Connection | None = None
        self._loop = loop
        self._disk = disk
        self._jobs: deque[_Job] = deque()
        self._free_s = 0.0

    def put_nowait(self, job: tuple[asyncio.Future[Any] | None, Work]) -> None:
        """Take in one piece of work."""
        future, work = job
        begins_s = max(self._loop.time(), self._free_s)
        self._free_s = begins_s + (self._disk.write_s() if _is_commit(work) else self._disk.read_s())
        self._jobs.append(_Job(begins_s, future, work))
        self._loop.call_at(self._free_s, self._do_next)

    def finish_what_was_begun(self) -> None:
        """Do the piece of work that a crash found begun; nobody hears of it."""
        if self._jobs and self._jobs[0].begins_s <= self._loop.time():
            try:
                self._jobs.popleft().work()
            except (sqlite3.Error, OSError):
                pass  # it would have failed, and there is nobody to tell

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


def _is_commit(work: Work) -> bool:
    return getattr(getattr(work, "func", None), "__name__", "") == COMMIT
