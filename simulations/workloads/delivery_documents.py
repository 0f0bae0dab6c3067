"""Documents about deliveries: areas, calendars, carriers, weights, and what locations and SKUs say for them.

There are few of each, so that writes meet: at two hubs, and while orders are sourced. Windows, stop periods and bans
begin and end during the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from replica.core.catalog.addresses import Destination
from replica.core.catalog.weekly_windows import DAYS
from simulations.workloads.shelf_documents import moment_text

ADDRESSES = (
    Destination("DE", province="Bayern", city="München", postcode="80331", lat=48.1374, lon=11.5755),
    Destination("DE", province="Bayern", city="München", postcode="80331", lat=48.1374, lon=11.5755),
    Destination("DE", province="Berlin", city="Berlin", postcode="10115", lat=52.53, lon=13.38),
    Destination("CN", province="浙江", city="杭州", district="西湖", lat=30.26, lon=120.13),
    Destination("CN", province="上海", postcode="200000"),
)
"""Where customers live. Most live in one city, so that orders meet."""

POINTS = ((48.2, 11.6), (52.5, 13.4), (50.1, 8.7), (30.3, 120.2), (31.2, 121.5))

BAVARIA = ((47.0, 9.0), (47.0, 13.9), (50.6, 13.9), (50.6, 9.0))

COVERS: tuple[dict[str, Any], ...] = (
    {"type": "division", "country": "DE"},
    {"type": "division", "country": "DE", "province": "BAYERN"},
    {"type": "division", "country": "CN"},
    {"type": "code", "code": "330000"},
    {"type": "code", "code": "330106"},
    {"type": "postcode", "country": "DE", "prefix": "80"},
    {"type": "postcode", "country": "DE", "first": "10000", "last": "80399"},
    {"type": "polygon", "corners": [{"lat": lat, "lon": lon} for lat, lon in BAVARIA]},
    {"type": "distance", "km": 300.0, "lat": 48.5, "lon": 12.0},
)

AREAS, CALENDARS, CARRIERS = 3, 3, 2
"""How many there are."""

HOLIDAYS = "holidays"
"""A calendar that others include."""

ATTRIBUTES: tuple[dict[str, Any], ...] = (
    {"hazard": "flammable"},
    {"hazard": True},
    {"hazard": "flammable", "size": 2},
    {},
)

REASONS = ({"en": "Not by plane"}, {"en": "Closed", "zh": "停发"}, {"zh": "台风"})

ZONES = ("UTC", "Europe/Berlin", "Asia/Shanghai", "Asia/Kathmandu", "America/St_Johns")

PRIORITIES = (1, 50, 100, 200)

AROUND_S = (-10.0, 35.0)
"""How far moments lie from now."""

DAY_MS = 86_400_000


class DeliveryDocuments:
    """What documents may say at a moment. `locations`: those that send goods; `regions`: where they may be."""

    def __init__(self, random: Random, items: Sequence[str], locations: Sequence[str], regions: Sequence[str]) -> None:
        self._random = random
        self._items = items
        self._locations = locations
        self._regions = regions

    def area(self, now_ms: int) -> dict[str, Any]:
        """An area around some addresses, with who serves it and what it does not let in."""
        few = min(self._random.choice((0, 1, 1, 2, 3)), len(self._locations))
        servers = self._random.sample(self._locations, few)
        first = self._random.randint(0, len(servers)) if self._is(0.5) else len(servers)
        value: dict[str, Any] = {
            "covers": [self._cover() for _ in range(self._random.choice((1, 1, 2)))],
            "priority": self._random.choice(PRIORITIES),
            "serves": [self._server(one) for one in servers[:first]],
            "backups": [self._server(one) for one in servers[first:]],
        }
        if self._is(0.2):
            value["excludes"] = [self._cover()]
        if self._is(0.25):
            value["bans"] = [self._ban(now_ms) for _ in range(self._random.choice((1, 1, 2)))]
        if self._is(0.25):
            value["calendars"] = [self._calendar_name()]
        return value

    def calendar(self, now_ms: int) -> dict[str, Any]:
        """A calendar whose windows, days and stop periods concern the days of the run."""
        value: dict[str, Any] = {}
        if self._is(0.6):
            value["windows"] = [self._weekly(now_ms) for _ in range(self._random.choice((1, 1, 2)))]
        if self._is(0.4):
            value["days"] = self._days(now_ms)
        if self._is(0.5):
            value["includes"] = [HOLIDAYS]
        if self._is(0.3):
            first = self._random.randint(-1, 1)
            days = {"first_day": self._day(now_ms, first), "last_day": self._day(now_ms, first + 1)}
            value["promotions"] = [{**days, "windows": [self._weekly(now_ms)]}]
        if self._is(0.4):
            value["stops"] = [self._stop(now_ms)]
        return value

    def holidays(self, now_ms: int) -> dict[str, Any]:
        """A calendar of single days."""
        return {"days": self._days(now_ms)}

    def location(self, name: str, now_ms: int) -> dict[str, Any]:
        """A location in some region, and how it sends goods."""
        kind = "store" if name.startswith("store") else self._random.choice(("warehouse", "third_party", "store"))
        value: dict[str, Any] = {"type": kind, "name": name, "region": self._random.choice(self._regions)}
        if self._is(0.8):
            value["lat"], value["lon"] = self._random.choice(POINTS)
        if self._is(0.5):
            value["margin_percent"] = self._random.choice((0, 10, 40))
        value["time_zone"] = self._random.choice(ZONES)
        if self._is(0.5):
            value["calendars"] = self._random.sample([self._calendar_name(), HOLIDAYS], self._random.choice((1, 1, 2)))
        if self._is(0.6):
            value["dispatch"] = self._dispatch(now_ms)
        return value

    def carrier(self) -> dict[str, Any]:
        """A carrier with lanes from some locations to some areas."""
        value: dict[str, Any] = {"lanes": [self._lane() for _ in range(self._random.choice((1, 2)))]}
        if self._is(0.5):
            value["calendars"] = [self._calendar_name()]
        if self._is(0.6):
            value["time_zone"] = self._random.choice(ZONES)
        return value

    def weights(self) -> dict[str, Any]:
        """Weights under which other locations are cheapest than under the usual ones."""
        drawn = {
            "split": (0, 500, 5_000),
            "priority": (0, 2_000),
            "backup": (0, 0, 100_000),
            "per_km": (0, 1, 10),
            "unknown_km": (0, 1_000),
            "per_margin_percent": (0, 20, 500),
            "per_closed_hour": (0, 5, 1_000),
            "per_unheard_hour": (0, 20, 1_000_000),
            "last_unit": (50, 2_000),
            "last_units": (0, 2, 5),
            "dispatch_within_hours": (0, 1, 24, 72),
        }
        return {name: self._random.choice(values) for name, values in drawn.items() if self._is(0.5)}

    def sku(self, name: str) -> dict[str, Any]:
        """A SKU with attributes that bans ask for."""
        attributes = self._random.choice(ATTRIBUTES)
        return {"recipe": {name: 1}, **({"attributes": attributes} if attributes else {})}

    # parts -------------------------------------------------------------------------------------------------------

    def _cover(self) -> dict[str, Any]:
        if self._is(0.2):
            return {"type": "distance", "km": 400.0, "location": self._random.choice(self._locations)}
        return dict(self._random.choice(COVERS))

    def _server(self, location: str) -> dict[str, Any]:
        return {"location": location, "priority": self._random.choice(PRIORITIES)}

    def _ban(self, now_ms: int) -> dict[str, Any]:
        goods: dict[str, Any] = {"skus": [self._random.choice(self._items)]}
        if self._is(0.4):
            goods = {"attributes": dict(self._random.choice(ATTRIBUTES[:3]))}
        ban: dict[str, Any] = {
            "goods": {"all": True} if self._is(0.05) else goods,
            "reasons": self._random.choice(REASONS),
        }
        first, last = sorted((self._moment_ms(now_ms), self._moment_ms(now_ms)))
        if self._is(0.4):
            ban["valid_from"] = moment_text(first)
        if self._is(0.4):
            ban["valid_to"] = moment_text(last + 1)
        return ban

    def _days(self, now_ms: int) -> dict[str, Any]:
        """Days around now: closed, with other windows, or like another day of the week."""
        return {self._day(now_ms, number): self._single(now_ms) for number in self._random.sample(range(-1, 4), 3)}

    def _single(self, now_ms: int) -> dict[str, Any]:
        kind = self._random.choice(("closed", "windows", "windows", "like"))
        if kind == "windows":
            return {"windows": [self._window(now_ms)]}
        if kind == "like":
            return {"like": self._random.choice(DAYS)}
        return {"closed": True, "reasons": self._random.choice(REASONS)}

    def _stop(self, now_ms: int) -> dict[str, Any]:
        begins_ms = self._moment_ms(now_ms)
        for_ms = self._random.choice((3_000, 10_000, DAY_MS // 12, 2 * DAY_MS))
        ends = {"valid_from": moment_text(begins_ms), "valid_to": moment_text(begins_ms + for_ms)}
        return {**ends, "reasons": self._random.choice(REASONS)}

    def _weekly(self, now_ms: int) -> dict[str, Any]:
        value: dict[str, Any] = self._window(now_ms)
        if self._is(0.5):
            value["days"] = sorted(self._random.sample(DAYS, self._random.randint(2, 6)), key=DAYS.index)
        return value

    def _window(self, now_ms: int) -> dict[str, Any]:
        """A window that begins or ends near now by the clock of some zone, or at a usual hour."""
        if self._is(0.4):
            return dict(self._random.choice(({"start": "08:00"}, {"start": "20:00", "end": "07:00"}, {"end": "12:30"})))
        near = _clock(self._moment_ms(now_ms), ZoneInfo(self._random.choice(ZONES)))
        length = timedelta(minutes=self._random.choice((30, 30, 8 * 60, 20 * 60)))
        begins = near if self._is(0.5) else near - length
        return {"start": f"{begins:%H:%M}", "end": f"{begins + length:%H:%M}"}

    def _dispatch(self, now_ms: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        if self._is(0.5):
            near = _clock(self._moment_ms(now_ms), ZoneInfo(self._random.choice(ZONES)))
            times = self._random.sample((f"{near:%H:%M}", "00:00", "12:30", "16:00"), 2)
            days = self._random.sample(DAYS, 5)
            value["cut_offs"] = [{"time": times[0]}, {"time": times[1], "days": sorted(days, key=DAYS.index)}]
        if self._is(0.5):
            value["handling_minutes"] = self._random.choice((30, 240))
        if self._is(0.4):
            value["units_per_day"] = self._random.choice((2, 5, 20))
        return value

    def _lane(self) -> dict[str, Any]:
        first = self._random.randint(0, 2)
        lane: dict[str, Any] = {"first": first, "last": first + self._random.randint(0, 2)}
        if self._is(0.4):
            lane["locations"] = [self._random.choice(self._locations)]
        if self._is(0.4):
            lane["areas"] = [f"area-{self._random.randrange(AREAS)}"]
        return lane

    def _calendar_name(self) -> str:
        return f"hours-{self._random.randrange(CALENDARS)}"

    def _day(self, now_ms: int, number: int) -> str:
        return (_clock(now_ms, UTC) + timedelta(days=number)).date().isoformat()

    def _moment_ms(self, now_ms: int) -> int:
        return now_ms + round(self._random.uniform(*AROUND_S) * 1_000)

    def _is(self, share: float) -> bool:
        return self._random.random() < share


def _clock(moment_ms: int, zone: Any) -> datetime:
    """What a clock in a zone shows."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)).astimezone(zone)
