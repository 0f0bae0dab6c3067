"""Quotes are those of the reference model: all kinds of promotions, at all ranks, moments, zones and groups."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.catalog.documents import pack_value
from replica.core.catalog.locations import region_of, time_zone_of
from replica.core.catalog.promotions import PROMOTION
from replica.core.catalog.quotes import Occasion, QuoteLine, quote_at
from replica.core.catalog.ranks import CHAIN_RANK, Rank
from replica.core.catalog.registers import Register
from replica.runtime.http.answers import document_value
from replica.runtime.time_zones import time_zone
from simulations.reference.answers import difference
from simulations.reference.baskets import quote
from simulations.reference.price_documents import PriceDocuments, price_documents
from simulations.reference.windows import DAYS
from simulations.translation import as_received
from tests.core.catalog.test_price_conflicts import RANKS, fold_of, listed
from tests.core.catalog.test_promotion_examples import EXAMPLES
from tests.core.catalog.test_validity import ms

SKUS = ("bread", "cola", "ham_g", "wine")
BRANDS = ({}, {"brand": "acme"}, {"brand": True}, {"brand": 1})
ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "Nowhere/At_All")
TIMES = ("00:00", "01:30", "02:00", "03:00", "12:00", "17:00", "23:59")
GROUPS = ("staff", "members")
MOMENTS = (
    "2026-03-29T01:00:00Z",
    "2026-10-25T00:30:00Z",
    "2026-10-25T01:30:00Z",
    "2026-12-01T11:59:59.999Z",
    "2026-12-01T12:00:00Z",
    "2026-12-04T16:00:00Z",
    "2026-12-06T23:30:00Z",
    "2026-12-07T01:45:00Z",
)
amounts = st.one_of(st.integers(0, 12), st.integers(0, 1_000))
currencies = st.sampled_from(("EUR", "EUR", "EUR", "CHF"))
percents = st.integers(1, 10_000).map(lambda hundredths: hundredths / 100)
skus = st.lists(st.sampled_from(SKUS), min_size=1, max_size=3, unique=True)
selectors = st.one_of(
    st.just({"all": True}),
    skus.map(lambda some: {"skus": some}),
    st.sampled_from(BRANDS[1:]).map(lambda one: {"attributes": one}),
)


@st.composite
def periods(draw: st.DrawFn) -> dict[str, Any]:
    """The fields of a period."""
    first, last = sorted(draw(st.lists(st.sampled_from(MOMENTS), min_size=2, max_size=2, unique=True)))
    bounds = {"valid_from": first, "valid_to": last}
    return {name: moment for name, moment in bounds.items() if draw(st.integers(0, 3)) == 0}


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    """A window. Its end may lie on the next day."""
    start, end = draw(st.lists(st.sampled_from((*TIMES, "24:00")), min_size=2, max_size=2, unique=True))
    if start == "24:00":
        start, end = end, start
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True))
    return {"start": start, "end": end, **({"days": days} if draw(st.booleans()) else {})}


@st.composite
def prices(draw: st.DrawFn, rank: Rank, sku: str) -> dict[str, Any]:
    """A price: of ham for 10 g, of the others for one piece."""
    value: dict[str, Any] = {"amount": draw(amounts), "currency": draw(currencies), **draw(periods())}
    if sku == "ham_g":
        value["per"] = 10
    if draw(st.integers(0, 5)) == 0:
        value["tax_inclusive"] = False
    if draw(st.integers(0, 3)) == 0:
        value["scheduled"] = [{"amount": draw(amounts), "valid_from": draw(st.sampled_from(MOMENTS))}]
    if rank[0] == CHAIN_RANK and draw(st.booleans()):
        value["override"] = {"min": draw(st.integers(0, 100)), "max": draw(st.integers(100, 1_000))}
    return value


@st.composite
def benefits(draw: st.DrawFn) -> dict[str, Any]:
    """What a promotion gives, except for a bundle."""
    match draw(st.integers(0, 4)):
        case 0:
            return {"type": "percentage", "percent": draw(percents)}
        case 1:
            return {"type": "amount_off", "amount": draw(st.integers(1, 500)), "currency": draw(currencies)}
        case 2:
            pay = draw(st.integers(1, 3))
            return {"type": "n_for_m", "take": pay + draw(st.integers(1, 3)), "pay": pay}
        case 3:
            off = {"percent": draw(percents)}
        case _:
            off = {"amount": draw(st.integers(1, 900))}
    return {"type": "threshold", "minimum": draw(st.integers(1, 3_000)), "currency": draw(currencies), **off}


@st.composite
def bundles(draw: st.DrawFn) -> dict[str, Any]:
    """A bundle. Several components have different SKUs; a single one may have any selector."""
    if draw(st.booleans()):
        some = draw(st.permutations(SKUS))
        divided = draw(st.sampled_from((((0, 1), (1, 2)), ((0, 2), (2, 3)), ((0, 1), (1, 2), (2, 4)))))
        chosen = [{"skus": some[first:last]} for first, last in divided]
    else:
        chosen = [draw(selectors)]
    components = [{"quantity": draw(st.integers(1, 3)), "applies_to": one} for one in chosen]
    return {
        "type": "bundle",
        "amount": draw(st.integers(0, 900)),
        "currency": draw(currencies),
        "components": components,
    }


@st.composite
def promotions(draw: st.DrawFn, rank: Rank) -> dict[str, Any]:
    """A promotion of any kind."""
    if draw(st.integers(0, 3)) == 0:
        value: dict[str, Any] = {"benefit": draw(bundles())}
    else:
        value = {"benefit": draw(benefits()), "applies_to": draw(selectors)}
    value |= {**draw(periods()), "combinable": draw(st.booleans()), "priority": draw(st.integers(0, 2))}
    if draw(st.integers(0, 2)) == 0:
        value["max_uses"] = draw(st.integers(1, 3))
    if draw(st.integers(0, 2)) == 0:
        value["windows"] = draw(st.lists(windows(), min_size=1, max_size=2))
    if draw(st.integers(0, 3)) == 0:
        value["customer_groups"] = draw(st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2, unique=True))
    if rank[0] == CHAIN_RANK and draw(st.integers(0, 3)) == 0:
        value["locked"] = True
    return value


@st.composite
def writes(draw: st.DrawFn) -> Register:
    """One write of a price, a promotion, a SKU or a location."""
    kind = draw(st.sampled_from(("price", "price", "price", PROMOTION, PROMOTION, PROMOTION, "sku", "location")))
    rank: Rank = draw(st.sampled_from(RANKS)) if kind in ("price", PROMOTION) else (CHAIN_RANK, "")
    key = draw(st.sampled_from({PROMOTION: ("a", "b", "c", "d"), "location": ("s-1", "s-2")}.get(kind, SKUS)))
    match kind:
        case "price":
            value = draw(prices(rank, key))
        case "sku":
            value = {"recipe": {key: 1}, "attributes": draw(st.sampled_from(BRANDS))}
        case "location":
            value = {"type": "store", "name": "Shop", "region": draw(st.sampled_from(("east", "west")))}
            value["time_zone"] = draw(st.sampled_from(ZONES))
        case _:
            value = draw(promotions(rank))
    return register_of(kind, key, rank, draw(st.integers(1, 4)), None if draw(st.integers(0, 7)) == 0 else value)


def register_of(kind: str, key: str, rank: Rank, version: int, value: Any) -> Register:
    """The write of a document; None clears it."""
    packed = None if value is None else pack_value(value)
    return Register(
        kind=kind,
        key=key,
        rank=rank[0],
        at=rank[1],
        version=version,
        clock=version,
        writer="hub-east#0000000a",
        value=packed,
    )


def model_of(history: list[Register]) -> PriceDocuments:
    """The reference model after some writes."""
    return price_documents(({**one.facts(), "value": document_value(one.value)}, one.precedence) for one in history)


histories = st.lists(writes(), max_size=20, unique_by=lambda one: (one.slot, one.version))
baskets = st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 9)), min_size=1, max_size=6)
full_shelves = st.fixed_dictionaries({sku: prices((CHAIN_RANK, ""), sku) for sku in SKUS}).map(
    lambda found: [register_of("price", sku, (CHAIN_RANK, ""), 9, value) for sku, value in found.items()]
)


@given(full_shelves, histories, baskets, st.sampled_from(MOMENTS), st.sampled_from(("", *GROUPS)))
def test_a_quote_is_that_of_the_reference_model(
    shelves: list[Register], history: list[Register], basket: list[tuple[str, int]], at: str, group: str
) -> None:
    fold, model = fold_of([*shelves, *history]), model_of([*shelves, *history])
    for location in ("s-1", "s-2"):
        zone = time_zone(time_zone_of(fold.documents, location))
        occasion = Occasion(location, region_of(fold.documents, location), ms(at), zone, group)
        found = quote_at(fold.documents, fold.promotions, [QuoteLine(*line) for line in basket], occasion)
        assert difference(quote(model, basket, location, ms(at), group), as_received(found)) == ""


@given(histories, st.sampled_from(MOMENTS))
def test_conflicts_of_windows_groups_and_bundles_are_those_of_the_model(history: list[Register], at: str) -> None:
    model = model_of(history)
    expected = (model.price_conflicts(ms(at)), model.promotion_conflicts(ms(at)))
    assert listed(fold_of(history), ms(at)) == expected


def documents_of(example: dict[str, Any]) -> PriceDocuments:
    """The documents of an example, at the store `s-1`."""
    chain, own = (CHAIN_RANK, ""), RANKS[3]
    written: list[tuple[str, str, Rank, Any]] = [
        ("location", "s-1", chain, {"type": "store", "region": "east", "time_zone": example["time_zone"]})
    ]
    for sku, price in example["prices"].items():
        value = price if isinstance(price, dict) else {"amount": price}
        written.append(("price", sku, chain, {"currency": "EUR", **value}))
    for sku, attributes in example.get("attributes", {}).items():
        written.append(("sku", sku, chain, {"recipe": {sku: 1}, "attributes": attributes}))
    written += [(PROMOTION, name, chain, value) for name, value in example.get("promotions", {}).items()]
    written += [(PROMOTION, name, own, value) for name, value in example.get("promotions_of_the_store", {}).items()]
    return model_of([register_of(*one[:3], number, one[3]) for number, one in enumerate(written, 1)])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["why"])
def test_the_model_has_the_figures_that_were_computed_by_hand(example: dict[str, Any]) -> None:
    group = example["customer_group"]
    found = quote(documents_of(example), map(tuple, example["lines"]), "s-1", ms(example["at"]), group)
    assert {
        "net": {line["sku"]: line["net_amount"] for line in found["lines"]},
        "discounts": {
            line["sku"]: [[one["promotion"], one["amount"]] for one in line["discounts"]]
            for line in found["lines"]
            if line["discounts"]
        },
        "total": sum(total["net_amount"] for total in found["totals"]),
    } == example["expected"]
