"""Policies: which one counts, which documents are refused, and how many units are online and for whom."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid
from replica.core.catalog.documents import pack_value
from replica.core.catalog.registers import Register
from replica.core.rights.allocation import online_units, split_units
from replica.core.rights.policies import (
    WHOLE_PPM,
    Policies,
    Policy,
    PolicyDocument,
    check_policy,
    is_selector,
    item_of,
    location_of,
    parts_per_million,
)

available = st.integers(-50, 5_000)
ppms = st.integers(0, WHOLE_PPM)
policies = st.builds(
    Policy,
    mode=st.sampled_from(["keep", "safety", "share", "both"]),
    safety_stock=st.integers(0, 60),
    share_ppm=ppms,
    last_units=st.integers(0, 60),
)


def policy(key: str, value: object, version: int = 1) -> Register:
    """The newest write of a `policy` document."""
    return Register(
        kind="policy",
        key=key,
        rank=0,
        at="",
        version=version,
        clock=1,
        writer="hub-east#0000000a",
        value=None if value is None else pack_value(value),
    )


def standing(**values: object) -> Policies:
    """Policies under `default`, or under selectors written with `__` for `:` and `_and_` for `,`."""
    found = Policies()
    for name, value in values.items():
        assert found.put(policy(name.replace("_and_", ",").replace("__", ":"), value))
    return found


# which one counts -----------------------------------------------------------------------------------------------------


def test_the_most_specific_selector_counts_whatever_came_first() -> None:
    selectors = ["default", "item:cola", "location:s-1", "location:s-1,item:cola"]
    for order in permutations(enumerate(selectors, 1)):
        found = Policies()
        for number, selector in order:
            found.put(policy(selector, {"mode": "safety", "safety_stock": number}))
        for location, item, number in [
            ("s-2", "wings", 1),
            ("s-2", "cola", 2),
            ("s-1", "wings", 3),
            ("s-1", "cola", 4),
        ]:
            counted = found.policy(location, item)
            assert counted is not None
            assert counted.safety_stock == number


def test_an_item_without_a_matching_policy_has_none() -> None:
    assert Policies().policy("s-1", "cola") is None
    assert standing(item__cola={"mode": "keep"}).policy("s-1", "wings") is None


def test_a_cleared_policy_makes_room_for_the_next_one() -> None:
    found = standing(default={"mode": "keep"}, item__cola={"mode": "share", "share": 0.5})
    found.put(policy("item:cola", None, 2))
    assert found.policy("s-1", "cola") == Policy(mode="keep")


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"mode": "sometimes"},
        {"mode": "share", "share": 2},
        [],
        7,
        {"mode": "share", "regions": {"a": 0.6, "b": 0.6}},
    ],
)
def test_a_policy_that_cannot_be_used_leaves_its_selector_without_a_policy(value: object) -> None:
    found = standing(default={"mode": "safety", "safety_stock": 4}, item__cola={"mode": "keep"})
    assert not found.put(policy("item:cola", value, 2))
    assert found.policy("s-1", "cola") == Policy(mode="safety", safety_stock=4)


def test_a_document_becomes_units_and_parts_per_million() -> None:
    found = standing(
        default={"mode": "both", "safety_stock": 3, "share": 0.5, "last_units": 2},
        item__cola={"mode": "safety", "safety_stock": {"forecast": {"quantile": 1e-9}}},
    )
    assert found.policy("s-1", "wings") == Policy(mode="both", safety_stock=3, share_ppm=500_000, last_units=2)
    assert found.policy("s-1", "cola") == Policy(mode="safety", quantile_ppm=1)


def test_a_document_under_another_name_than_a_selector_is_no_policy() -> None:
    assert not Policies().put(policy("location:S", {"mode": "keep"}))


def test_policy_fields_of_a_later_version_are_ignored() -> None:
    found = standing(default={"mode": "share", "share": 0.25, "mood": "good", "days": {1: "bad"}})
    assert found.policy("s-1", "cola") == Policy(mode="share", share_ppm=250_000)


@pytest.mark.parametrize("text", ["default", "item:cola", "item:a:b", "location:s-1", "location:s-1,item:cola,big"])
def test_a_selector_names_a_location_an_item_or_both(text: str) -> None:
    assert is_selector(text)


@pytest.mark.parametrize(
    "text", ["", "Default", "item:", "location:", "location:S", "location:s-1,cola", "item:a b", "location:s-1,item:"]
)
def test_other_text_is_not_a_selector(text: str) -> None:
    assert not is_selector(text)


@pytest.mark.parametrize(
    ("selector", "location"),
    [("location:s-1", "s-1"), ("location:s-1,item:cola", "s-1"), ("item:cola", ""), ("default", "")],
)
def test_a_selector_tells_its_location(selector: str, location: str) -> None:
    assert location_of(selector) == location


@pytest.mark.parametrize(
    ("selector", "item"),
    [
        ("item:cola", "cola"),
        ("item:item:cola", "item:cola"),
        ("location:s-1,item:cola", "cola"),
        ("location:s-1,item:a,item:b", "a,item:b"),
        ("location:s-1", ""),
        ("default", ""),
    ],
)
def test_a_selector_tells_its_item(selector: str, item: str) -> None:
    assert item_of(selector) == item


@pytest.mark.parametrize("field", ["regions", "channels"])
def test_shares_of_regions_and_channels_split_units(field: str) -> None:
    found = standing(default={"mode": "share", field: {"b": 0.25, "a": 0.5}})
    assert found.splits
    asked = found.policy("s-1", "cola")
    assert asked is not None
    assert getattr(asked, f"{field}_ppm") == {"a": 500_000, "b": 250_000}
    assert found.put(policy("default", None, 2))
    assert not found.splits


# what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["regions", "channels"])
def test_shares_that_add_up_to_more_than_one_are_refused_by_field(field: str) -> None:
    shares: dict[str, Any] = {field: {"a": 0.7, "b": 0.300001}}
    with pytest.raises(Invalid) as refused:
        check_policy(PolicyDocument(mode="share", **shares))
    assert refused.value.field == field
    check_policy(PolicyDocument(mode="share", **{field: {"a": 0.7, "b": 0.1, "c": 0.2}}))
    with pytest.raises(Invalid) as nothing_online:
        check_policy(PolicyDocument(mode="keep", **{field: {"a": 0.7}}))
    assert nothing_online.value.field == field


def test_a_forecast_policy_keeps_its_quantile_until_it_is_replaced() -> None:
    found = standing(default={"mode": "safety", "safety_stock": {"forecast": {"quantile": 0.9}}})
    asked = found.policy("store-1", "cola")
    assert asked is not None
    assert (asked.safety_stock, asked.quantile_ppm, found.forecast) == (0, 900_000, True)
    found.put(policy("default", {"mode": "safety", "safety_stock": 4}, 2))
    assert not found.forecast
    assert not found.put(policy("default", {"mode": "safety", "safety_stock": {"forecast": {"quantile": 0}}}, 3))


# units online --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "there", "online"),
    [
        (Policy(mode="keep"), 10, 0),
        (Policy(mode="safety", safety_stock=4), 10, 6),
        (Policy(mode="safety", safety_stock=4), 3, 0),
        (Policy(mode="share", safety_stock=0, share_ppm=300_000), 10, 3),
        (Policy(mode="share", safety_stock=0, share_ppm=290_000), 100, 29),
        (Policy(mode="share", safety_stock=0, share_ppm=333_333), 3, 0),
        (Policy(mode="both", safety_stock=4, share_ppm=500_000), 11, 3),
        (Policy(mode="both", safety_stock=4), 3, 0),
        (Policy(mode="share", safety_stock=0, share_ppm=WHOLE_PPM, last_units=2), 10, 8),
        (Policy(mode="share", safety_stock=0, share_ppm=500_000, last_units=8), 10, 2),
        (Policy(mode="safety", safety_stock=0), -3, 0),
    ],
)
def test_worked_examples_of_online_units(asked: Policy, there: int, online: int) -> None:
    assert online_units(asked, there) == online


def test_without_a_policy_nothing_is_online() -> None:
    assert online_units(None, 100) == 0


@given(policies, available)
def test_online_units_are_available_and_leave_the_units_that_must_stay(asked: Policy, there: int) -> None:
    online = online_units(asked, there)
    assert 0 <= online <= max(0, there)
    if online:
        assert there - online >= asked.last_units
        if asked.mode in ("safety", "both"):
            assert there - online >= asked.safety_stock
        if asked.mode == "share":
            assert online <= Fraction(asked.share_ppm, WHOLE_PPM) * there
        assert asked.mode != "keep"


@given(policies, available)
def test_one_more_unit_puts_at_most_one_more_online_and_never_fewer(asked: Policy, there: int) -> None:
    assert 0 <= online_units(asked, there + 1) - online_units(asked, there) <= 1


@given(st.decimals(0, 1, places=6))
def test_a_share_of_up_to_six_decimals_is_exact(share: Decimal) -> None:
    assert parts_per_million(float(share)) == share * WHOLE_PPM


@given(st.floats(0, 1))
def test_a_share_is_never_rounded_up(share: float) -> None:
    ppm = parts_per_million(share)
    assert ppm / WHOLE_PPM <= share < (ppm + 1) / WHOLE_PPM or share == ppm / WHOLE_PPM


@st.composite
def parts(draw: st.DrawFn) -> dict[str, int]:
    """Shares that add up to at most 1."""
    cuts = sorted(draw(st.lists(ppms, min_size=1, max_size=6)))
    shares = [after - before for before, after in zip([0, *cuts], cuts, strict=False)]
    return {f"region-{index}": share for index, share in enumerate(shares)}


@given(st.integers(-5, 3_000), parts())
def test_a_split_is_within_one_unit_of_each_share_and_never_exceeds_the_total(
    units: int, shares: dict[str, int]
) -> None:
    split, there = split_units(units, shares), max(0, units)
    assert list(split) == sorted(shares)
    assert sum(split.values()) == there * sum(shares.values()) // WHOLE_PPM <= there
    for name, number in split.items():
        exact = Fraction(there * shares[name], WHOLE_PPM)
        assert number >= 0
        assert abs(number - exact) < 1


def test_a_unit_left_over_goes_to_the_largest_remainder_then_by_name() -> None:
    assert split_units(7, {"west": 500_000, "east": 500_000}) == {"east": 4, "west": 3}
    assert split_units(4, {"north": 600_000, "south": 400_000}) == {"north": 2, "south": 2}
