"""Previews: what some writes of documents would change, computed from a copy of the documents that has them.

Nothing here decides anything anew. The copy is folded by the code of a replica, and the figures come from the functions
that allocate units, price baskets and count what can be sold. Each figure stands beside that of today, and a preview
lists where the two differ.

Lists of goods may be as long as a chain is large. So each function about one pair is cheap, and callers bound how many
pairs they look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from replica.core.base.errors import UnknownSku
from replica.core.base.names import FREE, account
from replica.core.catalog.documents import Documents
from replica.core.catalog.prices import PRICE, EffectivePrice, effective_price
from replica.core.catalog.promotion_index import Promotions
from replica.core.catalog.promotions import PROMOTION
from replica.core.catalog.quotes import Occasion, QuoteLine, quote_at
from replica.core.catalog.ranks import RankName
from replica.core.catalog.registers import Register
from replica.core.catalog.selectors import Selected
from replica.core.catalog.skus import SKU, Catalog, Recipe
from replica.core.rights.allocation import online_units, split_units
from replica.core.rights.policies import POLICY, Policy, item_of, location_of
from replica.core.rights.rebalancing import store_gap
from replica.core.state.replica import Replica
from replica.core.stock.sellable import UnitsAt

Pair = tuple[str, str]
"""A location and an item, or a location and a SKU."""


class Change(Struct, frozen=True):
    """Units now, and after the change."""

    now: int
    then: int


class RightsChange(Struct, frozen=True):
    """How many units of an item at a location may be promised online, now and then.

    Null: only the store knows it, because the policy asks for a forecast. `to_grant`: units that the store would then
    grant to its hub; below zero, units that it would ask for. Null if no store keeps the location. `regions` and
    `channels`: what each would have of the online units, if that changes.
    """

    location: str
    item: str
    available: int
    now: int | None
    then: int | None
    difference: int | None
    to_grant: int | None
    regions: dict[str, Change]
    channels: dict[str, Change]


class UnitPrice(Struct, frozen=True):
    """What `per` units of a SKU cost, bought alone by a customer of no group, and the promotions that apply.

    `list_amount`: without them.
    """

    amount: int
    list_amount: int
    currency: str
    per: int
    tax_inclusive: bool
    promotions: list[str]


class PriceChange(Struct, frozen=True):
    """The price of a SKU at the stores of the chain or a region, or at one store with documents of its own.

    Null without a price. `locations`: the number of stores that this row is about.
    """

    sku: str
    rank: RankName
    at: str
    time_zone: str
    locations: int
    now: UnitPrice | None
    then: UnitPrice | None


class SellableChange(Struct, frozen=True):
    """How many of a SKU can be sold at a location, now and then. Null while there is no such SKU."""

    location: str
    sku: str
    now: int | None
    then: int | None


class Preview:
    """What a replica derives from its documents after some writes, of which each was accepted alone."""

    __slots__ = ("_replica", "catalog", "documents", "policies", "promotions", "writes")

    def __init__(self, replica: Replica, writes: Iterable[Register]) -> None:
        last = {one.slot: one for one in writes}
        self._replica = replica
        self.writes: Sequence[Register] = tuple(last.values())
        """The last write of each register."""
        self.documents = replica.documents.with_writes(self.writes)
        self.policies = replica.policies.with_writes(self.of(POLICY))
        self.promotions = replica.promotions.with_writes(self.of(PROMOTION))
        self.catalog = Catalog(replica.open_catalog)
        """Only the SKUs that are written."""
        for one in self.of(SKU):
            self.catalog.put(one, self.documents.former(SKU, one.key))

    def of(self, kind: str) -> list[Register]:
        """The writes of a kind."""
        return [one for one in self.writes if one.kind == kind]

    def pairs(self) -> Iterator[Pair]:
        """The locations and items that the written policies may concern. Some come twice.

        The replica may change between two of them.
        """
        ledger = self._replica.ledger
        for one in self.of(POLICY):
            location, item = location_of(one.key), item_of(one.key)
            if location and item:
                yield from [(location, item)] if item in ledger.stocks(location) else []
            elif item:
                yield from ((place, item) for place in tuple(ledger.locations(item)))
            else:
                for place in [location] if location else sorted(ledger.at_location):
                    yield from ((place, each) for each in tuple(ledger.stocks(place)))

    def rights_change(self, location: str, item: str) -> RightsChange | None:
        """How many units of an item may be promised online now and then; None if nothing changes."""
        before, after = self._replica.policies.policy(location, item), self.policies.policy(location, item)
        if before == after:
            return None
        stock = self._replica.ledger.stock(location, item)
        available = stock.available
        now, then = _online(before, available), _online(after, available)
        regions = _split(now, then, _regions(before), _regions(after))
        channels = _split(now, then, _channels(before), _channels(after))
        if now == then and now is not None and not regions and not channels:
            return None
        owner = self._replica.location_owners.nodes.get(location)
        to_grant = None
        if owner is not None and then is not None:
            to_grant = store_gap(after, stock.balance(account(owner, FREE)), available)
        difference = then - now if now is not None and then is not None else None
        return RightsChange(location, item, available, now, then, difference, to_grant, regions, channels)

    def priced(self, written: Register) -> tuple[list[str], list[Selected]]:
        """The SKUs that a write of a price or a promotion names, and the selections of others that it may concern."""
        if written.kind == PRICE:
            return [written.key], []
        known = (self._replica.promotions, self.promotions)
        chosen = [one for some in known for promotion in some.of_id(written.key).values() for one in promotion.selected]
        skus = dict.fromkeys(sku for one in chosen for sku in one.skus)
        return list(skus), [one for one in chosen if not one.skus]

    def prices(self, sku: str, occasion: Occasion) -> tuple[UnitPrice | None, UnitPrice | None]:
        """What a SKU costs on an occasion, now and then."""
        now = unit_price(self._replica.documents, self._replica.promotions, sku, occasion)
        return now, unit_price(self.documents, self.promotions, sku, occasion)

    def recipes(self, sku: str) -> tuple[Recipe | None, Recipe | None]:
        """The recipe of a SKU that is written, now and then; None while there is no such SKU."""
        return _recipe(self._replica.catalog, sku), _recipe(self.catalog, sku)

    def places(self) -> Iterator[Pair]:
        """The locations that have stock of a SKU that is written, and the SKU."""
        ledger = self._replica.ledger
        for one in self.of(SKU):
            items = dict.fromkeys(item for recipe in self.recipes(one.key) for item, _ in recipe or ())
            places = dict.fromkeys(at for item in items for at in ledger.locations(item))
            yield from ((place, one.key) for place in sorted(places))

    def sellable_change(self, location: str, sku: str) -> SellableChange | None:
        """How many of a SKU can be sold at a location now and then; None if that is the same."""
        before, after = self.recipes(sku)
        units = UnitsAt(self._replica.ledger, location, self._replica.node)
        now = units.sellable(sku, before).sellable if before is not None else None
        then = units.sellable(sku, after).sellable if after is not None else None
        return SellableChange(location, sku, now, then) if now != then else None


def unit_price(documents: Documents, promotions: Promotions, sku: str, occasion: Occasion) -> UnitPrice | None:
    """What a SKU costs alone on an occasion; None without a price."""
    price = effective_price(documents, sku, occasion.location, occasion.region, occasion.moment_ms)
    if not isinstance(price, EffectivePrice):
        return None
    (line,) = quote_at(documents, promotions, [QuoteLine(sku, price.per)], occasion).lines
    return UnitPrice(
        amount=line.net_amount,
        list_amount=line.list_amount,
        currency=price.currency,
        per=price.per,
        tax_inclusive=price.tax_inclusive,
        promotions=[one.promotion for one in line.discounts],
    )


def _recipe(catalog: Catalog, sku: str) -> Recipe | None:
    try:
        return catalog.recipe_of(sku, "sku")
    except UnknownSku:
        return None


def _online(policy: Policy | None, available: int) -> int | None:
    """Units that may be promised online; None if only the store knows its forecast."""
    return None if policy is not None and policy.quantile_ppm else online_units(policy, available)


def _regions(policy: Policy | None) -> Mapping[str, int]:
    return policy.regions_ppm if policy is not None else {}


def _channels(policy: Policy | None) -> Mapping[str, int]:
    return policy.channels_ppm if policy is not None else {}


def _split(
    now: int | None, then: int | None, now_ppm: Mapping[str, int], then_ppm: Mapping[str, int]
) -> dict[str, Change]:
    """The units of each part that has more or fewer then, if both numbers of online units are known."""
    if now is None or then is None:
        return {}
    before, after = split_units(now, now_ppm), split_units(then, then_ppm)
    names = sorted({**before, **after})
    return {
        name: Change(before.get(name, 0), after.get(name, 0))
        for name in names
        if before.get(name, 0) != after.get(name, 0)
    }
