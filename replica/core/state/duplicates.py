"""Exactly once across nodes: requests that two nodes accepted under one key while they were cut off from each other.

They find out when they merge. Of the entries with one key and the same request the least `(clock, writer, hash)` wins,
for good: whoever lost once can never win again, for what else turns up only takes the place of the winner. So an entry
has to be voided exactly when it is the least that was held until a lesser one came, and only its own node does it, in
the batch that brings the other one. The void is keyed by the entry it voids, so two voids of one entry are duplicates
like any other.

What moved goods is reversed, even where that overdraws. Nothing is reversed of a grant, for rights are not goods: what
was granted twice is nowhere twice, and policies move it back. Nor of a count, which stands or not by its own order
(`counts`), nor of a document, whose writes replace each other. What becomes of orders is `order_movements`' to say.

Entries of one key and different requests both stand; they are reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from replica.core.base.limits import COLLISIONS_MAX
from replica.core.base.names import node_of, void_key
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Entry
from replica.core.log.voids import VOID, effective_clock
from replica.core.orders.requests import ORDER
from replica.core.state.kinds import Kinds, VoidEffect


class Collision(Struct):
    """Two entries under one key: `entry` lost to `winner`, or is of another request than it and stands."""

    entry: Entry
    winner: Entry
    is_duplicate: bool
    void: Entry | None = None
    """What took back its effect, once that is known."""


class Collisions:
    """The newest collisions that a replica came across, for people to look at: nothing is decided by them."""

    __slots__ = ("_found", "_kinds")

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._found: dict[bytes, Collision] = {}

    def __iter__(self) -> Iterator[Collision]:
        return iter(self._found.values())

    def meet(self, entry: Entry, known: Sequence[Entry]) -> Collision:
        """Settle who wins, when an entry comes under a key that others have: the one that lost by it, and to whom."""
        same = [one for one in known if self._kinds.are_same_request(one, entry)]
        best = min(same, key=precedence, default=None)
        if best is None:
            found = Collision(entry, known[0], is_duplicate=False)
        elif precedence(best) < precedence(entry):
            found = Collision(entry, best, is_duplicate=True)
        else:
            found = Collision(best, entry, is_duplicate=True)
            for one in same:
                if one.hash in self._found:
                    self._found[one.hash].winner = entry
        self._found[found.entry.hash] = found
        if len(self._found) > COLLISIONS_MAX:
            del self._found[next(iter(self._found))]
        return found

    def settle(self, void: Entry) -> None:
        """Note that an entry was voided, if it is one of those kept."""
        loser = void.content.facts.get("loser")
        found = self._found.get(loser) if isinstance(loser, bytes) else None
        if found is not None:
            found.void = void

    def load(self, entries: Iterable[Entry]) -> None:
        """Find again what there was in entries that share keys, and in voids, in order of arrival."""
        held: dict[bytes, list[Entry]] = {}
        for entry in entries:
            known = held.setdefault(entry.content.key, [])
            if known:
                self.meet(entry, known)
            known.append(entry)
            if entry.content.kind == VOID:
                self.settle(entry)


def precedence(entry: Entry) -> tuple[int, str, bytes]:
    """The order in which entries of one key and request come: the least wins, wherever they are compared."""
    return entry.content.clock, entry.stream.writer, entry.hash


def is_ours_to_void(collision: Collision, node: str) -> bool:
    """Whether an entry that lost is this node's to void here; orders are looked after by themselves."""
    loser = collision.entry
    return collision.is_duplicate and loser.content.kind != ORDER and node_of(loser.stream.writer) == node


def prepare_void(loser: Entry, winner: Entry, kinds: Kinds) -> Draft:
    """Take back what a duplicate moved, to the unit: what that overdraws is a breach.

    It counts as of its loser's time, so a count between the two, which found one unit gone where the book held two,
    is made right again.
    """
    content = loser.content
    moves = content.moves if kinds.void_effect(content) is VoidEffect.MOVES else ()
    facts = {
        "loser": loser.hash,
        "loser_writer": loser.stream.writer,
        "loser_sequence": loser.sequence,
        "winner": winner.hash,
        "as_of": effective_clock(content),
    }
    reverse = tuple(Move(move.item, move.target, move.source, move.quantity) for move in moves)
    return Draft(VOID, reverse, facts=facts, reason=content.kind, reference=loser.hash.hex(), key=void_key(loser.hash))
