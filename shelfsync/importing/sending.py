"""Sends rows to a node: several batches at the same time, each repeated under its key until the node answers.

The node decides about each document when it writes it, and skips one that has its value already. So a file that was
sent in part is simply sent again: what is there costs little, and nothing is written twice. A retry of a batch has the
key of the batch. The key of a batch of documents is of this run, because a later run of the same file has to put its
values back if somebody changed them meanwhile.

A level becomes a count, which is a fact of one moment. So its key is made of the file and the row, and the node counts
each row of one file once, however often the file is sent.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
from msgspec import Struct

from replica.core.catalog.ranks import CHAIN_NAME
from shelfsync.importing.files import Unreadable
from shelfsync.importing.rows import Row, Rows
from shelfsync.importing.verdicts import Verdict

BATCH_ROWS = 250
BATCH_BYTES = 512 << 10
"""Rows and bytes in one batch: a quarter of what a node takes. A sale that waits behind it waits about 30 ms."""

IN_FLIGHT = 4
"""Batches that wait for an answer at the same time: one is decided, one is committed, and two are on their way."""

LEVELS_WAITING_MAX = 20_000
"""Levels of all locations that wait for others of their location."""

AGAIN_MAX = 10_000
"""Refused rows that are sent again at the end, because a row of another batch may have been in their way."""

ANSWER_S = 60.0
"""How long one answer may take."""

WAIT_MIN_S, WAIT_MAX_S = 0.2, 5.0
"""The first and the longest wait before a request is repeated."""

PASSING = (429, 500, 502, 503, 504, 507)
"""Statuses after which the same request may succeed later."""

_part = re.compile(r"[^.\[\]]+")
_document = re.compile(r"documents\[\d+\](?:\.value)?\.?")


class NodeSilent(Exception):
    """The node did not answer for too long. What it has not answered yet may be written or not."""


class Reply(Struct, frozen=True):
    """An answer: its status, its JSON, and the second of the node's clock."""

    status: int
    answer: Any
    at: datetime | None


class Target(Struct, kw_only=True):
    """The node, and how it is asked. `patience_s`: how long it may be silent."""

    client: aiohttp.ClientSession
    url: str
    patience_s: float = 60.0
    is_dry_run: bool = False
    has_new_items: bool = False
    reference: str = ""
    seen: str = ""

    async def ask(self, method: str, path: str, body: bytes | None = None, key: str = "") -> Reply:
        """Send a request until the node answers it. Raises NodeSilent."""
        loop = asyncio.get_running_loop()
        give_up_s, wait_s = loop.time() + self.patience_s, WAIT_MIN_S
        headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
        while True:
            after_s = 0.0
            try:
                async with self.client.request(method, self.url + path, data=body, headers=headers) as response:
                    answer = await response.read()
                    if response.status not in PASSING:
                        return Reply(response.status, _decoded(answer), _date(response.headers.get("Date", "")))
                    why = f"it answered {response.status}: {_detail(_decoded(answer))}"
                    after_s = _seconds(response.headers.get("Retry-After", ""))
            except (aiohttp.ClientError, TimeoutError) as error:
                why = str(error) or type(error).__name__
            if loop.time() >= give_up_s:
                raise NodeSilent(f"{self.url} did not take a request for {self.patience_s:g} s: {why}")
            await asyncio.sleep(max(after_s, wait_s * random.uniform(0.5, 1.0)))
            wait_s = min(2 * wait_s, WAIT_MAX_S)


def _decoded(answer: bytes) -> Any:
    try:
        return msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return {"detail": answer[:200].decode("utf-8", "replace")}


def _detail(problem: Any) -> str:
    return str(problem.get("detail", problem)) if isinstance(problem, dict) else str(problem)


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def _seconds(text: str) -> float:
    return float(text) if text.isdigit() else 0.0


def batches(rows: Iterable[Row | Verdict]) -> Iterator[list[Row | Verdict]]:
    """The rows in groups that fit into one request. Rows before a break of the file are in the last group."""
    some: list[Row | Verdict] = []
    size = 0
    broken: Unreadable | None = None
    try:
        for row in rows:
            length = len(msgspec.json.encode(row.value)) + 256 if isinstance(row, Row) else 0
            if some and (len(some) >= BATCH_ROWS or size + length > BATCH_BYTES):
                yield some
                some, size = [], 0
            some.append(row)
            size += length
    except Unreadable as error:
        broken = error
    if some:
        yield some
    if broken is not None:
        raise broken


class Batch(Struct, frozen=True):
    """The verdicts of one batch, and how far the file was read for it, in bytes.

    `again`: rows that the node refused, without a verdict yet, because a later row may have changed why.
    """

    verdicts: list[Verdict]
    position: int
    again: list[Row] = []


async def send_documents(target: Target, rows: Rows, run: str) -> AsyncIterator[Batch]:
    """Send rows as documents, and give the verdicts. `run`: names this run. Raises NodeSilent or Unreadable.

    Batches that wait together may be decided in any order, and a document may be refused because of another one. So a
    row that the node refused is sent again when all others are there. Its verdict comes last.
    """
    schema = await target.ask("GET", f"/v1/documents/{rows.kind.document}/schema")
    if schema.status != 200:
        raise Unreadable(f"{target.url} does not take {rows.kind.name}: {_detail(schema.answer)}")
    sending: deque[asyncio.Task[Batch]] = deque()
    again: list[Row] = []

    async def first() -> Batch:
        batch = await sending.popleft()
        again.extend(batch.again)
        return batch

    def start(some: Sequence[Row | Verdict], key: str, *, is_last: bool) -> None:
        is_last = is_last or target.is_dry_run or len(again) >= AGAIN_MAX
        sending.append(asyncio.create_task(_send_documents(target, rows, some, f"{run}.{key}", is_last=is_last)))

    try:
        unreadable: Unreadable | None = None
        try:
            for number, some in enumerate(batches(rows)):
                start(some, str(number), is_last=False)
                await asyncio.sleep(0)
                if len(sending) >= IN_FLIGHT:
                    yield await first()
        except Unreadable as error:  # in the middle of the file: the rows before it have verdicts
            unreadable = error
        while sending:
            yield await first()
        for number, some in enumerate(batches(again)):
            start(some, f"again.{number}", is_last=True)
            yield await first()
        if unreadable is not None:
            raise unreadable
    finally:
        for task in sending:
            task.cancel()


async def _send_documents(
    target: Target, rows: Rows, some: Sequence[Row | Verdict], key: str, *, is_last: bool
) -> Batch:
    """Send one batch. `is_last`: each row gets a verdict now."""
    sent = [row for row in some if isinstance(row, Row)]
    found = iter(await _verdicts_of(target, rows, sent, key, is_last=is_last) if sent else [])
    position = max((row.position for row in sent), default=0)
    decided = [next(found) if isinstance(row, Row) else row for row in some]
    return Batch(
        [one for one in decided if isinstance(one, Verdict)], position, [one for one in decided if isinstance(one, Row)]
    )


async def _verdicts_of(
    target: Target, rows: Rows, sent: Sequence[Row], key: str, *, is_last: bool
) -> list[Verdict | Row]:
    """The verdict on each row, or the row itself if it is sent again later."""
    kind = rows.kind.document
    documents = [{"kind": kind, "key": row.key, "value": row.value, **_place(row)} for row in sent]
    query = "unchanged=skip"
    query += "&new_items=true" if target.has_new_items else ""
    query += "&dry_run=true" if target.is_dry_run else ""
    reply = await target.ask("POST", f"/v1/documents:batch?{query}", msgspec.json.encode({"documents": documents}), key)
    if reply.status != 207:
        return [Verdict(row.number, row.key, "refused", "", _detail(reply.answer)) for row in sent]
    return [
        row if "problem" in one and not is_last else _verdict(rows, row, one)
        for row, one in zip(sent, reply.answer["verdicts"], strict=True)
    ]


def _place(row: Row) -> dict[str, str]:
    """The rank of a row. A node checks a body faster if it does not say what is the default."""
    return {**({"rank": row.rank} if row.rank != CHAIN_NAME else {}), **({"at": row.at} if row.at else {})}


def _verdict(rows: Rows, row: Row, answered: dict[str, Any]) -> Verdict:
    problem = answered.get("problem")
    if problem is None:
        return Verdict(row.number, row.key, "unchanged" if answered.get("unchanged") else "written")
    path = _part.findall(str(problem.get("field", "")))
    column = rows.column_of(path[2:] if path[:1] == ["documents"] else path)
    return Verdict(row.number, row.key, "refused", column, _document.sub("", str(problem["detail"])))


async def send_levels(target: Target, rows: Rows, digest: str) -> AsyncIterator[Batch]:
    """Send rows as counts, many rows of one location in one count. `digest`: of the file. Raises NodeSilent."""
    begun = (await target.ask("GET", "/healthz")).at
    waiting: dict[str, list[Row]] = {}
    number = position = 0
    broken: Unreadable | None = None
    try:
        for row in rows:
            if isinstance(row, Verdict):
                yield Batch([row], position)
                continue
            position = row.position
            location = row.value["location"]
            waiting.setdefault(location, []).append(row)
            number += 1
            if len(waiting[location]) >= BATCH_ROWS or number >= LEVELS_WAITING_MAX:
                longest = max(waiting, key=lambda one: len(waiting[one]))
                some = waiting.pop(longest)
                number -= len(some)
                yield Batch(await _count(target, rows, longest, some, digest, begun), position)
    except Unreadable as error:  # in the middle of the file: the rows before it are counted
        broken = error
    for location, some in waiting.items():
        yield Batch(await _count(target, rows, location, some, digest, begun), position)
    if broken is not None:
        raise broken


async def _count(
    target: Target, rows: Rows, location: str, some: list[Row], digest: str, begun: datetime | None
) -> list[Verdict]:
    """Count the items of one location. A row that the node refuses is left out, and the others are sent again."""
    verdicts: list[Verdict] = []
    left = list(some)
    while left and not target.is_dry_run:
        lines = [{"item": row.key, "counted": row.value["on_hand"]} for row in left]
        body = msgspec.json.encode({"lines": lines, "seen": target.seen, "reference": target.reference})
        key = blake2b(b"\0".join((digest.encode(), location.encode(), body)), digest_size=16).hexdigest()
        path = f"/v1/counts?{urlencode({'location': location})}"
        reply = await target.ask("POST", path, body, f"import-{key}")
        if reply.status == 201:
            before = begun is not None and datetime.fromisoformat(reply.answer["at"]) < begun
            detail = f"This file was counted at {reply.answer['at']}." if before else ""
            status: Any = "unchanged" if before else "written"
            return [*verdicts, *(Verdict(row.number, row.key, status, "", detail) for row in left)]
        path_of = _part.findall(str(reply.answer.get("field", ""))) if isinstance(reply.answer, dict) else []
        detail = _detail(reply.answer)
        if len(path_of) < 2 or path_of[0] != "lines" or not path_of[1].isdigit() or int(path_of[1]) >= len(left):
            column = rows.column_of(["value", *path_of])
            return [*verdicts, *(Verdict(row.number, row.key, "refused", column, detail) for row in left)]
        wrong = left.pop(int(path_of[1]))
        column = rows.column_of(["key" if path_of[-1] == "item" else "value", "on_hand"])
        verdicts.append(Verdict(wrong.number, wrong.key, "refused", column, detail))
    return [*verdicts, *(Verdict(row.number, row.key, "written") for row in left)]
