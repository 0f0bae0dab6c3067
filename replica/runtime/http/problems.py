"""Errors as callers see them: RFC 9457 problem documents, one status per kind of refusal."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from aiohttp import web

from replica.core.base.errors import (
    Invalid,
    InvalidTransition,
    KeyReused,
    NotFound,
    NotHosted,
    NotOwner,
    OrderExists,
    Overloaded,
    Overtaken,
    Refused,
    RightsExhausted,
    Stopping,
    StorageFull,
    UnknownSku,
)

STATUS: dict[type[Refused], int] = {
    Invalid: 422,
    UnknownSku: 404,
    NotFound: 404,
    KeyReused: 422,
    RightsExhausted: 409,
    NotHosted: 409,
    NotOwner: 409,
    OrderExists: 409,
    InvalidTransition: 409,
    Overtaken: 503,
    Overloaded: 503,
    StorageFull: 507,
    Stopping: 503,
}
"""HTTP status by refusal; what is not listed is a 400."""

PROBLEM = "application/problem+json"

RETRY_AFTER_S = {503: 1, 507: 5}

_path = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$?\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_named = re.compile(r"field `(?P<name>[^`]+)`")


class Malformed(Invalid):
    """The body is not JSON at all."""

    kind = "malformed-json"
    title = "The body is not valid JSON."


class TooLarge(Invalid):
    """The body is larger than is taken."""

    kind = "body-too-large"
    title = "The body is too large."


class Forbidden(Refused):
    """The caller may not do this."""

    kind = "forbidden"
    title = "This caller may not do that."


class NotReplicated(Refused):
    """What was asked is done and durable here; it was to be durable elsewhere too before the answer, and is not yet."""

    kind = "not-replicated"
    title = "Done here, but no other region has it yet: ask again with the same key."


STATUS |= {Malformed: 400, TooLarge: 413, Forbidden: 403, NotReplicated: 503}


def problem(refused: Refused) -> dict[str, Any]:
    """The problem document of a refusal."""
    document: dict[str, Any] = {
        "type": refused.kind,
        "title": refused.title,
        "status": STATUS.get(type(refused), 400),
        "detail": refused.detail,
    }
    if refused.field is not None:
        document["field"] = refused.field
    document.update(refused.facts)
    return document


def problem_response(refused: Refused) -> web.Response:
    """The answer a refusal becomes."""
    document = problem(refused)
    status = document["status"]
    headers = {"Retry-After": str(RETRY_AFTER_S[status])} if status in RETRY_AFTER_S else None
    return web.Response(
        status=status,
        body=msgspec.json.encode(document),
        content_type=PROBLEM,
        headers=headers,
    )


def plain_problem(status: int, kind: str, detail: str) -> web.Response:
    """A problem that no refusal of ours stands behind: unknown path, wrong method, our own fault."""
    document = {"type": kind, "title": detail, "status": status, "detail": detail}
    return web.Response(status=status, body=msgspec.json.encode(document), content_type=PROBLEM)


def invalid_from(error: msgspec.ValidationError | msgspec.DecodeError) -> Invalid:
    """Turn a decoder's complaint into one that names the field as the caller wrote it."""
    if not isinstance(error, msgspec.ValidationError):
        return Malformed(str(error), field="body")
    found = _path.match(str(error))
    what, path = (found["what"], found["path"] or "") if found else (str(error), "")
    named = _named.search(what)
    if named:
        path = f"{path}.{named['name']}" if path else named["name"]
    path = path.replace("[...]", "[]")
    return Invalid(what.replace("`", ""), field=path or "body")
