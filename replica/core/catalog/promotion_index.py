"""The promotions that a replica knows, by what they apply to.

A promotion that has nothing to do with the goods of a basket costs nothing when its price is computed: the index leads
from a SKU and its attributes to the promotions that may apply.

Two exclusive promotions of one priority must not compete for a unit, because nobody said which of them comes first. A
write that would make such a pair is refused. Two nodes that did not know of each other can still make one: then the
lesser id comes first everywhere, and the pair is reported (`promotion_conflicts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from replica.core.base.errors import Invalid
from replica.core.catalog.promotions import Promotion, groups_meet, in_order, read_promotion
from replica.core.catalog.ranks import CHAIN_RANK, CHAIN_WIDE, STORE_RANK, Rank
from replica.core.catalog.registers import Register
from replica.core.catalog.selectors import AttributeKey, Attributes, Selected, attribute_key
from replica.core.catalog.weekly_windows import meet

AttributesOf = Callable[[str], Attributes]
"""The attributes of a SKU."""

RegionOf = Callable[[str], str]
"""The region of a location; empty if it has none."""

_Ids = dict[str, int]
"""Ids of promotions, each with the number of its documents that an index leads to."""


class Promotions:
    """The current promotions of all ranks."""

    __slots__ = ("_by_attribute", "_by_sku", "_exclusive", "_for_all", "_promotions")

    def __init__(self) -> None:
        self._promotions: dict[str, dict[Rank, Promotion]] = {}
        self._by_sku: dict[str, _Ids] = {}
        self._by_attribute: dict[AttributeKey, _Ids] = {}
        """By one of the attributes of each selector."""
        self._for_all: _Ids = {}
        self._exclusive: dict[int, dict[tuple[str, Rank], Promotion]] = {}
        """Exclusive promotions by priority."""

    def put(self, register: Register) -> bool:
        """Take in the current write of a `promotion` document of any rank. False if this version cannot read it.

        Then the document counts as missing.
        """
        rank = (register.rank, register.at)
        ranks = self._promotions.get(register.key, {})
        former = ranks.pop(rank, None)
        if former is not None:
            self._forget(former)
            if not ranks:
                del self._promotions[register.key]
        promotion = read_promotion(register.key, register.value, rank, register.version)
        if promotion is None:
            return register.value is None
        self._promotions.setdefault(register.key, {})[rank] = promotion
        for ids in self._places(promotion):
            ids[promotion.id] = ids.get(promotion.id, 0) + 1
        if promotion.is_exclusive:
            self._exclusive.setdefault(promotion.priority, {})[promotion.id, promotion.rank] = promotion
        return True

    def with_writes(self, writes: Sequence[Register]) -> Promotions:
        """A copy that also has some writes. Here nothing changes, and the copy shares what these do not touch."""
        copy = Promotions()
        copy._promotions, copy._by_sku, copy._for_all = dict(self._promotions), dict(self._by_sku), dict(self._for_all)
        copy._by_attribute = {key: dict(ids) for key, ids in self._by_attribute.items()}
        copy._exclusive = {priority: dict(some) for priority, some in self._exclusive.items()}
        for one in writes:
            former = self._promotions.get(one.key, {})
            if former:
                copy._promotions[one.key] = dict(former)
            new = read_promotion(one.key, one.value, (one.rank, one.at), one.version)
            for promotion in (*former.values(), *([new] if new is not None else [])):
                for sku in (sku for selected in promotion.selected for sku in selected.skus):
                    if sku in self._by_sku:
                        copy._by_sku[sku] = dict(self._by_sku[sku])
        for one in writes:
            copy.put(one)
        return copy

    def effective(self, promotion_id: str, ranks: Iterable[Rank]) -> Promotion | None:
        """The promotion of an id that counts where some ranks do, highest rank first; a locked one of the chain always.

        `ranks`: those of one location. They contain the chain's.
        """
        known = self._promotions.get(promotion_id, {})
        chain = known.get(CHAIN_WIDE)
        if chain is not None and chain.is_locked:
            return chain
        return next((known[rank] for rank in ranks if rank in known), None)

    def applying(self, goods: Iterable[tuple[str, Attributes]], ranks: Iterable[Rank]) -> list[Promotion]:
        """The promotions that may apply to some SKUs with their attributes, in the order in which they apply."""
        ranks = tuple(ranks)
        ids = dict.fromkeys(self._for_all)
        for sku, attributes in goods:
            ids.update(dict.fromkeys(self._ids_of(sku, attributes)))
        effective = [self.effective(one, ranks) for one in ids]
        return in_order(one for one in effective if one is not None)

    def check_overlap(self, promotion: Promotion, attributes_of: AttributesOf, region_of: RegionOf) -> None:
        """Refuse an exclusive promotion that competes with another one of its priority. Raises Invalid."""
        other = next(self.overlapping(promotion, attributes_of, region_of), None)
        if other is None:
            return
        text = (
            f"The field priority is {promotion.priority}, as in the promotion {other.id!r}. Both are exclusive, and can"
            " apply to the same SKU at the same time for the same customer, so nobody knows which comes first."
        )
        hint = "Send another priority, or make one of them combinable."
        raise Invalid(f"{text} {hint}", field="priority", promotion=other.id, rank=other.source.rank)

    def check_lock(self, promotion: Promotion) -> None:
        """Refuse a promotion of a region or store that the chain has locked, or that is locked. Raises Invalid."""
        if promotion.rank == CHAIN_WIDE:
            return
        if promotion.is_locked:
            text = (
                "The field locked keeps regions and stores from overriding, and only the chain's document may have it."
            )
            raise Invalid(f"{text} Remove it.", field="locked")
        chain = self.locked(promotion.id)
        if chain is None:
            return
        text = f"The field rank is {promotion.source.rank}, and the chain locked the promotion {promotion.id!r}."
        hint = "Use another id, or ask the chain to unlock it."
        raise Invalid(f"{text} {hint}", field="rank", promotion=promotion.id, version=chain.source.version)

    def locked(self, promotion_id: str) -> Promotion | None:
        """The promotion of the chain with an id, if no lower rank overrides it."""
        chain = self._promotions.get(promotion_id, {}).get(CHAIN_WIDE)
        return chain if chain is not None and chain.is_locked else None

    def of_id(self, promotion_id: str) -> Mapping[Rank, Promotion]:
        """The promotions with an id, by rank."""
        return self._promotions.get(promotion_id, {})

    def listing(self, sku: str) -> Iterable[str]:
        """The ids of the promotions that list a SKU."""
        return self._by_sku.get(sku, ())

    def _ids_of(self, sku: str, attributes: Attributes) -> Iterator[str]:
        """The ids of promotions that list a SKU, or ask for one of its attributes."""
        yield from self._by_sku.get(sku, ())
        if self._by_attribute:
            for name, value in attributes.items():
                yield from self._by_attribute.get(attribute_key(name, value), ())

    def overlapping(
        self, promotion: Promotion, attributes_of: AttributesOf, region_of: RegionOf
    ) -> Iterator[Promotion]:
        """The other exclusive promotions that compete with one, in the order of their ids."""
        if not promotion.is_exclusive:
            return
        for other in self._rivals(promotion, attributes_of):
            if (
                _share_a_store(promotion.rank, other.rank, region_of)
                and groups_meet(promotion, other)
                and _share_a_sku(promotion, other, attributes_of)
                and meet(promotion.minutes, other.minutes, promotion.period.common(other.period))
            ):
                yield other

    def _rivals(self, promotion: Promotion, attributes_of: AttributesOf) -> list[Promotion]:
        """The exclusive promotions of one priority that may compete with one; those of its own id never do.

        If it lists SKUs, the index leads to them. Otherwise they are all that have this priority.
        """
        exclusive = self._exclusive.get(promotion.priority, {})
        if all(selected.skus for selected in promotion.selected):
            ids = dict.fromkeys(self._for_all)
            for selected in promotion.selected:
                for sku in selected.skus:
                    ids.update(dict.fromkeys(self._ids_of(sku, attributes_of(sku))))
            found = [(one, rank) for one in ids for rank in self._promotions[one]]
        else:
            found = list(exclusive)
        return [exclusive[key] for key in sorted(found) if key in exclusive and key[0] != promotion.id]

    def _forget(self, promotion: Promotion) -> None:
        self._exclusive.get(promotion.priority, {}).pop((promotion.id, promotion.rank), None)
        if not self._exclusive.get(promotion.priority, True):
            del self._exclusive[promotion.priority]
        for ids in self._places(promotion):
            ids[promotion.id] -= 1
            if not ids[promotion.id]:
                del ids[promotion.id]
        for selected in promotion.selected:
            for sku in selected.skus:
                if not self._by_sku.get(sku, True):
                    del self._by_sku[sku]
            for key in selected.attributes[:1]:
                if not self._by_attribute.get(key, True):
                    del self._by_attribute[key]

    def _places(self, promotion: Promotion) -> Iterator[_Ids]:
        """The ids under everything that leads to a promotion."""
        for selected in promotion.selected:
            if selected.skus:
                for sku in selected.skus:
                    yield self._by_sku.setdefault(sku, {})
            elif selected.attributes:
                yield self._by_attribute.setdefault(selected.attributes[0], {})
            else:
                yield self._for_all


def _share_a_store(one: Rank, other: Rank, region_of: RegionOf) -> bool:
    """Whether documents of two ranks can count at one store."""
    (low, low_at), (high, high_at) = sorted((one, other))
    if low == CHAIN_RANK:
        return True
    if low == high:
        return low_at == high_at
    return high == STORE_RANK and region_of(high_at) == low_at


def _share_a_sku(one: Promotion, other: Promotion, attributes_of: AttributesOf) -> bool:
    return any(_meet(first, second, attributes_of) for first in one.selected for second in other.selected)


def _meet(one: Selected, other: Selected, attributes_of: AttributesOf) -> bool:
    """Whether a SKU can belong to both. A listed SKU has the attributes that are known; another could have any."""
    if one.skus:
        return any(other.contains(sku, attributes_of(sku)) for sku in one.skus)
    if other.skus:
        return _meet(other, one, attributes_of)
    return not any(
        name == other_name and (is_bool, value) != (other_is_bool, other_value)
        for name, is_bool, value in one.attributes
        for other_name, other_is_bool, other_value in other.attributes
    )
