"""Lines in and out: descriptors that may be pipes, files or terminals, which one loop cannot wait for alike.

A thread reads, and waits while the loop has enough to do. Writing is done at once and waits for the reader: whoever
does not read what a node says stops that node, so nothing piles up here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator

from replica.core.base.limits import FRAME_BYTES_MAX

LINE_BYTES_MAX = FRAME_BYTES_MAX * 4 // 3 + (64 << 10)
"""Bytes of one line: the largest frame in base64, and what is around it. A longer one is cut, and so understood no
more."""

CHUNK_BYTES = 64 << 10
"""Bytes read at once: what a pipe holds."""

CHUNKS_WAITING_MAX = 4


class LineSplitter:
    """Cuts a stream of bytes into lines, without their line feeds."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take in the next bytes; return the lines that they end."""
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
    """Every line until the other side ends them."""
    chunks: asyncio.Queue[bytes] = asyncio.Queue(CHUNKS_WAITING_MAX)
    reader = (descriptor, asyncio.get_running_loop(), chunks)
    # a daemon: one that waits for input must not keep a process that has to end
    threading.Thread(target=_read, args=reader, name="lines", daemon=True).start()
    splitter = LineSplitter()
    while chunk := await chunks.get():
        for line in splitter.feed(chunk):
            yield line
    for line in splitter.end():
        yield line


def write_line(descriptor: int, line: bytes) -> None:
    """Write a whole line, however long that takes. Raises BrokenPipeError when nobody reads any more."""
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _read(descriptor: int, loop: asyncio.AbstractEventLoop, chunks: asyncio.Queue[bytes]) -> None:
    chunk = b"."
    with contextlib.suppress(RuntimeError):  # the loop has ended, and the process is about to
        while chunk:
            chunk = os.read(descriptor, CHUNK_BYTES)
            asyncio.run_coroutine_threadsafe(chunks.put(chunk), loop).result()
