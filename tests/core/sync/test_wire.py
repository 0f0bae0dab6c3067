"""Frames: every packed frame reads back, and any other bytes are a fault of the peer."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from replica.core.base.errors import PeerFault
from replica.core.base.limits import (
    FRAME_BYTES_MAX,
    FRAME_STREAMS_MAX,
    NAME_LENGTH_MAX,
    QUANTITY_MAX,
    SCOPES_MAX,
    SEAL_BYTES,
    TEXT_LENGTH_MAX,
)
from replica.core.sync.wire import (
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    Ack,
    AnyFrame,
    Beat,
    Bye,
    Covered,
    Digests,
    Entries,
    Given,
    Have,
    Hello,
    Vectors,
    Want,
    pack_frame,
    seal,
    split_vectors,
    unpack_frame,
)
from tests.core.chain import Node
from tests.core.contents import values

HELLO = Node().hello()

counts = st.integers(0, (1 << 63) - 1)
shorts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
names = st.sampled_from(["store-1", "hub-east", "a" * NAME_LENGTH_MAX])
vectors = st.dictionaries(
    shorts, st.dictionaries(shorts, st.tuples(counts, st.binary(max_size=32)), max_size=3), max_size=3
)


def has_streams(vectors: Vectors) -> bool:
    return any(vectors.values())


hellos = st.builds(
    Hello,
    versions=st.tuples(counts, counts),
    node=names,
    writer=shorts,
    nonce=st.binary(max_size=32),
    role=names,
    region=shorts,
    scopes=st.none() | st.lists(shorts, max_size=4).map(tuple),
    clock_ms=counts,
    software=shorts,
)
frames = st.one_of(
    hellos,
    st.builds(Have, vectors),
    st.builds(Have, vectors.filter(has_streams), st.just(False)),
    st.builds(Entries, counts, st.binary(max_size=60)),
    st.builds(Covered, vectors),
    st.builds(Covered, vectors.filter(has_streams), st.just(False)),
    st.builds(Ack, counts),
    st.builds(Digests, st.dictionaries(shorts, st.tuples(shorts, shorts), max_size=3)),
    st.builds(Bye, shorts, shorts),
    st.builds(Beat, counts),
    st.builds(Want, counts, names, st.sampled_from(["cola", "A,b:c"]), st.integers(1, QUANTITY_MAX), counts),
    st.builds(Given, counts, st.integers(0, QUANTITY_MAX), shorts),
)


numbers = st.integers(0, (1 << 32) - 1)


def fault(packed: bytes, number: int = 0) -> str:
    """The reason why these bytes are refused."""
    with pytest.raises(PeerFault) as fault:
        unpack_frame(packed, number)
    return fault.value.reason


def plain(frame: AnyFrame) -> list[Any]:
    """A frame as plain values, as on the wire."""
    unpacked: list[Any] = msgpack.unpackb(pack_frame(frame, 0)[:-SEAL_BYTES])
    return unpacked


@given(frames, numbers)
def test_every_frame_reads_back_as_it_was_sent(frame: AnyFrame, number: int) -> None:
    assert unpack_frame(pack_frame(frame, number), number) == frame


@given(frames, numbers, numbers)
def test_a_frame_with_the_number_of_another_is_corrupt(frame: AnyFrame, number: int, other: int) -> None:
    assume(number != other)
    assert fault(pack_frame(frame, number), other) == "corrupt"


@pytest.mark.parametrize(
    ("frame", "content", "sealed_with"),
    [
        (Ack(3), "920403", "b737fcf9"),
        (Beat(1_750_000_000_000), "9207cf000001977420dc00", "87e8821f"),
        (
            Want(number=1, location="store-1", item="cola", quantity=6, clock=9),
            "960801a773746f72652d31a4636f6c610609",
            "7a21e331",
        ),
        (Given(1, 0, "kept"), "94090100a46b657074", "86f6e2f3"),
        (Bye("silent", ""), "9306a673696c656e74a0", "0d277f49"),
        (Entries(1, b"\x01\x02"), "930201c4020102", "b8f8fdfb"),
        (Have({"*": {"a#0000000a": (1, b"h")}}), "930181a12a81aa612330303030303030619201c40168c3", "a34e4320"),
        (Covered({}), "930380c3", "f71cce28"),
        (
            Covered({"*": {"a#0000000a": (1, b"h")}}, is_last=False),
            "930381a12a81aa612330303030303030619201c40168c2",
            "b5b71479",
        ),
        (Digests({"*": ("v", "f")}), "920581a12a92a176a166", "6d42454b"),
        (
            HELLO,
            "9a00920101a773746f72652d31b073746f72652d31233030303030303061c4016ea465646765a46561737492a773746f72652d31a12a"
            "cf000001977420dc00a474657374",
            "4c3cebb8",
        ),
    ],
)
def test_a_fixed_frame_has_fixed_bytes(frame: AnyFrame, content: str, sealed_with: str) -> None:
    assert pack_frame(frame, 7) == bytes.fromhex(content) + bytes.fromhex(sealed_with)


def test_a_seal_is_a_standard_crc_32() -> None:
    """The published check value of CRC-32/ISO-HDLC; the seal of empty content is the frame number."""
    assert seal(b"123456789", 0) == b"123456789" + 0xCBF43926.to_bytes(4, "little")
    assert [seal(b"", number).hex() for number in (0, 1, 1 << 32, (1 << 32) + 2)] == [
        "00000000",
        "01000000",
        "00000000",
        "02000000",
    ]


def test_the_protocol_versions_are_a_range() -> None:
    assert 1 <= PROTOCOL_MIN <= PROTOCOL_MAX


@pytest.mark.parametrize(
    "content", [b"", b"\xc1", b"\x93", b"\x90", b"\x00", b"\xc0", b"\x80", b"\x91\x63", b"\x04\x03"]
)
def test_content_that_is_not_a_frame_is_malformed(content: bytes) -> None:
    assert fault(seal(content, 0)) == "malformed"


@pytest.mark.parametrize("length", range(SEAL_BYTES))
def test_bytes_shorter_than_a_seal_are_malformed(length: int) -> None:
    assert fault(bytes(length)) == "malformed"


@pytest.mark.parametrize(
    "array",
    [
        [99, 1],
        ["ack", 1],
        [4],
        [4, "1"],
        [4, 1.0],
        [4, True],
        [4, -1],
        [4, 1 << 63],
        [7, None],
        [6, "r" * (TEXT_LENGTH_MAX + 1), ""],
        [2, 1, "text"],
        [1, {"store-1": {"a#0000000a": [1]}}],
        [1, {"store-1": {"a#0000000a": [-1, b""]}}],
        [1, {"store-1": {"a#0000000a": [1, b"h" * 33]}}],
        [1, {"s" * (NAME_LENGTH_MAX + 1): {}}],
        [1, {1: {}}],
        [5, {"store-1": ["v"]}],
    ],
)
def test_a_frame_with_an_invalid_field_is_malformed(array: list[Any]) -> None:
    assert fault(seal(msgpack.packb(array), 0)) == "malformed"


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (1, [1]),
        (2, "Store 1"),
        (2, "store-1\n"),
        (3, "w" * (2 * NAME_LENGTH_MAX + 2)),
        (4, b"n" * 33),
        (5, ""),
        (6, "r" * (TEXT_LENGTH_MAX + 1)),
        (7, "store-1"),
        (7, ["s" * (NAME_LENGTH_MAX + 1)]),
        (8, -1),
        (9, None),
    ],
)
def test_a_hello_with_an_invalid_field_is_malformed(index: int, value: object) -> None:
    array = plain(HELLO)
    array[index] = value
    assert fault(seal(msgpack.packb(array), 0)) == "malformed"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (msgpack.packb([4, "three"]), "$[1]"),
        (b"\x92\x04", "ValueError"),
    ],
)
def test_the_fault_of_a_malformed_frame_names_its_cause(content: bytes, named: str) -> None:
    with pytest.raises(PeerFault) as fault:
        unpack_frame(seal(content, 0), 0)
    assert named in fault.value.detail


def test_a_hello_with_too_many_scopes_is_malformed() -> None:
    array = plain(HELLO)
    array[7] = ["s"] * (SCOPES_MAX + 1)
    assert fault(seal(msgpack.packb(array), 0)) == "malformed"


def reach(number: int, size: int = NAME_LENGTH_MAX) -> Vectors:
    """`number` streams, each of another scope, with the greatest numbers and with names of `size` characters."""
    names = (f"{one}".rjust(size, "x") for one in range(number))
    return {name: {f"{name}#{name}": ((1 << 63) - 1, bytes(32))} for name in names}


@pytest.mark.parametrize("kind", [Have, Covered])
def test_the_most_streams_with_the_longest_names_fit_into_a_frame(kind: type[Have] | type[Covered]) -> None:
    frame = kind(reach(FRAME_STREAMS_MAX))
    assert unpack_frame(pack_frame(frame, 0), 0) == frame


@pytest.mark.parametrize("tag", [1, 3])
def test_more_streams_than_the_limit_are_malformed(tag: int) -> None:
    assert fault(seal(msgpack.packb([tag, reach(FRAME_STREAMS_MAX + 1), True]), 0)) == "malformed"
    one_scope = {"*": {f"a#{number:08x}": (1, b"h") for number in range(FRAME_STREAMS_MAX + 1)}}
    assert fault(seal(msgpack.packb([tag, one_scope, True]), 0)) == "malformed"


@pytest.mark.parametrize("tag", [1, 3])
@pytest.mark.parametrize("nothing", [{}, {"*": {}}])
def test_a_part_without_streams_that_is_not_the_last_is_malformed(tag: int, nothing: Vectors) -> None:
    assert fault(seal(msgpack.packb([tag, nothing, False]), 0)) == "malformed"


@given(
    st.dictionaries(
        shorts, st.dictionaries(shorts, st.tuples(counts, st.binary(max_size=32)), max_size=40), max_size=60
    )
)
def test_the_parts_of_vectors_add_up_to_the_vectors(whole: Vectors) -> None:
    parts = split_vectors(whole)
    assert all(0 < sum(map(len, part.values())) <= FRAME_STREAMS_MAX for part in parts) or parts == [{}]
    again: Vectors = {}
    for part in parts:
        for scope, streams in part.items():
            again.setdefault(scope, {}).update(streams)
    assert again == {scope: streams for scope, streams in whole.items() if streams}


@pytest.mark.parametrize(
    ("streams", "parts"),
    [(0, 1), (1, 1), (FRAME_STREAMS_MAX, 1), (FRAME_STREAMS_MAX + 1, 2), (2 * FRAME_STREAMS_MAX, 2)],
)
def test_vectors_are_split_into_as_few_parts_as_possible(streams: int, parts: int) -> None:
    assert len(split_vectors(reach(streams, size=8))) == parts


MANY = [f"store-{number}" for number in range(SCOPES_MAX)]


@pytest.mark.parametrize(
    "frame",
    [
        replace(HELLO, scopes=tuple(name.ljust(NAME_LENGTH_MAX, "x") for name in MANY)),
        Digests(dict.fromkeys(MANY, ("0" * 32, "0" * 32))),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_the_most_scopes_with_the_longest_names_fit_into_a_frame(frame: AnyFrame) -> None:
    assert unpack_frame(pack_frame(frame, 0), 0) == frame


def test_a_frame_from_a_newer_peer_with_more_fields_is_read() -> None:
    assert unpack_frame(seal(msgpack.packb([*plain(Ack(3)), "later"]), 0), 0) == Ack(3)


def test_a_frame_above_the_limit_is_oversized_before_it_is_read() -> None:
    assert fault(b"\xc1" * (FRAME_BYTES_MAX + 1)) == "oversized"
    assert fault(b"\xc1" * FRAME_BYTES_MAX) == "corrupt"


@pytest.mark.parametrize("depth", [100, 500, 1_000, 1_023, 1_025, 100_000])
def test_a_nested_frame_is_malformed_at_any_depth(depth: int) -> None:
    assert fault(seal(b"\x91" * depth + b"\x00", 0)) == "malformed"


def take_apart(content: bytes) -> None:
    """Read a frame with a valid seal. Only a fault of the peer may be raised."""
    try:
        frame = unpack_frame(seal(content, 0), 0)
    except PeerFault as fault:
        assert fault.reason in ("malformed", "oversized")
    else:
        assert unpack_frame(pack_frame(frame, 0), 0) == frame


@given(st.binary(max_size=200))
def test_arbitrary_bytes_do_not_harm_the_reader(content: bytes) -> None:
    take_apart(content)


@given(st.binary(max_size=200))
def test_bytes_without_a_seal_are_corrupt_or_malformed(packed: bytes) -> None:
    assert fault(packed) == ("malformed" if len(packed) < SEAL_BYTES or packed == bytes(SEAL_BYTES) else "corrupt")


@given(st.integers(0, 9), st.lists(values, max_size=10))
def test_arbitrary_values_in_a_frame_do_not_harm_the_reader(kind: int, fields: list[Any]) -> None:
    take_apart(msgpack.packb([kind, *fields]))


@given(frames, st.data())
def test_flipped_bits_do_not_harm_the_reader(frame: AnyFrame, data: st.DataObject) -> None:
    """The bits are flipped before the frame is sealed, so the seal does not show it."""
    content = bytearray(pack_frame(frame, 0)[:-SEAL_BYTES])
    for bit in data.draw(st.lists(st.integers(0, 8 * len(content) - 1), min_size=1, max_size=3)):
        content[bit // 8] ^= 1 << bit % 8
    take_apart(bytes(content))


@given(frames, numbers, st.data())
def test_a_changed_byte_is_noticed(frame: AnyFrame, number: int, data: st.DataObject) -> None:
    packed = bytearray(pack_frame(frame, number))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    assert fault(bytes(packed), number) == "corrupt"


@given(frames, st.data())
def test_a_truncated_frame_does_not_harm_the_reader(frame: AnyFrame, data: st.DataObject) -> None:
    content = pack_frame(frame, 0)[:-SEAL_BYTES]
    take_apart(content[: data.draw(st.integers(0, len(content) - 1))])
