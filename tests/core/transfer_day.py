"""Two stores and a hub that transfer goods, without network and clock: the test says who hears what."""

from __future__ import annotations

from msgspec import UNSET

from replica.core.base.limits import HEARTBEAT_MS
from replica.core.base.names import CHAIN, writer_of
from replica.core.log.entry import Entry
from replica.core.orders.context import OrderPolicy
from replica.core.state.kinds import LocationRequest
from replica.core.state.replica import Replica
from replica.core.state.transfer_notices import tell
from replica.core.stock.requests import GoodsLine, OnShortage
from replica.core.stock.transfer import State, Transfer, Units
from replica.core.stock.transfer_requests import (
    Approval,
    ApproveTransfer,
    Arrival,
    Cancellation,
    CancelTransfer,
    Condition,
    Discrepancy,
    DiscrepancyLine,
    NewTransfer,
    ReceivedLine,
    ReceiveTransfer,
    Settlement,
    SettleTransfer,
    Shipment,
    ShipTransfer,
    new_transfer,
)
from tests.core.chain import NOW_MS, Node, SessionPair, hub, receipt

TO_TELL = 100


def store(number: int, incarnation: str = "0000000a") -> Node:
    """A store's node, which hears of its own location only."""
    name = f"store-{number}"
    node = Node(name, (name,), (name, CHAIN))
    policy = OrderPolicy(notes_scope=name, counter=name)
    node.replica = Replica(writer_of(name, incarnation), (name,), open_catalog=True, order_policy=policy)
    return node


class TransferDay:
    """Three stores, the first with goods, and a hub."""

    def __init__(self, **units: int) -> None:
        self.stores = {number: store(number) for number in (1, 2, 3)}
        self.hub = hub("hub-east", "w-1")
        self.stores[1].ask(receipt(**(units or {"cola": 20})))
        self._key = 0
        self.now_ms = NOW_MS
        for node in self.stores.values():
            if node is not self.stores[1]:
                node.ask(receipt(water=1))
        self.meet()

    def meet(self, *numbers: int) -> None:
        """Let these stores, or all, and the hub hear of each other, and of what the others told the hub."""
        for number in numbers or tuple(self.stores):
            self._sync(self.stores[number], self.hub)
        tell(self.hub.replica, self.now_ms, self.hub.replica.transfers.to_tell(TO_TELL))
        for number in numbers or tuple(self.stores):
            self._sync(self.stores[number], self.hub)

    def _sync(self, one: Node, other: Node) -> None:
        one.commit()
        other.commit()
        SessionPair(one, other).run().tick(HEARTBEAT_MS)

    def at(self, number: int) -> Node:
        """The node of a store; 0: the hub."""
        return self.stores[number] if number else self.hub

    def ask(self, number: int, request: LocationRequest, key: str = "") -> Entry:
        self._key += 1
        self.now_ms += 1
        return self.at(number).ask(request, key or f"k-{self._key}", self.now_ms)

    def request(self, number: int = 1, *, source: int = 1, target: int = 2, approve: bool = True, **units: int) -> str:
        """Ask for goods at a node. Return the number of the transfer."""
        lines = tuple(GoodsLine(count, item=item) for item, count in (units or {"cola": 10}).items())
        new = NewTransfer(f"store-{target}", lines, f"store-{source}", approve)
        asked = new_transfer(f"r-{self._key}".encode(), new, "")
        self.ask(number, asked)
        return asked.transfer

    def approve(self, number: int, transfer: str) -> Entry:
        return self.ask(number, ApproveTransfer(transfer, Approval()))

    def cancel(self, number: int, transfer: str) -> Entry:
        return self.ask(number, CancelTransfer(transfer, Cancellation("changed our mind")))

    def ship(
        self,
        transfer: str,
        number: int = 1,
        *,
        on_shortage: OnShortage = OnShortage.REFUSE,
        last: bool = False,
        key: str = "",
        **units: int,
    ) -> Entry:
        lines = tuple(GoodsLine(count, item=item) for item, count in units.items()) or UNSET
        return self.ask(number, ShipTransfer(transfer, Shipment(lines, last, on_shortage)), key)

    def receive(self, transfer: str, number: int = 2, *, damaged: int = 0, key: str = "", **units: int) -> Entry:
        lines = [ReceivedLine(count, item=item) for item, count in units.items()]
        lines += [ReceivedLine(damaged, item="cola", condition=Condition.DAMAGED)] if damaged else []
        return self.ask(number, ReceiveTransfer(transfer, Arrival(tuple(lines) or UNSET)), key)

    def settle(self, transfer: str, number: int, reason: Discrepancy, quantity: int, item: str = "cola") -> Entry:
        lines = (DiscrepancyLine(item, quantity, reason),)
        return self.ask(number, SettleTransfer(transfer, Settlement(lines)))

    def seen(self, number: int, transfer: str) -> Transfer:
        """The transfer as a node knows it."""
        found = self.at(number).replica.transfers.find(transfer)
        assert found is not None
        return found

    def state(self, number: int, transfer: str) -> State:
        return self.seen(number, transfer).state

    def cola(self, number: int, transfer: str) -> Units:
        return self.seen(number, transfer).units()["cola"]

    def free(self, number: int, item: str = "cola") -> int:
        """The free units of a store, as its node sees them."""
        name = f"store-{number}"
        return self.stores[number].replica.ledger.stock(name, item).balance(f"{name}/free")

    def transit(self, transfer: str, item: str = "cola") -> int:
        """The balance of the transit account over all locations, as the hub sees it."""
        ledger = self.hub.replica.ledger
        return sum(ledger.stock(place, item).balance(f"transit.{transfer}") for place in ledger.at_location)
