"""Sales history: the sales of a store's own tills, for policies whose safety stock is a forecast.

While any policy asks for a forecast, this module reads the journal: first the last days of it, a page at a time, then
each new entry. It stores nothing, so a node that restarts reads again. Until it has read the past there is no forecast,
and policies that ask for one do not count: a store must not grant units that it will need a second later.

If somebody sets the clock of the node, the history is another one: the days before now are others. So there is no
forecast until the node has read again. First it waits until the sessions with peers whose clocks differ have ended,
because nobody can be granted anything then. A sale that was recorded at a later time than now shows a clock that was
wrong, and does not count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

import msgspec

from replica.core.base.clock import stamp_ms
from replica.core.base.limits import CLOCK_AHEAD_MAX_MS, CLOCK_SKEW_MAX_MS, SILENCE_MAX_MS
from replica.core.base.names import FREE, account, node_of
from replica.core.catalog.locations import time_zone_of
from replica.core.log.entry import Content, Entry
from replica.core.log.times import moved_ms, recorded_ms
from replica.core.rights.forecast import DAYS_MAX, SLOT_MINUTES, SLOTS, Demand
from replica.core.rights.policies import Policy
from replica.core.state.replica import Replica
from replica.core.stock.till_receipts import SALE
from replica.runtime.driver import Driver
from replica.runtime.ports import Clock, Journal
from replica.runtime.time_zones import time_zone

PAUSE_S = 1.0
"""How late the node may notice a new slot, or a policy that asks for a forecast."""

ENTRIES_PER_PAGE = 256
PAGE_PAUSE_S = 0.005
"""Pause between two pages of the past: about as long as reading one, so it hardly delays sales."""

DAY_MS = 86_400_000
SLOT_MS = SLOT_MINUTES * 60_000


class SalesHistory:
    """The sales history of the one location of a store."""

    def __init__(self, driver: Driver, journal: Journal, clock: Clock, location: str) -> None:
        self._driver = driver
        self._journal = journal
        self._clock = clock
        self._location = location
        self._demand: Demand | None = None
        """None until the past is read."""
        self._zone: tzinfo = UTC
        self._offset_ms = 0
        """The wall clock minus the elapsed time when the node last looked."""
        self.on_new_forecasts: Callable[[], None] = lambda: None
        """Called when the forecast of every item may have changed."""

    def policy(self, replica: Replica, location: str, item: str) -> Policy | None:
        """The policy for an item, with the forecast as its safety stock; None if none counts now."""
        policy = replica.policies.policy(location, item)
        if policy is None or not policy.quantile_ppm:
            return policy
        if self._demand is None or self._is_clock_set():
            return None
        units = self._demand.forecast(item, self._slot(self._clock.now().wall_ms), policy.quantile_ppm)
        return msgspec.structs.replace(policy, safety_stock=units, quantile_ppm=0)

    @property
    def demand(self) -> Demand | None:
        """What the tills sold, as forecasts count it. None while no policy asks for one, or until the past is read."""
        return None if self._is_clock_set() else self._demand

    async def run(self) -> None:
        """Read the sales of the tills while any policy asks for a forecast."""
        while True:
            if self._driver.replica.policies.forecast:
                await self._follow()
                if self._is_clock_set():
                    # a session with a peer whose clock differs has ended by then
                    await asyncio.sleep(SILENCE_MAX_MS / 1000 + 1)
            await asyncio.sleep(PAUSE_S)

    async def _follow(self) -> None:
        """Read the past, then new entries, until no policy asks any more, or the clock or the time zone changes."""
        self._offset_ms = self._offset()
        self._zone = zone = self._location_zone()
        demand, after = Demand(), await first_arrival(self._journal, self._driver.arrival, self._clock.now().wall_ms)
        slot, oldest = -1, -1
        while self._driver.replica.policies.forecast and zone == self._location_zone() and not self._is_clock_set():
            self._offset_ms = self._offset()
            is_past_new = False
            while after < self._driver.arrival:
                page = await self._journal.read(after, ENTRIES_PER_PAGE)
                for stored in page.stored:
                    is_past_new = self._note(demand, stored.entry) or is_past_new
                after = page.through
                await asyncio.sleep(PAGE_PAUSE_S)
            self._demand = demand
            now, days = self._slot(self._clock.now().wall_ms), demand.days
            if is_past_new or now != slot or days[:1] != [oldest]:
                slot, oldest = now, days[0] if days else -1
                self.on_new_forecasts()
            await asyncio.sleep(PAUSE_S)
        self._demand = None

    def _note(self, demand: Demand, entry: Entry) -> bool:
        """Note what an entry of the tills sold. Returns whether it was on an earlier day, which a forecast counts."""
        node, now_ms = self._driver.replica.node, self._clock.now().wall_ms
        slot = slot_of_sale(entry, node, self._location, self._zone, now_ms)
        if slot is None:
            return False
        for move in entry.content.moves:
            if move.source == account(node, FREE):
                demand.note(move.item, slot, move.quantity)
        return slot // SLOTS < self._slot(now_ms) // SLOTS

    def _offset(self) -> int:
        now = self._clock.now()
        return now.wall_ms - now.elapsed_ms

    def _is_clock_set(self) -> bool:
        """Whether the wall clock was set since the node last looked, by more than peers tolerate."""
        return abs(self._offset() - self._offset_ms) > CLOCK_SKEW_MAX_MS

    def _slot(self, at_ms: int) -> int:
        return slot_at(at_ms, self._zone)

    def _location_zone(self) -> tzinfo:
        return time_zone(time_zone_of(self._driver.replica.documents, self._location))


async def first_arrival(journal: Journal, arrival: int, now_ms: int) -> int:
    """An arrival number before which all entries are too old to count. Arrival follows time only roughly.

    Stamps never go back, so they show the age of an entry also if the clock was behind for a while.
    """
    oldest_ms = now_ms - (DAYS_MAX + 2) * DAY_MS
    low, high = 0, arrival
    while high - low > ENTRIES_PER_PAGE:
        middle = (low + high) // 2
        page = await journal.read(middle, 1)
        is_old = bool(page.stored) and written_ms(page.stored[0].entry.content, now_ms) < oldest_ms
        low, high = (middle, high) if is_old else (low, middle)
    return low


def slot_at(at_ms: int, zone: tzinfo) -> int:
    """The number of the half hour of local time, counted from 1970."""
    try:
        offset = datetime.fromtimestamp(at_ms / 1000, zone).utcoffset()
    except (ValueError, OverflowError, OSError):  # the clock shows a year that datetime does not have
        offset = None
    return (at_ms + (int(offset.total_seconds()) * 1000 if offset is not None else 0)) // SLOT_MS


def slot_of_sale(entry: Entry, node: str, location: str, zone: tzinfo, now_ms: int) -> int | None:
    """The half hour in which the tills of a store's node sold goods. None if an entry is no such sale.

    A sale under a clock that is far ahead of `now_ms` is none either.
    """
    content = entry.content
    is_own = content.kind == SALE and node_of(entry.stream.writer) == node
    if not is_own or entry.stream.scope != location:
        return None
    moved = moved_ms(content)
    if moved > now_ms + CLOCK_AHEAD_MAX_MS:
        return None
    return slot_at(moved, zone)


def written_ms(content: Content, now_ms: int) -> int:
    """When an entry was written: by its stamp, unless only a clock that was wrong before explains that."""
    by_stamp_ms = stamp_ms(content.clock)
    return by_stamp_ms if by_stamp_ms <= now_ms + CLOCK_AHEAD_MAX_MS else recorded_ms(content)


assert SLOT_MS * SLOTS == DAY_MS
