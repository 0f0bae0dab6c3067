"""The orders of a channel take units only from its quota, and no other order takes units from it.

`FloorChecker` keeps every quota at zero or above. So all units that a channel's orders hold were set aside for it. The
request of the client defines the channel of an order. The policies on the hub's disk at that time define which channels
have quotas.
"""

from __future__ import annotations

from typing import Any

from msgpack import unpackb

from replica.core.base.names import FREE, HELD, account, bucket_of, node_of
from replica.core.catalog.ranks import CHAIN_RANK
from replica.core.log.entry import DOCUMENT, Content
from replica.core.orders.requests import ORDER, Placement
from replica.core.state.commands import Command
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine

Written = tuple[tuple[int, int, str], Any]
"""The precedence of a write of a policy, and its value."""


class QuotasChecker(Checker):
    """If the policy that a hub knows has a quota for a channel, the channel's orders take units only from it."""

    invariant = 4

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._policies: dict[str, dict[str, Written]] = {}
        """By machine and selector: the winning write."""

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
            allowed = [account(machine.name, f"channel.{one}" if one in quotas else FREE) for one in channels]
            if move.source not in allowed:
                self.fail(
                    f"{content.reference!r} of {channels} took {move.quantity} of {move.item} at {location} from"
                    f" {move.source}, but {machine.name} has quotas for {quotas}"
                )
            if bucket_of(move.source) != FREE:
                self.history.tally("taken from a quota")

    def _channels(self, order: str) -> list[str]:
        """The channels that clients named in an order; several if two orders share a name."""
        asked = [ask.asked.request for ask in self.history.asks_of.get(order, ()) if isinstance(ask.asked, Command)]
        return list(dict.fromkeys(request.channel for request in asked if isinstance(request, Placement)))

    def _quotas(self, machine: str, location: str, item: str) -> list[str]:
        """The channels that have a quota of an item, by the most specific policy."""
        standing = self._policies.get(machine, {})
        for selector in (f"location:{location},item:{item}", f"location:{location}", f"item:{item}", "default"):
            packed = standing[selector][1] if selector in standing else None
            if packed is not None:
                return list(unpackb(packed).get("channels", ()))
        return []
