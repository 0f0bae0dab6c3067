"""Entries: what a journal is made of.

Every entry has the same nine fields, whatever its kind. Its moves are folded into the ledger whatever the kind, so
that a node which does not know a newer kind still holds the same stock; only the kind's own meaning is skipped.
The body is the entry's canonical msgpack; its hash covers the body and the hash before it, and is its identity.
The layout is written down in docs/reference/wire-format.md.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, ValidationError, convert

from replica.core.base.errors import PeerFault
from replica.core.base.limits import (
    BODY_BYTES_MAX,
    FACTS_DEPTH_MAX,
    FACTS_MAX,
    KEY_LENGTH_MAX,
    LINES_MAX,
    MOVES_MAX,
    QUANTITY_MAX,
)
from replica.core.ledger.cells import Move

HASH_BYTES = 16
"""128 bits: a second entry with the hash of a given one is out of reach; see docs/decisions/0003."""

DOCUMENT = "document"
"""The kind of an entry that carries a document and moves nothing."""


class EntryLine(Struct, frozen=True, array_like=True, gc=False):
    """One line as the caller gave it, and what it was told.

    `quantity` and `breach` count SKUs, `breach` being how many went past the node's rights; `available` is how many
    more could have been sold afterwards, over all rights in view.
    """

    sku: str
    quantity: int
    breach: int
    available: int


class Content(Struct, frozen=True, array_like=True, gc=False):
    """What an entry says.

    `clock` is a hybrid stamp; `key` the caller's idempotency key, empty when there was none; `actor` who, `reason` why,
    `reference` the paper behind it. `facts` holds what is particular to the kind, msgpack values only. What the caller
    asked can be read off an entry in full (`movements.request_of`), so a repeat is told from another request.
    """

    kind: str
    clock: int
    key: bytes
    actor: str
    reason: str
    reference: str
    moves: tuple[Move, ...]
    lines: tuple[EntryLine, ...]
    facts: dict[str, Any]


class Stream(NamedTuple):
    """One writer's journal for one scope."""

    writer: str
    scope: str


class Head(Struct, frozen=True, gc=False):
    """How far a stream prefix reaches: the last entry's number and hash."""

    sequence: int
    hash: bytes


class Entry(Struct, frozen=True, gc=False):
    """One numbered, hash-linked entry of a stream."""

    stream: Stream
    sequence: int
    hash: bytes
    body: bytes
    content: Content


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Content)


def pack_body(content: Content) -> bytes:
    """Encode canonically, as a msgpack array: equal contents, equal bytes."""
    return _encoder.encode(content)


def unpack_body(body: bytes) -> Content:
    """Decode a body this replica wrote or verified."""
    return _decoder.decode(body)


def genesis(stream: Stream) -> bytes:
    """The hash before a stream's first entry; it ties the chain to its writer and scope."""
    return blake2b(f"shelfsync/1\0{stream.writer}\0{stream.scope}".encode(), digest_size=HASH_BYTES).digest()


_blank = blake2b(digest_size=HASH_BYTES)


def chain(previous: bytes, body: bytes) -> bytes:
    """The hash of an entry: of its body and of the hash before it."""
    hashed = _blank.copy()  # half the price of making one
    hashed.update(previous + body)
    return hashed.digest()


def start(stream: Stream) -> Head:
    """The head of a stream that has no entries."""
    return Head(0, genesis(stream))


class _Shape(Struct, frozen=True):
    facts: dict[str, Any]


def check_content(content: Content, body: bytes) -> None:
    """Refuse a peer's entry whose values nobody who obeys could have written. Raises PeerFault.

    Names are checked by the decoder, once per name; here is what can only be seen entry by entry.
    """
    if len(body) > BODY_BYTES_MAX:
        raise PeerFault("oversized", f"an entry of {len(body)} bytes, at most {BODY_BYTES_MAX} are taken")
    if len(content.moves) > MOVES_MAX or len(content.lines) > LINES_MAX or len(content.facts) > FACTS_MAX:
        raise PeerFault("oversized", "an entry with too many moves, lines or facts")
    if len(content.key) > KEY_LENGTH_MAX:
        raise PeerFault("oversized", "an entry's key is too long")
    for move in content.moves:
        if not 0 < move.quantity <= QUANTITY_MAX:
            raise PeerFault("malformed", f"a move of {move.quantity} units")
        if move.source == move.target:
            raise PeerFault("malformed", f"a move of {move.item} from {move.source} to itself")


def check_facts(facts: object) -> dict[str, Any]:
    """Return an entry's facts as a map by name, or raise PeerFault."""
    try:
        found = convert({"facts": facts}, _Shape).facts
    except ValidationError as error:
        raise PeerFault("malformed", f"facts: {error}") from None
    if not _is_nested_within(FACTS_DEPTH_MAX, found):
        raise PeerFault("oversized", f"facts nested more than {FACTS_DEPTH_MAX} levels deep")
    return found


def _is_nested_within(levels: int, value: object) -> bool:
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise PeerFault("malformed", "facts named by something that is no text")
        return levels > 0 and all(_is_nested_within(levels - 1, inner) for inner in value.values())
    if value is not None and not isinstance(value, bool | int | float | str | bytes | list | tuple):
        raise PeerFault("malformed", f"a {type(value).__name__} among facts")
    if isinstance(value, list | tuple):
        return levels > 0 and all(_is_nested_within(levels - 1, inner) for inner in value)
    return True
