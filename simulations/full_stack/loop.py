"""The virtual loop with sockets: everything that asyncio, aiohttp and a process need, on the simulated network.

The host of the running work defines which machine dials, listens or gets a signal. A client's socket is a real socket
that is never connected. The loop uses it only as a key for the connection. So libraries that make sockets themselves,
such as aiohttp's connector, work unchanged.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextvars import copy_context
from random import Random
from typing import Any

from simulations.full_stack.network import ByteEnd, ByteNetwork
from simulations.full_stack.transport import Transport
from simulations.loop import Host, VirtualLoop, current_host
from simulations.network import End

PORT = 8700
"""Every node listens on this port, because each has its own machine."""

EXECUTOR_S = 0.001
"""How long work takes that runs in a thread in production."""

Factory = Callable[[], asyncio.BaseProtocol]


class StackListener:
    """A listening socket."""

    def __init__(self, network: ByteNetwork, machine: str) -> None:
        self._network = network
        self._machine = machine

    def close(self) -> None:
        self._network.stop_listening(self._machine)


class StackLoop(VirtualLoop):
    """A virtual loop whose hosts have sockets and signals."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.network: ByteNetwork
        self._dialled: dict[socket.socket, ByteEnd] = {}
        self._signals: dict[tuple[str, int], asyncio.Handle] = {}

    async def open(self, source: str, target: str, factory: Factory) -> Transport:
        """Connect from one machine to another. Raises ConnectionError."""
        end = await self.network.connect(source, target)
        assert isinstance(end, ByteEnd)
        transport = Transport(self, self.network, end, factory())
        await transport.made()
        return transport

    def signal(self, host: Host, number: int) -> None:
        """Send a signal to the process on a host, if it handles that signal."""
        handle = self._signals.get((host.name, number))
        if handle is not None:
            self._make_ready(handle)

    # required by processes and libraries -------------------------------------------------------------------------

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Run the function in the loop, a little later, because virtual time has no threads."""
        future = self.create_future()

        def work() -> None:
            if future.done():
                return
            try:
                future.set_result(func(*args))
            except Exception as failure:
                future.set_exception(failure)

        self.call_later(EXECUTOR_S, work)
        return future

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        address = self.network.address_of(str(host))
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))]

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        end = await self.network.connect(_machine(), self.network.name_of(address[0]))
        assert isinstance(end, ByteEnd)
        self._dialled[sock] = end

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Factory, *, sock: socket.socket, **options: Any
    ) -> tuple[Transport, asyncio.BaseProtocol]:
        protocol = protocol_factory()
        transport = Transport(self, self.network, self._dialled.pop(sock), protocol, sock)
        await transport.made()
        return transport, protocol

    async def create_server(self, protocol_factory: Factory, *address: Any, **options: Any) -> StackListener:  # type: ignore[override]
        machine, context = _machine(), copy_context()

        def accept(end: End) -> None:
            self.call_soon(take_in, end, context=context.copy())

        def take_in(end: End) -> None:
            assert isinstance(end, ByteEnd)
            Transport(self, self.network, end, protocol_factory())

        self.network.listen(machine, accept)
        return StackListener(self.network, machine)

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:  # type: ignore[override]
        self._signals[_machine(), sig] = asyncio.Handle(callback, args, self, copy_context())

    def remove_signal_handler(self, sig: int) -> bool:
        return self._signals.pop((_machine(), sig), None) is not None


def _machine() -> str:
    host = current_host()
    assert host is not None, "sockets belong to machines"
    return host.name
