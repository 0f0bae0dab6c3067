"""The calls about documents: write, read, clear, list, and what was written before.

The type of a kind is also the schema of its documents. A hub writes documents of all ranks. A store writes those of its
own rank, also while it has no connection, and reads what is in effect in the store.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from replica.core.base.errors import Invalid, NotFound, Refused
from replica.core.catalog.ranks import CHAIN_NAME, STORE_RANK
from replica.core.catalog.registers import Register
from replica.core.state.commands import DocumentWrite
from replica.core.state.decisions import prepare_write
from replica.core.state.document_kinds import DOCUMENT_KINDS
from replica.core.state.replica import Replica
from replica.runtime.http.document_answers import (
    DocumentHistory,
    DocumentPage,
    DocumentView,
    EffectiveAnswer,
    KindsAnswer,
    kinds_answer,
    written_answer,
)
from replica.runtime.http.document_checks import (
    BatchDocument,
    DocumentBatch,
    DocumentChecks,
    DocumentVerdicts,
    Outcome,
    kind_of,
    verdicts_of,
)
from replica.runtime.http.journal_reading import JournalReading
from replica.runtime.http.long_reads import LongReads
from replica.runtime.http.operations import Decoder, Operation, json_response, key_of
from replica.runtime.http.query_fields import (
    AT,
    BEFORE,
    CURSOR,
    LIMIT,
    LOCATION,
    RANK,
    QueryField,
    limit_of,
    text_field,
)
from replica.runtime.http.writes import DocumentAnswer, answer_of
from replica.runtime.node import Node

NEW_ITEMS = QueryField(
    "new_items", {"type": "boolean", "default": False}, "Whether unknown items in recipes are meant, and not misspelt."
)

DRY_RUN = QueryField(
    "dry_run", {"type": "boolean", "default": False}, "Whether to answer the verdicts only, and write nothing."
)

SKIP = "skip"

UNCHANGED = QueryField(
    "unchanged", {"type": "string", "enum": ["", SKIP]}, "skip: do not write documents that have their values already."
)

RANK_FIELDS = (RANK, AT)
"""The query fields that name a rank, and the region or location that it is of."""

READ_AT = QueryField("location", LOCATION.schema, "The documents in effect at this location; not with rank.")

PREFIX = text_field("prefix", "Only documents whose keys begin with this text.")

TRIED_PER_TURN = 32
"""Documents that a dry run decides in one turn of the event loop: about a millisecond."""

KEYS_PER_PAGE_MAX = 2_000
"""Documents that are looked at for one page. A page may be short, or empty, if few of them have a value to show."""


class DocumentsApi:
    """The calls about documents at one node. `store`: the location whose rank it may write; empty for a hub."""

    def __init__(self, node: Node, long_reads: LongReads, store: str = "") -> None:
        self._node = node
        self._long_reads = long_reads
        self._checks = DocumentChecks(store)
        self._reading = JournalReading(node)
        self._batch = Decoder(DocumentBatch)
        self._value = Decoder(Any)

    def operations(self) -> list[Operation]:
        """All calls about documents."""
        path = "/v1/documents/{kind}"
        one = f"{path}/{{key}}"
        return [
            Operation(
                method="GET",
                path="/v1/documents",
                handler=self.kinds,
                summary="List the kinds of documents",
                answer=KindsAnswer,
            ),
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
                query=(NEW_ITEMS, *RANK_FIELDS),
                is_write=True,
            ),
            Operation(
                method="GET",
                path=one,
                handler=self.get,
                summary="Read a document: what is in effect at a location, or one rank of it",
                answer=EffectiveAnswer,
                query=(READ_AT, *RANK_FIELDS),
            ),
            Operation(
                method="DELETE",
                path=one,
                handler=self.delete,
                summary="Clear one rank of a document",
                answer=DocumentAnswer,
                query=RANK_FIELDS,
                is_write=True,
            ),
            Operation(
                method="GET",
                path=f"{one}/history",
                handler=self.history,
                summary="List the writes of a document at one rank, newest first",
                answer=DocumentHistory,
                query=(BEFORE, LIMIT, *RANK_FIELDS),
            ),
            Operation(
                method="GET",
                path=path,
                handler=self.page,
                summary="List the documents of a kind",
                answer=DocumentPage,
                query=(CURSOR, LIMIT, PREFIX, READ_AT, *RANK_FIELDS),
            ),
            Operation(
                method="POST",
                path="/v1/documents:batch",
                handler=self.put_batch,
                summary="Write many documents",
                body=DocumentBatch,
                answer=DocumentVerdicts,
                status=207,
                query=(NEW_ITEMS, DRY_RUN, UNCHANGED),
                is_write=True,
            ),
        ]

    async def kinds(self, request: web.Request) -> web.Response:
        return json_response(kinds_answer())

    async def schema(self, request: web.Request) -> web.Response:
        return json_response(msgspec.json.schema(kind_of(request.match_info["kind"]).document))

    async def put(self, request: web.Request) -> web.Response:
        return await self._write(request, await self._value.read(request))

    async def delete(self, request: web.Request) -> web.Response:
        return await self._write(request, None)

    async def _write(self, request: web.Request, value: Any) -> web.Response:
        kind, key = request.match_info["kind"], request.match_info["key"]
        rank, at = request.query.get("rank", CHAIN_NAME), request.query.get("at", "")
        document = BatchDocument(kind, key, value, rank, at)
        write = self._checks.check(document, key_of(request), has_new_items=flag_of(request, NEW_ITEMS))
        await self._meet([write])
        return json_response(answer_of(await self._node.driver.submit(write)))

    async def put_batch(self, request: web.Request) -> web.Response:
        batch: DocumentBatch = await self._batch.read(request)
        key, has_new_items = key_of(request), flag_of(request, NEW_ITEMS)
        skips_unchanged, is_dry_run = _skips_unchanged(request), flag_of(request, DRY_RUN)
        checked = self._checks.check_all(batch, key, has_new_items=has_new_items, skips_unchanged=skips_unchanged)
        writes = [one for one in checked if isinstance(one, DocumentWrite)]
        await self._meet(writes)
        outcomes = await (self._try(writes) if is_dry_run else self._submit(writes))
        return json_response(verdicts_of(batch, checked, outcomes), 207)

    async def tried(self, batch: DocumentBatch, *, has_new_items: bool) -> tuple[DocumentVerdicts, list[Register]]:
        """The verdict that each document would get alone, and the writes that it would lead to. Nothing is written."""
        checked = self._checks.check_all(batch, b"", has_new_items=has_new_items, skips_unchanged=False)
        writes = [one for one in checked if isinstance(one, DocumentWrite)]
        await self._meet(writes)
        outcomes = await self._try(writes)
        return verdicts_of(batch, checked, outcomes), [one for one in outcomes if isinstance(one, Register)]

    async def _submit(self, writes: Sequence[DocumentWrite]) -> list[Outcome]:
        """Have each document written or refused."""
        verdicts = await self._node.driver.submit_all(writes)
        return [verdict if isinstance(verdict, Refused) else answer_of(verdict) for verdict in verdicts]

    async def _try(self, writes: Sequence[DocumentWrite]) -> list[Outcome]:
        """Decide each document as if it came alone, and write none of them."""
        outcomes: list[Outcome] = []

        def decide(replica: Replica) -> None:
            for write in writes[len(outcomes) : len(outcomes) + TRIED_PER_TURN]:
                try:
                    outcomes.append(prepare_write(replica, write))
                except Refused as refused:
                    outcomes.append(refused)

        while len(outcomes) < len(writes):
            await self._node.driver.look(decide)
            await asyncio.sleep(0)
        return outcomes

    async def get(self, request: web.Request) -> web.Response:
        kind, key, view = request.match_info["kind"], request.match_info["key"], self._view_of(request)
        kind_of(kind)
        await self._node.meet(view.location)

        def look(replica: Replica) -> EffectiveAnswer:
            view.check(replica)
            found = view.answer(replica.documents, kind, key)
            if found is None:
                text = f"There is no document {key!r} of the kind {kind}{view}. Correct the key, or write it first."
                raise NotFound(text, field="key")
            return found

        return json_response(await self._node.driver.look(look))

    def _view_of(self, request: web.Request) -> DocumentView:
        """Which rank a caller wants to read. Without a wish: what is in effect in this store, or in the chain."""
        location, rank = request.query.get("location"), request.query.get("rank")
        if rank is None:
            if "at" in request.query:
                raise Invalid("The query field at has no effect without rank. Send both, or neither.", field="at")
            return DocumentView(location=self._checks.store if location is None else location)
        if location is not None:
            raise Invalid("Send the query field location or rank, not both.", field="location")
        return DocumentView(slot=self._checks.slot_of(rank, request.query.get("at", "")))

    async def _meet(self, writes: Sequence[DocumentWrite]) -> None:
        """Learn of the locations that documents name, if a connected store announced them a moment ago."""
        named = [location for write in writes for location in DOCUMENT_KINDS[write.kind].named_locations(write)]
        named += [write.at for write in writes if write.rank == STORE_RANK]
        for location in dict.fromkeys(named):
            await self._node.meet(location)

    async def page(self, request: web.Request) -> web.Response:
        kind, cursor, limit = request.match_info["kind"], request.query.get("cursor", ""), limit_of(request)
        view, prefix = self._view_of(request), request.query.get("prefix", "")
        kind_of(kind)
        await self._node.meet(view.location)

        def shown(replica: Replica) -> tuple[list[str], str | None]:
            view.check(replica)
            keys = replica.documents.keys(kind)
            start = max(bisect_right(keys, cursor), bisect_left(keys, prefix))
            some = keys[start : start + KEYS_PER_PAGE_MAX]
            found: list[str] = []
            for key in some:
                if not key.startswith(prefix):
                    return found, None
                if len(found) == limit:
                    return found, found[-1]
                if view.registers(replica.documents, kind, key):
                    found.append(key)
            return found, some[-1] if start + len(some) < len(keys) else None

        def answers(replica: Replica, some: Sequence[str]) -> list[EffectiveAnswer]:
            found = [view.answer(replica.documents, kind, key) for key in some]
            return [one for one in found if one is not None]

        keys, following = await self._node.driver.look(shown)
        documents = await self._long_reads.look(keys, answers)
        return json_response(DocumentPage(documents, following))

    async def history(self, request: web.Request) -> web.Response:
        kind, key, limit = request.match_info["kind"], request.match_info["key"], limit_of(request)
        cursor, reading = request.query.get("before"), self._reading
        kind_of(kind)
        rank, at = self._checks.slot_of(request.query.get("rank", CHAIN_NAME), request.query.get("at", ""))
        before = reading.arrival(cursor, "before") if cursor is not None else reading.newest + 1
        page = await self._node.journal.writes_of((kind, key, rank, at), before, limit)
        standing = await self._node.driver.look(lambda replica: replica.documents.register(kind, key, rank, at))
        if standing is None:
            text = f"Nobody wrote the document {key!r} of the kind {kind} at this rank. Correct the key or the rank."
            raise NotFound(text, field="key")
        writes = await self._long_reads.render(page.stored, lambda stored: written_answer(stored.entry, standing))
        older = reading.cursor(page.through) if page.through else None
        return json_response(DocumentHistory(kind, key, writes, older))


def flag_of(request: web.Request, field: QueryField) -> bool:
    """Return whether a field of the query is true. Raises Invalid."""
    name = field.name
    answer = request.query.get(name, "false")
    if answer not in ("true", "false"):
        raise Invalid(f"The query field {name} is {answer!r}. Send true or false.", field=name)
    return answer == "true"


def _skips_unchanged(request: web.Request) -> bool:
    answer, name = request.query.get(UNCHANGED.name, ""), UNCHANGED.name
    if answer not in ("", SKIP):
        raise Invalid(f"The query field {name} is {answer!r}. Send {SKIP}, or leave it out.", field=name)
    return answer == SKIP
