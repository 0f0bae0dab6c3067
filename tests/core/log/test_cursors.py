"""Cursors: each names its node and incarnation, and a journal takes only those that it gave."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from replica.core.base.errors import CursorUnknown
from replica.core.base.limits import NAME_LENGTH_MAX
from replica.core.base.names import is_name
from replica.core.log.cursors import BEGINNING, CURSOR_LENGTH_MAX, arrival_of, cursor_at, has_cursor_form

WRITER = "hub-east#0123456789ab"


def refusal(cursor: str, newest: int = 7) -> CursorUnknown:
    with pytest.raises(CursorUnknown) as refused:
        arrival_of(cursor, WRITER, newest, "after")
    return refused.value


@pytest.mark.parametrize("arrival", [0, 1, 7])
def test_a_cursor_leads_back_to_the_number_it_was_made_of(arrival: int) -> None:
    assert arrival_of(cursor_at(WRITER, arrival), WRITER, 7, "after") == arrival


@given(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True).filter(is_name), st.integers(0, 10**18))
@example("store_12.north-", 3)
def test_a_node_takes_its_own_cursors_whatever_its_name_is(node: str, arrival: int) -> None:
    writer = f"{node}#0123456789ab"
    assert arrival_of(cursor_at(writer, arrival), writer, arrival, "after") == arrival


def test_the_longest_cursor_is_short_and_needs_no_escapes() -> None:
    longest = cursor_at(f"{'n' * NAME_LENGTH_MAX}#{'f' * 32}", 10**19 - 1)
    assert len(longest) <= CURSOR_LENGTH_MAX
    assert has_cursor_form(longest)
    assert cursor_at(WRITER, 3) == "hub-east~0123456789ab~3"


def test_a_text_of_the_greatest_length_may_be_a_cursor_and_no_longer_one() -> None:
    assert has_cursor_form("x" * CURSOR_LENGTH_MAX)
    assert not has_cursor_form("x" * (CURSOR_LENGTH_MAX + 1))


def test_zero_is_the_beginning_of_any_journal() -> None:
    assert arrival_of(BEGINNING, WRITER, 7, "after") == 0


@pytest.mark.parametrize(
    ("cursor", "why"),
    [
        (cursor_at("hub-west#0123456789ab", 3), "a cursor of the node hub-west"),
        (cursor_at("hub-east#ba9876543210", 3), "another incarnation"),
        (cursor_at(WRITER, 8), "past the newest entry, which is number 7"),
        ("3", "the number 3"),
        ("00", "the number 00"),
        ("hub-east~0123456789ab~-1", "not a cursor"),
        ("hub-east~0123456789ab~03", "not a cursor"),
        ("hub-east~0123456789ab~3~3", "not a cursor"),
        ("hub-east~0123456789ab", "not a cursor"),
        ("", "not a cursor"),
        ("a b", "not a cursor"),
        ("1\n", "not a cursor"),
        ("\u0661", "not a cursor"),
        ("9" * 10_000, "not a cursor"),
    ],
)
def test_a_cursor_that_this_journal_did_not_give_is_refused(cursor: str, why: str) -> None:
    refused = refusal(cursor)
    assert why in refused.detail
    assert len(refused.detail) < 400
    assert (refused.field, refused.facts) == (
        "after",
        {"begin": "hub-east~0123456789ab~0", "newest": "hub-east~0123456789ab~7"},
    )


def test_the_position_after_the_newest_entry_is_known() -> None:
    assert arrival_of(cursor_at(WRITER, 7), WRITER, 7, "after") == 7
    assert "newest" in refusal(cursor_at(WRITER, 7), newest=6).detail
