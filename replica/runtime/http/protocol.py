"""aiohttp's protocol of a connection, which answers a problem document also to bytes that are no request.

aiohttp parses a request before any handler sees it. What it cannot parse, it answers itself, in plain text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, ContentEncodingError

from replica.runtime.http.operations import unreadable, unsupported
from replica.runtime.http.problems import plain_problem, problem_response

log = structlog.get_logger(__name__)

_NOT_INSTALLED = ("brotli", "zstandard")
"""Encodings that aiohttp decodes only with further packages. It refuses each request whose head names one."""


_bytes = re.compile(r"""b['"].*""")
"""The bytes that aiohttp could not parse, as it shows them. They may be many, and nobody else has to see them."""


class ProblemProtocol(web.RequestHandler):
    """The protocol of one connection."""

    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer bytes that are no request by a problem document, and close the connection.

        It is logged at level debug only: the caller has to correct them, and callers could fill the log.
        """
        if not isinstance(exc, BadHttpMessage) or request.writer.output_size:
            return super().handle_error(request, status, exc, message)
        log.debug("bytes that are no request", exc_info=exc)
        response = _answer(exc)
        response.force_close()
        return response


def problem_protocols(server: web.Server) -> Callable[[], ProblemProtocol]:
    """Return a function that makes the protocol of each connection of a server."""

    def make() -> ProblemProtocol:
        protocol: Any = server()
        protocol.__class__ = ProblemProtocol  # aiohttp has no place to name another class
        return protocol  # type: ignore[no-any-return]

    return make


def _answer(error: BadHttpMessage) -> web.Response:
    reason = _bytes.sub("", error.message.partition("\n")[0]).strip(" .:")
    if not isinstance(error, ContentEncodingError):
        return plain_problem("malformed-request", f"{reason}.")
    if any(name in reason for name in _NOT_INSTALLED):
        return problem_response(unsupported())
    return problem_response(unreadable(reason))
