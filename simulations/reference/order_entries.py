"""The entry with which a node answers an event of an order: what it must say, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulations.reference.answers import in_any_order
from simulations.reference.fulfilments import IMPOSSIBLE, AnyFulfilment, Order, least_advanced
from simulations.reference.journal import Entry, shown_moves
from simulations.reference.lots import quantities
from simulations.reference.order_bodies import read_event
from simulations.reference.order_events import Decision


def expected_entry(
    decision: Decision[AnyFulfilment], order: Order[AnyFulfilment], asked: Mapping[str, Any]
) -> dict[str, Any]:
    """What the entry must say. The deadline of an event that waits is left out: it follows the clock of the node."""
    shown = dict(sorted({**{one.id: one.shown() for one in order.in_order}, **decision.after}.items()))
    of_act: dict[str, Any] = {}
    change = decision.changes[0] if decision.changes else None
    if decision.act in ("step", "split") and change is not None and change.of is not None:
        of_act = {"fulfilment": change.of.id, "to": change.to, "number": asked["number"]}
    if decision.act == "split" and change is not None:
        of_act["part"] = change.part
    if decision.act == "take_back" and change is not None:
        of_act["goods"] = in_any_order([list(one) for one in quantities(change.lots).items()])
    if decision.reported is not None:
        of_act = {"fulfilment": decision.reported.id, "outcome": IMPOSSIBLE, "number": decision.number}
    return {
        "scope": decision.location,
        "reason": asked["event"],
        "moves": in_any_order(shown_moves(decision.moves)),
        "request": asked,
        "act": decision.act,
        "state": least_advanced(one["state"] for one in shown.values()),
        "shown": [
            [name, one["location"], one["state"], [[line["sku"], line["quantity"]] for line in one.get("lines", ())]]
            for name, one in shown.items()
        ],
        "outcomes": [[name, outcome] for name, outcome in sorted(decision.outcomes.items())],
        **of_act,
    }


def said_by(entry: Entry) -> dict[str, Any]:
    """What an entry says. Facts that it leaves out have their defaults."""
    facts = entry.facts
    defaults: Mapping[str, Mapping[str, Any]] = {
        "step": {"fulfilment": "", "to": "", "number": 0},
        "split": {"fulfilment": "", "to": "", "number": 0, "part": ""},
        "report": {"fulfilment": "", "outcome": "", "number": 0},
    }
    goods: dict[str, int] = {}
    for _, sku, quantity, *_ in facts.get("goods", ()):
        goods[sku] = goods.get(sku, 0) + quantity
    return {
        "scope": entry.scope,
        "reason": entry.reason,
        "moves": shown_moves(entry.moves),
        "request": event_of(facts),
        "act": facts["act"],
        "state": facts.get("state", ""),
        "shown": facts.get("shown", []),
        "outcomes": facts.get("outcomes", []),
        **{name: facts.get(name, default) for name, default in defaults.get(facts["act"], {}).items()},
        **({"goods": [list(one) for one in goods.items()]} if goods else {}),
    }


def event_of(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """The event that an entry answers, in its normal form; None if it answers none."""
    request = facts.get("share_of") or facts.get("request") or {}
    if "event" not in request:
        return None
    fields = dict(request["event"])
    return read_event(fields.pop("order"), fields)
