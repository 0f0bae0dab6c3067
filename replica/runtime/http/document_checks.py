"""Documents as callers write them: one or a batch, what is checked before a node decides, and the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from replica.core.base.errors import Forbidden, Invalid, NotFound, Refused, Unchanged
from replica.core.base.limits import DOCUMENT_BYTES_MAX
from replica.core.base.names import is_name, part_key
from replica.core.catalog.documents import pack_value
from replica.core.catalog.locations import LocationDocument
from replica.core.catalog.ranks import CHAIN_NAME, RANKS, STORE_NAME, STORE_RANK
from replica.core.catalog.registers import Register
from replica.core.planning.carriers import CarrierDocument
from replica.core.state.commands import DocumentWrite
from replica.core.state.document_kinds import DOCUMENT_KINDS, DocumentKind
from replica.runtime.http.bodies import fitted
from replica.runtime.http.document_answers import register_answer
from replica.runtime.http.problems import invalid_from, problem
from replica.runtime.http.writes import DocumentAnswer
from replica.runtime.time_zones import check_time_zone

DOCUMENTS_PER_BATCH_MAX = 1_000


class BatchDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One document of a batch; the value null clears it. `at`: the region or location of the rank."""

    kind: str
    key: str
    value: Any
    rank: str = CHAIN_NAME
    at: str = ""


class DocumentBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """Documents to write. The node decides each one separately."""

    documents: Annotated[tuple[BatchDocument, ...], Meta(min_length=1, max_length=DOCUMENTS_PER_BATCH_MAX)]


class DocumentVerdict(Struct, frozen=True, omit_defaults=True):
    """The outcome of one document of a batch: `document` if the node wrote it, else `problem`.

    `unchanged`: the node wrote nothing, because the document has this value already. `document` shows it then. In a dry
    run, `document` is what the node would have written.
    """

    kind: str
    key: str
    status: int
    document: Any = None
    problem: dict[str, Any] | None = None
    unchanged: bool = False


Outcome = DocumentAnswer | Register | Refused
"""What became of one document of a batch: the answer to its write, the write that it would lead to, or a refusal."""


class DocumentVerdicts(Struct, frozen=True):
    """One verdict per document, in the order of the request."""

    verdicts: list[DocumentVerdict]


class DocumentChecks(Struct, frozen=True):
    """What one node checks of documents. `store`: the location whose rank it may write; empty for a hub."""

    store: str = ""

    def slot_of(self, rank: str, at: str) -> tuple[int, str]:
        """A rank and its region or location, as callers name them. The rank of a store is its own if it names none."""
        if rank not in RANKS:
            raise Invalid(f"The rank is {rank!r}. Use one of the ranks {', '.join(RANKS)}.", field="rank")
        if rank == CHAIN_NAME and at:
            raise Invalid("The rank chain has no region or location. Leave the field at out.", field="at")
        if rank == STORE_NAME:
            at = at or self.store
        if rank != CHAIN_NAME and not is_name(at):
            place = "location" if rank == STORE_NAME else "region"
            raise Invalid(f"The field at is {at!r}. Send the {place} of the rank {rank}.", field="at")
        return RANKS[rank], at

    def check(self, document: BatchDocument, key: bytes, at: str = "", *, has_new_items: bool) -> DocumentWrite:
        """Check a document against its kind. `at`: where the document is in the body of a batch. Raises Refused."""
        kind = kind_of(document.kind)
        rank, place = self.slot_of(document.rank, document.at)
        if self.store and (rank, place) != (STORE_RANK, self.store):
            text = f"This node writes documents of the rank {STORE_NAME} at {self.store} only."
            raise Forbidden(f"{text} Send rank={STORE_NAME}, or write the document at a hub.", field="rank")
        if rank not in kind.ranks:
            named = ", ".join(name for name, known in RANKS.items() if known in kind.ranks)
            text = f"Documents of the kind {kind.name} have no rank {document.rank}. Use {named}."
            raise Invalid(text, field="rank")
        value = _packed(kind, document.key, document.value, at and f"{at}.value")
        return DocumentWrite(kind.name, document.key, value, key, has_new_items, rank, place)

    def check_all(
        self, batch: DocumentBatch, key: bytes, *, has_new_items: bool, skips_unchanged: bool
    ) -> list[DocumentWrite | Refused]:
        """Check each document of a batch against its kind."""
        checked: list[DocumentWrite | Refused] = []
        for index, document in enumerate(batch.documents):
            try:
                at = f"documents[{index}]"
                write = self.check(document, part_key(key, index), at, has_new_items=has_new_items)
                checked.append(msgspec.structs.replace(write, skips_unchanged=skips_unchanged))
            except Refused as refused:
                checked.append(refused)
        return checked


def verdicts_of(
    batch: DocumentBatch, checked: Sequence[DocumentWrite | Refused], outcomes: Sequence[Outcome]
) -> DocumentVerdicts:
    """A verdict for each document. `outcomes`: those of the documents that passed the check."""
    following = iter(outcomes)
    verdicts = []
    for index, (document, one) in enumerate(zip(batch.documents, checked, strict=True)):
        outcome = next(following) if isinstance(one, DocumentWrite) else one
        verdicts.append(_verdict(document, outcome, f"documents[{index}]"))
    return DocumentVerdicts(verdicts)


def _verdict(document: BatchDocument, outcome: Outcome, at: str) -> DocumentVerdict:
    if isinstance(outcome, Unchanged):
        standing = register_answer(outcome.register) if outcome.register is not None else None
        return DocumentVerdict(document.kind, document.key, 200, document=standing, unchanged=True)
    if isinstance(outcome, Refused):
        why = problem(_placed(outcome, at))
        return DocumentVerdict(kind=document.kind, key=document.key, status=why["status"], problem=why)
    answer = register_answer(outcome) if isinstance(outcome, Register) else outcome
    return DocumentVerdict(kind=document.kind, key=document.key, status=200, document=answer)


def kind_of(kind: str) -> DocumentKind:
    """The kind of documents with a name. Raises NotFound."""
    if kind not in DOCUMENT_KINDS:
        known = ", ".join(DOCUMENT_KINDS)
        raise NotFound(f"There is no kind of document {kind!r}. Use one of the kinds {known}.", field="kind")
    return DOCUMENT_KINDS[kind]


def _placed(refused: Refused, at: str) -> Refused:
    """The refusal of a document, naming its field in the body of a batch, in which the document is `at`."""
    field = refused.field
    if field is not None and field != "Idempotency-Key" and not field.startswith(at):
        refused.field = f"{at}.{field}" if field in BatchDocument.__struct_fields__ else f"{at}.value.{field}"
    return refused


def _packed(kind: DocumentKind, key: str, value: Any, at: str) -> bytes | None:
    """Check the key and the value of a document, and encode the value. Raises Refused."""
    if key == "schema":
        raise Invalid("The key 'schema' is the path of the schema. Choose another key.", field="key")
    if not kind.is_key(key):
        hint = f" {kind.key_hint}" if kind.key_hint else " Correct it."
        raise Invalid(f"The key {key!r} is not valid for a document of the kind {kind.name}.{hint}", field="key")
    if value is None:
        return None
    try:
        converted = kind.tidy(fitted(value, kind.document))
        kind.check(converted)
        if isinstance(converted, LocationDocument) or (isinstance(converted, CarrierDocument) and converted.time_zone):
            check_time_zone(converted.time_zone)
        packed = pack_value(msgspec.to_builtins(converted))
    except msgspec.ValidationError as error:
        raise invalid_from(error, at) from None
    if len(packed) > DOCUMENT_BYTES_MAX:
        text = f"The document has {len(packed)} bytes. Shorten it to at most {DOCUMENT_BYTES_MAX} bytes."
        raise Invalid(text, field="value")
    return packed
