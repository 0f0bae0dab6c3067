"""The pn-counter on a replica: one item at one location, written by every node.

An add of units is a goods receipt, and a subtraction is a sale of goods in hand, so lack of stock refuses neither. The
value is that of the pair's PN-counter for on_hand.
"""

from __future__ import annotations

from hub.role import hub_role
from replica.core.base.errors import Invalid, KeyReused, Refused
from replica.core.base.names import parse_key, writer_of
from replica.core.state.commands import Command
from replica.core.state.kinds import LocationRequest
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt, OnShortage, Sale, SkuLine
from replica.runtime.driver import Driver
from replica.runtime.node import Node
from replica.runtime.ports import Clock, Entropy, Network
from simulations.journal import SimulatedDisk, SimulatedJournal
from simulations.maelstrom_node.messages import Code

LOCATION = "counter"
ITEM = "unit"

INCARNATION_BYTES = 6


async def make_node(name: str, disk: SimulatedDisk, clock: Clock, entropy: Entropy, network: Network) -> Node:
    """Make a hub that writes for the one location and exchanges everything with its peers."""
    writer = writer_of(name, entropy.random_bytes(INCARNATION_BYTES).hex())
    journal = SimulatedJournal(disk, writer)
    role = hub_role((LOCATION,))
    image = await journal.load()
    replica = Replica(writer, (LOCATION,), image, open_catalog=True, order_policy=role.order_policy)
    return Node(
        replica,
        journal,
        role,
        region="maelstrom",
        clock=clock,
        entropy=entropy,
        network=network,
    )


async def add(driver: Driver, delta: int, client: str, message: int) -> None:
    """Add to the counter. The add is durable when this returns, and a doubled message counts once.

    Raises:
        Refused: definite; nothing was added.
    """
    if delta != 0:
        await driver.submit(Command(LOCATION, request_of(delta), parse_key(f"{client}/{message}", "msg_id")))


async def read(driver: Driver) -> int:
    """The counter's value, from durable entries only."""
    return await driver.look(value_of)


def request_of(delta: int) -> LocationRequest:
    """The request that changes on_hand by `delta`, which is not 0."""
    if delta > 0:
        return GoodsReceipt((GoodsLine(delta, item=ITEM),))
    return Sale(lines=(SkuLine(-delta, sku=ITEM),), on_shortage=OnShortage.RECORD)


def value_of(replica: Replica) -> int:
    """The counter's value as this replica sees it."""
    return replica.ledger.stock(LOCATION, ITEM).counter().value


def code_of(refused: Refused) -> Code:
    """Maelstrom's code for a refusal. Both codes are definite."""
    is_at_fault = isinstance(refused, Invalid | KeyReused)
    return Code.MALFORMED_REQUEST if is_at_fault else Code.TEMPORARILY_UNAVAILABLE
