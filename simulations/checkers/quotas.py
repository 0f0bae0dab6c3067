"""A channel's orders take from its quota and from nothing else, and nobody else takes from it.

`FloorChecker` keeps every quota at zero or above, so with this the units that a channel's orders hold were all set aside for
it. Which channel an order is of is what its client asked for; which channels have quotas, what the policies say that
lay on the hub's disk before the order did.
"""

from __future__ import annotations

from typing import Any

from msgpack import unpackb

from replica.core.base.names import FREE, HELD, account, bucket_of, node_of
from replica.core.catalog.documents import CHAIN_RANK
from replica.core.log.entry import DOCUMENT, Content
from replica.core.orders.requests import ORDER, Placement
from replica.core.state.commands import Command
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine

Written = tuple[tuple[int, int, str], Any]
"""What decides between two writes of a policy, and what it says."""


class QuotasChecker(Checker):
    """What an order of a channel takes was set aside for it, where the policy that its hub knows says so."""

    invariant = 4

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._policies: dict[str, dict[str, Written]] = {}
        """By machine and selector: the write that stands there."""

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, content = stored.entry, stored.entry.content
        if content.kind == DOCUMENT:
            self._write(machine.name, content, entry.stream.writer)
        elif content.kind == ORDER and content.facts.get("taken") and node_of(entry.stream.writer) == machine.name:
            self._check_taken(machine, entry.stream.scope, content)

    def replaced(self, machine: Machine) -> None:
        self._policies.pop(machine.name, None)

    def _write(self, machine: str, content: Content, writer: str) -> None:
        facts = content.facts
        if facts["kind"] != "policy" or facts["rank"] != CHAIN_RANK:
            return
        standing = self._policies.setdefault(machine, {})
        precedence = (facts["version"], content.clock, writer)
        if facts["key"] not in standing or precedence > standing[facts["key"]][0]:
            standing[facts["key"]] = (precedence, facts["value"])

    def _check_taken(self, machine: Machine, location: str, content: Content) -> None:
        held = account(machine.name, HELD)
        channels = self._channels(content.reference) if machine.role.role == "hub" else [""]
        for move in content.moves:
            if move.target != held:
                continue
            quotas = self._quotas(machine.name, location, move.item)
            rightful = [account(machine.name, f"channel.{one}" if one in quotas else FREE) for one in channels]
            if move.source not in rightful:
                self.fail(
                    f"{content.reference!r} of {channels} took {move.quantity} of {move.item} at {location} from"
                    f" {move.source}, and {machine.name} has quotas of {quotas}"
                )
            if bucket_of(move.source) != FREE:
                self.history.tally("taken from a quota")

    def _channels(self, order: str) -> list[str]:
        """The channels that clients named with an order; more than one where two orders share a name."""
        asked = [ask.asked.request for ask in self.history.asks_of.get(order, ()) if isinstance(ask.asked, Command)]
        return list(dict.fromkeys(request.channel for request in asked if isinstance(request, Placement)))

    def _quotas(self, machine: str, location: str, item: str) -> list[str]:
        """The channels that have a quota of an item, by the most specific policy there is."""
        standing = self._policies.get(machine, {})
        for selector in (f"location:{location},item:{item}", f"location:{location}", f"item:{item}", "default"):
            packed = standing[selector][1] if selector in standing else None
            if packed is not None:
                return list(unpackb(packed).get("channels", ()))
        return []
