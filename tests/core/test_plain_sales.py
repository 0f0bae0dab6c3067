"""The short road of the plain sale leads where the long one does."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from replica.core.catalog import Catalog
from replica.core.documents import Register, pack_value
from replica.core.entry import Content
from replica.core.errors import Refused
from replica.core.ledger import Ledger, Move
from replica.core.limits import QUANTITY_MAX
from replica.core.movements import Room, prepare_plain_sale, prepare_sale
from replica.core.requests import KeyedSale, OnShortage, SkuLine

RECIPES = {"cola": {"cola": 1}, "pack": {"cola": 6}, "box": {"cola": 2, "wings": 300}}
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)

quantities = st.integers(1, 12) | st.just(QUANTITY_MAX)
named = st.builds(SkuLine, quantities, sku=st.sampled_from([*RECIPES, "unknown"]))
scanned = st.builds(SkuLine, quantities, barcode=st.just("cola's"))
sales = st.builds(
    KeyedSale,
    st.lists(named | scanned | st.just(SkuLine(1)), min_size=1, max_size=2).map(tuple),
    st.sampled_from(OnShortage),
    st.sampled_from(["", "till-1"]),
    st.sampled_from(["", "R-1"]),
    st.sampled_from([UNSET, MOMENT]),
    key=st.just("k"),
)


def room_of(free: int, elsewhere: int) -> Room:
    """A location with cola on the node's own shelf and in a hub's hands."""
    ledger, catalog = Ledger(), Catalog()
    for sku, recipe in RECIPES.items():
        document = {"recipe": recipe, "barcodes": [f"{sku}'s"]}
        assert catalog.put(Register("sku", sku, 0, "", 1, 1, "hub-1#0000000b", pack_value(document)))
    for account, units in (("store-1/free", free), ("hub-1/free", elsewhere)):
        if units:
            ledger.apply("store-1", "store-1#0000000a", [Move("cola", "supplier", account, units)])
    return Room.of("store-1", "store-1", ledger, catalog)


@given(sales, st.sampled_from([0, 5, 40, QUANTITY_MAX]), st.sampled_from([0, 3]))
def test_a_plain_sale_is_the_sale_it_would_be_by_the_long_road(sale: KeyedSale, free: int, elsewhere: int) -> None:
    room = room_of(free, elsewhere)
    content = prepare_plain_sale(room, sale, b"key", 77)
    try:
        draft = prepare_sale(room, sale)
    except Refused:
        assert content is None
        return
    if content is not None:
        assert content == Content(
            draft.kind, 77, b"key", draft.actor, draft.reason, draft.reference, draft.moves, draft.lines, draft.facts
        )
        assert list(content.facts) == list(draft.facts)


def test_plain_is_one_line_of_one_item_that_the_rights_cover() -> None:
    room = room_of(6, 0)

    def is_plain(*lines: SkuLine) -> bool:
        return prepare_plain_sale(room, KeyedSale(lines, key="k"), b"key", 77) is not None

    assert is_plain(SkuLine(6, sku="cola"))
    assert is_plain(SkuLine(1, sku="pack"))
    assert not is_plain(SkuLine(7, sku="cola"))
    assert not is_plain(SkuLine(1, sku="box"))
    assert not is_plain(SkuLine(1, sku="cola"), SkuLine(1, sku="cola"))
    assert not is_plain(SkuLine(1, barcode="cola's"))
