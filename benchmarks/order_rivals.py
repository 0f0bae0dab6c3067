"""Other ways to take orders for limited stock, to compare a hub with. All run behind the same HTTP front.

`postgres`  one transaction per order: insert its row, unique by key, and update the stock conditionally
`task`      a script deducts the stock in Redis within a PostgreSQL transaction that inserts a row for a worker
`redis`     the script alone

All answer after their writes are on the disk: `synchronous_commit = on`, `appendfsync always`. Each recognises a
repeated key, and refuses an order that exceeds the stock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import click
import msgspec
import uvloop
from aiohttp import web
from redis.asyncio import Redis

from replica.core.orders.requests import Placement

CONNECTIONS = 16
"""Connections to each database. More would only wait for each other."""

STOCKED = 1_000_000_000

SCHEMA = """
CREATE TABLE stock (sku TEXT PRIMARY KEY, units BIGINT NOT NULL);
CREATE TABLE orders (key TEXT PRIMARY KEY, name TEXT NOT NULL, sku TEXT NOT NULL, units BIGINT NOT NULL);
CREATE TABLE tasks (key TEXT PRIMARY KEY, name TEXT NOT NULL, sku TEXT NOT NULL, units BIGINT NOT NULL);
"""

DEDUCT = """
if redis.call('EXISTS', KEYS[2]) == 1 then return 1 end
if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then return 0 end
redis.call('DECRBY', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[1])
return 1
"""

Take = Callable[[str, str, str, int], Awaitable[bool]]
"""Take units of a SKU for an order, under a key; False if there are not enough."""


async def by_transaction(pool: asyncpg.Pool) -> Take:
    """Write the order and the stock in one transaction. It locks the contended row last."""

    async def take(key: str, name: str, sku: str, units: int) -> bool:
        async with pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            fresh = await connection.fetchval(
                "INSERT INTO orders VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true",
                key,
                name,
                sku,
                units,
            )
            is_taken = not fresh or await connection.fetchval(
                "UPDATE stock SET units = units - $2 WHERE sku = $1 AND units >= $2 RETURNING true", sku, units
            )
            await (transaction.commit() if is_taken else transaction.rollback())
            return bool(is_taken)

    return take


async def by_task(pool: asyncpg.Pool, redis: Redis) -> Take:
    """Run the script while a transaction is open that inserts a task for a worker."""
    deduct = redis.register_script(DEDUCT)

    async def take(key: str, name: str, sku: str, units: int) -> bool:
        async with pool.acquire() as connection, connection.transaction():
            fresh = await connection.fetchval(
                "INSERT INTO tasks VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true", key, name, sku, units
            )
            return not fresh or bool(await deduct(keys=[f"stock:{sku}", f"order:{key}"], args=[units]))

    return take


async def by_script(redis: Redis) -> Take:
    """Run only the script."""
    deduct = redis.register_script(DEDUCT)

    async def take(key: str, name: str, sku: str, units: int) -> bool:
        return bool(await deduct(keys=[f"stock:{sku}", f"order:{key}"], args=[units]))

    return take


def front(take: Take) -> web.Application:
    """The HTTP side, the same for all. It checks the body as a hub does."""
    decode = msgspec.json.Decoder(Placement).decode

    async def place(request: web.Request) -> web.Response:
        placement = decode(await request.read())
        key = request.headers["Idempotency-Key"]
        for line in placement.lines:
            if not await take(key, placement.order, str(line.sku), line.quantity):
                return web.json_response({"type": "insufficient-rights"}, status=409)
        return web.json_response({"order": placement.order, "state": "held"}, status=201)

    async def ready(request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/orders", place)
    app.router.add_get("/readyz", ready)
    return app


async def serve(kind: str, port: int, postgres: str, redis_socket: str, skus: int) -> None:
    """Fill the stock, then serve until terminated."""
    names = [f"item-{number:08d}" for number in range(skus)]
    pool = redis = None
    if postgres:
        pool = await asyncpg.create_pool(postgres, min_size=CONNECTIONS, max_size=CONNECTIONS)
        await pool.execute("DROP TABLE IF EXISTS stock, orders, tasks")
        await pool.execute(SCHEMA)
        await pool.executemany("INSERT INTO stock VALUES ($1, $2)", [(name, STOCKED) for name in names])
    if redis_socket:
        redis = Redis(unix_socket_path=redis_socket)
        await redis.flushall()
        await redis.mset({f"stock:{name}": STOCKED for name in names})
    if kind == "postgres":
        assert pool is not None
        take = await by_transaction(pool)
    elif kind == "task":
        assert pool is not None and redis is not None
        take = await by_task(pool, redis)
    else:
        assert redis is not None
        take = await by_script(redis)
    runner = web.AppRunner(front(take), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


@click.command()
@click.argument("kind", type=click.Choice(["postgres", "task", "redis"]))
@click.argument("port", type=int)
@click.option("--postgres", default="", help="Address of a PostgreSQL server.")
@click.option("--redis-socket", default="", help="Socket of a Redis server.")
@click.option("--skus", default=1_000)
def main(kind: str, port: int, postgres: str, redis_socket: str, skus: int) -> None:
    """Serve until terminated."""
    uvloop.run(serve(kind, port, postgres, redis_socket, skus))


if __name__ == "__main__":
    main()
