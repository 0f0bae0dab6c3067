"""Since when a breach lasts: read from the journal, so a restart does not make it look new."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from edge_node.assembly import assemble
from replica.runtime.http import breach_times
from replica.runtime.http.breach_times import BreachTimes
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.ports import Journal, Page
from replica.runtime.process import Assembly
from tests.callers import Caller, calling


async def started(directory: Path) -> Assembly:
    return await assemble(
        HttpNetwork(),
        name="store-1",
        location="store-1",
        data=directory,
        host="127.0.0.1",
        hubs=(),
        region="east",
        open_catalog=True,
    )


def lines(quantity: int, item: str = "cola") -> dict[str, Any]:
    return {"lines": [{"sku": item, "quantity": quantity}]}


async def breaches(store: Caller) -> dict[str, str | None]:
    return {one["item"]: one["since"] for one in (await store.good("/v1/exceptions"))["breaches"]}


async def test_a_breach_lasts_since_the_entry_that_took_the_account_below_zero(store: Caller) -> None:
    await store.good("/v1/receipts", lines(2))
    first = await store.good("/v1/sales", lines(3))
    await store.good("/v1/sales", lines(1, "tea"))
    await store.good("/v1/sales", lines(1))
    assert (await breaches(store))["cola"] == first["at"]


async def test_a_breach_that_a_receipt_only_reduces_lasts_since_it_began(store: Caller) -> None:
    sold = await store.good("/v1/sales", lines(3))
    await store.good("/v1/receipts", lines(2))
    assert await breaches(store) == {"cola": sold["at"]}


async def test_a_breach_that_was_settled_and_came_back_lasts_since_it_came_back(store: Caller) -> None:
    await store.good("/v1/sales", lines(1))
    assert len(await breaches(store)) == 1
    await store.good("/v1/receipts", lines(5))
    assert await breaches(store) == {}
    again = await store.good("/v1/sales", lines(6))
    assert await breaches(store) == {"cola": again["at"]}


async def test_a_breach_that_came_back_with_the_old_balances_lasts_since_it_came_back(store: Caller) -> None:
    await store.good("/v1/sales", lines(1))
    await breaches(store)
    await store.good("/v1/returns", {**lines(1), "disposition": "restock"})
    again = await store.good("/v1/sales", lines(1))
    assert await breaches(store) == {"cola": again["at"]}


async def test_a_breach_that_begins_during_the_read_is_not_listed_without_its_time(
    store: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.good("/v1/sales", lines(1, "tea"))
    journal = store.node.journal
    read = journal.repeated_receipts

    async def read_later(before: int, limit: int) -> Any:
        await store.good("/v1/sales", lines(1))
        await store.good("/v1/receipts", lines(2, "tea"))
        return await read(before, limit)

    monkeypatch.setattr(journal, "repeated_receipts", read_later)
    assert await breaches(store) == {}
    monkeypatch.undo()
    assert list(await breaches(store)) == ["cola"]


async def test_a_restart_does_not_make_a_breach_look_new(tmp_path: Path) -> None:
    async with calling(await started(tmp_path)) as store:
        sold = await store.good("/v1/sales", lines(1))
    async with calling(await started(tmp_path)) as store:
        assert await breaches(store) == {"cola": sold["at"]}


async def test_a_breach_of_many_entries_is_searched_page_by_page(
    store: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breach_times, "PAGE", 2)
    first = await store.good("/v1/sales", lines(1))
    for _ in range(5):
        await store.good("/v1/sales", lines(1))
    assert await breaches(store) == {"cola": first["at"]}


@pytest.mark.parametrize(
    ("entries_max", "sales", "is_found"), [(4, 4, True), (4, 6, False), (5, 5, True), (5, 6, False)]
)
async def test_a_breach_older_than_the_search_has_no_time(
    store: Caller, monkeypatch: pytest.MonkeyPatch, entries_max: int, sales: int, is_found: bool
) -> None:
    monkeypatch.setattr(breach_times, "PAGE", 2)
    monkeypatch.setattr(breach_times, "ENTRIES_MAX", entries_max)
    first, *_ = [await store.good("/v1/sales", lines(1)) for _ in range(sales)]
    assert await breaches(store) == {"cola": first["at"] if is_found else None}


class CountedJournal:
    """A journal that counts the searches in it, and the entries that they asked for."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.asked: list[tuple[str, int]] = []
        self.before_search: Callable[[], Awaitable[object]] | None = None
        """Called once, before the first search."""

    async def moves_of(self, location: str, item: str, before: int, limit: int) -> Page:
        self.asked.append((item, limit))
        if self.before_search is not None:
            call, self.before_search = self.before_search, None
            await call()
        return await self._journal.moves_of(location, item, before, limit)


def counted(store: Caller) -> tuple[BreachTimes, CountedJournal]:
    journal = CountedJournal(store.node.journal)
    return BreachTimes(store.node.driver, cast(Journal, journal)), journal


async def test_breaches_beyond_the_limit_are_neither_searched_nor_listed(store: Caller) -> None:
    for item in ("a", "b", "c"):
        await store.good("/v1/sales", lines(1, item))
    times, journal = counted(store)
    assert [item for _, item in await times.read(2)] == ["a", "b"]
    assert [item for item, _ in journal.asked] == ["a", "b"]
    answer = await store.good("/v1/exceptions?limit=2")
    assert ([one["item"] for one in answer["breaches"]], answer["truncated"]) == (["a", "b"], True)
    answer = await store.good("/v1/exceptions?limit=3")
    assert (len(answer["breaches"]), answer["truncated"]) == (3, False)


async def test_readers_of_breaches_together_search_each_one_once(store: Caller) -> None:
    for item in ("a", "b"):
        await store.good("/v1/sales", lines(1, item))
    times, journal = counted(store)
    first, *others = await asyncio.gather(*[times.read(9) for _ in range(4)])
    assert all(other == first for other in others)
    assert len(journal.asked) == 2


async def test_the_search_for_a_new_breach_ends_at_the_entry_that_began_it(store: Caller) -> None:
    await store.good("/v1/sales", lines(1))
    times, journal = counted(store)
    assert None not in (await times.read(9)).values()
    assert journal.asked == [("cola", 1)]


async def test_an_entry_that_arrives_during_the_search_is_not_taken_for_one_before(store: Caller) -> None:
    sold = await store.good("/v1/sales", lines(1))
    times, journal = counted(store)
    journal.before_search = lambda: store.good("/v1/sales", lines(1))
    assert list((await times.read(9)).values()) == [sold["at"]]
