"""What units of items cost, and until when a price stays as it is."""

from __future__ import annotations

from replica.core.catalog.documents import Documents, pack_value
from replica.core.catalog.item_prices import Cost, ItemPrice, ItemPrices, cost_of, sum_of
from replica.core.catalog.prices import price_until
from replica.core.catalog.registers import Register
from replica.core.catalog.skus import SKU, Catalog
from replica.core.catalog.validity import END_MS
from tests.core.catalog.test_prices import EAST, NOON, STORE, documents_of, price, write
from tests.core.catalog.test_validity import ms

LATER, LAST = "2026-12-01T18:00:00Z", "2026-12-02T00:00:00Z"


def catalog_of(is_open: bool = False, **recipes: dict[str, int]) -> Catalog:
    """A catalogue of SKUs with these recipes."""
    catalog = Catalog(is_open)
    for index, (name, recipe) in enumerate(recipes.items(), start=1):
        catalog.put(Register(SKU, name, 0, "", 1, index, "h#0a", pack_value({"recipe": recipe})))
    return catalog


def prices_at(documents: Documents, catalog: Catalog, location: str = "store-1", at: str = NOON) -> ItemPrices:
    return ItemPrices(documents, catalog, location, "east", ms(at))


def test_sku_with_the_fewest_units_of_an_item_gives_its_price() -> None:
    catalog = catalog_of(carrier={"cola": 6}, bottle={"cola": 1}, bundle={"cola": 1, "salt": 1})
    documents = documents_of(write(price(500), sku="carrier"), write(price(99), sku="bottle"))
    assert prices_at(documents, catalog).of("cola") == ItemPrice(99, 1, "EUR")
    without = documents_of(write(price(500), sku="carrier"), write(price(150), sku="bundle"))
    assert prices_at(without, catalog).of("cola") == ItemPrice(500, 6, "EUR")
    assert prices_at(without, catalog).of("salt") is None


def test_item_of_an_open_catalogue_has_the_price_of_its_name() -> None:
    documents = documents_of(write(price(99)))
    assert prices_at(documents, catalog_of(is_open=True)).of("cola") == ItemPrice(99, 1, "EUR")
    assert prices_at(documents, catalog_of()).of("cola") is None


def test_price_of_a_store_counts_only_there() -> None:
    documents = documents_of(write(price(99)), write(price(89), EAST), write(price(79), STORE))
    catalog = catalog_of(cola={"cola": 1})
    amounts = [prices_at(documents, catalog, location).of("cola") for location in ("store-1", "store-2", "")]
    assert [one.amount for one in amounts if one is not None] == [79, 89, 89]


def test_cost_is_rounded_item_by_item_and_added_by_currency() -> None:
    catalog = catalog_of(wings={"wings_g": 500}, tea={"tea_g": 1})
    documents = documents_of(
        write(price(701), sku="wings"), write({"amount": 300, "currency": "CHF", "per": 1000}, sku="tea")
    )
    prices = prices_at(documents, catalog)
    assert cost_of([("wings_g", 250), ("tea_g", 1), ("salt", 4)], prices) == Cost({"EUR": 351, "CHF": 0}, 4)
    assert cost_of([("salt", 4), ("oil", 3)], prices) == Cost({}, 7)
    assert sum_of([Cost({"EUR": 1}, 2), Cost({"EUR": 3, "CHF": 4}, 5)]) == Cost({"CHF": 4, "EUR": 4}, 7)
    assert sum_of([]) == Cost({}, 0)


def test_price_stays_until_the_next_moment_of_any_of_its_documents() -> None:
    scheduled = price(99, valid_to=LAST, scheduled=[{"amount": 89, "valid_from": LATER}])
    chain = documents_of(write(scheduled))
    assert price_until(chain, "cola", "store-1", "east", ms(NOON)) == ms(LATER)
    assert price_until(chain, "cola", "store-1", "east", ms(LATER)) == ms(LAST)
    assert price_until(chain, "cola", "store-1", "east", ms(LAST)) == END_MS
    begins = documents_of(write(price(99)), write(price(79, valid_from=LATER), STORE))
    assert price_until(begins, "cola", "store-1", "east", ms(NOON)) == ms(LATER)
    assert price_until(begins, "cola", "store-2", "east", ms(NOON)) == END_MS
    prices = prices_at(begins, catalog_of(cola={"cola": 1}))
    assert prices.until_ms == END_MS
    prices.of("cola")
    assert prices.until_ms == ms(LATER)


def test_prices_of_one_moment_go_on_to_a_later_one_until_one_of_them_changes() -> None:
    catalog = catalog_of(cola={"cola": 1}, tea={"tea": 1})
    scheduled = price(99, scheduled=[{"amount": 89, "valid_from": LATER}])
    prices = prices_at(documents_of(write(scheduled), write(price(10), sku="tea")), catalog)
    assert prices.of("tea") == ItemPrice(10, 1, "EUR")
    assert prices.advance(ms(LATER))
    assert prices.of("cola") == ItemPrice(89, 1, "EUR")
    assert not prices.advance(ms(NOON))
    noon = prices_at(documents_of(write(scheduled)), catalog)
    assert noon.of("cola") == ItemPrice(99, 1, "EUR")
    assert noon.advance(ms(NOON))
    assert noon.advance(ms(LATER) - 1)
    assert not noon.advance(ms(LATER))
