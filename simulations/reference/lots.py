"""The units of an order in lots: which entry took them, by which recipe, and out of which accounts.

What an order gives back, it gives back by the recipe of the entry that took it, to the account that it came from. Of
the units of one SKU, those that came last go first.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from simulations.reference.catalogue import Recipe
from simulations.reference.entries import hash_of
from simulations.reference.journal import Moves


@dataclass(frozen=True)
class Lot:
    """A quantity of one SKU. `taken`: the hash of the entry that took it, if that is known."""

    sku: str
    quantity: int
    pieces: tuple[tuple[str, int, str], ...]
    """What one SKU takes: items, each with its units and the account that they came from."""
    taken: str = ""


def lots_of(taken: Iterable[Sequence[Any]], entry: str = "") -> list[Lot]:
    """The lots that the facts of an entry list. `entry`: the hash of the entry, if it took them."""
    found = []
    for by, sku, quantity, recipe, source, *more in taken:
        sources = more[0] if more and more[0] else [source] * len(recipe)
        pieces = tuple((item, units, account) for (item, units), account in zip(recipe, sources, strict=True))
        found.append(Lot(sku, quantity, pieces, entry or hash_of(by)))
    return found


def lot_of(sku: str, recipe: Recipe, quantity: int, account: Callable[[str], str]) -> Lot:
    """A lot by one recipe. `account`: where the units of an item come from."""
    return Lot(sku, quantity, tuple((item, number, account(item)) for item, number in recipe.items()))


def divide(
    lots: Sequence[Lot], skus: Container[str], quantity: int, taken: str | None = None
) -> tuple[list[Lot], list[Lot]]:
    """A quantity of some SKUs, the newest first, and the rest of the lots. `taken`: only those of one entry."""
    found, rest = [], []
    for lot in reversed(lots):
        is_meant = lot.sku in skus and taken in (None, lot.taken)
        part = min(quantity, lot.quantity) if is_meant else 0
        quantity -= part
        if part:
            found.append(replace(lot, quantity=part))
        if part < lot.quantity:
            rest.append(replace(lot, quantity=lot.quantity - part))
    return found, rest[::-1]


def divide_named(lots: Sequence[Lot], named: Iterable[tuple[str, str, int]]) -> tuple[list[Lot], list[Lot]]:
    """The lots that the facts of an entry name by entry, SKU and quantity, and the rest."""
    found, rest = list[Lot](), list(lots)
    for taken, sku, quantity in named:
        some, rest = divide(rest, (sku,), quantity, hash_of(taken))
        found += some
    return found, rest


def quantities(lots: Iterable[Lot]) -> dict[str, int]:
    """How many of each SKU there are."""
    total: dict[str, int] = {}
    for lot in lots:
        total[lot.sku] = total.get(lot.sku, 0) + lot.quantity
    return total


def size(lots: Iterable[Lot]) -> int:
    """How many SKUs there are."""
    return sum(lot.quantity for lot in lots)


def units(lots: Iterable[Lot]) -> dict[tuple[str, str], int]:
    """The units of each item, by item and the account that they came from."""
    total: dict[tuple[str, str], int] = {}
    for lot in lots:
        for item, number, account in lot.pieces:
            total[item, account] = total.get((item, account), 0) + number * lot.quantity
    return total


def moved(lots: Iterable[Lot], route: Callable[[str], tuple[str, str]]) -> Moves:
    """Moves of all units. `route`: the accounts from which and to which units go, by where they came from."""
    total: dict[tuple[str, str, str], int] = {}
    for (item, account), number in units(lots).items():
        name = (item, *route(account))
        total[name] = total.get(name, 0) + number
    return [(*name, number) for name, number in total.items()]
