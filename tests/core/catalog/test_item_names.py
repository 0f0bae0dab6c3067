"""Names of items that may be misspellings of each other."""

from __future__ import annotations

import pytest

from replica.core.catalog.item_names import ItemNames, are_alike


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("colla", "cola"),
        ("cola_botle", "cola_bottle"),
        ("cola_bottel", "cola_bottle"),
        ("wing_g", "wings_g"),
        ("Cola", "cola"),
        ("cola-6", "cola_6"),
        ("wingsg", "wings_g"),
        ("lemmonadde", "lemonade"),
    ],
)
def test_a_slip_of_the_finger_makes_a_name_alike(one: str, other: str) -> None:
    assert are_alike(one, other)
    assert are_alike(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cola_1l", "cola_2l"),
        ("item-1", "item-11"),
        ("item-1-10", "item-11-0"),
        ("item-0000a", "item-0000b"),
        ("shirt-l", "shirt-xl"),
        ("item-a", "item-b"),
        ("milk", "silk"),
        ("cola", "wings"),
        ("cola_bottle", "cola"),
        ("cola_red", "cola_white"),
    ],
)
def test_names_that_differ_on_purpose_are_not_alike(one: str, other: str) -> None:
    assert not are_alike(one, other)
    assert not are_alike(other, one)


def test_the_names_like_another_one_come_closest_first_and_without_itself() -> None:
    names = ItemNames()
    for name in ("lemonades", "lemonade", "lemonada", "limonad", "water"):
        names.add(name)
    names.discard("lemonada")
    assert names.like("lemonade") == ["lemonades", "limonad"]
    assert names.like("lemonad", ["lemonads", "cola"]) == ["lemonade", "lemonads", "limonad"]
