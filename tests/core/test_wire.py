"""Frames: what is packed reads back, and whatever else arrives is a fault of the peer."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from replica.core.errors import PeerFault
from replica.core.limits import FRAME_BYTES_MAX, NAME_LENGTH_MAX, SCOPES_MAX, TEXT_LENGTH_MAX
from replica.core.wire import (
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    Ack,
    AnyFrame,
    Beat,
    Bye,
    Covered,
    Digests,
    Entries,
    Have,
    Hello,
    pack_frame,
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
    st.builds(Entries, counts, st.binary(max_size=60)),
    st.builds(Covered, vectors),
    st.builds(Ack, counts),
    st.builds(Digests, st.dictionaries(shorts, st.tuples(shorts, shorts), max_size=3)),
    st.builds(Bye, shorts, shorts),
    st.builds(Beat, counts),
)


def plain(frame: AnyFrame) -> list[Any]:
    """A frame as it lies on the wire."""
    unpacked: list[Any] = msgpack.unpackb(pack_frame(frame))
    return unpacked


@given(frames)
def test_every_frame_reads_back_as_it_was_sent(frame: AnyFrame) -> None:
    assert unpack_frame(pack_frame(frame)) == frame


@pytest.mark.parametrize(
    ("frame", "packed"),
    [
        (Ack(3), "920403"),
        (Beat(1_750_000_000_000), "9207cf000001977420dc00"),
        (Bye("silent", ""), "9306a673696c656e74a0"),
        (Entries(1, b"\x01\x02"), "930201c4020102"),
        (Have({"*": {"a#0000000a": (1, b"h")}}), "920181a12a81aa6123303030303030306192 01c40168"),
        (Covered({}), "920380"),
        (Digests({"*": ("v", "f")}), "920581a12a92a176a166"),
        (
            HELLO,
            "9a00920101a773746f72652d31b073746f72652d31233030303030303061c4016ea465646765a46561737492a773746f72652d31a12a"
            "cf000001977420dc00a474657374",
        ),
    ],
)
def test_a_fixed_frame_has_fixed_bytes(frame: AnyFrame, packed: str) -> None:
    assert pack_frame(frame) == bytes.fromhex(packed)


def test_the_versions_this_program_speaks_are_a_range() -> None:
    assert 1 <= PROTOCOL_MIN <= PROTOCOL_MAX


@pytest.mark.parametrize(
    "packed", [b"", b"\xc1", b"\x93", b"\x90", b"\x00", b"\xc0", b"\x80", b"\x91\x63", b"\x04\x03"]
)
def test_what_is_no_frame_is_malformed(packed: bytes) -> None:
    with pytest.raises(PeerFault) as fault:
        unpack_frame(packed)
    assert fault.value.reason == "malformed"


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
def test_a_frame_with_a_field_that_cannot_be_is_malformed(array: list[Any]) -> None:
    with pytest.raises(PeerFault) as fault:
        unpack_frame(msgpack.packb(array))
    assert fault.value.reason == "malformed"


@pytest.mark.parametrize(
    ("place", "value"),
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
def test_a_hello_with_a_field_that_cannot_be_is_malformed(place: int, value: object) -> None:
    array = plain(HELLO)
    array[place] = value
    with pytest.raises(PeerFault) as fault:
        unpack_frame(msgpack.packb(array))
    assert fault.value.reason == "malformed"


def test_a_hello_with_too_many_scopes_is_malformed() -> None:
    array = plain(HELLO)
    array[7] = ["s"] * (SCOPES_MAX + 1)
    with pytest.raises(PeerFault) as fault:
        unpack_frame(msgpack.packb(array))
    assert fault.value.reason == "malformed"


MANY = [f"store-{number}" for number in range(SCOPES_MAX)]


@pytest.mark.parametrize(
    "frame",
    [
        replace(HELLO, scopes=tuple(name.ljust(NAME_LENGTH_MAX, "x") for name in MANY)),
        Have({name: {f"{name}#0000000a": (1, bytes(16))} for name in MANY}),
        Digests(dict.fromkeys(MANY, ("0" * 32, "0" * 32))),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_as_many_scopes_as_may_be_named_fit_into_a_frame(frame: AnyFrame) -> None:
    assert unpack_frame(pack_frame(frame)) == frame


def test_a_frame_from_a_newer_peer_with_more_fields_is_read() -> None:
    assert unpack_frame(msgpack.packb([*plain(Ack(3)), "later"])) == Ack(3)


def test_a_frame_past_the_bound_is_oversized_before_it_is_read() -> None:
    with pytest.raises(PeerFault) as fault:
        unpack_frame(b"\xc1" * (FRAME_BYTES_MAX + 1))
    assert fault.value.reason == "oversized"


@pytest.mark.parametrize("depth", [100, 500, 1_000, 1_023, 1_025, 100_000])
def test_a_frame_nested_however_deep_is_malformed(depth: int) -> None:
    with pytest.raises(PeerFault) as fault:
        unpack_frame(b"\x91" * depth + b"\x00")
    assert fault.value.reason == "malformed"


def take_apart(packed: bytes) -> None:
    """Read a frame; nothing but a fault of the peer may come of it."""
    try:
        frame = unpack_frame(packed)
    except PeerFault as fault:
        assert fault.reason in ("malformed", "oversized")
    else:
        assert unpack_frame(pack_frame(frame)) == frame


@given(st.binary(max_size=200))
def test_no_bytes_harm_the_reader(packed: bytes) -> None:
    take_apart(packed)


@given(st.integers(0, 9), st.lists(values, max_size=10))
def test_no_values_in_a_frame_harm_the_reader(kind: int, fields: list[Any]) -> None:
    take_apart(msgpack.packb([kind, *fields]))


@given(frames, st.data())
def test_no_flipped_bit_harms_the_reader(frame: AnyFrame, data: st.DataObject) -> None:
    packed = bytearray(pack_frame(frame))
    for place in data.draw(st.lists(st.integers(0, 8 * len(packed) - 1), min_size=1, max_size=3)):
        packed[place // 8] ^= 1 << place % 8
    take_apart(bytes(packed))


@given(frames, st.data())
def test_no_frame_that_was_cut_short_harms_the_reader(frame: AnyFrame, data: st.DataObject) -> None:
    packed = pack_frame(frame)
    take_apart(packed[: data.draw(st.integers(0, len(packed) - 1))])
