"""Requests that several nodes accepted, and keys that were used for several requests.

The entries of a request do not show all that was asked. So the rows of a key are not exact: each key has a number of
rows, and each row says what it may say about its entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from simulations.reference.edits import slot_of
from simulations.reference.entries import Rows, Shown, hash_of, node_of, precedence
from simulations.reference.order_traces import OrderTrace

COLLIDING_KEYS_MAX = 256
"""Of more keys than this, a node lists the newest."""

PLACED = ("hold", "reserve")
"""Reasons of the entries of a placement: one that repeats an earlier placement says `hold`, also if it is paid."""


class Collisions:
    """The entries of one journal that share keys, and the orders that were placed twice."""

    def __init__(self, entries: Iterable[Shown], orders: Mapping[str, OrderTrace]) -> None:
        self._orders = orders
        self._of_hash: dict[str, Shown] = {}
        self._voids: dict[str, list[str]] = {}
        """The entries that void each entry."""
        self._under: dict[str, list[Shown]] = {}
        """The entries under each key that several have."""
        for one in entries:
            self._of_hash[one["hash"]] = one
            if one["kind"] == "void":
                self._voids.setdefault(hash_of(one["facts"]["loser"]), []).append(one["hash"])
            if one["key"]:
                self._under.setdefault(one["key"], []).append(one)
        self._under = {key: some for key, some in self._under.items() if len(some) > 1}

    def is_lost(self, entry: Shown) -> bool:
        """Whether an entry lost to a duplicate. No plan of a simulation repeats a request with another content."""
        others = [one for one in self._under.get(entry["key"], ()) if not _must_differ(one, entry)]
        return any(precedence(one) < precedence(entry) for one in others)

    def faults(self, duplicates: Rows, conflicts: Rows) -> Iterator[str]:
        """Where the whole lists of duplicates and conflicts differ from the entries."""
        of_keys: dict[str, int] = {}
        for one in duplicates:
            standing, lost = (self._of_hash[one[side]["movement"]] for side in ("standing", "lost"))
            of_order = self._orders.get(one["order"])
            is_of_one_order = of_order is not None and (lost, standing) in list(of_order.duplicates())
            if not is_of_one_order:
                of_keys[one["key"]] = of_keys.get(one["key"], 0) + 1
            yield from self._faults_of_duplicate(one, standing, lost, is_of_one_order)
        for one in conflicts:
            sides = [self._of_hash[side["movement"]] for side in one["sides"]]
            if not one["order"]:
                of_keys[one["key"]] = of_keys.get(one["key"], 0) + 1
                if len(dict.fromkeys(side["key"] for side in sides)) > 1 or _must_be_same(*sides):
                    yield f"lists a conflict of entries that have none: {one}"
            if [_side(entry) for entry in sides] != one["sides"]:
                yield f"lists a conflict with other sides than its entries show: {one}"
        colliding = {key: _collisions(some) for key, some in self._under.items()}
        colliding = {key: number for key, number in colliding.items() if number}
        if len(colliding) <= COLLIDING_KEYS_MAX and of_keys != colliding:
            unlike = {key for key in {**of_keys, **colliding} if of_keys.get(key, 0) != colliding.get(key, 0)}
            yield f"lists another number of duplicates and conflicts than there are, for the keys {sorted(unlike)}"
        yield from self._faults_of_orders(duplicates, conflicts)

    def _faults_of_duplicate(
        self, one: Mapping[str, Any], standing: Shown, lost: Shown, of_order: bool
    ) -> Iterator[str]:
        if [_side(standing), _side(lost)] != [one["standing"], one["lost"]] and not of_order:
            yield f"lists a duplicate with other sides than its entries show: {one}"
        if precedence(lost) <= precedence(standing) or (not of_order and _must_differ(standing, lost)):
            yield f"lists a duplicate that is none: {one}"
        voids = self._orders[one["order"]].voids_of(lost) if of_order else self._voids.get(lost["hash"], [])
        if lost["kind"] == "order" and not of_order:
            voids = []  # a repeated event undoes nothing
        if (one["void"] is None) != (not voids) or (voids and one["void"] not in voids):
            yield f"shows the void {one['void']} of {lost['hash']}, and its voids are {voids}"

    def _faults_of_orders(self, duplicates: Rows, conflicts: Rows) -> Iterator[str]:
        """Each order is listed for each placement that lost, and for those of several requests."""
        for order in self._orders.values():
            pairs = [(lost["hash"], won["hash"]) for lost, won in order.duplicates()]
            listed = [
                (one["lost"]["movement"], one["standing"]["movement"])
                for one in duplicates
                if one["order"] == order.name
            ]
            if not set(pairs) <= set(listed):
                yield f"lists the duplicates {listed} of {order.name}, and they are {pairs}"
            sides = [one["hash"] for one in order.others()]
            found = [[side["movement"] for side in one["sides"]] for one in conflicts if one["order"] == order.name]
            if found != ([sides] if sides else []):
                yield f"lists the conflicts {found} of {order.name}, and they are {sides}"


def _side(entry: Shown) -> dict[str, Any]:
    """One side of a duplicate or a conflict. An order is at the location of its first fulfilment."""
    return {"movement": entry["hash"], "node": node_of(entry), "location": entry["scope"], "at": entry["at"]}


def _collisions(entries: Sequence[Shown]) -> int:
    """How many rows the entries under one key have: one each, except for the first.

    An order that was placed twice is listed as an order, unless a repeat of an earlier placement came before both.
    """
    rows = -1
    for one in entries:
        best = min((other for other in entries if not _must_differ(other, one)), key=precedence)
        is_of_order = best is not one and bool(best["facts"].get("digest") and one["facts"].get("digest"))
        rows += not is_of_order
    return rows


def _must_differ(one: Shown, other: Shown) -> bool:
    """Whether two entries are of different requests for certain."""
    return bool(_asked(one) != _asked(other))


def _must_be_same(one: Shown, other: Shown) -> bool:
    """Whether two entries are of one request for certain."""
    return all(one[name] == other[name] for name in ("kind", "scope", "actor", "reason", "reference", "moves", "facts"))


def _asked(entry: Shown) -> Any:
    """What an entry shows of its request, and what the state of its node did not decide."""
    kind, facts = entry["kind"], entry["facts"]
    if kind == "order":
        return kind, entry["reference"], "place" if entry["reason"] in PLACED else entry["reason"]
    if kind == "document":
        return kind, slot_of(facts), facts["value"]
    if kind == "void":
        return kind
    lines = [(line["sku"], line["quantity"]) for line in entry["lines"]]
    told = [row[:2] for name in ("adjusted", "quarantine", "count") for row in facts.get(name, ())]
    till = (entry["actor"], entry["reference"], facts.get("original")) if kind in ("sale", "return") else ()
    return kind, entry["scope"], lines, told, till
