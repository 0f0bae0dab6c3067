"""Balancing: which units of an item go from where to where, so that stock is where it sells.

1. `cover.evened` says which stock each location should have.
2. Whoever has more gives, in whole cases. A location that is below its display gets first, and then each that lacks
   more than the tolerance. Units that must leave and that nobody needs go where there is room.
3. The units go the way with the fewest unit-kilometres (`transport`), from the nearest locations that can give. A unit
   is worth the farthest way that one may go: no unit goes if others then have to make larger detours.

An incident changes the places before that: an area is emptied (`evacuated`), or filled before it is cut off
(`prestocked`). `last_units` gathers what is left of an item in small parts. A plan moves nothing: somebody approves it
first. No location gives more than its `spare` units, so what is held, quarantined or kept back stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from replica.core.base.limits import QUANTITY_MAX
from replica.core.planning.cover import DAY, Place, Targets, by_margin, evened
from replica.core.planning.distances import Distances
from replica.core.planning.transport import Link, Solver
from replica.core.rights.policies import Policy

SOURCES_MAX = 6
"""The nearest locations that may give to one location in one step. What these do not have, the next ones give."""

STEP_METRES = 100
"""Distances are compared in steps of this size, so that costs stay small numbers."""

DISPLAY: Final = "display"
COVER: Final = "cover"
ROOM: Final = "room"

Why = Literal["display", "cover", "room"]
"""The location that gets units is below its display; has less cover than others; has room for units that must leave."""


class Rules(Struct, frozen=True):
    """How one item is balanced.

    `case_pack`: units that only move together. `enough`: the cover, in hundredths of a day, that no location is filled
    beyond. `tolerance_percent`: a location whose stock differs by a smaller part of its target neither gets nor gives.
    `metres_max`: how far units may go.
    """

    case_pack: int = 1
    enough: int = 28 * DAY
    tolerance_percent: int = 20
    metres_max: int = 500_000
    is_by_margin: bool = False
    """Whether scarce units go where they earn most, and not where they last least."""


class PlannedMove(Struct, frozen=True, gc=False):
    """Units that go from one place to another one, by the numbers of their locations."""

    source: int
    target: int
    quantity: int
    why: Why
    metres: int


class ItemPlan(Struct, frozen=True):
    """The moves of one item. `targets`: what each place should have. `unmet`: the units that places lack then."""

    moves: list[PlannedMove]
    targets: Targets
    unmet: int


def plan_item(places: Sequence[Place], rules: Rules, distances: Distances, solve: Solver) -> ItemPlan:
    """Plan the moves of one item between places, each at another location."""
    targets = (by_margin if rules.is_by_margin else evened)(places, rules.enough)
    planning = _Planning(places, rules, distances, solve, targets.units)
    for why in (DISPLAY, COVER, ROOM):
        planning.fill(why)
    return ItemPlan(planning.moves, targets, planning.unmet)


def evacuated(place: Place, *, is_inside: bool) -> Place:
    """A place while an area is emptied: it gives all that it may if it is inside, and only gets if it is outside."""
    if is_inside:
        return replace(place, sold_milli=0, display=0, capacity=0, leaves=True)
    return replace(place, spare=0)


def allocated(place: Place, *, is_source: bool) -> Place:
    """A place while what came in at one of them is shared out: the source gives, and all others only get."""
    if is_source:
        return replace(place, sold_milli=0, display=0, capacity=0)
    return replace(place, spare=0)


def prestocked(place: Place, cover: int, keeps: int, *, is_inside: bool) -> Place:
    """A place before an area is cut off, for a plan with `enough=0`.

    Inside, it wants a cover. Outside, it gives what it has beyond another cover. Both are in hundredths of a day.
    """
    lasting = -(-place.sold_milli * (cover if is_inside else keeps) // (1_000 * DAY))
    wanted = max(place.display, lasting)
    if is_inside:
        return replace(place, spare=0, display=min(wanted, max(place.capacity, 0)))
    spare = max(0, min(place.spare, place.position - wanted))
    return replace(place, spare=spare, display=0, capacity=0)


def last_units(place: Place, units: int) -> Place:
    """A place while remainders are gathered: only a place with at most so many units gives, and nobody shows any."""
    return replace(place, display=0, spare=place.spare if place.position <= units else 0)


def spare_units(free: int, available: int, leaving: int, policy: Policy | None, sold_milli: int) -> int:
    """The units that a location may give away.

    Args:
        free: the free units of the node that keeps the location. Units that others may promise are not its to give.
        available: the units there that are neither held nor quarantined.
        leaving: units of these that were promised to other locations, and have not left yet.
        policy: its safety stock stays. If that is a forecast, which only the store knows, what a day sells stays.
    """
    kept = 0
    if policy is not None and policy.mode in ("safety", "both"):
        kept = -(-sold_milli // 1_000) if policy.quantile_ppm else policy.safety_stock
    return max(0, min(free, available - kept) - leaving)


class _Planning:
    """The moves of one item so far. Places are known by their numbers in the list of places."""

    def __init__(
        self, places: Sequence[Place], rules: Rules, distances: Distances, solve: Solver, targets: Sequence[int]
    ) -> None:
        self._places = places
        self._rules = rules
        self._distances = distances
        self._solve = solve
        self._targets = targets
        self._has = [one.position for one in places]
        """The units of each place with those that it got, and before it gives any."""
        self._surplus = {
            number: cases
            for number, one in enumerate(places)
            if (cases := self._surplus_of(one, self._has[number] - targets[number], targets[number])) > 0
        }
        """The cases that each place can still give."""
        self._moves: dict[tuple[int, int], PlannedMove] = {}

    @property
    def moves(self) -> list[PlannedMove]:
        """One for each pair of places, in the order in which they were planned."""
        return list(self._moves.values())

    @property
    def unmet(self) -> int:
        """The units that places lack."""
        return sum([target - has for has, target in zip(self._has, self._targets, strict=True) if target > has])

    def fill(self, why: Why) -> None:
        """Bring places what they need for one reason, as far as there is some."""
        givers = self._surplus
        if why is ROOM:
            givers = {number: cases for number, cases in givers.items() if self._places[number].leaves}
        needs = self._needs(why) if givers else {}
        while needs and givers and self._send(givers, needs, why):
            pass

    def _surplus_of(self, place: Place, over: int, target: int) -> int:
        """The cases that a place has beyond its target, if it differs enough.

        If it would give more than it may, it differs enough.
        """
        is_enough = over * 100 > target * self._rules.tolerance_percent or target <= place.least
        return over // self._rules.case_pack if is_enough or place.leaves else 0

    def _needs(self, why: Why) -> dict[int, int]:
        """The cases that places need for one reason. More than a place has room for is never sent to it."""
        pack, part, needs = self._rules.case_pack, 100 - self._rules.tolerance_percent, {}
        for number, (has, target) in enumerate(zip(self._has, self._targets, strict=True)):
            place = self._places[number]
            if why is DISPLAY:
                cases = -(-(min(place.display, target) - has) // pack)
            elif why is ROOM:
                cases = 0 if place.leaves else QUANTITY_MAX
            else:
                cases = (target - has + pack // 2) // pack if has < target and has * 100 <= target * part else 0
            if cases > 0 and (fits := min(cases, (place.most - has) // pack)) > 0:
                needs[number] = fits
        return needs

    def _send(self, givers: dict[int, int], needs: dict[int, int], why: Why) -> bool:
        """Send cases from the nearest givers of each place, at least cost. False if no unit can go.

        The nearest ones may have less than is needed. So it is called until no more can go.
        """
        sources, targets = list(givers), list(needs)
        links = self._links(sources, targets)
        worth = self._rules.metres_max // STEP_METRES + 1
        sent = self._solve(list(givers.values()), list(needs.values()), links, worth) if links else []
        for (supply, need, _), cases in zip(links, sent, strict=True):
            if cases:
                self._move(sources[supply], targets[need], cases, why)
                _lower(givers, sources[supply], cases)
                _lower(needs, targets[need], cases)
        return any(sent)

    def _links(self, sources: Sequence[int], targets: Sequence[int]) -> list[Link]:
        """The links to each target from its nearest sources."""
        places, metres_max = self._places, self._rules.metres_max
        supply_at = {places[number].at: supply for supply, number in enumerate(sources)}
        links: list[Link] = []
        for need, number in enumerate(targets):
            at = places[number].at
            metres, kept = self._distances.metres(at), 0
            for other in self._distances.nearest(at, metres_max):
                if other in supply_at:
                    links.append((supply_at[other], need, metres[other] // STEP_METRES))
                    kept += 1
                    if kept == SOURCES_MAX:
                        break
        return links

    def _move(self, source: int, target: int, cases: int, why: Why) -> None:
        units, at, to = cases * self._rules.case_pack, self._places[source].at, self._places[target].at
        self._has[target] += units
        known = self._moves.get((at, to))
        if known is not None:
            self._moves[at, to] = replace(known, quantity=known.quantity + units)
        else:
            self._moves[at, to] = PlannedMove(at, to, units, why, self._distances.metres(to)[at])


def _lower(cases: dict[int, int], number: int, by: int) -> None:
    """Lower what is left of one, and forget it if nothing is."""
    cases[number] -= by
    if not cases[number]:
        del cases[number]
