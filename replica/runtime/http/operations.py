"""The HTTP calls of a node: a table of operations, decoded bodies, and problem documents for refusals.

The routes and the OpenAPI document are both made from the table of operations, so they always agree.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec
import structlog
from aiohttp import HttpVersion11, web
from msgspec import Struct

from replica.core.base.errors import Forbidden, Invalid, Refused
from replica.core.base.names import parse_key
from replica.runtime.http.bodies import (
    check_encoding,
    check_unique,
    decoded_with_floats,
    has_parts,
    is_lean,
    is_surely_unique,
    needs_whole_number,
    without_mark,
)
from replica.runtime.http.origins import Origins, is_loopback
from replica.runtime.http.problems import (
    ENCODINGS,
    Malformed,
    TooLarge,
    UnsupportedEncoding,
    invalid_from,
    plain_problem,
    problem_response,
)
from replica.runtime.http.query_fields import QueryField

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)

BODY_BYTES_MAX = 2 << 20
"""Largest body of a request, in bytes: 500 sales of 20 lines take about half of it."""

KEY_HEADER = "Idempotency-Key"

CONTENT_ENCODING = "Content-Encoding"

JSON = "application/json"

encode_json = msgspec.json.Encoder().encode
"""Any answer as JSON bytes."""


class Operation(Struct, frozen=True):
    """One call: method and path, handler, and the types of body and answer."""

    method: str
    path: str
    handler: Handler
    summary: str
    body: Any = None
    answer: Any = None
    status: int = 200
    also: tuple[int, ...] = ()
    """Further statuses with an answer of the same type."""
    query: tuple[QueryField, ...] = ()
    is_write: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the handler serves: HEAD wherever GET is served."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)


def json_response(answer: object, status: int = 200) -> web.Response:
    """An answer as JSON."""
    return web.Response(status=status, body=encode_json(answer), content_type=JSON)


class Decoder:
    """Decodes bodies of one type. A refusal names the invalid field."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._decode = msgspec.json.Decoder(kind).decode
        self._is_lean, self._has_parts = is_lean(kind), has_parts(kind)

    def decode(self, body: bytes, at: str = "") -> Any:
        """Check a body, or the part of a body `at` a path such as `sales[3]`. Raises Refused."""
        body = without_mark(body)
        try:
            try:
                value = self._decode(body)
            except msgspec.ValidationError as error:
                if not needs_whole_number(error):
                    raise
                value = decoded_with_floats(body, self._kind)
            if not (self._is_lean and is_surely_unique(body, value)):
                check_unique(body, at, outermost_only=self._has_parts)
            return value
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            if not isinstance(error, msgspec.ValidationError):
                check_encoding(body, at)
            raise invalid_from(error, at) from None
        except UnicodeDecodeError as error:
            text = f"{at or 'The body'} is not UTF-8: {error.reason} at byte {error.start}."
            raise Malformed(text, field=at or "body") from None
        except RecursionError:
            text = f"{at or 'The body'} has too many levels of lists and objects. Use fewer."
            raise Invalid(text, field=at or "body") from None

    async def read(self, request: web.Request) -> Any:
        """Read and check a request's body. Raises Refused."""
        return self.decode(await read_body(request))


async def read_body(request: web.Request) -> bytes:
    """Read a request's body. Raises Refused."""
    if _encoding_of(request) not in ("", "identity", *ENCODINGS):
        raise unsupported()
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge(f"The body has more than {BODY_BYTES_MAX} bytes.", field="body") from None
    except web.RequestPayloadError as error:
        raise unreadable(str(error).rpartition("\n")[2].strip(" .")) from None


def _encoding_of(request: web.Request) -> str:
    return ", ".join(request.headers.getall(CONTENT_ENCODING, [])).strip().lower()


def unsupported() -> UnsupportedEncoding:
    """The refusal of a body in an encoding that the node does not decode."""
    return UnsupportedEncoding(f"The header {CONTENT_ENCODING} names another encoding.", field=CONTENT_ENCODING)


def unreadable(reason: str) -> Malformed:
    """The refusal of a body whose bytes are not what its headers say."""
    return Malformed(f"The body does not match its {CONTENT_ENCODING} or Transfer-Encoding: {reason}.", field="body")


def checked_key(text: str | None) -> bytes:
    """Return the stored form of a caller's idempotency key. Raises Invalid."""
    if text is None:
        raise Invalid(
            f"The header {KEY_HEADER} is missing. Send a new key with each write, and the same key with its retries.",
            field=KEY_HEADER,
        )
    return parse_key(text)


def key_of(request: web.Request) -> bytes:
    """Return the caller's idempotency key. Raises Invalid."""
    keys = request.headers.getall(KEY_HEADER, [])
    if len(keys) > 1:
        raise Invalid(f"The request has {len(keys)} headers {KEY_HEADER}. Send one.", field=KEY_HEADER)
    return checked_key(keys[0] if keys else None)


def make_app(operations: Sequence[Operation], *, loopback_only: bool, origins: Sequence[str] = ()) -> web.Application:
    """Make the application of a node from its table of operations. `origins`: whose pages may call it, if not local."""
    pages = Origins(origins)

    @web.middleware
    async def check_page(request: web.Request, handler: Handler) -> web.StreamResponse:
        pages.check(request)
        return await handler(request)

    middlewares = [_answer_problems, check_page]
    if loopback_only:
        middlewares.append(_only_loopback)
    app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=middlewares)
    app.on_response_prepare.append(pages.mark)
    for operation in operations:
        for method in operation.methods:
            path = _variable.sub(r"{\1:[^/]+}", operation.path)
            app.router.add_route(method, path, operation.handler, expect_handler=_meet_expectation)
    return app


_variable = re.compile(r"\{(\w+)\}")
"""A variable of a path. Left alone, aiohttp takes no name with a brace for it."""


async def _meet_expectation(request: web.Request) -> web.StreamResponse | None:
    """Answer the header `Expect` as aiohttp does before any middleware, but refuse with a problem document."""
    if request.version < HttpVersion11:
        return None
    if request.headers["Expect"].lower() != "100-continue":
        return plain_problem(
            "expectation-failed", "Send the header Expect with the value 100-continue, or leave it out."
        )
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # aiohttp counts these bytes as the beginning of a response
    return None


@web.middleware
async def _answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refused:
        response = problem_response(refused)
        if request.content.exception() is not None:  # nobody knows where the next request begins
            response.force_close()
        return response
    except web.HTTPNotFound:
        path = request.rel_url.raw_path
        return plain_problem("not-found", f"There is no path {path}. The document /openapi.json lists all paths.")
    except web.HTTPMethodNotAllowed as wrong:
        return _other_method(request, ", ".join(sorted({*wrong.allowed_methods, "OPTIONS"})))
    except web.HTTPBadRequest as wrong:
        return plain_problem(Refused.kind, f"The request does not fit {request.rel_url.raw_path}: {wrong.text}.")
    except web.HTTPException:
        raise
    except ConnectionResetError:
        if request.transport is not None and not request.transport.is_closing():
            raise
        return plain_problem("caller-left", "The client closed the connection before the response.")
    except Exception:
        log.exception("request failed", method=request.method, path=request.path)
        if request.writer.output_size:  # a response has begun: a second one cannot follow in it
            raise ConnectionResetError from None
        return plain_problem("internal", "The log of the node has the cause.")


def _other_method(request: web.Request, allowed: str) -> web.Response:
    """Answer a method that a path does not have. To OPTIONS, the answer is the methods that it has."""
    if request.method == "OPTIONS":
        return web.Response(status=204, headers={"Allow": allowed})
    path = request.rel_url.raw_path
    response = plain_problem("method-not-allowed", f"{path} supports {allowed}, not {request.method}.")
    response.headers["Allow"] = allowed
    return response


@web.middleware
async def _only_loopback(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not is_loopback(request.remote):
        raise Forbidden(
            "No keys are configured, so the node serves only callers on its own machine. Call it from there."
        )
    return await handler(request)
