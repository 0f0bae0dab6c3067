"""Cursors: how far a reader has read the journal of one node, as a text that the reader sends back.

Arrival numbers count the entries in the file of one node, in the order in which this file received them. At any other
node, and after the disk was replaced, the same number means other entries. So a cursor names its writer, which is the
node and its incarnation, and the arrival number: `hub-east~3f25a1b2c4d5~123`. It has only characters that a URL and a
header carry as they are. A cursor that this journal did not give is refused, never reinterpreted.
"""

from __future__ import annotations

import re

from replica.core.base.errors import CursorUnknown

BEGINNING = "0"
"""The beginning of any journal: the only position that means the same at every node."""

CURSOR_LENGTH_MAX = 128
"""Characters in a cursor: a node name, an incarnation and a number have at most 118."""

_MARK = "~"
_cursor = re.compile(r"(?P<node>[a-z0-9][a-z0-9._-]*)~(?P<incarnation>[0-9a-f]+)~(?P<arrival>0|[1-9][0-9]{0,18})")
_header_text = re.compile(r"[!-~]+")


def cursor_at(writer: str, arrival: int) -> str:
    """The cursor after the entry with this arrival number in the journal of a writer; 0 for the beginning."""
    return f"{writer.replace('#', _MARK)}{_MARK}{arrival}"


def arrival_of(cursor: str, writer: str, newest: int, field: str) -> int:
    """The arrival number of a cursor that this journal gave.

    Args:
        writer: the writer of this journal, `name#incarnation`.
        newest: the arrival number of its newest durable entry.
        field: the field or header that holds the cursor.
    Raises:
        CursorUnknown: another node or incarnation gave the cursor, nobody gave it, or it is not a cursor.
    """
    if cursor == BEGINNING:
        return 0
    why = _fault(cursor, writer, newest)
    if why:
        raise CursorUnknown(
            f"The field {field} {why}. Begin again after the cursor in begin, or go on after the one in newest.",
            field=field,
            begin=cursor_at(writer, 0),
            newest=cursor_at(writer, newest),
        )
    return int(cursor.rpartition(_MARK)[2])


def has_cursor_form(text: str) -> bool:
    """Whether a text could be a cursor, of this release or of another one: short, and printable without blanks."""
    return len(text) <= CURSOR_LENGTH_MAX and bool(_header_text.fullmatch(text))


def _fault(cursor: str, writer: str, newest: int) -> str:
    """Why a cursor is not one of this journal, as the end of a sentence; empty if it is."""
    if not has_cursor_form(cursor):
        return f"is not a cursor: a cursor has 1 to {CURSOR_LENGTH_MAX} printable ASCII characters without blanks"
    if cursor.isdigit():
        return f"is the number {cursor}, which does not say which node counted it"
    found = _cursor.fullmatch(cursor)
    if found is None:
        return f"is {cursor!r}, which is not a cursor of a journal"
    node, _, incarnation = writer.partition("#")
    if found["node"] != node:
        return f"is a cursor of the node {found['node']}, and this is {node}"
    if found["incarnation"] != incarnation:
        return f"is a cursor of another incarnation of {node}: its data was replaced since"
    if int(found["arrival"]) > newest:
        return f"is past the newest entry, which is number {newest}"
    return ""
