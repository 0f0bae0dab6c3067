"""What a person should look at: `GET /v1/exceptions` of one node, as far as one node alone can cause it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simulations.reference.clocks import is_impossible, moment_text, time_text
from simulations.reference.journal import Entry, Journal, breach_of
from simulations.reference.orders import Orders
from simulations.reference.price_documents import price_documents
from simulations.reference.reading import limit

NONE: Mapping[str, Any] = {
    "shortages": [],
    "duplicates": [],
    "key_conflicts": [],
    "barcode_conflicts": [],
    "recipe_conflicts": [],
    "lost_edits": [],
    "late_transfers": [],
    "transfer_discrepancies": [],
    "differences": [],
    "unreadable": 0,
}
"""What only several nodes lead to."""


def exceptions(journal: Journal, orders: Orders, query: Mapping[str, str], now_ms: int) -> dict[str, Any]:
    """The newest exceptions, as many of each sort as a page has."""
    size = limit(query)
    of_orders, has_more = orders.exceptions(size)
    writes = [one for one in journal.entries if one.kind == "document"]
    prices = price_documents((one.facts, (one.facts["version"], one.stamp, one.writer)) for one in writes)
    found: dict[str, list[Any]] = {
        "price_conflicts": prices.price_conflicts(now_ms),
        "promotion_conflicts": prices.promotion_conflicts(now_ms),
        "breaches": list(_breaches(journal)),
        "repeated_receipts": list(_repeated_receipts(journal)),
        "questioned_returns": list(_questioned_returns(journal)),
    }
    clocks = {"clocks": list(_clocks(journal)), "till_clocks": list(_till_clocks(journal))}
    is_cut = has_more or any(len(some) > size for some in (*found.values(), *clocks.values()))
    oldest_first = {name: some[-size:] for name, some in clocks.items()}
    return {
        **NONE,
        **of_orders,
        **{name: some[:size] for name, some in found.items()},
        **oldest_first,
        "truncated": is_cut,
    }


def _breaches(journal: Journal) -> Iterator[dict[str, Any]]:
    """Accounts below zero, since the entry with which that began."""
    for location, item in sorted(journal.cells):
        accounts = journal.accounts(location, item)
        if not breach_of(accounts):
            continue
        began = None
        for entry in reversed([one for one in journal.entries if one.scope == location and item in one.items]):
            if not breach_of(accounts):
                break
            began = time_text(entry.at_ms)
            for name, source, target, units in entry.moves:
                if name == item:
                    accounts[source] += units
                    accounts[target] -= units
        yield {
            "location": location,
            "item": item,
            "units": journal.breach(location, item),
            "short": max(0, -journal.available(location, item)),
            "since": began,
        }


def _repeated_receipts(journal: Journal) -> Iterator[dict[str, Any]]:
    """Receipts that a till used for several sales, or several returns. The newest come first."""
    found: dict[tuple[str, str, str, str], list[Entry]] = {}
    for entry in journal.entries:
        if entry.kind in ("sale", "return") and entry.reference and entry.actor:
            name = (entry.scope, entry.actor, entry.reference, entry.kind)
            found[name] = [*found.pop(name, []), entry]
    for (location, till, receipt, request), entries in reversed(found.items()):
        if len(entries) > 1:
            yield {
                "location": location,
                "till": till,
                "receipt": receipt,
                "request": request,
                "movements": [{"movement": one.hash, "node": one.node, "at": time_text(one.at_ms)} for one in entries],
            }


def _questioned_returns(journal: Journal) -> Iterator[dict[str, Any]]:
    """Returns that do not fit their sale. The receipts with the newest question come first."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in journal.entries:
        if "question" in entry.facts:
            name = (entry.scope, entry.facts.get("original") or entry.reference)
            found[name] = [*found.pop(name, []), entry]
    for (location, original), entries in reversed(found.items()):
        for entry in entries:
            reason, past = entry.facts["question"]
            yield {
                "location": location,
                "original": original,
                "reason": reason,
                "lines": [{"sku": sku, "sold": sold, "returned": returned} for sku, sold, returned in past],
                "movement": entry.hash,
                "node": entry.node,
                "at": time_text(entry.at_ms),
            }


def _clocks(journal: Journal) -> Iterator[dict[str, Any]]:
    """Nodes whose stamps are, or were, far ahead of their wall clock, because that clock was wrong before."""
    found: dict[str, dict[str, Any]] = {}
    for entry in sorted(journal.entries, key=lambda one: one.stamp):
        known, at = found.get(entry.writer), time_text(entry.at_ms)
        is_going = known is not None and known["until"] is None
        if entry.drift_ms:
            since = known["since"] if known is not None and is_going else at
            name = {"node": entry.node, "by": entry.node}
            found[entry.writer] = {**name, "ahead_ms": entry.drift_ms, "since": since, "at": at, "until": None}
        elif known is not None and is_going:
            known["until"] = at
    yield from sorted(found.values(), key=lambda one: (one["at"], one["node"]))


def _till_clocks(journal: Journal) -> Iterator[dict[str, Any]]:
    """Tills whose last time could not be true, and since when; or until when, if they are right again."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in journal.entries:
        occurred = entry.facts.get("occurred_at")
        if occurred is None or entry.of is not None:
            continue
        name, at = (entry.scope, entry.actor), time_text(entry.at_ms)
        known = found.get(name)
        if is_impossible(occurred, entry.at_ms):
            since = known["since"] if known is not None and known["until"] is None else at
            found.pop(name, None)
            found[name] = {
                "location": entry.scope,
                "till": entry.actor,
                "node": entry.node,
                "movement": entry.hash,
                "occurred_at": moment_text(occurred),
                "at": at,
                "since": since,
                "until": None,
            }
        elif known is not None and entry.told_ms is not None and known["until"] is None:
            known["until"] = at
    yield from sorted(found.values(), key=lambda one: (one["at"], str(one["movement"])))
