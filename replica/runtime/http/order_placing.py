"""Placing an order, with the waits around its decision: for rights, and until another region has it.

No wait changes a decision. An order that needs neither may take the fast path, which decides many orders together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from replica.core.base.errors import Refused, RightsExhausted
from replica.core.log.entry import Entry, Stream
from replica.core.orders.placement import lacking
from replica.core.orders.requests import Placement
from replica.core.orders.sourcing import Chooser
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.runtime.node import Node

RETRY_PAUSE_S = 0.02
"""Pause before an order is tried again for which the rights are there by now."""

REPLICATION_TIMEOUT_S = 5.0
"""How long a placement waits for another region: several round trips between the most distant ones."""


Choose = Callable[[Replica], Chooser]
"""Finds the locations that may send an order, by what a replica knows now."""


class NotReplicated(Refused):
    """The order is durable on this node, but no other region has confirmed it yet."""

    kind = "not-replicated"


def waits(placement: Placement) -> bool:
    """Whether the answer may have to wait for rights or for another region. Only `place` does that."""
    return placement.wait_ms > 0 or placement.durability != "local"


async def place(node: Node, placement: Placement, key: bytes, choose: Choose | None = None) -> Entry:
    """Place an order under a key, and return the entry that answers it.

    `choose`: finds the locations that may send the order, before each attempt.

    Raises:
        NotReplicated: indefinite, the order is placed here; a retry with the same key waits again.
        Refused: definite.
    """
    deadline_ms = node.clock.now().elapsed_ms + placement.wait_ms
    while True:
        chooser = await node.driver.look(choose) if choose is not None else None
        try:
            entry = await node.driver.submit(Command("", placement, key, chooser=chooser))
            break
        except RightsExhausted:
            if not placement.wait_ms or not await _gain_rights(node, placement, chooser, deadline_ms):
                raise
    if placement.durability == "region":
        await _await_replication(node, placement.order, entry)
    return entry


async def _await_replication(node: Node, order: str, answer: Entry) -> None:
    """Wait until a hub of another region has stored the order. Raises NotReplicated.

    `answer`: the entry that placed the order. Another hub of this region may have written it, if the client asks again.
    """
    reached = await node.driver.look(lambda replica: _streams_of(replica, order, answer.stream))
    if not await node.peers.held_elsewhere(reached, REPLICATION_TIMEOUT_S):
        raise NotReplicated(
            f"The order {order} is stored on this node, but no hub of another region has confirmed it within "
            f"{REPLICATION_TIMEOUT_S:g} s."
        )


async def _gain_rights(node: Node, placement: Placement, chooser: Chooser | None, deadline_ms: int) -> bool:
    """Ask other nodes for the rights that an order lacks. True if it may be tried again."""
    now = node.clock.now()
    units = await node.driver.look(lambda replica: lacking(replica.context(now.wall_ms, chooser), placement))
    if units is None:
        return False
    if not units:  # a grant arrived after the order was refused
        await asyncio.sleep(RETRY_PAUSE_S)
        return now.elapsed_ms < deadline_ms
    timeout_s = max(0, deadline_ms - now.elapsed_ms) / 1000
    gained = await asyncio.gather(*[node.rights.want(*pair, number, timeout_s) for pair, number in units.items()])
    return all(own >= number for own, number in zip(gained, units.values(), strict=True))


def _streams_of(replica: Replica, name: str, placed: Stream) -> dict[Stream, int]:
    """The heads of the streams in which the writer of a placement wrote about its order."""
    locations = [one.location for order in replica.orders.look_at([name]) for one in order.fulfilments.values()]
    streams = dict.fromkeys([placed, *(Stream(placed.writer, location) for location in locations)])
    return {stream: replica.head(stream).sequence for stream in streams}
