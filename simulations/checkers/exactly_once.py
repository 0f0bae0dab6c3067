"""One key has one effect, and a refusal has none. A repeated request gets the first answer, or the winner's."""

from __future__ import annotations

from replica.core.base.names import node_of
from replica.core.ledger.cells import Move
from replica.core.log.entry import DOCUMENT, Content, Entry
from replica.core.log.voids import VOID
from replica.core.orders.requests import ORDER
from replica.core.rights.grants import GRANT
from replica.core.stock.counts import COUNT
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine
from simulations.pn_counter import AddOutcome

KEPT = (GRANT, COUNT, DOCUMENT, ORDER)
"""Kinds whose void moves no units back."""


class ExactlyOnceChecker(Checker):
    """Of several entries under one key, the least one counts, and every other one is voided exactly once."""

    invariant = 3

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._entries: dict[bytes, dict[bytes, Entry]] = {}
        """By key: the entries under it."""

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, key = stored.entry, stored.entry.content.key
        if not key:
            return
        under = self._entries.setdefault(key, {})
        if entry.hash in under:
            return
        under[entry.hash] = entry
        if len(under) > 1:
            self.history.tally("a key that two nodes used")
            self._check_apart(under)
        if entry.content.kind == VOID:
            self._check_void(entry)

    def moment(self) -> None:
        for ask, entry in self.history.conflicts:
            self.fail(f"{ask.machine} gave {ask.key!r} another answer: number {entry.sequence} of {entry.stream}")

    def finish(self) -> None:
        self.moment()
        for key, under in self._entries.items():
            _, *losers = sorted(under.values(), key=_precedence)
            for loser in losers:
                if not self._voids(loser) and loser.content.kind != ORDER:
                    self.fail(
                        f"{key!r} has {len(under)} entries, but number {loser.sequence} of {loser.stream} is not voided"
                    )
        for ask in self.history.asks:
            if ask.is_impostor:
                continue
            under = self._entries.get(ask.key, {})
            if ask.outcome is AddOutcome.REFUSED and under:
                self.fail(f"{ask.machine} refused {ask.key!r}, but an entry has this key")
            if ask.entry is not None and ask.entry.hash not in under:
                self.fail(f"{ask.machine} acknowledged {ask.key!r}, but no machine has its entry")
            if not ask.may_be_duplicated or ask.last is None:
                continue
            winner = min(under.values(), key=_precedence)
            can_know = self.chain.machines[ask.machine] in self.chain.subscribers(winner.stream.scope)
            if can_know and ask.last.hash != winner.hash:  # a store never hears of a return at another store
                self.fail(f"{ask.machine} still answers {ask.key!r} with a voided entry")

    def _voids(self, loser: Entry) -> dict[bytes, Entry]:
        return self._entries.get(f"void:{loser.hash.hex()}".encode(), {})

    def _check_apart(self, under: dict[bytes, Entry]) -> None:
        """Each node uses a key once, so entries under one key come from different nodes."""
        nodes = [node_of(entry.stream.writer) for entry in under.values()]
        if len(nodes) != len(dict.fromkeys(nodes)):
            self.fail(f"{nodes[-1]} wrote two entries under the key {next(iter(under.values())).content.key!r}")

    def _check_void(self, void: Entry) -> None:
        """A void reverses exactly the moves of a duplicate, and the node that wrote the duplicate writes the void."""
        hashes = {f"void:{entry.hash.hex()}".encode(): entry for under in self._under_several() for entry in under}
        loser = hashes.get(void.content.key)
        if loser is None:
            self.fail(f"{void.stream.writer} voided an entry that is no duplicate: {void.content.reference}")
            return
        rivals = self._entries[loser.content.key].values()
        if min(rivals, key=_precedence) is loser:
            self.fail(f"{void.stream.writer} voided the entry that wins under {loser.content.key!r}")
        if node_of(void.stream.writer) != node_of(loser.stream.writer):
            self.fail(f"{void.stream.writer} voided an entry of {loser.stream.writer}")
        if void.content.moves != _reversed(loser.content):
            self.fail(f"the void of number {loser.sequence} of {loser.stream} moves {void.content.moves}")

    def _under_several(self) -> list[list[Entry]]:
        return [list(under.values()) for under in self._entries.values() if len(under) > 1]


def _precedence(entry: Entry) -> tuple[int, str, bytes]:
    return entry.content.clock, entry.stream.writer, entry.hash


def _reversed(content: Content) -> tuple[Move, ...]:
    if content.kind in KEPT:
        return ()
    return tuple(Move(move.item, move.target, move.source, move.quantity) for move in content.moves)
