"""Identifiers: which names are valid, and how they are composed.

A *node* has a configured name; a *writer* is one incarnation of it, `name#incarnation`; an *account* is
`owner/bucket` inside a location, or the name of an external account; a *scope* is a location, `*` or `@hubs`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

from replica.core.base.errors import Invalid
from replica.core.base.limits import KEY_LENGTH_MAX, NAME_LENGTH_MAX

CHAIN = "*"
"""The scope of chain-wide documents; every node subscribes to it."""

HUBS = "@hubs"
"""The scope of entries that stores do not need."""

SUPPLIER = "supplier"
CUSTOMER = "customer"
LOSS = "loss"
FOUND = "found"
OPENING = "opening"
TRANSIT = "transit."
OUTSIDE = (SUPPLIER, CUSTOMER, LOSS, FOUND, OPENING)

VOID_KEY = "void:"
GIVEN_KEY = "given:"
"""Prefixes of the keys under which nodes void duplicates and grant requested rights; no caller may use them."""

FREE = "free"
HELD = "held"
QUARANTINE = "quarantine"

NAME_PATTERN = rf"^[a-z0-9][a-z0-9._-]{{0,{NAME_LENGTH_MAX - 1}}}$(?!\n)"
"""Nodes, locations, regions: valid in a hostname and in a file name. `$` alone accepts a final line feed."""

ITEM_PATTERN = rf"^(?!\.\.?$)[!#-.0-\[\]-~]{{1,{NAME_LENGTH_MAX}}}$(?!\n)"
"""Items and SKUs: printable ASCII without blank, slash, backslash and quote, so nothing has to escape them."""

_OWN_KEY = rf"(?!{VOID_KEY}|{GIVEN_KEY})[!-~]{{1,{KEY_LENGTH_MAX}}}"

KEY_PATTERN = rf'^(?:"{_OWN_KEY}"|(?!".*"$){_OWN_KEY})$'
"""Idempotency keys of callers, as `parse_key` takes them: printable ASCII without blanks, bare or in quotes."""

_name = re.compile(NAME_PATTERN)
_item = re.compile(ITEM_PATTERN)
_bucket = re.compile(r"^[a-z0-9][a-z0-9._-]*$")
_incarnation = re.compile(r"^[0-9a-f]{8,32}$")
_key = re.compile(rf"^[!-~]{{1,{KEY_LENGTH_MAX}}}$")


def check_name(name: str, field: str) -> str:
    """Return the node, location or region name, or raise `Invalid` naming the field."""
    if not _name.fullmatch(name):
        raise Invalid(
            f"{name!r} is not a name: 1 to {NAME_LENGTH_MAX} of a-z 0-9 . _ -, a letter or digit first", field=field
        )
    return name


def is_name(name: str) -> bool:
    """Return whether this could be a node's or location's name."""
    return bool(_name.fullmatch(name))


def is_item(name: str) -> bool:
    """Return whether this could be an item's or a SKU's name."""
    return bool(_item.fullmatch(name))


def is_scope(scope: str) -> bool:
    """Return whether this could be a stream's scope."""
    return scope in (CHAIN, HUBS) or bool(_name.fullmatch(scope))


def writer_of(node: str, incarnation: str) -> str:
    """Return the writer of this incarnation of the node."""
    return f"{node}#{incarnation}"


def is_writer(writer: str) -> bool:
    """Return whether this could be a writer: `name#incarnation`."""
    node, mark, incarnation = writer.partition("#")
    return bool(mark) and bool(_name.fullmatch(node)) and bool(_incarnation.fullmatch(incarnation))


def node_of(writer: str) -> str:
    """Return the node of a writer."""
    return writer.partition("#")[0]


def account(owner: str, bucket: str) -> str:
    """Return the account of a node's bucket."""
    return f"{owner}/{bucket}"


def is_internal(name: str) -> bool:
    """Return whether an account holds units inside the building."""
    return "/" in name


def is_account(name: str) -> bool:
    """Return whether this could be an account, internal or external."""
    owner, mark, bucket = name.partition("/")
    if mark:
        return bool(_name.fullmatch(owner)) and bool(_bucket.fullmatch(bucket))
    return name in OUTSIDE or (name.startswith(TRANSIT) and bool(_bucket.fullmatch(name[len(TRANSIT) :])))


def owner_of(name: str) -> str | None:
    """Return the node that owns an account; None for an external account."""
    owner, mark, _ = name.partition("/")
    return owner if mark else None


def bucket_of(name: str) -> str:
    """Return the bucket of an internal account; empty for an external account."""
    return name.partition("/")[2]


def void_key(loser: bytes) -> bytes:
    """Return the key of the entry that voids the entry with this hash."""
    return f"{VOID_KEY}{loser.hex()}".encode()


def parse_key(text: str, field: str = "Idempotency-Key") -> bytes:
    """Return the stored form of an idempotency key: a UUID's 16 bytes, or the text itself.

    The two forms cannot collide, because byte 8 of such a UUID is never ASCII. A quoted structured-field string, as
    in the IETF draft, and the bare text are the same key.
    """
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if len(text) == 36 and text[8] == text[13] == text[18] == text[23] == "-":
        try:
            uuid = bytes.fromhex(text.replace("-", ""))
        except ValueError:
            uuid = b""
        if len(uuid) == 16 and uuid[8] & 0xC0 == 0x80:
            return uuid
    if text.startswith((VOID_KEY, GIVEN_KEY)):
        raise Invalid(f"keys that begin with {VOID_KEY} or {GIVEN_KEY} are made by nodes", field=field)
    if not _key.fullmatch(text):
        raise Invalid(f"a key is 1 to {KEY_LENGTH_MAX} printable ASCII characters without blanks", field=field)
    return text.encode("ascii")


def part_key(key: bytes, index: int) -> bytes:
    """Return the key of one part of a request that has one key for all parts.

    It has the length of a UUID, with a byte 8 that no caller's UUID has. So it is no caller's key, and as short for a
    long key as for a short one.
    """
    digest = bytearray(blake2b(b"%d/%b" % (index, key), digest_size=16).digest())
    digest[8] |= 0xC0
    return bytes(digest)


_UUID_MARKS = (8, 13, 18, 23)
_UUID_VARIANT = bytes(range(0x80, 0xC0))


def parse_uuids(texts: Sequence[str]) -> list[bytes] | None:
    """Return `parse_key` of each text if all are plain UUIDs, at a fraction of the cost; else None."""
    joined = "".join(texts)
    if not texts or joined.count("-") != 4 * len(texts) or max(map(len, texts)) != 36 or min(map(len, texts)) != 36:
        return None
    if any(joined[mark::36].strip("-") for mark in _UUID_MARKS):
        return None
    try:
        uuids = bytes.fromhex(joined.replace("-", ""))
    except ValueError:
        return None
    if len(uuids) != 16 * len(texts) or uuids[8::16].strip(_UUID_VARIANT):
        return None
    return [uuids[first : first + 16] for first in range(0, len(uuids), 16)]


def key_text(key: bytes) -> str:
    """Return an idempotency key as people write it."""
    if len(key) == 16 and key[8] >= 0x80:
        digits = key.hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return key.decode("ascii", "replace")
