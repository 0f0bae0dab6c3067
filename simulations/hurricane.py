"""A hurricane: what balancing plans change for a chain on a coast. `python -m simulations.hurricane FILE.svg` draws it.

The storm comes on day 0. Where the coast is flooded, the stock of a store is lost. In a wider area the roads are closed
for some days, and people buy more before and during that. With plans, the hub empties the coast and fills the area
three days before, by the same decisions as in production. Goods travel for a day. Without plans, nothing moves.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from replica.core.catalog.coverages import Corner, Ring, ring_of
from replica.core.catalog.locations import Point
from replica.core.planning.balancing import ItemPlan, Rules, evacuated, plan_item, prestocked
from replica.core.planning.cover import DAY, Place
from replica.core.planning.distances import Distances
from replica.core.planning.transport import cheapest_flow

STORES = 60
WARNING_DAY, STORM_DAY, LAST_DAY = -3, 0, 6
CLOSED_DAYS = 5
"""The roads of the area are closed from the storm on."""
RUSH = 2
"""People in the area buy so many times as much from the warning on until the roads are open."""


def _ring(*corners: tuple[float, float]) -> Ring:
    return ring_of(tuple(Corner(lat, lon) for lat, lon in corners))


COAST = _ring((21.0, 113.0), (22.0, 113.0), (22.0, 115.0), (21.0, 115.0))
AREA = _ring((21.0, 112.5), (23.0, 112.5), (23.0, 115.5), (21.0, 115.5))


class Shop(Struct):
    """A store: what it has, what it sells a day in thousandths, and its account of the days."""

    at: Point
    units: int
    sold_milli: int
    coming: int = 0
    sold: int = 0
    missed: int = 0
    lost: int = 0
    """In the flood."""

    @property
    def is_flooded(self) -> bool:
        """Whether it is on the coast."""
        return COAST.contains(self.at)

    @property
    def is_cut_off(self) -> bool:
        """Whether it is in the area, and not on the coast."""
        return AREA.contains(self.at) and not self.is_flooded


class Picture(Struct, frozen=True):
    """The units of each store at one moment."""

    title: str
    units: tuple[int, ...]


class Played(Struct, frozen=True):
    """What became of the goods."""

    shops: tuple[Shop, ...]
    pictures: tuple[Picture, ...]
    began_with: int

    def total(self, of: Callable[[Shop], int]) -> int:
        """A figure of all stores together."""
        return sum(map(of, self.shops))


def play(seed: int, *, plans: bool) -> Played:
    """Play the days around the storm. Equal seeds have equal stores and customers."""
    dice = random.Random(seed)
    shops = [
        Shop(
            Point(dice.uniform(21.1, 24.9), dice.uniform(112.0, 116.0)),
            dice.randint(30, 180),
            dice.randint(3, 12) * 1_000,
        )
        for _ in range(STORES)
    ]
    began_with = sum(shop.units for shop in shops)
    pictures = [Picture("before", _units(shops))]
    for day in range(WARNING_DAY, LAST_DAY + 1):
        for shop in shops:
            shop.units, shop.coming = shop.units + shop.coming, 0
        if plans and day == WARNING_DAY:
            _carry_out(shops, _plan(shops, Rules(tolerance_percent=0), _emptied))
            _carry_out(shops, _plan(shops, Rules(enough=0, tolerance_percent=0), _filled))
        if day == STORM_DAY:
            pictures.append(Picture("when the storm comes", _units(shops)))
            for shop in shops:
                if shop.is_flooded:
                    shop.units, shop.lost = 0, shop.units
        for shop in shops:
            _sell(shop, day, dice)
    return Played(tuple(shops), tuple(pictures), began_with)


def _units(shops: Sequence[Shop]) -> tuple[int, ...]:
    return tuple(shop.units + shop.coming for shop in shops)


def _sell(shop: Shop, day: int, dice: random.Random) -> None:
    is_open = not (shop.is_flooded and day >= STORM_DAY)
    rush = RUSH if AREA.contains(shop.at) and day < STORM_DAY + CLOSED_DAYS else 1
    wanted = dice.randint(0, 2 * shop.sold_milli // 1_000) * rush if is_open else 0
    sold = min(wanted, shop.units)
    shop.units -= sold
    shop.sold += sold
    shop.missed += wanted - sold


def _emptied(shop: Shop, place: Place) -> Place:
    return evacuated(place, is_inside=shop.is_flooded)


def _filled(shop: Shop, place: Place) -> Place:
    if shop.is_flooded:
        return evacuated(place, is_inside=True)
    days = (STORM_DAY - WARNING_DAY + CLOSED_DAYS) * RUSH
    return prestocked(place, days * DAY, 7 * DAY, is_inside=shop.is_cut_off)


def _plan(shops: Sequence[Shop], rules: Rules, changed: Callable[[Shop, Place], Place]) -> ItemPlan:
    places = [
        changed(shop, Place(at, shop.units, shop.units, incoming=shop.coming, sold_milli=shop.sold_milli))
        for at, shop in enumerate(shops)
    ]
    return plan_item(places, rules, Distances([shop.at for shop in shops], 1_000_000), cheapest_flow)


def _carry_out(shops: Sequence[Shop], plan: ItemPlan) -> None:
    for move in plan.moves:
        shops[move.source].units -= move.quantity
        shops[move.target].coming += move.quantity


def draw(without: Played, planned: Played, path: Path) -> None:
    """Draw maps of the stores before, and when the storm comes without and with plans."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.patches import Polygon

    figure = Figure(figsize=(12, 4.6), layout="constrained")
    panels = [
        ("Before", without.pictures[0]),
        ("When the storm comes, without plans", without.pictures[1]),
        ("When the storm comes, with plans", planned.pictures[1]),
    ]
    for place, (title, picture) in enumerate(panels, 1):
        axes = figure.add_subplot(1, 3, place)
        for ring, colour in ((AREA, "#e69f00"), (COAST, "#0072b2")):
            axes.add_patch(Polygon(list(zip(ring.lons, ring.lats, strict=True)), color=colour, alpha=0.2, linewidth=0))
        for shop, units in zip(without.shops, picture.units, strict=True):
            colour = "#b3261e" if shop.is_flooded else "#d55e00" if shop.is_cut_off else "#0b6b57"
            axes.scatter(shop.at.lon, shop.at.lat, s=max(2, units * 1.2), color=colour, alpha=0.7, linewidths=0)
        axes.set(title=title, xlim=(111.8, 116.2), ylim=(20.9, 25.1), aspect="equal", xticks=[], yticks=[])
    figure.supxlabel(f"without plans: {told(without)}   ·   with plans: {told(planned)}", fontsize=9)
    with rc_context({"svg.hashsalt": "shelfsync", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})


def told(played: Played) -> str:
    """What became of the goods, in a few words."""
    missed = sum(shop.missed for shop in played.shops if shop.is_cut_off)
    return f"{played.total(lambda shop: shop.lost)} units lost, {missed} not sold in the area"


if __name__ == "__main__":
    draw(play(7, plans=False), play(7, plans=True), Path(sys.argv[1]))
