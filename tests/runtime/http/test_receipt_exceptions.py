"""GET /v1/exceptions about till receipts, at a store and after a merge: told twice, and returns that do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from edge_node.assembly import assemble
from replica.core.base.limits import RECEIPT_ENTRIES_MAX
from replica.core.catalog.documents import pack_value
from replica.core.log.draft import Draft
from replica.core.log.entry import Entry
from replica.core.state.commands import DocumentWrite
from replica.core.stock.requests import Return, Sale, SkuLine
from replica.core.stock.till_receipts import TillReceipt
from replica.runtime.driver import Ingress
from replica.runtime.http.receipt_answers import question_of, read_receipts
from replica.runtime.peering.websocket import HttpNetwork
from simulations.journal import SimulatedDisk, SimulatedJournal
from tests.callers import Caller
from tests.core.chain import NOW_MS, STORE, Node, receipt


def sale(receipt: str = "R-1", till: str = "t-1", quantity: int = 1) -> dict[str, Any]:
    return {"lines": [{"sku": "cola", "quantity": quantity}], "till": till, "receipt": receipt}


def back(original: str = "R-1", quantity: int = 1) -> dict[str, Any]:
    return {"lines": [{"sku": "cola", "quantity": quantity}], "original": original}


async def test_a_receipt_told_under_two_keys_counts_twice_and_names_both_sales(store: Caller) -> None:
    await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 10}]})
    first = await store.good("/v1/sales", sale(), key="a")
    assert await store.good("/v1/sales", sale(), key="a") == first
    assert (await store.good("/v1/exceptions"))["repeated_receipts"] == []
    second = await store.good("/v1/sales", sale(), key="b")
    (found,) = (await store.good("/v1/exceptions"))["repeated_receipts"]
    assert (found["location"], found["till"], found["receipt"], found["request"]) == ("store-1", "t-1", "R-1", "sale")
    movements = [{"movement": one["movement"], "node": "store-1", "at": one["at"]} for one in (first, second)]
    assert found["movements"] == movements
    assert (await store.good("/v1/stock/cola"))["on_hand"] == 8


async def test_receipts_of_other_tills_and_other_numbers_are_not_repeated(store: Caller) -> None:
    for body in (sale(), sale(till="t-2"), sale(receipt="R-2")):
        await store.good("/v1/sales", body)
    assert (await store.good("/v1/exceptions"))["repeated_receipts"] == []


async def test_sales_without_a_till_or_receipt_are_never_repeated_receipts(store: Caller) -> None:
    for body in (sale(till=""), sale(receipt="")) * 2:
        await store.good("/v1/sales", body)
    assert (await store.good("/v1/exceptions"))["repeated_receipts"] == []


async def test_two_sales_of_one_batch_with_one_receipt_are_listed(store: Caller) -> None:
    await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 10}]})
    sales = [{"key": key, **sale()} for key in "ab"] + [{"key": "c", **sale("R-2")}]
    answer = await store.good("/v1/sales:batch", {"sales": sales})
    (found,) = (await store.good("/v1/exceptions"))["repeated_receipts"]
    listed = [one["movement"] for one in found["movements"]]
    assert listed == [verdict["sale"]["movement"] for verdict in answer["verdicts"][:2]]


def sold_at(when: str) -> dict[str, Any]:
    return {**sale(), "occurred_at": when}


async def test_a_number_that_a_till_uses_once_each_day_is_not_repeated(store: Caller) -> None:
    days = [f"{datetime.now(UTC) - timedelta(ago):%Y-%m-%dT10:00:00Z}" for ago in (4, 3, 2)]
    for when in days:
        await store.good("/v1/sales", sold_at(when))
    assert (await store.good("/v1/exceptions"))["repeated_receipts"] == []
    again = await store.good("/v1/sales", sold_at(days[1]))
    (found,) = (await store.good("/v1/exceptions"))["repeated_receipts"]
    assert (len(found["movements"]), found["movements"][1]["movement"]) == (2, again["movement"])


async def test_a_receipt_with_more_repeated_days_than_asked_for_is_truncated(store: Caller) -> None:
    for ago in (4, 3):
        for _ in range(2):
            await store.good("/v1/sales", sold_at(f"{datetime.now(UTC) - timedelta(ago):%Y-%m-%dT10:00:00Z}"))
    for limit, truncated in ((1, True), (2, False)):
        found = await store.good(f"/v1/exceptions?limit={limit}")
        assert (len(found["repeated_receipts"]), found["truncated"]) == (limit, truncated)


async def test_the_day_of_a_sale_in_stock_is_that_of_its_till_too(store: Caller) -> None:
    """Goods in stock are sold on the fast path, which noted the day of the record."""
    await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 10}]})
    days = [f"{datetime.now(UTC) - timedelta(ago):%Y-%m-%dT10:00:00Z}" for ago in (4, 3, 2)]
    sales = [{"key": f"k-{index}", **sold_at(when)} for index, when in enumerate(days)]
    await store.good("/v1/sales:batch", {"sales": sales})
    assert (await store.good("/v1/exceptions"))["repeated_receipts"] == []
    await store.good("/v1/sales", sold_at(days[0]))
    (found,) = (await store.good("/v1/exceptions"))["repeated_receipts"]
    assert len(found["movements"]) == 2


async def test_numbers_that_a_till_uses_each_day_push_nothing_off_a_page(store: Caller) -> None:
    """The newest rows of the page were those of numbers that no day has twice."""
    day = f"{datetime.now(UTC) - timedelta(2):%Y-%m-%d}"
    for _ in range(2):
        await store.good("/v1/sales", {**sale("R-1"), "occurred_at": f"{day}T10:00:00Z"})
    await store.good("/v1/returns", back("R-1", quantity=9))
    for ago in (3, 2):
        for number in range(4):
            when = f"{datetime.now(UTC) - timedelta(ago):%Y-%m-%d}T11:00:00Z"
            await store.good("/v1/sales", {**sale(f"daily-{number}"), "occurred_at": when})
    found = await store.good("/v1/exceptions?limit=1")
    assert [one["receipt"] for one in found["repeated_receipts"]] == ["R-1"]
    assert [one["original"] for one in found["questioned_returns"]] == ["R-1"]
    assert not found["truncated"]


async def test_a_page_of_receipts_is_read_on_past_duplicates_under_one_key(store: Caller) -> None:
    other, now_ms = Node("hub-elsewhere", ("store-1",), None, "hub"), int(datetime.now(UTC).timestamp() * 1000)
    for _ in range(2):
        await store.good("/v1/sales", sale("R-0"))
    for number in range(3):
        other.ask(Sale(lines=(SkuLine(1, "cola"),), till="t-1", receipt=f"R-{number + 1}"), f"twice-{number}", now_ms)
        await store.good("/v1/sales", sale(f"R-{number + 1}"), key=f"twice-{number}")
    other.commit()
    await (await store.node.driver.take_in(other.runs("store-1"), Ingress()))
    found = await store.good("/v1/exceptions?limit=1")
    assert [one["receipt"] for one in found["repeated_receipts"]] == ["R-0"]


class ReceiptsCounted(SimulatedJournal):
    """A journal that notes how many receipts each look-up has."""

    def __init__(self, disk: SimulatedDisk) -> None:
        super().__init__(disk, "store-1#0000000a")
        self.numbers: list[int] = []

    async def find_receipts(self, receipts: Sequence[TillReceipt]) -> dict[TillReceipt, list[Entry]]:
        self.numbers.append(len(receipts))
        return await super().find_receipts(receipts)


async def test_a_page_of_receipts_looks_each_up_by_itself() -> None:
    """Sales wait for a look-up, and one look-up of a whole page held them up for seconds."""
    store, disk = Node(), SimulatedDisk()
    for number in range(6):
        sold = Sale(lines=(SkuLine(1, "cola"),), till="t-1", receipt=f"R-{number % 3}")
        store.ask(sold, f"sale-{number}")
    disk.commit(store.commit())
    journal = ReceiptsCounted(disk)
    found = await read_receipts(journal, store.replica.kinds, 10)
    assert [one.receipt for one in found.repeated] == ["R-2", "R-1", "R-0"]
    assert journal.numbers == [1, 1, 1]


async def test_a_day_of_receipts_is_that_of_the_location(store: Caller) -> None:
    """It is one day in Shanghai, and two in UTC."""
    document = {"type": "store", "name": "A shop", "region": "east", "time_zone": "Asia/Shanghai"}
    await store.node.driver.submit(DocumentWrite("location", "store-1", pack_value(document), b"document"))
    day = datetime.now(UTC) - timedelta(3)
    for hours in (-2, 2):
        midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
        await store.good("/v1/sales", sold_at((midnight + timedelta(hours=hours)).isoformat()))
    assert len((await store.good("/v1/exceptions"))["repeated_receipts"]) == 1


async def test_the_newest_of_many_uses_of_a_receipt_are_listed(store: Caller) -> None:
    first = datetime.now(UTC) - timedelta(RECEIPT_ENTRIES_MAX + 10)
    for number in range(RECEIPT_ENTRIES_MAX + 2):
        await store.good("/v1/sales", sold_at((first + timedelta(number)).isoformat()))
    await store.good("/v1/sales", sold_at((first + timedelta(RECEIPT_ENTRIES_MAX + 1)).isoformat()))
    assert len((await store.good("/v1/exceptions"))["repeated_receipts"]) == 1


async def test_two_returns_with_one_receipt_are_listed_and_a_sale_beside_a_return_is_not(store: Caller) -> None:
    ticket = {"till": "t-1", "receipt": "R-7"}
    await store.good("/v1/sales", sale("R-7"))
    await store.good("/v1/returns", {**back(""), **ticket})
    assert (await store.good("/v1/exceptions"))["repeated_receipts"] == []
    await store.good("/v1/returns", {**back(""), **ticket})
    (found,) = (await store.good("/v1/exceptions"))["repeated_receipts"]
    assert (found["request"], len(found["movements"])) == ("return", 2)


async def test_a_receipt_told_to_two_nodes_is_listed_after_they_merge(store: Caller) -> None:
    other, now_ms = Node("hub-elsewhere", ("store-1",), None, "hub"), int(datetime.now(UTC).timestamp() * 1000)
    other.ask(receipt(cola=5), "delivery", now_ms)
    other.ask(Sale(lines=(SkuLine(1, "cola"),), till="t-1", receipt="R-1"), "there", now_ms)
    other.ask(Sale(lines=(SkuLine(1, "cola"),), till="t-1", receipt="R-2"), "twice", now_ms)
    other.commit()
    await store.good("/v1/sales", sale("R-1"), key="here")
    await store.good("/v1/sales", sale("R-2"), key="twice")
    await (await store.node.driver.take_in(other.runs("store-1"), Ingress()))
    (found,) = (await store.good("/v1/exceptions"))["repeated_receipts"]
    assert (found["receipt"], [one["node"] for one in found["movements"]]) == ("R-1", ["store-1", "hub-elsewhere"])


async def test_more_returned_than_sold_is_accepted_and_named_in_answer_and_exceptions(store: Caller) -> None:
    await store.good("/v1/sales", sale(quantity=2))
    assert "question" not in await store.good("/v1/returns", back())
    answer = await store.good("/v1/returns", back(quantity=2), key="past")
    lines = [{"sku": "cola", "sold": 2, "returned": 3}]
    assert answer["question"] == {"reason": "past-sale", "lines": lines}
    assert await store.good("/v1/returns", back(quantity=2), key="past") == answer
    (found,) = (await store.good("/v1/exceptions"))["questioned_returns"]
    assert found == {
        "location": "store-1",
        "original": "R-1",
        "reason": "past-sale",
        "lines": lines,
        "movement": answer["movement"],
        "node": "store-1",
        "at": answer["at"],
    }


async def test_a_return_of_a_receipt_of_two_tills_is_accepted_and_listed(store: Caller) -> None:
    await store.good("/v1/sales", sale(till="t-1"))
    await store.good("/v1/sales", sale(till="t-2"))
    assert "question" not in await store.good("/v1/returns", {**back(), "till": "t-2"})
    assert (await store.good("/v1/returns", back()))["question"]["reason"] == "several-sales"
    (found,) = (await store.good("/v1/exceptions"))["questioned_returns"]
    assert (found["reason"], found["lines"]) == ("several-sales", [])


async def test_a_return_before_the_queue_of_its_till_is_corrected_and_checked(store: Caller) -> None:
    await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 10}]})
    await store.good("/v1/returns", back(quantity=3))
    assert (await store.good("/v1/exceptions"))["questioned_returns"] == []
    await store.good("/v1/sales:batch", {"sales": [{"key": "late", **sale(quantity=2)}]})
    (found,) = (await store.good("/v1/exceptions"))["questioned_returns"]
    assert (found["reason"], found["lines"]) == ("past-sale", [{"sku": "cola", "sold": 2, "returned": 3}])
    assert (await store.good("/v1/stock/cola"))["on_hand"] == 11


async def test_a_duplicate_of_a_questioned_return_is_listed_once(store: Caller) -> None:
    other = Node("hub-elsewhere", ("store-1",), None, "hub")
    other.ask(Sale(lines=(SkuLine(1, "cola"),), till="t-1", receipt="R-1"), key="s")
    other.ask(Return(lines=(SkuLine(2, "cola"),), original="R-1"), key="r")
    other.commit()
    await store.good("/v1/sales", sale(), key="s")
    await store.good("/v1/returns", back(quantity=2), key="r")
    await (await store.node.driver.take_in(other.runs("store-1"), Ingress()))
    found = (await store.good("/v1/exceptions"))["questioned_returns"]
    assert [one["node"] for one in found] == ["hub-elsewhere"]


async def test_a_restart_forgets_no_receipt_and_no_question(tmp_path: Path) -> None:
    async def serve(data: Path) -> dict[str, Any]:
        assembly = await assemble(
            HttpNetwork(),
            name="s",
            location="s",
            data=data,
            host="127.0.0.1",
            hubs=(),
            region="east",
            open_catalog=True,
        )
        async with TestClient(TestServer(assembly.app)) as client:
            assembly.node.start([], 0.0)
            caller = Caller(client, assembly)
            for key in "ab":
                await caller.good("/v1/sales", sale(), key=key)
            await caller.good("/v1/returns", back(quantity=9), key="r")
            found = await caller.good("/v1/exceptions")
        await assembly.node.stop()
        return {name: found[name] for name in ("repeated_receipts", "questioned_returns")}

    before = await serve(tmp_path)
    assert (len(before["repeated_receipts"]), len(before["questioned_returns"])) == (1, 1)
    assert await serve(tmp_path) == before


async def test_a_return_finds_its_sale_and_earlier_returns_in_the_journal(store: Caller) -> None:
    await store.good("/v1/sales", sale())
    await store.good("/v1/returns", back())
    for number in range(5):  # the newest batches in memory have turned by now
        await store.good("/v1/sales", sale(f"other-{number}"))
    assert (await store.good("/v1/returns", back()))["question"]["lines"][0]["returned"] == 2


async def test_a_return_right_after_another_one_finds_their_sale_in_the_journal(store: Caller) -> None:
    await store.good("/v1/sales", sale(quantity=2))
    for number in range(5):
        await store.good("/v1/sales", sale(f"other-{number}"))
    assert "question" not in await store.good("/v1/returns", back(quantity=2))
    question = (await store.good("/v1/returns", back(quantity=2)))["question"]
    assert question == {"reason": "past-sale", "lines": [{"sku": "cola", "sold": 2, "returned": 4}]}


@pytest.mark.parametrize(
    "noted",
    [["x", 5], ["x"], 5, True, {}, "xyz", [1, []], *[["x", [["set", 1, one]]] for one in (float("inf"), True, "1")]],
)
def test_a_question_of_a_peer_in_another_form_is_shown_without_a_reason(noted: object) -> None:
    node = Node()
    node.replica.record(STORE, Draft(kind="return", facts={"original": "R-1", "question": noted}), b"", NOW_MS)
    node.commit()
    assert question_of(node.journal[0][0]) == ("", [])


@pytest.mark.parametrize("text", ["R\0x", "R\n", "\tR", "R\x7f"])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("sales", "receipt"),
        ("sales", "till"),
        ("returns", "original"),
        ("returns", "receipt"),
        ("receipts", "reference"),
    ],
)
async def test_a_control_character_is_refused_and_its_field_named(
    store: Caller, path: str, field: str, text: str
) -> None:
    body = {"lines": [{"sku": "cola", "quantity": 1}], field: text}
    status, answer = await store.write(f"/v1/{path}", body)
    assert (status, answer["field"]) == (422, field)
    assert answer["detail"] == f"The field {field} has a control character, such as a line feed. Remove it."


async def test_a_receipt_in_any_script_is_taken(store: Caller) -> None:
    body = {"lines": [{"sku": "cola", "quantity": 1}], "till": "Käse 3", "receipt": "№ 7 🧾"}
    status, _ = await store.write("/v1/sales", body)
    assert status == 201
