"""The contract of the journal port: every adapter passes every test here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from replica.core.base.clock import stamp_ms
from replica.core.base.limits import RECEIPT_ENTRIES_MAX, SEARCH_CANDIDATES_MAX
from replica.core.base.names import CHAIN
from replica.core.catalog.documents import pack_value
from replica.core.catalog.ranks import STORE_RANK
from replica.core.catalog.search_terms import read_terms
from replica.core.log.entry import Entry, Stream, start
from replica.core.log.entry_run import ReceivedRun
from replica.core.orders.fold import held_differences
from replica.core.orders.requests import OrderEvent, PlacedLine, Placement
from replica.core.state import decisions
from replica.core.state.batch import Batch
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.replica import Replica
from replica.core.stock.requests import Count, CountLine, GoodsLine, GoodsReceipt, Return, Sale, SkuLine
from replica.core.stock.till_receipts import QuestionedReceipt, TillReceipt
from replica.runtime.journal.sqlite_journal import FILE_NAME, open_journal
from replica.runtime.journal.verification import verify_file
from replica.runtime.ports import Journal
from simulations.journal import SimulatedDisk, SimulatedJournal
from simulations.knobs import OF_JOURNAL, turned
from simulations.plan import Setting
from tests.core.runs import runs_of

INCARNATION = "0123456789ab"
WRITER = f"store-1#{INCARNATION}"
NEWEST = 1_000
"""Later than every entry of a test."""

Reopen = Callable[[], Awaitable[Journal]]


SMALL = [Setting(name, min(knob.values)) for name, knob in OF_JOURNAL.items() if name != "page-bytes"]
"""Every bound of the journal as small as possible, so that each test passes it. Only pages keep their size, because
tests say how many entries they expect in one."""


@pytest.fixture(params=["sqlite", "sqlite-small", "simulated"])
async def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Reopen]:
    """Close the open journal, if any, and open it again on the same disk. All tables must follow from the entries."""
    disk = SimulatedDisk()
    opened: list[Journal] = []

    async def close() -> None:
        await opened.pop().close()
        if request.param != "simulated":
            assert verify_file(tmp_path / FILE_NAME).differences == []

    async def open_again() -> Journal:
        if opened:
            await close()
        if request.param != "simulated":
            opened.append(await open_journal(tmp_path, "store-1", INCARNATION))
        else:
            opened.append(SimulatedJournal(disk, WRITER))
        return opened[-1]

    with turned(SMALL if request.param == "sqlite-small" else ()):
        yield open_again
        if opened:
            await close()


def replica_of(writer: str = WRITER, *locations: str) -> Replica:
    return Replica(writer, locations or ("store-1",), open_catalog=True)


def receive(replica: Replica, key: str, quantity: int, item: str = "cola", location: str = "store-1") -> Entry:
    request = GoodsReceipt((GoodsLine(quantity, item=item),))
    return decisions.execute(replica, Command(location, request, key.encode()), 1_700_000_000_000)


def sell(replica: Replica, key: str, quantity: int = 1, item: str = "cola") -> Entry:
    request = Sale(lines=(SkuLine(quantity, item),))
    return decisions.execute(replica, Command("store-1", request, key.encode()), 1_700_000_000_000)


async def commit(journal: Journal, replica: Replica) -> int:
    return await journal.append(replica.take_batch())


async def test_new_journal_is_empty(reopen: Reopen) -> None:
    image = await (await reopen()).load()
    assert (list(image.heads), list(image.cells), image.arrival, image.clock) == ([], [], 0, 0)
    assert not any(image.checkpoint.values())


async def test_appended_entries_are_loaded_after_reopening(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    receive(replica, "r1", 10)
    sell(replica, "s1", 3)
    decisions.write(
        replica, DocumentWrite("sku", "cola-6", pack_value({"recipe": {"cola": 6}}), b"d1"), 1_700_000_000_000
    )
    assert await commit(journal, replica) == 3
    image = await (await reopen()).load()
    loaded = Replica(WRITER, ("store-1",), image, open_catalog=True)
    assert loaded.digests() == replica.digests()
    assert loaded.vectors == replica.vectors
    assert loaded.clock.last == replica.clock.last
    assert loaded.heard == replica.heard
    assert loaded.arrival == 3
    assert loaded.catalog.recipe_of("cola-6", "sku") == (("cola", 6),)


async def test_a_writer_was_heard_by_its_wall_clock_also_after_reopening(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    for key, now_ms in ((b"ahead", 1_800_000_000_000), (b"right", 1_700_000_000_000)):
        request = GoodsReceipt((GoodsLine(1, item="cola"),))
        decisions.execute(replica, Command("store-1", request, key), now_ms)
        await commit(journal, replica)
    assert [stamp_ms(at) for at in replica.heard["store-1"].values()] == [1_700_000_000_000]
    loaded = Replica(WRITER, ("store-1",), await (await reopen()).load())
    assert loaded.heard == replica.heard


async def test_what_documents_keep_of_the_past_is_loaded_after_reopening(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    for number, value in enumerate((pack_value({"recipe": {"cola": 6}}), None)):
        decisions.write(replica, DocumentWrite("sku", "six", value, f"d{number}".encode()), 1_700_000_000_000)
        await commit(journal, replica)
    other = replica_of("hub-west#0000000b")
    write = DocumentWrite("sku", "six", pack_value({"recipe": {"cola": 5}}), b"d9")
    entry = decisions.write(other, write, 1_700_000_000_000)
    run = ReceivedRun(entry.stream, 1, start(entry.stream).hash, [entry])
    decisions.merge(replica, [run], 1_700_000_000_000)
    await commit(journal, replica)
    loaded = Replica(WRITER, ("store-1",), await (await reopen()).load())
    assert loaded.catalog.recipe_of("six", "sku", is_fact=True) == (("cola", 6),)
    assert loaded.documents.lost_edits(10) == replica.documents.lost_edits(10) != []
    assert loaded.digests() == replica.digests()


async def test_loaded_replica_continues_where_the_journal_ends(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    receive(replica, "r1", 10)
    await commit(journal, replica)
    journal = await reopen()
    loaded = Replica(WRITER, ("store-1",), await journal.load(), open_catalog=True)
    sell(loaded, "s1", 4)
    assert await commit(journal, loaded) == 2
    assert loaded.ledger.stock("store-1", "cola").figures.on_hand == 6
    page = await journal.read(0, 10)
    assert [(stored.arrival, stored.entry.sequence) for stored in page.stored] == [(1, 1), (2, 2)]


async def test_entries_are_read_back_unchanged_each_with_the_hash_before(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    written = [receive(replica, "r1", 10), sell(replica, "s1"), sell(replica, "s2")]
    await commit(journal, replica)
    page = await journal.read(0, 10)
    assert [stored.entry for stored in page.stored] == written
    assert [stored.previous for stored in page.stored[1:]] == [entry.hash for entry in written[:-1]]


async def test_pages_cover_all_batches_without_gap_or_repetition(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    receive(replica, "r", 1_000)
    for batch in range(7):
        for number in range(5):
            sell(replica, f"s{batch}-{number}")
        await commit(journal, replica)
    seen, after = [], 0
    while (page := await journal.read(after, 4)).stored:
        assert len(page.stored) <= 4
        seen += [stored.arrival for stored in page.stored]
        after = page.through
    assert seen == list(range(1, 37))
    assert page.through == after


async def test_key_is_found_as_soon_as_it_is_durable(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    assert await journal.find([b"r1"]) == {}
    entry = receive(replica, "r1", 10)
    assert await journal.find([b"r1"]) == {}
    await commit(journal, replica)
    assert await journal.find([b"r1", b"other"]) == {b"r1": [entry]}
    assert await (await reopen()).find([b"r1"]) in ({b"r1": [entry]}, {})


async def test_every_key_is_found_while_there_are_more_and_more(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    expected: dict[bytes, list[Entry]] = {}
    for number in range(40):
        for key in (f"r{number}", *(f"r{number}-{part}" for part in range(number % 4))):
            expected[key.encode()] = [receive(replica, key, 1)]
        await commit(journal, replica)
        assert await journal.find(list(expected)) == expected


async def test_every_receipt_is_found_while_there_are_more_and_more(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    receipts: list[TillReceipt] = []
    for number in range(30):
        receipt = f"till-receipt-{number}"
        returned = Return((SkuLine(1, "cola"),), original=receipt)
        decisions.execute(replica, Command("store-1", returned, receipt.encode()), 1_700_000_000_000)
        receipts.append(TillReceipt("store-1", receipt))
        await commit(journal, replica)
        assert journal.likely_returned(receipts) == receipts
        assert list(await journal.find_receipts(receipts)) == receipts


async def test_key_is_found_after_reopening(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    entry = receive(replica, "r1", 10)
    await commit(journal, replica)
    journal = await reopen()
    await journal.load()
    assert await journal.find([b"r1"]) == {b"r1": [entry]}


async def test_all_entries_under_one_key_are_found_in_arrival_order(reopen: Reopen) -> None:
    journal, here, there = await reopen(), replica_of(), replica_of("store-1b#aaaaaaaaaaaa", "store-1")
    await journal.load()
    first = receive(here, "same", 10)
    await commit(journal, here)
    second = receive(there, "same", 10)
    here.keys.put(second.content.key, second)
    await journal.append(
        Batch(runs=runs_of([second]), cells=there.ledger.take_changes(), checkpoint={}, clock=there.clock.last)
    )
    assert (await journal.find([b"same"]))[b"same"] == [first, second]
    assert list((await (await reopen()).load()).shared) == [first, second]


async def test_void_of_an_entry_is_loaded_with_the_entries_that_share_its_key(reopen: Reopen) -> None:
    journal, here, there = await reopen(), replica_of(), replica_of("store-1b#aaaaaaaaaaaa", "store-1")
    await journal.load()
    there.clock.last = 1_700_000_000_001 << 16
    winner, loser = receive(here, "same", 10), receive(there, "same", 10)
    decisions.merge(there, [ReceivedRun(winner.stream, 1, start(winner.stream).hash, [winner])], 1_700_000_000_000)
    *_, void = there.take_batch().entries
    assert void.content.facts["loser"] == loser.hash
    there.ledger.take_changes()
    batch = Batch(runs=runs_of([winner]), cells=here.ledger.take_changes(), checkpoint={}, clock=winner.content.clock)
    await journal.append(batch)
    loaded = Replica(WRITER, ("store-1",), await (journal := await reopen()).load())
    decisions.merge(
        loaded,
        [ReceivedRun(loser.stream, 1, start(loser.stream).hash, [loser, void])],
        1_700_000_000_000,
        {b"same": [winner]},
    )
    await commit(journal, loaded)
    image = await (await reopen()).load()
    assert list(image.shared) == [winner, loser, void]
    (found,) = Replica(WRITER, ("store-1",), image).collisions
    assert (found.entry, found.winner, found.is_duplicate, found.void) == (loser, winner, True, void)


async def test_keys_are_found_among_many(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    receive(replica, "r", 10_000)
    for number in range(2_000):
        sell(replica, f"till-{number}")
    await commit(journal, replica)
    asked = [f"till-{number}".encode() for number in range(0, 4_000, 7)]
    found = await journal.find(asked)
    assert list(found) == [key for key in asked if int(key[5:]) < 2_000]
    assert all([entry.content.key for entry in found[key]] == [key] for key in found)


@pytest.mark.parametrize("writers", [3, 40], ids=["few streams", "many streams"])
async def test_missing_entries_are_a_prefix_in_arrival_order(reopen: Reopen, writers: int) -> None:
    journal = await reopen()
    await journal.load()
    replicas = [replica_of(f"node-{number:02}#{number:012x}", "store-1") for number in range(1, writers + 1)]
    for turn in range(4):
        for replica in replicas:
            receive(replica, f"{replica.node}-{turn}", 1)
            receive(replica, f"{replica.node}-{turn}-again", 1)
            await commit(journal, replica)
    held = {Stream(replica.writer, "store-1"): number % 8 for number, replica in enumerate(replicas)}
    everything = (await journal.read(0, 10_000)).stored
    lacking = [stored for stored in everything if stored.entry.sequence > held[stored.entry.stream]]
    assert await journal.missing(held, 10_000, 10_000) == lacking
    assert await journal.missing(held, 10_000, 5) == lacking[:5]


@pytest.mark.parametrize("writers", [2, 40], ids=["few streams", "many streams"])
async def test_missing_leaves_out_entries_that_arrived_after_the_streams_were_chosen(
    reopen: Reopen, writers: int
) -> None:
    journal = await reopen()
    await journal.load()
    replicas = [replica_of(f"node-{number:02}#{number:012x}", "store-1") for number in range(1, writers + 1)]
    for replica in replicas:
        receive(replica, f"{replica.node}-a", 1)
        chosen = await commit(journal, replica)
    held = {Stream(replica.writer, "store-1"): 0 for replica in replicas}
    receive(replicas[0], "late-1", 1)
    receive(replicas[0], "late-2", 1)
    await commit(journal, replicas[0])
    found = await journal.missing(held, chosen, 10_000)
    assert [stored.arrival for stored in found] == list(range(1, chosen + 1))


@pytest.mark.parametrize("asked", [1, 30], ids=["few streams", "many streams"])
async def test_entries_of_streams_that_were_not_asked_for_are_not_missing(reopen: Reopen, asked: int) -> None:
    journal = await reopen()
    await journal.load()
    replicas = [replica_of(f"node-{number:02}#{number:012x}", "store-1") for number in range(1, asked + 3)]
    for replica in replicas:
        receive(replica, replica.node, 1)
        await commit(journal, replica)
    held = {Stream(replica.writer, "store-1"): 0 for replica in replicas[1:-1]}
    found = await journal.missing(held, NEWEST, NEWEST)
    assert [stored.entry.stream for stored in found] == list(held)


async def test_nothing_is_missing_of_complete_or_unknown_streams(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    receive(replica, "r1", 10)
    await commit(journal, replica)
    assert await journal.missing({Stream(WRITER, "store-1"): 1}, 10, 10) == []
    assert await journal.missing({Stream("nobody#000000000000", "store-1"): 0}, 10, 10) == []


async def test_moves_of_an_item_come_newest_first_and_page_to_the_end(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    for number in range(9):
        receive(replica, f"c{number}", 1)
        receive(replica, f"p{number}", 1, "cola-zero")
        if number % 2:
            await commit(journal, replica)
    await commit(journal, replica)
    arrivals, before = [], 1_000
    while before:
        page = await journal.moves_of("store-1", "cola", before, 4)
        arrivals += [stored.arrival for stored in page.stored]
        assert all(stored.entry.content.moves[0].item == "cola" for stored in page.stored)
        before = page.through
    assert arrivals == list(range(17, 0, -2))
    assert (await journal.moves_of("elsewhere", "cola", 1_000, 4)).stored == []


async def test_writes_of_one_rank_of_a_document_come_newest_first_and_page_to_the_end(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    receive(replica, "goods", 1)
    for number in range(9):
        value = pack_value({"recipe": {"cola": number + 1}})
        for sku in ("cola", "cola-zero"):
            write = DocumentWrite("sku", sku, value, f"{sku}-{number}".encode(), True)
            decisions.write(replica, write, 1_700_000_000_000)
        there = DocumentWrite("sku", "cola", value, f"there-{number}".encode(), True, STORE_RANK, "store-1")
        decisions.write(replica, there, 1_700_000_000_000)
        if number % 2:
            await commit(journal, replica)
    await commit(journal, replica)
    for slot, scope in ((("sku", "cola", 0, ""), CHAIN), (("sku", "cola", STORE_RANK, "store-1"), "store-1")):
        versions, before = [], 1_000
        while before:
            page = await journal.writes_of(slot, before, 4)
            assert all(stored.entry.stream.scope == scope for stored in page.stored)
            versions += [stored.entry.content.facts["version"] for stored in page.stored]
            before = page.through
        assert versions == list(range(9, 0, -1))
    for elsewhere in (("sku", "cola", STORE_RANK, "store-2"), ("price", "cola", 0, ""), ("sku", "col", 0, "")):
        assert (await journal.writes_of(elsewhere, 1_000, 4)).stored == []


async def test_a_search_finds_skus_as_of_the_last_commit_also_after_a_restart(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    names = {"cola": "Cola", "lemon": "Lemonade", "tea": "可口茶"}
    for sku, name in names.items():
        value = pack_value({"recipe": {sku: 1}, "names": {"en": name}})
        decisions.write(replica, DocumentWrite("sku", sku, value, sku.encode(), True), 1_700_000_000_000)
    assert await found(journal, "cola") == []
    await commit(journal, replica)
    assert await found(journal, "col") == ["cola"]
    assert await found(journal, "口") == ["tea"]
    renamed = pack_value({"recipe": {"lemon": 1}, "names": {"en": "Cola light"}})
    decisions.write(replica, DocumentWrite("sku", "lemon", renamed, b"renamed", True), 1_700_000_000_000)
    decisions.write(replica, DocumentWrite("sku", "tea", None, b"deleted"), 1_700_000_000_000)
    await commit(journal, replica)
    for _ in range(2):
        assert await found(journal, "cola") == ["cola", "lemon"]
        assert await found(journal, "lemonade") == await found(journal, "可口") == []
        journal = await reopen()
        await journal.load()


@pytest.mark.parametrize("changed", [{"status": "ended"}, {"attributes": {"organic": False}}])
async def test_a_search_shows_the_fields_of_the_last_commit_though_no_word_changed(
    reopen: Reopen, changed: dict[str, Any]
) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    before = {"recipe": {"tea": 1}, "names": {"en": "Tea"}, "attributes": {"organic": True}, "status": "active"}
    for number, value in enumerate((before, before | changed, before, before | changed)):
        write = DocumentWrite("sku", "tea", pack_value(value), b"write-%d" % number, True)
        decisions.write(replica, write, 1_700_000_000_000)
        await commit(journal, replica)
        (one,) = (await journal.search(read_terms("tea"))).found
        assert (one.status, one.attributes) == (value["status"], value["attributes"])
    journal = await reopen()
    await journal.load()
    assert (await journal.search(read_terms("tea"))).found == [one]


async def test_a_search_goes_on_until_all_skus_that_fit_are_found_once(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    skus = [f"sku-{number:04}" for number in range(2 * SEARCH_CANDIDATES_MAX + 7)]
    for sku in skus:
        value = pack_value({"recipe": {"tea": 1}, "names": {"zh": "绿茶" if sku != "sku-0004" else "咖啡"}})
        decisions.write(replica, DocumentWrite("sku", sku, value, sku.encode(), True), 1_700_000_000_000)
    await commit(journal, replica)
    pages, after = [await journal.search(read_terms("茶"))], 0
    while pages[-1].is_capped:
        assert after < pages[-1].through
        after = pages[-1].through
        pages.append(await journal.search(read_terms("茶"), after))
    assert [one.sku for page in pages for one in page.found] == [sku for sku in skus if sku != "sku-0004"]
    assert max(len(page.found) for page in pages) == SEARCH_CANDIDATES_MAX


async def test_notes_are_kept_over_a_restart_and_the_oldest_are_dropped(reopen: Reopen) -> None:
    journal = await reopen()
    await journal.load()
    assert await journal.kept() == {}
    await journal.keep({"a": b"1", "b": b"2", "c": b"3"}, 3)
    await journal.keep({"a": b"4"}, 3)
    await journal.keep({"d": b"5"}, 3)
    for _ in range(2):
        assert list((await journal.kept()).items()) == [("c", b"3"), ("a", b"4"), ("d", b"5")]
        journal = await reopen()
        await journal.load()
    await journal.keep({}, 1)
    assert await journal.kept() == {"d": b"5"}


async def found(journal: Journal, text: str) -> list[str]:
    """The SKUs that a search finds, in order."""
    return sorted(one.sku for one in (await journal.search(read_terms(text))).found)


async def test_batch_of_several_streams_keeps_arrival_order(reopen: Reopen) -> None:
    journal = await reopen()
    await journal.load()
    east, west = replica_of("east#aaaaaaaaaaaa", "w-1"), replica_of("west#bbbbbbbbbbbb", "w-1")
    entries = []
    for number in range(3):
        entries.append(receive(east, f"e{number}", 1, location="w-1"))
        entries.append(receive(west, f"w{number}", 1, location="w-1"))
    changes = east.ledger.take_changes() | west.ledger.take_changes()
    newest = max(entry.content.clock for entry in entries)
    batch = Batch(runs=runs_of(entries), cells=changes, checkpoint={}, clock=newest)
    assert await journal.append(batch) == 6
    assert [stored.entry for stored in (await journal.read(0, 10)).stored] == entries
    image = await (await reopen()).load()
    loaded = Replica(WRITER, ("store-1",), image)
    assert loaded.ledger.stock("w-1", "cola").figures.on_hand == 6


async def test_keys_of_every_length_are_found_among_entries_without_a_key(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    keys = ["k", "key", "kex", "a-longer-key", "", "", "l", "0198c1f0-0000-7000-8000-000000000001", "0" * 128, "m"]
    written = [receive(replica, key, 1) for key in keys]
    await commit(journal, replica)
    asked = [entry.content.key for entry in written if entry.content.key]
    assert await journal.find([*asked, b"none", b"ke"]) == {
        entry.content.key: [entry] for entry in written if entry.content.key
    }


async def test_batch_larger_than_any_segment_is_read_back_whole(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    written = [receive(replica, f"r{number}", 1) for number in range(1_000)]
    await commit(journal, replica)
    page = await journal.read(500, 200)
    assert [stored.entry for stored in page.stored] == written[500:700]
    assert page.stored[0].previous == written[499].hash


async def test_newest_counts_are_loaded_unchanged_and_keep_correcting(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    other = replica_of("store-1b#aaaaaaaaaaaa", "store-1")
    await journal.load()
    receive(replica, "r1", 10)
    late = [receive(other, f"late-{number}", number) for number in (3, 4)]
    counted = Count((CountLine("cola", 12), CountLine("wings", 1)))
    count = decisions.execute(replica, Command("store-1", counted, b"c1"), 1_700_000_001_000)
    await commit(journal, replica)
    decisions.merge(replica, [ReceivedRun(late[0].stream, 1, start(late[0].stream).hash, late[:1])], 1_700_000_002_000)
    await commit(journal, replica)
    journal = await reopen()
    again = Replica(WRITER, ("store-1",), await journal.load(), open_catalog=True)
    for item in ("cola", "wings"):
        assert again.counts.find("store-1", item) == replica.counts.find("store-1", item)
    assert again.unheard("store-1", count.content.facts["as_of"]) == ("store-1b",)
    for one in (replica, again):
        decisions.merge(one, [ReceivedRun(late[1].stream, 2, late[0].hash, late[1:])], 1_700_000_002_000)
        assert one.ledger.stock("store-1", "cola").figures.on_hand == 12
    assert again.digests() == replica.digests()


async def test_orders_are_loaded_unchanged_and_continue(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    receive(replica, "r1", 10)

    def ask(replica: Replica, request: Placement | OrderEvent, key: str) -> Entry:
        return decisions.execute(replica, Command("", request, key.encode()), 1_700_000_000_000)

    ask(replica, Placement(order="o-1", lines=(PlacedLine(2, "cola"),), paid=True), "o1")
    await commit(journal, replica)
    ask(replica, Placement(order="o-2", lines=(PlacedLine(3, "cola"),)), "o2")
    ask(replica, OrderEvent(order="o-3", event="ship"), "o3")
    ask(replica, OrderEvent(order="o-1", event="pick"), "o1-pick")
    await commit(journal, replica)
    journal = await reopen()
    again = Replica(WRITER, ("store-1",), await journal.load(), open_catalog=True)
    assert again.orders.digest() == replica.orders.digest()
    assert held_differences(again.ledger, again.orders) == []
    assert again.orders.due(1_700_000_000_000 + 899_999, 1) == []
    assert again.orders.due(1_700_000_000_000 + 900_000, 1) == ["o-2"]
    for one in (replica, again):
        ask(one, OrderEvent(order="o-1", event="ship"), "o1-ship")
        ask(one, Placement(order="o-3", lines=(PlacedLine(1, "cola"),), paid=True), "o3-placed")
    assert again.orders.digest() == replica.orders.digest()


def receipted(replica: Replica, key: str, number: str, till: str = "t-1") -> Entry:
    request = Sale(lines=(SkuLine(1, "cola"),), till=till, receipt=number)
    return decisions.execute(replica, Command("store-1", request, key.encode()), 1_700_000_000_000)


def returned(replica: Replica, key: str, original: str, quantity: int = 1) -> Entry:
    request = Return(lines=(SkuLine(quantity, "cola"),), original=original)
    return decisions.execute(replica, Command("store-1", request, key.encode()), 1_700_000_000_000)


async def test_entries_are_found_by_the_till_receipts_that_they_name(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    named = [receipted(replica, "s1", "R-1"), receipted(replica, "s2", "R-1", "t-2"), returned(replica, "r1", "R-1")]
    receipted(replica, "s3", "R-2")
    sell(replica, "s4")
    await commit(journal, replica)
    asked = [TillReceipt("store-1", "R-1"), TillReceipt("store-2", "R-1"), TillReceipt("store-1", "")]
    for _ in range(2):
        assert await journal.find_receipts(asked) == {asked[0]: named}
        journal = await reopen()
        await journal.load()


async def test_entries_of_a_till_receipt_come_newest_first_and_page_to_the_end(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    for number in range(5):
        receipted(replica, f"s{number}", "R-1")
        sell(replica, f"o{number}")
    returned(replica, "r1", "R-1")
    await commit(journal, replica)
    receipt, before, arrivals = TillReceipt("store-1", "R-1"), 1_000, list[int]()
    while before:
        page = await journal.entries_of_receipt(receipt, before, 4)
        arrivals += [stored.arrival for stored in page.stored]
        before = page.through
    assert arrivals == [11, 9, 7, 5, 3, 1]
    assert (await journal.entries_of_receipt(TillReceipt("store-2", "R-1"), 1_000, 4)).stored == []


async def test_receipts_that_returns_name_are_likely_returned(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    receipted(replica, "s1", "R-1")
    returned(replica, "r1", "R-2")
    await commit(journal, replica)
    both = [TillReceipt("store-1", "R-1"), TillReceipt("store-1", "R-2")]
    for _ in range(2):
        assert journal.likely_returned(both) == both[1:]
        journal = await reopen()
        await journal.load()


async def test_repeated_receipts_and_questioned_returns_are_read_newest_first(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    once = [receipted(replica, "s1", "R-1"), receipted(replica, "s2", "R-1", "t-2"), receipted(replica, "s3", "R-2")]
    await commit(journal, replica)
    assert await journal.repeated_receipts(NEWEST, 10) == await journal.questioned_receipts(NEWEST, 10) == []
    again, question = receipted(replica, "s4", "R-1"), returned(replica, "r1", "R-2", 2)
    await commit(journal, replica)
    twice = receipted(replica, "s5", "R-1", "t-2")
    await commit(journal, replica)
    repeated = [
        QuestionedReceipt(TillReceipt("store-1", "R-1"), "sale", "t-2", [once[1], twice], 6),
        QuestionedReceipt(TillReceipt("store-1", "R-1"), "sale", "t-1", [once[0], again], 4),
    ]
    questioned = [QuestionedReceipt(TillReceipt("store-1", "R-2"), "question", "", [question], 5)]
    for _ in range(2):
        assert await journal.repeated_receipts(NEWEST, 10) == repeated
        assert await journal.repeated_receipts(NEWEST, 1) == repeated[:1]
        assert await journal.repeated_receipts(6, 1) == repeated[1:]
        assert await journal.questioned_receipts(NEWEST, 10) == questioned
        assert await journal.questioned_receipts(5, 10) == []
        journal = await reopen()
        await journal.load()


async def test_a_receipt_that_too_many_entries_name_is_found_without_them(reopen: Reopen) -> None:
    journal, replica = await reopen(), replica_of()
    await journal.load()
    for number in range(RECEIPT_ENTRIES_MAX - 1):
        receipted(replica, f"s{number}", "R-1")
        receipted(replica, f"t{number}", "R-2")
    receipted(replica, "t", "R-2")
    await commit(journal, replica)
    few, many = TillReceipt("store-1", "R-1"), TillReceipt("store-1", "R-2")
    found = await journal.find_receipts([few, many])
    assert (len(found[few]), found[many]) == (RECEIPT_ENTRIES_MAX - 1, [])
