"""The verdict of the demo reports each kind of difference in a sentence."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from shelfsync.tills import Book
from shelfsync.verdict import differences

NODES = {name: f"http://{name}" for name in ("hub-east", "hub-west", "store-1", "store-2")}
DIGESTS = {"*": "d0", "store-1": "d1", "store-2": "d2"}


def book(units: int) -> Book:
    found = Book()
    found.units = units
    return found


@pytest.fixture
def books() -> dict[str, Book]:
    return {"store-1": book(7), "store-2": book(5)}


@pytest.fixture
def statuses() -> dict[str, Any]:
    """A chain without differences."""
    units = {"store-1": {"customer": 7, "supplier": -9}, "store-2": {"customer": 5}}
    hub = {"digests": DIGESTS, "units": units}
    stores = {
        name: {"location": name, "digests": {"*": "d0", name: DIGESTS[name]}, "units": units[name]} for name in units
    }
    return {name: copy.deepcopy(status) for name, status in {"hub-east": hub, "hub-west": hub, **stores}.items()}


def test_equal_nodes_have_no_differences(statuses: dict[str, Any], books: dict[str, Book]) -> None:
    assert differences(statuses, books, NODES) == []


@pytest.mark.parametrize("name", NODES)
def test_node_that_does_not_answer_is_a_difference(statuses: dict[str, Any], books: dict[str, Book], name: str) -> None:
    del statuses[name]
    assert f"{name} does not answer" in differences(statuses, books, NODES)


@pytest.mark.parametrize(("name", "scope"), [("hub-west", "store-2"), ("hub-east", "*"), ("store-1", "store-1")])
def test_each_different_digest_is_a_difference(
    statuses: dict[str, Any], books: dict[str, Book], name: str, scope: str
) -> None:
    statuses[name]["digests"][scope] = "d9"
    found = differences(statuses, books, NODES)
    assert found and all(scope in sentence and name in sentence for sentence in found)


def test_missing_catalogue_and_missing_store_are_differences(statuses: dict[str, Any], books: dict[str, Book]) -> None:
    del statuses["store-2"]["digests"]["*"]
    assert "hub-east and store-2 differ about *" in differences(statuses, books, NODES)
    for hub in ("hub-east", "hub-west"):
        del statuses[hub]["digests"]["store-1"]
    assert "hub-east and store-1 differ about store-1" in differences(statuses, books, NODES)


@pytest.mark.parametrize("units", [6, 8])
def test_nodes_that_agree_may_still_differ_from_the_tills(
    statuses: dict[str, Any], books: dict[str, Book], units: int
) -> None:
    """All nodes have lost a sale, or counted one twice."""
    for hub in ("hub-east", "hub-west"):
        statuses[hub]["units"]["store-1"]["customer"] = units
    statuses["store-1"]["units"]["customer"] = units
    assert differences(statuses, books, NODES) == [
        f"{name} has {units} units sold at store-1, the tills have 7" for name in ("store-1", "hub-east", "hub-west")
    ]


def test_request_without_an_answer_is_a_difference(statuses: dict[str, Any], books: dict[str, Book]) -> None:
    books["store-2"].open = 1
    assert differences(statuses, books, NODES) == ["1 requests at store-2 got no answer"]
