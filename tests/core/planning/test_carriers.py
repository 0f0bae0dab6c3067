"""Carriers: which lane takes goods from a location to an address, and which documents are refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from replica.core.base.errors import Invalid
from replica.core.catalog.documents import Documents, pack_value
from replica.core.catalog.registers import Register
from replica.core.planning.carriers import CARRIER, CarrierDocument, Lane, carriers_of, check_carrier


def documents_of(**carriers: Any) -> Documents:
    documents = Documents()
    for number, (name, value) in enumerate(carriers.items(), start=1):
        packed = pack_value(value) if value is not None else None
        documents.put(Register(CARRIER, name, 0, "", number, number, "hub-east#0000000a", packed))
    return documents


def lane(days: int, **ends: Any) -> dict[str, Any]:
    return {"first": days, "last": days, **ends}


@pytest.mark.parametrize(
    ("named", "fits"),
    [
        (Lane(1, 2), True),
        (Lane(1, 2, locations=("w-1", "w-2")), True),
        (Lane(1, 2, locations=("w-2",)), False),
        (Lane(1, 2, areas=("north", "east")), True),
        (Lane(1, 2, areas=("north",)), False),
        (Lane(1, 2, locations=("w-1",), areas=("east",)), True),
        (Lane(1, 2, locations=("w-2",), areas=("east",)), False),
        (Lane(1, 2, locations=("w-1",), areas=("north",)), False),
    ],
)
def test_lane_leads_from_its_locations_to_its_areas_and_without_any_from_and_to_all(named: Lane, fits: bool) -> None:
    assert named.fits("w-1", ["china", "east"]) == fits


def test_lane_to_areas_leads_to_no_address_outside_all_areas() -> None:
    assert not Lane(1, 2, areas=("east",)).fits("w-1", [])
    assert Lane(1, 2).fits("w-1", [])


def test_first_lane_that_fits_holds_and_carriers_come_in_the_order_of_their_ids() -> None:
    documents = documents_of(
        slow={"lanes": [lane(9)]},
        fast={"lanes": [lane(1, areas=["north"]), lane(2, areas=["east"]), lane(3)]},
        far={"lanes": [lane(1, areas=["north"])]},
    )
    found = [(one.id, one.lane.first, one.document.lanes[-1].first) for one in carriers_of(documents, "w-1", ["east"])]
    assert found == [("fast", 2, 3), ("slow", 9, 9)]


def test_carrier_that_was_cleared_or_that_this_version_cannot_use_takes_nothing() -> None:
    documents = documents_of(
        cleared=None,
        strange={"lanes": 5},
        backwards={"lanes": [{"first": 2, "last": 1}]},
        later={"lanes": [lane(1)], "new": 1},
    )
    assert [one.id for one in carriers_of(documents, "w-1", [])] == ["later"]


def test_lane_that_arrives_before_it_begins_is_refused_with_its_field() -> None:
    lanes = [lane(1), {"first": 3, "last": 2}]
    with pytest.raises(Invalid, match=r"lanes\[1\]\.last is less than first. Send at least 3") as refused:
        check_carrier(msgspec.convert({"lanes": lanes}, CarrierDocument))
    assert refused.value.field == "lanes[1].last"
    check_carrier(msgspec.convert({"lanes": [lane(1), lane(0)]}, CarrierDocument))
