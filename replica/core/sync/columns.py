"""Entries as columns: the encoding of a batch of entries in a frame.

All items of a batch form one column, and so do all quantities, all clocks and so on. A column is stored as
little-endian planes of the narrowest width that holds it. Planes put similar bytes side by side, so zlib compresses
them well. Each name is sent once in a session, because both ends keep the same dictionary. Hashes are not sent: the
receiver computes them, and compares one check value for each batch. docs/reference/wire-format.md has the layout.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import Any

import msgpack

from replica.core.base.errors import PeerFault
from replica.core.base.limits import (
    FRAME_ENTRIES_MAX,
    FRAME_MOVES_MAX,
    FRAME_RAW_BYTES_MAX,
    LINES_MAX,
    MOVES_MAX,
    NAMES_PER_SESSION_MAX,
    TEXT_LENGTH_MAX,
)
from replica.core.base.names import is_account, is_item, is_name, is_scope, is_writer, node_of, owner_of
from replica.core.ledger.cells import Move
from replica.core.log.entry import (
    HASH_BYTES,
    Content,
    Entry,
    EntryLine,
    Stream,
    chain,
    check_content,
    check_facts,
    pack_body,
)
from replica.core.log.entry_run import ReceivedRun

_WIDTHS = {"b": 1, "h": 2, "i": 4, "q": 8}
_COMPRESSION = 6


def pack_column(values: Sequence[int]) -> bytes:
    """Encode integers as `width, planes`: the first bytes of all, then the second bytes of all, and so on."""
    low, high = (min(values), max(values)) if values else (0, 0)
    width = next(width for width in (1, 2, 4, 8) if -(1 << 8 * width - 1) <= low and high < 1 << 8 * width - 1)
    code = next(code for code, size in _WIDTHS.items() if size == width)
    column = array(code, values)
    if sys.byteorder == "big":
        column.byteswap()
    return bytes([width]) + _planes(column.tobytes(), width)


def unpack_column(packed: bytes, length: int, low: int, high: int) -> array[int]:
    """Decode a column of `length` integers, each within `low..high`. Raises PeerFault."""
    code = next((code for code, size in _WIDTHS.items() if packed and size == packed[0]), None)
    if code is None or len(packed) - 1 != length * packed[0]:
        raise PeerFault("malformed", "a column has the wrong length")
    column = array(code)
    column.frombytes(_rows(packed[1:], packed[0]))
    if sys.byteorder == "big":
        column.byteswap()
    if column and not (low <= min(column) and max(column) <= high):
        raise PeerFault("malformed", "a column holds a value out of range")
    return column


def _planes(rows: bytes, width: int) -> bytes:
    return rows if width == 1 else b"".join([rows[plane::width] for plane in range(width)])


def _rows(planes: bytes, width: int) -> bytes:
    if width == 1:
        return planes
    rows = bytearray(len(planes))
    length = len(planes) // width
    for plane in range(width):
        rows[plane::width] = planes[plane * length : (plane + 1) * length]
    return bytes(rows)


def _pack_blobs(blobs: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Encode byte strings as a column of lengths and their bytes. If all lengths are equal, the bytes are in planes."""
    lengths = [len(blob) for blob in blobs]
    joined = b"".join(blobs)
    width = lengths[0] if lengths else 0
    if width and lengths.count(width) == len(lengths):
        joined = _planes(joined, width)
    return pack_column(lengths), joined


def _unpack_blobs(packed: Any, length: int, longest: int) -> list[bytes]:
    lengths = unpack_column(packed[0], length, 0, longest)
    joined = packed[1]
    if sum(lengths) != len(joined):
        raise PeerFault("malformed", "byte strings have the wrong length")
    width = lengths[0] if length else 0
    if width and lengths.count(width) == length:
        joined = _rows(joined, width)
    ends = list(accumulate(lengths, initial=0))
    return [joined[ends[index] : ends[index + 1]] for index in range(length)]


class ColumnEncoder:
    """The sending side of one session's dictionary."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._tips: dict[Stream, bytes] = {}

    def encode(self, entries: Sequence[tuple[Entry, bytes]]) -> bytes:
        """Encode at most FRAME_ENTRIES_MAX entries in arrival order, each with the hash before it."""
        contents = [entry.content for entry, _ in entries]
        moves = [move for content in contents for move in content.moves]
        lines = [line for content in contents for line in content.lines]
        fresh: list[str] = []
        fresh_max = 5 * len(contents) + 3 * len(moves) + len(lines)
        restart = len(self._names) + fresh_max > NAMES_PER_SESSION_MAX
        if restart:
            self._names.clear()

        def index(names: Iterable[str]) -> bytes:
            return pack_column([self._index(name, fresh) for name in names])

        stamps = [content.clock for content in contents]
        walls = [stamp >> 16 for stamp in stamps]
        columns = (
            self._runs(entries, fresh),
            index(content.kind for content in contents),
            pack_column([wall - before for wall, before in zip(walls, [0, *walls], strict=False)]),
            pack_column([stamp & 0xFFFF for stamp in stamps]),
            _pack_blobs([content.key for content in contents]),
            index(content.actor for content in contents),
            index(content.reason for content in contents),
            [content.reference for content in contents],
            pack_column([len(content.moves) for content in contents]),
            index(move.item for move in moves),
            index(move.source for move in moves),
            index(move.target for move in moves),
            pack_column([move.quantity for move in moves]),
            pack_column([len(content.lines) for content in contents]),
            index(line.sku for line in lines),
            pack_column([line.quantity for line in lines]),
            pack_column([line.breach for line in lines]),
            pack_column([line.available for line in lines]),
            [[number, content.facts] for number, content in enumerate(contents) if content.facts],
        )
        check = _check(entry.hash for entry, _ in entries)
        raw: bytes = msgpack.packb((restart, fresh, columns, check))
        return len(raw).to_bytes(4, "big") + zlib.compress(raw, _COMPRESSION)

    def _index(self, name: str, fresh: list[str]) -> int:
        index = self._names.get(name)
        if index is None:
            index = self._names[name] = len(self._names)
            fresh.append(name)
        return index

    def _runs(self, entries: Sequence[tuple[Entry, bytes]], fresh: list[str]) -> list[list[Any]]:
        """Group entries into runs. The hash before a run is sent only if the receiver cannot know it."""
        runs: list[list[Any]] = []
        last: Entry | None = None
        for entry, previous in entries:
            stream = entry.stream
            if last is not None and last.stream == stream and last.sequence + 1 == entry.sequence:
                runs[-1][4] += 1
            else:
                known = self._tips.get(stream) == previous
                writer, scope = self._index(stream.writer, fresh), self._index(stream.scope, fresh)
                runs.append([writer, scope, entry.sequence, b"" if known else previous, 1])
            self._tips[stream] = entry.hash
            last = entry
        return runs


class ColumnDecoder:
    """The receiving side of one session's dictionary. For any input it returns entries, or raises PeerFault."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._items: dict[int, None] = {}
        self._routes: dict[tuple[str, int, int], None] = {}
        self._tips: dict[Stream, bytes] = {}

    def decode(self, packed: bytes) -> list[ReceivedRun]:
        """Decode one batch, checking shape, names, bounds, links and the check value. Raises PeerFault."""
        try:
            return self._decode(_inflate(packed))
        except (IndexError, KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise PeerFault("malformed", f"{type(error).__name__} in a batch of entries") from None

    def _decode(self, raw: bytes) -> list[ReceivedRun]:
        restart, fresh, columns, check = msgpack.unpackb(raw)
        if restart:
            self._names, self._items, self._routes = [], {}, {}
        self._learn(fresh)
        (
            runs, kinds, walls, counters, keys, actors, reasons, references,
            move_counts, items, sources, targets, quantities,
            line_counts, skus, line_quantities, breaches, availables, facts,
        ) = columns  # fmt: skip
        length = sum(run[4] for run in runs)
        if not 0 < length <= FRAME_ENTRIES_MAX or len(references) != length:
            raise PeerFault("malformed", f"a batch of {length} entries")
        full = 1 << 63
        stamps = self._stamps(walls, counters, length)
        key_list = _unpack_blobs(keys, length, TEXT_LENGTH_MAX)
        kind_list, actor_list, reason_list = (self._texts(column, length) for column in (kinds, actors, reasons))
        _check_kinds(kind_list)
        for reference in references:
            _check_text(reference)

        moved = unpack_column(move_counts, length, 0, MOVES_MAX)
        move_ends = list(accumulate(moved, initial=0))
        total = move_ends[-1]
        if total > FRAME_MOVES_MAX:
            raise PeerFault("oversized", f"a batch of {total} moves")
        source_column, target_column = self._column(sources, total), self._column(targets, total)
        all_moves = list(
            map(
                Move,
                self._skus(items, total),
                map(self._names.__getitem__, source_column),
                map(self._names.__getitem__, target_column),
                unpack_column(quantities, total, 1, full),
            )
        )
        listed = unpack_column(line_counts, length, 0, LINES_MAX)
        line_ends = list(accumulate(listed, initial=0))
        total = line_ends[-1]
        if total > FRAME_MOVES_MAX:
            raise PeerFault("oversized", f"a batch of {total} lines")
        all_lines = list(
            map(
                EntryLine,
                self._skus(skus, total),
                unpack_column(line_quantities, total, -full, full),
                unpack_column(breaches, total, 0, full),
                unpack_column(availables, total, -full, full),
            )
        )
        facts_at = {number: check_facts(found) for number, found in facts}

        decoded: list[ReceivedRun] = []
        hashes: list[bytes] = []
        at = 0
        for writer_index, scope_index, first, given, count in runs:
            stream = self._stream(writer_index, scope_index)
            previous = given or self._tips[stream]
            if not (first >= 1 and count >= 1 and isinstance(previous, bytes) and len(previous) == HASH_BYTES):
                raise PeerFault("malformed", "a run has no valid start")
            spread = slice(move_ends[at], move_ends[at + count])
            self._check_routes(stream, source_column[spread], target_column[spread])
            entries = []
            link = previous
            for number in range(first, first + count):
                content = Content(
                    kind_list[at],
                    stamps[at],
                    key_list[at],
                    actor_list[at],
                    reason_list[at],
                    references[at],
                    tuple(all_moves[move_ends[at] : move_ends[at + 1]]),
                    tuple(all_lines[line_ends[at] : line_ends[at + 1]]),
                    facts_at.get(at, {}),
                )
                body = pack_body(content)
                check_content(content, body)
                link = chain(link, body)
                hashes.append(link)
                entries.append(Entry(stream, number, link, body, content))
                at += 1
            self._tips[stream] = link
            decoded.append(ReceivedRun(stream, first, previous, entries))
        if _check(hashes) != check:
            raise PeerFault("corrupt", "the entries do not have the hashes that the sender computed")
        return decoded

    def _learn(self, fresh: list[str]) -> None:
        if len(self._names) + len(fresh) > NAMES_PER_SESSION_MAX:
            raise PeerFault("oversized", "too many names in one session")
        for name in fresh:
            _check_text(name)
        self._names.extend(fresh)

    def _column(self, packed: bytes, length: int) -> array[int]:
        return unpack_column(packed, length, 0, len(self._names) - 1)

    def _texts(self, packed: bytes, length: int) -> list[str]:
        names = self._names
        return [names[index] for index in self._column(packed, length)]

    def _skus(self, packed: bytes, length: int) -> list[str]:
        names, items = self._names, self._items
        column = self._column(packed, length)
        for index in dict.fromkeys(column):
            if index not in items:
                if not is_item(names[index]):
                    raise PeerFault("malformed", f"{names[index]!r} is not an item")
                items[index] = None
        return [names[index] for index in column]

    def _stamps(self, walls: bytes, counters: bytes, length: int) -> list[int]:
        high = 1 << 47
        times = accumulate(unpack_column(walls, length, -high, high))
        stamps = [
            (wall << 16) | counter
            for wall, counter in zip(times, unpack_column(counters, length, 0, 0xFFFF), strict=True)
        ]
        if not 0 <= min(stamps) <= max(stamps) < 1 << 63:
            raise PeerFault("malformed", "a stamp is out of range")
        return stamps

    def _stream(self, writer_index: int, scope_index: int) -> Stream:
        if not (writer_index >= 0 and scope_index >= 0):
            raise PeerFault("malformed", "a name has a negative number")
        stream = Stream(self._names[writer_index], self._names[scope_index])
        if stream not in self._tips and not (is_writer(stream.writer) and is_scope(stream.scope)):
            raise PeerFault("malformed", f"{stream} is not a stream")
        return stream

    def _check_routes(self, stream: Stream, sources: array[int], targets: array[int]) -> None:
        """Check that a node debits only its own accounts. Every floor depends on this rule."""
        for source, target in dict.fromkeys(zip(sources, targets, strict=True)):
            route = (stream.writer, source, target)
            if route in self._routes:
                continue
            for index in (source, target):
                if not is_account(self._names[index]):
                    raise PeerFault("malformed", f"{self._names[index]!r} is not an account")
            owner = owner_of(self._names[source])
            if owner is not None and owner != node_of(stream.writer):
                raise PeerFault("unauthorised", f"{stream.writer} debits {self._names[source]}")
            self._routes[route] = None


def _inflate(packed: bytes) -> bytes:
    length = int.from_bytes(packed[:4], "big")
    if length > FRAME_RAW_BYTES_MAX:
        raise PeerFault("oversized", f"a batch of {length} bytes, the limit is {FRAME_RAW_BYTES_MAX}")
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed[4:], max(1, length))
    except zlib.error:
        raise PeerFault("corrupt", "a batch does not inflate") from None
    if len(raw) != length or not inflater.eof or inflater.unused_data:
        raise PeerFault("corrupt", "a batch inflates to another length than it says")
    return raw


def _check(hashes: Iterable[bytes]) -> bytes:
    return blake2b(b"".join(hashes), digest_size=HASH_BYTES).digest()


def _check_kinds(kinds: list[str]) -> None:
    for kind in dict.fromkeys(kinds):
        if not is_name(kind):
            raise PeerFault("malformed", f"{kind!r} is not a kind")


def _check_text(text: object) -> None:
    if not isinstance(text, str) or len(text) > TEXT_LENGTH_MAX:
        raise PeerFault("malformed", "a name or text is not a string, or is too long")
