"""Recording: what a replica notes with each entry, up to its bounds."""

from __future__ import annotations

import pytest

from replica.core.base.clock import COUNTER_BITS
from replica.core.base.errors import Invalid
from replica.core.base.limits import BODY_BYTES_MAX, KEY_LENGTH_MAX, STAMP_AHEAD_MS
from replica.core.base.names import CHAIN
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, Stream, pack_body
from replica.core.log.times import AFTER, WALL
from replica.core.state import decisions
from replica.core.state.batch import Batch, Image
from replica.core.state.commands import Command, Sales
from replica.core.state.replica import Replica, packed
from replica.core.stock.requests import Return, Sale, SkuLine
from replica.core.stock.till_receipts import ORIGINAL, RETURN, SALE
from tests.core.chain import NOW_MS, STORE, Node, receipt
from tests.core.contents import linked, receipt_content

NOTE = "note-of-next-year"
LINES = (SkuLine(1, sku="cola"),)


def sold(number: str) -> Sale:
    return Sale(lines=LINES, receipt=number)


def of_size(size: int) -> Content:
    """A content whose entry has this number of bytes."""
    short = receipt_content(facts={"blob": b"x" * (1 << 17)})
    return receipt_content(facts={"blob": b"x" * ((1 << 17) + size - len(pack_body(short)))})


def test_an_entry_may_be_as_large_as_its_bound_and_no_larger() -> None:
    assert len(packed(of_size(BODY_BYTES_MAX))) == BODY_BYTES_MAX
    with pytest.raises(Invalid) as refused:
        packed(of_size(BODY_BYTES_MAX + 1))
    assert refused.value.field == "lines"


def test_a_key_may_be_as_long_as_peers_accept() -> None:
    node = Node()
    key = b"k" * KEY_LENGTH_MAX
    assert decisions.execute(node.replica, Command(STORE, sold(""), key), NOW_MS).content.key == key


@pytest.mark.parametrize(("ahead_ms", "is_ahead"), [(STAMP_AHEAD_MS - 1, False), (STAMP_AHEAD_MS, True)])
def test_fast_paths_end_a_millisecond_before_stamps_are_too_far_ahead(ahead_ms: int, is_ahead: bool) -> None:
    replica = Replica("store-1#0000000a", (STORE,), Image(clock=(NOW_MS + ahead_ms) << COUNTER_BITS))
    assert replica.is_ahead(NOW_MS) == is_ahead


def drifted() -> Replica:
    """A replica whose clock was an hour ahead, and that knows two entries of peers with clocks a little ahead."""
    replica = Replica("store-1#0000000a", (STORE,), Image(clock=(NOW_MS + 3_600_000) << COUNTER_BITS))
    for number, ahead_ms in enumerate((2_000, 3_000, 90_000)):
        content = receipt_content(clock=(NOW_MS + ahead_ms) << COUNTER_BITS)
        decisions.merge(replica, [linked(Stream(f"hub-{number}#0000000b", STORE), [content])], NOW_MS)
    return replica


def test_a_movement_under_a_drifted_stamp_names_the_newest_entry_that_it_follows() -> None:
    facts = drifted().record(STORE, Draft(kind=NOTE, moves=receipt_content().moves), b"", NOW_MS).content.facts
    assert facts == {WALL: NOW_MS, AFTER: (NOW_MS + 3_000) << COUNTER_BITS}


def test_an_entry_without_movements_under_a_drifted_stamp_has_only_its_wall_time() -> None:
    assert drifted().record(STORE, Draft(kind=NOTE), b"", NOW_MS).content.facts == {WALL: NOW_MS}
    assert drifted().record(CHAIN, Draft(kind=NOTE, moves=receipt_content().moves), b"", NOW_MS).content.facts == {
        WALL: NOW_MS
    }


def test_a_node_that_recorded_at_the_moment_of_a_count_was_not_heard_after_it() -> None:
    replica, stamp = Node().replica, NOW_MS << COUNTER_BITS
    decisions.merge(replica, [linked(Stream("hub-east#0000000b", STORE), [receipt_content(clock=stamp)])], NOW_MS)
    assert [replica.unheard(STORE, as_of) for as_of in (stamp - 1, stamp)] == [(), ("hub-east",)]


def test_a_location_is_known_by_an_entry_that_moves_nothing() -> None:
    replica = Node().replica
    replica.record("store-7", Draft(kind=NOTE), b"", NOW_MS)
    assert "store-7" in replica.known_locations
    assert "store-8" not in replica.known_locations


def test_a_location_is_known_by_a_connected_store() -> None:
    replica = Node().replica
    replica.learn_location_owners({"store-7": "store-7"})
    assert "store-7" in replica.known_locations


def arrivals(batch: Batch) -> dict[str, int]:
    """The arrival number of each entry with a till receipt of its own."""
    return {entry.content.reference: number for number, entry in enumerate(batch.entries, 1) if entry.content.reference}


def test_each_use_of_a_till_receipt_points_to_its_entry() -> None:
    node = Node()
    node.ask(receipt(cola=20), key="stock")
    node.ask(sold("R-1"), key="s-1")
    fast = Sales(STORE, [sold("R-2"), sold(""), sold("R-3")], [b"s-2", b"s-3", b"s-4"])
    assert not isinstance(decisions.execute_requests(node.replica, fast, NOW_MS, {}), list)
    node.ask(Return(lines=LINES, receipt="R-4", original="R-2"), key="r-1")
    entry = node.ask(Return(lines=LINES, original="R-3"), key="r-2")
    node.ask(Sale(lines=(SkuLine(1, sku="cola"), SkuLine(2, sku="cola")), receipt="R-5"), key="s-5")
    batch = node.commit()
    own = {number: arrival for _, number, use, _, arrival, _, _ in batch.receipts if use in (SALE, RETURN)}
    assert own == arrivals(batch)
    assert list(own) == ["R-1", "R-2", "R-3", "R-4", "R-5"]
    reversed_ = {
        number: batch.entries[arrival - 1] for _, number, use, _, arrival, *_ in batch.receipts if use == ORIGINAL
    }
    assert [reversed_["R-2"].content.reference, reversed_["R-3"]] == ["R-4", entry]


def test_documents_and_goods_receipts_use_no_till_receipt() -> None:
    node = Node()
    node.ask(receipt(cola=20), key="stock")
    node.write("cola", {"recipe": {"cola": 1}})
    assert node.commit().receipts == []
