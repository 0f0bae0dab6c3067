"""The tills of the demonstration: a write without a definite answer is retried under its key."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from shelfsync import tills
from shelfsync.assortment import goods
from shelfsync.tills import Book, Shoppers, Till, UnexpectedAnswer


async def keys_of_one_write(answers: list[int], monkeypatch: pytest.MonkeyPatch, book: Book) -> list[str]:
    """Do one write at a store that gives these answers, one after the other. Returns the key of each try."""
    monkeypatch.setattr(tills, "RETRY_S", 0.0)
    keys: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        keys.append(request.headers["Idempotency-Key"])
        return web.json_response({"try": len(keys)}, status=answers[len(keys) - 1])

    app = web.Application()
    app.router.add_post("/v1/sales", answer)
    async with TestServer(app) as server, ClientSession() as client:
        till = Till("till-1", str(server.make_url("")).rstrip("/"), client, [], book)
        assert await till.ask("/v1/sales", {"lines": []}) == {"try": len(answers)}
    return keys


async def test_a_write_without_a_definite_answer_is_retried_under_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book()
    first = await keys_of_one_write([503, 500, 201], monkeypatch, book)
    assert (len(first), len(dict.fromkeys(first)), book.retries, book.open) == (3, 1, 2, 0)
    second = await keys_of_one_write([201], monkeypatch, book)
    assert second != first[:1]


async def test_a_refused_write_is_not_retried_and_has_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book()
    with pytest.raises(UnexpectedAnswer, match="till-1"):
        await keys_of_one_write([409], monkeypatch, book)
    assert book.open == 0


@pytest.mark.virtual_time
async def test_no_shopper_comes_while_they_wait_and_all_leave_when_the_stores_close() -> None:
    shoppers = Shoppers()
    assert await shoppers.next()
    shoppers.wait()
    assert not shoppers.are_coming
    waiting = asyncio.ensure_future(shoppers.next())
    await asyncio.sleep(60)
    assert not waiting.done()
    shoppers.come()
    assert await waiting
    shoppers.wait()
    waiting = asyncio.ensure_future(shoppers.next())
    await asyncio.sleep(60)
    shoppers.close()
    assert not await waiting
    shoppers.wait()
    assert not await shoppers.next()


def test_goods_of_a_basket_are_told_apart_by_their_sku() -> None:
    assert len(dict.fromkeys(goods(), 1)) == len(goods())
