"""Lines on descriptors that may be pipes, files or terminals. An event loop cannot wait for all of these.

A thread reads, and waits while the loop has enough lines. Writing is synchronous and waits for the reader. So if no
process reads the output of a node, that node stops, and no queue grows.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator

from replica.core.base.limits import FRAME_BYTES_MAX

LINE_BYTES_MAX = FRAME_BYTES_MAX * 4 // 3 + (64 << 10)
"""The most bytes of one line: the largest frame in base64, and its message. A longer line is cut, so it is invalid."""

CHUNK_BYTES = 64 << 10
"""Bytes for one read: the size of a pipe."""

CHUNKS_WAITING_MAX = 4


class LineSplitter:
    """Splits a stream of bytes into lines, without line feeds."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Add bytes. Returns the lines that they complete."""
        *ends, rest = chunk.split(b"\n")
        lines = [self._take(end) for end in ends]
        self._keep(rest)
        return lines

    def end(self) -> list[bytes]:
        """Return the last line if no line feed ended it."""
        return [bytes(self._rest)] if self._rest else []

    def _take(self, end: bytes) -> bytes:
        self._keep(end)
        line = bytes(self._rest)
        self._rest.clear()
        return line

    def _keep(self, piece: bytes) -> None:
        self._rest += piece[: LINE_BYTES_MAX - len(self._rest)]


async def read_lines(descriptor: int) -> AsyncIterator[bytes]:
    """Every line until the input ends."""
    chunks: asyncio.Queue[bytes] = asyncio.Queue(CHUNKS_WAITING_MAX)
    reader = (descriptor, asyncio.get_running_loop(), chunks)
    # a daemon, because a thread that waits for input must not keep the process alive
    threading.Thread(target=_read, args=reader, name="lines", daemon=True).start()
    splitter = LineSplitter()
    while chunk := await chunks.get():
        for line in splitter.feed(chunk):
            yield line
    for line in splitter.end():
        yield line


def write_line(descriptor: int, line: bytes) -> None:
    """Write a whole line. Waits as long as the reader needs. Raises BrokenPipeError if the reader is gone."""
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _read(descriptor: int, loop: asyncio.AbstractEventLoop, chunks: asyncio.Queue[bytes]) -> None:
    chunk = b"."
    with contextlib.suppress(RuntimeError):  # the loop has ended, and the process is about to
        while chunk:
            chunk = os.read(descriptor, CHUNK_BYTES)
            asyncio.run_coroutine_threadsafe(chunks.put(chunk), loop).result()
