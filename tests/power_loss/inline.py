"""aiosqlite without its threads: every call runs at once, where it was made.

A trial awaits one call before it makes the next, so nothing changes but the time that handing over takes, which is
half of the whole; a test compares the two. Replaced are the thread and the queue to it, as aiosqlite looks them up.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import aiosqlite.core


class _Queue:
    """Does what is put into it."""

    def put_nowait(self, item: tuple[Future[Any] | None, Callable[[], Any]]) -> None:
        future, work = item
        try:
            result = work()
        except BaseException as error:
            if future is None:
                raise
            future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


class _Thread:
    """Does nothing: the queue has done it."""

    def __init__(self, target: object, args: object) -> None:
        pass

    def start(self) -> None:
        pass


@contextmanager
def run_inline() -> Iterator[None]:
    """Connections that are made meanwhile have no threads."""
    with patch.object(aiosqlite.core, "SimpleQueue", _Queue), patch.object(aiosqlite.core, "Thread", _Thread):
        yield
