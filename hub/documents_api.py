"""Documents over HTTP: write, read, clear and list; each kind is checked against its type, which is also its schema."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from replica.core.base.errors import Invalid, NotFound, Refused
from replica.core.base.limits import DOCUMENT_BYTES_MAX
from replica.core.base.names import is_item, is_name, key_text
from replica.core.catalog.documents import pack_value
from replica.core.catalog.locations import LOCATION, LocationDocument
from replica.core.catalog.skus import SKU, SkuDocument
from replica.core.orders.machine import DEFAULT_KEY, ORDER_MACHINE, MachineDocument
from replica.core.rights.policies import POLICY, PolicyDocument, check_policy, is_selector
from replica.core.state.commands import DocumentWrite
from replica.core.state.replica import Replica
from replica.runtime.http.answers import DocumentAnswer, answer_of
from replica.runtime.http.operations import Decoder, Operation, json_response, key_of, limit_of
from replica.runtime.http.problems import invalid_from, problem
from replica.runtime.node import Node

KINDS: dict[str, type[Struct]] = {
    SKU: SkuDocument,
    LOCATION: LocationDocument,
    POLICY: PolicyDocument,
    ORDER_MACHINE: MachineDocument,
}
"""The kinds of documents, and the type each is checked against."""

_IS_KEY = {SKU: is_item, LOCATION: is_name, POLICY: is_selector, ORDER_MACHINE: is_item}

DOCUMENTS_PER_BATCH_MAX = 1_000


class BatchDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """One document of a batch; `value` null clears it."""

    kind: str
    key: str
    value: Any


class DocumentBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """Documents to write, each decided by itself."""

    documents: Annotated[tuple[BatchDocument, ...], Meta(min_length=1, max_length=DOCUMENTS_PER_BATCH_MAX)]


class DocumentVerdict(Struct, frozen=True, omit_defaults=True):
    """What became of one document of a batch."""

    kind: str
    key: str
    status: int
    document: Any = None
    problem: dict[str, Any] | None = None


class DocumentVerdicts(Struct, frozen=True):
    """One verdict per document, in the order of the request."""

    verdicts: list[DocumentVerdict]


class DocumentPage(Struct, frozen=True):
    """Documents of a kind in order of keys; `next` is the cursor of the next page, null on the last."""

    documents: list[DocumentAnswer]
    next: str | None


class DocumentsApi:
    """Document calls of one hub."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._batch = Decoder(DocumentBatch)
        self._value = Decoder(Any)

    def operations(self) -> list[Operation]:
        """Every call about documents."""
        path = "/v1/documents/{kind}"
        one = f"{path}/{{key}}"
        return [
            Operation("GET", f"{path}/schema", self.schema, "JSON schema of a kind"),
            Operation("PUT", one, self.put, "Write a document", Any, DocumentAnswer, is_write=True),
            Operation("GET", one, self.get, "A document as it stands", answer=DocumentAnswer),
            Operation("DELETE", one, self.delete, "Clear a document", answer=DocumentAnswer, is_write=True),
            Operation("GET", path, self.page, "Documents of a kind", answer=DocumentPage, query=("cursor", "limit")),
            Operation(
                "POST",
                "/v1/documents:batch",
                self.put_batch,
                "Write many documents",
                DocumentBatch,
                DocumentVerdicts,
                207,
                is_write=True,
            ),
        ]

    async def schema(self, request: web.Request) -> web.Response:
        return json_response(msgspec.json.schema(_kind_of(request.match_info["kind"])))

    async def put(self, request: web.Request) -> web.Response:
        kind, key = request.match_info["kind"], request.match_info["key"]
        return await self._write(request, BatchDocument(kind, key, await self._value.read(request)))

    async def delete(self, request: web.Request) -> web.Response:
        return await self._write(request, BatchDocument(request.match_info["kind"], request.match_info["key"], None))

    async def _write(self, request: web.Request, asked: BatchDocument) -> web.Response:
        write = _checked(asked, key_of(request))
        return json_response(answer_of(await self._node.driver.submit(write)))

    async def put_batch(self, request: web.Request) -> web.Response:
        batch: DocumentBatch = await self._batch.read(request)
        key = key_text(key_of(request))
        checked: list[DocumentWrite | Refused] = []
        for index, asked in enumerate(batch.documents):
            try:
                checked.append(_checked(asked, f"{key}/{index}".encode()))
            except Refused as refused:
                checked.append(refused)
        written = iter(await self._node.driver.submit_all([one for one in checked if isinstance(one, DocumentWrite)]))
        verdicts = []
        for asked, one in zip(batch.documents, checked, strict=True):
            verdict = next(written) if isinstance(one, DocumentWrite) else one
            if isinstance(verdict, Refused):
                document = problem(verdict)
                verdicts.append(DocumentVerdict(asked.kind, asked.key, document["status"], None, document))
            else:
                verdicts.append(DocumentVerdict(asked.kind, asked.key, 200, answer_of(verdict)))
        return json_response(DocumentVerdicts(verdicts), 207)

    async def get(self, request: web.Request) -> web.Response:
        kind, key = request.match_info["kind"], request.match_info["key"]
        _kind_of(kind)
        return json_response(await self._node.driver.look(lambda replica: _read(replica, kind, key)))

    async def page(self, request: web.Request) -> web.Response:
        kind, cursor, limit = request.match_info["kind"], request.query.get("cursor"), limit_of(request)
        _kind_of(kind)

        def look(replica: Replica) -> DocumentPage:
            keys = replica.documents.keys(kind)
            start = bisect_right(keys, cursor) if cursor else 0
            shown = keys[start : start + limit]
            documents = [_read(replica, kind, key) for key in shown]
            return DocumentPage(documents, shown[-1] if start + limit < len(keys) else None)

        return json_response(await self._node.driver.look(look))


def _kind_of(kind: str) -> type[Struct]:
    if kind not in KINDS:
        raise NotFound(f"no kind {kind!r}; there are {', '.join(KINDS)}", field="kind")
    return KINDS[kind]


def _checked(asked: BatchDocument, key: bytes) -> DocumentWrite:
    """Check a document against its kind. Raises Refused."""
    expected = _kind_of(asked.kind)
    if not _IS_KEY[asked.kind](asked.key) or asked.key == "schema":
        raise Invalid(f"{asked.key!r} cannot be the key of a {asked.kind}", field="key")
    if asked.kind == ORDER_MACHINE and asked.key != DEFAULT_KEY:
        raise Invalid(f"there is one table of transitions, {DEFAULT_KEY!r}", field="key")
    value = asked.value
    if value is not None:
        try:
            document = msgspec.convert(value, expected)
            if isinstance(document, PolicyDocument):
                check_policy(document)
            value = msgspec.to_builtins(document)
        except msgspec.ValidationError as error:
            raise invalid_from(error) from None
        packed = pack_value(value)
        if len(packed) > DOCUMENT_BYTES_MAX:
            raise Invalid(f"a document has at most {DOCUMENT_BYTES_MAX} bytes", field="value")
    return DocumentWrite(asked.kind, asked.key, None if value is None else packed, key)


def _read(replica: Replica, kind: str, key: str) -> DocumentAnswer:
    value = replica.documents.value(kind, key)
    register = replica.documents.register(kind, key)
    if value is None or register is None:
        raise NotFound(f"no {kind} {key!r}", field="key")
    return DocumentAnswer(kind, key, register.version, value)
