"""Entries as columns: every encoded batch reads back, and bad input of a peer at most ends its session."""

from __future__ import annotations

import tracemalloc
import zlib
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replica.core.base.errors import PeerFault
from replica.core.base.limits import (
    BODY_BYTES_MAX,
    FACTS_DEPTH_MAX,
    FACTS_MAX,
    FRAME_ENTRIES_MAX,
    FRAME_RAW_BYTES_MAX,
    KEY_LENGTH_MAX,
    NAMES_PER_SESSION_MAX,
    QUANTITY_MAX,
    TEXT_LENGTH_MAX,
)
from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, EntryLine, Stream, pack_body
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.state.replica import Replica
from replica.core.sync.columns import ColumnDecoder, ColumnEncoder, pack_column, unpack_column
from tests.core.chain import NOW_MS
from tests.core.contents import OWN, RELAYED, STREAMS, linked, receipt_content, runs, values, with_hash_before

REASONS = ("malformed", "oversized", "corrupt", "unauthorised")


def encode(*batches: ReceivedRun) -> bytes:
    """The runs as the first batch of a session."""
    return ColumnEncoder().encode([pair for run in batches for pair in with_hash_before(run)])


def taken_apart(packed: bytes) -> list[Any]:
    """A batch as plain values: `[restart, fresh names, columns, check]`."""
    unpacked: list[Any] = msgpack.unpackb(zlib.decompress(packed[4:]), strict_map_key=False)
    return unpacked


def put_together(plain: Any) -> bytes:
    """Plain values as a batch."""
    raw: bytes = msgpack.packb(plain)
    return len(raw).to_bytes(4, "big") + zlib.compress(raw)


def fault_of(packed: bytes, decoder: ColumnDecoder | None = None) -> str:
    """The reason why a batch is refused."""
    with pytest.raises(PeerFault) as fault:
        (decoder or ColumnDecoder()).decode(packed)
    return fault.value.reason


def fault_of_content(stream: Stream = OWN, **changed: Any) -> str:
    """The reason why an entry with this content is refused, though its sender hashed and encoded it correctly."""
    return fault_of(encode(linked(stream, [receipt_content(**changed)])))


integers = st.integers(-(1 << 63), (1 << 63) - 1)


@given(st.lists(integers) | st.lists(st.integers(-128, 127)) | st.lists(st.integers(-40_000, 40_000)))
def test_every_column_reads_back(column: list[int]) -> None:
    assert list(unpack_column(pack_column(column), len(column), -(1 << 63), 1 << 63)) == column


@pytest.mark.parametrize(
    ("column", "width"),
    [
        ([], 1),
        ([127, -128], 1),
        ([128], 2),
        ([-129], 2),
        ([1 << 15], 4),
        ([-(1 << 15) - 1], 4),
        ([1 << 31], 8),
        ([-(1 << 31) - 1], 8),
    ],
)
def test_a_column_is_as_narrow_as_its_widest_value(column: list[int], width: int) -> None:
    assert pack_column(column)[0] == width
    assert len(pack_column(column)) == 1 + width * len(column)


def test_a_column_is_stored_as_planes_of_its_bytes() -> None:
    assert pack_column([0x0102, 0x0304, 0x0506]) == bytes.fromhex("02 020406 010305")


@pytest.mark.parametrize(
    "packed", [b"", b"\x01", b"\x03abc", b"\x01ab", b"\x02ab", b"\x00", b"\xff" + b"x" * 255, b"\x02abc"]
)
def test_a_column_of_the_wrong_length_is_malformed(packed: bytes) -> None:
    with pytest.raises(PeerFault) as fault:
        unpack_column(packed, 3, 0, 9)
    assert fault.value.reason == "malformed"


@pytest.mark.parametrize(("low", "high"), [(2, 9), (0, 2)])
def test_a_column_with_a_value_out_of_range_is_malformed(low: int, high: int) -> None:
    with pytest.raises(PeerFault) as fault:
        unpack_column(pack_column([1, 2, 3]), 3, low, high)
    assert fault.value.reason == "malformed"


@given(st.lists(st.sampled_from(STREAMS), min_size=1, max_size=3, unique=True).flatmap(
    lambda streams: st.tuples(*(runs(stream) for stream in streams))
))  # fmt: skip
def test_every_batch_reads_back_entry_by_entry(batch: tuple[ReceivedRun, ...]) -> None:
    decoded = ColumnDecoder().decode(encode(*batch))
    assert [(run.stream, run.first, run.previous) for run in decoded] == [
        (run.stream, run.first, run.previous) for run in batch
    ]
    assert [entry for run in decoded for entry in run.entries] == [entry for run in batch for entry in run.entries]


@given(runs(OWN, max_size=8), runs(RELAYED, max_size=8), st.data())
def test_every_split_into_batches_reads_back_in_one_session(
    own: ReceivedRun, relayed: ReceivedRun, data: st.DataObject
) -> None:
    pairs = [*with_hash_before(own), *with_hash_before(relayed)]
    encoder, decoder = ColumnEncoder(), ColumnDecoder()
    decoded = []
    while pairs:
        number = data.draw(st.integers(1, len(pairs)))
        batch, pairs = pairs[:number], pairs[number:]
        decoded += [entry for run in decoder.decode(encoder.encode(batch)) for entry in run.entries]
    assert decoded == [*own.entries, *relayed.entries]


def test_alternating_streams_keep_their_arrival_order() -> None:
    own, relayed = linked(OWN, [receipt_content()] * 3), linked(RELAYED, [receipt_content()] * 3)
    mixed = [pair for pairs in zip(with_hash_before(own), with_hash_before(relayed), strict=True) for pair in pairs]
    decoded = ColumnDecoder().decode(ColumnEncoder().encode(mixed))
    assert [run.stream for run in decoded] == [OWN, RELAYED] * 3
    assert [run.first for run in decoded] == [1, 1, 2, 2, 3, 3]
    assert [run.previous for run in decoded[2:4]] == [own.entries[0].hash, relayed.entries[0].hash]


def test_keys_of_different_lengths_read_back() -> None:
    run = linked(OWN, [receipt_content(key=key) for key in (b"k" * 16, b"short", b"", b"another")])
    assert ColumnDecoder().decode(encode(run))[0].entries == run.entries


def test_the_longest_texts_and_the_least_stamp_read_back() -> None:
    longest = "x" * TEXT_LENGTH_MAX
    run = linked(OWN, [receipt_content(clock=0, actor=longest, reason=longest, reference=longest)])
    assert ColumnDecoder().decode(encode(run))[0].entries == run.entries


def test_the_first_name_of_the_dictionary_may_be_any_text() -> None:
    run = linked(OWN, [receipt_content(actor=OWN.writer)])
    assert ColumnDecoder().decode(encode(run))[0].entries == run.entries
    plain = taken_apart(encode(run))
    plain[1][:2] = [OWN.scope, OWN.writer]
    plain[2][0][0][:2] = [1, 0]
    plain[2][5] = pack_column([1])
    assert ColumnDecoder().decode(put_together(plain))[0].entries == run.entries


def test_two_writers_in_one_batch_may_each_debit_their_own_accounts() -> None:
    batch = [
        linked(OWN, [receipt_content(moves=(Move("cola", "store-1/free", "customer", 1),))]),
        linked(RELAYED, [receipt_content(moves=(Move("cola", "hub-east/free", "customer", 1),))]),
    ]
    assert [run.entries for run in ColumnDecoder().decode(encode(*batch))] == [run.entries for run in batch]


def test_the_hash_before_a_run_is_sent_only_if_the_receiver_cannot_know_it() -> None:
    encoder = ColumnEncoder()
    run = linked(OWN, [receipt_content()] * 3, first=5, previous=b"p" * 16)
    sent = [taken_apart(encoder.encode([pair]))[2][0][0][3] for pair in with_hash_before(run)]
    assert sent == [b"p" * 16, b"", b""]


def test_a_name_is_sent_once_in_a_session() -> None:
    encoder = ColumnEncoder()
    run = linked(OWN, [receipt_content(item="a-rather-long-name-of-an-item")] * 2)
    first, second = (encoder.encode([pair]) for pair in with_hash_before(run))
    assert b"a-rather-long-name-of-an-item" in zlib.decompress(first[4:])
    assert taken_apart(second)[1] == []


def test_the_dictionary_restarts_before_it_is_full_and_both_ends_continue() -> None:
    encoder, decoder = ColumnEncoder(), ColumnDecoder()
    number = 600
    said = []
    for batch in range(NAMES_PER_SESSION_MAX // number + 2):
        moves = tuple(Move(f"item-{batch}-{index}", "supplier", "store-1/free", 1) for index in range(number))
        said.append(receipt_content(moves=moves, lines=()))
    restarts = 0
    for pair in with_hash_before(linked(OWN, said)):
        packed = encoder.encode([pair])
        restarts += taken_apart(packed)[0]
        (run,) = decoder.decode(packed)
        assert run.entries == [pair[0]]
    assert restarts >= 1


@pytest.mark.parametrize(
    ("move", "reason"),
    [
        (Move("co la", "supplier", "store-1/free", 1), "malformed"),
        (Move("cola", "nowhere", "store-1/free", 1), "malformed"),
        (Move("cola", "hub-east/free", "store-1/free", 1), "unauthorised"),
    ],
)
def test_names_are_checked_again_after_the_dictionary_restarts(move: Move, reason: str) -> None:
    decoder = ColumnDecoder()
    decoder.decode(encode(linked(OWN, [receipt_content()])))
    anew = taken_apart(encode(linked(OWN, [receipt_content(moves=(move,))])))
    anew[0] = True
    assert fault_of(put_together(anew), decoder) == reason


@pytest.mark.parametrize(
    "contents",
    [
        [receipt_content(moves=tuple(Move(f"item-{one}", "supplier", "store-1/free", 1) for one in range(12)))],
        [receipt_content(moves=(), lines=tuple(EntryLine(f"sku-{one}", 1, 0, 0) for one in range(12)))],
        [receipt_content(actor=f"a-{one}", reason=f"r-{one}") for one in range(6)],
    ],
)
def test_the_dictionary_restarts_for_names_of_any_kind(
    contents: list[Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replica.core.sync.columns.NAMES_PER_SESSION_MAX", 20)
    encoder, decoder = ColumnEncoder(), ColumnDecoder()
    first = receipt_content(moves=(), lines=tuple(EntryLine(f"first-{one}", 1, 0, 0) for one in range(5)))
    pairs = with_hash_before(linked(OWN, [first, *contents]))
    restarts = []
    for batch in (pairs[:1], pairs[1:]):
        packed = encoder.encode(batch)
        restarts.append(taken_apart(packed)[0])
        assert decoder.decode(packed)[0].entries == [entry for entry, _ in batch]
    assert restarts == [False, True]


def test_a_dictionary_that_is_exactly_full_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replica.core.sync.columns.NAMES_PER_SESSION_MAX", 9)
    said = receipt_content(actor="till-1", reason="delivery", lines=(EntryLine("six", 1, 0, 0),))
    run = linked(OWN, [said])
    packed = encode(run)
    assert len(taken_apart(packed)[1]) == 9
    assert ColumnDecoder().decode(packed)[0].entries == run.entries


def test_a_batch_with_more_new_names_than_fit_restarts_the_dictionary() -> None:
    encoder, decoder = ColumnEncoder(), ColumnDecoder()
    said = [
        receipt_content(
            moves=tuple(Move(f"{batch}{index:05}", "supplier", "store-1/free", 1) for index in range(number)), lines=()
        )
        for batch, number in (("a", NAMES_PER_SESSION_MAX // 2 - 10), ("b", NAMES_PER_SESSION_MAX // 2 + 100))
    ]
    for pair in with_hash_before(linked(OWN, said)):
        assert decoder.decode(encoder.encode([pair]))[0].entries == [pair[0]]


def test_a_batch_with_other_hashes_than_its_sender_computed_is_corrupt() -> None:
    plain = taken_apart(encode(linked(OWN, [receipt_content(quantity=5)])))
    plain[3] = bytes(16)
    assert fault_of(put_together(plain)) == "corrupt"


def test_a_changed_quantity_is_corrupt() -> None:
    plain = taken_apart(encode(linked(OWN, [receipt_content(quantity=77)])))
    quantities = plain[2].index(pack_column([77]))
    plain[2][quantities] = pack_column([78])
    assert fault_of(put_together(plain)) == "corrupt"


def test_an_invented_hash_before_a_run_is_corrupt() -> None:
    plain = taken_apart(encode(linked(OWN, [receipt_content()])))
    plain[2][0][0][3] = b"x" * 16
    assert fault_of(put_together(plain)) == "corrupt"


@pytest.mark.parametrize(
    "run_fields",
    [
        {2: 0},
        {2: -1},
        {3: b"x"},
        {3: "x" * 16},
        {4: 0},
        {4: 2},
        {4: -1},
        {0: -1},
        {1: -1},
        {0: 999},
        {0: "a"},
        {3: b""},
        {2: "1"},
        {4: 1.0},
    ],
)
def test_an_invalid_run_is_malformed(run_fields: dict[int, Any]) -> None:
    plain = taken_apart(encode(linked(OWN, [receipt_content()])))
    for index, value in run_fields.items():
        plain[2][0][0][index] = value
    assert fault_of(put_together(plain)) == "malformed"


def test_the_fault_of_a_malformed_batch_names_its_cause() -> None:
    plain = taken_apart(encode(linked(OWN, [receipt_content()])))
    plain[2][0][0][0] = 999
    with pytest.raises(PeerFault) as fault:
        ColumnDecoder().decode(put_together(plain))
    assert "IndexError" in fault.value.detail


@pytest.mark.parametrize(("writer", "scope"), [(-1, 1), (0, -1)])
def test_a_name_with_a_negative_number_is_malformed(writer: int, scope: int) -> None:
    plain = taken_apart(encode(linked(OWN, [receipt_content()])))
    plain[1].append(OWN.writer if writer < 0 else OWN.scope)
    plain[2][0][0][:2] = [writer, scope]
    assert fault_of(put_together(plain)) == "malformed"


def test_a_counter_of_a_stamp_above_its_bits_is_malformed() -> None:
    plain = taken_apart(encode(linked(OWN, [receipt_content(clock=1 << 16)])))
    plain[2][3] = pack_column([1 << 16])
    assert fault_of(put_together(plain)) == "malformed"


def test_a_batch_without_entries_is_malformed() -> None:
    assert fault_of(ColumnEncoder().encode([])) == "malformed"


def test_a_batch_of_the_most_entries_is_read_and_one_more_is_malformed() -> None:
    run = linked(OWN, [receipt_content()] * (FRAME_ENTRIES_MAX + 1))
    pairs = with_hash_before(run)
    assert len(ColumnDecoder().decode(ColumnEncoder().encode(pairs[:-1]))[0].entries) == FRAME_ENTRIES_MAX
    assert fault_of(ColumnEncoder().encode(pairs)) == "malformed"


@pytest.mark.parametrize(
    ("number", "content"),
    [
        (2, receipt_content(lines=())),
        (2, receipt_content(moves=(), lines=(EntryLine("cola", 1, 0, 0),))),
    ],
)
def test_a_batch_of_the_most_moves_or_lines_is_read_and_one_more_is_oversized(
    number: int, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replica.core.sync.columns.FRAME_MOVES_MAX", number)
    run = linked(OWN, [content] * number)
    assert ColumnDecoder().decode(encode(run))[0].entries == run.entries
    assert fault_of(encode(linked(OWN, [content] * (number + 1)))) == "oversized"


def test_a_batch_of_the_most_bytes_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    run = linked(OWN, [receipt_content()])
    packed = encode(run)
    monkeypatch.setattr("replica.core.sync.columns.FRAME_RAW_BYTES_MAX", int.from_bytes(packed[:4], "big"))
    assert ColumnDecoder().decode(packed)[0].entries == run.entries


def test_a_batch_that_inflates_to_far_more_than_it_says_takes_no_memory() -> None:
    bomb = (10).to_bytes(4, "big") + zlib.compress(bytes(5_000_000), 1)
    tracemalloc.start()
    try:
        assert fault_of(bomb) == "corrupt"
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_an_account_of_another_node_cannot_be_debited() -> None:
    assert fault_of_content(moves=(Move("cola", "hub-east/free", "customer", 1),)) == "unauthorised"
    assert fault_of_content(RELAYED, moves=(Move("cola", "store-1/free", "customer", 1),)) == "unauthorised"


def test_an_account_of_another_node_can_be_credited() -> None:
    run = linked(OWN, [receipt_content(moves=(Move("cola", "store-1/free", "hub-east/free", 1),))])
    assert ColumnDecoder().decode(encode(run))[0].entries == run.entries


def test_a_former_incarnation_of_a_node_may_have_debited_its_accounts() -> None:
    former = Stream("store-1#ffffffff", "store-1")
    run = linked(former, [receipt_content(moves=(Move("cola", "store-1/free", "customer", 1),))])
    assert ColumnDecoder().decode(encode(run))[0].entries == run.entries


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("wrong_run", range(2))
@pytest.mark.parametrize(
    ("source", "reason"), [("hub-east/free", "unauthorised"), ("store-2/free", "unauthorised"), ("STORE", "malformed")]
)
def test_a_wrong_source_is_refused_in_each_entry_of_each_run(
    wrong_run: int, place: int, source: str, reason: str
) -> None:
    sold = receipt_content(moves=(Move("cola", "supplier", "store-1/free", 2),))
    wrong = receipt_content(moves=(*sold.moves, Move("cola", source, "customer", 1)))
    written = [[wrong if (run, at) == (wrong_run, place) else sold for at in range(3)] for run in range(2)]
    streams = [OWN, Stream(OWN.writer, "@hubs")]
    assert fault_of(encode(*[linked(*one) for one in zip(streams, written, strict=True)])) == reason


def test_a_route_is_checked_for_each_writer_separately() -> None:
    sold = receipt_content(moves=(Move("cola", "store-1/free", "customer", 1),))
    assert fault_of(encode(linked(OWN, [sold]), linked(RELAYED, [sold]))) == "unauthorised"


def test_a_route_after_a_known_one_is_checked_too() -> None:
    known, foreign = Move("cola", "supplier", "store-1/free", 1), Move("cola", "hub-east/free", "customer", 1)
    decoder, encoder = ColumnDecoder(), ColumnEncoder()
    first, second = with_hash_before(
        linked(OWN, [receipt_content(moves=(known,)), receipt_content(moves=(known, foreign))])
    )
    decoder.decode(encoder.encode([first]))
    assert fault_of(encoder.encode([second]), decoder) == "unauthorised"


@pytest.mark.parametrize(
    "changed",
    [
        {"moves": (Move("cola bottle", "supplier", "store-1/free", 1),)},
        {"moves": (Move("cola\n", "supplier", "store-1/free", 1),)},
        {"moves": (Move("x" * 65, "supplier", "store-1/free", 1),)},
        {"moves": (Move("cola", "nowhere", "store-1/free", 1),)},
        {"moves": (Move("cola", "supplier", "store-1/free\n", 1),)},
        {"moves": (Move("cola", "supplier", "Store/free", 1),)},
        {"moves": (Move("cola", "supplier", "supplier", 1),)},
        {"moves": (Move("cola", "store-1/free", "store-1/free", 1),)},
        {"moves": (Move("cola", "supplier", "store-1/free", 0),)},
        {"moves": (Move("cola", "supplier", "store-1/free", -1),)},
        {"moves": (Move("cola", "supplier", "store-1/free", QUANTITY_MAX + 1),)},
        {"moves": (Move("cola", "supplier", "store-1/free", (1 << 63) - 1),)},
        {"lines": (EntryLine("a b", 1, 0, 0),)},
        {"lines": (EntryLine("cola", 1, -1, 0),)},
        {"kind": "k" * (TEXT_LENGTH_MAX + 1)},
        {"actor": "a" * (TEXT_LENGTH_MAX + 1)},
        {"reason": "r" * (TEXT_LENGTH_MAX + 1)},
        {"reference": "r" * (TEXT_LENGTH_MAX + 1)},
        {"clock": -1},
        {"clock": 1 << 63},
        {"clock": (1 << 63) + 1},
    ],
)
def test_an_entry_that_no_correct_node_writes_is_malformed(changed: dict[str, Any]) -> None:
    assert fault_of_content(**changed) == "malformed"


@pytest.mark.parametrize(
    "changed",
    [
        {"key": b"k" * (KEY_LENGTH_MAX + 1)},
        {"facts": {f"fact-{number}": 0 for number in range(FACTS_MAX + 1)}},
        {"facts": {"blob": b"x" * BODY_BYTES_MAX}},
    ],
)
def test_an_entry_above_a_limit_is_oversized(changed: dict[str, Any]) -> None:
    assert fault_of_content(**changed) == "oversized"


@pytest.mark.parametrize(
    "stream",
    [
        Stream("store-1", "store-1"),
        Stream("store-1#0000000a\n", "store-1"),
        Stream("#0000000a", "store-1"),
        Stream("store-1#0000000a", ""),
        Stream("store-1#0000000a", "store 1"),
        Stream("store-1#0000000a", "@stores"),
    ],
)
def test_an_invalid_stream_is_malformed(stream: Stream) -> None:
    assert fault_of_content(stream, moves=()) == "malformed"


@pytest.mark.parametrize("facts", [{1: 2}, {b"name": 1}])
def test_facts_without_names_are_malformed(facts: Any) -> None:
    assert fault_of_content(facts=facts) == "malformed"


@pytest.mark.parametrize("depth", [FACTS_DEPTH_MAX, 500, 900, 960, 1_000])
def test_facts_nested_too_deep_are_oversized(depth: int) -> None:
    plain = taken_apart(encode(linked(OWN, [receipt_content(facts={"deep": 7})])))
    shallow = msgpack.packb(plain)
    deep = shallow.replace(b"\xa4deep\x07", b"\xa4deep" + b"\x91" * depth + b"\x07")
    assert fault_of(len(deep).to_bytes(4, "big") + zlib.compress(deep)) == "oversized"


def test_a_batch_nested_deeper_than_the_stack_is_malformed() -> None:
    raw = b"\x91" * 100_000 + b"\x00"
    assert fault_of(len(raw).to_bytes(4, "big") + zlib.compress(raw)) == "malformed"


def test_facts_may_be_nested_up_to_the_limit() -> None:
    deep: object = 7
    for _ in range(FACTS_DEPTH_MAX - 1):
        deep = [deep]
    run = linked(OWN, [receipt_content(facts={"deep": deep})])
    assert ColumnDecoder().decode(encode(run))[0].entries == run.entries


@pytest.mark.parametrize("extension", [msgpack.ExtType(5, b"x"), msgpack.Timestamp(1, 2)])
def test_facts_of_unsupported_types_harm_nothing(extension: object) -> None:
    plain = taken_apart(encode(linked(OWN, [receipt_content(facts={"odd": 7})])))
    plain[2][-1][0][1]["odd"] = extension
    take_apart(put_together(plain))


def test_a_batch_above_the_limit_is_oversized_before_it_is_inflated() -> None:
    packed = (FRAME_RAW_BYTES_MAX + 1).to_bytes(4, "big") + zlib.compress(bytes(1_000))
    assert fault_of(packed) == "oversized"


@pytest.mark.parametrize("given_length", [999, 1_001, 0])
def test_a_batch_that_inflates_to_another_length_than_it_says_is_corrupt(given_length: int) -> None:
    assert fault_of(given_length.to_bytes(4, "big") + zlib.compress(bytes(1_000))) == "corrupt"


def test_a_batch_with_extra_bytes_at_the_end_is_corrupt() -> None:
    assert fault_of(encode(linked(OWN, [receipt_content()])) + b"more") == "corrupt"


@pytest.mark.parametrize("packed", [b"", b"\x00", b"\x00\x00\x00\x00", b"\x00\x00\x00\x09not zlib!"])
def test_bytes_that_do_not_inflate_are_corrupt(packed: bytes) -> None:
    assert fault_of(packed) == "corrupt"


def test_more_names_than_a_session_holds_are_oversized() -> None:
    plain = taken_apart(encode(linked(OWN, [receipt_content()])))
    plain[1] += [""] * NAMES_PER_SESSION_MAX
    assert fault_of(put_together(plain)) == "oversized"


def test_the_largest_batch_that_a_node_sends_is_read() -> None:
    content = receipt_content(
        moves=tuple(Move(f"item-{index:050}", "supplier", "store-1/free", QUANTITY_MAX) for index in range(10_000)),
        lines=(),
    )
    assert len(pack_body(content)) < BODY_BYTES_MAX
    run = linked(OWN, [content])
    assert ColumnDecoder().decode(encode(run))[0].entries == run.entries


def take_apart(packed: bytes) -> None:
    """Read and merge a batch. Only a fault of the peer may be raised."""
    try:
        decoded = ColumnDecoder().decode(packed)
        replica = Replica("store-9#0000000f", ())
        decisions.merge(replica, decoded, NOW_MS)
    except PeerFault as fault:
        assert fault.reason in (*REASONS, "gap", "fork")
    else:
        batch = replica.take_batch()
        assert all(0 <= entry.content.clock < 1 << 63 for entry in batch.entries)
        assert all(0 < total < 1 << 63 for changed in batch.cells.values() for total in changed.values())
        for entry in batch.entries:
            assert entry.body == pack_body(entry.content)


@given(st.binary(max_size=100))
def test_arbitrary_bytes_do_not_harm_the_reader(packed: bytes) -> None:
    take_apart(packed)


@given(st.binary(max_size=100))
def test_arbitrary_deflated_bytes_do_not_harm_the_reader(raw: bytes) -> None:
    take_apart(len(raw).to_bytes(4, "big") + zlib.compress(raw))


@given(values)
def test_arbitrary_values_do_not_harm_the_reader(plain: Any) -> None:
    take_apart(put_together(plain))


def paths_in(plain: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to every value inside plain values."""
    if isinstance(plain, list):
        inside = [found for index, one in enumerate(plain) for found in paths_in(one, (*path, index))]
    elif isinstance(plain, dict):
        inside = [found for key, one in plain.items() for found in paths_in(one, (*path, key))]
    else:
        inside = []
    return [path, *inside]


def replaced(plain: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Plain values with the value at one path replaced."""
    if not path:
        return value
    if not isinstance(plain, list | dict):
        raise KeyError(path)
    copy: Any = plain.copy()
    copy[path[0]] = replaced(plain[path[0]], path[1:], value)
    return copy


SAMPLE = taken_apart(
    encode(
        linked(OWN, [receipt_content(facts={"original": "R-1"}, key=b"k" * 16), receipt_content(key=b"q" * 16)]),
        linked(RELAYED, [receipt_content(moves=()), receipt_content(reference="P-7", key=b"z")]),
        linked(
            Stream("hub-east#0000000b", "*"),
            [
                receipt_content(
                    kind="document",
                    moves=(),
                    lines=(),
                    facts={"kind": "sku", "key": "c", "rank": 0, "at": "", "version": 1, "value": b"\x01"},
                )
            ],
        ),
    )
)
PATHS = paths_in(SAMPLE)

odd: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        1,
        2,
        255,
        1 << 32,
        (1 << 63) - 1,
        1 << 63,
        -(1 << 63),
        1.0,
        "",
        "x",
        b"",
        b"\x01",
        b"\x08",
        [],
        {},
    ]
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(PATHS), odd | values | integers.map(lambda one: pack_column([one]))),
                min_size=1, max_size=2))  # fmt: skip
def test_an_arbitrary_value_at_any_path_does_not_harm_the_reader(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    plain: Any = SAMPLE
    for path, value in changes:
        try:
            plain = replaced(plain, path, value)
        except (IndexError, KeyError, TypeError):
            break  # the first change removed that path
    take_apart(put_together(plain))


@given(st.data())
def test_flipped_bits_do_not_harm_the_reader(data: st.DataObject) -> None:
    raw = bytearray(msgpack.packb(SAMPLE))
    for bit in data.draw(st.lists(st.integers(0, 8 * len(raw) - 1), min_size=1, max_size=3)):
        raw[bit // 8] ^= 1 << bit % 8
    take_apart(len(raw).to_bytes(4, "big") + zlib.compress(bytes(raw)))


@given(st.lists(st.lists(st.builds(Move, st.just("cola"), st.just("supplier"), st.just("store-1/free"),
                                   st.integers(1, QUANTITY_MAX)), max_size=3), max_size=3))  # fmt: skip
def test_quantities_up_to_the_limit_of_a_move_read_back(moved: list[list[Move]]) -> None:
    said: list[Content] = [receipt_content(moves=tuple(moves), lines=()) for moves in moved] or [receipt_content()]
    run = linked(OWN, said)
    assert ColumnDecoder().decode(encode(run))[0].entries == run.entries
