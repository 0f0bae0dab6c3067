"""Names of items that may be misspellings of each other."""

from __future__ import annotations

from itertools import product
from string import ascii_lowercase

import pytest

from replica.core.base import item_names
from replica.core.base.item_names import ItemNames, are_alike, closest


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
        ("carrot", "carote"),
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
    assert closest("lemonad", ["lemonads", *names.like("lemonad")]) == ["lemonade", "lemonads", "limonad"]


def test_a_misspelling_is_found_among_many_thousand_names_that_look_the_same() -> None:
    names = ItemNames()
    for letters in product(ascii_lowercase, repeat=3):
        names.add(f"item{''.join(letters)}")
    names.add("ice_cream_cone")
    assert names.like("ice_craem_cone") == ["ice_cream_cone"]


def test_a_look_at_names_compares_a_bounded_number_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    monkeypatch.setattr(item_names, "are_alike", lambda _, name: compared.append(name))
    names = ItemNames()
    for letters in product(ascii_lowercase, repeat=3):
        names.add(f"item{''.join(letters)}")
    assert names.like("itemabcd") == []
    assert len(compared) == 128
    compared.clear()
    assert names.like("fresh") == compared == []
