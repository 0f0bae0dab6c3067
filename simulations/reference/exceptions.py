"""What a node of a chain lists for a person: `GET /v1/exceptions`, from the entries of its journal.

All of it follows from the entries, except `differences`, and from the moment: conflicts of prices and promotions end by
themselves. So it is the same after a restart. A page has the first or the
last rows of the whole list, or those of the first or the last orders (`page`).

    collisions      duplicates and key conflicts
    edits           lost edits
    wrong_clocks    clocks of nodes and tills
    price_documents overrides past the limits, and promotions in each other's way
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from simulations.reference.catalogue import one_form
from simulations.reference.clocks import time_text, told_ms
from simulations.reference.collisions import Collisions
from simulations.reference.edits import current_documents, edit_faults, version_of
from simulations.reference.entries import Rows, Shown, at_ms_of, hash_of, node_of, unlike
from simulations.reference.journal import breach_of
from simulations.reference.order_traces import OrderTrace, order_traces
from simulations.reference.price_documents import price_documents
from simulations.reference.wrong_clocks import clocks, till_clocks

NEWEST_LAST = ("duplicates", "key_conflicts", "clocks", "till_clocks")
NEWEST_LAST_BY_ORDER = ("shortages", "reports")
FIRST_BY_ORDER = ("waiting",)
FIRST = (
    *("breaches", "barcode_conflicts", "recipe_conflicts", "price_conflicts", "promotion_conflicts", "lost_edits"),
    *("repeated_receipts", "questioned_returns"),
)
LISTS = (*NEWEST_LAST, *NEWEST_LAST_BY_ORDER, *FIRST_BY_ORDER, *FIRST)

LOST_EDITS_MAX = 8
"""Of more lost edits of one document than this, a node keeps some."""


class Exceptions:
    """The exceptions of one node at a moment, from the public JSON of its entries in order of arrival."""

    def __init__(self, entries: Iterable[Shown], now_ms: int, edits_max: int = LOST_EDITS_MAX) -> None:
        self._entries = list(entries)
        self._edits_max = edits_max
        self._of_hash = {one["hash"]: one for one in self._entries}
        self._orders = order_traces(self._entries)
        self._collisions = Collisions(self._entries, self._orders)
        self._documents = current_documents(self._entries)
        self._now_ms = now_ms
        writes = [one for one in self._entries if one["kind"] == "document"]
        self._prices = price_documents((one["facts"], version_of(one)) for one in writes)

    def faults(self, shown: Mapping[str, Any]) -> Iterator[str]:
        """Where the whole lists that a node shows differ from what follows from its entries."""
        for found in self.faults_of_lists(shown).values():
            yield from found

    def faults_of_lists(self, shown: Mapping[str, Any]) -> dict[str, list[str]]:
        """The faults of each list. Duplicates and key conflicts count as one."""
        expected: dict[str, Rows] = {
            "breaches": list(self._breaches()),
            "shortages": self._of_orders("shown_shortages", _first_selection),
            "reports": self._of_orders("shown_reports", _first_report),
            "waiting": self._of_orders("shown_waiting", _first_waiting),
            "barcode_conflicts": list(self._barcode_conflicts()),
            "recipe_conflicts": list(self._recipe_conflicts()),
            "price_conflicts": self._prices.price_conflicts(self._now_ms),
            "promotion_conflicts": self._prices.promotion_conflicts(self._now_ms),
            "questioned_returns": list(self._questioned_returns()),
            "repeated_receipts": list(self._repeated_receipts()),
            "clocks": clocks(self._entries),
            "till_clocks": till_clocks(self._entries),
        }
        faults = {
            name: [f"lists {unlike(shown[name], rows)} under {name}"] if shown[name] != rows else []
            for name, rows in expected.items()
        }
        faults["duplicates"] = list(self._collisions.faults(shown["duplicates"], shown["key_conflicts"]))
        faults["lost_edits"] = list(edit_faults(self._entries, shown["lost_edits"], self._edits_max))
        faults["unreadable"] = [f"lists {shown['unreadable']} unreadable entries"] if shown["unreadable"] else []
        return faults

    @property
    def breach_times(self) -> dict[tuple[str, str], str]:
        """When each breach began, by location and item."""
        return {(one["location"], one["item"]): one["since"] for one in self._breaches()}

    # orders ------------------------------------------------------------------------------------------------------

    def _of_orders(self, what: str, since: Callable[[OrderTrace], int]) -> Rows:
        """The rows of all orders that have any, by the stamp of the first."""
        found = [(since(one), one.name, getattr(one, what)) for one in self._orders.values() if since(one)]
        return [row for _, _, rows in sorted(found) for row in rows]

    # stock -------------------------------------------------------------------------------------------------------

    def _breaches(self) -> Iterator[dict[str, Any]]:
        """Accounts below zero, since the entry with which that began."""
        of_pair: dict[tuple[str, str], list[Shown]] = {}
        for one in self._entries:
            for item in dict.fromkeys(move["item"] for move in one["moves"]):
                of_pair.setdefault((one["scope"], item), []).append(one)
        for (location, item), entries in sorted(of_pair.items()):
            accounts: dict[str, int] = {}
            since = None
            for one in entries:
                was_breached = breach_of(accounts)
                for move in one["moves"]:
                    if move["item"] == item:
                        accounts[move["source"]] = accounts.get(move["source"], 0) - move["quantity"]
                        accounts[move["target"]] = accounts.get(move["target"], 0) + move["quantity"]
                since = since if was_breached else one["at"]
            if units := breach_of(accounts):
                inside = [(name.partition("/")[2], number) for name, number in accounts.items() if "/" in name]
                there = sum(number for bucket, number in inside if bucket not in ("held", "quarantine"))
                row = {"location": location, "item": item, "units": units, "short": max(0, -there), "since": since}
                yield row

    # documents ---------------------------------------------------------------------------------------------------

    def _barcode_conflicts(self) -> Iterator[dict[str, Any]]:
        skus = {sku: value for (kind, sku), value in self._documents.items() if kind == "sku" and value}
        claims: dict[str, dict[str, str]] = {}
        for sku, value in sorted(skus.items()):
            for code in value.get("barcodes", ()):
                claims.setdefault(one_form(code), {}).setdefault(sku, code)
        found = [
            {"barcode": next(iter(some.values())), "skus": list(some)} for some in claims.values() if len(some) > 1
        ]
        yield from sorted(found, key=lambda one: (one["barcode"], one["skus"]))

    def _recipe_conflicts(self) -> Iterator[dict[str, Any]]:
        skus = {sku: value["recipe"] for (kind, sku), value in self._documents.items() if kind == "sku" and value}
        for sku, recipe in sorted(skus.items()):
            users = sorted(other for other, items in skus.items() if sku in items)
            if users and sku not in recipe:
                yield {"sku": sku, "items": dict(sorted(recipe.items())), "skus": users}

    # till receipts -----------------------------------------------------------------------------------------------

    def _repeated_receipts(self) -> Iterator[dict[str, Any]]:
        """Receipts that a till used for several sales, or several returns, of one day. The newest come first."""
        found: dict[tuple[str, str, str, str, str], list[Shown]] = {}
        for one in self._entries:
            if one["kind"] in ("sale", "return") and one["reference"] and one["actor"]:
                name = (one["scope"], one["actor"], one["reference"], one["kind"], self._day(one))
                found[name] = [*found.pop(name, []), one]
        for (location, till, receipt, request, _), entries in reversed(found.items()):
            counting = [one for one in entries if not self._collisions.is_lost(one)]
            if len(counting) > 1:
                yield {
                    "location": location,
                    "till": till,
                    "receipt": receipt,
                    "request": request,
                    "movements": [{"movement": one["hash"], "node": node_of(one), "at": one["at"]} for one in counting],
                }

    def _questioned_returns(self) -> Iterator[dict[str, Any]]:
        """Returns that do not fit their sale. The receipts with the newest question come first."""
        found: dict[tuple[str, str], list[Shown]] = {}
        for one in self._entries:
            if one["kind"] in ("return", "return_correction") and "question" in one["facts"]:
                name = (one["scope"], one["facts"].get("original") or one["reference"])
                found[name] = [*found.pop(name, []), one]
        for (location, original), entries in reversed(found.items()):
            for one in entries:
                of = one["facts"].get("return")
                if self._collisions.is_lost(one) or (
                    of and self._collisions.is_lost(self._of_hash.get(hash_of(of), one))
                ):
                    continue
                reason, past = one["facts"]["question"]
                yield {
                    "location": location,
                    "original": original,
                    "reason": reason,
                    "lines": [{"sku": sku, "sold": sold, "returned": returned} for sku, sold, returned in past],
                    "movement": one["hash"],
                    "node": node_of(one),
                    "at": one["at"],
                }

    def _day(self, entry: Shown) -> str:
        """The day on which goods moved, in UTC: no plan gives a location a time zone."""
        at_ms = at_ms_of(entry)
        told = told_ms(entry["facts"].get("occurred_at"), at_ms)
        return time_text(told if told is not None else at_ms)[:10]


def page(whole: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """The lists of a page, cut from those of a page that has all."""
    found: dict[str, Any] = {name: whole[name][-limit:] for name in NEWEST_LAST}
    found |= {name: whole[name][:limit] for name in FIRST}
    for name in (*NEWEST_LAST_BY_ORDER, *FIRST_BY_ORDER):
        orders = list(dict.fromkeys(row["order"] for row in whole[name]))
        shown = orders[:limit] if name in FIRST_BY_ORDER else orders[-limit:]
        found[name] = [row for row in whole[name] if row["order"] in shown]
    return found


def _first_selection(order: OrderTrace) -> int:
    return min((one["clock"] for one in order.selections), default=0)


def _first_report(order: OrderTrace) -> int:
    return min((one["clock"] for one in order.reports), default=0)


def _first_waiting(order: OrderTrace) -> int:
    return min((one["clock"] for one in order.waiting), default=0)
