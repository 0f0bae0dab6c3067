"""Documents of locations: the time zone that they name."""

from __future__ import annotations

from typing import Any

from replica.core.catalog.documents import STORE_RANK, Documents, Register, pack_value
from replica.core.catalog.locations import LOCATION, time_zone_of


def write(documents: Documents, version: int, value: Any, rank: int = 0) -> None:
    at = "store-1" if rank else ""
    packed = pack_value(value) if value is not None else None
    documents.put(Register(LOCATION, "store-1", rank, at, version, version, "hub-east#0000000a", packed))


def test_the_time_zone_of_a_location_follows_its_document() -> None:
    documents = Documents()
    assert time_zone_of(documents, "store-1") == "UTC"
    shop = {"type": "store", "name": "A shop", "region": "east"}
    for version, (value, zone) in enumerate(
        [
            (shop, "UTC"),
            ({**shop, "time_zone": "Asia/Shanghai"}, "Asia/Shanghai"),
            ({**shop, "time_zone": "Europe/Berlin", "later": 1}, "Europe/Berlin"),
            ({**shop, "time_zone": 8}, "UTC"),
            ({8: 8}, "UTC"),
            (None, "UTC"),
        ],
        start=1,
    ):
        write(documents, version, value)
        assert time_zone_of(documents, "store-1") == zone
    write(documents, 1, {**shop, "time_zone": "Asia/Tokyo"}, rank=STORE_RANK)
    write(documents, 7, {**shop, "time_zone": "Asia/Shanghai"})
    assert time_zone_of(documents, "store-1") == "Asia/Shanghai"
    assert time_zone_of(documents, "store-2") == "UTC"
