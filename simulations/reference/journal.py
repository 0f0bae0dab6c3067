"""The journal of one node, and the figures that follow from it.

Each entry moves units between accounts: `owner/bucket` inside the building, or the name of a part of the outside world.
All stock figures are sums over these moves.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulations.reference.answers import ANYTHING, Answer, AnyThat, Maybe, chosen_hash, in_any_order, numbers, plain
from simulations.reference.bodies import moment
from simulations.reference.catalogue import Recipe
from simulations.reference.clocks import COUNTER, HEARD_AHEAD_MS, may_follow, time_text, told_ms

Moves = list[tuple[str, str, str, int]]
"""Item, source, target, units."""

Line = tuple[str, int, int, int]
"""SKU, quantity, breach, and how many more can be sold."""


CHANGES = {"void": "loser", "return_correction": "return"}
"""Kinds of entries that change what an earlier entry did, and what their facts call it. They count when it does."""


@dataclass
class Entry:
    """One entry. `request` is what the caller asked, in its normal form, if this node decided it or can tell."""

    arrival: int
    writer: str
    scope: str
    sequence: int
    kind: str
    stamp: int
    at_ms: int
    key: Any = ""
    actor: str = ""
    reason: str = ""
    reference: Any = ""
    moves: Moves = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    hash: Any = field(default_factory=chosen_hash)
    request: Any = None
    recipes: dict[str, Recipe] = field(default_factory=dict)
    """The recipe of each SKU in `lines` when the entry was written."""
    of: Entry | None = None
    """The return that a correction of a return changes."""
    answer: Answer | None = None
    """The answer to the request about an order that it was written for."""

    @property
    def node(self) -> str:
        """The node that wrote it."""
        return self.writer.partition("#")[0]

    @property
    def told_ms(self) -> int | None:
        """When goods moved, if a till said so and can be right. A correction of a return counts as the return does."""
        if self.kind in CHANGES:
            told = "occurred_at" in self.facts and "as_of" in self.facts
            return int(self.facts["as_of"] // COUNTER) if told else None
        return told_ms(self.facts.get("occurred_at"), self.at_ms)

    @property
    def counts_at(self) -> int:
        """The stamp at which its movements count."""
        if self.kind in CHANGES and "as_of" in self.facts:
            return int(self.facts["as_of"])
        if self.told_ms is not None:
            return self.told_ms * COUNTER
        if not self.drift_ms:
            return self.stamp
        after = self.facts.get("after", 0)
        return after if may_follow(after, self.at_ms) else self.recorded

    @property
    def recorded(self) -> int:
        """When its node recorded it, as a stamp."""
        return self.stamp if self.stamp // COUNTER == self.at_ms else self.at_ms * COUNTER

    @property
    def drift_ms(self) -> int:
        """How far its stamp is ahead because the wall clock of its node was wrong before; 0 if it is not."""
        ahead_ms = self.stamp // COUNTER - self.at_ms
        return ahead_ms if ahead_ms > HEARD_AHEAD_MS else 0

    def change(self, item: str) -> int:
        """By how many units it changes the stock on hand of an item."""
        return sum(
            units * (is_inside(target) - is_inside(source))
            for name, source, target, units in self.moves
            if name == item
        )

    @property
    def items(self) -> list[str]:
        """The items that it moves, each once."""
        return list(dict.fromkeys(item for item, *_ in self.moves))

    @property
    def shown(self) -> dict[str, Any]:
        """The entry as `GET /v1/journal` shows it. A sale may or may not note the recipes of its day.

        The facts of an order's entry are the node's own. `GET /v1/orders/{order}` shows what follows from them.
        """
        facts = dict(self.facts)
        if self.kind == "order":
            return {**self.noted, "moves": in_any_order(self.noted["moves"]), "facts": ANYTHING}
        if self.kind in ("sale", "return"):
            facts["recipes"] = Maybe({sku: dict(recipe) for sku, recipe in self.recipes.items()})
        if self.kind == "count":
            facts["seen"] = numbers(facts["seen"])
        return {**self.noted, "facts": facts}

    @property
    def noted(self) -> dict[str, Any]:
        """The entry with its facts as they are."""
        return {
            "arrival": self.arrival,
            "writer": self.writer,
            "scope": self.scope,
            "sequence": self.sequence,
            "hash": self.hash,
            "kind": self.kind,
            "at": time_text(self.at_ms),
            "clock": self.stamp,
            "key": self.key,
            "actor": self.actor,
            "reason": self.reason,
            "reference": self.reference,
            "moves": shown_moves(self.moves),
            "lines": [
                {"sku": sku, "quantity": quantity, "breach": breach, "available": available}
                for sku, quantity, breach, available in self.lines
            ],
            "facts": self.facts,
        }


def shown_moves(moves: Moves) -> list[dict[str, Any]]:
    """Moves as an entry shows them."""
    return [dict(zip(("item", "source", "target", "quantity"), move, strict=True)) for move in moves]


def heard(shown: Mapping[str, Any], arrival: int) -> Entry:
    """An entry from its public JSON. `arrival`: its number in the journal of the reader."""
    names = ("writer", "scope", "sequence", "kind", "key", "actor", "reason", "reference", "hash")
    return Entry(
        arrival=arrival,
        stamp=shown["clock"],
        at_ms=moment(shown["at"], "at") // 1000,
        moves=[(one["item"], one["source"], one["target"], one["quantity"]) for one in shown["moves"]],
        lines=[(one["sku"], one["quantity"], one["breach"], one["available"]) for one in shown["lines"]],
        facts=dict(shown["facts"]),
        **{name: shown[name] for name in names},
    )


def packed_hash(entry: Entry) -> AnyThat:
    """The permanent name of an entry as the facts of another one show it: its 16 bytes in base64."""

    def names(value: Any) -> bool:
        return isinstance(value, str) and b64decode(value).hex() == plain(entry.hash)

    return AnyThat(f"the hash of {entry.kind} {entry.arrival}", names)


def is_inside(account: str) -> bool:
    """Whether an account holds units inside the building."""
    return "/" in account


def bucket(account: str) -> str:
    """What the units of an account are for: `free`, `held`, `quarantine`, or a channel."""
    return account.partition("/")[2]


def owner(account: str) -> str:
    """The node that may take units out of an account; empty if it is outside."""
    return account.partition("/")[0] if is_inside(account) else ""


class Journal:
    """All entries of one node in order of arrival, and the units in each account."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.cells: dict[tuple[str, str], dict[tuple[str, str, str], int]] = {}
        """By location and item: all units that a writer moved from an account to another one."""

    def append(self, entry: Entry) -> None:
        """Take in the next entry."""
        self.entries.append(entry)
        for item, source, target, units in entry.moves:
            cells = self.cells.setdefault((entry.scope, item), {})
            name = (entry.writer, source, target)
            cells[name] = cells.get(name, 0) + units

    def newest(self, scope: str) -> list[int]:
        """When the last entry of each writer for a location was recorded."""
        return list({one.writer: one.recorded for one in self.entries if one.scope == scope}.values())

    def length(self, writer: str, scope: str) -> int:
        """The number of entries of a writer for a location."""
        return sum(one.writer == writer and one.scope == scope for one in self.entries)

    def vector(self, scope: str) -> dict[str, int]:
        """The number of the last entry of each writer for a location."""
        return dict(sorted({one.writer: one.sequence for one in self.entries if one.scope == scope}.items()))

    def items(self, location: str) -> list[str]:
        """The items that ever moved at a location, in order."""
        return sorted(item for place, item in self.cells if place == location)

    def locations(self, item: str) -> list[str]:
        """The locations where an item ever moved, in order."""
        return sorted(place for place, name in self.cells if name == item)

    def has_moved(self, location: str, item: str) -> bool:
        """Whether an item ever moved at a location."""
        return (location, item) in self.cells

    def has_credited(self, location: str, account: str) -> bool:
        """Whether units ever moved into an account of a location."""
        return any(
            account == target for (place, _), cells in self.cells.items() if place == location for *_, target in cells
        )

    def accounts(self, location: str, item: str) -> dict[str, int]:
        """The units in each account that an item ever moved through."""
        return _balances(self.cells.get((location, item), {}).items())

    def totals(self, location: str) -> dict[str, int]:
        """The units in each account of a location, over all items."""
        here = [cells for (place, _), cells in self.cells.items() if place == location]
        return _balances(cell for cells in here for cell in cells.items())

    def balance(self, location: str, item: str, account: str) -> int:
        """The units in one account."""
        return self.accounts(location, item).get(account, 0)

    def on_hand(self, location: str, item: str) -> int:
        """Units in the building."""
        return _inside(self.accounts(location, item))

    def available(self, location: str, item: str) -> int:
        """Units in the building that are neither held nor in quarantine."""
        accounts = self.accounts(location, item)
        return _inside(accounts) - _inside(accounts, "held") - _inside(accounts, "quarantine")

    def breach(self, location: str, item: str) -> int:
        """Units by which accounts inside the building are below zero."""
        return breach_of(self.accounts(location, item))

    def figures(self, location: str, item: str, node: str) -> dict[str, Any]:
        """The stock figures of one item at one location, as a node shows them."""
        accounts = self.accounts(location, item)
        on_hand, reserved, aside = _inside(accounts), _inside(accounts, "held"), _inside(accounts, "quarantine")
        ins: dict[str, int] = {}
        outs: dict[str, int] = {}
        for (writer, source, target), units in self.cells.get((location, item), {}).items():
            if is_inside(source) != is_inside(target):
                side = ins if is_inside(target) else outs
                side[writer] = side.get(writer, 0) + units
        return {
            "location": location,
            "item": item,
            "on_hand": on_hand,
            "reserved": reserved,
            "quarantined": aside,
            "available": on_hand - reserved - aside,
            "rights": rights_of(accounts, node),
            "breach": breach_of(accounts),
            "accounts": accounts,
            "pn": {"p": dict(sorted(ins.items())), "n": dict(sorted(outs.items()))},
        }

    def naming(self, location: str, receipt: str) -> Iterator[Entry]:
        """The entries that name a till receipt: as their own, as that of their original sale, or to correct one."""
        for one in self.entries:
            named = (one.reference, one.facts.get("original")) if one.kind != "return_correction" else (one.reference,)
            if one.scope == location and one.kind in ("sale", "return", "return_correction") and receipt in named:
                yield one


def _balances(cells: Iterable[tuple[tuple[str, str, str], int]]) -> dict[str, int]:
    balances: dict[str, int] = {}
    for (_, source, target), units in cells:
        balances[source] = balances.get(source, 0) - units
        balances[target] = balances.get(target, 0) + units
    return dict(sorted(balances.items()))


def _inside(accounts: Mapping[str, int], of: str = "") -> int:
    return sum(units for name, units in accounts.items() if is_inside(name) and of in ("", bucket(name)))


def breach_of(accounts: Mapping[str, int]) -> int:
    """Units by which accounts inside the building are below zero."""
    return -sum(min(0, units) for name, units in accounts.items() if is_inside(name))


def rights_of(accounts: Mapping[str, int], node: str) -> int:
    """The units that a node may promise: in all its accounts, except held and quarantine."""
    return sum(
        units for name, units in accounts.items() if owner(name) == node and bucket(name) not in ("held", "quarantine")
    )
