"""Goods on their way: sent = received + in transit + lost, by what is physically in the parcels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replica.core.base.errors import Refused
from replica.core.base.names import QUARANTINE, TRANSIT, bucket_of
from replica.core.log.entry import Entry
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.stock.transfer import Act, Transfer
from replica.core.stock.transfer_requests import ReceiveTransfer
from simulations.checkers.checker import Checker
from simulations.history import Ask
from simulations.machine import Machine
from simulations.parcels import CRATES, Parcel, is_damaged, parcels_of, sent

OF_KNOWLEDGE = ("transfer-state", "unknown-transfer", "insufficient-rights", "unknown-sku", "invalid-request")
"""Refusals because of what a node has heard, or what its book says."""


class TransfersChecker(Checker):
    """Each end and each hub knows each transfer, and its figures are those of the parcel.

    The parcel is what clients put in and took out, by the answers to their requests. So nothing is received twice in
    silence, nothing is lost on the way, and an arrival before the news of its shipment counts once. The book says the
    same: over all locations, the transit account of a transfer has what is in the parcel, less what was recorded twice.
    """

    invariant = 5

    def appeared(self, entry: Entry) -> None:
        """Damaged goods wait in quarantine, and nothing else does."""
        if entry.content.kind != Act.RECEIVE.value:
            return
        aside = {True: 0, False: 0}
        for _, number, tag in entry.content.facts["units"]:
            aside[tag == "damaged"] += number
        moved = {True: 0, False: 0}
        for move in entry.content.moves:
            moved[bucket_of(move.target) == QUARANTINE] += move.quantity
        if moved != aside:
            self.fail(f"of a parcel {moved[True]} units went into quarantine, and {aside[True]} are damaged")

    def refused(self, ask: Ask, refused: Refused, machine: Machine, since: int) -> None:
        """Goods that are there are taken in, whatever the node has heard."""
        request = ask.asked.request if isinstance(ask.asked, Command) else None
        if isinstance(request, ReceiveTransfer) and refused.kind in OF_KNOWLEDGE:
            self.fail(f"{machine.name} refused goods that arrived: {refused.kind}: {refused}")

    def due(self) -> Iterator[str]:
        for machine in self.chain.machines.values():
            if machine.node is None:
                continue
            for parcel in parcels_of(self.history).values():
                if machine.role.role != "hub" and machine.name not in _places(parcel):
                    continue
                if any(ask.entry is not None for ask in parcel.asks) and self._wrong(machine, parcel):
                    yield f"{machine.name} does not know {parcel.number}: {self._wrong(machine, parcel)}"

    def moment(self) -> None:
        """Nothing on its way is in the stock of a location, as far as any node knows."""
        for machine in self.chain.machines.values():
            replica = machine.node.replica if machine.node is not None else None
            for (location, item), underway in replica.transfers.incoming.items() if replica is not None else ():
                if min(underway.values()) <= 0:
                    self.fail(f"{machine.name} shows {underway} of {item} on their way to {location}")

    def finish(self) -> None:
        for machine in self.chain.machines.values():
            for parcel in parcels_of(self.history).values():
                if machine.role.role != "hub" or machine.node is None or not parcel.is_known:
                    continue
                self.history.tally("parcels compared with the book")
                for item in CRATES:
                    self._compare_with_book(machine.name, machine.node.replica, parcel, item)
        hubs = [hub.node.replica.transfers.digest() for hub in self.chain.hubs if hub.node is not None]
        if len(dict.fromkeys(hubs)) > 1:
            self.fail("hubs with equal entries know different transfers")

    def _compare_with_book(self, name: str, replica: Replica, parcel: Parcel, item: str) -> None:
        locations, transit = replica.ledger.at_location, f"{TRANSIT}{parcel.number}"
        book = sum(replica.ledger.stock(location, item).balance(transit) for location in locations)
        there = parcel.box.get(item, 0) - _mistaken(parcel, item)
        if book != there:
            self.fail(f"{name} has {book} of {item} in {transit}, and {there} are there")

    def _wrong(self, machine: Machine, parcel: Parcel) -> str:
        """How a machine shows a parcel otherwise than it is; empty if it does not, or if that is unknown."""
        if not parcel.is_known or machine.node is None:
            return ""
        transfer = machine.node.replica.transfers.find(parcel.number)
        if transfer is None:
            return "it never heard of it"
        return next((wrong for item in CRATES if (wrong := _wrong_units(transfer, parcel, item))), "")


def _wrong_units(transfer: Transfer, parcel: Parcel, item: str) -> str:
    shown = transfer.units().get(item)
    mistaken = _mistaken(parcel, item)
    expected = {
        "sent": _units(parcel.shipments, item),
        "received": _units(parcel.arrivals, item) + mistaken,
        "lost": _units(parcel.losses, item),
        "outstanding": parcel.box.get(item, 0) - mistaken,
    }
    found = {name: getattr(shown, name) if shown is not None else 0 for name in expected}
    if not any(mistake.repairs for mistake in parcel.mistakes):
        twice = [mistake.ask for mistake in parcel.mistakes]
        expected["damaged"] = _units([ask for ask in (*parcel.arrivals, *twice) if is_damaged(ask)], item)
        found["damaged"] = shown.damaged if shown is not None else 0
    return "" if found == expected else f"{item} shows {found}, and has {expected}"


def _units(asks: Iterable[Ask], item: str) -> int:
    return sent(asks).get(item, 0)


def _mistaken(parcel: Parcel, item: str) -> int:
    """Units that were recorded once more and not taken back."""
    recorded = sum(_units([one.ask], item) for one in parcel.mistakes)
    return recorded - sum(_units(one.repairs, item) for one in parcel.mistakes)


def _places(parcel: Parcel) -> list[str]:
    """The locations that take part: the ends, and where units of it were recorded."""
    recorded = [ask.location for ask in parcel.asks if ask.entry is not None]
    return [parcel.source, parcel.target, *recorded]
