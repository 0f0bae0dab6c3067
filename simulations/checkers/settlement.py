"""Nodes with free units cover each deficit: one at a time, exactly, and soon. Holds are revoked only if no node has
free units.

The node with the most free units, by its own view, covers first. Each next node waits `STEP_IN_S` longer, from the time
when it saw a deficit or any grant there. So while nodes reach each other, one deficit is covered once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf

from msgspec import Struct

from replica.core.base.names import FREE, HELD, QUARANTINE, bucket_of, node_of, owner_of
from replica.core.log.entry import Entry
from replica.core.orders.facts import CANCELLED, MOVED, SHORTAGE
from replica.core.orders.requests import ORDER
from replica.core.rights.grants import GRANT
from replica.core.rights.requests import BREACH
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine

STEP_IN_S = 10.0
"""Each next node waits this much longer before it covers a deficit."""

DELAY_S = 3.0
"""From a decision to its entry, on a slow disk."""

LATE_S = 10.0
"""How much later than in its turn a node may cover a deficit when others are away: until it has started, has merged
what it lacks, and looks."""

SeenPair = tuple[str, str, str]
"""A machine, and the location and item that it sees."""


class Turn(Struct):
    """The turn of a machine that sees a deficit."""

    since_s: float
    """When it saw the deficit first, or saw the last grant there."""
    due_s: float = -inf
    """When the machine was in turn last."""
    ended_s: float = inf
    """When the deficit ended."""


class SettlementChecker(Checker):
    """Nodes cover deficits in turn and exactly, and revoke holds only if no node has free units."""

    invariant = 6

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._free: dict[SeenPair, dict[str, int]] = {}
        """By machine, location and item: free units of each node."""
        self._turns: dict[SeenPair, Turn] = {}
        self._available: dict[SeenPair, int] = {}
        """By the same: units that are neither held nor in quarantine."""

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, content = stored.entry, stored.entry.content
        self._check_shortage(machine, entry)
        covers = content.kind == GRANT and content.reason == BREACH and node_of(entry.stream.writer) == machine.name
        for move in content.moves:
            pair = (machine.name, entry.stream.scope, move.item)
            free = self._free.setdefault(pair, {})
            lacking = max(0, -free.get(owner_of(move.target) or "", 0))
            if covers and move.quantity > lacking:
                self.fail(f"{machine.name} covered {move.quantity} of the {lacking} that {move.target} lacked")
            self._check_turn(pair, free, covers=covers)
            for account, units in ((move.source, -move.quantity), (move.target, move.quantity)):
                owner = owner_of(account)
                if owner is not None and bucket_of(account) not in (HELD, QUARANTINE):
                    self._available[pair] = self._available.get(pair, 0) + units
                if owner is not None and bucket_of(account) == FREE:
                    free[owner] = free.get(owner, 0) + units
            is_grant = all(owner_of(one) and bucket_of(one) == FREE for one in (move.source, move.target))
            self._take_turn(pair, free, is_grant=is_grant)

    def _check_turn(self, pair: SeenPair, free: Mapping[str, int], *, covers: bool) -> None:
        """Before an entry: check that a machine that covers a deficit is in turn, or was a moment ago."""
        turn = self._turns.get(pair)
        if turn is None:
            return
        node, now_s = pair[0], self.chain.loop.time()
        own = (-free.get(node, 0), node)
        before = sum(1 for name, units in free.items() if units > 0 and (-units, name) < own)
        late_s = DELAY_S + 2 * self.chain.plan.look_s
        if now_s - turn.since_s >= before * STEP_IN_S - late_s:
            turn.due_s = now_s
        elif covers and now_s - turn.due_s > late_s:
            self.fail(f"{node} covered a deficit of {pair[1:]} after {now_s - turn.since_s} s, {before} come before it")

    def _take_turn(self, pair: SeenPair, free: Mapping[str, int], *, is_grant: bool) -> None:
        """After an entry: note whether there is a deficit, and when the last grant there was."""
        turn, now_s, is_below = self._turns.get(pair), self.chain.loop.time(), min(free.values(), default=0) < 0
        if turn is None:
            if is_below:
                self._turns[pair] = Turn(now_s)
            return
        if (
            is_below and now_s - turn.ended_s > DELAY_S
        ):  # nodes look once a second, so they can miss the end of a deficit
            turn.since_s = now_s
        if is_grant:
            turn.since_s = now_s
        turn.ended_s = inf if is_below else min(turn.ended_s, now_s)

    def _check_shortage(self, machine: Machine, entry: Entry) -> None:
        """A node revokes a hold for a shortage only if it sees a shortage."""
        facts, is_own = entry.content.facts, node_of(entry.stream.writer) == machine.name
        if entry.content.kind != ORDER or not is_own or facts.get("outcome") not in (SHORTAGE, MOVED, CANCELLED):
            return
        seen_location = (machine.name, entry.stream.scope)
        if all(units >= 0 for (*where, _), units in self._available.items() if tuple(where) == seen_location):
            self.fail(f"{machine.name} revoked {facts.get('fulfilment') or facts.get('request')}, but sees no shortage")

    def replaced(self, machine: Machine) -> None:
        self._available = {key: units for key, units in self._available.items() if key[0] != machine.name}
        self._free = {key: free for key, free in self._free.items() if key[0] != machine.name}
        self._turns = {key: turn for key, turn in self._turns.items() if key[0] != machine.name}

    def away(self, core: Collection[str], since_s: float) -> None:
        """The machines that run alone have covered the deficits that they see, if they had time for their turns."""
        now_s = self.chain.loop.time()
        for (name, location, item), free in self._free.items():
            turn, own = self._turns.get((name, location, item)), free.get(name, 0)
            if turn is None or name not in core or own <= 0 or min(free.values()) >= 0:
                continue
            before = sum(1 for units in free.values() if units > 0) - 1
            waited_s = now_s - max(since_s, turn.since_s)
            if waited_s > before * STEP_IN_S + LATE_S:
                self.fail(f"{name} left a deficit of {item} at {location} alone for {waited_s:.0f} s: {free}")

    def finish(self) -> None:
        for (name, location, item), free in self._free.items():
            below = {owner: units for owner, units in free.items() if units < 0}
            above = {owner: units for owner, units in free.items() if units > 0}
            if below and above:
                self.fail(f"{name} shows {below} of {item} at {location} below zero, but {above} are free")
