"""Prices: which amount is in force, which rank's document counts, and what limits the chain sets."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert, to_builtins

from replica.core.base.errors import Invalid
from replica.core.catalog.documents import Documents, pack_value
from replica.core.catalog.price_conflicts import PriceConflicts
from replica.core.catalog.prices import (
    PRICE,
    EffectivePrice,
    NoPrice,
    OverrideLimits,
    PastLimits,
    PriceDocument,
    admit_price,
    check_price,
    effective_price,
)
from replica.core.catalog.ranks import CHAIN_RANK, CHAIN_WIDE, REGION_RANK, STORE_RANK, Rank, Source
from replica.core.catalog.registers import Register
from tests.core.catalog.test_validity import ms

EAST: Rank = (REGION_RANK, "east")
STORE: Rank = (STORE_RANK, "store-1")
NOON = "2026-12-01T12:00:00Z"
RANKS = (CHAIN_WIDE, EAST, STORE)


def price(amount: int, **fields: Any) -> dict[str, Any]:
    """A price document in euros, as a caller writes it."""
    return {"amount": amount, "currency": "EUR", **fields}


def document(value: dict[str, Any]) -> PriceDocument:
    """A price document that passed the check of its own fields."""
    read = convert(value, PriceDocument)
    check_price(read)
    return read


def write(value: dict[str, Any] | None, rank: Rank = CHAIN_WIDE, version: int = 1, sku: str = "cola") -> Register:
    """The write of one price document; None clears it."""
    packed = None if value is None else pack_value(to_builtins(document(value)))
    return Register(
        kind=PRICE, key=sku, rank=rank[0], at=rank[1], version=version, clock=version, writer="h#0a", value=packed
    )


def documents_of(*registers: Register) -> Documents:
    """The documents after these writes."""
    documents = Documents()
    for register in registers:
        documents.put(register)
    return documents


def effective(documents: Documents, at: str = NOON, location: str = "store-1") -> EffectivePrice | NoPrice:
    """The price of cola at a store of the region east."""
    return effective_price(documents, "cola", location, "east", ms(at))


def amount(documents: Documents, at: str = NOON, location: str = "store-1") -> int | None:
    """The amount of the price; None without one."""
    found = effective(documents, at, location)
    return found.amount if isinstance(found, EffectivePrice) else None


def refused_field(value: dict[str, Any]) -> str | None:
    """The field for which a document is refused."""
    with pytest.raises(Invalid) as refused:
        document(value)
    return refused.value.field


def refused_override(documents: Documents, value: dict[str, Any], rank: Rank = STORE) -> Invalid:
    """Why a write of a rank is refused."""
    with pytest.raises(Invalid) as refused:
        admit_price(documents, "cola", pack_value(value), rank[0])
    return refused.value


def test_a_store_overrides_its_region_and_a_region_the_chain() -> None:
    documents = documents_of(write(price(199)), write(price(189), EAST), write(price(179), STORE))
    assert amount(documents) == 179
    assert amount(documents, location="store-2") == 189
    assert effective_price(documents, "cola", "store-3", "west", ms(NOON)) == EffectivePrice(
        199, "EUR", 1, True, Source("chain", 1)
    )


def test_each_rank_is_cleared_by_itself() -> None:
    documents = documents_of(write(price(199)), write(price(189), EAST), write(price(179), STORE))
    documents.put(write(None, STORE, version=2))
    assert amount(documents) == 189
    documents.put(write(None, CHAIN_WIDE, version=2))
    assert amount(documents) == 189
    documents.put(write(None, EAST, version=2))
    assert effective(documents) == NoPrice()


def test_a_price_says_where_it_comes_from_and_why_the_others_do_not_count() -> None:
    documents = documents_of(
        write(price(199), version=7),
        write(price(189, valid_from="2026-12-24T00:00:00Z"), EAST, version=3),
        write(price(179, valid_to="2026-11-30T00:00:00Z"), STORE, version=2),
    )
    found = effective(documents)
    assert isinstance(found, EffectivePrice)
    assert found.source == Source("chain", 7)
    assert [(one.source, one.why) for one in found.others] == [
        (Source("store", 2, "store-1"), "no-longer-valid"),
        (Source("region", 3, "east"), "not-yet-valid"),
    ]


def test_a_lower_rank_is_overridden() -> None:
    found = effective(documents_of(write(price(199)), write(price(179), STORE)))
    assert [(one.source.rank, one.why) for one in found.others] == [("chain", "overridden")]


def test_a_location_of_no_region_has_the_prices_of_no_region() -> None:
    documents = documents_of(write(price(199)), write(price(189), (REGION_RANK, "")))
    found = effective_price(documents, "cola", "store-1", "", ms(NOON))
    assert isinstance(found, EffectivePrice)
    assert (found.amount, found.others) == (199, ())


def test_a_price_is_valid_from_its_first_moment_until_its_last() -> None:
    documents = documents_of(write(price(199, valid_from=NOON, valid_to="2026-12-01T13:00:00Z")))
    found = [amount(documents, f"2026-12-01T{time}Z") for time in ("11:59:59.999", "12:00:00", "12:59:59", "13:00:00")]
    assert found == [None, 199, 199, None]


def test_a_scheduled_amount_takes_effect_at_its_time() -> None:
    later = [{"amount": 209, "valid_from": NOON}, {"amount": 189, "valid_from": "2026-12-02T00:00:00+01:00"}]
    documents = documents_of(write(price(199, scheduled=later)))
    assert amount(documents, "2026-12-01T11:59:59.999Z") == 199
    assert amount(documents, NOON) == 209
    assert amount(documents, "2026-12-01T22:59:59Z") == 209
    assert amount(documents, "2026-12-01T23:00:00Z") == 189


def test_a_document_that_this_version_cannot_read_does_not_count() -> None:
    broken = Register(
        kind=PRICE, key="cola", rank=STORE_RANK, at="store-1", version=4, clock=1, writer="h#0a", value=b"\x01"
    )
    found = effective(documents_of(write(price(199)), broken))
    assert isinstance(found, EffectivePrice)
    assert (found.amount, found.others[0].why) == (199, "unreadable")


def test_fields_of_a_later_version_are_ignored() -> None:
    value = pack_value(price(199, rounded_to=5))
    later = Register(kind=PRICE, key="cola", rank=0, at="", version=1, clock=1, writer="h#0a", value=value)
    assert amount(documents_of(later)) == 199


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (price(1) | {"currency": "EUX"}, "currency"),
        (price(1, valid_from=NOON, valid_to=NOON), "valid_to"),
        (price(1, valid_from=NOON, scheduled=[{"amount": 2, "valid_from": NOON}]), "scheduled[0].valid_from"),
        (price(1, valid_to=NOON, scheduled=[{"amount": 2, "valid_from": NOON}]), "scheduled[0].valid_from"),
        (price(1, scheduled=[{"amount": 2, "valid_from": NOON}] * 2), "scheduled[1].valid_from"),
        (price(1, override={"min": 3, "max": 2}), "override.min"),
    ],
)
def test_a_price_that_makes_no_sense_is_refused_with_its_field(value: dict[str, Any], field: str) -> None:
    assert refused_field(value) == field


@pytest.mark.parametrize("fields", [{"amount": -1}, {"amount": 1.5}, {"per": 0}, {"valid_from": "2026-12-01T12:00:00"}])
def test_a_field_out_of_bounds_does_not_fit_the_schema(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        convert(price(1) | fields, PriceDocument)


def test_an_override_within_the_limits_of_the_chain_is_accepted() -> None:
    documents = documents_of(write(price(199, override={"min": 150, "max": 250})))
    for allowed in (150, 250):
        admit_price(documents, "cola", pack_value(price(allowed)), STORE_RANK)
    admit_price(documents_of(write(price(199))), "cola", pack_value(price(1)), STORE_RANK)
    admit_price(documents_of(), "cola", pack_value(price(1)), REGION_RANK)


@pytest.mark.parametrize("rank", [EAST, STORE])
@pytest.mark.parametrize("amount", [149, 251])
def test_an_override_past_the_limits_is_refused_with_its_field_and_the_limits(rank: Rank, amount: int) -> None:
    documents = documents_of(write(price(199, override={"min": 150, "max": 250})))
    refused = refused_override(documents, price(amount), rank)
    assert (refused.field, refused.facts) == ("amount", {"min": 150, "max": 250})
    assert "1.50 EUR to 2.50 EUR" in refused.detail


def test_a_scheduled_amount_past_the_limits_is_refused() -> None:
    documents = documents_of(write(price(199, override={"max": 250})))
    scheduled = [{"amount": 250, "valid_from": NOON}, {"amount": 251, "valid_from": "2026-12-02T00:00:00Z"}]
    assert refused_override(documents, price(200, scheduled=scheduled)).field == "scheduled[1].amount"


@pytest.mark.parametrize(("field", "value"), [("currency", "CHF"), ("tax_inclusive", False)])
def test_an_override_that_limits_cannot_be_compared_with_is_refused(field: str, value: object) -> None:
    documents = documents_of(write(price(199, override={"max": 250})))
    assert refused_override(documents, price(200) | {field: value}).field == field


def test_limits_concern_the_amount_for_one_unit() -> None:
    documents = documents_of(write(price(1_990, per=1_000, override={"min": 1_500, "max": 2_500})))
    admit_price(documents, "cola", pack_value(price(199, per=100)), STORE_RANK)
    admit_price(documents, "cola", pack_value(price(250, per=100)), STORE_RANK)
    for past in (149, 251):
        assert refused_override(documents, price(past, per=100)).field == "amount"


def test_only_the_chain_sets_limits() -> None:
    assert refused_override(documents_of(), price(199, override={"max": 250}), EAST).field == "override"
    admit_price(documents_of(), "cola", pack_value(price(199, override={"max": 250})), CHAIN_RANK)


def overrides_past_limits(documents: Documents, moment_ms: int) -> list[PastLimits]:
    """The overrides that an index of these documents lists."""
    index = PriceConflicts(documents)
    for register in documents.registers():
        index.put(register)
    return list(index.at(moment_ms))


def test_an_override_past_new_limits_falls_back_and_is_reported() -> None:
    documents = documents_of(write(price(199)), write(price(189), EAST), write(price(99), STORE, version=5))
    assert (amount(documents), overrides_past_limits(documents, ms(NOON))) == (99, [])
    documents.put(write(price(199, override={"min": 150}), version=2))
    found = effective(documents)
    assert isinstance(found, EffectivePrice)
    assert (found.amount, found.others[0].why) == (189, "past-the-limits")
    assert overrides_past_limits(documents, ms(NOON)) == [
        PastLimits("cola", Source("store", 5, "store-1"), "amount", OverrideLimits(150))
    ]


def test_a_scheduled_amount_past_the_limits_falls_back_at_its_time_only() -> None:
    late = "2026-12-02T00:00:00Z"
    documents = documents_of(
        write(price(199, override={"min": 150}, valid_from="2020-01-01T00:00:00Z")),
        write(price(160, scheduled=[{"amount": 99, "valid_from": late}]), STORE),
    )
    assert (amount(documents), amount(documents, late)) == (160, 199)
    assert [one.field for one in overrides_past_limits(documents, ms(NOON))] == ["scheduled[0].amount"]


def test_an_amount_past_the_limits_is_not_reported_after_its_time() -> None:
    late = "2026-12-02T00:00:00Z"
    changed = price(99, scheduled=[{"amount": 160, "valid_from": NOON}], valid_to=late)
    documents = documents_of(write(price(199, override={"min": 150})), write(changed, STORE))
    assert [one.field for one in overrides_past_limits(documents, ms(NOON) - 1)] == ["amount"]
    assert overrides_past_limits(documents, ms(NOON)) == []


times = st.sampled_from(["2026-12-01T11:00:00Z", NOON, "2026-12-01T13:00:00Z", "2026-12-01T14:00:00Z"])


@st.composite
def prices(draw: st.DrawFn) -> dict[str, Any] | None:
    """A price document, or None for a cleared one."""
    if draw(st.integers(0, 5)) == 0:
        return None
    first, second, third = sorted(draw(st.lists(times, min_size=3, max_size=3, unique=True)))
    value = price(draw(st.integers(100, 300)))
    if draw(st.booleans()):
        value["valid_from"] = first
    if draw(st.booleans()):
        value["scheduled"] = [{"amount": draw(st.integers(100, 300)), "valid_from": second}]
    if draw(st.booleans()):
        value["valid_to"] = third
    if draw(st.integers(0, 2)) == 0:
        value["override"] = {"min": draw(st.integers(100, 200)), "max": draw(st.integers(200, 300))}
    return value


histories = st.lists(
    st.builds(write, prices(), st.sampled_from(RANKS), st.integers(1, 4)),
    max_size=8,
    unique_by=lambda one: (one.slot, one.version),
)


@given(histories, st.data(), times)
def test_nodes_with_the_same_documents_have_the_same_price(
    history: list[Register], data: st.DataObject, at: str
) -> None:
    one, other = documents_of(*history), documents_of(*data.draw(st.permutations(history)))
    assert effective(one, at) == effective(other, at)
    assert overrides_past_limits(one, ms(at)) == overrides_past_limits(other, ms(at))


@given(histories, times)
def test_the_price_is_that_of_the_highest_rank_that_may_have_one(history: list[Register], at: str) -> None:
    values = {register.rank: register for register in sorted(history, key=lambda one: one.version)}
    documents, chain = documents_of(*history), documents_of(*history).register(PRICE, "cola")
    limits = _value(chain).get("override")
    expected = None
    for rank, _ in RANKS:
        value = _value(values.get(rank))
        if not value or not value.get("valid_from", "") <= at < value.get("valid_to", "9"):
            continue
        due = [one["amount"] for one in value.get("scheduled", ()) if one["valid_from"] <= at]
        in_force = due[-1] if due else value["amount"]
        if rank == CHAIN_WIDE[0] or limits is None or limits.get("min", 0) <= in_force <= limits.get("max", 10**12):
            expected = in_force
    assert amount(documents, at) == expected


def _value(register: Register | None) -> dict[str, Any]:
    value = register.value if register is not None else None
    return msgpack.unpackb(value) if value is not None else {}
