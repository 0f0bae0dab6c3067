"""Which web pages may call a node, and what a browser must know about it (CORS, https://fetch.spec.whatwg.org).

A browser names the page that sends a request in the header `Origin`. A page may call if this machine serves it, or if
the operator names its origin (`--origin`). The node refuses each request of another page, because a browser on this
machine would call from this machine for any page. A request without `Origin` comes from no page.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import web

from replica.core.base.errors import OriginNotAllowed
from replica.runtime.configuration import canonical_origin

REQUEST_HEADERS = "Accept, Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
"""Headers that a page may send."""

ANSWER_HEADERS = "Allow, Date, Retry-After"
"""Headers that a page may read, besides those that every page may read."""

PREFLIGHT_MAX_AGE_S = 600
"""How long a browser remembers a preflight answer: an operator who removes an origin waits no longer than that."""


def is_loopback(address: str | None) -> bool:
    """Whether an IP address is of this machine only."""
    try:
        return address is not None and ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class Origins:
    """The origins whose pages may call a node: those of this machine on any port, and the configured ones."""

    def __init__(self, configured: Iterable[str] = ()) -> None:
        self._configured = frozenset(configured)

    def allows(self, origin: str) -> bool:
        """Whether a page of this origin may call."""
        canonical = canonical_origin(origin)
        if canonical is None:
            return False
        host = urlsplit(canonical).hostname
        return canonical in self._configured or host == "localhost" or is_loopback(host)

    def check(self, request: web.Request) -> None:
        """Raise OriginNotAllowed if a page sends the request that may not call."""
        for origin in request.headers.getall("Origin", ()):
            if not self.allows(origin):
                raise OriginNotAllowed(
                    f"A page of the origin {origin!r} may not call this node. Serve the page from this machine, or "
                    "start the node with the flag --origin and the address of the page.",
                    field="Origin",
                )

    async def mark(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add the headers that let the browser hand the answer to its page."""
        headers = response.headers
        headers.add("Vary", "Origin")
        origin = request.headers.get("Origin")
        if origin is None or not self.allows(origin):
            return
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = ANSWER_HEADERS
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            headers["Access-Control-Allow-Methods"] = headers.get("Allow", "")
            headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
            headers["Access-Control-Max-Age"] = str(PREFLIGHT_MAX_AGE_S)
            if request.headers.get("Access-Control-Request-Private-Network") == "true":
                headers["Access-Control-Allow-Private-Network"] = "true"
