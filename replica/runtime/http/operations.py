"""HTTP, the thin part: operations as a table, bodies decoded into types, refusals turned into problem documents.

The table of operations makes both the routes and the OpenAPI document, so neither can say what the other does not.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import HttpVersion11, web
from msgspec import Struct

from replica.core.base.errors import Invalid, Refused
from replica.core.base.names import parse_key
from replica.runtime.http.problems import Forbidden, Malformed, TooLarge, invalid_from, plain_problem, problem_response

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)

BODY_BYTES_MAX = 2 << 20
"""Bytes of a request's body: 500 sales of 20 lines take about half of it."""

PAGE_MAX = 1_000
PAGE_DEFAULT = 100

KEY_HEADER = "Idempotency-Key"

JSON = "application/json"

encode_json = msgspec.json.Encoder().encode
"""Any answer as JSON bytes."""


class Operation(Struct, frozen=True):
    """One call: how it is reached, what does it, and the types of what goes in and out."""

    method: str
    path: str
    handler: Handler
    summary: str
    body: Any = None
    answer: Any = None
    status: int = 200
    query: tuple[str, ...] = ()
    is_write: bool = False


def json_response(answer: object, status: int = 200) -> web.Response:
    """An answer as JSON."""
    return web.Response(status=status, body=encode_json(answer), content_type=JSON)


class Decoder:
    """Decodes bodies of one type; what is wrong is said with the name of the field."""

    def __init__(self, kind: Any) -> None:
        self._decode = msgspec.json.Decoder(kind).decode

    def decode(self, body: bytes) -> Any:
        """Check a body. Raises Refused."""
        try:
            return self._decode(body)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise invalid_from(error) from None
        except UnicodeDecodeError as error:
            raise Malformed(f"not UTF-8: {error.reason} at byte {error.start}", field="body") from None
        except RecursionError:
            raise Invalid("nested too deep", field="body") from None

    async def read(self, request: web.Request) -> Any:
        """Read and check a request's body. Raises Refused."""
        return self.decode(await read_body(request))


async def read_body(request: web.Request) -> bytes:
    """Read a request's body. Raises TooLarge."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge(f"at most {BODY_BYTES_MAX} bytes are taken", field="body") from None
    except web.RequestPayloadError as error:
        raise Malformed(f"not encoded as it says: {error}", field="body") from None


def checked_key(text: str | None) -> bytes:
    """Return the stored form of a caller's idempotency key. Raises Invalid."""
    if text is None:
        raise Invalid("every write needs a key of its own, so that it can be asked again safely", field=KEY_HEADER)
    return parse_key(text)


def key_of(request: web.Request) -> bytes:
    """Return the caller's idempotency key. Raises Invalid."""
    keys = request.headers.getall(KEY_HEADER, [])
    if len(keys) > 1:
        raise Invalid(f"{len(keys)} keys were sent: one request has one", field=KEY_HEADER)
    return checked_key(keys[0] if keys else None)


def number_of(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    """Return a whole number from the query. Raises Invalid."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise Invalid(f"{name} is a whole number in {low}..{high}", field=name)
    return int(text)


def limit_of(request: web.Request) -> int:
    """Return how many results the caller wants on a page. Raises Invalid."""
    return number_of(request, "limit", PAGE_DEFAULT, 1, PAGE_MAX)


def make_app(operations: Sequence[Operation], *, loopback_only: bool) -> web.Application:
    """Make the application of a node from its table of operations."""
    middlewares = [_answer_problems, _no_foreign_pages]
    if loopback_only:
        middlewares.append(_only_loopback)
    app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=middlewares)
    for operation in operations:
        app.router.add_route(operation.method, operation.path, operation.handler, expect_handler=_meet_expectation)
    return app


async def _meet_expectation(request: web.Request) -> web.StreamResponse | None:
    """What aiohttp does about `Expect` by itself, ahead of any middleware; its refusal is a problem document too."""
    if request.version < HttpVersion11:
        return None
    if request.headers["Expect"].lower() != "100-continue":
        return plain_problem(417, "expectation-failed", "the one Expect that is met is 100-continue")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # no answer has begun
    return None


@web.middleware
async def _answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refused:
        return problem_response(refused)
    except web.HTTPNotFound:
        return plain_problem(404, "not-found", f"there is no {request.path}")
    except web.HTTPMethodNotAllowed as wrong:
        response = plain_problem(405, "method-not-allowed", f"{request.path} takes {', '.join(wrong.allowed_methods)}")
        response.headers["Allow"] = ", ".join(sorted(wrong.allowed_methods))
        return response
    except web.HTTPException:
        raise
    except ConnectionResetError:
        if request.transport is not None and not request.transport.is_closing():
            raise
        return plain_problem(400, "caller-left", "nobody reads this, and it is no fault of ours for the log")
    except Exception:
        log.exception("request failed", method=request.method, path=request.path)
        if request.writer.output_size:  # an answer has begun: there is no saying two things in one
            raise ConnectionResetError from None
        return plain_problem(500, "internal", "a fault of ours; it is in the log")


@web.middleware
async def _no_foreign_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A browser on this machine is a caller on this machine, whoever wrote the page: pages of others are refused."""
    origin = request.headers.get("Origin")
    if origin is not None and not _is_local_name(_host_of(origin)):
        raise Forbidden("without keys configured pages of other sites are not served", field="Origin")
    return await handler(request)


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:  # no address at all, such as http://[::1
        return None


def _is_local_name(name: str | None) -> bool:
    return name == "localhost" or _is_loopback(name)


@web.middleware
async def _only_loopback(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not _is_loopback(request.remote):
        raise Forbidden("without keys configured this node serves callers on its own machine only")
    return await handler(request)


def _is_loopback(remote: str | None) -> bool:
    try:
        return remote is not None and ipaddress.ip_address(remote).is_loopback
    except ValueError:
        return False
