"""Prices and promotions in replicas: what a write is refused for, and the same prices everywhere after a merge."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.base.errors import Invalid
from replica.core.base.names import CHAIN
from replica.core.catalog.documents import pack_value
from replica.core.catalog.prices import EffectivePrice, effective_price
from replica.core.catalog.promotions import PROMOTION
from replica.core.catalog.ranks import CHAIN_RANK, REGION_RANK, STORE_RANK, Source, ranks_at
from replica.core.catalog.selectors import attributes_of
from replica.core.state import decisions
from replica.core.state.commands import DocumentWrite
from tests.core.catalog.test_promotions import document
from tests.core.chain import NOW_MS, STORE, Node, hub, store

CHAIN_WIDE = (CHAIN_RANK, "")
OWN = (STORE_RANK, STORE)
SHOP = {"type": "store", "name": "Shop", "region": "east"}


def write(node: Node, kind: str, key: str, value: Any, rank: tuple[int, str] = CHAIN_WIDE) -> None:
    """Write a document of a rank, and commit it."""
    packed = None if value is None else pack_value(value)
    decisions.write(node.replica, DocumentWrite(kind, key, packed, b"", rank=rank[0], at=rank[1]), NOW_MS)
    node.commit()


def price(node: Node, amount: int, rank: tuple[int, str] = CHAIN_WIDE, **fields: Any) -> None:
    """Write the price of cola."""
    write(node, "price", "cola", {"amount": amount, "currency": "EUR", **fields}, rank)


def refused(node: Node, kind: str, value: Any, rank: tuple[int, str] = CHAIN_WIDE) -> Invalid:
    """Why a write of cola's price, or of the promotion `new`, is refused."""
    with pytest.raises(Invalid) as error:
        write(node, kind, "cola" if kind == "price" else "new", value, rank)
    return error.value


def merge(one: Node, other: Node) -> None:
    """Exchange all that both wrote, as far as a store receives it."""
    for sender, receiver in ((one, other), (other, one)):
        receiver.take([*sender.runs(CHAIN), *sender.runs(STORE)])
        receiver.commit()


def effective(node: Node) -> EffectivePrice:
    """The price of cola in the store."""
    found = effective_price(node.replica.documents, "cola", STORE, "east", NOW_MS)
    assert isinstance(found, EffectivePrice)
    return found


def applying(node: Node, sku: str = "cola") -> list[tuple[str, Source]]:
    """The promotions that may apply to a SKU in the store, each with where it comes from."""
    goods = [(sku, attributes_of(node.replica.documents, sku))]
    found = node.replica.promotions.applying(goods, ranks_at(STORE, "east"))
    return [(one.id, one.source) for one in found]


def test_an_override_past_the_limits_of_the_chain_is_refused() -> None:
    node = hub("hub-east")
    write(node, "location", STORE, SHOP)
    price(node, 199, override={"min": 150})
    price(node, 150, OWN)
    assert refused(node, "price", {"amount": 149, "currency": "EUR"}, OWN).field == "amount"
    assert effective(node).source == Source("store", 1, STORE)


def test_an_exclusive_promotion_that_competes_with_another_is_refused() -> None:
    node = hub("hub-east")
    write(node, "sku", "cola", {"recipe": {"cola": 1}, "attributes": {"brand": "acme"}})
    write(node, PROMOTION, "sale", document(applies_to={"attributes": {"brand": "acme"}}))
    error = refused(node, PROMOTION, document(applies_to={"skus": ["cola"]}))
    assert (error.field, error.facts["promotion"]) == ("priority", "sale")
    write(node, PROMOTION, "new", document(applies_to={"skus": ["wine"]}))


def test_a_store_competes_with_its_own_region_only() -> None:
    node = hub("hub-east")
    write(node, "location", STORE, SHOP)
    write(node, "location", "store-2", {**SHOP, "region": "west"})
    write(node, PROMOTION, "sale", document(), (REGION_RANK, "east"))
    assert refused(node, PROMOTION, document(), OWN).field == "priority"
    write(node, PROMOTION, "new", document(), (STORE_RANK, "store-2"))


def test_an_override_and_new_limits_that_meet_give_one_price_everywhere() -> None:
    east, shop = hub("hub-east"), store(1)
    write(east, "location", STORE, SHOP)
    price(east, 199)
    merge(east, shop)
    price(shop, 99, OWN)
    price(east, 189, override={"min": 150})
    assert (effective(east).amount, effective(shop).amount) == (189, 99)
    merge(east, shop)
    assert effective(east) == effective(shop)
    assert (effective(east).amount, effective(east).others[0].why) == (189, "past-the-limits")
    reports = [list(node.replica.price_conflicts.at(NOW_MS)) for node in (east, shop)]
    assert reports[0] == reports[1]
    assert [(one.sku, one.source.at, one.field) for one in reports[0]] == [("cola", STORE, "amount")]


def test_promotions_of_two_hubs_that_compete_have_one_order_everywhere() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    write(east, PROMOTION, "b", document())
    write(west, PROMOTION, "a", document())
    merge(east, west)
    assert applying(east) == applying(west) == [("a", Source("chain", 1)), ("b", Source("chain", 1))]
    for node in (east, west):
        (found,) = node.replica.promotion_conflicts.at(NOW_MS)
        assert (found.promotion, found.other, found.why) == ("a", "b", "same-priority")


def test_a_locked_promotion_of_the_chain_is_overridden_by_nobody() -> None:
    node = hub("hub-east")
    write(node, "location", STORE, SHOP)
    write(node, PROMOTION, "new", document(locked=True))
    error = refused(node, PROMOTION, document(priority=7), OWN)
    assert (error.field, error.facts) == ("rank", {"promotion": "new", "version": 1})
    assert refused(node, PROMOTION, document(locked=True), (REGION_RANK, "east")).field == "locked"
    write(node, PROMOTION, "new", document())
    write(node, PROMOTION, "new", document(priority=7), OWN)


def test_a_lock_and_an_override_that_meet_leave_the_promotion_of_the_chain() -> None:
    east, shop = hub("hub-east"), store(1)
    write(east, "location", STORE, SHOP)
    merge(east, shop)
    write(shop, PROMOTION, "sale", document(priority=7), OWN)
    write(east, PROMOTION, "sale", document(locked=True))
    merge(east, shop)
    for node in (east, shop):
        assert applying(node) == [("sale", Source("chain", 1))]
        (found,) = node.replica.promotion_conflicts.at(NOW_MS)
        assert (found.source.rank, found.other_source.at, found.why) == ("chain", STORE, "locked")
    write(shop, PROMOTION, "sale", None, OWN)
    assert list(shop.replica.promotion_conflicts.at(NOW_MS)) == []


def test_a_node_that_starts_again_lists_the_same_conflicts() -> None:
    east, shop = hub("hub-east"), store(1)
    write(east, "location", STORE, SHOP)
    price(shop, 99, OWN)
    price(east, 199, override={"min": 150})
    write(shop, PROMOTION, "a", document(), OWN)
    write(east, PROMOTION, "b", document())
    merge(east, shop)
    for node in (east, shop):
        before = [*node.replica.price_conflicts.at(NOW_MS), *node.replica.promotion_conflicts.at(NOW_MS)]
        node.crash()
        after = [*node.replica.price_conflicts.at(NOW_MS), *node.replica.promotion_conflicts.at(NOW_MS)]
        assert (len(before), after) == (2, before)


def test_promotions_compete_after_a_sku_gets_an_attribute_and_stop_without_it() -> None:
    node = hub("hub-east")
    write(node, PROMOTION, "a", document(applies_to={"skus": ["cola"]}))
    write(node, PROMOTION, "b", document(applies_to={"attributes": {"brand": "acme"}}))
    assert list(node.replica.promotion_conflicts.at(NOW_MS)) == []
    for attributes, count in (({"brand": "acme"}, 1), ({}, 0)):
        write(node, "sku", "cola", {"recipe": {"cola": 1}, "attributes": attributes})
        assert len(list(node.replica.promotion_conflicts.at(NOW_MS))) == count


def test_promotions_compete_after_a_store_moves_to_the_region_of_one_of_them() -> None:
    node = hub("hub-east")
    write(node, "location", STORE, {**SHOP, "region": "west"})
    write(node, "location", "store-2", SHOP)
    write(node, PROMOTION, "a", document(), (REGION_RANK, "east"))
    write(node, PROMOTION, "b", document(), OWN)
    assert list(node.replica.promotion_conflicts.at(NOW_MS)) == []
    write(node, "location", STORE, SHOP)
    assert len(list(node.replica.promotion_conflicts.at(NOW_MS))) == 1


def test_a_node_that_starts_again_knows_the_promotions_of_all_ranks() -> None:
    node = store(1)
    write(node, "location", STORE, SHOP)
    write(node, PROMOTION, "sale", document())
    write(node, PROMOTION, "sale", document(priority=7), OWN)
    write(node, PROMOTION, "gone", document(priority=8))
    write(node, PROMOTION, "gone", None)
    before = applying(node)
    node.crash()
    assert applying(node) == before == [("sale", Source("store", 1, STORE))]


def test_a_promotion_that_this_version_cannot_read_is_counted_and_forwarded() -> None:
    east, shop = hub("hub-east"), store(1)
    write(east, PROMOTION, "sale", {"benefit": {"type": "gift"}})
    merge(east, shop)
    assert (shop.replica.documents.malformed, applying(shop)) == (1, [])
    assert shop.replica.documents.value(PROMOTION, "sale") == {"benefit": {"type": "gift"}}
