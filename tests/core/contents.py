"""Hypothesis strategies for contents, entries and streams: all that a correct node may write, and more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from replica.core.base.limits import KEY_LENGTH_MAX, QUANTITY_MAX, TEXT_LENGTH_MAX
from replica.core.base.names import account, node_of
from replica.core.ledger.cells import Move
from replica.core.log.entry import Content, Entry, EntryLine, Stream, chain, pack_body, start
from replica.core.log.entry_run import ReceivedRun
from tests.core.chain import NOW_MS

OWN = Stream("store-1#0000000a", "store-1")
RELAYED = Stream("hub-east#0000000b", "store-1")
STREAMS = (OWN, RELAYED, Stream("store-1#0000000c", "store-1"), Stream("hub-east#0000000b", "*"))

STAMP = NOW_MS << 16

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.just("x" * TEXT_LENGTH_MAX)
items = st.sampled_from(["cola", "wings_gram", "4006381333931", "~!", "x" * 64])
integers = st.integers(-(1 << 63), (1 << 63) - 1)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | integers | st.floats(allow_nan=False) | texts | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
lines = st.builds(EntryLine, items, integers, st.integers(0, (1 << 63) - 1), integers)


def moves(node: str) -> st.SearchStrategy[Move]:
    """Moves that a node may make: from external accounts and its own, to any account."""
    outside = ["supplier", "customer", "loss", "found", "opening", "transit.t9"]
    own = [account(node, bucket) for bucket in ("free", "held", "quarantine", "campaign.618")]
    sources, targets = st.sampled_from([*outside, *own]), st.sampled_from([*outside, *own, "hub-west/free"])
    quantities = st.integers(1, 9) | st.integers(1, QUANTITY_MAX)
    return st.builds(Move, items, sources, targets, quantities).filter(lambda move: move.source != move.target)


def contents(node: str) -> st.SearchStrategy[Content]:
    """Contents of entries that this node may write."""
    return st.builds(
        Content,
        kind=st.sampled_from(["sale", "receipt", "document", "kind-of-next-year"]),
        clock=st.integers(0, (1 << 63) - 1) | st.integers(STAMP, STAMP + (1 << 24)),
        key=st.binary(max_size=KEY_LENGTH_MAX) | st.binary(min_size=16, max_size=16),
        actor=texts,
        reason=texts,
        reference=texts,
        moves=st.lists(moves(node), max_size=4).map(tuple),
        lines=st.lists(lines, max_size=3).map(tuple),
        facts=st.dictionaries(texts, values, max_size=3),
    )


def linked(stream: Stream, written: Sequence[Content], first: int = 1, previous: bytes | None = None) -> ReceivedRun:
    """The run of a stream with these contents, in order."""
    before = start(stream).hash if previous is None else previous
    link, entries = before, []
    for number, content in enumerate(written, first):
        body = pack_body(content)
        link = chain(link, body)
        entries.append(Entry(stream=stream, sequence=number, hash=link, body=body, content=content))
    return ReceivedRun(stream, first, before, entries)


def runs(stream: Stream, max_size: int = 5) -> st.SearchStrategy[ReceivedRun]:
    """Runs of a stream from its first entry."""
    return st.lists(contents(node_of(stream.writer)), min_size=1, max_size=max_size).map(
        lambda written: linked(stream, written)
    )


def with_hash_before(run: ReceivedRun) -> list[tuple[Entry, bytes]]:
    """The entries of a run, each with the hash before it, as a session sends them."""
    before = [run.previous, *(entry.hash for entry in run.entries)]
    return list(zip(run.entries, before, strict=False))


def receipt_content(clock: int = STAMP, item: str = "cola", quantity: int = 1, **changed: Any) -> Content:
    """Goods in at store-1, with some fields changed."""
    plain: dict[str, Any] = {
        "kind": "receipt",
        "clock": clock,
        "key": b"",
        "actor": "",
        "reason": "",
        "reference": "",
        "moves": (Move(item, "supplier", "store-1/free", quantity),),
        "lines": (EntryLine(item, quantity, 0, quantity),),
        "facts": {},
    }
    return Content(**{**plain, **changed})
