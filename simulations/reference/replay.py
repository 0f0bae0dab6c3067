"""A journal that is played again: at each entry that a known request made, what the entry must say.

Faults, merges and other clients decide in which order a node received its entries. The journal shows that order. So the
state before an entry is known, and the request of the entry leads to one result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulations.reference import movements, returns
from simulations.reference.answers import Refusal, difference
from simulations.reference.catalogue import Catalogue
from simulations.reference.counts import Counts, Seen
from simulations.reference.journal import Entry, Journal
from simulations.reference.movements import Draft, Place

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
    """The journal of one node, up to some entry."""

    def __init__(self, node: str, *, open_catalogue: bool) -> None:
        self.node = node
        self.journal = Journal()
        self.catalogue = Catalogue(open_catalogue)
        self.counts = Counts()

    def play(self, entry: Entry, asked: Mapping[str, Any] | None = None) -> str:
        """Take in the next entry. Returns how it differs from what its request leads to; empty if it does not.

        `asked`: the request in its normal form, if it is known.
        """
        wrong = ""
        if asked is not None:
            try:
                draft = self._decide(entry, asked)
                wrong = difference(_filled(entry, draft).shown, entry.noted)
            except Refusal as refusal:
                wrong = f"the node had to refuse it: {refusal}"
        self.hear(entry)
        return wrong

    def hear(self, entry: Entry) -> None:
        """Take in the next entry as it is."""
        self.journal.append(entry)
        self.counts.hear(entry, self.node)
        if entry.kind == "document" and entry.facts.get("kind") == "sku":
            facts = entry.facts
            self.catalogue.put(facts["key"], facts["value"], (facts["version"], entry.stamp, entry.writer))

    def _decide(self, entry: Entry, asked: Mapping[str, Any]) -> Draft:
        place = Place(entry.scope, self.node, self.journal, self.catalogue)
        if entry.kind != "count":
            return DECIDE[entry.kind](place, asked)
        return self.counts.prepare(place, asked, Seen(entry.facts["seen"], entry.facts["as_of"]), entry.writer)


def _filled(entry: Entry, draft: Draft) -> Entry:
    """An entry with what a draft says. What the draft does not decide stays."""
    others = {name: value for name, value in entry.facts.items() if name in ("wall", "after", "unheard", "recipes")}
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
