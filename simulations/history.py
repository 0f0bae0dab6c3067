"""What clients asked and were told, and what really lies on the shelves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from replica.core.base.errors import Overloaded, Overtaken, Refused, Stopping, StorageFull
from replica.core.base.names import is_internal
from replica.core.log.entry import Entry
from replica.core.orders.requests import ORDER, OrderEvent, Placement
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.decisions import Verdict
from simulations.pn_counter import Outcome

Pair = tuple[str, str]
"""A location and an item."""

OF_THE_MOMENT = (Overloaded, Overtaken, Stopping, StorageFull)
"""Refusals that say nothing of an earlier try: this one was not decided at all."""


class Ask(Struct, eq=False):
    """One request under one key, however often and wherever it was tried, and what it would change on the shelf."""

    machine: str
    """Where it is asked now."""
    asked: Command | DocumentWrite
    delta: dict[str, int]
    is_impostor: bool = False
    """Whether the key belongs to another request, so that it must be refused."""
    thefts_seen: int | None = None
    """Of a count: how many thefts had happened when the shelf was counted."""
    of_orders: tuple[Mapping[str, int], int, int] | None = None
    """Of a count: what its client held, the moment, and what orders had changed on the shelf by then, as it knew."""
    entry: Entry | None = None
    refused: Refused | None = None
    """Why it was refused for good."""
    waiting: int = 0
    """Tries that wait for their answer."""
    unheard_s: dict[str, float] = {}
    """By machine, when the last of the tries was given up whose outcome nobody knows."""
    tried: dict[str, None] = {}
    """Machines where it was tried: more than one may have done it."""
    last: Entry | None = None
    """What it was answered with last."""

    @property
    def key(self) -> bytes:
        """The idempotency key."""
        return self.asked.key

    @property
    def location(self) -> str:
        """Where it would move goods; none for a document."""
        return self.asked.location if isinstance(self.asked, Command) else ""

    @property
    def is_settled(self) -> bool:
        """Whether its client need not ask again."""
        return self.entry is not None or self.refused is not None

    @property
    def is_open(self) -> bool:
        """Whether it may have happened, or may yet, without anybody having been told."""
        return self.entry is None and (self.waiting > 0 or bool(self.unheard_s))

    @property
    def may_be_duplicated(self) -> bool:
        """Whether several machines may have done it."""
        return len(self.tried) > 1

    @property
    def outcome(self) -> Outcome:
        """How it ended, as its client knows."""
        if self.entry is not None:
            return Outcome.ACKNOWLEDGED
        return Outcome.UNKNOWN if self.is_open else Outcome.REFUSED


class Bought(Struct, eq=False):
    """An order as its customer knows it."""

    placement: Placement
    ask: Ask
    life: tuple[str, ...] = ()
    """What is to happen to it, if all goes as it should."""
    lived: int = 0
    """How much of that was told."""
    numbered: int = 0
    """Events of it that were given a number so far."""

    @property
    def fulfilments(self) -> list[tuple[str, str]]:
        """Name and location of each, as far as the customer was told."""
        shown = self.ask.entry.content.facts.get("shown", ()) if self.ask.entry is not None else ()
        return [(name, location) for name, location, *_ in shown]


class History:
    """All asks of a run, and the shelves they empty and fill."""

    def __init__(self) -> None:
        self.on_answer: Callable[[Ask, Entry], None] = lambda ask, entry: None
        self.on_shown: Callable[[str, str, dict[str, int]], None] = lambda machine, scope, vector: None
        self.asks: list[Ask] = []
        self.conflicts: list[tuple[Ask, Entry]] = []
        """Answers that differ from the first one to the same ask."""
        self.demands: dict[Pair, int] = {}
        """How often a node was made to ask others for rights."""
        self.bought: list[Bought] = []
        """Every order that anybody placed, or will in a moment."""
        self.asks_of: dict[str, list[Ask]] = {}
        """Everything that was asked about each order."""
        self.handed_out: list[Entry] = []
        """Every entry about an order that is durable anywhere."""
        self.counts: dict[str, int] = {}
        """How often what happened to clients, by name."""
        self._shelf: dict[Pair, int] = {}
        self._robbed: dict[Pair, int] = {}
        self._thefts = 0

    def begin(self, ask: Ask) -> None:
        """An ask is on its way."""
        self.asks.append(ask)
        request = ask.asked.request if isinstance(ask.asked, Command) else None
        if isinstance(request, Placement | OrderEvent):
            self.asks_of.setdefault(request.order, []).append(ask)

    def unheard(self, ask: Ask, machine: str, now_s: float) -> None:
        """A try got no answer: nobody knows what became of it."""
        self.tally("no answer")
        ask.unheard_s[machine] = now_s

    def answered(self, ask: Ask, verdict: Verdict, machine: str, asked_s: float) -> None:
        """A try that began at `asked_s` was answered. The first answer stands; goods move when it comes.

        A refusal says nothing of tries at other machines. An answer may differ from the first one only where several
        machines may have done what was asked.
        """
        if isinstance(verdict, Refused):
            self.tally(f"refused {verdict.kind}")
            if not isinstance(verdict, OF_THE_MOMENT) and ask.unheard_s.get(machine, asked_s) <= asked_s:
                ask.unheard_s.pop(machine, None)
                if not ask.unheard_s:
                    ask.refused = verdict
            return
        if ask.entry is not None or ask.is_impostor:
            if ask.entry is None or (ask.entry.hash != verdict.hash and not ask.may_be_duplicated):
                self.conflicts.append((ask, verdict))
            ask.last = verdict
            return
        ask.last = verdict
        self.tally("acknowledged")
        self.on_answer(ask, verdict)
        ask.entry = verdict
        for item, units in ask.delta.items():
            pair = (ask.location, item)
            self._shelf[pair] = self._shelf.get(pair, 0) + units
            if ask.thefts_seen is not None and self._robbed.get(pair, 0) <= ask.thefts_seen:
                self._robbed.pop(pair, None)

    def steal(self, pair: Pair, units: int) -> None:
        """Goods vanish from a shelf; no book knows until somebody counts."""
        self.tally("stolen")
        self._thefts += 1
        self._robbed[pair] = self._thefts
        self._shelf[pair] = self._shelf.get(pair, 0) - units

    @property
    def thefts(self) -> int:
        """Thefts so far: what a count made now will have seen."""
        return self._thefts

    def show(self, machine: str, scope: str, vector: dict[str, int]) -> None:
        """A client was shown stock that these entries make: no crash may undo them."""
        self.tally("shown")
        self.on_shown(machine, scope, vector)

    def of_orders(self, pair: Pair) -> int:
        """What orders changed of what lies there."""
        return sum(effect_of(entry).get(pair[1], 0) for entry in self.handed_out if entry.stream.scope == pair[0])

    def was_overtaken(self, count: Ask, pair: Pair) -> bool:
        """Whether orders had changed more of a shelf by the moment of a count than its client knew."""
        assert count.of_orders is not None
        held, as_of, known = count.of_orders
        return changed_by_orders(self.handed_out, pair, held, as_of) != known

    def on_shelf(self, pair: Pair, of_orders: int | None = None) -> int | None:
        """Units that lie there; None while nobody can know, for an ask is open.

        `of_orders` is what orders changed of it, where that is not all they did up to now.
        """
        if any(ask.is_open and ask.location == pair[0] and pair[1] in ask.delta for ask in self.asks):
            return None
        changed = self.of_orders(pair) if of_orders is None else of_orders
        return self._shelf.get(pair, 0) + changed

    def moved_after(self, pair: Pair, held: Mapping[str, int], as_of: int) -> int | None:
        """Units that were on the shelf at a moment and are not any more; None while nobody can tell.

        What whoever holds these entries has not heard of left, or came, when its stamp says: that is the only time
        that books know of.
        """
        moved = 0
        for ask in self.asks:
            if ask.entry is None or ask.location != pair[0] or pair[1] not in ask.delta:
                continue
            writer, stamp = ask.entry.stream.writer, ask.entry.content.clock
            if ask.entry.sequence > held.get(writer, 0) and stamp > as_of:
                if ask.may_be_duplicated:
                    return None  # another machine may have done it earlier
                moved -= ask.delta[pair[1]]
        return moved

    def is_robbed(self, pair: Pair) -> bool:
        """Whether goods vanished since the last count."""
        return pair in self._robbed

    @property
    def pairs(self) -> list[Pair]:
        """Every location and item that anybody asked to move."""
        return sorted({(ask.location, item) for ask in self.asks for item in ask.delta})

    def demand(self, pair: Pair) -> None:
        """A node is made to ask others for rights."""
        self.tally("wanted")
        self.demands[pair] = self.demands.get(pair, 0) + 1

    def tally(self, name: str) -> None:
        """Count an event."""
        self.counts[name] = self.counts.get(name, 0) + 1


def changed_by_orders(entries: Iterable[Entry], pair: Pair, held: Mapping[str, int], as_of: int) -> int:
    """What orders changed of what lies there by a moment: by entries that are held, so many of each writer's, or that
    are stamped before it."""
    return sum(
        effect_of(entry).get(pair[1], 0)
        for entry in entries
        if entry.content.kind == ORDER
        and entry.stream.scope == pair[0]
        and (entry.sequence <= held.get(entry.stream.writer, 0) or entry.content.clock <= as_of)
    )


def effect_of(entry: Entry) -> dict[str, int]:
    """What an entry changes of what is on hand, by item."""
    effect: dict[str, int] = {}
    for move in entry.content.moves:
        change = (is_internal(move.target) - is_internal(move.source)) * move.quantity
        effect[move.item] = effect.get(move.item, 0) + change
    return effect
