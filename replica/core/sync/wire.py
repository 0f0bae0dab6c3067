"""Frames of the sync protocol: msgpack arrays `[type, ...]`, sealed, bounded, typed on arrival.

A frame ends with its seal, a check value over its bytes and its place in its direction of the session, so that one
that was changed, lost, doubled or swapped on its way is noticed: a false acknowledgement would claim what is not
durable, and a lost frame would be waited for without end.

Written down in docs/reference/wire-format.md; the version there is PROTOCOL_MAX.
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
"""The versions of the protocol this program speaks; peers settle on the greatest both do."""

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
    """Any frame; the tag is its type on the wire."""


class Hello(Frame, frozen=True, tag=0, kw_only=True):
    """Who speaks. `scopes` is what it subscribes to, None meaning all; `nonce` is new at every start."""

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
    """How far each of some streams reaches, in as many frames as that takes."""

    vectors: Vectors
    is_last: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError, which makes a frame malformed: a part is bounded, and brings the whole further."""
        streams = sum(map(len, self.vectors.values()))
        if streams > FRAME_STREAMS_MAX:
            raise ValueError(f"{streams} streams in one frame, at most {FRAME_STREAMS_MAX} are taken")
        if not (streams or self.is_last):
            raise ValueError("no streams in a frame that is not the last")


class Have(Reach, frozen=True, tag=1):
    """How far the sender holds each stream it wants more of."""


class Entries(Frame, frozen=True, tag=2):
    """The next entries the receiver lacks, as columns; `number` counts these frames from 1."""

    number: WireNumber
    columns: bytes


class Covered(Reach, frozen=True, tag=3):
    """All that the sender holds up to here was sent or was there before. Streams unchanged since are left out."""


class Ack(Frame, frozen=True, tag=4):
    """Entries frames up to this number are durable at the receiver."""

    number: WireNumber


class Digests(Frame, frozen=True, tag=5):
    """Per scope: digest of the version vector, and of what it folds to."""

    digests: dict[ScopeName, tuple[Short, Short]]


class Bye(Frame, frozen=True, tag=6):
    """The session ends, and why."""

    reason: Short
    detail: Short


class Beat(Frame, frozen=True, tag=7):
    """The sender is there, and its clock says this."""

    clock_ms: WireNumber


class Want(Frame, frozen=True, tag=8):
    """The sender asks for units of an item at a location; `number` counts these frames from 1.

    `clock` is the hybrid stamp of the request: of two nodes that want of each other the older request is served.
    """

    number: WireNumber
    location: WireName
    item: ItemName
    quantity: Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
    clock: WireNumber


class Given(Frame, frozen=True, tag=9):
    """The answer to the want of this number: units granted, in an entry on its way; where that is 0, why."""

    number: WireNumber
    granted: Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]
    reason: Short


AnyFrame = Hello | Have | Entries | Covered | Ack | Digests | Bye | Beat | Want | Given


def pack_frame(frame: AnyFrame, number: int) -> bytes:
    """Encode and seal the frame that `number` others went before, in this direction of the session."""
    return seal(msgpack.packb(_plain(frame)), number)


def unpack_frame(packed: bytes, number: int) -> AnyFrame:
    """Check the seal of the frame that `number` others came before, then decode it and check its fields.

    Raises:
        PeerFault: oversized; corrupt, it is not the frame that was sent in this place; or malformed.
    """
    if len(packed) > FRAME_BYTES_MAX:
        raise PeerFault("oversized", f"a frame of {len(packed)} bytes, at most {FRAME_BYTES_MAX} are taken")
    if len(packed) < SEAL_BYTES:
        raise PeerFault("malformed", "a frame too short for a seal")
    content = packed[:-SEAL_BYTES]
    if packed[-SEAL_BYTES:] != _seal_of(content, number):
        raise PeerFault("corrupt", f"frame {number} is not what was sent: one was changed, lost, doubled or swapped")
    return _parse(content)


def split_vectors(vectors: Vectors) -> list[Vectors]:
    """The vectors in parts that fit into a frame each, in the same order; one empty part when there are no streams."""
    heads = ((scope, writer, head) for scope, streams in vectors.items() for writer, head in streams.items())
    parts: list[Vectors] = []
    while some := list(islice(heads, FRAME_STREAMS_MAX)):
        part: Vectors = {}
        for scope, writer, head in some:
            part.setdefault(scope, {})[writer] = head
        parts.append(part)
    return parts or [{}]


def seal(content: bytes, number: int) -> bytes:
    """Put a seal to a frame's content."""
    return content + _seal_of(content, number)


def _seal_of(content: bytes, number: int) -> bytes:
    """A CRC-32 that starts from the frame's number: the same content in two places never has the same seal."""
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
