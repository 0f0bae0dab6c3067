"""Previews: what writes of documents would change, beside what changes when they are written."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from replica.core.catalog.documents import pack_value
from replica.core.catalog.prices import PRICE
from replica.core.catalog.promotions import PROMOTION
from replica.core.catalog.quotes import Occasion
from replica.core.catalog.ranks import CHAIN_WIDE, STORE_RANK, Rank
from replica.core.catalog.registers import Register
from replica.core.catalog.skus import SKU
from replica.core.rights.policies import POLICY
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state import decisions
from replica.core.state.commands import DocumentWrite
from replica.core.state.previews import Change, Preview, RightsChange, SellableChange, UnitPrice
from replica.core.state.replica import Replica
from tests.core.chain import NOW_MS, receipt, store

AT_STORE_1: Rank = (STORE_RANK, "store-1")


class Chain:
    """A hub with two stores: ten and twenty cola, three water each. The first store granted the hub four cola."""

    def __init__(self, *, open_catalog: bool = False) -> None:
        self.replica = Replica("hub-east#0000000a", ("hub-east",), open_catalog=open_catalog)
        for number in (1, 2):
            away = store(number)
            away.ask(receipt(cola=10 * number, water=3))
            if number == 1:
                away.ask(Grant("hub-east", (GrantLine("cola", 4),)))
            away.commit()
            decisions.merge(self.replica, away.runs(away.name), NOW_MS, {})
        self.replica.learn_location_owners({"store-1": "store-1", "store-2": "store-2"})

    def write(self, kind: str, key: str, value: Any) -> None:
        packed = None if value is None else pack_value(value)
        decisions.write(self.replica, DocumentWrite(kind, key, packed, b""), NOW_MS)

    def preview(self, *writes: tuple[str, str, Any], rank: Rank = CHAIN_WIDE) -> Preview:
        """A preview of writes, each with its kind, key and value."""
        registers = []
        for number, (kind, key, value) in enumerate(writes):
            packed = None if value is None else pack_value(value)
            registers.append(Register(kind, key, *rank, 100 + number, 100 + number, self.replica.writer, packed))
        return Preview(self.replica, registers)


def safety(units: int, **more: Any) -> dict[str, Any]:
    return {"mode": "safety", "safety_stock": units, **more}


PAIRS = [("store-1", "cola"), ("store-1", "water"), ("store-2", "cola"), ("store-2", "water")]


@pytest.mark.parametrize(
    ("selector", "pairs"),
    [
        ("default", PAIRS),
        ("item:water", [("store-1", "water"), ("store-2", "water")]),
        ("location:store-2", [("store-2", "cola"), ("store-2", "water")]),
        ("location:store-2,item:cola", [("store-2", "cola")]),
        ("location:store-2,item:tea", []),
        ("location:store-9,item:cola", []),
        ("location:store-9", []),
        ("item:tea", []),
    ],
)
def test_policy_concerns_the_stock_that_its_selector_names(selector: str, pairs: list[tuple[str, str]]) -> None:
    preview = Chain().preview((POLICY, selector, safety(1)), (SKU, "tea", {"recipe": {"tea": 1}}))
    assert list(preview.pairs()) == pairs


def test_policy_shows_what_may_be_promised_online_then_and_what_the_store_grants_for_it() -> None:
    preview = Chain().preview((POLICY, "default", safety(2)))
    assert [preview.rights_change(*pair) for pair in PAIRS] == [
        RightsChange("store-1", "cola", 10, 0, 8, 8, 4, {}, {}),
        RightsChange("store-1", "water", 3, 0, 1, 1, 1, {}, {}),
        RightsChange("store-2", "cola", 20, 0, 18, 18, 18, {}, {}),
        RightsChange("store-2", "water", 3, 0, 1, 1, 1, {}, {}),
    ]


def test_policy_that_keeps_more_shows_that_the_store_asks_for_units() -> None:
    chain = Chain()
    chain.write(POLICY, "default", safety(2))
    found = chain.preview((POLICY, "default", safety(9))).rights_change("store-1", "cola")
    assert found is not None
    assert (found.now, found.then, found.difference, found.to_grant) == (8, 1, -7, 0)
    found = chain.preview((POLICY, "default", {"mode": "keep"})).rights_change("store-1", "cola")
    assert found is not None
    assert (found.now, found.then, found.difference, found.to_grant) == (8, 0, -8, 0)


def test_policy_that_changes_nothing_shows_nothing() -> None:
    chain = Chain()
    chain.write(POLICY, "default", safety(2))
    preview = chain.preview((POLICY, "item:cola", safety(2)), (POLICY, "item:water", {"mode": "share", "share": 0.5}))
    assert preview.rights_change("store-1", "cola") is None
    assert preview.rights_change("store-1", "water") is None, "one of three units is online both ways"


def test_policy_that_only_splits_anew_shows_each_part_that_changes() -> None:
    chain = Chain()
    before = {"channels": {"web": 0.5, "app": 0.5}, "regions": {"east": 0.5, "west": 0.25}}
    chain.write(POLICY, "item:cola", safety(2, **before))
    after = {"channels": {"web": 0.25, "mall": 0.25, "app": 0.5}, "regions": {"east": 0.5, "north": 0.5}}
    found = chain.preview((POLICY, "item:cola", safety(2, **after))).rights_change("store-1", "cola")
    assert found is not None
    assert (found.now, found.then, found.difference) == (8, 8, 0)
    assert found.channels == {"mall": Change(0, 2), "web": Change(4, 2)}
    assert found.regions == {"north": Change(0, 4), "west": Change(2, 0)}
    assert (list(found.channels), list(found.regions)) == (["mall", "web"], ["north", "west"])
    for part in ("channels", "regions"):
        only = {**before, part: after[part]}
        shown = chain.preview((POLICY, "item:cola", safety(2, **only))).rights_change("store-1", "cola")
        assert shown is not None
        assert (shown.channels if part == "channels" else shown.regions) == getattr(found, part)


@pytest.mark.parametrize(("share", "units"), [(0.1, 0), (0.125, 1)])
def test_part_that_is_new_or_gone_is_shown_if_it_has_units(share: float, units: int) -> None:
    plain, split = safety(2), safety(2, channels={"web": share})
    for before, after, shown in ((plain, split, Change(0, units)), (split, plain, Change(units, 0))):
        chain = Chain()
        chain.write(POLICY, "item:cola", before)
        found = chain.preview((POLICY, "item:cola", after)).rights_change("store-1", "cola")
        assert (found.channels if found is not None else {}) == ({"web": shown} if units else {})


def test_units_of_a_forecast_are_unknown_and_so_are_their_parts() -> None:
    chain = Chain()
    forecast = {"mode": "safety", "safety_stock": {"forecast": {"quantile": 0.9}}, "channels": {"web": 0.5}}
    found = chain.preview((POLICY, "default", forecast)).rights_change("store-1", "cola")
    assert found == RightsChange("store-1", "cola", 10, 0, None, None, None, {}, {})
    chain.write(POLICY, "default", forecast)
    found = chain.preview((POLICY, "default", safety(2, channels={"web": 0.5}))).rights_change("store-1", "cola")
    assert found == RightsChange("store-1", "cola", 10, None, 8, None, 4, {}, {})
    other = {**forecast, "safety_stock": {"forecast": {"quantile": 0.5}}}
    found = chain.preview((POLICY, "default", other)).rights_change("store-1", "cola")
    assert found == RightsChange("store-1", "cola", 10, None, None, None, None, {}, {})


def test_location_that_no_store_keeps_has_nothing_to_grant() -> None:
    chain = Chain()
    chain.replica.location_owners.nodes.pop("store-2")
    found = chain.preview((POLICY, "default", safety(2))).rights_change("store-2", "cola")
    assert found is not None
    assert (found.then, found.to_grant) == (18, None)


def test_last_write_of_a_document_counts() -> None:
    preview = Chain().preview((POLICY, "default", safety(2)), (POLICY, "default", safety(5)))
    assert len(preview.writes) == 1
    found = preview.rights_change("store-1", "cola")
    assert found is not None and found.then == 5


def price(amount: int, **more: Any) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR", **more}


def ten_percent(**applies_to: Any) -> dict[str, Any]:
    return {"benefit": {"type": "percentage", "percent": 10}, "applies_to": applies_to}


NOON = Occasion("store-1", "east", NOW_MS, UTC)


def test_price_is_shown_with_the_promotions_that_apply_now_and_then() -> None:
    chain = Chain()
    chain.write(SKU, "cola", {"recipe": {"cola": 1}})
    chain.write(PRICE, "cola", price(200, per=100, tax_inclusive=False))
    preview = chain.preview((PRICE, "cola", price(100)), (PROMOTION, "spring", ten_percent(skus=["cola"])))
    assert preview.prices("cola", NOON) == (
        UnitPrice(200, 200, "EUR", 100, False, []),
        UnitPrice(90, 100, "EUR", 1, True, ["spring"]),
    )
    assert preview.prices("water", NOON) == (None, None)
    cleared = chain.preview((PRICE, "cola", None))
    assert cleared.prices("cola", NOON) == (UnitPrice(200, 200, "EUR", 100, False, []), None)


def test_price_of_a_store_is_that_of_its_occasion() -> None:
    chain = Chain()
    chain.write(PRICE, "cola", price(200))
    chain.write(SKU, "cola", {"recipe": {"cola": 1}})
    preview = chain.preview((PRICE, "cola", price(150)), rank=AT_STORE_1)
    amounts = [
        [one.amount for one in preview.prices("cola", Occasion(location, "east", NOW_MS, UTC)) if one is not None]
        for location in ("store-1", "store-2")
    ]
    assert amounts == [[200, 150], [200, 200]]


def test_promotion_concerns_the_goods_that_it_selects_now_or_then() -> None:
    chain = Chain()
    chain.write(PROMOTION, "spring", ten_percent(skus=["cola"]))
    preview = chain.preview(
        (PRICE, "tea", price(100)),
        (PROMOTION, "spring", ten_percent(skus=["water", "cola"])),
        (PROMOTION, "all", ten_percent(attributes={"brand": "x"})),
    )
    first, second, third = preview.writes
    assert preview.priced(first) == (["tea"], [])
    assert preview.priced(second) == (["cola", "water"], [])
    skus, selections = preview.priced(third)
    assert (skus, [one.contains("any", {"brand": "x"}) for one in selections]) == ([], [True])


def test_recipe_shows_how_many_can_be_sold_where_its_items_are_or_were() -> None:
    chain = Chain()
    chain.write(SKU, "cola", {"recipe": {"cola": 1}})
    preview = chain.preview(
        (SKU, "cola", {"recipe": {"cola": 6}}),
        (SKU, "mix", {"recipe": {"cola": 2, "water": 1}}),
        (SKU, "tea", {"recipe": {"tea": 1}}),
        (POLICY, "default", safety(1)),
    )
    places = [("store-1", "cola"), ("store-2", "cola"), ("store-1", "mix"), ("store-2", "mix")]
    assert list(preview.places()) == places
    assert [preview.sellable_change(*place) for place in places] == [
        SellableChange("store-1", "cola", 10, 1),
        SellableChange("store-2", "cola", 20, 3),
        SellableChange("store-1", "mix", None, 3),
        SellableChange("store-2", "mix", None, 3),
    ]
    same = chain.preview((SKU, "cola", {"recipe": {"cola": 1}, "attributes": {"brand": "x"}}))
    assert same.sellable_change("store-1", "cola") is None


@pytest.mark.parametrize("open_catalog", [False, True])
def test_cleared_recipe_still_shows_where_the_goods_are(open_catalog: bool) -> None:
    chain = Chain(open_catalog=open_catalog)
    chain.write(SKU, "cola", {"recipe": {"cola": 1}})
    preview = chain.preview((SKU, "cola", None))
    assert preview.recipes("cola") == ((("cola", 1),), None)
    assert list(preview.places()) == [("store-1", "cola"), ("store-2", "cola")]
    assert preview.sellable_change("store-2", "cola") == SellableChange("store-2", "cola", 20, None)
