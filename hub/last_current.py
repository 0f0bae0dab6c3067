"""When what this hub knows about a location was last current."""

from __future__ import annotations

from collections.abc import Callable, Collection

from replica.core.base.clock import stamp_ms, time_text
from replica.core.state.replica import Replica
from replica.runtime.node import Node


class LastCurrent:
    """Reads it from the connections of a node, and from the journal. `hosts`: the locations that it writes for."""

    def __init__(self, node: Node, hosts: Collection[str]) -> None:
        self._node = node
        self._hosts = tuple(hosts)

    def as_of(self, replica: Replica) -> Callable[[str], str | None]:
        """The same as `reading`, as a text for answers."""
        read = self.reading(replica, self._node.clock.now().wall_ms)

        def as_text(location: str) -> str | None:
            current_ms = read(location)
            return None if current_ms is None else time_text(current_ms)

        return as_text

    def reading(self, replica: Replica, now_ms: int) -> Callable[[str], int | None]:
        """A function that reads it: now, if its node is connected or this hub hosts it; None if nothing ever came."""
        live = dict.fromkeys(self._hosts)
        for peer in self._node.peers.connected:
            if peer.hello is not None:
                live.update(dict.fromkeys(peer.hello.scopes or ()))

        def read(location: str) -> int | None:
            if location in live:
                return now_ms
            newest = replica.newest(location)
            return None if newest is None else stamp_ms(newest)

        return read
