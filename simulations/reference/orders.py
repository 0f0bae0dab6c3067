"""Orders of one store: what a customer holds, pays, collects, cancels and brings back.

An event that can happen now happens. One that can only happen later waits, at most an hour. One that cannot happen any
more changes nothing and is reported. A store owns its fulfilments, so it decides each event itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from simulations.reference.answers import Answer, Refusal
from simulations.reference.clocks import time_text
from simulations.reference.fulfilments import (
    EARLY,
    HANDED_OUT,
    HOLDING,
    IMPOSSIBLE,
    REPEAT,
    REPEATABLE,
    least_advanced,
    verdict,
)
from simulations.reference.journal import Entry, Moves
from simulations.reference.kept_orders import KeptFulfilment, KeptOrder, Waiting
from simulations.reference.lots import lot_of
from simulations.reference.movements import Draft, Place
from simulations.reference.order_events import PARKED_MS, Change, Decider, Decision, decide, less, transition
from simulations.reference.sourcing import Offer, promised, wanted


class Record(Protocol):
    """Append an entry to the journal of the node."""

    def __call__(self, scope: str, draft: Draft, key: str, now_ms: int, asked: Any = None) -> Entry: ...


class Orders:
    """The orders of a store."""

    def __init__(self, place: Place, record: Record) -> None:
        self._place = place
        self._append = record
        self._orders: dict[str, KeptOrder] = {}
        self._reported: dict[str, None] = {}
        """Orders with reports, in the order of their first report."""
        self._waiting: dict[str, None] = {}
        """Orders with events that wait."""

    # placing -----------------------------------------------------------------------------------------------------

    def place(self, asked: Mapping[str, Any], key: str, now_ms: int) -> Entry:
        """Hold what was ordered: all of it, or with `partial` what there is. The entry has the answer."""
        order = self._orders.get(asked["order"])
        if order is not None and order.placed is not None:
            entry = self._place_again(order, asked, key, now_ms)
        else:
            entry = self._place_first(asked, key, now_ms)
        self._do_what_is_due(self._orders[asked["order"]], now_ms)
        return entry

    def _place_first(self, asked: Mapping[str, Any], key: str, now_ms: int) -> Entry:
        place = self._place
        lines = wanted(asked, place.catalogue, (place.location,))
        plan = promised(Offer(place.node, place.journal), (place.location,), asked, lines)
        state = "reserved" if asked["paid"] else "held"
        one = KeptFulfilment(
            id=f"{place.node}.1",
            location=place.location,
            owner=place.node,
            state=state,
            barcodes=[
                (line["barcode"], found.sku)
                for line, found in zip(asked["lines"], lines, strict=True)
                if line["barcode"] is not None
            ],
            expires_ms=0 if asked["paid"] else now_ms + asked["ttl_s"] * 1000,
            held=[
                lot_of(lines[index].sku, lines[index].recipe, quantity, lambda item: place.free)
                for index, quantity in plan.taken[place.location].items()
            ],
        )
        event = "reserve" if asked["paid"] else "hold"
        order = self._orders.setdefault(asked["order"], KeptOrder(asked["order"]))
        entry = self._record(order, event, plan.moves(place.location), now_ms, key, ("placement", asked))
        one.note(entry, "step", state, 0, ())
        order.placed, order.placement = entry, asked
        order.fulfilments[one.id] = one
        entry.answer = Answer(201, _answer(order, state, [one.shown()], expires_ms=one.expires_ms))
        return entry

    def _place_again(self, order: KeptOrder, asked: Mapping[str, Any], key: str, now_ms: int) -> Entry:
        """The order as it stands, as long as it holds something. A hold that is due holds nothing."""
        if asked != order.placement:
            raise Refusal("order-exists", "order")
        standing = [
            replace(one, state="expired") if 0 < one.expires_ms <= now_ms and one.state == "held" else one
            for one in order.fulfilments.values()
        ]
        state = least_advanced(one.state for one in standing)
        if all(one.state not in HOLDING for one in standing):
            raise replace(order, fulfilments={one.id: one for one in standing}).ended
        entry = self._record(order, "hold", [], now_ms, key, ("placement", asked))
        expires_ms = min((one.expires_ms for one in standing if one.expires_ms), default=0)
        shown = [one.shown() for one in standing]
        entry.answer = Answer(201, _answer(order, state, shown, expires_ms=expires_ms))
        return entry

    # events ------------------------------------------------------------------------------------------------------

    def happen(self, asked: dict[str, Any], key: str, now_ms: int) -> Entry:
        """Let an event happen, wait or be reported. The entry has the answer.

        Nobody brings back goods of an order that the store does not know.
        """
        name, request = asked["order"], ("event", asked)
        is_once = asked["event"] not in REPEATABLE and asked["lines"] is None
        told = None if asked["number"] or is_once else (key, repr(asked))
        order = self._orders.get(name) or KeptOrder(name)
        before = {one.id: one.shown() for one in order.in_order}
        decision = decide(self._decider, order, asked, told)
        self._orders[name] = order
        if decision.act == "park":
            entry = self._park(order, asked, told, now_ms, key, request)
        elif decision.act in ("step", "split"):
            entry = self._change(order, decision.changes[0], asked, told, now_ms, key, request)
        else:
            entry = self._record(order, asked["event"], [], now_ms, key, request)
        for change in decision.changes if decision.act == "park" else decision.changes[1:]:
            self._change(order, change, asked, told, now_ms)
        entry.answer = self._event_answer(order, decision, before, entry)
        if decision.reported is not None:
            self._report(order, entry, decision.reported, IMPOSSIBLE, decision.number, told)
        self._do_what_is_due(order, now_ms)
        return entry

    def _event_answer(
        self, order: KeptOrder, decision: Decision[KeptFulfilment], before: Mapping[str, Any], entry: Entry
    ) -> Answer:
        """The answer to an event shows the fulfilments as the event leaves them."""
        if decision.reported is not None:
            one = decision.reported
            facts = {"order": order.name, "fulfilment": one.id, "state": one.state}
            return Refusal("invalid-transition", "event", **facts).answer
        shown = dict(sorted({**before, **decision.after}.items()))
        body = _answer(order, least_advanced(one["state"] for one in shown.values()), shown.values())
        if decision.outcomes:
            body["outcomes"] = [
                {"fulfilment": name, "outcome": outcome, "state": shown[name]["state"]}
                for name, outcome in sorted(decision.outcomes.items())
            ]
        if decision.act != "park":
            return Answer(200, body)
        waiting = next(one for one in order.parked if one.entry is entry)
        reason = order.reason(waiting.event)
        return Answer(202, {**body, "waiting": "parked", "reason": reason, "until": time_text(waiting.until_ms)})

    def _change(
        self,
        order: KeptOrder,
        change: Change[KeptFulfilment],
        event: Mapping[str, Any],
        told: Any,
        now_ms: int,
        key: str = "",
        request: Any = None,
    ) -> Entry:
        """Write a change of a fulfilment, and keep it."""
        one, name, number = change.of, event["event"], event["number"]
        assert one is not None
        ids = () if told is None else (told,)
        entry = self._record(order, name, change.moves, now_ms, key, request)
        if change.act == "split":
            number = max(number, one.number)
            part = KeptFulfilment(
                id=change.part,
                location=one.location,
                owner=one.owner,
                state=change.to,
                barcodes=one.barcodes,
                sold=change.lots if change.to in HANDED_OUT else [],
                part_of=one.id,
                is_declined=name == "decline",
            )
            one.held = less(one.held, change.lots)
            order.fulfilments[part.id] = part
            one.note(entry, "split", "", number, ids)
            part.note(entry, "split", change.to, number, ids)
            return entry
        if name == "return":
            one.sold = less(one.sold, change.lots)
        elif name != "deliver":
            one.held = [*less(one.held, change.lots), *change.taken]
            one.sold = change.lots if change.to in HANDED_OUT else []
        one.barcodes = [*one.barcodes, *change.barcodes]
        one.expires_ms = one.expires_ms if change.to in ("held", "declined") else 0
        one.is_declined = name == "decline"
        one.note(entry, "step", change.to, number, ids)
        return entry

    # what a node does by itself ----------------------------------------------------------------------------------

    def is_due(self, name: str, now_ms: int) -> bool:
        """Whether the node has something to do about an order because of the time."""
        order = self._orders[name]
        expires = any(0 < one.expires_ms <= now_ms for one in order.fulfilments.values())
        return expires or any(one.until_ms <= now_ms for one in order.waiting)

    @property
    def names(self) -> list[str]:
        """All orders."""
        return list(self._orders)

    def keep(self, name: str, now_ms: int) -> None:
        """Do what is due about an order: expire it, and report events that waited too long."""
        self._do_what_is_due(self._orders[name], now_ms)

    def _do_what_is_due(self, order: KeptOrder, now_ms: int) -> None:
        while self._does_one_thing(order, now_ms):
            pass

    def _does_one_thing(self, order: KeptOrder, now_ms: int) -> bool:
        """The next thing that is due: an event that can happen, a hold that expires, an event that waited too long.

        First of all, what the store declined: it may promise nothing elsewhere, so it says that nobody sends it.
        """
        for one in order.fulfilments.values():
            if one.is_declined:
                one.is_declined = False
                entry = self._record(order, "decline", [], now_ms)
                self._report(order, entry, one, "nowhere", 0, None)
                return True
        for waiting in order.parked:
            for one in order.in_order:
                if waiting.waits_for(one) and self._settles(order, one, waiting, now_ms):
                    return True
        for one in order.in_order:
            if 0 < one.expires_ms <= now_ms and one.state == "held":
                event = {"event": "expire", "number": 0, "lines": None}
                self._change(order, transition(self._decider, order, one, event, "expired"), event, None, now_ms)
                return True
        for waiting in order.waiting:
            if waiting.until_ms <= now_ms:
                entry = self._record(order, waiting.event["event"], [], now_ms)
                waiting.settled.append("")
                order.report(entry, "", "late")
                self._index(order)
                return True
        return False

    def _settles(self, order: KeptOrder, one: KeptFulfilment, waiting: Waiting, now_ms: int) -> bool:
        """Let a waiting event happen to a fulfilment, or report why it cannot. False if it still waits."""
        event, told = waiting.event, waiting.told
        found = verdict(order, one, event, told)
        names_units = event["lines"] is not None
        if names_units and told is not None and any(told in each.told for each in order.fulfilments.values()):
            found = REPEAT
        if found == EARLY:
            return False
        outcome = REPEAT if found == REPEAT else IMPOSSIBLE
        if names_units and not event["fulfilment"] and found not in (REPEAT, IMPOSSIBLE):
            catalogue = self._place.catalogue
            having = [each for each in order.in_order if each.has(event["lines"], event["event"], catalogue)]
            if waiting.settled:
                outcome = found = REPEAT
            elif having and one not in having:
                return False
        if found not in (REPEAT, IMPOSSIBLE):
            try:
                self._change(order, transition(self._decider, order, one, event, found), event, told, now_ms)
                waiting.settled.append(one.id)
                self._index(order)
                return True
            except Refusal as refusal:
                is_excess = event["event"] == "return" and (refusal.field or "").startswith("lines")
                is_short = refusal.kind == "insufficient-rights"
                outcome = "excess" if is_excess else "short" if is_short else IMPOSSIBLE
        entry = self._record(order, event["event"], [], now_ms)
        waiting.settled.append(one.id)
        self._report(order, entry, one, outcome, event["number"] if outcome != REPEAT else 0, told)
        return True

    # entries -----------------------------------------------------------------------------------------------------

    @property
    def _decider(self) -> Decider:
        place = self._place
        offer = Offer(place.node, place.journal)
        return Decider(place.node, place.catalogue, lambda channel: offer, counter=place.location)

    def _record(
        self, order: KeptOrder, event: str, moves: Moves, now_ms: int, key: str = "", request: Any = None
    ) -> Entry:
        draft = Draft("order", moves=moves, reason=event, reference=order.name)
        return self._append(self._place.location, draft, key, now_ms, request)

    def _park(self, order: KeptOrder, asked: dict[str, Any], told: Any, now_ms: int, key: str, request: Any) -> Entry:
        entry = self._record(order, asked["event"], [], now_ms, key, request)
        order.parked.append(Waiting(entry, asked, told, now_ms + PARKED_MS))
        order.parked.sort(key=lambda one: (one.event["number"], one.entry.stamp))
        self._index(order)
        return entry

    def _report(
        self, order: KeptOrder, entry: Entry, one: KeptFulfilment, outcome: str, number: int, told: Any
    ) -> None:
        one.note(entry, "report", "", number, () if told is None else (told,))
        if outcome != REPEAT:
            order.report(entry, one.id, outcome)
        self._index(order)

    def _index(self, order: KeptOrder) -> None:
        if order.reports:
            self._reported[order.name] = None
        if order.waiting:
            self._waiting[order.name] = None
        else:
            self._waiting.pop(order.name, None)

    # reads -------------------------------------------------------------------------------------------------------

    def view(self, name: str) -> dict[str, Any]:
        """`GET /v1/orders/{order}`."""
        order = self._orders.get(name)
        if order is None:
            raise Refusal("not-found", "order")
        return {
            "order": name,
            "state": order.state,
            "channel": order.placement.get("channel", ""),
            "customer": order.placement.get("customer", ""),
            "placed_at": time_text(order.placed.at_ms) if order.placed is not None else None,
            "fulfilments": [one.view() for one in order.in_order],
            "waiting": order.shown_waiting(),
            "reports": order.reports,
        }

    def _waiting_since(self, name: str) -> int:
        return min(one.entry.stamp for one in self._orders[name].waiting)

    def exceptions(self, size: int) -> tuple[dict[str, list[Any]], bool]:
        """The reports and waiting events of as many orders as a page has, and whether there are more."""
        reported, waiting = list(self._reported), sorted(self._waiting, key=self._waiting_since)
        shown = {
            "reports": [one for name in reported[-size:] for one in self._orders[name].reports],
            "waiting": [one for name in waiting[:size] for one in self._orders[name].shown_waiting()],
        }
        return shown, max(len(reported), len(waiting)) > size


def _answer(order: KeptOrder, state: str, shown: Iterable[Any], expires_ms: int = 0) -> dict[str, Any]:
    body = {"order": order.name, "state": state, "fulfilments": list(shown)}
    return {**body, **({"expires_at": time_text(expires_ms)} if expires_ms else {})}
