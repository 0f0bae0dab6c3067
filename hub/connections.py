"""Which hub each node of the chain is connected to.

A hub knows its own sessions only, so a store that is connected to another hub looks the same to it as a dead one. So
hubs tell each other which nodes are connected to them. Of each pair, the hub that dialled asks the other one every few
seconds and says its own; the other answers. It is no part of the state of a replica: what a hub said counts for some
seconds, and after that nobody knows.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import structlog
from aiohttp import web
from msgspec import Meta, Struct

from replica.core.base.errors import Invalid
from replica.core.base.names import NAME_PATTERN
from replica.runtime.http.operations import Decoder, Operation, encode_json, json_response
from replica.runtime.node import Node
from replica.runtime.peering.peers import PEERS_MAX
from replica.runtime.peering.roles import replicates_all

log = structlog.get_logger(__name__)

PATH = "/v1/connections"

EXCHANGE_S = 4.0
"""Pause between two exchanges with a hub."""

BELIEVED_MS = 15_000
"""How long a hub's word counts: some exchanges may be lost."""

NodeName = Annotated[str, Meta(pattern=NAME_PATTERN)]


class Connections(Struct, frozen=True, forbid_unknown_fields=True):
    """The nodes that are connected to the hub `node` now."""

    node: NodeName
    connected: Annotated[tuple[NodeName, ...], Meta(max_length=PEERS_MAX)]


class _Said(Struct, frozen=True):
    """What a hub said last, and when by the clock of this process."""

    connected: frozenset[str]
    at_ms: int


class HubConnections:
    """What one hub knows about the connections of all hubs, and the calls by which hubs tell it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._said: dict[str, _Said] = {}
        self._decoder = Decoder(Connections)

    def operations(self) -> list[Operation]:
        """Both calls."""
        return [
            Operation(
                method="GET",
                path=PATH,
                handler=self.get,
                summary="List the nodes that are connected to this hub",
                answer=Connections,
            ),
            Operation(
                method="POST",
                path=PATH,
                handler=self.exchange,
                summary="Tell this hub which nodes are connected to another hub, and read which are to this one",
                body=Connections,
                answer=Connections,
            ),
        ]

    def hub_of(self, node: str) -> str | None:
        """The hub that a node is connected to: this one, or one that said so lately. None if none is known."""
        peer = self._node.peers.known.get(node)
        if peer is not None and peer.is_connected:
            return self._node.replica.node
        since_ms = self._elapsed_ms - BELIEVED_MS
        fresh = [(said.at_ms, hub) for hub, said in self._said.items() if node in said.connected]
        at_ms, hub = max(fresh, default=(since_ms, None))
        return hub if at_ms > since_ms else None

    async def run(self) -> None:
        """Exchange with the hubs that this one dialled, as long as the node runs."""
        while True:
            await self.exchange_all()
            await asyncio.sleep(EXCHANGE_S)

    async def exchange_all(self) -> None:
        """Exchange once with each hub that this one dialled and is connected to."""
        urls = [dialer.url for dialer in self._node.dialers if dialer.url is not None]
        await asyncio.gather(*(self._exchange(url) for url in urls))

    async def get(self, request: web.Request) -> web.Response:
        return json_response(self._own())

    async def exchange(self, request: web.Request) -> web.Response:
        told: Connections = await self._decoder.read(request)
        if not self._is_hub(told.node):
            raise Invalid(f"No hub {told.node!r} is connected to this one. Connect it first.", field="node")
        self._keep(told)
        return json_response(self._own())

    async def _exchange(self, url: str) -> None:
        try:
            body = await self._node.peers.network.ask(url, PATH, encode_json(self._own()))
            told = _decode(body)
        except (OSError, TimeoutError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            log.debug("the hub does not say which nodes are connected to it", hub=url, error=str(error))
            return
        if self._is_hub(told.node):
            self._keep(told)

    def _keep(self, told: Connections) -> None:
        self._said[told.node] = _Said(frozenset(told.connected), self._elapsed_ms)

    def _own(self) -> Connections:
        return Connections(self._node.replica.node, tuple(peer.name for peer in self._node.peers.connected))

    def _is_hub(self, name: str) -> bool:
        """Whether a hub with this name is connected here."""
        peer = self._node.peers.known.get(name)
        return peer is not None and peer.is_connected and peer.hello is not None and replicates_all(peer.hello)

    @property
    def _elapsed_ms(self) -> int:
        return self._node.clock.now().elapsed_ms


_decode = msgspec.json.Decoder(Connections).decode
