"""Clocks that are or were wrong, as the entries of one journal show them: those of nodes, and those of tills."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from simulations.reference.clocks import COUNTER, HEARD_AHEAD_MS, is_impossible, moment_text, time_text, told_ms
from simulations.reference.entries import Rows, Shown, at_ms_of, node_of


def clocks(entries: Iterable[Shown]) -> Rows:
    """Clocks of nodes, one row for each node and for who says so."""
    drifts: dict[str, list[_Fault]] = {}
    notices: dict[tuple[str, str, str], list[_Fault]] = {}
    newest: dict[str, int] = {}
    for one in entries:
        writer, facts, at_ms = one["writer"], one["facts"], at_ms_of(one)
        ahead_ms = one["clock"] // COUNTER - at_ms
        if one["clock"] >= newest.get(writer, 0):
            is_drift = ahead_ms > HEARD_AHEAD_MS
            if _note(drifts.setdefault(writer, []), at_ms, ahead_ms if is_drift else 0):
                newest[writer] = one["clock"]
        if one["kind"] == "notice" and "clock_of" in facts:
            _note(notices.setdefault((writer, one["scope"], facts["clock_of"]), []), at_ms, facts["ahead_ms"])
    rows: dict[tuple[str, str], list[_Fault]] = {}
    for writer, faults in drifts.items():
        node = writer.partition("#")[0]
        rows.setdefault((node, node), []).extend(faults[-1:])
    for (writer, _, peer), faults in notices.items():
        rows.setdefault((peer, writer.partition("#")[0]), []).extend(faults[-1:])
    found = [_clock_row(node, by, faults) for (node, by), faults in rows.items() if faults]
    return sorted(found, key=lambda one: (one["at"], one["node"], one["by"]))


def till_clocks(entries: Iterable[Shown]) -> Rows:
    """Tills whose last time could not be true, and since when; or until when, if they are right again."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in entries:
        occurred = one["facts"].get("occurred_at")
        if occurred is None or one["kind"] in ("void", "return_correction"):
            continue
        name, at_ms = (one["actor"], one["writer"], one["scope"]), at_ms_of(one)
        known = found.get(name)
        if is_impossible(occurred, at_ms):
            found[name] = {
                "location": one["scope"],
                "till": one["actor"],
                "node": node_of(one),
                "movement": one["hash"],
                "occurred_at": moment_text(occurred),
                "at": one["at"],
                "since": known["since"] if known is not None and known["until"] is None else one["at"],
                "until": None,
            }
        elif known is not None and known["until"] is None and told_ms(occurred, at_ms) is not None:
            known["until"] = one["at"]
    return sorted(found.values(), key=lambda one: (one["at"], one["movement"]))


class _Fault:
    """A clock that is or was wrong, as one stream shows it."""

    def __init__(self, since_ms: int, at_ms: int, ahead_ms: int) -> None:
        self.since_ms, self.at_ms, self.ahead_ms, self.until_ms = since_ms, at_ms, ahead_ms, 0


def _note(faults: list[_Fault], at_ms: int, ahead_ms: int) -> bool:
    """Note how far a clock was ahead at a time; 0: it was right. Returns whether it was wrong."""
    known = faults[-1] if faults and not faults[-1].until_ms else None
    if ahead_ms:
        faults.append(_Fault(known.since_ms if known is not None else at_ms, at_ms, ahead_ms))
    elif known is not None:
        known.until_ms = at_ms
    return bool(ahead_ms)


def _clock_row(node: str, by: str, faults: Sequence[_Fault]) -> dict[str, Any]:
    newest = max(faults, key=lambda one: one.at_ms)
    going = [one for one in faults if not one.until_ms]
    ends = [one.until_ms for one in faults if one.until_ms and (not going or one.until_ms >= newest.at_ms)]
    return {
        "node": node,
        "by": by,
        "ahead_ms": newest.ahead_ms,
        "since": time_text(min(one.since_ms for one in going or [newest])),
        "at": time_text(newest.at_ms),
        "until": time_text(min(ends)) if ends else None,
    }
