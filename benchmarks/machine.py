"""The machine of a run and the speed of its disk, without which figures mean nothing."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from pathlib import Path

from benchmarks.measure import Measured, quantile

PAGE_BYTES = 4_096
PAGES = 300
LOOP = 1_000_000


def describe(directory: Path) -> dict[str, str]:
    """Processor, memory, system, file system and versions."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, data on {_file_system(directory)}",
        "versions": f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
    }


def probe(directory: Path) -> Measured:
    """Time an append of one page with `fdatasync`, and a loop in the interpreter."""
    took_ms = []
    page = os.urandom(PAGE_BYTES)
    file = os.open(directory / "pages", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for _ in range(PAGES):
            started = time.perf_counter()
            os.write(file, page)
            os.fdatasync(file)
            took_ms.append((time.perf_counter() - started) * 1000)
    finally:
        os.close(file)
    took_ms.sort()
    started = time.perf_counter()
    sum(number * number for number in range(LOOP))
    loop_ms = (time.perf_counter() - started) * 1000
    return {
        "fdatasync p50 ms": quantile(took_ms, 0.5),
        "fdatasync p99 ms": quantile(took_ms, 0.99),
        "loop ms": loop_ms,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _file_system(directory: Path) -> str:
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(point, kind) for point, kind in mounts if directory.resolve().is_relative_to(point)]
    return max(holding, key=lambda mount: len(mount[0]))[1]
