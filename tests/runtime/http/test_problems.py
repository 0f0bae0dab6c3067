"""Problem documents: one title and one status per type, and a detail that says what to do next."""

from __future__ import annotations

import re

import pytest

from replica.core.base.errors import Invalid, Overloaded, Refused, RightsExhausted, StorageFull
from replica.core.orders.requests import Placement
from replica.runtime.http import problems
from replica.runtime.http.openapi import openapi
from replica.runtime.http.operations import Decoder
from replica.runtime.http.problems import PROBLEM_TYPES, problem, problem_response


def kinds_of(refused: type[Refused]) -> list[type[Refused]]:
    """A class of refusals and all classes below it."""
    return [refused, *(one for below in refused.__subclasses__() for one in kinds_of(below))]


@pytest.mark.parametrize("refused", kinds_of(Refused), ids=lambda refused: refused.__name__)
def test_each_refusal_has_a_type_with_status_and_title(refused: type[Refused]) -> None:
    assert PROBLEM_TYPES[refused.kind].type == refused.kind


@pytest.mark.parametrize(
    ("refused", "status", "retry_after"),
    [
        (Overloaded("busy"), 503, "1"),
        (StorageFull("the disk is full"), 507, "5"),
        (Invalid("wrong", field="lines"), 422, None),
    ],
)
def test_a_refusal_that_passes_says_when_to_retry(refused: Refused, status: int, retry_after: str | None) -> None:
    response = problem_response(refused)
    assert (response.status, response.headers.get("Retry-After")) == (status, retry_after)
    assert response.content_type == "application/problem+json"


def test_no_two_refusals_share_a_type() -> None:
    kinds = [refused.kind for refused in kinds_of(Refused)]
    assert len(set(kinds)) == len(kinds)


def test_each_type_of_problem_has_its_own_title() -> None:
    assert len({one.title for one in PROBLEM_TYPES.values()}) == len(PROBLEM_TYPES)


def test_docstring_lists_the_table_of_problem_types() -> None:
    rows = re.findall(r"^([a-z-]+) +(\d{3})  (.+)$", problems.__doc__ or "", re.MULTILINE)
    assert {(kind, int(status), title) for kind, status, title in rows} == {
        (one.type, one.status, one.title) for one in PROBLEM_TYPES.values()
    }


def test_the_openapi_document_lists_each_type() -> None:
    description = openapi("node", "1", [])["components"]["schemas"]["Problem"]["description"]
    assert all(f"`{one.type}` ({one.status}): {one.title}" in description for one in PROBLEM_TYPES.values())


def test_two_problems_of_a_type_share_the_title_and_not_the_detail() -> None:
    first, second = problem(Overloaded("3 requests wait")), problem(Overloaded("Too many events wait."))
    assert first["title"] == second["title"]
    assert first["detail"] == "3 requests wait. Retry with the same idempotency key."
    assert second["detail"] == "Too many events wait. Retry with the same idempotency key."


def test_missing_rights_are_named_by_item() -> None:
    document = problem(RightsExhausted([{"item": "cola", "wanted": 3, "free": 1}]))
    assert document["detail"].startswith("3 of cola requested, 1 available. ")


@pytest.mark.parametrize(
    ("body", "at", "field", "detail"),
    [
        (b'{"order":"a"}', "", "lines", "The field lines is missing. Add it."),
        (b'{"order":"a","email":"x"}', "", "email", "The field email does not exist. Correct its name or remove it."),
        (b'{"order":7}', "", "order", "The field order has an invalid value: Expected str, got int. Correct it."),
        (b'{"order":7}', "orders[2]", "orders[2].order", "The field orders[2].order has an invalid value"),
        (b"[]", "", "body", "The body has an invalid value: Expected object, got array. Correct it."),
        (b"[]", "orders[2]", "orders[2]", "The field orders[2] has an invalid value"),
        (b'{"lines":[{}],"order":"a"}', "", "lines[0].quantity", "The field lines[0].quantity is missing. Add it."),
    ],
)
def test_an_invalid_body_is_refused_by_the_path_of_its_field(body: bytes, at: str, field: str, detail: str) -> None:
    with pytest.raises(Refused) as refused:
        Decoder(Placement).decode(body, at)
    assert refused.value.field == field
    assert refused.value.detail.startswith(detail)


@pytest.mark.parametrize(("body", "at", "field"), [(b"{", "", "body"), (b"{", "sales[1]", "sales[1]")])
def test_a_body_that_is_not_json_is_malformed(body: bytes, at: str, field: str) -> None:
    with pytest.raises(Refused) as refused:
        Decoder(Placement).decode(body, at)
    assert (refused.value.kind, refused.value.field) == ("malformed-json", field)
