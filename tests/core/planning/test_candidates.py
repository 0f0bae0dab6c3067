"""Candidates: which locations may send an order, and what each of them costs."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from replica.core.catalog.areas import Serving
from replica.core.catalog.coverages import ByCode
from replica.core.catalog.documents import Documents, pack_value
from replica.core.catalog.incidents import Incident, IncidentDocument
from replica.core.catalog.openings import Closed
from replica.core.catalog.registers import Register
from replica.core.catalog.validity import ALWAYS
from replica.core.planning.candidates import HOUR_MS, Surveyed, sort_out
from replica.core.planning.weights import SOURCING, USUAL, SourcingDocument, weights_of

NOW_MS = 1_000 * HOUR_MS


def surveyed(location: str, **more: Any) -> Surveyed:
    return Surveyed(**{"location": location, "distance_km": 10.0, "opens_ms": NOW_MS, **more})


def serving(location: str, priority: int, *, is_backup: bool = False) -> Serving:
    return Serving(location, is_backup, "area", (100, priority))


def test_cost_adds_up_what_the_weights_say() -> None:
    weights = SourcingDocument(
        split=1, priority=10, backup=1_000, per_km=3, per_closed_hour=7, per_unheard_hour=5, unheard_hours_max=4
    )
    far = surveyed("far", distance_km=20.5, opens_ms=NOW_MS + 2 * HOUR_MS, unheard_ms=9 * HOUR_MS)
    roles = {"far": serving("far", 7, is_backup=True), "near": serving("near", 3)}
    (near, last), unfit = sort_out([far, surveyed("near")], roles, weights, NOW_MS)
    assert (near.location, near.cost, near.parts) == ("near", 31, {"split": 1, "distance": 30})
    assert last.parts == {"split": 1, "priority": 10, "backup": 1_000, "distance": 61, "closed": 14, "unheard": 20}
    assert (last.cost, last.is_backup, last.dispatch_ms, unfit) == (1_106, True, NOW_MS + 2 * HOUR_MS, [])


def test_unknown_distance_and_unknown_age_cost_the_most_that_is_set() -> None:
    weights = SourcingDocument(split=0, per_km=2, unknown_km=50, per_unheard_hour=1, unheard_hours_max=9)
    ((one,), _) = sort_out([surveyed("a", distance_km=None, unheard_ms=None)], {}, weights, NOW_MS)
    assert one.parts == {"distance": 100, "unheard": 9}


def test_a_location_at_the_address_that_was_heard_just_now_costs_nothing_more() -> None:
    weights = SourcingDocument(split=0, per_km=2, unknown_km=50, per_unheard_hour=1, unheard_hours_max=9)
    some = [surveyed("unknown", distance_km=None, unheard_ms=None), surveyed("here", distance_km=0.0, unheard_ms=0)]
    (here, unknown), _ = sort_out(some, {}, weights, NOW_MS)
    assert (here.location, here.cost, unknown.cost) == ("here", 0, 109)


def test_location_in_an_incident_is_no_candidate_and_says_which() -> None:
    document = IncidentDocument(covers=(ByCode("310000"),), reasons={"en": "Flood"})
    flood = Incident("flood", document, ALWAYS, (), ())
    found, unfit = sort_out([surveyed("a", incident=flood), surveyed("b")], {}, USUAL, NOW_MS)
    assert [one.location for one in found] == ["b"]
    assert [(one.location, one.reason, one.incident) for one in unfit] == [("a", "incident", flood)]


def test_each_hour_of_silence_costs_its_weight() -> None:
    weights = SourcingDocument(split=0, per_km=0, per_unheard_hour=3, unheard_hours_max=9)
    some = [surveyed(f"a-{hours}", unheard_ms=hours * HOUR_MS) for hours in (0, 2, 9, 10)]
    assert [one.cost for one in sort_out(some, {}, weights, NOW_MS)[0]] == [0, 6, 27, 27]


def test_each_kilometre_costs_its_weight_exactly() -> None:
    weights = SourcingDocument(split=0, per_km=1_000, unknown_km=50)
    (near, unknown), _ = sort_out(
        [surveyed("a", distance_km=1.25), surveyed("b", distance_km=None)], {}, weights, NOW_MS
    )
    assert (near.cost, unknown.cost) == (1_250, 50_000)
    assert (near.distance_km, unknown.distance_km) == (1.25, None)


def test_only_locations_of_the_areas_may_send_if_they_name_any() -> None:
    found, unfit = sort_out([surveyed("a"), surveyed("b")], {"b": serving("b", 1)}, USUAL, NOW_MS)
    assert ([one.location for one in found], [(one.location, one.reason) for one in unfit]) == (
        ["b"],
        [("a", "not-serving")],
    )
    assert len(sort_out([surveyed("a"), surveyed("b")], {}, USUAL, NOW_MS)[0]) == 2


def test_location_that_opens_too_late_is_no_candidate() -> None:
    weights = SourcingDocument(dispatch_within_hours=2)
    closed = Closed("holidays", {"en": "New year"})
    times = {"in-time": NOW_MS + 2 * HOUR_MS, "late": NOW_MS + 2 * HOUR_MS + 1, "never": None}
    some = [surveyed(name, opens_ms=opens, closed=closed) for name, opens in times.items()]
    found, unfit = sort_out(some, {}, weights, NOW_MS)
    assert [one.location for one in found] == ["in-time"]
    assert [(one.location, one.reason, one.closed) for one in unfit] == [
        ("late", "closed", closed),
        ("never", "closed", closed),
    ]


def test_last_units_are_those_of_stores_only() -> None:
    some = [surveyed("s", serves_walk_ins=True), surveyed("w")]
    found, _ = sort_out(some, {}, SourcingDocument(last_units=2, last_unit=9), NOW_MS)
    assert {one.location: (one.last_units, one.last_unit) for one in found} == {"s": (2, 9), "w": (0, 9)}


def test_weights_are_those_of_the_channel_else_the_usual_ones() -> None:
    documents = Documents()

    def write(key: str, value: Any) -> None:
        version = documents.next_version(SOURCING, key)
        packed = pack_value(value) if value is not None else None
        documents.put(Register(SOURCING, key, 0, "", version, version, "hub-east#0000000a", packed))

    assert weights_of(documents, "web") == USUAL
    write("default", {"split": 7, "later": 1})
    assert (weights_of(documents, "web").split, weights_of(documents, "").split) == (7, 7)
    write("web", {"split": 9})
    assert (weights_of(documents, "web").split, weights_of(documents, "app").split) == (9, 7)
    write("web", {"split": "nine"})
    assert weights_of(documents, "web").split == 7
    write("web", None)
    assert weights_of(documents, "web").split == 7


Drawn = tuple[int, int | None, bool | None]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(-5, 90), st.none() | st.booleans()), max_size=12),
    st.integers(0, 80),
)
def test_no_candidate_is_closed_too_long_or_serves_other_addresses(some: list[Drawn], hours: int) -> None:
    """Each location is a candidate or unfit, and each candidate costs what its parts add up to."""
    found = [
        surveyed(f"l-{number}", opens_ms=None if opens is None else NOW_MS + opens * HOUR_MS)
        for number, (_, opens, _) in enumerate(some)
    ]
    roles = {
        f"l-{number}": serving(f"l-{number}", priority, is_backup=is_backup)
        for number, (priority, _, is_backup) in enumerate(some)
        if is_backup is not None
    }
    weights = SourcingDocument(dispatch_within_hours=hours)
    candidates, unfit = sort_out(found, roles, weights, NOW_MS)
    assert sorted(one.location for one in [*candidates, *unfit]) == sorted(one.location for one in found)
    for one in candidates:
        assert one.dispatch_ms <= NOW_MS + hours * HOUR_MS
        assert not roles or one.location in roles
        assert one.cost == sum(one.parts.values()) and all(one.parts.values())
    assert [one.cost for one in candidates] == sorted(one.cost for one in candidates)


def test_a_location_that_earns_less_than_the_best_one_that_may_send_costs_more() -> None:
    weights = SourcingDocument(split=0, per_km=0, per_margin_percent=7)
    margins = {"best": 40, "unknown": None, "poor": 31}
    some = [surveyed(name, margin_percent=percent) for name, percent in margins.items()]
    late = surveyed("late", opens_ms=None, margin_percent=99)
    (best, unknown, poor), _ = sort_out([*some, late], {}, weights, NOW_MS)
    assert [(one.location, one.cost) for one in (best, unknown, poor)] == [("best", 0), ("unknown", 0), ("poor", 63)]
    assert (best.parts, poor.parts) == ({}, {"margin": 63})
