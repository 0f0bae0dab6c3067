"""Each write did what the reference model says: units, breaches, and what the answer shows as available."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack
import msgspec

from replica.core.base.names import CHAIN, key_text
from replica.core.log.entry import DOCUMENT
from replica.core.log.times import recorded_ms
from replica.core.state.commands import Command
from replica.core.stock.requests import Adjustment, Count, GoodsReceipt, Quarantine, Return, Sale
from replica.runtime.ports import Stored
from simulations.chain import SimulatedChain
from simulations.checkers.checker import Checker
from simulations.history import Ask, History
from simulations.machine import Machine
from simulations.reference import bodies
from simulations.reference.journal import Entry
from simulations.reference.replay import Replay

SHAPES = {
    Sale: bodies.SALE,
    Return: bodies.RETURN,
    GoodsReceipt: bodies.GOODS_RECEIPT,
    Adjustment: bodies.ADJUSTMENT,
    Quarantine: bodies.QUARANTINE,
    Count: bodies.COUNT,
}


KINDS = ("sale", "return", "receipt", "adjustment", "quarantine", "count")
"""The kinds of entries that these requests lead to. A node of the next release writes others."""


class ReferenceChecker(Checker):
    """An entry says what the reference model makes of its request, given what its node had before it.

    The model plays the journal of each node, at the locations that the node writes for. Returns that name their sale
    are left out, because the model does not know which of the sales lost to a duplicate.
    """

    invariant = 5

    def __init__(self, chain: SimulatedChain, history: History) -> None:
        super().__init__(chain, history)
        self._replays: dict[str, Replay] = {}
        self._asks: dict[bytes, Ask] = {}
        self._noted = 0
        self._writers: dict[str, dict[str, None]] = {}
        """By machine: the writers of the entries that it had."""
        self._earlier: dict[str, dict[str, None]] = {}
        """By machine: the writers on disks that it lost. Their entries come back in any order, from hubs."""

    def replaced(self, machine: Machine) -> None:
        self._replays.pop(machine.name, None)
        self._earlier[machine.name] = dict(self._writers.get(machine.name, {}))

    def entry(self, machine: Machine, stored: Stored) -> None:
        content, stream = stored.entry.content, stored.entry.stream
        if stream.scope not in machine.role.locations and not (stream.scope == CHAIN and content.kind == DOCUMENT):
            return
        replay = self._replays.get(machine.name)
        if replay is None:
            replay = self._replays[machine.name] = Replay(machine.name, open_catalogue=True)
        entry = _plain(stored, len(replay.journal.entries) + 1)
        self._writers.setdefault(machine.name, {})[entry.writer] = None
        is_decided_here = entry.node == machine.name and entry.writer not in self._earlier.get(machine.name, ())
        is_own = is_decided_here and content.key and content.kind in KINDS
        asked = self._asked(content.key) if is_own else None
        wrong = replay.play(entry, asked)
        if asked is not None:
            self.history.tally("held to the reference")
        if wrong:
            self.fail(f"{machine.name} wrote {entry.kind} {key_text(content.key)} for {asked}: {wrong}")

    def _asked(self, key: bytes) -> Mapping[str, Any] | None:
        """The request under a key in its normal form, if the model can decide it."""
        asks = self.history.asks
        for ask in asks[self._noted :]:
            if not ask.is_impostor:
                self._asks[ask.key] = ask
        self._noted = len(asks)
        found = self._asks.get(key)
        if found is None or not isinstance(found.asked, Command):
            return None
        request = found.asked.request
        shape = SHAPES.get(type(request))
        if shape is None or (isinstance(request, Return) and request.original):
            return None
        asked: Mapping[str, Any] = shape(bodies.decoded(msgspec.json.encode(request)), "")
        return asked


def _plain(stored: Stored, arrival: int) -> Entry:
    """An entry as the model knows it. `arrival`: its number among those that the model plays."""
    entry, content = stored.entry, stored.entry.content
    facts = dict(content.facts)
    if content.kind == DOCUMENT and isinstance(facts.get("value"), bytes):
        facts["value"] = msgpack.unpackb(facts["value"], strict_map_key=False)
    return Entry(
        arrival=arrival,
        writer=entry.stream.writer,
        scope=entry.stream.scope,
        sequence=entry.sequence,
        kind=content.kind,
        stamp=content.clock,
        at_ms=recorded_ms(content),
        key=key_text(content.key),
        actor=content.actor,
        reason=content.reason,
        reference=content.reference,
        moves=[(one.item, one.source, one.target, one.quantity) for one in content.moves],
        lines=[(one.sku, one.quantity, one.breach, one.available) for one in content.lines],
        facts=facts,
        hash=entry.hash.hex(),
    )
