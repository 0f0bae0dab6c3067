"""What the entries of one journal show about each order, in the plainest way.

fulfilments     begun by the first step that names one, or split off another one. The newest step says its state
asked           events that could not happen at once: they came early, or another node decides
settled         what became of such an event, at each fulfilment; the empty name stands for all of them
reports         events that changed nothing
placements      the first entry of each placement. Of several for one request, the earliest stands
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from simulations.reference.clocks import time_text
from simulations.reference.entries import Shown, at_ms_of, hash_of, node_of, precedence
from simulations.reference.fulfilments import (
    ENDED,
    HANDED_OUT,
    HOLDING,
    REPEAT,
    REPORTS_MAX,
    Fulfilment,
    Order,
    least_advanced,
)
from simulations.reference.lots import divide_named, lots_of, quantities
from simulations.reference.order_events import OF_ALL_HUBS

NOT_REPORTED = (REPEAT, "covered", "unchanged", "passed_on", "duplicate")


@dataclass(kw_only=True)
class FulfilmentTrace(Fulfilment):
    """One fulfilment. `voids`: the entries that say that it is undone, because its placement lost."""

    is_divided: bool = False
    """Whether parts were split off it. If they had all units, it holds none, whatever its state is."""
    voids: list[str] = field(default_factory=list)
    promised: tuple[int, str, int, int] | None = None
    """When its goods were to leave, by which carrier, and between which moments they were to arrive."""
    past: list[tuple[Shown, str]] = field(default_factory=list)
    """What happened to it: each entry, and the state that it led to, or nothing if it changed none."""

    def remember(self, entry: Shown, to: str = "") -> None:
        """Note an entry about it, and the state that it led to."""
        self.past.append((entry, to))
        if to:
            self.go_to(to, entry["reason"], entry["facts"]["act"])

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it holds, or what left with the customer, by SKU."""
        total = quantities(self.held or self.sold)
        return [{"sku": sku, "quantity": quantity} for sku, quantity in sorted(total.items())]

    @property
    def delivery(self) -> dict[str, Any]:
        """What was promised, and what happened. Nothing without a promise, or if it ended before its goods left."""
        if self.promised is None or self.state in ENDED:
            return {}
        leaves_ms, carrier, earliest_ms, latest_ms = self.promised
        left_ms, arrived_ms = self._first("ship", "collect"), self._first("deliver", "collect")
        times = {"earliest": earliest_ms, "latest": latest_ms, "left_at": left_ms, "arrived_at": arrived_ms}
        is_late = (left_ms or 0) > leaves_ms or (latest_ms and (arrived_ms or 0) > latest_ms)
        shown = {
            "dispatch_at": time_text(leaves_ms),
            **({"carrier": carrier} if carrier else {}),
            **{name: time_text(time_ms) for name, time_ms in times.items() if time_ms},
            **({"is_late": True} if is_late else {}),
        }
        return {"delivery": shown}

    def _first(self, *events: str) -> int | None:
        """When the first of some events happened; None if none did."""
        return min((at_ms_of(entry) for entry, to in self.past if to and entry["reason"] in events), default=None)

    @property
    def history(self) -> list[dict[str, Any]]:
        """What happened to it, by stamp: of events without an effect, only the first."""
        rows, state, reports = [], "", 0
        for entry, to in sorted(self.past, key=lambda one: _age(one[0])):
            state, act = to or state, entry["facts"]["act"]
            reports += act == "report"
            row = {"at": entry["at"], "event": entry["reason"], "act": act, "state": state, "movement": entry["hash"]}
            if act != "report" or reports <= REPORTS_MAX:
                goods_at = entry["facts"].get("goods_at")
                rows.append({**row, "goods_at": goods_at} if goods_at else row)
        return rows


@dataclass
class OrderTrace(Order[FulfilmentTrace]):
    """One order."""

    placements: list[Shown] = field(default_factory=list)
    asked: list[Shown] = field(default_factory=list)
    settled: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """By the hash of the event that waited, and by fulfilment: the outcomes."""
    reports: list[Shown] = field(default_factory=list)

    def take(self, entry: Shown) -> None:
        """Take in the next entry about the order."""
        facts = entry["facts"]
        act, name = facts["act"], facts.get("fulfilment", "")
        if facts.get("settles"):
            outcomes = self.settled.setdefault(hash_of(facts["settles"]), {})
            outcomes.setdefault("" if _is_of_goods(facts) else name, []).append(facts.get("outcome", ""))
        if act == "step":
            self._step(entry, facts, name)
        elif act == "split" and name in self.fulfilments:
            self._split(entry, facts, self.fulfilments[name], name)
        elif act in ("park", "ask", "take_back"):
            self.asked.append(entry)
        elif act == "report" and not _is_of_goods(facts):
            if facts["outcome"] not in NOT_REPORTED:
                self.reports.append(entry)
            if name in self.fulfilments:
                self.fulfilments[name].deal_with(facts.get("number", 0), facts.get("tellings", ()))
                self.fulfilments[name].remember(entry)
        elif act == "hand_over" and name in self.fulfilments:
            self.fulfilments[name].owner = facts["to"]
            self.fulfilments[name].remember(entry)
        elif act == "void":
            self._void(entry, facts, name)

    def _step(self, entry: Shown, facts: Shown, name: str) -> None:
        if facts.get("digest") and facts.get("shown"):
            self.placements = sorted([*self.placements, entry], key=precedence)
        new = FulfilmentTrace(
            id=name,
            location=entry["scope"],
            owner=node_of(entry),
            state=facts["to"],
            instead_of=facts.get("instead_of", ""),
            promised=tuple(facts["promised"]) if "promised" in facts else None,
        )
        fulfilment = self.fulfilments.setdefault(name, new)
        fulfilment.expires_ms = facts.get("expires_ms", 0)
        fulfilment.deal_with(facts.get("number", 0), facts.get("tellings", ()))
        fulfilment.remember(entry, facts["to"])
        fulfilment.barcodes = [*fulfilment.barcodes, *map(tuple, facts.get("barcodes", ()))]
        _, fulfilment.held = divide_named(fulfilment.held, facts.get("reversed", ()))
        fulfilment.held += lots_of(facts.get("taken", ()), entry["hash"])
        if facts["to"] in HANDED_OUT:
            _, fulfilment.sold = divide_named([*fulfilment.sold, *fulfilment.held], facts.get("returned", ()))
            fulfilment.held = []
        if facts.get("voids"):
            fulfilment.voids.append(entry["hash"])

    def _split(self, entry: Shown, facts: Shown, whole: FulfilmentTrace, name: str) -> None:
        part = FulfilmentTrace(
            id=facts["part"],
            location=whole.location,
            owner=whole.owner,
            state=facts["to"],
            barcodes=whole.barcodes,
            promised=whole.promised,
            part_of=name,
        )
        leaving, whole.held = divide_named(whole.held, facts["units"])
        part.sold = leaving if facts["to"] in HANDED_OUT else []
        whole.is_divided = True
        for one, to in ((whole, ""), (part, facts["to"])):
            one.deal_with(max(facts.get("number", 0), whole.number), facts.get("tellings", ()))
            one.remember(entry, to)
        self.fulfilments[part.id] = part

    def _void(self, entry: Shown, facts: Shown, name: str) -> None:
        if not name:
            self.settled.setdefault(hash_of(facts["voids"]), {}).setdefault("", []).append("void")
            return
        self.reports.append(entry)
        if name in self.fulfilments:
            self.fulfilments[name].voids.append(entry["hash"])
            self.fulfilments[name].remember(entry)

    # what follows ------------------------------------------------------------------------------------------------

    @property
    def shown(self) -> dict[str, Any]:
        """The order as `GET /v1/orders/{order}` shows it."""
        lost = self.lost
        states = [one.state for name, one in self.fulfilments.items() if name not in lost]
        first = self.placements[0] if self.placements else None
        return {
            "order": self.name,
            "state": least_advanced(states or [one.state for one in self.fulfilments.values()]),
            "channel": self.channel,
            "customer": first["facts"].get("customer", "") if first else "",
            "placed_at": first["at"] if first else None,
            "fulfilments": [_shown(name, one, name in lost) for name, one in sorted(self.fulfilments.items())],
            "waiting": self.shown_waiting,
            "reports": self.shown_reports,
        }

    @property
    def channel(self) -> str:
        """The channel of the placement that stands."""
        return self.placements[0]["facts"].get("channel", "") if self.placements else ""

    @property
    def begun(self) -> dict[str, str]:
        """The fulfilments that placements began, each with its location."""
        return {name: location for one in self.placements for name, location, *_ in one["facts"]["shown"]}

    @property
    def placed_by(self) -> list[str]:
        """The nodes that placed it."""
        return [node_of(one) for one in self.placements]

    @property
    def lost(self) -> list[str]:
        """The fulfilments that placements that lost began, those that replaced them, and their parts."""
        names = [shown[0] for lost, _ in self.duplicates() for shown in lost["facts"]["shown"]]
        for _ in self.fulfilments:
            names += [name for name, one in self.fulfilments.items() if {one.instead_of, one.part_of} & {*names}]
        return names

    @property
    def shown_reports(self) -> list[dict[str, Any]]:
        """The earliest events without an effect, as `reports` lists them."""
        return [
            {
                "order": self.name,
                "fulfilment": one["facts"].get("fulfilment", ""),
                "event": one["reason"],
                "outcome": one["facts"]["outcome"],
                "at": one["at"],
            }
            for one in sorted(self.reports, key=_age)[:REPORTS_MAX]
        ]

    @property
    def waiting(self) -> list[Shown]:
        """The events that still wait, in the order of their numbers."""
        return sorted((one for one in self.asked if self._waits(one)), key=_number)

    @property
    def shown_waiting(self) -> list[dict[str, Any]]:
        """The events that still wait, as `waiting` lists them."""
        return [self._shown_event(one) for one in self.waiting]

    def _waits(self, entry: Shown) -> bool:
        settled = self.settled.get(entry["hash"], {})
        if "" in settled or not settled:
            return not settled
        return any(
            name not in settled and self._concerns(entry, name, one) and not _is_of_goods(entry["facts"])
            for name, one in self.fulfilments.items()
        )

    @staticmethod
    def _concerns(entry: Shown, name: str, fulfilment: FulfilmentTrace) -> bool:
        event = _event(entry)
        of_all = not event.get("fulfilment") and (not fulfilment.part_of or event["event"] == "return")
        return (of_all or event.get("fulfilment") == name) and entry["scope"] in (OF_ALL_HUBS, fulfilment.location)

    def _shown_event(self, entry: Shown) -> dict[str, Any]:
        event, until_ms = _event(entry), entry["facts"].get("until_ms")
        named = event.get("fulfilment", "")
        if not self.fulfilments:
            reason = "unknown-order"
        else:
            reason = "unknown-fulfilment" if named and named not in self.fulfilments else "early"
        is_of_goods = entry["facts"]["act"] == "take_back"
        return {
            "order": self.name,
            "event": event["event"],
            "fulfilment": named,
            "since": entry["at"],
            "until": time_text(until_ms) if until_ms else None,
            "reason": reason if until_ms or (is_of_goods and reason != "early") else "owner",
        }

    @property
    def selections(self) -> list[Shown]:
        """The requests of hubs to revoke a fulfilment because its units are missing."""
        return sorted((one for one in self.asked if one["facts"].get("outcome") == "shortage"), key=_number)

    @property
    def shown_shortages(self) -> list[dict[str, Any]]:
        """The fulfilments that were selected, and what became of that, as `shortages` lists them."""
        return [self._shown_shortage(one) for one in self.selections if _event(one)["fulfilment"] in self.fulfilments]

    def _shown_shortage(self, entry: Shown) -> dict[str, Any]:
        name = _event(entry)["fulfilment"]
        outcome = self._outcome(entry["hash"])
        instead = [other for other, one in self.fulfilments.items() if one.instead_of == name]
        return {
            "order": self.name,
            "fulfilment": name,
            "location": self.fulfilments[name].location,
            "owner": self.fulfilments[name].owner,
            "named_by": node_of(entry),
            "named_at": entry["at"],
            "outcome": outcome or None,
            "instead": instead[0] if outcome == "moved" and instead else None,
        }

    def _outcome(self, event: str) -> str:
        """What became of an event. The owner's word stands, and of several any but a repeat."""
        settled = self.settled.get(event, {})
        by_owner = [one for name, outcomes in settled.items() if name for one in outcomes]
        return min(by_owner or settled.get("", [""]), key=lambda one: (one == REPEAT, one))

    def duplicates(self) -> Iterator[tuple[Shown, Shown]]:
        """Placements that lost, each with the one that stands for its request."""
        standing: dict[str, Shown] = {}
        for one in self.placements:
            first = standing.setdefault(one["facts"]["digest"], one)
            if first is not one:
                yield one, first

    def others(self) -> list[Shown]:
        """The placements that stand, if they are for different requests."""
        standing: dict[str, Shown] = {}
        for one in self.placements:
            standing.setdefault(one["facts"]["digest"], one)
        return list(standing.values()) if len(standing) > 1 else []

    def voids_of(self, lost: Shown) -> list[str]:
        """The entries that undo, or cannot undo any more, what a placement began."""
        begun = [shown[0] for shown in lost["facts"]["shown"] if shown[0] in self.fulfilments]
        return [void for name in begun for void in self.fulfilments[name].voids]

    def held_by(self, node: str) -> list[str]:
        """The fulfilments that a node owns, and whose state holds units."""
        return sorted(name for name, one in self.fulfilments.items() if one.owner == node and one.state in HOLDING)


def order_traces(entries: Iterable[Shown]) -> dict[str, OrderTrace]:
    """The orders that entries are about, by name."""
    orders: dict[str, OrderTrace] = {}
    for entry in entries:
        if entry["kind"] == "order":
            orders.setdefault(entry["reference"], OrderTrace(entry["reference"])).take(entry)
    return orders


def _shown(name: str, one: FulfilmentTrace, is_lost: bool) -> dict[str, Any]:
    row = {
        "id": name,
        "location": one.location,
        "owner": one.owner,
        "state": one.state,
        "expires_at": time_text(one.expires_ms) if one.state == "held" else None,
        "lines": one.lines,
        "history": one.history,
        "is_duplicate": is_lost,
    }
    return {**row, **({"part_of": one.part_of} if one.part_of else {}), **one.delivery}


def _age(entry: Shown) -> tuple[int, str]:
    return entry["clock"], entry["hash"]


def _number(entry: Shown) -> tuple[int, int, str]:
    return _event(entry).get("number", 0), entry["clock"], entry["hash"]


def _event(entry: Shown) -> Shown:
    event: Shown = entry["facts"]["request"]["event"]
    return event


def _is_of_goods(facts: Shown) -> bool:
    """Whether an entry takes goods back for another node, or says what became of such goods."""
    is_note = facts["act"] == "report" and facts["outcome"] in ("passed_on", "duplicate")
    return facts["act"] == "take_back" or is_note
