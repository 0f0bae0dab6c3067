"""Frames of the sync protocol: msgpack arrays `[type, ...]`, sealed, bounded, typed on arrival.

A frame ends with its seal: a check value over its bytes and its number in its direction of the session. The seal shows
when a frame was changed, lost, duplicated or reordered. Without it, a false acknowledgement would claim entries that
are not durable, and a peer would wait for a lost frame for ever.

docs/reference/wire-format.md describes the format; the version there is PROTOCOL_MAX.
"""

from __future__ import annotations

import zlib
from itertools import islice
from typing import Annotated, Any

import msgpack
from msgspec import Meta, Struct, ValidationError, convert

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
from replica.core.base.names import ITEM_PATTERN, NAME_PATTERN

PROTOCOL_MIN = 1
PROTOCOL_MAX = 1
"""The protocol versions of this program. Two peers use the greatest version that both have."""

WireName = Annotated[str, Meta(pattern=NAME_PATTERN)]
ItemName = Annotated[str, Meta(pattern=ITEM_PATTERN)]
WriterName = Annotated[str, Meta(max_length=2 * NAME_LENGTH_MAX + 1)]
ScopeName = Annotated[str, Meta(max_length=NAME_LENGTH_MAX)]
Short = Annotated[str, Meta(max_length=TEXT_LENGTH_MAX)]
WireNumber = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Hash = Annotated[bytes, Meta(max_length=32)]
Vectors = dict[ScopeName, dict[WriterName, tuple[WireNumber, Hash]]]
"""`{scope: {writer: (sequence, hash)}}`."""


class Frame(Struct, frozen=True, array_like=True):
    """Any frame. The tag is its type on the wire."""


class Hello(Frame, frozen=True, tag=0, kw_only=True):
    """Who the sender is. It subscribes to `scopes`; None means all. `nonce` is new at every start."""

    versions: tuple[WireNumber, WireNumber]
    node: WireName
    writer: WriterName
    nonce: Annotated[bytes, Meta(max_length=32)]
    role: WireName
    region: Short
    scopes: Annotated[tuple[ScopeName, ...], Meta(max_length=SCOPES_MAX)] | None
    clock_ms: WireNumber
    software: Short


class Reach(Frame, frozen=True):
    """The last number and hash of some streams, in one or more frames. `is_last` marks the last frame."""

    vectors: Vectors
    is_last: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError, so the frame is malformed, if it has too many streams, or none and is not the last."""
        streams = sum(map(len, self.vectors.values()))
        if streams > FRAME_STREAMS_MAX:
            raise ValueError(f"{streams} streams in one frame, the limit is {FRAME_STREAMS_MAX}")
        if not (streams or self.is_last):
            raise ValueError("a frame that is not the last names no streams")


class Have(Reach, frozen=True, tag=1):
    """The last entry that the sender holds of each stream it subscribes to."""


class Entries(Frame, frozen=True, tag=2):
    """The next entries that the receiver lacks, as columns. `number` counts these frames from 1."""

    number: WireNumber
    columns: bytes


class Covered(Reach, frozen=True, tag=3):
    """The receiver was sent, or had before, all entries the sender holds up to here. Unchanged streams are left out."""


class Ack(Frame, frozen=True, tag=4):
    """All entries frames up to this number are durable at the sender of the acknowledgement."""

    number: WireNumber


class Digests(Frame, frozen=True, tag=5):
    """By scope: the digest of the version vector, and the digest of the folded state."""

    digests: dict[ScopeName, tuple[Short, Short]]


class Bye(Frame, frozen=True, tag=6):
    """The sender ends the session, with the reason."""

    reason: Short
    detail: Short


class Beat(Frame, frozen=True, tag=7):
    """A heartbeat, with the sender's wall clock in milliseconds."""

    clock_ms: WireNumber


class Want(Frame, frozen=True, tag=8):
    """The sender asks for units of an item at a location. `number` counts these frames from 1.

    `clock` is the hybrid stamp of the request. If two nodes ask each other, the older request is served.
    """

    number: WireNumber
    location: WireName
    item: ItemName
    quantity: Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
    clock: WireNumber


class Given(Frame, frozen=True, tag=9):
    """The answer to the want of this number: the units granted, which an entry brings. If 0, `reason` says why."""

    number: WireNumber
    granted: Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]
    reason: Short


AnyFrame = Hello | Have | Entries | Covered | Ack | Digests | Bye | Beat | Want | Given


def pack_frame(frame: AnyFrame, number: int) -> bytes:
    """Encode and seal a frame. `number` is how many frames went before it in this direction of the session."""
    return seal(msgpack.packb(_plain(frame)), number)


def unpack_frame(packed: bytes, number: int) -> AnyFrame:
    """Check the seal of a frame, then decode it and check its fields. `number` is how many frames came before it.

    Raises:
        PeerFault: oversized; corrupt, because the peer sent another frame with this number; or malformed.
    """
    if len(packed) > FRAME_BYTES_MAX:
        raise PeerFault("oversized", f"a frame of {len(packed)} bytes, the limit is {FRAME_BYTES_MAX}")
    if len(packed) < SEAL_BYTES:
        raise PeerFault("malformed", "a frame shorter than a seal")
    content = packed[:-SEAL_BYTES]
    if packed[-SEAL_BYTES:] != _seal_of(content, number):
        raise PeerFault("corrupt", f"the seal of frame {number} is wrong: a frame was changed, lost or reordered")
    return _parse(content)


def split_vectors(vectors: Vectors) -> list[Vectors]:
    """The vectors in parts that each fit into one frame, in the same order. Without streams, one empty part."""
    heads = ((scope, writer, head) for scope, streams in vectors.items() for writer, head in streams.items())
    parts: list[Vectors] = []
    while some := list(islice(heads, FRAME_STREAMS_MAX)):
        part: Vectors = {}
        for scope, writer, head in some:
            part.setdefault(scope, {})[writer] = head
        parts.append(part)
    return parts or [{}]


def seal(content: bytes, number: int) -> bytes:
    """Append the seal to a frame's content."""
    return content + _seal_of(content, number)


def _seal_of(content: bytes, number: int) -> bytes:
    """A CRC-32 that starts from the frame's number. So the same content never has the same seal under two numbers."""
    return zlib.crc32(content, number % (1 << 32)).to_bytes(SEAL_BYTES, "little")


def _parse(content: bytes) -> AnyFrame:
    try:
        plain = msgpack.unpackb(content)
        frame: AnyFrame = convert(plain, AnyFrame, builtin_types=(bytes,))
    except ValidationError as error:
        raise PeerFault("malformed", str(error)[:TEXT_LENGTH_MAX]) from None
    except (ValueError, TypeError, RecursionError, OverflowError, msgpack.UnpackException) as error:
        raise PeerFault("malformed", f"{type(error).__name__} in a frame") from None
    return frame


def _plain(frame: AnyFrame) -> list[Any]:
    fields = [getattr(frame, field) for field in frame.__struct_fields__]
    return [frame.__struct_config__.tag, *fields]
