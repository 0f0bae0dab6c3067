"""The requests of clients with their answers, and the true stock on the shelves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any

from msgspec import Struct

from replica.core.base.errors import Overloaded, Overtaken, Refused, Stopping, StorageFull
from replica.core.base.names import is_internal
from replica.core.log.entry import Entry
from replica.core.orders.requests import ORDER, OrderEvent, Placement
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.decisions import Verdict
from replica.runtime.http.order_placing import NotReplicated
from simulations.addressed import AddressedCommand, Surveyed
from simulations.pn_counter import AddOutcome

Pair = tuple[str, str]
"""A location and an item."""

OF_THE_MOMENT = (Overloaded, Overtaken, Stopping, StorageFull)
"""Refusals without a decision. They say nothing about an earlier try."""


class Ask(Struct, eq=False):
    """One request under one key, with all its tries, and its change of the shelf."""

    machine: str
    """The machine that gets the next try."""
    asked: Command | DocumentWrite
    delta: dict[str, int]
    is_impostor: bool = False
    """Whether the key belongs to another request, so that nodes must refuse it."""
    is_by_recipe: bool = False
    """Whether its change of the shelf depends on recipes that its client does not know. `ReturnsChecker` checks it."""
    thefts_seen: int | None = None
    """For a count: the number of thefts before the shelf was counted."""
    of_orders: tuple[Mapping[str, int], int, int] | None = None
    """For a count: the version vector that its client saw, the moment, and the change by orders that it knew."""
    entry: Entry | None = None
    refused: Refused | None = None
    """The final refusal."""
    waiting: int = 0
    """Tries without an answer so far."""
    unheard_s: dict[str, float] = {}
    """By machine: when the last try with an unknown outcome timed out."""
    tried: dict[str, None] = {}
    """Machines that got a try. More than one may have done the request."""
    last: Entry | None = None
    """The latest answer."""
    first_tried_s: float = inf
    """When the first try began."""
    occurred_ms: int | None = None
    """The true time at which its goods moved, if that was before the first try and the request says so."""
    has_impossible_time: bool = False
    """Whether the request says that it happened at a time that cannot be true."""

    @property
    def key(self) -> bytes:
        """The idempotency key."""
        return self.asked.key

    @property
    def location(self) -> str:
        """The location of the goods; empty for a document."""
        return self.asked.location if isinstance(self.asked, Command) else ""

    @property
    def is_settled(self) -> bool:
        """Whether its client has a final answer."""
        return self.entry is not None or self.refused is not None

    @property
    def is_open(self) -> bool:
        """Whether it may have happened, or may still happen, without an answer. Goods that moved are told some day."""
        return self.entry is None and (self.waiting > 0 or bool(self.unheard_s) or self.occurred_ms is not None)

    @property
    def may_be_duplicated(self) -> bool:
        """Whether several machines may have done it."""
        return len(self.tried) > 1

    @property
    def outcome(self) -> AddOutcome:
        """The outcome that its client knows."""
        if self.entry is not None:
            return AddOutcome.ACKNOWLEDGED
        return AddOutcome.UNKNOWN if self.is_open else AddOutcome.REFUSED


class Bought(Struct, eq=False):
    """An order, as its customer knows it."""

    placement: Placement
    ask: Ask
    life: tuple[str, ...] = ()
    """The events that the customer plans for it, in order."""
    lived: int = 0
    """How many of them were reported."""
    numbered: int = 0
    """The last number given to one of its events."""

    @property
    def fulfilments(self) -> list[tuple[str, str]]:
        """Name and location of each fulfilment in the answer to the placement."""
        shown = self.ask.entry.content.facts.get("shown", ()) if self.ask.entry is not None else ()
        return [(name, location) for name, location, *_ in shown]


class Durable(Struct, frozen=True):
    """What was durable at some moment: the first entries of a disk."""

    disk: object
    entries: int
    wall_ms: int = 0
    """What the clock of the machine showed."""
    sets: int = 0
    """How often that clock had been set."""


class PageRead(Struct, frozen=True):
    """A page of a journal as a reader gets it: the hashes of the entries, and the cursor to go on from.

    `is_reset`: the node refused the cursor of the reader, and `next` is where to begin.
    """

    hashes: tuple[str, ...]
    next: str
    is_reset: bool = False


class History:
    """All requests of a run, and the shelves that they change."""

    def __init__(self) -> None:
        self.on_answer: Callable[[Ask, Entry], None] = lambda ask, entry: None
        self.on_refused: Callable[[Ask, Refused, str, Durable], None] = lambda ask, refused, machine, since: None
        self.on_shown: Callable[[str, str, dict[str, int]], None] = lambda machine, scope, vector: None
        self.on_read: Callable[[str, str, str, PageRead], None] = lambda reader, machine, cursor, page: None
        self.on_figures: Callable[[str, Mapping[str, Any], Entry | None], None] = lambda machine, shown, after: None
        self.on_quote: Callable[[str, Mapping[str, Any]], None] = lambda machine, shown: None
        self.on_sourced: Callable[[str, AddressedCommand, Surveyed, Mapping[str, Any]], None] = (
            lambda machine, asked, surveyed, shown: None
        )
        self.asks: list[Ask] = []
        self.conflicts: list[tuple[Ask, Entry]] = []
        """Answers that differ from the first answer to the same request."""
        self.demands: dict[Pair, int] = {}
        """How often a client made a node ask other nodes for rights."""
        self.bought: list[Bought] = []
        """Every order that a client placed or is about to place."""
        self.asks_of: dict[str, list[Ask]] = {}
        """By order: all requests about it."""
        self.numbered: dict[str, list[Ask]] = {}
        """By order: requests that together return everything that it held, some of them numbered."""
        self.going_on: dict[str, list[Ask]] = {}
        """By order: its events in order of their numbers. The order may move between them."""
        self.handed_out: list[Entry] = []
        """Every entry of an order that is durable on any machine."""
        self.counts: dict[str, int] = {}
        """How often each event happened to clients, by name."""
        self.kept: dict[str, Any] = {}
        """What a workload keeps for its checker, by name."""
        self._shelf: dict[Pair, int] = {}
        self._robbed: dict[Pair, int] = {}
        self._thefts = 0
        self._untold: list[Ask] = []
        """Requests whose goods moved before a node was told."""

    def move_untold(self, ask: Ask) -> Ask:
        """Move the goods of a request that no node knows yet. It begins later."""
        self.tally("moved untold")
        self._untold.append(ask)
        self._move(ask)
        return ask

    def begin(self, ask: Ask) -> None:
        """Note a new request."""
        self.asks.append(ask)
        request = ask.asked.request if isinstance(ask.asked, Command) else None
        if isinstance(request, Placement | OrderEvent):
            self.asks_of.setdefault(request.order, []).append(ask)

    def unheard(self, ask: Ask, machine: str, now_s: float) -> None:
        """Note that a try got no answer, so its outcome is unknown."""
        self.tally("no answer")
        ask.unheard_s[machine] = now_s

    def answered(self, ask: Ask, verdict: Verdict, machine: str, asked_s: float, since: Durable) -> None:
        """Note the answer to a try that began at `asked_s`. The first answer is final, and the goods move then.

        `since`: what was durable at the machine then.

        A refusal says nothing about tries at other machines. A later answer may differ from the first one only if
        several machines may have done the request.
        """
        if isinstance(verdict, Refused):
            self.tally(f"refused {verdict.kind}")
            self.on_refused(ask, verdict, machine, since)
            if isinstance(verdict, NotReplicated):  # the order may be placed
                ask.unheard_s[machine] = asked_s
                return
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
        if ask.occurred_ms is None:
            self._move(ask)
        for item in ask.delta:
            pair = (ask.location, item)
            if ask.thefts_seen is not None and self._robbed.get(pair, 0) <= ask.thefts_seen:
                self._robbed.pop(pair, None)

    def _move(self, ask: Ask) -> None:
        for item, units in ask.delta.items():
            pair = (ask.location, item)
            self._shelf[pair] = self._shelf.get(pair, 0) + units

    def steal(self, pair: Pair, units: int) -> None:
        """Remove goods from a shelf without an entry, until the next count finds that."""
        self.tally("stolen")
        self._thefts += 1
        self._robbed[pair] = self._thefts
        self._shelf[pair] = self._shelf.get(pair, 0) - units

    @property
    def thefts(self) -> int:
        """The number of thefts so far."""
        return self._thefts

    def show(self, machine: str, scope: str, vector: dict[str, int]) -> None:
        """Note that a client saw stock from these entries. No crash may undo them."""
        self.tally("shown")
        self.on_shown(machine, scope, vector)

    def show_figures(self, machine: str, shown: Mapping[str, Any], after: Entry | None = None) -> None:
        """Note that a client got an answer about stock, after the answer to a request with this entry."""
        self.tally("availability read" if "sku" in shown else "stock explained")
        self.on_figures(machine, shown, after)

    def show_quote(self, machine: str, shown: Mapping[str, Any]) -> None:
        """Note that a client got a quote, or the answer to a sale for the second time."""
        self.tally("sale answered again" if "again" in shown else "quoted")
        self.on_quote(machine, shown)

    def show_sourced(self, machine: str, asked: AddressedCommand, surveyed: Surveyed, shown: Mapping[str, Any]) -> None:
        """Note that a client was told from where an order to an address would be sent."""
        self.tally("sourced")
        self.on_sourced(machine, asked, surveyed, shown)

    def read(self, reader: str, machine: str, cursor: str, page: PageRead) -> None:
        """Note that a reader of the journal got a page, or was told to begin again."""
        self.tally("begun again" if page.is_reset else "page read")
        self.on_read(reader, machine, cursor, page)

    def of_orders(self, pair: Pair) -> int:
        """The change of a shelf by orders."""
        return sum(effect_of(entry).get(pair[1], 0) for entry in self.handed_out if entry.stream.scope == pair[0])

    def was_overtaken(self, count: Ask, pair: Pair) -> bool:
        """Whether orders had changed a shelf before a count in a way that its client did not know."""
        assert count.of_orders is not None
        held, as_of, known = count.of_orders
        return changed_by_orders(self.handed_out, pair, held, as_of) != known

    def on_shelf(self, pair: Pair, of_orders: int | None = None) -> int | None:
        """Units on a shelf; None if an open request makes that unknown.

        `of_orders` is the change by orders to assume, instead of all changes up to now.
        """
        if any(ask.is_open and ask.location == pair[0] and pair[1] in ask.delta for ask in self.asks):
            return None
        changed = self.of_orders(pair) if of_orders is None else of_orders
        return self._shelf.get(pair, 0) + changed

    def moved_after(self, pair: Pair, held: Mapping[str, int], as_of: int) -> int | None:
        """Units that left a shelf after a moment; None if that is unknown.

        An entry that the counting client did not hold moved its goods at the time of its stamp, because books know
        no other time, except where the request says when it happened.
        """
        moved = 0
        for ask in self._untold:
            if ask.location == pair[0] and ask.occurred_ms is not None and ask.occurred_ms << 16 > as_of:
                moved -= ask.delta.get(pair[1], 0)
        for ask in self.asks:
            if ask.entry is None or ask.location != pair[0] or pair[1] not in ask.delta or ask.occurred_ms is not None:
                continue
            writer, stamp = ask.entry.stream.writer, ask.entry.content.clock
            if ask.entry.sequence > held.get(writer, 0) and stamp > as_of:
                if ask.may_be_duplicated:
                    return None  # another machine may have done it earlier
                moved -= ask.delta[pair[1]]
        return moved

    def is_robbed(self, pair: Pair) -> bool:
        """Whether goods were stolen since the last count."""
        return pair in self._robbed

    @property
    def pairs(self) -> list[Pair]:
        """Every location and item of all requests."""
        return sorted({(ask.location, item) for ask in self.asks for item in ask.delta})

    def demand(self, pair: Pair) -> None:
        """Note that a client makes a node ask other nodes for rights."""
        self.tally("wanted")
        self.demands[pair] = self.demands.get(pair, 0) + 1

    def tally(self, name: str) -> None:
        """Count an event."""
        self.counts[name] = self.counts.get(name, 0) + 1


def changed_by_orders(entries: Iterable[Entry], pair: Pair, held: Mapping[str, int], as_of: int) -> int:
    """The change of a shelf by orders up to a moment, by entries in `held` or stamped up to `as_of`."""
    return sum(
        effect_of(entry).get(pair[1], 0)
        for entry in entries
        if entry.content.kind == ORDER
        and entry.stream.scope == pair[0]
        and (entry.sequence <= held.get(entry.stream.writer, 0) or entry.content.clock <= as_of)
    )


def effect_of(entry: Entry) -> dict[str, int]:
    """The change of on_hand by an entry, by item."""
    effect: dict[str, int] = {}
    for move in entry.content.moves:
        change = (is_internal(move.target) - is_internal(move.source)) * move.quantity
        effect[move.item] = effect.get(move.item, 0) + change
    return effect
