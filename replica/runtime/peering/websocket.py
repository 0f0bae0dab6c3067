"""The network port on aiohttp: one WebSocket per link, binary messages, no compression (frames bring their own)."""

from __future__ import annotations

import aiohttp
from aiohttp import web
from yarl import URL

from replica.core.base.errors import PeerFault
from replica.core.base.limits import FRAME_BYTES_MAX
from replica.runtime.ports import ANSWER_BYTES_MAX

SYNC_PATH = "/v1/sync"

PROBE_TIMEOUT_S = 1.0

ASK_TIMEOUT_S = 2.0

_MESSAGE_BYTES_MAX = FRAME_BYTES_MAX + 2
"""The transport accepts less than this: one byte more than a frame may have, so that the session can send bye."""


class WebSocket:
    """The socket port on either side of an aiohttp WebSocket."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse | web.WebSocketResponse) -> None:
        self._websocket = websocket

    async def send(self, frame: bytes) -> None:
        try:
            await self._websocket.send_bytes(frame)
        except (aiohttp.ClientError, RuntimeError) as error:
            raise ConnectionError(str(error)) from error

    async def receive(self) -> bytes | None:
        message = await self._websocket.receive()
        match message.type:
            case aiohttp.WSMsgType.BINARY:
                frame: bytes = message.data
                return frame
            case aiohttp.WSMsgType.TEXT:
                return b""  # no frame is text: the session calls it malformed
            case aiohttp.WSMsgType.ERROR if _is_too_big(message.data):
                raise PeerFault("oversized", f"the message has more than {FRAME_BYTES_MAX} bytes")
            case _:
                return None

    async def close(self) -> None:
        await self._websocket.close()


def _is_too_big(failure: object) -> bool:
    return isinstance(failure, aiohttp.WebSocketError) and failure.code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def accept(request: web.Request) -> tuple[web.WebSocketResponse, WebSocket]:
    """Accept a peer that dialled this node."""
    response = web.WebSocketResponse(max_msg_size=_MESSAGE_BYTES_MAX, compress=False, timeout=1.0)
    await response.prepare(request)
    return response, WebSocket(response)


class HttpNetwork:
    """The network port: peers are base URLs such as http://hub-east:8700."""

    def __init__(self) -> None:
        self._client: aiohttp.ClientSession | None = None

    async def dial(self, url: str) -> WebSocket:
        client = self._client or self._open()
        try:
            websocket = await client.ws_connect(
                URL(url).with_path(SYNC_PATH),
                max_msg_size=_MESSAGE_BYTES_MAX,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            )
        except (aiohttp.ClientError, ValueError) as error:
            raise ConnectionError(str(error)) from error
        return WebSocket(websocket)

    async def is_ready(self, url: str) -> bool:
        client = self._client or self._open()
        try:
            timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S)
            async with client.get(URL(url).with_path("/readyz"), timeout=timeout) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return False

    async def ask(self, url: str, path: str, body: bytes | None = None) -> bytes:
        client = self._client or self._open()
        address = URL(f"{URL(url).origin()!s}{path}", encoded=True)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        method, timeout = "GET" if body is None else "POST", aiohttp.ClientTimeout(total=ASK_TIMEOUT_S)
        try:
            async with client.request(
                method, address, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise ConnectionError(f"{address} answers {response.status}")
                found = bytearray()
                async for piece in response.content.iter_chunked(1 << 16):
                    found += piece
                    if len(found) > ANSWER_BYTES_MAX:
                        raise ConnectionError(f"{address} answers more than {ANSWER_BYTES_MAX} bytes")
                return bytes(found)
        except (aiohttp.ClientError, ValueError) as error:
            raise ConnectionError(str(error)) from error

    async def close(self) -> None:
        """Release the connections."""
        if self._client is not None:
            await self._client.close()

    def _open(self) -> aiohttp.ClientSession:
        self._client = aiohttp.ClientSession()
        return self._client
