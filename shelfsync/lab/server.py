"""Serves the lab on loopback: its page, one stream of views, and one call for all acts.

The calls can kill processes. So the server answers only requests that name it as their host and come from its own page
or from no page: no other page, and no name that another machine points to this one, can use it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import msgspec
from aiohttp import web

from console.site import site
from replica.core.base.errors import Forbidden, Invalid, KeyReused, NotFound, OriginNotAllowed, Refused
from shelfsync.chain import free_port
from shelfsync.lab.acts import act_of
from shelfsync.lab.lab import Lab
from shelfsync.lab.refusals import MethodNotAllowed, refusal
from shelfsync.tills import UnexpectedAnswer

KEYS_MAX = 1_000
"""How many acts are remembered, so that a repeated request acts once."""

KEY_LETTERS_MAX = 128

LAB_BYTES_MAX = 4_096

GOODBYE_S = 0.5
"""How long open streams may take to end."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve(lab: Lab, stack: AsyncExitStack) -> str:
    """Serve the lab until the stack ends; return its address."""
    port = free_port()
    server = LabServer(lab, f"127.0.0.1:{port}", f"localhost:{port}")
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=GOODBYE_S)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return f"http://127.0.0.1:{port}"


class LabServer:
    """The HTTP side of one lab. `hosts`: the names by which a browser may call it."""

    def __init__(self, lab: Lab, *hosts: str) -> None:
        self._lab = lab
        self._hosts = hosts
        self._done: dict[str, tuple[bytes, asyncio.Future[bool]]] = {}

    def app(self) -> web.Application:
        """The application."""
        app = web.Application(middlewares=[self._guard], client_max_size=LAB_BYTES_MAX)
        site("lab/main.mjs", "lab/lab.mjs", "Shelfsync lab", "look/lab.css").add_to(app)
        app.router.add_get("/v1/lab", self._view)
        app.router.add_get("/v1/lab/feed", self._feed)
        app.router.add_post("/v1/lab/acts", self._act)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._check(request)
            return await handler(request)
        except Refused as refused:
            return refusal(refused)
        except UnexpectedAnswer as answer:
            return refusal(Refused(str(answer)))
        except web.HTTPMethodNotAllowed:
            return refusal(MethodNotAllowed(f"{request.path} does not support {request.method}."))
        except web.HTTPNotFound:
            return refusal(NotFound(f"There is no path {request.path}."))

    def _check(self, request: web.Request) -> None:
        """Refuse pages of others. Raises Refused."""
        if request.host not in self._hosts:
            raise Forbidden(f"The lab answers only as {' and '.join(self._hosts)}.")
        origin = request.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in self._hosts}:
            raise OriginNotAllowed("Only the page of the lab may use the lab.", field="Origin")

    async def _view(self, request: web.Request) -> web.Response:
        async with self._lab.reading():
            await self._lab.newer(self._lab.number)
            return web.Response(body=msgspec.json.encode(self._lab.view()), content_type="application/json")

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        number = self._lab.number - 1
        with suppress(ConnectionResetError):  # the page was left
            async with self._lab.reading():
                while True:
                    number = await self._lab.newer(number)
                    await response.write(b"event: view\ndata: " + msgspec.json.encode(self._lab.view()) + b"\n\n")
        return response

    async def _act(self, request: web.Request) -> web.Response:
        key, body = request.headers.get("Idempotency-Key", ""), await request.read()
        if not 1 <= len(key) <= KEY_LETTERS_MAX:
            raise Invalid("Send a header Idempotency-Key with a new key for each act.", field="Idempotency-Key")
        if key not in self._done:
            act = act_of(body)
            self._done[key] = body, asyncio.ensure_future(self._lab.do(act, key))
            if len(self._done) > KEYS_MAX:
                self._done.pop(next(iter(self._done)))
        sent, doing = self._done[key]
        if sent != body:
            raise KeyReused(f"The key {key} was sent with another act.", field="Idempotency-Key")
        is_waiting = await asyncio.shield(doing)
        return web.json_response({"waiting": is_waiting}, status=202 if is_waiting else 200)
