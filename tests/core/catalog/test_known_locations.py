"""Known locations: by a document, by a node that writes for them, or by an entry."""

from __future__ import annotations

import pytest

from replica.core.base.errors import Invalid, UnknownLocation
from replica.core.base.names import CHAIN, HUBS
from replica.core.catalog.known_locations import NEIGHBOURS_MAX, candidates_for
from replica.core.state import decisions
from tests.core.chain import NOW_MS, hub, receipt, store

SHOP = {"type": "store", "name": "Shop", "region": "east"}


def test_a_location_is_known_by_the_node_that_writes_for_it() -> None:
    assert "w-1" in hub("hub-east", "w-1").replica.known_locations
    assert "w-2" not in hub("hub-east", "w-1").replica.known_locations


def test_a_location_is_known_by_its_document_until_that_is_cleared() -> None:
    east = hub("hub-east", "w-1")
    east.write("s-1", SHOP, kind="location")
    assert "s-1" in east.replica.known_locations
    east.write("s-1", None, kind="location")
    assert "s-1" not in east.replica.known_locations


def test_a_location_is_known_by_an_entry_also_after_a_restart() -> None:
    east, away = hub("hub-east", "w-1"), store(1)
    away.ask(receipt(cola=1))
    away.commit()
    decisions.merge(east.replica, away.runs(), NOW_MS)
    east.commit()
    assert "store-1" in east.replica.known_locations
    east.crash()
    assert "store-1" in east.replica.known_locations


def test_a_location_is_known_by_a_connected_store_without_entries() -> None:
    east = hub("hub-east", "w-1")
    east.replica.learn_location_owners({"store-1": "store-1"})
    assert "store-1" in east.replica.known_locations


@pytest.mark.parametrize("name", [CHAIN, HUBS, "", "Store-1", "a b"])
def test_scopes_and_other_texts_are_no_locations(name: str) -> None:
    east = hub("hub-east", "w-1")
    east.write("cola", {"recipe": {"cola": 1}})
    assert name not in east.replica.known_locations
    assert east.replica.known_locations.names() == ["w-1"]


def test_a_refusal_names_the_field_and_names_like_the_wrong_one() -> None:
    known = hub("hub-east", "store-1", "w-1").replica.known_locations
    with pytest.raises(UnknownLocation, match=r"location 'stroe-1'.*Did you mean store-1") as unknown:
        known.check("stroe-1", "location")
    assert (unknown.value.field, unknown.value.facts) == ("location", {"location": "stroe-1"})
    with pytest.raises(Invalid, match="The field pickup_at") as invalid:
        known.check_field("stroe-1", "pickup_at")
    assert invalid.value.field == "pickup_at"


def test_a_refusal_suggests_nothing_if_no_name_is_like_the_wrong_one() -> None:
    with pytest.raises(UnknownLocation) as unknown:
        hub("hub-east", "store-1").replica.known_locations.check("w-77", "location")
    assert "Did you mean" not in unknown.value.detail


def test_a_region_is_known_by_the_document_of_a_location() -> None:
    east = hub("hub-east", "w-1")
    east.write("s-1", SHOP, kind="location")
    east.replica.known_locations.check_region("east", "at")
    for region, suggestion in (("eats", "Did you mean east?"), ("w-1", "no location document does. Correct it.")):
        with pytest.raises(Invalid) as unknown:
            east.replica.known_locations.check_region(region, "at")
        assert unknown.value.field == "at"
        assert suggestion in unknown.value.detail


@pytest.mark.parametrize("wrong", ["stroe-04711", "store-0471", "store-047111", "sotre-04711"])
def test_a_wrong_name_is_compared_with_some_names_of_a_large_chain(wrong: str) -> None:
    names = [f"store-{number:05}" for number in range(10_000)]
    candidates = candidates_for(wrong, names)
    assert "store-04711" in candidates
    assert len(candidates) <= 4 * NEIGHBOURS_MAX
