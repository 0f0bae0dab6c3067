"""A journal that is played again: what a known request leads to at each entry, and at each moment between two entries.

Faults, merges and other clients decide in which order a node received its entries. The journal shows that order. So the
state at each moment is known: the entry of a request says what it leads to then, and a refusal must follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from simulations.reference import movements, returns
from simulations.reference.answers import Refusal, difference, in_any_order
from simulations.reference.bodies import moment
from simulations.reference.catalogue import Catalogue, Documents
from simulations.reference.counts import Counts, Seen
from simulations.reference.fulfilments import REPEATABLE
from simulations.reference.journal import Entry, Journal, shown_moves
from simulations.reference.movements import Draft, Place
from simulations.reference.order_entries import event_of, expected_entry, said_by
from simulations.reference.order_events import Decider, Decision, decide
from simulations.reference.order_traces import FulfilmentTrace, OrderTrace
from simulations.reference.price_documents import PriceDocuments
from simulations.reference.sourcing import Offer, Plan, promised, wanted

DECIDE = {
    "sale": movements.sale,
    "return": returns.accept,
    "receipt": movements.goods_receipt,
    "adjustment": movements.adjustment,
    "quarantine": movements.quarantine,
    "grant": movements.grant,
}
"""How a node decides each kind of request. A count needs more: the moment that it holds for."""


class Replay:
    """The journal of one node, up to some entry.

    `own`: the locations that the node writes for. A hub hosts them, and keeps quotas for channels. `met`: the locations
    that it may know from its peers, although no entry and no document names them.
    """

    def __init__(
        self, node: str, *, open_catalogue: bool, own: Sequence[str] = (), met: Sequence[str] = (), is_hub: bool = False
    ) -> None:
        self.node = node
        self.own = own
        self.is_hub = is_hub
        self.journal = Journal()
        self.catalogue = Catalogue(open_catalogue)
        self.documents = Documents()
        self.prices = PriceDocuments()
        self.counts = Counts()
        self.keys: dict[str, None] = {}
        """The idempotency keys of the entries."""
        self._heard_of: dict[str, None] = dict.fromkeys((*own, *met))
        self.orders: dict[str, OrderTrace] = {}
        self.placed: dict[str, None] = {}
        """The orders whose placement arrived."""
        self._told: dict[tuple[str, str], str] = {}
        """By key and event: how the nodes name the request, if it may come again."""

    def play(self, entry: Entry, asked: Mapping[str, Any] | None = None) -> str:
        """Take in the next entry. Returns how it differs from what its request leads to; empty if it does not.

        `asked`: the request in its normal form, if it is known.
        """
        wrong = ""
        if asked is not None:
            try:
                wrong = self._wrong_entry(entry, asked)
            except Refusal as refusal:
                wrong = f"the node had to refuse it: {refusal}"
        self.hear(entry)
        return wrong

    def hear(self, entry: Entry) -> None:
        """Take in the next entry as it is."""
        self.journal.append(entry)
        self.counts.hear(entry, self.node)
        self._heard_of[entry.scope] = None
        if entry.key:
            self.keys[entry.key] = None
        facts = entry.facts
        if entry.kind == "order" and "act" in facts:
            self._hear_of_order(entry)
        if entry.kind == "document":
            self.prices.put(facts, (facts["version"], entry.stamp, entry.writer))
        if entry.kind == "document" and entry.facts["rank"] == 0:
            order = (facts["version"], entry.stamp, entry.writer)
            self.documents.put(facts["kind"], facts["key"], facts["value"], order)
            if facts["kind"] == "sku":
                self.catalogue.put(facts["key"], facts["value"], order)

    def _hear_of_order(self, entry: Entry) -> None:
        facts = entry.facts
        self.orders.setdefault(entry.reference, OrderTrace(entry.reference)).take(entry.noted)
        if "digest" in facts:
            self.placed[entry.reference] = None
        event = event_of(facts)
        if event is not None and entry.key and facts.get("tellings") and "share_of" not in facts:
            self._told[entry.key, repr(event)] = facts["tellings"][0]

    @property
    def known(self) -> list[str]:
        """The locations that the node knows: its own, those of nodes and entries, and those with a document."""
        return [*self._heard_of, *self.documents.keys("location")]

    def decide(self, kind: str, location: str, asked: Mapping[str, Any]) -> Draft | None:
        """What a request about goods at a location leads to now; None for a count. Raises a refusal.

        A node promises units of a location of others if it ever had rights there. All else happens on the spot.
        """
        free, is_promise = f"{self.node}/free", kind == "grant" or asked.get("on_shortage") == "refuse"
        if location not in self.own and not (is_promise and self.journal.has_credited(location, free)):
            if location not in self.known:
                raise Refusal("unknown-location", "location", location=location)
            raise Refusal("not-hosted", "location")
        return DECIDE[kind](self.place(location), asked) if kind in DECIDE else None

    def promise(self, asked: Mapping[str, Any]) -> Plan:
        """What a placement of a new order takes now. Raises a refusal."""
        return promised(self.offer(asked["channel"]), self.own, asked, wanted(asked, self.catalogue, self.known))

    def happen(self, asked: Mapping[str, Any], told: str | None = None) -> Decision[FulfilmentTrace]:
        """What an event of an order leads to now. Raises a refusal. `told`: how nodes name the request."""
        counter = "" if self.is_hub else next(iter(self.own), "")
        return decide(Decider(self.node, self.catalogue, self.offer, counter), self._order(asked["order"]), asked, told)

    def _names(self, asked: Mapping[str, Any], key: str) -> Sequence[str | None]:
        """How nodes may name a request: as an entry under its key shows, or by a name of which no entry arrived yet.

        A name is no part of the contract. But all nodes must give a request the same one.
        """
        if asked["number"] or (asked["event"] not in REPEATABLE and asked["lines"] is None):
            return [None]
        known = self._told.get((key, repr(asked)))
        if known is not None:
            return [known]
        told = {name for one in self._order(asked["order"]).fulfilments.values() for name in one.told}
        return [None, *sorted(told - {*self._told.values()})]

    def _order(self, name: str) -> OrderTrace:
        return self.orders.get(name) or OrderTrace(name)

    def offer(self, channel: str) -> Offer:
        """What the node may promise to the orders of a channel. A store has no quotas, and keeps nothing back."""
        if not self.is_hub:
            return Offer(self.node, self.journal)
        return Offer(self.node, self.journal, self.documents, channel, self.own)

    def place(self, location: str) -> Place:
        """A location as the node sees it."""
        return Place(location, self.node, self.journal, self.catalogue)

    def _wrong_entry(self, entry: Entry, asked: Mapping[str, Any]) -> str:
        if entry.kind != "order":
            return self._wrong(entry, asked)
        if "event" not in asked:
            return self._placed_wrongly(entry, asked)
        return self._happened_wrongly(entry, asked)

    def _happened_wrongly(self, entry: Entry, asked: Mapping[str, Any]) -> str:
        """How the entry that answers an event differs from what the event leads to."""
        order, found = self._order(asked["order"]), []
        for told in self._names(asked, entry.key):
            try:
                found.append(difference(expected_entry(self.happen(asked, told), order, asked), said_by(entry)))
            except Refusal as refusal:
                found.append(f"the node had to refuse it: {refusal}")
        return "" if "" in found else found[0]

    def _wrong(self, entry: Entry, asked: Mapping[str, Any]) -> str:
        draft = self.decide(entry.kind, entry.scope, asked)
        if draft is None:
            seen = Seen(entry.facts["seen"], entry.facts["as_of"])
            draft = self.counts.prepare(self.place(entry.scope), asked, seen, entry.writer)
        return difference(_filled(entry, draft).shown, entry.noted)

    def _placed_wrongly(self, entry: Entry, asked: Mapping[str, Any]) -> str:
        """How the first entry of an order differs from its placement. It moves the units of the first location."""
        if entry.reference in self.placed:
            return "an order that was placed before moves units" if entry.moves else ""
        plan = self.promise(asked)
        state = "reserved" if asked["paid"] else "held"
        shown = [
            [f"{self.node}.{number}", location, state, [[sku, units] for sku, units in plan.merged(location).items()]]
            for number, location in enumerate(plan.taken, 1)
        ]
        first = next(iter(plan.taken))
        expected = {"scope": first, "moves": in_any_order(shown_moves(plan.moves(first))), "shown": shown}
        found = {"scope": entry.scope, "moves": shown_moves(entry.moves), "shown": entry.facts["shown"]}
        return difference(expected, found)


UNDECIDED = ("wall", "after", "unheard", "recipes", "quote")
"""Facts that a draft does not decide. `baskets` derives the quote."""


def _filled(entry: Entry, draft: Draft) -> Entry:
    """An entry with what a draft says. What the draft does not decide stays."""
    others = {
        name: value for name, value in entry.facts.items() if name in ("wall", "after", "unheard", "recipes", "quote")
    }
    return replace(
        entry,
        moves=draft.moves,
        lines=draft.lines,
        facts={**others, **draft.facts},
        actor=draft.actor,
        reason=draft.reason,
        reference=draft.reference,
        recipes=draft.recipes,
    )


def entry_of(shown: Mapping[str, Any], arrival: int) -> Entry:
    """An entry from its public JSON."""
    named = {name: shown[name] for name in ("writer", "scope", "sequence", "kind", "key", "actor", "reason")}
    return Entry(
        arrival=arrival,
        stamp=shown["clock"],
        at_ms=moment(shown["at"], "at") // 1000,
        reference=shown["reference"],
        moves=[(one["item"], one["source"], one["target"], one["quantity"]) for one in shown["moves"]],
        lines=[(one["sku"], one["quantity"], one["breach"], one["available"]) for one in shown["lines"]],
        facts=dict(shown["facts"]),
        hash=shown["hash"],
        **named,
    )
