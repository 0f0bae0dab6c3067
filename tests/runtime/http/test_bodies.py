"""Bodies that two JSON parsers may read differently, whole numbers as floats, and other encodings."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid, Refused
from replica.core.orders.requests import Placement
from replica.core.stock.requests import Sale, SaleBatch
from replica.runtime.http import bodies
from replica.runtime.http.operations import Decoder
from tests.callers import Caller

DOUBLED = [
    (b'{"lines":[{"sku":"a","quantity":1}],"lines":[{"sku":"b","quantity":1}]}', "lines"),
    (b'{"lines":[{"sku":"a","quantity":1,"quantity":2}]}', "lines[0].quantity"),
    (b'{"lines":[{"sku":"a","quantity":1},{"sku":"a" ,"sku" :"b","quantity":1}]}', "lines[1].sku"),
    (b'{"lines":[{"sku":"a","quantity":1,"\\u0073ku":"b"}]}', "lines[0].sku"),
    (b'{"lines":[{"sku":"a","quantity":1}],"till":"x","till":""}', "till"),
    (b'{"lines":[{"sku":"a","quantity":1}],"till":"a\\":b","till":"c"}', "till"),
    (
        b'{"lines":[{"sku":"a","quantity":1}],"till":"x","till":"y","occurred_at":"2026-01-02T03:04:05+0200"}',
        "till",
    ),
]

BROKEN_BEHIND_A_NUMBER = b'{"lines":[{"sku":"cola","quantity":2.0}],"till":1e400"t"}'


@pytest.mark.parametrize(("body", "field"), DOUBLED)
def test_a_name_given_twice_in_an_object_is_refused_by_its_path(body: bytes, field: str) -> None:
    with pytest.raises(Refused) as refused:
        Decoder(Sale).decode(body)
    assert (refused.value.kind, refused.value.field) == ("invalid-request", field)
    with pytest.raises(Refused) as refused:
        Decoder(Sale).decode(body, "sales[3]")
    assert refused.value.field == f"sales[3].{field}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(':",\\ \t\n{}[]aé', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(st.text('":\\ a\n', max_size=3), inner), max_size=4),
    max_leaves=12,
)
"""JSON values. A list of pairs is an object, in which a name may be there twice."""


def is_object(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, tuple) for one in value)


def written(value: Any, colon: str) -> str:
    """JSON text. Pairs are written as an object, however often a name is there."""
    if is_object(value):
        return "{" + ",".join(f"{json.dumps(name)}{colon}{written(inner, colon)}" for name, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(one, colon) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def has_doubled(value: Any) -> bool:
    if is_object(value):
        names = [name for name, _ in value]
        return len(set(names)) < len(names) or any(has_doubled(inner) for _, inner in value)
    return isinstance(value, list) and any(has_doubled(one) for one in value)


@given(value=JSON, colon=st.sampled_from([":", ": ", " :", "\n:\t"]))
def test_exactly_the_bodies_with_a_doubled_name_are_refused(value: Any, colon: str) -> None:
    body, is_refused = written(value, colon).encode(), False
    try:
        Decoder(Any).decode(body)
    except Invalid:
        is_refused = True
    assert is_refused == has_doubled(value)


@pytest.mark.parametrize("kind", [Sale, SaleBatch, Placement, Any])
def test_the_quick_look_at_names_is_used_for_frequent_bodies(kind: Any) -> None:
    assert bodies.is_lean(kind)


def test_a_type_that_shows_its_defaults_has_every_body_looked_at() -> None:
    class Shown(msgspec.Struct, forbid_unknown_fields=True):
        name: str = ""

    assert not bodies.is_lean(Shown)
    assert not bodies.is_lean(list[Shown])
    with pytest.raises(Invalid):
        Decoder(Shown).decode(b'{"name":"a","name":""}')


def test_each_spelling_of_a_usual_sale_needs_only_the_quick_look() -> None:
    for body in (
        b'{"lines":[{"sku":"cola","quantity":2}],"till":"3","occurred_at":"2026-01-02T03:04:05.678+02:00"}',
        b'{"lines": [{"sku": "a:b", "quantity": 2}]}',
    ):
        assert bodies.is_surely_unique(body, msgspec.json.decode(body, type=Sale))


async def test_a_doubled_name_in_one_sale_of_a_batch_refuses_only_that_sale(store: Caller) -> None:
    body = (
        b'{"sales":[{"key":"a","lines":[{"sku":"cola","quantity":1}]},'
        b'{"key":"b","lines":[{"sku":"cola","quantity":1,"quantity":2}]}]}'
    )
    async with store.client.post("/v1/sales:batch", data=body) as response:
        first, second = (await response.json(content_type=None))["verdicts"]
    assert (first["status"], second["status"], second["key"]) == (201, 422, "b")
    assert second["problem"]["field"] == "sales[1].lines[0].quantity"


async def test_a_doubled_name_around_a_batch_refuses_the_batch(store: Caller) -> None:
    sale = b'{"key":"a","lines":[{"sku":"cola","quantity":1}]}'
    async with store.client.post("/v1/sales:batch", data=b'{"sales":[%b],"sales":[%b]}' % (sale, sale)) as response:
        assert (response.status, (await response.json(content_type=None))["field"]) == (422, "sales")


@pytest.mark.parametrize("number", [b"2.0", b"2e0", b"20e-1", b"0.2E1"])
def test_a_whole_number_may_be_written_as_a_float(number: bytes) -> None:
    body = b'{"lines":[{"sku":"cola","quantity":%b}]}'
    assert Decoder(Sale).decode(body % number) == Decoder(Sale).decode(body % b"2")


@pytest.mark.parametrize("number", [b"2.5", b"1e400", b"-1e400", b"1e300", b"0.0", b"-2.0", b"2e9", b"true", b'"2"'])
def test_another_number_names_the_field(number: bytes) -> None:
    with pytest.raises(Refused) as refused:
        Decoder(Sale).decode(b'{"lines":[{"sku":"tea","quantity":1.0},{"sku":"cola","quantity":%b}]}' % number)
    assert refused.value.field is not None and refused.value.field.startswith("lines[")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_a_number_that_json_does_not_have_is_malformed(number: bytes) -> None:
    with pytest.raises(Refused) as refused:
        Decoder(Sale).decode(b'{"lines":[{"sku":"cola","quantity":%b}]}' % number)
    assert refused.value.kind == "malformed-json"


def test_a_body_broken_behind_a_number_beyond_each_float_is_malformed() -> None:
    with pytest.raises(Refused) as refused:
        Decoder(Sale).decode(BROKEN_BEHIND_A_NUMBER)
    assert refused.value.kind == "malformed-json"


async def test_a_body_broken_behind_a_number_gets_an_answer_over_http(store: Caller) -> None:
    headers = {"Idempotency-Key": "k"}
    async with store.client.post("/v1/sales", data=BROKEN_BEHIND_A_NUMBER, headers=headers) as response:
        problem = await response.json(content_type=None)
        assert (response.status, problem["type"].rpartition("/")[2]) == (400, "malformed-json")


@pytest.mark.parametrize("number", [2.0**53 + 2, 1e300, -(2.0**53) - 2])
def test_a_float_too_large_to_be_exact_is_no_whole_number(number: float) -> None:
    assert isinstance(bodies.with_whole_numbers(number), float)
    assert isinstance(bodies.with_whole_numbers(2.0**53), int)


async def test_a_float_and_a_whole_number_are_the_same_request(store: Caller, hub: Caller) -> None:
    for quantity in (2, 2.0):
        await store.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": quantity}]}, key="sale")
        await store.good("/v1/counts", {"lines": [{"item": "tea", "counted": quantity}]}, key="count")
        await hub.good("/v1/documents/sku/cola", {"recipe": {"can": quantity}}, key="put", method="PUT")
        document = {"kind": "policy", "key": "default", "value": {"mode": "safety", "safety_stock": quantity}}
        batch = await hub.good("/v1/documents:batch", {"documents": [document]}, key="batch")
        assert batch["verdicts"][0]["status"] == 200
    assert (await store.good("/v1/stock/cola"))["on_hand"] == -2


def test_a_byte_order_mark_is_skipped() -> None:
    body = b'{"lines":[{"sku":"cola","quantity":2}]}'
    assert Decoder(Sale).decode(b"\xef\xbb\xbf" + body) == Decoder(Sale).decode(body)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_a_body_in_another_encoding_is_refused_by_its_name(encoding: str) -> None:
    with pytest.raises(Refused) as refused:
        Decoder(Sale).decode('{"lines":[]}'.encode(encoding))
    assert refused.value.kind == "malformed-json"
    assert encoding[:6].upper() in refused.value.detail and "not in UTF-8" in refused.value.detail


@pytest.mark.parametrize("body", [b"{", b'{"a":1\0', b"{{{{\0"])
def test_a_broken_body_in_utf_8_is_not_said_to_be_in_another_encoding(body: bytes) -> None:
    bodies.check_encoding(body, "")


def test_a_body_in_another_encoding_is_refused_by_the_field_that_holds_it() -> None:
    for at, field in (("", "body"), ("sales[3]", "sales[3]")):
        with pytest.raises(Refused) as refused:
            bodies.check_encoding("{}".encode("utf-16"), at)
        assert refused.value.field == field


@pytest.mark.parametrize(("at", "field"), [("", "body"), ("sales[3]", "sales[3]")])
@pytest.mark.parametrize("body", [b'{"lines":[{"sku":"\xff"}]}', b"[" * 100_000], ids=["no UTF-8", "many levels"])
def test_a_body_that_cannot_be_read_is_refused_by_the_field_that_holds_it(body: bytes, at: str, field: str) -> None:
    with pytest.raises(Refused) as refused:
        Decoder(Any).decode(body, at)
    assert refused.value.field == field
