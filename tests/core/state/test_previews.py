"""Copies with some writes: what they have, and that the original stays as it is."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from replica.core.catalog.documents import Documents, pack_value
from replica.core.catalog.promotion_index import Promotions
from replica.core.catalog.promotions import PROMOTION
from replica.core.catalog.ranks import CHAIN_RANK, REGION_RANK, STORE_RANK
from replica.core.catalog.registers import Register
from replica.core.rights.policies import POLICY, Policies

SELECTIONS: list[dict[str, Any]] = [
    {"all": True},
    {"skus": ["cola"]},
    {"skus": ["cola", "tea"]},
    {"attributes": {"brand": "x"}},
]
RANKS = st.sampled_from([(CHAIN_RANK, ""), (REGION_RANK, "east"), (STORE_RANK, "store-1")])


@st.composite
def promotions(draw: st.DrawFn) -> tuple[str, tuple[int, str], bytes | None]:
    """A write of a promotion: its id, its rank and its value."""
    value = {
        "benefit": {"type": "percentage", "percent": 10},
        "applies_to": draw(st.sampled_from(SELECTIONS)),
        "combinable": draw(st.booleans()),
        "priority": draw(st.integers(1, 2)),
    }
    return draw(st.sampled_from("ab")), draw(RANKS), draw(st.sampled_from([pack_value(value), None]))


Writes = list[tuple[str, tuple[int, str], bytes | None]]


def registers(kind: str, writes: Writes, version: int) -> list[Register]:
    return [
        Register(kind, key, *rank, version + number, version + number, "h#0a", value)
        for number, (key, rank, value) in enumerate(writes)
    ]


def state(index: object) -> dict[str, Any]:
    """All that an index holds."""
    return {name: deepcopy(getattr(index, name)) for name in type(index).__slots__}


def last_of(writes: list[Register]) -> list[Register]:
    return list({one.slot: one for one in writes}.values())


@given(st.lists(promotions(), max_size=6), st.lists(promotions(), max_size=4))
def test_copy_of_promotions_is_as_if_the_writes_had_been_put(before: Writes, more: Writes) -> None:
    index = Promotions()
    for one in registers(PROMOTION, before, 1):
        index.put(one)
    stood, writes = state(index), last_of(registers(PROMOTION, more, 100))
    copy = index.with_writes(writes)
    assert state(index) == stood
    for one in writes:
        index.put(one)
    assert state(copy) == state(index)


@given(st.lists(promotions(), max_size=6), st.lists(promotions(), max_size=4), st.booleans())
def test_copy_of_documents_has_the_writes_and_the_original_does_not(
    before: Writes, more: Writes, is_listed: bool
) -> None:
    documents = Documents()
    for one in [*registers(PROMOTION, before, 1), *registers(POLICY, before[:1], 1)]:
        documents.put(one)
    if is_listed:
        documents.keys(PROMOTION)
    stood, writes = state(documents), last_of(registers(PROMOTION, more, 100))
    copy = documents.with_writes(writes)
    assert {**state(documents), "_with_lost": None} == {**stood, "_with_lost": None}
    for one in writes:
        documents.put(one)
    assert list(copy.registers()) == list(documents.registers())
    for kind in (PROMOTION, POLICY):
        assert copy.keys(kind) == documents.keys(kind)
    assert [copy.digest(scope) for scope in ("*", "store-1")] == [documents.digest(one) for one in ("*", "store-1")]


def test_copy_of_policies_has_the_writes_and_the_original_does_not() -> None:
    policies = Policies()
    (first, second, cleared) = (
        Register(POLICY, "default", CHAIN_RANK, "", version, version, "h#0a", value)
        for version, value in enumerate(
            [pack_value({"mode": "safety"}), pack_value({"mode": "share", "channels": {"web": 0.5}}), None], start=1
        )
    )
    policies.put(first)
    copy = policies.with_writes([second])
    found = policies.policy("s", "i"), copy.policy("s", "i")
    assert [one.mode for one in found if one is not None] == ["safety", "share"]
    assert (policies.splits, copy.splits) == (False, True)
    assert copy.with_writes([cleared]).policy("s", "i") is None
