"""The indexes of conflicts: they list what a look at all documents finds, after any changes in any order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from replica.core.catalog.documents import pack_value
from replica.core.catalog.promotions import PROMOTION
from replica.core.catalog.ranks import CHAIN_RANK, REGION_RANK, STORE_RANK
from replica.core.catalog.registers import Register
from replica.core.state.document_kinds import DOCUMENT_KINDS
from replica.core.state.fold import Fold
from replica.runtime.http.answers import document_value
from replica.runtime.http.document_conflicts import price_conflict_answers, promotion_conflict_answers
from simulations.reference.price_documents import price_documents
from simulations.translation import as_received
from tests.core.catalog.test_validity import ms

MOMENTS = [f"2026-12-01T1{hour}:00:00Z" for hour in range(5)]
RANKS = [(CHAIN_RANK, ""), (REGION_RANK, "east"), (REGION_RANK, "west"), (STORE_RANK, "s-1"), (STORE_RANK, "s-2")]
SKUS = ["cola", "wine"]


@st.composite
def periods(draw: st.DrawFn) -> dict[str, Any]:
    """The fields of a period."""
    first, last = sorted(draw(st.lists(st.sampled_from(MOMENTS), min_size=2, max_size=2, unique=True)))
    found = {}
    if draw(st.booleans()):
        found["valid_from"] = first
    if draw(st.booleans()):
        found["valid_to"] = last
    return found


@st.composite
def prices(draw: st.DrawFn, rank: int) -> dict[str, Any]:
    """A price, which may be past limits at some moments."""
    value: dict[str, Any] = {"amount": draw(st.integers(100, 300)), **draw(periods())}
    value["currency"] = draw(st.sampled_from(["EUR", "EUR", "CHF"]))
    scheduled = draw(st.lists(st.sampled_from(MOMENTS), max_size=2, unique=True).map(sorted))
    if scheduled:
        value["scheduled"] = [{"amount": draw(st.integers(100, 300)), "valid_from": at} for at in scheduled]
    if rank == CHAIN_RANK and draw(st.booleans()):
        value["override"] = {"min": draw(st.integers(100, 200)), "max": draw(st.integers(200, 300))}
    return value


@st.composite
def promotions(draw: st.DrawFn, rank: int) -> dict[str, Any]:
    """A promotion, mostly exclusive."""
    value: dict[str, Any] = {"benefit": {"type": "percentage", "percent": 10.0}, **draw(periods())}
    value["applies_to"] = draw(
        st.sampled_from([{"all": True}, {"skus": ["cola"]}, {"skus": SKUS}, {"attributes": {"brand": "acme"}}])
    )
    if draw(st.integers(0, 3)) == 0:
        value["combinable"] = True
    if rank == CHAIN_RANK and draw(st.booleans()):
        value["locked"] = True
    if draw(st.integers(0, 3)) == 0:
        value["customer_groups"] = [draw(st.sampled_from(["staff", "members"]))]
    return value


@st.composite
def writes(draw: st.DrawFn) -> Register:
    """One write of a price, a promotion, a SKU or a location."""
    kind = draw(st.sampled_from(["price", PROMOTION, PROMOTION, "sku", "location"]))
    rank, at = draw(st.sampled_from(RANKS)) if kind in ("price", PROMOTION) else (CHAIN_RANK, "")
    match kind:
        case "price":
            key, value = draw(st.sampled_from(SKUS)), draw(prices(rank))
        case "sku":
            key = draw(st.sampled_from(SKUS))
            value = {"recipe": {key: 1}, "attributes": draw(st.sampled_from([{}, {"brand": "acme"}]))}
        case "location":
            key = draw(st.sampled_from(["s-1", "s-2"]))
            value = {"type": "store", "name": "Shop", "region": draw(st.sampled_from(["east", "west"]))}
        case _:
            key, value = draw(st.sampled_from(["a", "b", "c"])), draw(promotions(rank))
    packed = None if draw(st.integers(0, 5)) == 0 else pack_value(value)
    version = draw(st.integers(1, 4))
    return Register(
        kind=kind, key=key, rank=rank, at=at, version=version, clock=version, writer="hub-east#0000000a", value=packed
    )


histories = st.lists(writes(), max_size=12, unique_by=lambda one: (one.slot, one.version))


def fold_of(history: list[Register], reads_at_ms: int | None = None) -> Fold:
    """A fold of some writes; it may be read after each of them."""
    fold = Fold("hub-east")
    for register in history:
        standing = fold.documents.put(register)
        if standing is not None:
            DOCUMENT_KINDS[register.kind].index(fold, standing)
        if reads_at_ms is not None:
            listed(fold, reads_at_ms)
    return fold


def listed(fold: Fold, moment_ms: int) -> tuple[Any, Any]:
    """The conflicts that a node lists at a moment."""
    rows = price_conflict_answers(fold.price_conflicts, moment_ms, 100)
    pairs = promotion_conflict_answers(fold.promotion_conflicts, moment_ms, 100)
    return as_received(rows), as_received(pairs)


@given(histories, st.data(), st.sampled_from(MOMENTS), st.sampled_from(MOMENTS))
def test_the_conflicts_are_those_of_the_documents_whatever_their_order_and_earlier_reads(
    history: list[Register], data: st.DataObject, earlier: str, at: str
) -> None:
    expected = price_documents(({**one.facts(), "value": document_value(one.value)}, one.precedence) for one in history)
    rows = (expected.price_conflicts(ms(at)), expected.promotion_conflicts(ms(at)))
    assert listed(fold_of(history), ms(at)) == rows
    shuffled = data.draw(st.permutations(history))
    assert listed(fold_of(shuffled, reads_at_ms=ms(earlier)), ms(at)) == rows


def test_the_lists_have_as_many_rows_as_the_caller_wants() -> None:
    fold = Fold("hub-east")
    for number, (rank, at) in enumerate(RANKS, 1):
        value: dict[str, Any] = {"amount": 99, "currency": "EUR"}
        if rank == CHAIN_RANK:
            value["override"] = {"min": 150}
        register = Register(
            kind="price", key="cola", rank=rank, at=at, version=1, clock=number, writer="w#1", value=pack_value(value)
        )
        fold.documents.put(register)
        DOCUMENT_KINDS["price"].index(fold, register)
    assert [one.at for one in price_conflict_answers(fold.price_conflicts, 0, 3)] == ["east", "west", "s-1"]


def put(fold: Fold, value: dict[str, Any] | None, rank: tuple[int, str] = RANKS[0], version: int = 1) -> None:
    """Write the price of cola."""
    packed = None if value is None else pack_value(value)
    register = Register("price", "cola", *rank, version, version, "w#1", packed)
    fold.documents.put(register)
    DOCUMENT_KINDS["price"].index(fold, register)


def test_a_conflict_that_arises_or_ends_after_a_read_is_seen_by_the_next_one() -> None:
    fold, limited = Fold("hub-east"), {"amount": 199, "currency": "EUR", "override": {"min": 150}}
    put(fold, {"amount": 99, "currency": "EUR"}, RANKS[1])
    assert list(fold.price_conflicts.at(0)) == []
    put(fold, limited)
    assert [one.source.at for one in fold.price_conflicts.at(0)] == ["east"]
    put(fold, {"amount": 160, "currency": "EUR"}, RANKS[1], version=2)
    assert list(fold.price_conflicts.at(0)) == []


def test_a_price_past_the_limits_is_named_by_the_amount_that_is_in_force_or_comes() -> None:
    fold, (first, second, third, *_) = Fold("hub-east"), MOMENTS
    put(fold, {"amount": 199, "currency": "EUR", "override": {"min": 150}})
    scheduled = [{"amount": 98, "valid_from": first}, {"amount": 160, "valid_from": second}]
    put(fold, {"amount": 99, "currency": "EUR", "scheduled": scheduled, "valid_to": third}, RANKS[1])
    fields = [[one.field for one in fold.price_conflicts.at(at)] for at in (ms(first) - 1, ms(first), ms(second))]
    assert fields == [["amount"], ["scheduled[0].amount"], []]


def test_two_promotions_are_in_each_others_way_until_one_of_them_ends() -> None:
    fold = Fold("hub-east")
    for number, promotion in enumerate(("a", "b"), 1):
        value = {
            "applies_to": {"all": True},
            "benefit": {"type": "percentage", "percent": 10.0},
            "valid_to": MOMENTS[1],
        }
        register = Register(PROMOTION, promotion, 0, "", 1, number, "w#1", pack_value(value))
        fold.documents.put(register)
        DOCUMENT_KINDS[PROMOTION].index(fold, register)
    found = [len(list(fold.promotion_conflicts.at(ms(MOMENTS[1]) + offset_ms))) for offset_ms in (-1, 0)]
    assert found == [1, 0]
