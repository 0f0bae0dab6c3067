"""The chains of the sample: their currency, their locations, and the codes of their scales.

Both sell the same goods. One has stores in China and yuan, the other has stores in countries with the euro.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec import Struct, convert

from shelfsync.sample.skus import SCALE_PREFIX, SCALE_TEMPLATE
from shelfsync.sample.words import read_data

CHAINS = ("cn", "eu")

_HOURS = {"monday-saturday": "07:00-22:00", "sunday": "08:00-21:00"}
_WAREHOUSE = "warehouse"


class SampleLocation(Struct, frozen=True):
    """One location, as the file has it."""

    key: str
    region: str
    name: str
    country: str
    province: str
    city: str
    district: str
    postcode: str
    line: str
    lat: float
    lon: float
    time_zone: str

    @property
    def value(self) -> dict[str, Any]:
        """Its document."""
        is_warehouse = self.key.startswith(_WAREHOUSE)
        address = {
            "country": self.country,
            "province": self.province,
            "city": self.city,
            "district": self.district,
            "postcode": self.postcode,
        }
        return {
            "type": _WAREHOUSE if is_warehouse else "store",
            "name": self.name,
            "region": self.region,
            "address": {**{name: text for name, text in address.items() if text}, "lines": [self.line]},
            "lat": self.lat,
            "lon": self.lon,
            "time_zone": self.time_zone,
            **({} if is_warehouse else {"hours": _HOURS}),
        }


class SampleChain(Struct, frozen=True):
    """One chain. `grams`: for how many grams the price of weighed goods is. `offset`: of its clock from UTC."""

    currency: str
    percent: int
    grams: int
    last_digit: int
    offset: str
    locations: tuple[SampleLocation, ...]

    def amount(self, fen: int) -> int:
        """A price in China as a price of this chain, in minor units."""
        return fen * self.percent // 1_000 * 10 + self.last_digit

    def whole_amount(self, fen: int) -> int:
        """An amount that is no price, such as that of a coupon, in minor units."""
        return max(10, fen * self.percent // 1_000 * 10)


@cache
def chain_of(name: str) -> SampleChain:
    """One chain by its name."""
    return convert(read_data("chains")[name], SampleChain)


def scale_codes() -> dict[str, Any]:
    """The value of the document `scale_codes/default` of both chains."""
    return {"use": [{"template": SCALE_TEMPLATE, "first": SCALE_PREFIX}]}
