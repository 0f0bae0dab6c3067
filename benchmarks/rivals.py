"""Servers to compare a store with: an echo server, a server with a transaction per sale, and SQLite alone."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import aiosqlite
import click
import msgspec
import uvloop
from aiohttp import web

ROWS_PER_STATEMENT = 256
BODY_BYTES = 130
"""About the size of the entry body of a sale with one line."""


def echo() -> web.Application:
    """A server that decodes the JSON body, answers it as JSON and stores nothing."""
    decoder, encoder = msgspec.json.Decoder(), msgspec.json.Encoder()

    async def answer(request: web.Request) -> web.Response:
        document = decoder.decode(await request.read())
        return web.Response(status=201, body=encoder.encode(document), content_type="application/json")

    return _app(answer)


async def naive(directory: Path) -> web.Application:
    """A server with a transaction per sale: key, stock and sale are correct and durable before the next sale begins."""
    database = await aiosqlite.connect(directory / "naive.sqlite", isolation_level=None)
    for statement in (
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "CREATE TABLE sales (key TEXT PRIMARY KEY, sku TEXT NOT NULL, quantity INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE stock (sku TEXT PRIMARY KEY, units INTEGER NOT NULL) WITHOUT ROWID",
    ):
        await database.execute(statement)
    one_at_a_time = asyncio.Lock()

    async def sell(request: web.Request) -> web.Response:
        sale: dict[str, Any] = await request.json()
        key = request.headers["Idempotency-Key"]
        async with one_at_a_time:
            await database.execute("BEGIN IMMEDIATE")
            for line in sale["lines"]:
                sku, quantity = line["sku"], line["quantity"]
                await database.execute("INSERT INTO sales VALUES (?, ?, ?)", (key, sku, quantity))
                await database.execute(
                    "INSERT INTO stock VALUES (?, ?) ON CONFLICT DO UPDATE SET units = units + excluded.units",
                    (sku, -quantity),
                )
            await database.execute("COMMIT")
        return web.json_response({"key": key}, status=201)

    return _app(sell)


def insert_rows(directory: Path, rows: int, rows_per_commit: int, is_ordered: bool) -> float:
    """Return how many rows a second SQLite stores durably: number, indexed key and body, as in a journal."""
    connection = sqlite3.connect(directory / "rows.sqlite", isolation_level=None)
    connection.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE entries (arrival INTEGER PRIMARY KEY, key BLOB, body BLOB); CREATE INDEX by_key ON entries (key);"
    )
    noise = os.urandom(BODY_BYTES)
    keys = [(number << 64).to_bytes(16, "big") if is_ordered else os.urandom(16) for number in range(rows)]
    flat = [value for number, key in enumerate(keys) for value in (number, key, noise)]
    started = time.perf_counter()
    for first in range(0, rows, rows_per_commit):
        last = min(rows, first + rows_per_commit)
        connection.execute("BEGIN IMMEDIATE")
        for at in range(first, last, ROWS_PER_STATEMENT):
            count = min(last - at, ROWS_PER_STATEMENT)
            statement = f"INSERT INTO entries VALUES {','.join(['(?,?,?)'] * count)}"
            connection.execute(statement, flat[3 * at : 3 * (at + count)])
        connection.execute("COMMIT")
    took = time.perf_counter() - started
    connection.close()
    return rows / took


def _app(handler: Any) -> web.Application:
    async def ready(request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application(client_max_size=2 << 20)
    app.router.add_post("/v1/sales", handler)
    app.router.add_post("/v1/sales:batch", handler)
    app.router.add_get("/readyz", ready)
    return app


async def _serve(kind: str, port: int, directory: Path) -> None:
    runner = web.AppRunner(echo() if kind == "echo" else await naive(directory), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


@click.command()
@click.argument("kind", type=click.Choice(["echo", "naive"]))
@click.argument("port", type=int)
@click.argument("directory", type=click.Path(path_type=Path))
def main(kind: str, port: int, directory: Path) -> None:
    """Serve until terminated."""
    uvloop.run(_serve(kind, port, directory))


if __name__ == "__main__":
    main()
