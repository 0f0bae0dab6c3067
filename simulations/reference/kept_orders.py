"""Orders as a store keeps them: with what happened to each fulfilment, the events that wait, and the reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulations.reference.answers import Refusal
from simulations.reference.clocks import time_text
from simulations.reference.fulfilments import REPORTS_MAX, Fulfilment, Order
from simulations.reference.journal import Entry
from simulations.reference.lots import quantities


@dataclass
class Past:
    """One thing that happened to a fulfilment. `state`: what it led to; empty if it changed no state."""

    entry: Entry
    event: str
    act: str
    state: str = ""


@dataclass(kw_only=True)
class KeptFulfilment(Fulfilment):
    """A fulfilment with its history."""

    history: list[Past] = field(default_factory=list)
    is_declined: bool = False
    """Whether the store declined it, and has yet to say that nobody else sends it."""

    def note(self, entry: Entry, act: str, state: str, number: int, told: Iterable[Any]) -> None:
        """Note an entry about it: its act, the state that it led to, the number of its event, and the request."""
        self.deal_with(number, told)
        if state:
            self.go_to(state, entry.reason, act)
        self.history.append(Past(entry, entry.reason, act, state))
        for report in [one for one in self.history if one.act == "report"][REPORTS_MAX:]:
            self.history.remove(report)

    def view(self) -> dict[str, Any]:
        """Itself in `GET /v1/orders/{order}`, with all that happened to it."""
        history, state = [], ""
        for past in self.history:
            state = past.state or state
            told = {"event": past.event, "act": past.act, "state": state, "movement": past.entry.hash}
            history.append({"at": time_text(past.entry.at_ms), **told})
        lines = quantities(self.held or self.sold)
        return {
            "id": self.id,
            "location": self.location,
            "owner": self.owner,
            "state": self.state,
            "expires_at": time_text(self.expires_ms) if self.state == "held" else None,
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()],
            "history": history,
            "is_duplicate": False,
            **({"part_of": self.part_of} if self.part_of else {}),
        }


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
class KeptOrder(Order[KeptFulfilment]):
    """An order at one location."""

    placed: Entry | None = None
    placement: Mapping[str, Any] = field(default_factory=dict)
    parked: list[Waiting] = field(default_factory=list)
    """In order of their numbers, then of arrival."""
    reports: list[dict[str, Any]] = field(default_factory=list)

    @property
    def waiting(self) -> list[Waiting]:
        """The events that still wait."""
        return [
            one
            for one in self.parked
            if "" not in one.settled
            and (not one.settled or any(one.waits_for(each) for each in self.fulfilments.values()))
        ]

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

    @property
    def ended(self) -> Refusal:
        """The refusal of an order that was placed before and promises nothing any more."""
        return Refusal("order-ended", "order", order=self.name, state=self.state)
