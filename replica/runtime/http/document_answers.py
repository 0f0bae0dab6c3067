"""Answers about documents: the value in effect, one rank of it, and what was written before."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from replica.core.base.names import node_of
from replica.core.catalog.documents import Documents
from replica.core.catalog.locations import region_of
from replica.core.catalog.ranks import rank_name
from replica.core.catalog.registers import Register
from replica.core.log.entry import Entry
from replica.core.log.times import recorded_text
from replica.core.state.document_kinds import DOCUMENT_KINDS
from replica.core.state.replica import Replica
from replica.runtime.http.answers import document_value
from replica.runtime.http.writes import DocumentAnswer


class EffectiveAnswer(DocumentAnswer, frozen=True, omit_defaults=True):
    """The value that is in effect, and the rank that it comes from.

    `overridden`: the values of lower ranks, which it overrides, the highest rank first.
    """

    overridden: list[DocumentAnswer] = field(default_factory=list)


class DocumentPage(Struct, frozen=True):
    """Documents of a kind in order of keys; `next` is the cursor of the next page, null on the last page."""

    documents: list[EffectiveAnswer]
    next: str | None


class KindAnswer(Struct, frozen=True):
    """A kind of documents, and the ranks that its documents may have."""

    kind: str
    ranks: list[str]


class KindsAnswer(Struct, frozen=True):
    """The kinds of documents that this node takes."""

    kinds: list[KindAnswer]


class WrittenAnswer(Struct, frozen=True):
    """One write of a document at one rank. The value null cleared it. `is_current`: whether it stands now."""

    node: str
    at: str
    version: int
    value: Any
    is_current: bool
    entry: str


class DocumentHistory(Struct, frozen=True):
    """The writes of a document at one rank, newest arrival first.

    `next` is the cursor to send as `before` for the next page, at this node only; null on the last page.
    """

    kind: str
    key: str
    writes: list[WrittenAnswer]
    next: str | None


class DocumentView(Struct, frozen=True):
    """Which values of documents a caller reads: those of one rank, or those in effect at a location or in the chain."""

    slot: tuple[int, str] | None = None
    location: str = ""

    def __str__(self) -> str:
        if self.slot is not None:
            rank, at = self.slot
            return f" at the rank {rank_name(rank)} {at}".rstrip()
        return f" at {self.location}" if self.location else ""

    def check(self, replica: Replica) -> None:
        """Refuse a location that nobody knows. Raises UnknownLocation."""
        if self.location:
            replica.known_locations.check(self.location, "location")

    def registers(self, documents: Documents, kind: str, key: str) -> list[Register]:
        """The writes with a value that it shows, the one in effect first."""
        if self.slot is None:
            return documents.valued(kind, key, region_of(documents, self.location), self.location)
        one = documents.register(kind, key, *self.slot)
        return [one] if one is not None and one.value is not None else []

    def answer(self, documents: Documents, kind: str, key: str) -> EffectiveAnswer | None:
        """The document as it shows it; None without a value."""
        registers = self.registers(documents, kind, key)
        if not registers:
            return None
        standing, *lower = map(register_answer, registers)
        return EffectiveAnswer(**msgspec.structs.asdict(standing), overridden=lower)


def kinds_answer() -> KindsAnswer:
    """The kinds of documents."""
    kinds = DOCUMENT_KINDS.values()
    return KindsAnswer([KindAnswer(kind.name, [rank_name(rank) for rank in kind.ranks]) for kind in kinds])


def register_answer(register: Register) -> DocumentAnswer:
    """The value of a register, as the answer to its write shows it."""
    return DocumentAnswer(
        kind=register.kind,
        key=register.key,
        version=register.version,
        value=document_value(register.value),
        rank=rank_name(register.rank),
        at=register.at,
    )


def written_answer(entry: Entry, standing: Register) -> WrittenAnswer:
    """One write of the register that `standing` is the current write of."""
    content, writer = entry.content, entry.stream.writer
    version = content.facts["version"]
    return WrittenAnswer(
        node=node_of(writer),
        at=recorded_text(content),
        version=version,
        value=document_value(content.facts.get("value")),
        is_current=(version, content.clock, writer) == standing.precedence,
        entry=entry.hash.hex(),
    )
