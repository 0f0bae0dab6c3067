"""The calls about documents: write, read, clear and list. The type of a kind is also the schema of its documents."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from hub.time_zones import check_time_zone
from replica.core.base.errors import Invalid, NotFound, Refused
from replica.core.base.limits import DOCUMENT_BYTES_MAX
from replica.core.base.names import part_key
from replica.core.catalog.documents import pack_value
from replica.core.catalog.locations import LocationDocument
from replica.core.rights.policies import POLICY, location_of
from replica.core.state.commands import DocumentWrite
from replica.core.state.decisions import Verdict
from replica.core.state.document_kinds import DOCUMENT_KINDS, DocumentKind
from replica.core.state.replica import Replica
from replica.runtime.http.bodies import fitted
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Decoder, Operation, json_response, key_of, limit_of
from replica.runtime.http.problems import invalid_from, problem
from replica.runtime.http.writes import DocumentAnswer, answer_of
from replica.runtime.node import Node

DOCUMENTS_PER_BATCH_MAX = 1_000

NEW_ITEMS = "new_items"
"""The query field by which a caller says that unknown items in recipes are meant."""


class BatchDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """One document of a batch; the value null clears it."""

    kind: str
    key: str
    value: Any


class DocumentBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """Documents to write. The node decides each one separately."""

    documents: Annotated[tuple[BatchDocument, ...], Meta(min_length=1, max_length=DOCUMENTS_PER_BATCH_MAX)]


class DocumentVerdict(Struct, frozen=True, omit_defaults=True):
    """The outcome of one document of a batch: `document` if the node wrote it, else `problem`."""

    kind: str
    key: str
    status: int
    document: Any = None
    problem: dict[str, Any] | None = None


class DocumentVerdicts(Struct, frozen=True):
    """One verdict per document, in the order of the request."""

    verdicts: list[DocumentVerdict]


class DocumentPage(Struct, frozen=True):
    """Documents of a kind in order of keys; `next` is the cursor of the next page, null on the last page."""

    documents: list[DocumentAnswer]
    next: str | None


class DocumentsApi:
    """The calls about documents at one hub."""

    def __init__(self, node: Node, long_reads: LongReads) -> None:
        self._node = node
        self._long_reads = long_reads
        self._batch = Decoder(DocumentBatch)
        self._value = Decoder(Any)

    def operations(self) -> list[Operation]:
        """All calls about documents."""
        path = "/v1/documents/{kind}"
        one = f"{path}/{{key}}"
        return [
            Operation(
                method="GET",
                path=f"{path}/schema",
                handler=self.schema,
                summary="Read the JSON schema of a kind of document",
            ),
            Operation(
                method="PUT",
                path=one,
                handler=self.put,
                summary="Write a document",
                body=Any,
                answer=DocumentAnswer,
                query=(NEW_ITEMS,),
                is_write=True,
            ),
            Operation(method="GET", path=one, handler=self.get, summary="Read a document", answer=DocumentAnswer),
            Operation(
                method="DELETE",
                path=one,
                handler=self.delete,
                summary="Clear a document",
                answer=DocumentAnswer,
                is_write=True,
            ),
            Operation(
                method="GET",
                path=path,
                handler=self.page,
                summary="List the documents of a kind",
                answer=DocumentPage,
                query=("cursor", "limit"),
            ),
            Operation(
                method="POST",
                path="/v1/documents:batch",
                handler=self.put_batch,
                summary="Write many documents",
                body=DocumentBatch,
                answer=DocumentVerdicts,
                status=207,
                query=(NEW_ITEMS,),
                is_write=True,
            ),
        ]

    async def schema(self, request: web.Request) -> web.Response:
        return json_response(msgspec.json.schema(_kind_of(request.match_info["kind"]).document))

    async def put(self, request: web.Request) -> web.Response:
        kind, key = request.match_info["kind"], request.match_info["key"]
        return await self._write(request, BatchDocument(kind, key, await self._value.read(request)))

    async def delete(self, request: web.Request) -> web.Response:
        return await self._write(request, BatchDocument(request.match_info["kind"], request.match_info["key"], None))

    async def _write(self, request: web.Request, document: BatchDocument) -> web.Response:
        write = _checked(document, key_of(request), has_new_items=_has_new_items(request))
        await self._meet([write])
        return json_response(answer_of(await self._node.driver.submit(write)))

    async def put_batch(self, request: web.Request) -> web.Response:
        batch: DocumentBatch = await self._batch.read(request)
        key, has_new_items = key_of(request), _has_new_items(request)
        checked: list[DocumentWrite | Refused] = []
        for index, document in enumerate(batch.documents):
            try:
                at = f"documents[{index}]"
                checked.append(_checked(document, part_key(key, index), at, has_new_items=has_new_items))
            except Refused as refused:
                checked.append(refused)
        await self._meet([one for one in checked if isinstance(one, DocumentWrite)])
        written = iter(await self._node.driver.submit_all([one for one in checked if isinstance(one, DocumentWrite)]))
        verdicts = []
        for index, (document, one) in enumerate(zip(batch.documents, checked, strict=True)):
            outcome = next(written) if isinstance(one, DocumentWrite) else one
            verdicts.append(_verdict(document, outcome, f"documents[{index}]"))
        return json_response(DocumentVerdicts(verdicts), 207)

    async def get(self, request: web.Request) -> web.Response:
        kind, key = request.match_info["kind"], request.match_info["key"]
        _kind_of(kind)
        return json_response(await self._node.driver.look(lambda replica: _read(replica, kind, key)))

    async def _meet(self, writes: Sequence[DocumentWrite]) -> None:
        """Learn of the locations that policies name, if a connected store announced them a moment ago."""
        for location in dict.fromkeys(location_of(write.name) for write in writes if write.kind == POLICY):
            await self._node.meet(location)

    async def page(self, request: web.Request) -> web.Response:
        kind, cursor, limit = request.match_info["kind"], request.query.get("cursor"), limit_of(request)
        _kind_of(kind)

        def shown(replica: Replica) -> tuple[Sequence[str], bool]:
            keys = replica.documents.keys(kind)
            start = bisect_right(keys, cursor) if cursor else 0
            return keys[start : start + limit], start + limit < len(keys)

        def answers(replica: Replica, some: Sequence[str]) -> list[DocumentAnswer]:
            return [_read(replica, kind, key) for key in some if replica.documents.value(kind, key) is not None]

        keys, has_more = await self._node.driver.look(shown)
        documents = await self._long_reads.look(keys, answers)
        return json_response(DocumentPage(documents, keys[-1] if has_more else None))


def _verdict(document: BatchDocument, outcome: Verdict, at: str) -> DocumentVerdict:
    if isinstance(outcome, Refused):
        why = problem(_placed(outcome, at))
        return DocumentVerdict(kind=document.kind, key=document.key, status=why["status"], problem=why)
    return DocumentVerdict(kind=document.kind, key=document.key, status=200, document=answer_of(outcome))


def _kind_of(kind: str) -> DocumentKind:
    if kind not in DOCUMENT_KINDS:
        known = ", ".join(DOCUMENT_KINDS)
        raise NotFound(f"There is no kind of document {kind!r}. Use one of the kinds {known}.", field="kind")
    return DOCUMENT_KINDS[kind]


def _has_new_items(request: web.Request) -> bool:
    answer = request.query.get(NEW_ITEMS, "false")
    if answer not in ("true", "false"):
        raise Invalid(f"The query field {NEW_ITEMS} is {answer!r}. Send true or false.", field=NEW_ITEMS)
    return answer == "true"


def _placed(refused: Refused, at: str) -> Refused:
    """The refusal of a document, naming its field in the body of a batch, in which the document is `at`."""
    field = refused.field
    if field is not None and field != "Idempotency-Key" and not field.startswith(at):
        refused.field = f"{at}.{field}" if field in ("kind", "key", "value") else f"{at}.value.{field}"
    return refused


def _checked(document: BatchDocument, key: bytes, at: str = "", *, has_new_items: bool) -> DocumentWrite:
    """Check a document against its kind. `at`: where the body has its value, if it is a batch. Raises Refused."""
    kind = _kind_of(document.kind)
    if document.key == "schema":
        raise Invalid("The key 'schema' is the path of the schema. Choose another key.", field="key")
    if not kind.is_key(document.key):
        hint = f" {kind.key_hint}" if kind.key_hint else " Correct it."
        text = f"The key {document.key!r} is not valid for a document of the kind {document.kind}.{hint}"
        raise Invalid(text, field="key")
    value = document.value
    if value is not None:
        try:
            converted = kind.tidy(fitted(value, kind.document))
            kind.check(converted)
            if isinstance(converted, LocationDocument):
                check_time_zone(converted)
            value = msgspec.to_builtins(converted)
        except msgspec.ValidationError as error:
            raise invalid_from(error, at) from None
        packed = pack_value(value)
        if len(packed) > DOCUMENT_BYTES_MAX:
            text = f"The document has {len(packed)} bytes. Shorten it to at most {DOCUMENT_BYTES_MAX} bytes."
            raise Invalid(text, field="value")
    return DocumentWrite(document.kind, document.key, None if value is None else packed, key, has_new_items)


def _read(replica: Replica, kind: str, key: str) -> DocumentAnswer:
    value = replica.documents.value(kind, key)
    register = replica.documents.register(kind, key)
    if value is None or register is None:
        raise NotFound(
            f"There is no document {key!r} of the kind {kind}. Correct the key, or write it first.", field="key"
        )
    return DocumentAnswer(kind, key, register.version, value)
