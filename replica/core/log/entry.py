"""Entries: the records of a journal.

Entries of all kinds have the same nine fields. A node folds the moves of all kinds into the ledger, so a node that does
not know a newer kind still has the same stock; it skips only the special meaning of that kind.
The body is the entry's canonical msgpack. Its hash covers the body and the previous hash, and identifies the entry.
docs/reference/wire-format.md specifies the layout.
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
"""128 bits: nobody can find a second entry with the hash of a given one; see docs/decisions/0003."""

DOCUMENT = "document"
"""The kind of an entry that carries a document and moves nothing."""


class EntryLine(Struct, frozen=True, array_like=True, gc=False):
    """One line of a request, and the answer to it.

    `quantity` and `breach` count SKUs. `breach` is how many exceeded the node's rights. `available` is how many more
    could have been sold afterwards, with the rights of all nodes, as far as the replica knew.
    """

    sku: str
    quantity: int
    breach: int
    available: int


class Content(Struct, frozen=True, array_like=True, gc=False):
    """The fields of an entry.

    `clock` is a hybrid stamp; `key` the caller's idempotency key, empty if there was none; `actor` who, `reason` why,
    `reference` a till receipt or delivery note. `facts` holds the fields of the kind, msgpack values only. A node can
    compute the whole request from its entry (`state.kinds`), so it can distinguish a repeat from another request.
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
    """The number and hash of the last entry in a prefix of a stream."""

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
    """Decode a body that this replica wrote or verified."""
    return _decoder.decode(body)


def genesis(stream: Stream) -> bytes:
    """Return the hash before a stream's first entry; it ties the hashes to the writer and scope."""
    return blake2b(f"shelfsync/1\0{stream.writer}\0{stream.scope}".encode(), digest_size=HASH_BYTES).digest()


_blank = blake2b(digest_size=HASH_BYTES)


def chain(previous: bytes, body: bytes) -> bytes:
    """Return the hash of an entry: of its body and the previous hash."""
    hashed = _blank.copy()  # half the cost of a new one
    hashed.update(previous + body)
    return hashed.digest()


def start(stream: Stream) -> Head:
    """Return the head of a stream without entries."""
    return Head(0, genesis(stream))


class _Shape(Struct, frozen=True):
    facts: dict[str, Any]


def check_content(content: Content, body: bytes) -> None:
    """Refuse a peer's entry with values that no correct node writes. Raises PeerFault.

    The decoder checks each name once. This function checks the fields that differ from entry to entry.
    """
    if len(body) > BODY_BYTES_MAX:
        raise PeerFault("oversized", f"an entry of {len(body)} bytes, at most {BODY_BYTES_MAX} are allowed")
    if len(content.moves) > MOVES_MAX or len(content.lines) > LINES_MAX or len(content.facts) > FACTS_MAX:
        raise PeerFault("oversized", "an entry with too many moves, lines or facts")
    if len(content.key) > KEY_LENGTH_MAX:
        raise PeerFault("oversized", "an entry's key is too long")
    for move in content.moves:
        if not 0 < move.quantity <= QUANTITY_MAX:
            raise PeerFault("malformed", f"a move of {move.quantity} units")
        if move.source == move.target:
            raise PeerFault("malformed", f"a move of {move.item} from {move.source} to itself")


def precedence(entry: Entry) -> tuple[int, str, bytes]:
    """The order of entries that is the same on every node. Of duplicates, the least one wins."""
    return entry.content.clock, entry.stream.writer, entry.hash


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
            raise PeerFault("malformed", "a fact whose name is no text")
        return levels > 0 and all(_is_nested_within(levels - 1, inner) for inner in value.values())
    if value is not None and not isinstance(value, bool | int | float | str | bytes | list | tuple):
        raise PeerFault("malformed", f"a fact of type {type(value).__name__}")
    if isinstance(value, list | tuple):
        return levels > 0 and all(_is_nested_within(levels - 1, inner) for inner in value)
    return True
