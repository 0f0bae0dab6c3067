"""Documents of a chain: the current value of each, and the edits that lost against another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from simulations.reference.entries import Rows, Shown, node_of, unlike

Slot = tuple[str, str, int, str]
"""The kind, the key, the rank and the region or store of a document."""

Version = tuple[int, int, str]
"""Version, stamp and writer of a write. Of all writes of a document, the one with the greatest stands."""


def edit_faults(entries: Iterable[Shown], shown: Rows, edits_max: int) -> Iterator[str]:
    """A write is lost if no other write names it as replaced, and it neither won nor says what the winner says.

    A node forgets the oldest lost edits of a document beyond `edits_max`, and does not name them when it writes.
    """
    writes: dict[Slot, dict[Version, Shown]] = {}
    replaced: dict[Slot, dict[Version, None]] = {}
    standing: dict[Slot, dict[Version, None]] = {}
    """The writes that no write before an entry had replaced."""
    cut: dict[Slot, None] = {}
    for one in entries:
        if one["kind"] == "document":
            facts = one["facts"]
            slot = slot_of(facts)
            writes.setdefault(slot, {})[version_of(one)] = one
            names = [(version, clock, writer) for version, clock, writer in facts.get("replaces", ())]
            replaced.setdefault(slot, {}).update(dict.fromkeys(names))
            left = [name for name in standing.get(slot, ()) if name not in names]
            standing[slot] = dict.fromkeys([*left, version_of(one)])
            if len(left) > edits_max:
                cut[slot] = None
    listed: dict[Slot, Rows] = {}
    for row in shown:
        listed.setdefault(slot_of(row), []).append(row)
    stamps, any_is_cut = [], False
    for slot, of_slot in writes.items():
        best = of_slot[max(of_slot)]
        lost = [one for name, one in of_slot.items() if name not in replaced[slot] and one is not best]
        others = [one for one in lost if one["facts"]["value"] != best["facts"]["value"]]
        rows = sorted(others, key=version_of, reverse=True)
        found, expected = listed.get(slot, []), [_edit_row(slot, best, one) for one in rows]
        is_cut = slot in cut
        if (found != expected) if not is_cut else any(one not in expected for one in found):
            yield f"lists {unlike(found, expected)} under lost_edits"
        any_is_cut = any_is_cut or is_cut
        if found:
            stamps.append((max(one["clock"] for one in (best, *lost)), slot))
    if not any_is_cut and not any(len(some) > 1 for some in listed.values()):
        order = [slot for _, slot in sorted(stamps, reverse=True)]
        if list(listed) != order:
            yield f"lists lost edits of {list(listed)}, and the newest first is {order}"


def current_documents(entries: Iterable[Shown]) -> dict[tuple[str, str], Any]:
    """The value of each document of the chain, by kind and key; None if it was cleared."""
    newest: dict[tuple[str, str], Shown] = {}
    for one in entries:
        if one["kind"] == "document" and one["facts"]["rank"] == 0:
            name = (one["facts"]["kind"], one["facts"]["key"])
            if name not in newest or version_of(one) > version_of(newest[name]):
                newest[name] = one
    return {name: one["facts"]["value"] for name, one in newest.items()}


def version_of(entry: Shown) -> Version:
    """The version of a write."""
    return entry["facts"]["version"], entry["clock"], entry["writer"]


def slot_of(named: Mapping[str, Any]) -> Slot:
    """The document that a write or a row is about."""
    return named["kind"], named["key"], named["rank"], named["at"]


def _edit_row(slot: Slot, standing: Shown, lost: Shown) -> dict[str, Any]:
    kind, key, rank, at = slot
    return {
        "kind": kind,
        "key": key,
        "rank": rank,
        "at": at,
        "standing": _edit(standing),
        "lost": _edit(lost),
    }


def _edit(entry: Shown) -> dict[str, Any]:
    facts = entry["facts"]
    return {"node": node_of(entry), "at": entry["at"], "version": facts["version"], "value": facts["value"]}
