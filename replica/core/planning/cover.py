"""Cover: for how many days the stock of a location lasts, and which stock each location should have.

The stock of an item is evened if each location has the same days of cover. Locations cannot all have that: units that
are held stay, displays want a minimum, shelves have an end. So there is one level of cover, and each location is as
near to it as its bounds let it be. All figures are whole numbers: units, thousandths of a unit a day, hundredths of a
day.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from replica.core.base.limits import QUANTITY_MAX

DAY = 100
"""A day in the unit of levels: hundredths of a day."""

_SOLD_TIMES_DAY = 1_000 * DAY

NO_DISPLAY = -DAY
"""The level at which not even displays get anything. From there to 0, each display gets the same part of it."""


class Place(Struct, frozen=True, gc=False):
    """One item at one location.

    `at`: the number of the location. `available`: units that are there, and neither held nor quarantined. `spare`: how
    many of these it may give away. `incoming`: units on their way to it. `sold_milli`: thousandths of a unit that it
    sells a day. `display`: the units that it wants at least. `capacity`: the units that it has room for. `leaves`:
    whether all units that may leave should.
    """

    at: int
    available: int
    spare: int
    incoming: int = 0
    sold_milli: int = 0
    display: int = 0
    capacity: int = QUANTITY_MAX
    leaves: bool = False
    margin: int = 0
    """What a unit earns there, to compare places with each other."""

    @property
    def position(self) -> int:
        """The units that it will have if nobody does anything."""
        return self.available + self.incoming

    @property
    def least(self) -> int:
        """The units that stay whatever anybody wants."""
        return self.position - self.spare

    @property
    def most(self) -> int:
        """The units that it may have: those that it has room for, or more if more have to stay."""
        return max(self.capacity, self.least)

    @property
    def cover(self) -> int | None:
        """For how many hundredths of a day its units last; None if it sells nothing."""
        return cover_of(self.position, self.sold_milli)


def cover_of(units: int, sold_milli: int) -> int | None:
    """For how many hundredths of a day some units last; None if nothing is sold."""
    return max(0, units) * _SOLD_TIMES_DAY // sold_milli if sold_milli else None


class Targets(Struct, frozen=True):
    """The units that each place should have. `level`: their common cover, in hundredths of a day."""

    units: list[int]
    level: int


def evened(places: Sequence[Place], level_max: int) -> Targets:
    """The stock that evens the cover of places, up to a level that is enough for each of them.

    Together the targets are never more than there is, unless places are below zero. At the level, each place has what
    it wants within its bounds. Units that are left because a unit cannot be divided go where the greatest part of a
    unit is missing.
    """
    bounds = [(one.sold_milli, one.display, one.least, one.most) for one in places]
    there = sum([one.position for one in places])
    level = _level(bounds, there, level_max)
    units = _targets(bounds, level)
    if level < level_max:
        left = max(0, there - sum(units))
        above = _targets(bounds, level + 1)
        growing = [place for place, (now, then) in enumerate(zip(units, above, strict=True)) if then > now]
        for place in sorted(growing, key=lambda place: (-_part(bounds[place], level), place)):
            step = min(left, above[place] - units[place])
            units[place] += step
            left -= step
    return Targets(units, level)


def by_margin(places: Sequence[Place], level: int) -> Targets:
    """The stock that earns most if what may leave places goes to others, each of which gets a cover at most.

    A place that gives asks for nothing. The units go where they earn most first; of equal places, to the first ones.
    """
    units = [one.least for one in places]
    left = sum([one.spare for one in places])
    for number in sorted(range(len(places)), key=lambda number: (-places[number].margin, number)):
        one = places[number]
        wanted = _targets([(one.sold_milli, one.display, one.least, one.most)], level)[0]
        more = min(left, wanted - units[number])
        units[number] += more
        left -= more
    for number, one in enumerate(places):  # what nobody wants stays where it is
        more = min(left, max(0, one.position - units[number]))
        units[number] += more
        left -= more
    return Targets(units, level)


_Bounds = tuple[int, int, int, int]
"""Of one place: what it sells, its display, and the least and the most units that it may have."""


def _targets(bounds: Sequence[_Bounds], level: int) -> list[int]:
    """The units that each place should have at a level. Written out, because plans spend much of their time here."""
    if level < 0:
        part = level - NO_DISPLAY
        return [min(max(display * part // -NO_DISPLAY, least), most) for _, display, least, most in bounds]
    targets = []
    for sold, display, least, most in bounds:
        want = sold * level // _SOLD_TIMES_DAY
        want = max(want, display)
        want = max(want, least)
        targets.append(min(most, want))
    return targets


def _part(bounds: _Bounds, level: int) -> int:
    """Which part of a unit a place wants at a level and does not get, as a number to compare it with others."""
    sold, display, _, _ = bounds
    if level < 0:
        return display * (level - NO_DISPLAY) % -NO_DISPLAY
    return sold * level % _SOLD_TIMES_DAY


def _level(bounds: Sequence[_Bounds], there: int, level_max: int) -> int:
    """The greatest level at which the targets are together not more than there is.

    It is looked for where a line through the ends of what is left meets it, and in the middle if that helped little.
    """
    moving, still = list[_Bounds](), list[_Bounds]()
    for one in bounds:
        if (one[0] or one[1]) and one[2] < one[3]:
            moving.append(one)
        else:
            still.append(one)
    there -= sum(_targets(still, 0))
    low, high = NO_DISPLAY, level_max
    at_low, at_high = sum(_targets(moving, low)), sum(_targets(moving, high))
    if at_high <= there:
        return high
    is_middle = False
    while high - low > 1:
        if is_middle:
            middle = (low + high) // 2
        else:
            middle = low + (there - at_low) * (high - low) // max(1, at_high - at_low)
            middle = min(max(middle, low + 1), high - 1)
        total, before = sum(_targets(moving, middle)), high - low
        if total <= there:
            low, at_low = middle, total
        else:
            high, at_high = middle, total
        is_middle = (high - low) * 2 > before
    return low
