"""Transfers at one store, as the contract says: what each step leads to, and what it is refused for.

The model knows one node, which has heard of every transfer that it was asked for. A transfer may also be unknown: then
only goods may arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Units = dict[str, int]


@dataclass
class Transfer:
    """One transfer. Units are by item."""

    source: str = ""
    target: str = ""
    requested: Units = field(default_factory=dict)
    is_approved: bool = False
    is_cancelled: bool = False
    is_complete: bool = False
    """Whether the last shipment was the last one."""
    sent: Units = field(default_factory=dict)
    received: Units = field(default_factory=dict)
    damaged: Units = field(default_factory=dict)
    lost: Units = field(default_factory=dict)
    over: Units = field(default_factory=dict)

    @property
    def items(self) -> list[str]:
        """Every item of it, in order."""
        parts = (self.requested, self.sent, self.received, self.lost, self.over)
        return sorted({item for part in parts for item in part})

    def outstanding(self, item: str) -> int:
        """Units sent and not accounted for."""
        known = self.sent.get(item, 0) + self.over.get(item, 0)
        return known - self.received.get(item, 0) - self.lost.get(item, 0)

    def remaining(self, item: str) -> int:
        """Units requested and not sent."""
        return max(0, self.requested.get(item, 0) - self.sent.get(item, 0))

    @property
    def is_open(self) -> bool:
        """Whether more may be sent."""
        is_over = self.is_cancelled or self.is_complete or not self.source
        return not is_over and any(self.remaining(item) for item in self.items)

    @property
    def state(self) -> str:
        """How far it has come."""
        moved = [*self.sent.values(), *self.received.values(), *self.lost.values()]
        if not any(moved):
            return "cancelled" if self.is_cancelled else "approved" if self.is_approved else "requested"
        left = [self.outstanding(item) for item in self.items]
        if min(left) < 0:
            return "unmatched"
        if self.is_open:
            return "shipping"
        has_arrived = any(self.received.values())
        if any(left):
            return "receiving" if has_arrived else "shipped"
        return "received" if has_arrived else "lost"

    @property
    def shown(self) -> list[dict[str, Any]]:
        """Its units as an answer shows them."""
        return [
            {
                "item": item,
                **{
                    name: getattr(self, name).get(item, 0)
                    for name in ("requested", "sent", "received", "damaged", "lost", "over")
                },
                "in_transit": max(0, self.outstanding(item)),
                "unmatched": max(0, -self.outstanding(item)),
            }
            for item in self.items
        ]


class Refused(Exception):
    """The store refuses a step. The text is the type of the problem."""


class TransferModel:
    """One store, its free and its quarantined units, and its transfers."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.free: Units = {}
        self.aside: Units = {}
        self.transfers: dict[str, Transfer] = {}

    def request(self, source: str, target: str, lines: Iterable[Mapping[str, Any]], *, approve: bool) -> Transfer:
        """Ask for goods. Raises Refused."""
        if source == target or self.location not in (source, target):
            raise Refused("invalid-request")
        return Transfer(source, target, _added_up(lines), is_approved=approve)

    def approve(self, number: str) -> None:
        """Let goods leave. Raises Refused."""
        if self._requested(number).is_cancelled:
            raise Refused("transfer-state")
        self.transfers[number].is_approved = True

    def cancel(self, number: str) -> None:
        """Stop what has not left. Raises Refused."""
        transfer = self._requested(number)
        if any(transfer.sent.values()) and not transfer.is_open and not transfer.is_cancelled:
            raise Refused("transfer-state")
        transfer.is_cancelled = True

    def ship(self, number: str, lines: list[dict[str, Any]] | None, *, last: bool, has_left: bool) -> None:
        """Send goods off. Raises Refused."""
        transfer = self._requested(number)
        is_allowed = has_left or (transfer.is_approved and not transfer.is_cancelled)
        if transfer.source != self.location or not is_allowed:
            raise Refused("transfer-state")
        units = _added_up(lines) if lines is not None else _positive(transfer, transfer.remaining)
        if not units:
            raise Refused("transfer-state")
        if not has_left and any(number > transfer.remaining(item) for item, number in units.items()):
            raise Refused("invalid-request")
        if not has_left and any(number > max(0, self.free.get(item, 0)) for item, number in units.items()):
            raise Refused("insufficient-rights")
        _add(self.free, units, -1)
        _add(transfer.sent, units)
        transfer.is_complete = transfer.is_complete or last

    def receive(self, number: str, lines: list[dict[str, Any]] | None) -> None:
        """Take goods in, whatever is known. Raises Refused."""
        known = self.transfers.get(number)
        if lines is None:
            on_its_way = _positive(known, known.outstanding) if known is not None else {}
            if not on_its_way:
                raise Refused("invalid-request")
            lines = [{"item": item, "quantity": units} for item, units in on_its_way.items()]
        transfer = self.transfers.setdefault(number, Transfer())
        damaged = _added_up(line for line in lines if line.get("condition") == "damaged")
        good = _added_up(line for line in lines if line.get("condition") != "damaged")
        for units in (good, damaged):
            _add(transfer.received, units)
        _add(transfer.damaged, damaged)
        _add(self.free, good)
        _add(self.aside, damaged)

    def settle(self, number: str, lines: Iterable[Mapping[str, Any]]) -> None:
        """Explain what does not come out even. Raises Refused: then nothing of it happens."""
        transfer = self.transfers.get(number)
        if transfer is None:
            raise Refused("unknown-transfer")
        limits = {
            "lost": {item: max(0, transfer.outstanding(item)) for item in transfer.items},
            "found": dict(transfer.lost),
            "over": {item: max(0, -transfer.outstanding(item)) for item in transfer.items},
            "taken_back": dict(transfer.received),
        }
        asked: dict[str, Units] = {reason: {} for reason in limits}
        for line in lines:
            _add(asked[line["reason"]], {line["item"]: line["quantity"]})
        for reason, units in asked.items():
            if any(number > limits[reason].get(item, 0) for item, number in units.items()):
                raise Refused("invalid-request")
        _add(transfer.lost, asked["lost"])
        _add(transfer.lost, asked["found"], -1)
        _add(transfer.over, asked["over"])
        _add(transfer.received, asked["taken_back"], -1)
        _add(self.free, asked["taken_back"], -1)

    def _requested(self, number: str) -> Transfer:
        transfer = self.transfers.get(number)
        if transfer is None or not transfer.source:
            raise Refused("unknown-transfer")
        return transfer


def _added_up(lines: Iterable[Mapping[str, Any]]) -> Units:
    units: Units = {}
    for line in lines:
        _add(units, {line["item"]: line["quantity"]})
    return units


def _add(units: Units, more: Mapping[str, int], sign: int = 1) -> None:
    for item, number in more.items():
        units[item] = units.get(item, 0) + sign * number


def _positive(transfer: Transfer, number_of: Any) -> Units:
    return {item: number_of(item) for item in transfer.items if number_of(item) > 0}
