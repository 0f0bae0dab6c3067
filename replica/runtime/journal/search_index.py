"""The search index of the catalogue in SQLite: which SKUs have which words and characters.

It is written in the transaction of the documents, so it never lags behind them, and a rollback takes it back too. The
caller hands in a connection with this transaction open.

SKUs have numbers in the order in which they entered, and keep them when their documents change. A search looks at the
first `SEARCH_CANDIDATES_MAX` that fit after a number, and says where to go on. So all that fit are reached, in bounded
memory. `replica.core.catalog.search_terms` has the tokens, and `search_queries` the order in which SKUs are shown.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

from msgspec.msgpack import Decoder, Encoder

from replica.core.base.errors import Broken
from replica.core.base.limits import SEARCH_CANDIDATES_MAX
from replica.core.catalog.search_queries import FoundSku, FoundSkus
from replica.core.catalog.search_terms import (
    VERSION,
    Searchable,
    Terms,
    match_expression,
    matches,
    read_searchable,
    texts_of,
    tokens_of,
)
from replica.runtime.journal.damage import DataRefused
from replica.runtime.journal.statements import SEARCH_SCHEMA, SEARCH_STATEMENTS

SkuChange = tuple[str, bytes | None]
"""A SKU and the packed value of its document; None if it has none any more."""

_TABLES_VERSION = f"4 {VERSION}"
"""Changes with the tables and with the tokens."""

_MERGED_MIN = 2
"""Rows that a merge changes at least if it merged anything. Source: the FTS5 documentation, section 6.8."""


_encode = Encoder().encode
_decode = Decoder(FoundSku).decode
_decode_all = Decoder(list[FoundSku]).decode

_ARRAY = b"\xdd"
"""Begins an array in msgpack; its length in 4 bytes follows, and then its elements."""


def check_support(connection: sqlite3.Connection) -> None:
    """Raise DataRefused if this Python's SQLite has no FTS5."""
    if connection.execute(SEARCH_STATEMENTS["has_fts5"]).fetchone() is None:
        raise DataRefused(
            f"SQLite {sqlite3.sqlite_version} of this Python has no FTS5, which the search of the catalogue needs: "
            "use a Python whose SQLite has it, as those of Debian and python.org do"
        )


def open_index(connection: sqlite3.Connection, documents: Callable[[], Iterable[SkuChange]]) -> bool:
    """Make sure that the file has an index of this version. Return whether it had to be built.

    Args:
        documents: gives all `sku` documents; called only if the index has to be built.
    """
    _need_transaction(connection)
    if is_current(connection):
        return False
    for name in ("drop_index", "drop_skus", "drop_version"):
        connection.execute(SEARCH_STATEMENTS[name])
    for statement in SEARCH_SCHEMA.split(";\n")[:-1]:
        connection.execute(statement)  # executescript would commit
    for sku, value in documents():
        document = read_searchable(value)
        if document is not None:
            _add(connection, sku, document)
    connection.execute(SEARCH_STATEMENTS["optimize"])
    connection.execute(SEARCH_STATEMENTS["put_version"], (_TABLES_VERSION,))
    return True


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether the file has an index of this version."""
    return _version(connection) == _TABLES_VERSION


def kept_documents(connection: sqlite3.Connection) -> list[tuple[str, bytes]]:
    """The SKUs in the index, each with what the index keeps of its document."""
    return connection.execute(SEARCH_STATEMENTS["kept_documents"]).fetchall()


def searchable_documents(documents: Iterable[SkuChange]) -> list[tuple[str, bytes]]:
    """What the index has to keep for some documents."""
    read = ((sku, read_searchable(value)) for sku, value in documents)
    return [(sku, _packed(sku, document)) for sku, document in read if document is not None]


def forget(connection: sqlite3.Connection) -> None:
    """Note that the index does not fit the documents any more, so that `open_index` builds it again."""
    connection.execute(SEARCH_STATEMENTS["drop_version"])


def update(connection: sqlite3.Connection, changes: Iterable[SkuChange]) -> None:
    """Write changed documents to the index. A SKU whose document cannot be read is removed, as one without."""
    for sku, value in changes:
        _need_transaction(connection)
        known = connection.execute(SEARCH_STATEMENTS["known_sku"], (sku,)).fetchone()
        document = read_searchable(value)
        if known is None:
            if document is not None:
                _add(connection, sku, document)
            continue
        number, packed = known
        if document is None:
            _delete_tokens(connection, number, sku, packed)
            connection.execute(SEARCH_STATEMENTS["delete_sku"], (number,))
        elif (new := _packed(sku, document)) != packed:
            _delete_tokens(connection, number, sku, packed)
            connection.execute(SEARCH_STATEMENTS["add_tokens"], (number, tokens_of(texts_of(sku, document))))
            connection.execute(SEARCH_STATEMENTS["replace_document"], (new, number))


def find(connection: sqlite3.Connection, terms: Terms, after: int = 0) -> FoundSkus:
    """The first SEARCH_CANDIDATES_MAX SKUs that the index has for some terms, less those that do not fit.

    Without terms, all SKUs fit.

    Only SKUs with a greater number than `after` are looked at. All of them come as one row. Between two rows, SQLite
    gives the interpreter's lock back and waits for it again, while the event loop is busy.
    """
    name, text = ("find", (match_expression(terms),)) if terms.is_limiting else ("browse", ())
    number, last, packed = connection.execute(
        SEARCH_STATEMENTS[name], (*text, after, SEARCH_CANDIDATES_MAX + 1)
    ).fetchone()
    if not number:
        return FoundSkus([], False, after)
    found = _decode_all(_ARRAY + number.to_bytes(4) + packed)
    is_capped = number > SEARCH_CANDIDATES_MAX
    if is_capped:
        found.pop()
    if not terms.is_exact:
        found = [one for one in found if matches(terms, texts_of(one.sku, _searchable(one)))]
    return FoundSkus(found, is_capped, last - is_capped)


def merge(connection: sqlite3.Connection, pages: int) -> bool:
    """Merge segments of the index, about so many pages. Return whether there was something to merge.

    For an idle node. Each commit with changed SKUs leaves a segment, and each search reads all of them.
    """
    _need_transaction(connection)
    before = connection.total_changes
    connection.execute(SEARCH_STATEMENTS["merge"], (pages,))
    return connection.total_changes - before >= _MERGED_MIN


def check(connection: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError if the index contradicts itself."""
    connection.execute(SEARCH_STATEMENTS["check"])


def _version(connection: sqlite3.Connection) -> str:
    if connection.execute(SEARCH_STATEMENTS["has_version"]).fetchone() is None:
        return ""
    row = connection.execute(SEARCH_STATEMENTS["version"]).fetchone()
    return str(row[0]) if row is not None else ""


def _need_transaction(connection: sqlite3.Connection) -> None:
    if not connection.in_transaction:
        raise Broken("the search index is written in the transaction of the documents, and there is none")


def _add(connection: sqlite3.Connection, sku: str, document: Searchable) -> None:
    number = connection.execute(SEARCH_STATEMENTS["add_sku"], (sku, _packed(sku, document))).lastrowid
    connection.execute(SEARCH_STATEMENTS["add_tokens"], (number, tokens_of(texts_of(sku, document))))


def _delete_tokens(connection: sqlite3.Connection, number: int, sku: str, packed: bytes) -> None:
    connection.execute(
        SEARCH_STATEMENTS["delete_tokens"], (number, tokens_of(texts_of(sku, _searchable(_decode(packed)))))
    )


def _packed(sku: str, document: Searchable) -> bytes:
    """What the index keeps of a document: equal if its fields are equal and in the same order."""
    return _encode(FoundSku(sku, document.names, document.attributes, status=document.status))


def _searchable(kept: FoundSku) -> Searchable:
    return Searchable(dict(kept.names), dict(kept.attributes), kept.status)
