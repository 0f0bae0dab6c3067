"""Documents of shelf prices: prices and promotions of all kinds, and what else their meaning depends on.

Amounts are few and limits are narrow, so that overrides are often past them. Moments lie before, within and after the
run, and windows begin and end within it, by the clock of some zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from replica.core.catalog.ranks import CHAIN_RANK
from replica.core.catalog.weekly_windows import DAYS

AMOUNTS = (90, 100, 110, 199)
MINIMUMS = (0, 95, 105)
MAXIMUMS = (105, 150, 250)
PERCENTS = (10.0, 12.5, 33.33, 50.0)
PRIORITIES = (1, 1, 2, 3, 100)
CURRENCIES = ("EUR", "EUR", "EUR", "EUR", "EUR", "CHF")
BRANDS: tuple[dict[str, Any], ...] = ({"brand": "acme"}, {"brand": "acme", "size": 2}, {"brand": True}, {})

GROUPS = ("staff", "members")

ZONES = ("Asia/Kathmandu", "Atlantic/Azores", "America/St_Johns", "Europe/Berlin", "Pacific/Chatham")
"""With quarters and halves of hours, around midnight, and with summer time."""

MEASURED = 0.15
"""Share of prices that are for several units, so that groups and bundles do not contain these goods."""

PER = 2

WITHOUT_TAX = 0.05

WITH_LIMITS = 0.5
"""Share of prices of the chain that limit overrides."""

TIMED = 0.3
"""Share of documents with a moment, for each field that has one."""

LOCKED = 0.3
"""Share of promotions of the chain that no store overrides."""

MOMENTS_S = (-20.0, 40.0)
"""How far moments lie from now."""

MOMENTS_KEPT = 20
"""The newest moments of documents, for which customers ask."""

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


class ShelfDocuments:
    """What documents may say at a moment. `items`: the SKUs that are sold."""

    def __init__(self, random: Random, items: Sequence[str]) -> None:
        self._random = random
        self._items = items
        self._moments: list[int] = []
        """The moments of documents so far."""

    def location(self, name: str, regions: Sequence[str]) -> dict[str, Any]:
        """A store in some region, and sometimes in a time zone."""
        value = {"type": "store", "name": name, "region": self._random.choice(regions)}
        return {**value, "time_zone": self._random.choice(ZONES)} if self._is(0.8) else value

    def sku(self, name: str) -> dict[str, Any]:
        """A SKU with attributes that promotions ask for."""
        value = {"recipe": {name: 1}, "attributes": self._random.choice(BRANDS)}
        return value if value["attributes"] else {"recipe": {name: 1}}

    def price(self, rank: int, now_ms: int) -> dict[str, Any]:
        """A price of a rank."""
        value: dict[str, Any] = {"amount": self._random.choice(AMOUNTS), **self._period(now_ms)}
        value["currency"] = self._random.choice(CURRENCIES)
        if self._is(MEASURED):
            value["per"] = PER
        if self._is(WITHOUT_TAX):
            value["tax_inclusive"] = False
        if self._is(TIMED):
            value["scheduled"] = self._scheduled(now_ms)
        if rank == CHAIN_RANK and self._is(WITH_LIMITS):
            value["override"] = {"min": self._random.choice(MINIMUMS), "max": self._random.choice(MAXIMUMS)}
        return value

    def promotion(self, rank: int, now_ms: int) -> dict[str, Any]:
        """A promotion of a rank."""
        value: dict[str, Any] = {"benefit": self._benefit(), **self._period(now_ms)}
        if value["benefit"]["type"] != "bundle":
            value["applies_to"] = self._selector()
        value["priority"] = self._random.choice(PRIORITIES)
        if self._is(0.5):
            value["combinable"] = True
        if self._is(0.25):
            value["max_uses"] = self._random.choice((1, 2))
        if self._is(0.4):
            value["windows"] = [self._window(now_ms) for _ in range(self._random.choice((1, 1, 2)))]
        if self._is(0.35):
            value["customer_groups"] = self._random.sample(GROUPS, self._random.choice((1, 1, 2)))
        if rank == CHAIN_RANK and self._is(LOCKED):
            value["locked"] = True
        return value

    def _benefit(self) -> dict[str, Any]:
        kind = self._random.choice(("percentage", "amount_off", "n_for_m", "bundle", "threshold"))
        currency = self._random.choice(CURRENCIES)
        match kind:
            case "percentage":
                return {"type": kind, "percent": self._random.choice(PERCENTS)}
            case "amount_off":
                return {"type": kind, "amount": self._random.choice((5, 60)), "currency": currency}
            case "n_for_m":
                take, pay = self._random.choice(((2, 1), (3, 2), (5, 3)))
                return {"type": kind, "take": take, "pay": pay}
            case "bundle":
                amount = self._random.choice((0, 150, 190, 260))
                return {"type": kind, "amount": amount, "currency": currency, "components": self._components()}
        off = {"percent": self._random.choice(PERCENTS)} if self._is(0.5) else {"amount": 75}
        return {"type": kind, "minimum": self._random.choice((199, 300, 450)), "currency": currency, **off}

    def _components(self) -> list[dict[str, Any]]:
        """One component of any goods, or several of different SKUs."""
        some = self._random.sample(self._items, len(self._items))
        if len(some) < 2 or self._is(0.3):
            return [{"quantity": self._random.choice((1, 2, 3)), "applies_to": self._selector()}]
        index = self._random.randrange(1, len(some))
        parts = some[:index], some[index:]
        return [{"quantity": self._random.choice((1, 1, 2)), "applies_to": {"skus": skus}} for skus in parts]

    def _selector(self) -> dict[str, Any]:
        number = self._random.random()
        if number < 0.4:
            return {"all": True}
        if number < 0.5:
            return {"attributes": dict(self._random.choice(BRANDS[:3]))}
        return {"skus": self._random.sample(self._items, self._random.randint(1, min(2, len(self._items))))}

    def _window(self, now_ms: int) -> dict[str, Any]:
        """A window that begins or ends near a moment, by the clock of some zone. Some go on past midnight."""
        near = _clock_at(self.moment_ms(now_ms), ZoneInfo(self._random.choice((*ZONES, "UTC"))))
        length = timedelta(minutes=self._random.choice((1, 30, 8 * 60, 20 * 60)))
        begins = near if self._is(0.5) else near - length
        ends = begins + length
        value: dict[str, Any] = {"start": f"{begins:%H:%M}", "end": f"{ends:%H:%M}"}
        if self._is(0.5):
            first = begins.weekday() if self._is(0.7) else self._random.randrange(len(DAYS))
            value["days"] = sorted({DAYS[first], self._random.choice(DAYS)}, key=DAYS.index)
        return value

    def _period(self, now_ms: int) -> dict[str, str]:
        first, last = sorted((self.moment_ms(now_ms), self.moment_ms(now_ms)))
        found = {}
        if self._is(TIMED):
            found["valid_from"] = moment_text(first)
        if self._is(TIMED):
            found["valid_to"] = moment_text(last + 1)
        return found

    def _scheduled(self, now_ms: int) -> list[dict[str, Any]]:
        """One or two amounts for later, in the order of time. Those outside the period never count."""
        moments = sorted({self.moment_ms(now_ms) for _ in range(self._random.choice((1, 2)))})
        return [{"amount": self._random.choice(AMOUNTS), "valid_from": moment_text(at)} for at in moments]

    def moment_ms(self, now_ms: int) -> int:
        """A moment during the run, or near it."""
        self._moments.append(now_ms + round(self._random.uniform(*MOMENTS_S) * 1_000))
        return self._moments[-1]

    def asked_ms(self, now_ms: int) -> int:
        """A moment for which a customer asks: one of a document, the one before it, or any of the next year.

        Clocks change in a year twice.
        """
        if self._moments and self._is(0.7):
            return self._random.choice(self._moments[-MOMENTS_KEPT:]) - self._random.choice((0, 0, 1))
        return now_ms + self._random.randrange(366 * 24 * 4) * HOUR_MS // 4 + self._random.choice((0, 1, MINUTE_MS))

    def _is(self, share: float) -> bool:
        return self._random.random() < share


def moment_text(moment_ms: int) -> str:
    """A moment as documents say it."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)).isoformat().replace("+00:00", "Z")


def _clock_at(moment_ms: int, zone: ZoneInfo) -> datetime:
    """What a clock in a zone shows, without its zone: it is only read."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)).astimezone(zone).replace(tzinfo=None)
