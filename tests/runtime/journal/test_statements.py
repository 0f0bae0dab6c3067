"""Statements are found by name, and each has a description."""

from __future__ import annotations

import pytest

from replica.runtime.journal.statements import read_statements

HEAD = "-- What the file is about.\n\n"


def test_statements_are_read_without_their_comments() -> None:
    text = f"{HEAD}-- one\n-- Counts to one,\n-- slowly.\nSELECT 1\n  + 0\n\n-- two\n-- Two.\nSELECT 2\n"
    assert read_statements(text) == {"one": "SELECT 1\n  + 0", "two": "SELECT 2"}


@pytest.mark.parametrize(
    "block",
    [
        "SELECT 1",
        "-- one\nSELECT 1",
        "-- Counts to one.\n-- Slowly.\nSELECT 1",
        "-- one\n-- One.",
        "-- one\n-- One.\nSELECT 1\n\n-- one\n-- Again.\nSELECT 1",
    ],
    ids=["no name", "no description", "a sentence as name", "no statement", "one name twice"],
)
def test_a_statement_without_name_or_description_is_refused(block: str) -> None:
    with pytest.raises(ValueError, match="a name of its own"):
        read_statements(HEAD + block)


def test_two_statements_may_have_the_same_description() -> None:
    text = f"{HEAD}-- one\n-- Counts.\nSELECT 1\n\n-- Counts.\n-- one\nSELECT 2"
    assert read_statements(text) == {"one": "SELECT 1", "Counts.": "SELECT 2"}
