"""Orders to an address at simulated machines: the address goes with the request, and into no entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from hub.delivery import Surveyor
from hub.last_current import LastCurrent
from hub.sourcing import find_sources, source_answer
from replica.core.catalog.addresses import Destination, mark_of, where
from replica.core.orders.requests import Placement
from replica.core.orders.sourcing import Chooser
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.runtime.http.order_placing import Choose
from replica.runtime.node import Node


class AddressedCommand(Command, frozen=True, gc=False):
    """An order to an address, under its key."""

    ship_to: Destination = Destination("DE")


class Surveyed(Struct, frozen=True, omit_defaults=True):
    """When a hub looked for locations: after how many of its entries, and at which moment of its clock.

    `current`: the locations that it hosts, and those of connected nodes. None if nobody knows: then the hub looked
    after at least so many entries, and not before that moment.
    """

    arrival: int
    moment_ms: int
    ship_to: Destination
    current: tuple[str, ...] | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the hub looked at this very moment."""
        return self.current is not None


def addressed(placement: Placement, ship_to: Destination, key: bytes) -> AddressedCommand:
    """An order to an address, as a hub keeps it."""
    marked = msgspec.structs.replace(placement, ship_to=mark_of(ship_to, placement.order))
    return AddressedCommand("", marked, key, ship_to=ship_to)


class Sourcing:
    """What finds the locations for orders at one running hub, as its HTTP calls do."""

    def __init__(self, node: Node, hosted: Sequence[str]) -> None:
        self.node = node
        self._hosted = hosted
        self._surveyor = Surveyor(LastCurrent(node, hosted))

    def choice(self, asked: AddressedCommand, note: Callable[[Surveyed], None]) -> Choose:
        """What finds the locations that may send an order. `note` hears of each look."""
        placement, place = asked.request, where(asked.ship_to, "ship_to")
        assert isinstance(placement, Placement)

        def choose(replica: Replica) -> Chooser:
            found = self._surveyed(replica, asked.ship_to)
            note(found)
            return find_sources(self._surveyor, replica, placement, place, found.moment_ms)

        return choose

    async def answer(self, asked: AddressedCommand) -> tuple[Surveyed, dict[str, Any]]:
        """From where an order would be sent, and when the hub looked. Raises Refused."""
        placement, place = asked.request, where(asked.ship_to, "ship_to")
        assert isinstance(placement, Placement)

        def look(replica: Replica) -> tuple[Surveyed, dict[str, Any]]:
            found = self._surveyed(replica, asked.ship_to)
            return found, msgspec.to_builtins(source_answer(self._surveyor, replica, placement, place, found.moment_ms))

        return await self.node.driver.look(look)

    def _surveyed(self, replica: Replica, ship_to: Destination) -> Surveyed:
        """What a look at the locations depends on, now."""
        hellos = [peer.hello for peer in self.node.peers.connected if peer.hello is not None]
        connected = [scope for hello in hellos for scope in hello.scopes or ()]
        current = tuple(dict.fromkeys([*self._hosted, *connected]))
        return Surveyed(replica.arrival, self.node.clock.now().wall_ms, ship_to, current)
