"""Exactly once across nodes: two nodes accepted one request under one key while they were disconnected.

They notice it when they merge. Among the entries with one key and one request, the entry with the least
`(clock, writer, hash)` wins. An entry that lost never wins again, because only a lesser entry replaces a winner.
So a node voids its own entry when that entry was the least known, and a merge brings a lesser one. The void is in the
batch of that merge. Its key is made from the voided entry, so two voids of one entry are duplicates like any other.

The void reverses the moves of the entry, even where that overdraws an account. Four kinds differ. A void of a grant
moves nothing, because a repeated grant creates no units, and policies move the rights back. A void of a count moves
nothing, because counts have their own order (`counts`). A void of a document moves nothing, because writes replace
each other. Orders are voided by their own rules (`orders.events`).

Two entries with one key and different requests both stay valid. The node reports them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from replica.core.base.limits import COLLISIONS_MAX
from replica.core.base.names import node_of, void_key
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Entry, precedence
from replica.core.log.times import times_of_change
from replica.core.log.voids import VOID
from replica.core.orders.requests import ORDER
from replica.core.state.kinds import Kinds, VoidEffect
from replica.core.stock.transfers import TRANSFER


class Collision(Struct):
    """Two entries under one key. `entry` lost to `winner`; if it records another request, both stay valid."""

    entry: Entry
    winner: Entry
    is_duplicate: bool
    void: Entry | None = None
    """The entry that voids `entry`, once it is known."""


class Collisions:
    """The newest collisions that a replica found. People read them; no decision depends on them."""

    __slots__ = ("_found", "_kinds")

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._found: dict[bytes, Collision] = {}

    def __iter__(self) -> Iterator[Collision]:
        return iter(self._found.values())

    def meet(self, entry: Entry, known: Sequence[Entry]) -> Collision:
        """Compare an entry with the known entries of its key. Return the entry that lost, and the winner."""
        same = [one for one in known if self._kinds.are_same_request(one, entry)]
        best = min(same, key=precedence, default=None)
        if best is None:
            found = Collision(entry, known[0], is_duplicate=False)
        elif precedence(best) < precedence(entry):
            found = Collision(entry, best, is_duplicate=True)
        else:
            found = Collision(best, entry, is_duplicate=True)
            for one in self._found.values():
                if one.winner.hash == best.hash:
                    one.winner = entry
            conflict = self._found.get(best.hash)
            if conflict is not None:  # with another request; the new entry stands for this one now
                self._found[entry.hash] = Collision(entry, conflict.winner, is_duplicate=False)
        self._found[found.entry.hash] = found
        while len(self._found) > COLLISIONS_MAX:
            del self._found[next(iter(self._found))]
        return found

    def settle(self, void: Entry) -> None:
        """Note the void of an entry, if the collision of that entry is kept here."""
        loser = void.content.facts.get("loser")
        found = self._found.get(loser) if isinstance(loser, bytes) else None
        if found is not None:
            found.void = void

    def load(self, entries: Iterable[Entry]) -> None:
        """Rebuild the collisions from entries that share keys, and from voids, in order of arrival."""
        held: dict[bytes, list[Entry]] = {}
        for entry in entries:
            known = held.setdefault(entry.content.key, [])
            if known:
                self.meet(entry, known)
            known.append(entry)
            if entry.content.kind == VOID:
                self.settle(entry)


def lost_among(entries: Iterable[Entry], kinds: Kinds) -> dict[bytes, Entry]:
    """Of entries that may share keys: those that lost to a duplicate, by hash. All entries of their keys are given."""
    won: dict[bytes, list[Entry]] = {}
    lost: dict[bytes, Entry] = {}
    for entry in sorted(entries, key=precedence):
        standing = won.setdefault(entry.content.key, []) if entry.content.key else []
        if any(kinds.are_same_request(one, entry) for one in standing):
            lost[entry.hash] = entry
        else:
            standing.append(entry)
    return lost


def is_ours_to_void(collision: Collision, node: str) -> bool:
    """Whether this node voids the losing entry here. Orders have their own voids (`orders.events`)."""
    loser = collision.entry
    return collision.is_duplicate and loser.content.kind != ORDER and node_of(loser.stream.writer) == node


def prepare_void(loser: Entry, winner: Entry, kinds: Kinds) -> Draft:
    """Reverse every move of a duplicate. If that overdraws an account, the missing units are a breach.

    The void takes effect at the time of the losing entry. So it also repairs a count made between the two: that count
    found one unit gone while the ledger showed two.
    """
    content = loser.content
    moves = content.moves if kinds.void_effect(content) is VoidEffect.MOVES else ()
    facts = {
        "loser": loser.hash,
        "loser_writer": loser.stream.writer,
        "loser_sequence": loser.sequence,
        "winner": winner.hash,
        **times_of_change(content),
        **({TRANSFER: content.facts[TRANSFER]} if TRANSFER in content.facts else {}),
    }
    reverse = tuple(Move(move.item, move.target, move.source, move.quantity) for move in moves)
    return Draft(
        kind=VOID, moves=reverse, facts=facts, reason=content.kind, reference=loser.hash.hex(), key=void_key(loser.hash)
    )
