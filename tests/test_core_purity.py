"""The core is pure: read off its source, and off two runs of one script."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from tests.imports import ROOT, SOURCES, imports, is_under, parsed

CORE_IMPORTS = (
    "__future__",
    "array",
    "bisect",
    "collections",
    "datetime",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "math",
    "msgpack",
    "msgspec",
    "operator",
    "re",
    "replica.core",
    "struct",
    "sys",
    "typing",
    "unicodedata",
    "zlib",
)
"""All the core may import: nothing that reads a clock, an environment, a file, a socket or chance."""

CORE_CALLS_BANNED = (
    "set",
    "frozenset",
    "print",
    "open",
    "input",
    "exec",
    "eval",
    "compile",
    "breakpoint",
    "__import__",
    "hash",
    "id",
    "globals",
)
"""Sets iterate by hash, `hash` and `id` differ between runs, and the rest is input, output or hidden code."""

CORE_ATTRIBUTES_BANNED = ("now", "utcnow", "today")
"""Ways of `datetime` to read the clock."""

CORE_READS_OF_SYS = ("byteorder", "intern")
"""An interned text equals any other copy of it. It only saves memory."""

SETS_OF_VIEWS = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.Sub)


def impurities(module: str, source: str) -> list[str]:
    """What in a source of the core is not pure, line by line."""
    tree = parsed(source)
    found = [
        (1, f"imports {name}")
        for name in imports(module, source, SOURCES)
        if not any(is_under(name, one) for one in CORE_IMPORTS)
    ]
    for node in ast.walk(tree):
        match node:
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                found.append((node.lineno, "awaits"))
            case ast.Set() | ast.SetComp():
                found.append((node.lineno, "makes a set"))
            case ast.Call(func=ast.Name(id=name)) if name in CORE_CALLS_BANNED:
                found.append((node.lineno, f"calls {name}"))
            case ast.Attribute(attr=name) if name in CORE_ATTRIBUTES_BANNED:
                found.append((node.lineno, f"reads {name}"))
            case ast.Attribute(value=ast.Name(id="sys"), attr=name) if name not in CORE_READS_OF_SYS:
                found.append((node.lineno, f"reads sys.{name}"))
            case ast.ImportFrom(module="sys"):
                found.append((node.lineno, "imports from sys"))
            case ast.BinOp(left=left, op=operation, right=right) if isinstance(operation, SETS_OF_VIEWS):
                if any(is_view(side) for side in (left, right)):
                    found.append((node.lineno, "makes a set of a view"))
            case ast.Global() | ast.Nonlocal():
                found.append((node.lineno, "keeps state outside"))
    return [f"{module}:{line} {what}" for line, what in sorted(found)]


def is_view(node: ast.expr) -> bool:
    """Whether an expression is `x.keys()` or `x.items()`, whose algebra makes sets."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("keys", "items")


def trace(seed: int, *arguments: str) -> str:
    """The scripted day, as a process with this hash seed plays it."""
    command = [sys.executable, "-m", "tests.core.trace", *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout


def test_the_core_is_pure() -> None:
    core = {module: source for module, source in SOURCES.items() if is_under(module, "replica.core")}
    assert len(core) > 10
    assert [found for module, source in core.items() for found in impurities(module, source)] == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import random",
        "import os",
        "import os.path",
        "import socket",
        "import asyncio",
        "from pathlib import Path",
        "import sqlite3",
        "import aiohttp",
        "import uuid",
        "import secrets",
        "import threading",
        "import logging",
        "import structlog",
        "def late():\n    import time",
        "from replica import runtime",
        "from replica.runtime.ports import Clock",
        "import tests.core.chain",
        "async def wait(): ...",
        "async def wait():\n    await other()",
        "names = {'a', 'b'}",
        "names = set()",
        "names = frozenset(given)",
        "names = {name for name in given}",
        "names = one.keys() | other.keys()",
        "names = one.keys() - gone",
        "moment = datetime.now(UTC)",
        "moment = datetime.datetime.utcnow()",
        "day = date.today()",
        "print('here')",
        "file = open('journal')",
        "order = sorted(names, key=lambda name: hash(name))",
        "order = sorted(names, key=id)\nid(names)",
        "import sys\nsys.stdout.write('here')",
        "from sys import stdout",
        "module = __import__('time')",
        "count = 0\ndef more():\n    global count\n    count += 1",
    ],
)
def test_what_is_not_pure_is_caught(source: str) -> None:
    assert impurities("replica.core.broken", source) != []


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nlittle = sys.byteorder == 'little'",
        "from collections.abc import Mapping\nfrom replica.core.base.names import CHAIN",
        "total = 1 | 2\nleft = {**one, **other}\nempty = {}",
        "from datetime import UTC, datetime\nmoment = datetime.fromtimestamp(seconds, UTC)",
    ],
)
def test_what_is_pure_passes(source: str) -> None:
    assert impurities("replica.core.sound", source) == []


def test_the_same_script_leaves_the_same_trace_whatever_the_hash_seed() -> None:
    traces = [trace(seed) for seed in (1, 2)]
    assert len(traces[0].splitlines()) > 100
    assert traces[0] == traces[1]


def test_a_script_that_iterates_a_set_leaves_another_trace() -> None:
    assert trace(1, "--broken") != trace(2, "--broken")
