"""Orders and their fulfilments: the states, the events that lead from one to another, and the units that they hold.

An order at one location begins with one fulfilment. If a part of it is shipped, collected or cancelled, that part
becomes a fulfilment of its own. All of them count numbered events together, unless an event names one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulations.reference.answers import Refusal
from simulations.reference.bodies import invalid
from simulations.reference.catalogue import Catalogue, Recipe, units_of
from simulations.reference.clocks import time_text
from simulations.reference.journal import Entry

STATES = (
    *("held", "reserved", "amended", "exchanged", "picking"),
    *("shipped", "collected", "returned"),
    *("expired", "cancelled"),
)
"""From the least advanced to the most advanced."""

ENDED = ("expired", "cancelled")
HOLDING = ("held", "reserved", "amended", "exchanged", "picking")
HANDED_OUT = ("shipped", "collected", "returned")

_paid = ("reserved", "amended", "exchanged")

TABLE: Mapping[str, Mapping[str, str]] = {
    "pay": {"held": "reserved"},
    "adjust": {"held": "held", **dict.fromkeys(_paid, "amended")},
    "exchange": {"held": "held", **dict.fromkeys(_paid, "exchanged")},
    "pick": dict.fromkeys(_paid, "picking"),
    "ship": dict.fromkeys((*_paid, "picking"), "shipped"),
    "collect": dict.fromkeys(HOLDING, "collected"),
    "return": dict.fromkeys(HANDED_OUT, "returned"),
    "expire": {"held": "expired"},
    "cancel": dict.fromkeys(HOLDING, "cancelled"),
}
"""For each event: the states that it may follow, and the state that it leads to."""

REPEATABLE = ("adjust", "exchange", "return")
"""Events that may happen again, to other units. Every other event happens once."""

SPLITTING = ("ship", "collect", "cancel")
"""Events that may concern a part, which becomes a fulfilment of its own."""

REPEAT, EARLY, IMPOSSIBLE = "repeat", "early", "impossible"
REPORTS_MAX = 16


@dataclass
class Past:
    """One thing that happened to a fulfilment. `state`: what it led to; empty if it changed no state."""

    entry: Entry
    event: str
    act: str
    state: str = ""


@dataclass
class Fulfilment:
    """A fulfilment. `held` and `sold` are the quantity of each SKU."""

    id: str
    state: str
    recipes: Mapping[str, Recipe]
    barcodes: Mapping[str, str]
    """The SKU that each barcode in the order meant then."""
    expires_ms: int = 0
    number: int = 0
    """The number of the last event that it dealt with."""
    held: dict[str, int] = field(default_factory=dict)
    sold: dict[str, int] = field(default_factory=dict)
    told: set[Any] = field(default_factory=set)
    """Requests of some units that it dealt with."""
    history: list[Past] = field(default_factory=list)
    part_of: str = ""

    def happened(self, event: str) -> bool:
        """Whether an event changed its state before."""
        return any(past.event == event and past.state for past in self.history)

    def deal_with(self, entry: Entry, past: tuple[str, str, str], number: int, told: Iterable[Any]) -> None:
        """Note an entry about it: event, act and state, the number of the event, and the request."""
        self.number = max(self.number, number)
        self.told |= set(told)
        self.history.append(Past(entry, *past))
        for report in [one for one in self.history if one.act == "report"][REPORTS_MAX:]:
            self.history.remove(report)

    def units(self, quantities: Mapping[str, int]) -> dict[str, int]:
        """The units of each item in some of its SKUs."""
        return units_of((self.recipes[sku], quantity) for sku, quantity in quantities.items())

    def named(
        self, lines: list[dict[str, Any]] | None, there: Mapping[str, int], catalogue: Catalogue
    ) -> dict[str, int]:
        """How many of each SKU some lines name. Raises a refusal if they name more than is there."""
        if lines is None:
            return dict(there)
        if not there:
            raise invalid("lines")
        left, found = dict(there), dict[str, int]()
        for index, line in enumerate(lines):
            if (line["sku"] is None) == (line["barcode"] is None):
                raise invalid(f"lines[{index}].sku")
            sku = line["sku"] or self.barcodes.get(line["barcode"], "")
            sku = sku or catalogue.scan(line["barcode"], f"lines[{index}].barcode", is_fact=True)
            if left.get(sku, 0) < line["quantity"]:
                raise invalid(f"lines[{index}].quantity")
            left[sku] -= line["quantity"]
            found[sku] = found.get(sku, 0) + line["quantity"]
        return found

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it holds, or what the customer has."""
        return [{"sku": sku, "quantity": quantity} for sku, quantity in (self.held or self.sold).items()]

    def shown(self, location: str) -> dict[str, Any]:
        """Itself in an answer."""
        return shown_as(self.id, location, self.state, self.lines)

    def view(self, location: str, node: str) -> dict[str, Any]:
        """Itself in `GET /v1/orders/{order}`, with all that happened to it."""
        history, state = [], ""
        for past in self.history:
            state = past.state or state
            told = {"event": past.event, "act": past.act, "state": state, "movement": past.entry.hash}
            history.append({"at": time_text(past.entry.at_ms), **told})
        return {
            "id": self.id,
            "location": location,
            "owner": node,
            "state": self.state,
            "expires_at": time_text(self.expires_ms) if self.expires_ms else None,
            "lines": self.lines,
            "history": history,
            "is_duplicate": False,
            **({"part_of": self.part_of} if self.part_of else {}),
        }


def shown_as(name: str, location: str, state: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """A fulfilment in an answer."""
    return {"id": name, "location": location, "state": state, **({"lines": lines} if lines else {})}


def less(quantities: Mapping[str, int], named: Mapping[str, int]) -> dict[str, int]:
    """What is left of some quantities without others."""
    left = {sku: quantity - named.get(sku, 0) for sku, quantity in quantities.items()}
    return {sku: quantity for sku, quantity in left.items() if quantity}


@dataclass
class Waiting:
    """An event that came early."""

    entry: Entry
    event: dict[str, Any]
    told: Any
    until_ms: int
    settled: list[str] = field(default_factory=list)
    """The fulfilments at which it happened or was reported. An empty text: it came too late for all."""

    def waits_for(self, one: Fulfilment) -> bool:
        """Whether it may still happen to a fulfilment. What left as a part can only come back."""
        if "" in self.settled or one.id in self.settled:
            return False
        if self.event["fulfilment"]:
            return bool(self.event["fulfilment"] == one.id)
        return not one.part_of or self.event["event"] == "return"


@dataclass
class Order:
    """An order at one location."""

    name: str
    placed: Entry | None = None
    placement: Mapping[str, Any] = field(default_factory=dict)
    fulfilments: dict[str, Fulfilment] = field(default_factory=dict)
    parked: list[Waiting] = field(default_factory=list)
    """In order of their numbers, then of arrival."""
    reports: list[dict[str, Any]] = field(default_factory=list)

    @property
    def state(self) -> str:
        """Of the whole order."""
        return least_advanced(one.state for one in self.fulfilments.values())

    @property
    def in_order(self) -> list[Fulfilment]:
        """The fulfilments by name."""
        return [one for _, one in sorted(self.fulfilments.items())]

    @property
    def waiting(self) -> list[Waiting]:
        """The events that still wait."""
        return [
            one
            for one in self.parked
            if "" not in one.settled
            and (not one.settled or any(one.waits_for(each) for each in self.fulfilments.values()))
        ]

    def concerned(self, name: str) -> list[Fulfilment]:
        """The fulfilments that an event concerns: the one it names, or all."""
        return [one for one in self.in_order if name in ("", one.id)]

    def reason(self, event: Mapping[str, Any]) -> str:
        """What an event waits for."""
        if not self.fulfilments:
            return "unknown-order"
        is_known = event["fulfilment"] in ("", *self.fulfilments)
        return "early" if is_known else "unknown-fulfilment"

    def shown_waiting(self) -> list[dict[str, Any]]:
        """The events that still wait, as answers show them."""
        return [
            {
                "order": self.name,
                "event": one.event["event"],
                "fulfilment": one.event["fulfilment"],
                "since": time_text(one.entry.at_ms),
                "until": time_text(one.until_ms),
                "reason": self.reason(one.event),
            }
            for one in self.waiting
        ]

    def report(self, entry: Entry, fulfilment: str, outcome: str) -> None:
        """Note an event that changed nothing."""
        shown = {"order": self.name, "fulfilment": fulfilment, "event": entry.reason, "outcome": outcome}
        self.reports = [*self.reports, {**shown, "at": time_text(entry.at_ms)}][:REPORTS_MAX]


def least_advanced(states: Iterable[str]) -> str:
    """The least advanced state of those that have not ended; if all have, of all."""
    found = list(states)
    return min([one for one in found if one not in ENDED] or found, key=STATES.index, default="none")


def verdict(order: Order, one: Fulfilment, event: Mapping[str, Any], told: Any) -> str:
    """The state that an event leads to at a fulfilment, or `repeat`, `early` or `impossible`."""
    name, number, names_units = event["event"], event["number"], event["lines"] is not None
    family = list(order.fulfilments.values())
    if number:
        known = one.number if event["fulfilment"] else max(each.number for each in family)
        if number <= (known if names_units else one.number):
            return REPEAT
        if number > known + 1:
            return EARLY
    elif any(told in each.told for each in (family if names_units else [one])) or (
        not names_units and one.happened(name) and (name not in REPEATABLE or (name == "return" and not one.sold))
    ):
        return REPEAT
    to = TABLE[name].get(one.state)
    if to is not None:
        return to
    over = {past.event for past in one.history if past.act == "step"} - set(REPEATABLE)
    return EARLY if any(state in TABLE[name] for state in reachable(one.state, over)) else IMPOSSIBLE


def reachable(state: str, over: Iterable[str]) -> set[str]:
    """The states that can follow, without events that are over."""
    found: set[str] = set()
    waiting = [state]
    while waiting:
        current = waiting.pop()
        after = {to[current] for event, to in TABLE.items() if event not in over and current in to}
        waiting += sorted(after - found)
        found |= after
    return found


def ended(order: Order) -> Refusal:
    """The refusal of an order that was placed before and promises nothing any more."""
    return Refusal("order-ended", "order", order=order.name, state=order.state)
