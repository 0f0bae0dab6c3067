"""The verdict of the demo must not be kinder than the truth: each kind of damage has its sentence."""

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
    """A chain where all is well."""
    units = {"store-1": {"customer": 7, "supplier": -9}, "store-2": {"customer": 5}}
    hub = {"digests": DIGESTS, "units": units}
    stores = {
        name: {"location": name, "digests": {"*": "d0", name: DIGESTS[name]}, "units": units[name]} for name in units
    }
    return {name: copy.deepcopy(status) for name, status in {"hub-east": hub, "hub-west": hub, **stores}.items()}


def test_nothing_is_said_when_all_is_well(statuses: dict[str, Any], books: dict[str, Book]) -> None:
    assert differences(statuses, books, NODES) == []


@pytest.mark.parametrize("name", NODES)
def test_a_node_that_does_not_answer_is_no_good_verdict(
    statuses: dict[str, Any], books: dict[str, Book], name: str
) -> None:
    del statuses[name]
    assert f"{name} does not answer" in differences(statuses, books, NODES)


@pytest.mark.parametrize(("name", "scope"), [("hub-west", "store-2"), ("hub-east", "*"), ("store-1", "store-1")])
def test_a_digest_that_differs_is_found(
    statuses: dict[str, Any], books: dict[str, Book], name: str, scope: str
) -> None:
    statuses[name]["digests"][scope] = "d9"
    found = differences(statuses, books, NODES)
    assert found and all(scope in sentence and name in sentence for sentence in found)


def test_a_store_without_its_catalogue_and_a_hub_without_a_store_are_found(
    statuses: dict[str, Any], books: dict[str, Book]
) -> None:
    del statuses["store-2"]["digests"]["*"]
    assert "hub-east and store-2 differ about *" in differences(statuses, books, NODES)
    for hub in ("hub-east", "hub-west"):
        del statuses[hub]["digests"]["store-1"]
    assert "hub-east and store-1 differ about store-1" in differences(statuses, books, NODES)


@pytest.mark.parametrize("units", [6, 8])
def test_all_nodes_may_agree_and_still_be_wrong(statuses: dict[str, Any], books: dict[str, Book], units: int) -> None:
    """A sale lost, or counted twice, the same way everywhere."""
    for hub in ("hub-east", "hub-west"):
        statuses[hub]["units"]["store-1"]["customer"] = units
    statuses["store-1"]["units"]["customer"] = units
    assert differences(statuses, books, NODES) == [
        f"{name} has {units} units sold at store-1, the tills have 7" for name in ("store-1", "hub-east", "hub-west")
    ]


def test_a_request_without_an_answer_is_no_good_verdict(statuses: dict[str, Any], books: dict[str, Book]) -> None:
    books["store-2"].open = 1
    assert differences(statuses, books, NODES) == ["1 requests at store-2 got no answer"]
