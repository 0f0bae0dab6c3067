"""Numbers of transfers: one request, one number; a mistyped one is found."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.names import TRANSIT, is_account
from replica.core.stock.requests import GoodsLine
from replica.core.stock.transfer_numbers import ALPHABET, check_character, is_transfer_number, transfer_number
from replica.core.stock.transfer_requests import NewTransfer, new_transfer

numbers = st.builds(transfer_number, st.binary(max_size=20), st.binary(max_size=20))


@given(numbers)
def test_a_number_is_a_name_that_accounts_may_have(number: str) -> None:
    assert is_transfer_number(number)
    assert is_account(f"{TRANSIT}{number}")


@given(numbers, st.integers(1, 13), st.sampled_from(ALPHABET))
def test_a_number_with_another_character_is_no_number(number: str, place: int, character: str) -> None:
    wrong = number[:place] + character + number[place + 1 :]
    assert is_transfer_number(wrong) == (wrong == number)


@given(numbers, st.integers(1, 12))
def test_a_number_with_two_swapped_characters_is_no_number(number: str, place: int) -> None:
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    one, other = sorted(number[place : place + 2])
    assert is_transfer_number(swapped) == (one == other or (one, other) == ("2", "a") or {one, other} == {"a", "7"})


def test_other_texts_are_no_numbers() -> None:
    assert [is_transfer_number(text) for text in ("", "t", "T9", "taaaaaaaaaaaaa", "x" * 14, "t" + "é" * 13)] == [
        False,
        False,
        False,
        check_character("a" * 12) == "a",
        False,
        False,
    ]


def test_one_request_under_one_key_has_one_number_at_each_node() -> None:
    lines = (GoodsLine(1, item="cola"),)
    at_the_store = new_transfer(b"k", NewTransfer("store-2", lines), "store-1")
    at_a_hub = new_transfer(b"k", NewTransfer("store-2", lines, "store-1"), "store-9")
    assert at_the_store == at_a_hub
    others = [
        new_transfer(b"other", NewTransfer("store-2", lines), "store-1"),
        new_transfer(b"k", NewTransfer("store-3", lines), "store-1"),
        new_transfer(b"k", NewTransfer("store-2", lines), "store-3"),
        new_transfer(b"k", NewTransfer("store-2", (GoodsLine(2, item="cola"),)), "store-1"),
    ]
    assert len(dict.fromkeys([at_the_store.transfer, *(one.transfer for one in others)])) == 5
