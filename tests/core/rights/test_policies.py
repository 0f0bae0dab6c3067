"""Policies: which one counts, what is refused as it is written, and what they leave to whom, to the unit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid
from replica.core.catalog.documents import Register, pack_value
from replica.core.rights.allocation import online_units, split_units
from replica.core.rights.policies import (
    WHOLE_PPM,
    Policies,
    Policy,
    PolicyDocument,
    check_policy,
    is_selector,
    parts_per_million,
)

available = st.integers(-50, 5_000)
ppms = st.integers(0, WHOLE_PPM)
policies = st.builds(
    Policy,
    st.sampled_from(["keep", "safety", "share", "both"]),
    st.integers(0, 60),
    ppms,
    st.integers(0, 60),
)


def policy(key: str, value: object, version: int = 1) -> Register:
    """The standing write of a `policy` document."""
    return Register("policy", key, 0, "", version, 1, "hub-east#0000000a", None if value is None else pack_value(value))


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


def test_without_a_policy_there_is_none() -> None:
    assert Policies().policy("s-1", "cola") is None
    assert standing(item__cola={"mode": "keep"}).policy("s-1", "wings") is None


def test_a_cleared_policy_makes_room_for_the_next_one() -> None:
    found = standing(default={"mode": "keep"}, item__cola={"mode": "share", "share": 0.5})
    found.put(policy("item:cola", None, 2))
    assert found.policy("s-1", "cola") == Policy("keep")


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
def test_a_policy_that_makes_no_sense_here_counts_as_not_there(value: object) -> None:
    found = standing(default={"mode": "safety", "safety_stock": 4}, item__cola={"mode": "keep"})
    assert not found.put(policy("item:cola", value, 2))
    assert found.policy("s-1", "cola") == Policy("safety", 4)


def test_fields_of_a_later_version_are_none_of_our_business() -> None:
    found = standing(default={"mode": "share", "share": 0.25, "mood": "good"})
    assert found.policy("s-1", "cola") == Policy("share", share_ppm=250_000)


def test_every_change_is_told_by_the_revision() -> None:
    found = standing(default={"mode": "keep"})
    before = found.revision
    found.put(policy("default", None, 2))
    assert found.revision > before


@pytest.mark.parametrize("text", ["default", "item:cola", "item:a:b", "location:s-1", "location:s-1,item:cola,big"])
def test_a_selector_names_a_location_an_item_or_both(text: str) -> None:
    assert is_selector(text)


@pytest.mark.parametrize(
    "text", ["", "Default", "item:", "location:", "location:S", "location:s-1,cola", "item:a b", "location:s-1,item:"]
)
def test_anything_else_is_no_selector(text: str) -> None:
    assert not is_selector(text)


# what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["regions", "channels"])
def test_parts_that_add_up_to_more_than_one_are_refused_by_name(field: str) -> None:
    shares: dict[str, Any] = {field: {"a": 0.7, "b": 0.300001}}
    with pytest.raises(Invalid) as refused:
        check_policy(PolicyDocument("share", **shares))
    assert refused.value.field == field
    check_policy(PolicyDocument("share", **{field: {"a": 0.7, "b": 0.1, "c": 0.2}}))


def test_a_forecast_stands_with_its_quantile_until_it_is_replaced() -> None:
    found = standing(default={"mode": "safety", "safety_stock": {"forecast": {"quantile": 0.9}}})
    asked = found.policy("store-1", "cola")
    assert asked is not None
    assert (asked.safety_stock, asked.quantile_ppm, found.forecast) == (0, 900_000, True)
    found.put(policy("default", {"mode": "safety", "safety_stock": 4}, 2))
    assert not found.forecast
    assert not found.put(policy("default", {"mode": "safety", "safety_stock": {"forecast": {"quantile": 0}}}, 3))


# what they leave ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "there", "online"),
    [
        (Policy("keep"), 10, 0),
        (Policy("safety", 4), 10, 6),
        (Policy("safety", 4), 3, 0),
        (Policy("share", 0, 300_000), 10, 3),
        (Policy("share", 0, 290_000), 100, 29),
        (Policy("share", 0, 333_333), 3, 0),
        (Policy("both", 4, 500_000), 11, 3),
        (Policy("share", 0, WHOLE_PPM, 2), 10, 8),
        (Policy("share", 0, 500_000, 8), 10, 2),
        (Policy("safety", 0), -3, 0),
    ],
)
def test_worked_examples(asked: Policy, there: int, online: int) -> None:
    assert online_units(asked, there) == online


def test_without_a_policy_nothing_is_online() -> None:
    assert online_units(None, 100) == 0


@given(policies, available)
def test_what_is_online_is_whole_covered_and_leaves_what_must_stay(asked: Policy, there: int) -> None:
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
def test_one_unit_more_never_means_less_online_nor_two_more(asked: Policy, there: int) -> None:
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
    return {f"region-{place}": share for place, share in enumerate(shares)}


@given(st.integers(-5, 3_000), parts())
def test_a_split_gives_each_its_share_within_one_unit_and_never_more_than_there_is(
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
