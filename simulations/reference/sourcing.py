"""Sourcing: the units that a node may promise to an order, and the locations that serve it.

Only the owner of an account may promise its units, so an order takes from the accounts of the node that places it. If
the policy of an item gives the channel of the order a share, the order takes from the quota of that channel at this
hub, and from nothing else. At a location that hubs host, they keep the safety stock of the policy back.

Lines that name a location are served there. The others are served by one location if one has all of them: first by
those that serve the order already, then by those that the node writes for, then by the others. If none has all, each
line takes from the locations that have most of it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from simulations.reference.answers import ANYTHING, Refusal
from simulations.reference.bodies import QUANTITY_MAX, invalid
from simulations.reference.catalogue import Catalogue, Documents, Recipe, makes, units_of
from simulations.reference.journal import Journal, Moves, rights_of
from simulations.reference.points import Point, nearest_first


def policy(documents: Documents, location: str, item: str) -> Mapping[str, Any]:
    """The most specific policy of an item at a location, as a whole; empty if there is none."""
    for selector in (f"location:{location},item:{item}", f"location:{location}", f"item:{item}", "default"):
        found: Mapping[str, Any] | None = documents.value("policy", selector)
        if found is not None:
            return found
    return {}


@dataclass(frozen=True)
class Wanted:
    """One line of an order. `location`: None leaves it open."""

    sku: str
    recipe: Recipe
    quantity: int
    location: str | None


@dataclass(frozen=True)
class Offer:
    """What a node may promise to the orders of one channel; of all channels together if it is empty."""

    node: str
    journal: Journal
    documents: Documents = field(default_factory=Documents)
    channel: str = ""
    hosted: Sequence[str] = ()
    """The locations that the node hosts."""
    back: Mapping[str, int] = field(default_factory=dict)
    """The units of each item that the order gives back at the same time."""

    def account(self, location: str, item: str) -> str:
        """The account that these orders take an item from."""
        has_quota = self.channel in policy(self.documents, location, item).get("channels", {})
        return f"{self.node}/channel.{self.channel}" if has_quota else f"{self.node}/free"

    def units(self, location: str, item: str) -> int:
        """The units of an item that these orders may take."""
        account = self.account(location, item)
        kept = self.kept(location, item) if account == f"{self.node}/free" else 0
        return max(0, self.journal.balance(location, item, account) - kept) + self.back.get(item, 0)

    def kept(self, location: str, item: str) -> int:
        """The units of an item that the node keeps back at a location that it hosts."""
        found = policy(self.documents, location, item) if location in self.hosted else {}
        safety = found.get("safety_stock", 0) if found.get("mode") in ("safety", "both") else 0
        return max(safety if isinstance(safety, int) else 0, int(found.get("last_units", 0)))


@dataclass
class Plan:
    """How much of each line is taken where. Lines and locations are in the order in which they were served."""

    offer: Offer
    lines: Sequence[Wanted]
    taken: dict[str, dict[int, int]] = field(default_factory=dict)
    _left: dict[tuple[str, str], int] = field(default_factory=dict)

    def fits(self, location: str, line: Wanted) -> int:
        """How many SKUs of a line can still be taken at a location."""
        there = {item: self._units(location, item) for item in line.recipe}
        return max(0, makes(line.recipe, there))

    def _units(self, location: str, item: str) -> int:
        return self._left.setdefault((location, item), self.offer.units(location, item))

    def take(self, location: str, index: int, quantity: int) -> None:
        """Serve some SKUs of a line at a location."""
        if quantity:
            here = self.taken.setdefault(location, {})
            here[index] = here.get(index, 0) + quantity
            for item, units in self.lines[index].recipe.items():
                self._left[location, item] = self._units(location, item) - units * quantity

    def has_all(self, location: str, indexes: Iterable[int]) -> bool:
        """Whether all of some lines can be taken at one location."""
        units = units_of((self.lines[index].recipe, self.lines[index].quantity) for index in indexes)
        return all(number <= self._units(location, item) for item, number in units.items())

    def found(self, index: int) -> int:
        """How many SKUs of a line are taken."""
        return sum(here.get(index, 0) for here in self.taken.values())

    def merged(self, location: str) -> dict[str, int]:
        """The quantity of each SKU that is taken at a location."""
        quantities: dict[str, int] = {}
        for index, quantity in self.taken[location].items():
            sku = self.lines[index].sku
            quantities[sku] = quantities.get(sku, 0) + quantity
        return quantities

    def moves(self, location: str) -> Moves:
        """How the units that are taken at a location become units that the node holds."""
        taken = self.taken[location].items()
        units = units_of((self.lines[index].recipe, quantity) for index, quantity in taken)
        held = f"{self.offer.node}/held"
        return [(item, self.offer.account(location, item), held, number) for item, number in units.items()]

    @property
    def short(self) -> list[dict[str, Any]]:
        """The lines that fall short, as a refusal lists them."""
        return [
            {"line": index, "sku": line.sku, "item": ", ".join(line.recipe), "wanted": line.quantity, "free": found}
            for index, line in enumerate(self.lines)
            if (found := self.found(index)) < line.quantity
        ]


def source(offer: Offer, own: Sequence[str], lines: Sequence[Wanted]) -> Plan:
    """Choose the locations that serve the lines of an order. `own`: the locations that the node writes for."""
    plan = Plan(offer, lines)
    for index, line in enumerate(lines):
        if line.location is not None:
            plan.take(line.location, index, min(line.quantity, plan.fits(line.location, line)))
    open_lines = [index for index, line in enumerate(lines) if line.location is None]
    first_items = [next(iter(lines[index].recipe)) for index in open_lines]
    there = sorted({location for item in first_items for location in offer.journal.locations(item)})
    locations = list(dict.fromkeys([*plan.taken, *[one for one in own if one in there], *there]))
    one_for_all = next((location for location in locations if plan.has_all(location, open_lines)), None)
    for index in open_lines:
        line = lines[index]
        richest = sorted(locations, key=lambda one: (one not in plan.taken, -plan.fits(one, line), one))
        for location in [one_for_all] if one_for_all is not None else richest:
            plan.take(location, index, min(line.quantity - plan.found(index), plan.fits(location, line)))
    return plan


def wanted(asked: Mapping[str, Any], catalogue: Catalogue, known: Container[str]) -> list[Wanted]:
    """The lines of a placement. `known`: the locations that the node knows."""
    found = []
    for index, line in enumerate(asked["lines"]):
        one, location = wanted_line(line, f"lines[{index}]", catalogue), line["location"] or asked["pickup_at"]
        if location is not None and location not in known:
            raise invalid(f"lines[{index}].location" if line["location"] is not None else "pickup_at")
        found.append(replace(one, location=location))
    return found


def wanted_line(line: Mapping[str, Any], at: str, catalogue: Catalogue, *, is_fact: bool = False) -> Wanted:
    """A line that names a SKU or a barcode. `is_fact`: it tells what happened to goods."""
    if (line["sku"] is None) == (line["barcode"] is None):
        raise invalid(f"{at}.sku")
    name = "sku" if line["sku"] is not None else "barcode"
    sku = line["sku"] or catalogue.scan(line["barcode"], f"{at}.barcode", is_fact=is_fact)
    recipe = catalogue.recipe(sku, f"{at}.{name}", is_fact=is_fact)
    if max(recipe.values()) * line["quantity"] > QUANTITY_MAX:
        raise invalid(f"{at}.quantity")
    return Wanted(sku, recipe, line["quantity"], None)


def promised(offer: Offer, own: Sequence[str], asked: Mapping[str, Any], lines: Sequence[Wanted]) -> Plan:
    """What a node holds for a new order: all of it, or with `partial` what there is. Raises a refusal."""
    plan = source(offer, own, lines)
    if plan.short and not (asked["partial"] and plan.taken):
        raise Refusal("insufficient-rights", None, lines=plan.short)
    return plan


def availability(offer: Offer, catalogue: Catalogue, sku: str, near: Point | None = None) -> dict[str, Any]:
    """`GET /v1/availability/{sku}` of a hub: what it may promise, and what it believes to be available to anybody.

    Without a channel, the units of all its channels together count. `near`: a customer, whom the nearest location is
    shown first.
    """
    recipe, journal = catalogue.recipe(sku, "sku", is_fact=False), offer.journal
    local: list[dict[str, Any]] = []
    for location, away in nearest_first(offer.documents, journal.locations(next(iter(recipe))), near):
        if all(journal.has_moved(location, item) for item in recipe):
            rights = {item: offer.units(location, item) for item in recipe}
            if not offer.channel:
                accounts = {item: journal.accounts(location, item) for item in recipe}
                rights = {item: rights_of(accounts[item], offer.node) - offer.kept(location, item) for item in recipe}
            available = {item: journal.available(location, item) for item in recipe}
            found = {"guaranteed": max(0, makes(recipe, rights)), "optimistic": max(0, makes(recipe, available))}
            distance = {} if away is None else {"distance_km": away}
            local.append({"location": location, **found, "as_of": ANYTHING, **distance})
    sums = {name: sum(one[name] for one in local) for name in ("guaranteed", "optimistic")}
    return {"sku": sku, **sums, "locations": local}
