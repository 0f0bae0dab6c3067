"""aiosqlite without its threads: every call runs immediately, in the thread of the caller.

A trial awaits each call before it makes the next, so only the time changes: the handover to a thread takes half of a
trial. A test compares both ways. This module replaces the thread and its queue under the names that aiosqlite uses.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import aiosqlite.core


class _Queue:
    """Runs each piece of work that is put into it."""

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
    """Does nothing, because the queue has run the work."""

    def __init__(self, target: object, args: object) -> None:
        pass

    def start(self) -> None:
        pass


@contextmanager
def run_inline() -> Iterator[None]:
    """In this block, new connections have no threads."""
    with patch.object(aiosqlite.core, "SimpleQueue", _Queue), patch.object(aiosqlite.core, "Thread", _Thread):
        yield
