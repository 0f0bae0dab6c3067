"""Names of items that may be misspellings of each other."""

from __future__ import annotations

from itertools import permutations, product
from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ("lemonade", "lamunadi"),
        ("lemon-sugar", "leman-suger"),
        ("lemon-sugar", "lemon-su-gor"),
        ("cola_bottle", "cola_pottel"),
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


@pytest.mark.parametrize(
    ("item", "known"),
    [
        ("thambdrife", "thumbdrive"),
        ("auegrkmo", "acegikmo"),
        ("lemmonnade", "lemonade"),
        ("cola6-", "cola6"),
        ("-cola", "-COLA"),
        ("cola_bottle", "Cola_bottel"),
    ],
)
def test_a_name_is_found_by_one_that_is_like_it(item: str, known: str) -> None:
    names = ItemNames()
    names.add(known)
    assert names.like(item) == [known]
    assert names.like(item) == [known], "the second look uses what the first one noted"


def test_to_forget_an_unknown_name_changes_nothing() -> None:
    names = ItemNames()
    names.add("cola")
    for unknown in ("colla", "water"):
        names.discard(unknown)
    assert names.like("colla") == ["cola"]


def steps(one: str, other: str) -> int:
    """The least number of letters to insert, remove, replace or swap with the next, by its definition."""
    if not one or not other:
        return len(one) + len(other)
    least = min(steps(one[1:], other) + 1, steps(one, other[1:]) + 1, steps(one[1:], other[1:]) + (one[0] != other[0]))
    if one[:2] == other[1::-1] and len(one) > 1:
        least = min(least, steps(one[2:], other[2:]) + 1)
    return least


def test_the_closest_names_come_in_the_order_of_their_distances() -> None:
    words = ["".join(letters) for length in (3, 4) for letters in product("ab", repeat=length)]
    for item in (*words, "abbba"):
        far = {word: steps(item, word) for word in ("a", "b", *words)}
        for three in (("a", "b"), *zip(words, words[5:], words[11:], strict=False)):
            assert closest(item, three) == sorted(three, key=lambda word: (far[word], word))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["cola", "colla", "cola_1l", "colas", "x"]))))
def test_the_names_are_those_that_came_and_did_not_go(changes: list[tuple[bool, str]]) -> None:
    names, known = ItemNames(), dict[str, None]()
    for is_new, name in changes:
        if is_new:
            names.add(name)
            known[name] = None
        else:
            names.discard(name)
            known.pop(name, None)
    for name in ("cola", "colla", "cola_1l", "colas", "x"):
        assert (name in names) == (name in known)
    assert names.like("colass") == closest("colass", [name for name in known if are_alike("colass", name)])


def test_a_misspelling_is_found_among_many_thousand_names_that_look_the_same() -> None:
    names = ItemNames()
    for letters in product(ascii_lowercase, repeat=3):
        names.add(f"item{''.join(letters)}")
    names.add("ice_cream_cone")
    assert names.like("ice_craem_cone") == ["ice_cream_cone"]


def test_a_misspelling_is_found_among_many_thousand_names_of_its_length() -> None:
    names = ItemNames()
    for letters in product(ascii_lowercase, repeat=3):
        names.add(f"itzdhkq{''.join(letters)}")
    names.add("ice_craems")
    assert names.like("ice_creams") == ["ice_craems"]


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


@pytest.mark.parametrize("order", list(permutations(["lemonades", "lemonadas", "lamonades"])))
def test_each_of_several_names_of_one_group_is_found(order: tuple[str, ...]) -> None:
    names = ItemNames()
    for name in order:
        names.add(name)
    assert names.like("lemonade") == ["lemonades", "lamonades", "lemonadas"]
    names.discard("lemonadis")
    names.discard(order[0])
    assert set(names.like("lemonade")) == set(order[1:])


@pytest.mark.parametrize(("item", "known"), [("thambdrife", "thumbdrive"), ("auegrkmo", "acegikmo")])
def test_a_name_with_two_slips_is_found_among_others_of_its_group(item: str, known: str) -> None:
    names = ItemNames()
    names.add(known[0] * len(known))
    names.add(known)
    assert names.like(item) == [known]
