"""Errors as callers see them: RFC 9457 problem documents.

`PROBLEM_TYPES` is the one table of problem types: type, HTTP status, title, and what the caller does next. The title is
the same for all problems of a type (RFC 9457, section 3.1.3). The detail is about the one request: what was wrong, with
which field, and what to do next. The member `field` names the field as the caller wrote it.

type                    status  title
invalid-request            422  A field of the request has an invalid value.
malformed-request          400  The node cannot read the request as HTTP.
malformed-json             400  The body is not valid JSON.
unsupported-encoding       415  The node cannot decode this Content-Encoding.
body-too-large             413  The body is too large.
expectation-failed         417  The node does not support this Expect header.
forbidden                  403  The caller is not allowed to do this.
origin-not-allowed         403  Pages of this origin are not allowed to call the node.
unchanged                  409  The document has this value already.
not-found                  404  The resource does not exist on this node.
unknown-location           404  This node knows no such location.
cursor-unknown             410  The cursor is not one of this journal.
unknown-sku                404  The catalogue has no such SKU, item or barcode.
barcode-conflict           409  Several SKUs claim the barcode.
method-not-allowed         405  The path does not support this method.
idempotency-key-reused     422  The idempotency key was used for another request.
insufficient-rights        409  This node does not have the rights to enough units.
not-deliverable            409  Goods of the order are not delivered to its address.
not-hosted                 409  This node does not write for the location.
not-owner                  409  Another node owns the fulfilment.
order-exists               409  Another order has the same name.
order-ended                409  The order was placed before and holds nothing any more.
invalid-transition         409  The event is not possible in the state of the fulfilment.
unknown-transfer           404  This node has not heard of the transfer.
transfer-state             409  The step is not possible in the state of the transfer.
overtaken                  503  The stock changed while the request was processed.
overloaded                 503  Too many requests are waiting.
stopping                   503  The node is stopping.
not-replicated             503  No other region has confirmed the order yet.
storage-full               507  The disk of the node is full.
caller-left                400  The client closed the connection.
internal                   500  The node failed to process the request.
refused                    400  The request was refused.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from replica.core.base.errors import (
    BarcodeConflict,
    CursorUnknown,
    Forbidden,
    Invalid,
    InvalidTransition,
    KeyReused,
    NotDeliverable,
    NotFound,
    NotHosted,
    NotOwner,
    OrderEnded,
    OrderExists,
    OriginNotAllowed,
    Overloaded,
    Overtaken,
    Refused,
    RightsExhausted,
    Stopping,
    StorageFull,
    TransferState,
    Unchanged,
    UnknownLocation,
    UnknownSku,
    UnknownTransfer,
)
from replica.core.base.quantities import TEXT_PATTERN
from replica.runtime.http.order_placing import NotReplicated

PROBLEM = "application/problem+json"

RETRY_AFTER_S = {503: 1, 507: 5}

ENCODINGS = ("gzip", "deflate")
"""Encodings of a body that the node decodes."""

_location_in_error = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$?\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_missing = re.compile(r"missing required field `(?P<name>[^`]+)`")
_unknown = re.compile(r"unknown field `(?P<name>[^`]+)`")


class Malformed(Invalid):
    """The body is not valid JSON."""

    kind = "malformed-json"


class UnsupportedEncoding(Refused):
    """The node cannot decode this Content-Encoding."""

    kind = "unsupported-encoding"


class TooLarge(Invalid):
    """The body is too large."""

    kind = "body-too-large"


class ProblemType(Struct, frozen=True):
    """One type of problem. `next_step` ends the detail of each problem of the type; empty: each case has its own."""

    type: str
    status: int
    title: str
    next_step: str = ""


_RETRY = "Retry with the same idempotency key."

PROBLEM_TYPES = {
    one.type: one
    for one in (
        ProblemType(Invalid.kind, 422, "A field of the request has an invalid value."),
        ProblemType(Malformed.kind, 400, "The body is not valid JSON.", "Send one JSON value in UTF-8."),
        ProblemType("malformed-request", 400, "The node cannot read the request as HTTP.", "Correct the request."),
        ProblemType(
            UnsupportedEncoding.kind,
            415,
            "The node cannot decode this Content-Encoding.",
            f"Send the body as it is, or in {' or '.join(ENCODINGS)}.",
        ),
        ProblemType(TooLarge.kind, 413, "The body is too large.", "Split the request into several."),
        ProblemType("expectation-failed", 417, "The node does not support this Expect header."),
        ProblemType(Forbidden.kind, 403, "The caller is not allowed to do this."),
        ProblemType(OriginNotAllowed.kind, 403, "Pages of this origin are not allowed to call the node."),
        ProblemType(Unchanged.kind, 409, "The document has this value already."),
        ProblemType(NotFound.kind, 404, "The resource does not exist on this node."),
        ProblemType(UnknownLocation.kind, 404, "This node knows no such location."),
        ProblemType(CursorUnknown.kind, 410, "The cursor is not one of this journal."),
        ProblemType(
            UnknownSku.kind,
            404,
            "The catalogue has no such SKU, item or barcode.",
            "Correct the name, or write a document of the SKU first.",
        ),
        ProblemType(BarcodeConflict.kind, 409, "Several SKUs claim the barcode."),
        ProblemType("method-not-allowed", 405, "The path does not support this method."),
        ProblemType(
            KeyReused.kind,
            422,
            "The idempotency key was used for another request.",
            "Send a new request with a new key, and a retry with an unchanged body.",
        ),
        ProblemType(
            RightsExhausted.kind,
            409,
            "This node does not have the rights to enough units.",
            "Request fewer units, or retry when the node has more rights.",
        ),
        ProblemType(
            NotDeliverable.kind,
            409,
            "Goods of the order are not delivered to its address.",
            "Leave the lines out that the member lines names, or choose another address.",
        ),
        ProblemType(
            NotHosted.kind,
            409,
            "This node does not write for the location.",
            "Send the request to a node that writes for the location.",
        ),
        ProblemType(
            NotOwner.kind, 409, "Another node owns the fulfilment.", "Send the event to the owner of the fulfilment."
        ),
        ProblemType(OrderExists.kind, 409, "Another order has the same name.", "Place the order under a new name."),
        ProblemType(
            OrderEnded.kind,
            409,
            "The order was placed before and holds nothing any more.",
            "Place the order under a new name.",
        ),
        ProblemType(
            InvalidTransition.kind,
            409,
            "The event is not possible in the state of the fulfilment.",
            "Read the order for its current state.",
        ),
        ProblemType(
            UnknownTransfer.kind,
            404,
            "This node has not heard of the transfer.",
            "Compare the number with the label, or ask a hub.",
        ),
        ProblemType(
            TransferState.kind,
            409,
            "The step is not possible in the state of the transfer.",
            "Read the transfer for its current state.",
        ),
        ProblemType(Overtaken.kind, 503, "The stock changed while the request was processed.", _RETRY),
        ProblemType(Overloaded.kind, 503, "Too many requests are waiting.", _RETRY),
        ProblemType(Stopping.kind, 503, "The node is stopping.", _RETRY),
        ProblemType(NotReplicated.kind, 503, "No other region has confirmed the order yet.", _RETRY),
        ProblemType(StorageFull.kind, 507, "The disk of the node is full.", f"Free space on the disk. {_RETRY}"),
        ProblemType("caller-left", 400, "The client closed the connection.", _RETRY),
        ProblemType("internal", 500, "The node failed to process the request.", _RETRY),
        ProblemType(Refused.kind, 400, "The request was refused."),
    )
}
"""Each type of problem, by type."""


def problem(refused: Refused) -> dict[str, Any]:
    """The problem document of a refusal."""
    document = _document(PROBLEM_TYPES.get(refused.kind, PROBLEM_TYPES[Refused.kind]), refused.kind, refused.detail)
    if refused.field is not None:
        document["field"] = refused.field
    document.update(refused.facts)
    return document


def _document(kind: ProblemType, name: str, detail: str) -> dict[str, Any]:
    if kind.next_step:
        end = "" if detail.endswith((".", "!", "?")) else "."
        detail = f"{detail}{end} {kind.next_step}"
    return {"type": name, "title": kind.title, "status": kind.status, "detail": detail}


def problem_response(refused: Refused) -> web.Response:
    """The HTTP response of a refusal."""
    document = problem(refused)
    status = document["status"]
    headers = {"Retry-After": str(RETRY_AFTER_S[status])} if status in RETRY_AFTER_S else {}
    if refused.kind == UnsupportedEncoding.kind:
        headers["Accept-Encoding"] = ", ".join(ENCODINGS)
    return web.Response(
        status=status,
        body=msgspec.json.encode(document),
        content_type=PROBLEM,
        headers=headers,
    )


def plain_problem(kind: str, detail: str) -> web.Response:
    """The HTTP response of a problem without a refusal: unknown path, wrong method, fault of the node."""
    document = _document(PROBLEM_TYPES[kind], kind, detail)
    return web.Response(status=document["status"], body=msgspec.json.encode(document), content_type=PROBLEM)


def invalid_from(error: msgspec.ValidationError | msgspec.DecodeError, at: str = "") -> Invalid:
    """Turn a decoder's error into one that names the field as the caller wrote it.

    `at`: the path of the decoded value in the body, such as `sales[3]`; empty for the whole body.
    """
    if not isinstance(error, msgspec.ValidationError):
        return Malformed(f"{at or 'The body'} is not valid JSON: {error}", field=at or "body")
    found = _location_in_error.match(str(error))
    what, inner = (found["what"], found["path"] or "") if found else (str(error), "")
    path = joined(at, inner.replace("[...]", "[]"))
    if missing := _missing.search(what):
        path = joined(path, missing["name"])
        return Invalid(f"The field {path} is missing. Add it.", field=path)
    if unknown := _unknown.search(what):
        path = joined(path, unknown["name"])
        return Invalid(f"The field {path} does not exist. Correct its name or remove it.", field=path)
    path = path or "body"
    name = "The body" if path == "body" else f"The field {path}"
    if repr(TEXT_PATTERN) in what:
        return Invalid(f"{name} has a control character, such as a line feed. Remove it.", field=path)
    return Invalid(f"{name} has an invalid value: {what.replace('`', '')}. Correct it.", field=path)


def joined(path: str, name: str) -> str:
    """The path of a field below another path. `name` may itself be a path."""
    if not path or not name or name.startswith("["):
        return path + name
    return f"{path}.{name}"
