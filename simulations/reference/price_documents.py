"""Prices and promotions: what the documents that a node knows say, read again at each question.

A document has a value for each rank that somebody wrote it at: the chain, a region, a store. Nothing is indexed: each
answer looks at all documents. What promotions give is in `baskets`, and when they are in force is in `windows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from simulations.reference.windows import are_open, meet, zone_of

Rank = tuple[int, str]
"""The number of a rank, and its region or store."""

Order = tuple[int, int, str]
"""Version, stamp and writer of a write. Of all writes of a document at one rank, the greatest stands."""

CHAIN: Rank = (0, "")
REGION, STORE = 100, 200
NAMES = {0: "chain", REGION: "region", STORE: "store"}

ALWAYS, NEVER = -(1 << 60), 1 << 60
"""Milliseconds before and after each moment of a run."""


class PriceDocuments:
    """The current documents of one node, by kind, key and rank."""

    def __init__(self) -> None:
        self._written: dict[tuple[str, str], dict[Rank, tuple[Order, Any]]] = {}

    def put(self, facts: Mapping[str, Any], order: Order) -> None:
        """Take in one write. `facts`: those of its entry, with the value as JSON."""
        ranks = self._written.setdefault((facts["kind"], facts["key"]), {})
        rank = (facts["rank"], facts["at"])
        if rank not in ranks or order > ranks[rank][0]:
            ranks[rank] = (order, facts["value"])

    def skus(self) -> list[str]:
        """The SKUs that ever had a price."""
        return self._keys("price")

    def moments(self) -> list[int]:
        """The moments at which some document begins or ends to count, and the millisecond before each, in order."""
        found = dict.fromkeys(
            moment_ms(text)
            for kind in ("price", "promotion")
            for key in self._keys(kind)
            for _, value in self._ranks(kind, key).values()
            for one in (value, *value.get("scheduled", ()))
            for name, text in one.items()
            if name in ("valid_from", "valid_to")
        )
        return sorted(dict.fromkeys([0, *found, *(one - 1 for one in found)]))

    def in_effect(self, kind: str, key: str, location: str) -> list[dict[str, Any]]:
        """The values of a document that may count at a location, the highest rank first. In the chain: at none."""
        ranks = self._ranks(kind, key)
        return [
            {"kind": kind, "key": key, "version": ranks[rank][0], "value": ranks[rank][1], **_named_rank(rank)}
            for rank in (self._ranks_at(location) if location else [CHAIN])
            if rank in ranks
        ]

    def standing(self, kind: str, key: str, rank: Rank) -> Order | None:
        """The write of a document at one rank that stands; None if nobody wrote it."""
        written = self._written.get((kind, key), {})
        return written[rank][0] if rank in written else None

    def refused_field(self, facts: Mapping[str, Any]) -> str | None:
        """The field for which a write of a price or a promotion must be refused; None if nothing is in its way."""
        rank, value = (facts["rank"], facts["at"]), facts["value"]
        if value is None or facts["kind"] not in ("price", "promotion"):
            return None
        if facts["kind"] == "price":
            if rank == CHAIN:
                return None
            return "override" if "override" in value else _field_past(self._limits(facts["key"]), value, ALWAYS)
        chain = self._ranks("promotion", facts["key"]).get(CHAIN, (0, {}))[1]
        if rank != CHAIN and value.get("locked"):
            return "locked"
        if rank != CHAIN and chain.get("locked"):
            return "rank"
        one = (facts["key"], rank, 0, value)
        others = [other for other in self._promotion_documents() if other[0] != facts["key"]]
        return "priority" if any(self._why(one, other, ALWAYS) for other in others) else None

    # prices ------------------------------------------------------------------------------------------------------

    def price(self, sku: str, location: str, now_ms: int) -> dict[str, Any]:
        """The price of a SKU at a location, where it comes from, and under `others` the ranks that do not count.

        Without a price it has only `others`.
        """
        ranks, limits = self._ranks("price", sku), self._limits(sku)
        found: dict[str, Any] = {}
        others = []
        for rank in [rank for rank in self._ranks_at(location) if rank in ranks]:
            version, value = ranks[rank]
            why = "overridden" if found else _why_not(value, limits if rank != CHAIN else None, now_ms)
            if why:
                others.append({"source": source(rank, version), "why": why})
            else:
                found = {
                    "amount": amount_at(value, now_ms),
                    "currency": value["currency"],
                    "per": value.get("per", 1),
                    "tax_inclusive": value.get("tax_inclusive", True),
                    "source": source(rank, version),
                }
        return {**found, **({"others": others} if others else {})}

    def least(self, sku: str) -> tuple[int, int]:
        """The least amount that the chain allows regions and stores, and for how many units of the SKU it is."""
        limits = self._limits(sku)
        return (limits["override"].get("min", 0), limits.get("per", 1)) if limits else (0, 1)

    def price_conflicts(self, now_ms: int) -> list[dict[str, Any]]:
        """The overrides of which an amount is past the limits of the chain now or later."""
        return list(self._price_conflicts(now_ms))

    def _price_conflicts(self, now_ms: int) -> Iterator[dict[str, Any]]:
        for sku in self._keys("price"):
            limits = self._limits(sku)
            for rank, (version, value) in sorted(self._ranks("price", sku).items()):
                field = _field_past(limits, value, now_ms) if rank != CHAIN else None
                if field is not None and limits is not None:
                    shown = {
                        name: amount for name, amount in limits["override"].items() if (name, amount) != ("min", 0)
                    }
                    yield {"sku": sku, **_placed(rank, version), "field": field, "limits": shown}

    def _limits(self, sku: str) -> Mapping[str, Any] | None:
        """The price of the chain, if it has limits for overrides."""
        _, value = self._ranks("price", sku).get(CHAIN, (0, {}))
        return value if "override" in value else None

    # promotions --------------------------------------------------------------------------------------------------

    def promotions_at(self, location: str, now_ms: int, group: str) -> list[tuple[str, Rank, int, Any]]:
        """The promotions in force at a location for a customer of a group, in the order in which they apply.

        Each with its id, its rank, its version and its value.
        """
        zone = zone_of(self._location(location).get("time_zone", "UTC"))
        found = []
        for name in self._keys("promotion"):
            ranks = self._ranks("promotion", name)
            is_locked = CHAIN in ranks and ranks[CHAIN][1].get("locked", False)
            rank = CHAIN if is_locked else next((one for one in self._ranks_at(location) if one in ranks), None)
            if rank is None:
                continue
            version, value = ranks[rank]
            groups = value.get("customer_groups")
            is_meant = not groups or group in groups
            if is_meant and is_valid(value, now_ms) and are_open(value.get("windows", ()), now_ms, zone):
                found.append((name, rank, version, value))
        return sorted(found, key=lambda one: (one[3].get("combinable", False), one[3].get("priority", 100), one[0]))

    def promotion_conflicts(self, now_ms: int) -> list[dict[str, Any]]:
        """The pairs of exclusive promotions that compete now or later, and the lower ranks of a locked one."""
        documents = self._promotion_documents()
        found = []
        for index, one in enumerate(documents):
            for other in documents[index + 1 :]:
                why = self._why(one, other, now_ms)
                if why:
                    found.append({"first": _named(one), "second": _named(other), "why": why})
        return found

    def _promotion_documents(self) -> list[tuple[str, Rank, int, Any]]:
        """The promotions of all ranks, in the order of their ids and ranks."""
        return [
            (name, rank, version, value)
            for name in self._keys("promotion")
            for rank, (version, value) in sorted(self._ranks("promotion", name).items())
        ]

    def _why(self, one: Any, other: Any, now_ms: int) -> str | None:
        (name, rank, _, value), (other_name, other_rank, _, other_value) = one, other
        if name == other_name:
            return "locked" if rank == CHAIN and value.get("locked") and now_ms < end_ms(other_value) else None
        if value.get("combinable") or other_value.get("combinable"):
            return None
        groups, other_groups = value.get("customer_groups"), other_value.get("customer_groups")
        begins = max(begin_ms(value), begin_ms(other_value))
        ends = min(end_ms(value), end_ms(other_value))
        is_one = (
            value.get("priority", 100) == other_value.get("priority", 100)
            and begins < ends
            and now_ms < ends
            and (not groups or not other_groups or any(group in other_groups for group in groups))
            and self._share_a_store(rank, other_rank)
            and any(self._share_a_sku(*both) for both in product(_selectors(value), _selectors(other_value)))
            and meet(value.get("windows", ()), other_value.get("windows", ()), begins, ends)
        )
        return "same-priority" if is_one else None

    def _share_a_store(self, one: Rank, other: Rank) -> bool:
        if CHAIN in (one, other) or one == other:
            return True
        (low, region), (high, store) = sorted((one, other))
        return (low, high) == (REGION, STORE) and self._region(store) == region

    def _share_a_sku(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
        """Whether a SKU may belong to both selectors. A listed SKU has its attributes of now, others may have any."""
        if "skus" in first:
            return any(self.selects(second, sku) for sku in first["skus"])
        if "skus" in second:
            return self._share_a_sku(second, first)
        asked, others = first.get("attributes", {}), second.get("attributes", {})
        return all(_is_same(others.get(name, wanted), wanted) for name, wanted in asked.items())

    def selects(self, applies_to: Mapping[str, Any], sku: str) -> bool:
        """Whether a selector means a SKU, by the attributes of its document."""
        if "skus" in applies_to:
            return sku in applies_to["skus"]
        _, document = self._ranks("sku", sku).get(CHAIN, (0, {}))
        attributes = document.get("attributes", {})
        asked = applies_to.get("attributes", {})
        return all(name in attributes and _is_same(attributes[name], wanted) for name, wanted in asked.items())

    # documents ---------------------------------------------------------------------------------------------------

    def _keys(self, kind: str) -> list[str]:
        return sorted(key for of, key in self._written if of == kind)

    def _ranks(self, kind: str, key: str) -> dict[Rank, tuple[int, Any]]:
        """The version and the value of a document at each rank that has one and that this version knows."""
        written = self._written.get((kind, key), {})
        return {
            rank: (order[0], value)
            for rank, (order, value) in written.items()
            if value is not None and rank[0] in NAMES
        }

    def _ranks_at(self, location: str) -> list[Rank]:
        """The ranks that count at a location, highest first."""
        region = self._region(location)
        return [(STORE, location), *([(REGION, region)] if region else []), CHAIN]

    def _region(self, location: str) -> str:
        region: str = self._location(location).get("region", "")
        return region

    def _location(self, location: str) -> Mapping[str, Any]:
        """The document of a location; empty if there is none."""
        document: Mapping[str, Any]
        _, document = self._ranks("location", location).get(CHAIN, (0, {}))
        return document


def price_documents(writes: Iterable[tuple[Mapping[str, Any], Order]]) -> PriceDocuments:
    """The documents after some writes."""
    documents = PriceDocuments()
    for facts, order in writes:
        documents.put(facts, order)
    return documents


def is_valid(value: Mapping[str, Any], now_ms: int) -> bool:
    """Whether a document counts at a moment: from its first moment up to, and without, its last one."""
    return begin_ms(value) <= now_ms < end_ms(value)


def begin_ms(value: Mapping[str, Any]) -> int:
    """From when on a document is valid."""
    return moment_ms(value["valid_from"]) if "valid_from" in value else ALWAYS


def end_ms(value: Mapping[str, Any]) -> int:
    """From when on a document is valid no more."""
    return moment_ms(value["valid_to"]) if "valid_to" in value else NEVER


def amount_at(value: Mapping[str, Any], now_ms: int) -> int:
    """The amount of a price at a moment: the last scheduled one whose time has come."""
    amount: int = value["amount"]
    for one in value.get("scheduled", ()):
        if moment_ms(one["valid_from"]) <= now_ms:
            amount = one["amount"]
    return amount


def moment_ms(text: str) -> int:
    """A time in milliseconds since 1970, rounded up."""
    return -((datetime(1970, 1, 1, tzinfo=UTC) - datetime.fromisoformat(text)) // timedelta(milliseconds=1))


def half_up(numerator: int, denominator: int) -> int:
    """A quotient, rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def source(rank: Rank, version: int) -> dict[str, Any]:
    """Where a value comes from, as answers show it."""
    number, at = rank
    return {"rank": NAMES[number], "version": version, **({"at": at} if at else {})}


def _named_rank(rank: Rank) -> dict[str, Any]:
    """A rank as documents show it. That of the chain is left out."""
    return {} if rank == CHAIN else {"rank": NAMES[rank[0]], "at": rank[1]}


def _placed(rank: Rank, version: int) -> dict[str, Any]:
    return {"rank": NAMES[rank[0]], "at": rank[1], "version": version}


def _named(document: tuple[str, Rank, int, Any]) -> dict[str, Any]:
    name, rank, version, _ = document
    return {"promotion": name, **_placed(rank, version)}


def _admits(limits: Mapping[str, Any] | None, value: Mapping[str, Any], amount: int) -> bool:
    """Whether the limits of the chain admit an amount of an override, for one unit."""
    if limits is None:
        return True
    if _kind_of(limits) != _kind_of(value):
        return False
    least, most = limits["override"].get("min", 0), limits["override"].get("max")
    scaled = amount * limits.get("per", 1)
    return bool(least * value.get("per", 1) <= scaled and (most is None or scaled <= most * value.get("per", 1)))


def _kind_of(value: Mapping[str, Any]) -> tuple[str, bool]:
    return value["currency"], value.get("tax_inclusive", True)


def _field_past(limits: Mapping[str, Any] | None, value: Mapping[str, Any], now_ms: int) -> str | None:
    """The first field of an override that is past the limits at this moment or later."""
    if limits is None or now_ms >= end_ms(value):
        return None
    if value["currency"] != limits["currency"]:
        return "currency"
    if _kind_of(value) != _kind_of(limits):
        return "tax_inclusive"
    scheduled = value.get("scheduled", ())
    fields = [("amount", value["amount"])]
    fields += [(f"scheduled[{index}].amount", one["amount"]) for index, one in enumerate(scheduled)]
    ends = [*(moment_ms(one["valid_from"]) for one in scheduled), end_ms(value)]
    past = [
        field
        for (field, amount), end in zip(fields, ends, strict=True)
        if now_ms < end and not _admits(limits, value, amount)
    ]
    return past[0] if past else None


def _why_not(value: Mapping[str, Any], limits: Mapping[str, Any] | None, now_ms: int) -> str:
    """Why a price does not count at a moment; empty if it does."""
    if now_ms < begin_ms(value):
        return "not-yet-valid"
    if now_ms >= end_ms(value):
        return "no-longer-valid"
    return "" if _admits(limits, value, amount_at(value, now_ms)) else "past-the-limits"


def _selectors(promotion: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a promotion applies to: a bundle to the goods of each of its components."""
    components = promotion["benefit"].get("components")
    return [one["applies_to"] for one in components or (promotion,)]


def _is_same(one: Any, other: Any) -> bool:
    """Whether two attributes are equal. True and 1 are not."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other
