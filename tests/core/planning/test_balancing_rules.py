"""Rules of balancing: which document counts for which field."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.base.errors import Invalid
from replica.core.catalog.documents import pack_value
from replica.core.catalog.registers import Register
from replica.core.planning.balancing import Rules
from replica.core.planning.balancing_rules import BalancingDocument, BalancingRules, Bounds, check_balancing
from replica.core.planning.cover import DAY


def rules(**documents: dict[str, Any]) -> BalancingRules:
    found = BalancingRules()
    for number, (key, value) in enumerate(documents.items(), 1):
        assert found.put(written(key.replace("__", ":").replace("_and_", ","), value, number))
    return found


def written(key: str, value: object, version: int = 1) -> Register:
    packed = None if value is None else pack_value(value)
    return Register("balancing", key, 0, "", version, version, "hub-1#0000000a", packed, 0)


def test_without_documents_the_usual_rules_hold() -> None:
    assert rules().rules("cola") == Rules()
    assert rules().bounds("cola") == (Bounds(), {})


def test_each_field_is_that_of_the_most_specific_document_that_has_it() -> None:
    found = rules(
        default={"display": 1, "cover_days": 10, "case_pack": 6},
        item__cola={"case_pack": 12, "max_km": 50},
        location__a={"capacity": 30},
        location__a_and_item__cola={"display": 4},
        location__b={"display": 2},
    )
    assert found.rules("cola") == Rules(case_pack=12, enough=10 * DAY, metres_max=50_000)
    assert found.rules("tea") == Rules(case_pack=6, enough=10 * DAY)
    wanted, own = found.bounds("cola")
    assert (wanted, dict(own)) == (Bounds(1), {"a": Bounds(4, 30), "b": Bounds(2)})
    assert dict(found.bounds("tea")[1]) == {"a": Bounds(1, 30), "b": Bounds(2)}
    assert found.locations_with("cola") == ["a"]


def test_cleared_and_unreadable_rules_do_not_count() -> None:
    found = rules(location__a_and_item__cola={"display": 4})
    assert not found.put(written("location:a,item:cola", {"display": "many"}, 2))
    assert (found.bounds("cola"), found.locations_with("cola")) == ((Bounds(), {}), [])
    found = rules(default={"display": 4})
    assert found.put(written("default", None, 2))
    assert found.bounds("cola") == (Bounds(), {})


def test_fields_of_an_item_are_refused_at_a_location() -> None:
    with pytest.raises(Invalid, match="case_pack"):
        check_balancing("location:a", BalancingDocument(case_pack=6))
    check_balancing("item:cola", BalancingDocument(case_pack=6))
