"""Goods that move: sales, goods receipts, adjustments, quarantine steps, and grants of rights.

Each function gets the place where the request is decided, and the request in its normal form. It returns what the entry
of the request says, as a `Draft`, or raises a refusal. Nothing changes before the node records the draft.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulations.reference.answers import Refusal
from simulations.reference.bodies import QUANTITY_MAX, invalid
from simulations.reference.catalogue import Catalogue, Recipe, makes, units_of
from simulations.reference.journal import Entry, Journal, Line, Moves

_name = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

Resolved = list[tuple[str, Recipe, int]]
"""The SKU, its recipe and the quantity of each line."""


@dataclass(frozen=True)
class Place:
    """One location, as the node sees it that decides."""

    location: str
    node: str
    journal: Journal
    catalogue: Catalogue

    @property
    def free(self) -> str:
        """The account of the units that the node may promise."""
        return f"{self.node}/free"

    @property
    def quarantine(self) -> str:
        """The account of the node's units that a person must look at."""
        return f"{self.node}/quarantine"

    def balance(self, item: str, account: str) -> int:
        """The units in an account here."""
        return self.journal.balance(self.location, item, account)

    def available(self, item: str) -> int:
        """The units that can be sold here, over the rights of all nodes."""
        return self.journal.available(self.location, item)

    def check_item(self, item: str, field: str) -> None:
        """Refuse an item that never moved here and that no recipe names."""
        self.catalogue.check_item(item, field, has_moved=self.journal.has_moved(self.location, item))


@dataclass
class Draft:
    """What an entry says, before it has a number, a stamp and a hash."""

    kind: str
    moves: Moves = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    actor: str = ""
    reason: str = ""
    reference: Any = ""
    recipes: dict[str, Recipe] = field(default_factory=dict)
    key: Any = ""
    """The key that the node gives an entry of its own."""
    of: Entry | None = None


def resolve(
    place: Place, lines: list[dict[str, Any]], *, is_fact: bool = True, recipes: Mapping[str, Recipe] | None = None
) -> tuple[Resolved, dict[str, Any]]:
    """Find the SKU and recipe of each line, and what the entry notes of how the lines named their goods.

    `recipes`: those of another day, by SKU. They go before those of the catalogue.
    """
    then, catalogue = recipes or {}, place.catalogue
    resolved: Resolved = []
    facts: dict[str, Any] = {}
    for index, line in enumerate(lines):
        named = {name: line[name] for name in ("sku", "barcode", "item") if line.get(name) is not None}
        if len(named) != 1:
            raise invalid(f"lines[{index}].sku")
        if "item" in named:
            sku = named["item"]
            place.check_item(sku, f"lines[{index}].item")
            recipe: Recipe = {sku: 1}
            facts.setdefault("items", []).append(index)
        elif "barcode" in named:
            sku = catalogue.scan(named["barcode"], f"lines[{index}].barcode", is_fact=is_fact)
            recipe = then.get(sku) or catalogue.recipe(sku, f"lines[{index}].sku", is_fact=is_fact)
            facts.setdefault("scanned", []).append([index, named["barcode"]])
        else:
            sku = named["sku"]
            recipe = then.get(sku) or catalogue.recipe(sku, f"lines[{index}].sku", is_fact=is_fact)
        resolved.append((sku, recipe, line["quantity"]))
        if max(units_of((one, quantity) for _, one, quantity in resolved).values()) > QUANTITY_MAX:
            raise invalid(f"lines[{index}].quantity")
    return resolved, facts


def units_in(resolved: Resolved) -> dict[str, int]:
    """The units of each item in some lines. Lines that share an item are added up."""
    return units_of((recipe, quantity) for _, recipe, quantity in resolved)


def time_facts(request: Mapping[str, Any]) -> dict[str, Any]:
    """The fact that says when a till moved the goods."""
    return {"occurred_at": request["occurred_at"]} if request["occurred_at"] is not None else {}


def sale(place: Place, request: Mapping[str, Any]) -> Draft:
    """Goods leave with a customer.

    With `refuse` the sale is a promise: the units that the node may promise must cover it. With `record` the goods are
    gone already: the sale counts, and its lines say how many SKUs exceeded these units. Earlier lines take them first.
    """
    is_fact = request["on_shortage"] == "record"
    resolved, facts = resolve(place, request["lines"], is_fact=is_fact)
    demand = units_in(resolved)
    rights = {item: place.balance(item, place.free) for item in demand}
    short = {item: units - max(0, rights[item]) for item, units in demand.items() if units > rights[item]}
    if short and not is_fact:
        missing = [{"item": item, "wanted": demand[item], "free": max(0, rights[item])} for item in short]
        raise Refusal("insufficient-rights", None, lines=missing)
    after = {item: place.available(item) - units for item, units in demand.items()}
    lines: list[Line] = []
    for sku, recipe, quantity in resolved:
        covered = min(quantity, max(0, makes(recipe, rights)))
        for item, number in recipe.items():
            rights[item] -= number * quantity
        lines.append((sku, quantity, quantity - covered, makes(recipe, after)))
    if short:
        facts["breach"] = short
    if not is_fact:
        facts["on_shortage"] = "refuse"
    if request["customer_group"]:
        facts["customer_group"] = request["customer_group"]
    return Draft(
        kind="sale",
        moves=[(item, place.free, "customer", units) for item, units in demand.items()],
        lines=lines,
        facts={**facts, **time_facts(request)},
        actor=request["till"],
        reference=request["receipt"],
        recipes={sku: recipe for sku, recipe, _ in resolved},
    )


def lines_after(place: Place, resolved: Resolved, added: Mapping[str, int]) -> list[Line]:
    """The lines of goods that come in, with how many of each SKU can be sold afterwards."""
    return [
        (sku, quantity, 0, makes(recipe, {item: place.available(item) + added.get(item, 0) for item in recipe}))
        for sku, recipe, quantity in resolved
    ]


def goods_receipt(place: Place, request: Mapping[str, Any]) -> Draft:
    """Goods come in from a supplier. The node that records them may promise them."""
    resolved, facts = resolve(place, request["lines"])
    units = units_in(resolved)
    return Draft(
        kind="receipt",
        moves=[(item, "supplier", place.free, number) for item, number in units.items()],
        lines=lines_after(place, resolved, units),
        facts={**facts, **time_facts(request)},
        reference=request["reference"],
    )


class Taken:
    """The units that the lines of one fact find in the node's accounts. What they miss is a breach."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._left: dict[tuple[str, str], int] = {}
        self.breach: dict[str, int] = {}

    def left(self, account: str, item: str) -> int:
        """Units that the next line finds."""
        return self._left.setdefault((account, item), max(0, self._place.balance(item, account)))

    def add(self, account: str, item: str, units: int) -> None:
        """The fact itself brings units in."""
        self._left[account, item] = self.left(account, item) + units

    def take(self, account: str, item: str, units: int) -> int:
        """Take units. Returns how many were not there."""
        short = max(0, units - self.left(account, item))
        self._left[account, item] = max(0, self.left(account, item) - units)
        if short:
            self.breach[item] = self.breach.get(item, 0) + short
        return short


def adjustment(place: Place, request: Mapping[str, Any]) -> Draft:
    """The book was wrong, or units broke. Each line says by how much, and shows the level after all lines."""
    taken, change = Taken(place), dict[str, int]()
    for index, line in enumerate(request["lines"]):
        place.check_item(line["item"], f"lines[{index}].item")
        if line["delta"] == 0:
            raise invalid(f"lines[{index}].delta")
        change[line["item"]] = change.get(line["item"], 0) + line["delta"]
        if line["delta"] > 0:
            taken.add(place.free, line["item"], line["delta"])
    moves: Moves = []
    adjusted = []
    for line in request["lines"]:
        item, delta, short = line["item"], line["delta"], 0
        if delta > 0:
            moves.append((item, "found", place.free, delta))
        else:
            moves.append((item, place.free, "loss", -delta))
            short = taken.take(place.free, item, -delta)
        level = place.journal.on_hand(place.location, item) + change[item]
        adjusted.append([item, delta, line["reason"], level, *([short] if short else [])])
    facts = {"adjusted": adjusted, **({"breach": taken.breach} if taken.breach else {}), **time_facts(request)}
    return Draft(kind="adjustment", moves=moves, facts=facts, reference=request["reference"])


def quarantine(place: Place, request: Mapping[str, Any]) -> Draft:
    """Goods are put aside, put back on the shelf or written off.

    If more leaves quarantine than the book has there, the book has the rest among the free units: those written off
    leave them, and those put back on the shelf move nothing.
    """
    taken = Taken(place)
    for index, line in enumerate(request["lines"]):
        place.check_item(line["item"], f"lines[{index}].item")
        if line["action"] == "put":
            taken.add(place.quarantine, line["item"], line["quantity"])
    found = []
    for line in request["lines"]:
        item, units = line["item"], line["quantity"]
        there = 0 if line["action"] == "put" else min(units, taken.left(place.quarantine, item))
        found.append(there)
        taken.take(place.quarantine, item, there)
        if line["action"] == "restock":
            taken.add(place.free, item, there)
    moves: Moves = []
    done = []
    for line, there in zip(request["lines"], found, strict=True):
        item, action, rest, short = line["item"], line["action"], line["quantity"] - there, 0
        if action == "put":
            moves.append((item, place.free, place.quarantine, rest))
        if there:
            moves.append((item, place.quarantine, place.free if action == "restock" else "loss", there))
        if action == "write_off" and rest:
            moves.append((item, place.free, "loss", rest))
        if action != "restock":
            short = taken.take(place.free, item, rest)
        done.append([item, line["quantity"], action, *([short] if short else [])])
    facts = {"quarantine": done, **({"breach": taken.breach} if taken.breach else {}), **time_facts(request)}
    return Draft(kind="quarantine", moves=moves, facts=facts, reference=request["reference"])


def grant(place: Place, request: Mapping[str, Any]) -> Draft:
    """The node gives rights to another node: from now on only that node may promise these units."""
    to = request["to"]
    if not _name.fullmatch(to) or to == place.node:
        raise invalid("to")
    wanted: dict[str, int] = {}
    for index, line in enumerate(request["lines"]):
        item = line["item"]
        place.check_item(item, f"lines[{index}].item")
        wanted[item] = wanted.get(item, 0) + line["quantity"]
        if request["reason"] == "breach" and wanted[item] > max(0, -place.balance(item, f"{to}/free")):
            raise invalid(f"lines[{index}].quantity")
    rights = {item: place.balance(item, place.free) for item in wanted}
    short = [
        {"item": item, "wanted": units, "free": max(0, rights[item])}
        for item, units in wanted.items()
        if units > rights[item]
    ]
    if short:
        raise Refusal("insufficient-rights", None, lines=short)
    moves = [(line["item"], place.free, f"{to}/free", line["quantity"]) for line in request["lines"]]
    return Draft(kind="grant", moves=moves, reason=request["reason"])
