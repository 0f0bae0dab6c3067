"""What one client that pages all stock over and over costs the sales of a store."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from urllib.parse import quote

import msgspec

from benchmarks.measure import Bench, Sample
from benchmarks.selling import sell, stock_up
from benchmarks.servers import Server, edge

ITEMS = 20_000
PAGE = 1_000


def measure_paging(bench: Bench) -> Iterator[Sample]:
    """One round: sales on one connection, alone and beside a client that pages."""
    seconds, items = bench.sized(4, 1), bench.sized(ITEMS, 2_000)
    with edge(bench.fresh("paging")) as node:
        stock_up(node, int(items))
        options = {"connections": 1, "seconds": seconds, "items": int(items)}
        alone = sell(node, "sale", **options)
        yield Sample("sales alone", alone)
        with _paging(node) as pages:
            beside = sell(node, "sale", **options)
        yield Sample(
            "sales beside a client that pages",
            {**beside, "of alone, p50": beside["p50 ms"] / alone["p50 ms"], "pages /s": len(pages) / seconds},
        )


@contextmanager
def _paging(node: Server) -> Iterator[list[int]]:
    """Page all stock, again and again. Yields the lengths of the pages."""
    ended, pages = Event(), list[int]()

    def read() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
        cursor = ""
        while not ended.is_set():
            connection.request("GET", f"/v1/stock?limit={PAGE}&cursor={quote(cursor, safe='')}")
            body = connection.getresponse().read()
            pages.append(len(body))
            cursor = msgspec.json.decode(body, type=_Page).next or ""
        connection.close()

    reader = Thread(target=read)
    reader.start()
    try:
        yield pages
    finally:
        ended.set()
        reader.join()


class _Page(msgspec.Struct):
    next: str | None
