"""A replica: its own decisions, its merges, and the state that both fold to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.clock import COUNTER_BITS, stamp_ms
from replica.core.base.errors import (
    Invalid,
    KeyReused,
    NotHosted,
    PeerFault,
    RightsExhausted,
    UnknownLocation,
    UnknownSku,
)
from replica.core.base.limits import BODY_BYTES_MAX, CLOCK_AHEAD_MAX_MS, KEY_LENGTH_MAX, LINES_MAX, RECIPE_ITEMS_MAX
from replica.core.base.names import CHAIN
from replica.core.catalog.documents import pack_value
from replica.core.ledger.cells import Figures, Move
from replica.core.log.entry import Entry, Head, Stream, chain, pack_body, start
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.state.batch import Image
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.kinds import LocationRequest
from replica.core.state.replica import Replica, vector_digest
from replica.core.stock.requests import (
    Adjustment,
    AdjustmentLine,
    Count,
    CountLine,
    GoodsLine,
    GoodsReceipt,
    KeyedSale,
    OnShortage,
    Return,
    Sale,
    SkuLine,
)
from replica.core.sync.columns import ColumnDecoder, ColumnEncoder
from tests.core.chain import NOW_MS, STORE, Node, hub, image_of, receipt, sale, store
from tests.core.contents import OWN, linked, receipt_content, runs

PEER = Stream("hub-east#0000000b", STORE)


def state_of(replica: Replica) -> tuple[Any, ...]:
    """All state that a refused request must not change."""
    return (
        list(replica.ledger.cells()),
        replica.digests(),
        {scope: dict(vector) for scope, vector in replica.vectors.items()},
        replica.arrival,
        replica.uncommitted,
        {scope: dict(stamps) for scope, stamps in replica.heard.items()},
    )


# ---------------------------------------------------------------------------------------------------------------------
# requests


def test_entries_are_numbered_from_one_and_linked() -> None:
    node = Node()
    first, second = node.ask(receipt(cola=3)), node.ask(sale(cola=1))
    assert (first.stream, first.sequence, second.sequence) == (OWN, 1, 2)
    assert first.hash == chain(start(OWN).hash, first.body)
    assert second.hash == chain(first.hash, second.body)
    assert first.body == pack_body(first.content)
    assert node.replica.head(OWN) == Head(2, second.hash)


def test_each_stamp_is_later_than_the_one_before_though_the_wall_clock_goes_back() -> None:
    node = Node()
    first = node.ask(receipt(cola=3), now_ms=NOW_MS)
    second = node.ask(sale(cola=1), now_ms=NOW_MS - 60_000)
    assert second.content.clock > first.content.clock
    assert stamp_ms(first.content.clock) == NOW_MS


def test_an_entry_is_folded_as_it_is_recorded() -> None:
    node = Node()
    node.ask(receipt(cola=3))
    node.ask(sale(cola=1))
    assert node.replica.ledger.stock(STORE, "cola").figures == Figures(2, 0, 0, 2)
    assert node.replica.arrival == node.replica.uncommitted == 2


def test_a_repeated_request_returns_the_first_entry_and_moves_nothing() -> None:
    node = Node()
    node.ask(receipt(cola=3))
    first = node.ask(sale(cola=1), key="till-1")
    before = state_of(node.replica)
    assert node.ask(sale(cola=1), key="till-1") is first
    assert state_of(node.replica) == before


def test_a_key_reused_for_another_request_is_refused_and_moves_nothing() -> None:
    node = Node()
    node.ask(sale(cola=1), key="till-1")
    before = state_of(node.replica)
    with pytest.raises(KeyReused) as refused:
        node.ask(sale(cola=2), key="till-1")
    assert refused.value.field == "Idempotency-Key"
    assert refused.value.kind == "idempotency-key-reused"
    assert "till-1" in refused.value.detail
    assert state_of(node.replica) == before


@pytest.mark.parametrize(
    "other",
    [
        sale(OnShortage.REFUSE, cola=1),
        sale(cola=1, leaf=1),
        sale(leaf=1),
        Sale(lines=(SkuLine(1, sku="cola"),), till="till-2"),
        Sale(lines=(SkuLine(1, sku="cola"),), receipt="R-2"),
        Return(lines=(SkuLine(1, sku="cola"),)),
        receipt(cola=1),
        Count((CountLine("cola", 1),)),
        Adjustment((AdjustmentLine("cola", 1, "found"),)),
    ],
)
def test_any_difference_makes_another_request(other: LocationRequest) -> None:
    node = Node()
    node.ask(sale(cola=1), key="till-1")
    with pytest.raises(KeyReused):
        node.ask(other, key="till-1")


def test_a_key_that_is_only_in_the_journal_is_recognised() -> None:
    node = Node()
    first = node.ask(sale(cola=1), key="till-1")
    node.commit()
    node.crash()
    assert node.ask(sale(cola=1), key="till-1") == first
    with pytest.raises(KeyReused):
        node.ask(sale(cola=2), key="till-1")
    assert node.replica.uncommitted == 0


def test_a_key_used_at_another_node_is_recognised_once_its_entry_arrived() -> None:
    shop, other = store(1), hub("hub-east", "store-1")
    first = shop.ask(sale(cola=1), key="till-1")
    shop.commit()
    decisions.merge(other.replica, shop.runs(), NOW_MS)
    assert other.ask(sale(cola=1), key="till-1") == first
    with pytest.raises(KeyReused):
        other.ask(sale(cola=2), key="till-1")


def test_a_till_gets_its_own_entry_though_a_peer_used_its_key_for_another_request() -> None:
    node = Node()
    first = node.ask(sale(cola=1), key="till-1")
    node.commit()
    decisions.merge(node.replica, [linked(PEER, [receipt_content(key=b"till-1")])], NOW_MS)
    assert node.ask(sale(cola=1), key="till-1") is first


def test_a_key_used_at_one_location_is_refused_at_another() -> None:
    node = Node(locations=(STORE, "store-2"))
    node.ask(sale(cola=1), key="till-1")
    with pytest.raises(KeyReused):
        decisions.execute(node.replica, Command("store-2", sale(cola=1), b"till-1"), NOW_MS)


def test_requests_without_a_key_are_never_repetitions() -> None:
    node = Node()
    assert [node.ask(sale(cola=1)).sequence for _ in range(3)] == [1, 2, 3]


def test_a_refused_request_does_not_use_up_its_key() -> None:
    node = Node()
    with pytest.raises(RightsExhausted):
        node.ask(sale(OnShortage.REFUSE, cola=1), key="till-1")
    node.ask(receipt(cola=1))
    assert node.ask(sale(OnShortage.REFUSE, cola=1), key="till-1").sequence == 2


def test_a_retry_gets_the_first_answer_even_when_it_would_now_be_refused() -> None:
    node = Node()
    node.ask(receipt(cola=1))
    first = node.ask(sale(OnShortage.REFUSE, cola=1), key="till-1")
    assert node.ask(sale(OnShortage.REFUSE, cola=1), key="till-1") is first


def test_a_sale_in_a_batch_and_the_same_single_sale_are_one_request() -> None:
    node = Node()
    lines = (SkuLine(1, sku="cola"),)
    first = node.ask(KeyedSale(lines=lines, key="till-1"), key="till-1")
    assert node.ask(Sale(lines=lines), key="till-1") is first
    assert node.ask(KeyedSale(lines=lines, key="till-1"), key="till-1") is first


def test_a_repeated_count_is_one_request_though_the_stock_changed_since() -> None:
    node = Node()
    first = node.ask(Count((CountLine("cola", 5),)), key="count-1")
    node.ask(sale(cola=1))
    assert node.ask(Count((CountLine("cola", 5),)), key="count-1") is first


def test_a_location_that_nobody_knows_is_refused_with_names_like_it() -> None:
    node = Node()
    before = state_of(node.replica)
    with pytest.raises(UnknownLocation, match="Did you mean store-1") as refused:
        decisions.execute(node.replica, Command("stroe-1", sale(cola=1), b"k"), NOW_MS)
    assert refused.value.field == "location"
    assert state_of(node.replica) == before


def test_a_location_the_node_does_not_write_for_is_refused() -> None:
    node = Node()
    node.write("store-2", {"type": "store", "name": "Shop 2", "region": "east"}, kind="location")
    before = state_of(node.replica)
    with pytest.raises(NotHosted) as refused:
        decisions.execute(node.replica, Command("store-2", sale(cola=1), b"k"), NOW_MS)
    assert refused.value.field == "location"
    assert state_of(node.replica) == before


def test_a_count_without_a_token_is_made_from_the_present_state() -> None:
    node = Node()
    last = node.ask(receipt(cola=3))
    facts = node.ask(Count((CountLine("cola", 5),))).content.facts
    assert facts["seen"] == {OWN.writer: 1}
    assert facts["as_of"] == (NOW_MS << 16) - 1 < last.content.clock


def test_a_request_too_large_for_one_entry_is_refused_and_has_no_effect() -> None:
    node = Node()
    for number in range(LINES_MAX):
        items = {f"item-{number}-{index}".ljust(60, "x"): 1 for index in range(RECIPE_ITEMS_MAX)}
        if number < 200:
            node.write(f"bundle-{number}", {"recipe": items})
    before = state_of(node.replica)
    with pytest.raises(Invalid) as refused:
        node.ask(GoodsReceipt(tuple(GoodsLine(1, sku=f"bundle-{number}") for number in range(200))), key="k")
    assert refused.value.field == "lines"
    assert state_of(node.replica) == before
    assert node.ask(receipt(cola=1), key="k").sequence == 1


def test_a_key_longer_than_peers_accept_is_refused_and_has_no_effect() -> None:
    node = Node()
    before = state_of(node.replica)
    with pytest.raises(Invalid) as refused:
        decisions.execute(node.replica, Command(STORE, sale(cola=1), b"k" * (KEY_LENGTH_MAX + 1)), NOW_MS)
    assert refused.value.field == "Idempotency-Key"
    with pytest.raises(Invalid):
        decisions.write(node.replica, DocumentWrite("sku", "cola", None, b"k" * (KEY_LENGTH_MAX + 1)), NOW_MS)
    assert state_of(node.replica) == before


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "kind-of-next-year"},
        {"kind": ""},
        {"kind": "sale", "facts": {"on_shortage": "maybe"}},
        {"kind": "sale", "facts": {"on_shortage": [1]}},
        {"kind": "sale", "facts": {"scanned": 7}},
        {"kind": "sale", "facts": {"scanned": [[[], 1]]}},
        {"kind": "sale", "facts": {"occurred_at": "yesterday"}},
        {"kind": "sale", "facts": {"occurred_at": 1 << 62}},
        {"kind": "return", "reason": "none"},
        {"kind": "receipt", "facts": {"items": 7}},
        {"kind": "count"},
        {"kind": "count", "facts": {"count": [1]}},
        {"kind": "adjustment", "facts": {"adjusted": [["cola", 1]]}},
        {"kind": "quarantine", "facts": {"quarantine": [["cola", 1, "eat"]]}},
        {"kind": "document"},
        {"kind": "document", "facts": {"kind": "sku"}},
    ],
)
def test_an_unreadable_entry_of_a_peer_answers_no_request_under_its_key(changed: dict[str, Any]) -> None:
    node = Node()
    decisions.merge(node.replica, [linked(PEER, [receipt_content(key=b"k", moves=(), **changed)])], NOW_MS)
    for request in (
        sale(cola=1),
        receipt(cola=1),
        Count((CountLine("cola", 1),)),
        Return(lines=(SkuLine(1, sku="cola"),)),
    ):
        with pytest.raises(KeyReused):
            node.ask(request, key="k")
    with pytest.raises(KeyReused):
        node.write("cola", {"recipe": {"cola": 1}}, key="k")


# ---------------------------------------------------------------------------------------------------------------------
# documents


def test_a_written_document_has_the_next_version() -> None:
    node = hub("hub-east")
    for version in (1, 2):
        entry = node.write("cola", {"recipe": {"cola": 1}})
        assert entry.stream.scope == CHAIN
        assert entry.content.facts["version"] == version
        assert entry.content.moves == ()


def test_a_written_sku_can_be_sold_immediately_and_a_deleted_one_only_as_a_fact() -> None:
    replica = Replica("hub-east#0000000a", ("warehouse",))
    decisions.write(replica, DocumentWrite("sku", "six", pack_value({"recipe": {"cola": 6}}), b"1"), NOW_MS)
    entry = decisions.execute(replica, Command("warehouse", sale(six=2), b"2"), NOW_MS)
    assert entry.content.moves == (Move("cola", "hub-east/free", "customer", 12),)
    decisions.write(replica, DocumentWrite("sku", "six", None, b"3"), NOW_MS)
    with pytest.raises(UnknownSku, match="was deleted"):
        decisions.execute(replica, Command("warehouse", sale(OnShortage.REFUSE, six=2), b"4"), NOW_MS)
    entry = decisions.execute(replica, Command("warehouse", sale(six=2), b"5"), NOW_MS)
    assert entry.content.moves == (Move("cola", "hub-east/free", "customer", 12),)


def test_a_repeated_document_write_is_one_write() -> None:
    node = hub("hub-east")
    first = node.write("cola", {"recipe": {"cola": 1}}, key="w-1")
    assert node.write("cola", {"recipe": {"cola": 1}}, key="w-1") is first
    for name, value in (("cola", {"recipe": {"cola": 2}}), ("leaf", {"recipe": {"cola": 1}}), ("cola", None)):
        with pytest.raises(KeyReused):
            node.write(name, value, key="w-1")


def test_a_key_of_a_document_is_refused_for_a_sale_and_the_reverse() -> None:
    node = Node()
    node.write("cola", {"recipe": {"cola": 1}}, key="k-1")
    node.ask(sale(cola=1), key="k-2")
    with pytest.raises(KeyReused):
        node.ask(sale(cola=1), key="k-1")
    with pytest.raises(KeyReused):
        node.write("cola", {"recipe": {"cola": 1}}, key="k-2")


def test_a_document_too_large_for_one_entry_is_refused_and_has_no_effect() -> None:
    node = hub("hub-east")
    before = state_of(node.replica)
    with pytest.raises(Invalid):
        node.write("cola", {"blob": "x" * BODY_BYTES_MAX}, kind="price")
    assert state_of(node.replica) == before


# ---------------------------------------------------------------------------------------------------------------------
# merging


def slice_of(run: ReceivedRun, first: int, last: int) -> ReceivedRun:
    """The entries of a run numbered `first` to `last`."""
    before = [run.previous, *(entry.hash for entry in run.entries)]
    return ReceivedRun(
        run.stream, first, before[first - run.first], run.entries[first - run.first : last - run.first + 1]
    )


FIVE = linked(PEER, [receipt_content(clock=NOW_MS << COUNTER_BITS | number) for number in range(5)])


def merged(*parts: tuple[int, int]) -> tuple[Replica, list[int]]:
    """A replica that merged these parts of five entries, and how many entries of each part were new."""
    replica = Node().replica
    return replica, [decisions.merge(replica, [slice_of(FIVE, first, last)], NOW_MS) for first, last in parts]


@pytest.mark.parametrize(
    ("parts", "fresh"),
    [
        ([(1, 5)], [5]),
        ([(1, 2), (3, 5)], [2, 3]),
        ([(1, 3), (2, 5)], [3, 2]),
        ([(1, 3), (1, 5)], [3, 2]),
        ([(1, 5), (1, 5)], [5, 0]),
        ([(1, 5), (2, 3)], [5, 0]),
        ([(1, 1), (1, 1), (2, 2), (1, 2), (2, 5)], [1, 0, 1, 0, 3]),
    ],
)
def test_a_merge_takes_in_only_missing_entries(parts: list[tuple[int, int]], fresh: list[int]) -> None:
    replica, counted = merged(*parts)
    assert counted == fresh
    assert replica.head(PEER) == Head(5, FIVE.entries[-1].hash)
    assert replica.ledger.stock(STORE, "cola").figures.on_hand == 5
    assert replica.arrival == 5


def test_a_gap_is_a_fault_and_nothing_is_merged() -> None:
    replica, _ = merged((1, 2))
    before = state_of(replica)
    with pytest.raises(PeerFault) as fault:
        decisions.merge(replica, [slice_of(FIVE, 4, 5)], NOW_MS)
    assert fault.value.reason == "gap"
    assert state_of(replica) == before


@pytest.mark.parametrize("first", [1, 2, 3])
def test_two_entries_with_one_number_are_a_fork_and_the_first_stays(first: int) -> None:
    replica, _ = merged((1, 2))
    before = state_of(replica)
    fork = linked(PEER, [*(entry.content for entry in FIVE.entries[:1]), *[receipt_content(quantity=9)] * 3])
    with pytest.raises(PeerFault) as fault:
        decisions.merge(replica, [slice_of(fork, first, 4)], NOW_MS)
    assert fault.value.reason == "fork"
    assert state_of(replica) == before


def test_a_fork_at_the_first_entry_is_noticed() -> None:
    replica, _ = merged((1, 1))
    with pytest.raises(PeerFault) as fault:
        decisions.merge(replica, [linked(PEER, [receipt_content(quantity=9)])], NOW_MS)
    assert fault.value.reason == "fork"


def test_a_first_entry_that_does_not_follow_the_genesis_is_a_fork() -> None:
    replica = Node().replica
    with pytest.raises(PeerFault) as fault:
        decisions.merge(replica, [linked(PEER, [receipt_content()], previous=b"x" * 16)], NOW_MS)
    assert fault.value.reason == "fork"


def test_unknown_entries_of_our_own_writer_are_a_fault() -> None:
    node = Node()
    mine = [node.ask(receipt(cola=1)).content]
    before = state_of(node.replica)
    with pytest.raises(PeerFault) as fault:
        decisions.merge(node.replica, [linked(OWN, [*mine, receipt_content()])], NOW_MS)
    assert fault.value.reason == "own-stream"
    assert ": 2 " in fault.value.detail
    assert state_of(node.replica) == before


def test_merging_our_own_entries_changes_nothing() -> None:
    node = Node()
    node.ask(receipt(cola=1))
    node.commit()
    assert decisions.merge(node.replica, node.runs(), NOW_MS) == 0


def test_entries_of_a_former_incarnation_are_merged() -> None:
    replica = Replica("store-1#0000000f", (STORE,), open_catalog=True)
    assert decisions.merge(replica, [linked(OWN, [receipt_content(quantity=4)])], NOW_MS) == 1
    entry = decisions.execute(replica, Command(STORE, sale(OnShortage.REFUSE, cola=4), b"k"), NOW_MS)
    assert entry.stream.writer == "store-1#0000000f"
    assert replica.ledger.stock(STORE, "cola").figures.on_hand == 0


def test_runs_before_a_faulty_one_are_kept() -> None:
    replica = Node().replica
    with pytest.raises(PeerFault):
        decisions.merge(replica, [slice_of(FIVE, 1, 3), slice_of(FIVE, 5, 5)], NOW_MS)
    assert replica.head(PEER).sequence == 3
    assert len(replica.take_batch().entries) == 3


def test_the_next_stamp_is_later_than_every_merged_stamp() -> None:
    node = Node()
    ahead = (NOW_MS + CLOCK_AHEAD_MAX_MS) << COUNTER_BITS
    decisions.merge(node.replica, [linked(PEER, [receipt_content(clock=ahead)])], NOW_MS)
    assert node.ask(sale(cola=1)).content.clock > ahead


def test_a_stamp_too_far_ahead_is_kept_and_reported_but_not_followed() -> None:
    node = Node()
    ahead = (NOW_MS + CLOCK_AHEAD_MAX_MS + 1) << COUNTER_BITS
    assert decisions.merge(node.replica, [linked(PEER, [receipt_content(clock=ahead)])], NOW_MS) == 1
    assert node.replica.clock.refused == 1
    assert node.replica.newest(STORE) == ahead
    assert stamp_ms(node.ask(sale(cola=1)).content.clock) == NOW_MS


def test_the_newest_stamp_of_a_scope_does_not_go_back_when_an_old_entry_arrives() -> None:
    replica = Node().replica
    stamps = [(NOW_MS + offset_ms) << COUNTER_BITS for offset_ms in (5, 1)]
    for stream, stamp in zip((PEER, Stream("hub-west#0000000c", STORE)), stamps, strict=True):
        decisions.merge(replica, [linked(stream, [receipt_content(clock=stamp, moves=())])], NOW_MS)
    assert replica.newest(STORE) == stamps[0]
    assert replica.newest("elsewhere") is None


def test_a_stamp_after_a_restart_is_later_than_every_stamp_merged_before() -> None:
    node = Node()
    ahead = (NOW_MS + 30_000) << COUNTER_BITS
    decisions.merge(node.replica, [linked(PEER, [receipt_content(clock=ahead)])], NOW_MS)
    node.commit()
    node.crash()
    assert node.ask(sale(cola=1)).content.clock > ahead


def test_a_stamp_too_far_ahead_is_not_followed_after_a_restart_either() -> None:
    node = Node()
    ahead = (NOW_MS + CLOCK_AHEAD_MAX_MS + 1) << COUNTER_BITS
    decisions.merge(node.replica, [linked(PEER, [receipt_content(clock=ahead)])], NOW_MS)
    node.commit()
    node.crash()
    assert stamp_ms(node.ask(sale(cola=1)).content.clock) == NOW_MS


def test_a_wrong_clock_hides_no_stamp_of_another_writer_after_a_restart() -> None:
    node = Node()
    believed, wrong = ((NOW_MS + offset_ms) << COUNTER_BITS for offset_ms in (30_000, CLOCK_AHEAD_MAX_MS + 1))
    for stream, stamp in ((PEER, believed), (Stream("hub-west#0000000c", STORE), wrong)):
        decisions.merge(node.replica, [linked(stream, [receipt_content(clock=stamp, moves=())])], NOW_MS)
    node.commit()
    node.crash()
    assert believed < node.ask(sale(cola=1)).content.clock < wrong


def test_a_wrong_clock_hides_no_earlier_stamp_of_its_own_after_a_restart() -> None:
    node = Node()
    believed, wrong = ((NOW_MS + offset_ms) << COUNTER_BITS for offset_ms in (30_000, CLOCK_AHEAD_MAX_MS + 1))
    contents = [receipt_content(clock=stamp, moves=()) for stamp in (believed, wrong)]
    decisions.merge(node.replica, [linked(PEER, contents)], NOW_MS)
    node.commit()
    node.crash()
    assert believed < node.ask(sale(cola=1)).content.clock < wrong


def test_moves_of_an_unknown_kind_are_folded_too() -> None:
    replica = Node().replica
    decisions.merge(
        replica, [linked(PEER, [receipt_content(kind="consignment", quantity=4, facts={"new": [1]})])], NOW_MS
    )
    assert replica.ledger.stock(STORE, "cola").figures.on_hand == 4


# ---------------------------------------------------------------------------------------------------------------------
# batches, vectors and starting again


def test_a_batch_holds_entries_in_arrival_order_and_the_newest_totals() -> None:
    node = Node()
    own = node.ask(receipt(cola=3))
    decisions.merge(node.replica, [FIVE], NOW_MS)
    last = node.ask(receipt(cola=4))
    batch = node.replica.take_batch()
    assert batch.entries == [own, *FIVE.entries, last]
    assert {route.name: sum(changed.values()) for route, changed in batch.cells.items()} == {
        (OWN.writer, "supplier", "store-1/free"): 7,
        (PEER.writer, "supplier", "store-1/free"): 5,
    }
    assert node.replica.uncommitted == 0
    empty = node.replica.take_batch()
    assert (empty.entries, dict(empty.cells), empty.checkpoint) == ([], {}, {})


def test_a_batch_holds_the_current_documents_only() -> None:
    node = hub("hub-east")
    node.write("cola", {"recipe": {"cola": 1}})
    node.write("cola", {"recipe": {"cola": 2}})
    assert [row[4] for row in node.replica.take_batch().checkpoint["documents"]] == [2]


def test_a_stream_without_entries_ends_at_its_genesis() -> None:
    assert Node().replica.head(PEER) == start(PEER)


def test_a_vector_is_a_copy_and_leaves_out_scopes_without_entries() -> None:
    node = Node()
    node.ask(receipt(cola=1))
    vector = node.replica.vector([STORE, CHAIN])
    assert list(vector) == [STORE]
    node.ask(receipt(cola=1))
    assert vector[STORE][OWN.writer].sequence == 1


def test_equal_vectors_have_equal_digests_in_any_order_of_growth() -> None:
    heads = {"a#0000000a": Head(1, b"x"), "b#0000000b": Head(2, b"y")}
    assert vector_digest(heads) == vector_digest(dict(reversed(heads.items())))
    assert vector_digest(heads) != vector_digest({**heads, "a#0000000a": Head(2, b"x")})
    assert vector_digest(heads) != vector_digest({**heads, "a#0000000a": Head(1, b"z")})


def test_digests_cover_every_scope_held_and_the_chain() -> None:
    node = Node()
    node.ask(receipt(cola=1))
    assert list(node.replica.digests()) == [CHAIN, STORE]
    assert node.replica.digests()[STORE] == node.replica.ledger.digest(STORE)


def test_a_location_where_nothing_moved_has_no_stock() -> None:
    assert Node().replica.location_stock(STORE) is None


def test_a_restarted_replica_continues_where_its_journal_ends() -> None:
    node = Node()
    node.write("six", {"recipe": {"cola": 6}, "barcodes": ["123"]})
    node.ask(receipt(six=2))
    decisions.merge(node.replica, [FIVE], NOW_MS)
    before = state_of(node.replica)
    node.commit()
    again = Replica(node.replica.writer, (STORE,), image_of(node.journal, node.replica.writer))
    assert state_of(again)[:4] == before[:4]
    assert again.heard == before[5]
    assert again.uncommitted == 0
    assert again.take_batch().entries == []
    assert again.catalog.scan("123", "barcode") == "six"
    entry = decisions.execute(again, Command(STORE, sale(six=1), b"k"), NOW_MS)
    assert entry.sequence == 2
    assert entry.content.clock > max(one.content.clock for one, _ in node.journal if one.stream == OWN)


def test_uncommitted_entries_are_gone_after_a_restart() -> None:
    node = Node()
    node.ask(receipt(cola=1))
    node.commit()
    node.ask(receipt(cola=5), key="k")
    node.crash()
    assert node.replica.ledger.stock(STORE, "cola").figures.on_hand == 1
    assert node.ask(receipt(cola=5), key="k").sequence == 2


def test_a_replica_of_an_empty_journal_is_empty() -> None:
    replica = Replica("store-1#0000000a", (STORE,), Image())
    assert replica.vectors == {}
    assert replica.digests() == {CHAIN: "0" * 32}


@given(st.lists(st.sampled_from([OWN, PEER, Stream("hub-east#0000000b", CHAIN)]), min_size=1, max_size=3, unique=True),
       st.data())  # fmt: skip
def test_the_fold_of_the_journal_equals_the_cells_in_any_arrival_order(
    streams: list[Stream], data: st.DataObject
) -> None:
    all_runs = [data.draw(runs(stream, max_size=4)) for stream in streams]
    replicas = []
    for _ in range(2):
        replica = Replica("store-9#0000000f", ())
        queues = [list(range(len(run.entries))) for run in all_runs]
        while any(queues):
            index = data.draw(st.sampled_from([index for index, queue in enumerate(queues) if queue]))
            number = queues[index].pop(0) + 1
            decisions.merge(replica, [slice_of(all_runs[index], number, number)], NOW_MS)
        journal: list[tuple[Entry, bytes]] = [(entry, b"") for entry in replica.take_batch().entries]
        assert Replica("store-9#0000000f", (), image_of(journal, "")).digests() == replica.digests()
        assert list(Replica("x#0000000f", (), image_of(journal, "")).ledger.cells()) == list(replica.ledger.cells())
        replicas.append(replica)
    assert replicas[0].digests() == replicas[1].digests()


def test_peers_decode_the_entries_that_a_node_records() -> None:
    node = Node()
    node.write("six", {"recipe": {"cola": 6}, "barcodes": ["123"]}, key="w")
    requests: list[LocationRequest] = [
        receipt(cola=5, six=1),
        sale(six=3),
        Return(lines=(SkuLine(1, barcode="123"),)),
        Count((CountLine("cola", 9),)),
        Adjustment((AdjustmentLine("cola", -1, "broken"),)),
    ]
    for number, request in enumerate(requests):
        node.ask(request, key=f"key-{number}")
    node.commit()
    decoded = ColumnDecoder().decode(ColumnEncoder().encode(node.journal))
    assert [entry for run in decoded for entry in run.entries] == [entry for entry, _ in node.journal]


def test_the_digest_of_the_chain_is_that_of_its_documents() -> None:
    node, before = Node(), Node().replica.digest(CHAIN)
    node.ask(receipt(cola=1))
    assert node.replica.digest(CHAIN) == before
    node.write("cola", {"recipe": {"cola": 1}})
    assert node.replica.digest(CHAIN) != before


def test_digests_of_version_vectors_of_releases_that_meet_are_equal() -> None:
    vector = {"store-1#0000000a": Head(3, b"a" * 16), "hub-east#0000000b": Head(1, b"b" * 16)}
    assert vector_digest(vector) == "05f7a97f44ab5777b87ebecec9a0110d"
    assert vector_digest(dict(reversed(vector.items()))) == vector_digest(vector)


def test_repetitions_are_counted() -> None:
    node = Node()
    for times in range(3):
        node.ask(receipt(cola=1), "k-1")
        assert node.replica.repeated == times
