"""Orders of one store: what a customer holds, pays, collects, cancels and brings back.

An event that can happen now happens. One that can only happen later waits, at most an hour. One that cannot happen any
more changes nothing and is reported. A store owns its fulfilments, so it decides each event itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from simulations.reference.answers import Answer, Refusal
from simulations.reference.bodies import invalid
from simulations.reference.clocks import time_text
from simulations.reference.fulfilments import (
    EARLY,
    ENDED,
    HANDED_OUT,
    HOLDING,
    IMPOSSIBLE,
    REPEAT,
    REPEATABLE,
    SPLITTING,
    Fulfilment,
    Order,
    Waiting,
    ended,
    least_advanced,
    less,
    shown_as,
    verdict,
)
from simulations.reference.journal import Entry, Moves
from simulations.reference.movements import Draft, Place
from simulations.reference.order_bodies import check_lines
from simulations.reference.sourcing import Offer, Plan, promised, source, wanted, wanted_line

PARKED_MS = 3_600_000
"""How long an early event waits."""

WAITING_MAX = 64


class Record(Protocol):
    """Append an entry to the journal of the node."""

    def __call__(self, scope: str, draft: Draft, key: str, now_ms: int, asked: Any = None) -> Entry: ...


class Orders:
    """The orders of a store."""

    def __init__(self, place: Place, record: Record) -> None:
        self._place = place
        self._append = record
        self._orders: dict[str, Order] = {}
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
        one = Fulfilment(
            id=f"{place.node}.1",
            state="reserved" if asked["paid"] else "held",
            recipes={line.sku: line.recipe for line in lines},
            barcodes={
                line["barcode"]: found.sku
                for line, found in zip(asked["lines"], lines, strict=True)
                if line["barcode"] is not None
            },
            expires_ms=0 if asked["paid"] else now_ms + asked["ttl_s"] * 1000,
            held=plan.merged(place.location),
        )
        moves = plan.moves(place.location)
        event = "reserve" if asked["paid"] else "hold"
        order = self._orders.setdefault(asked["order"], Order(asked["order"]))
        entry = self._record(order, event, moves, now_ms, key, ("placement", asked))
        one.deal_with(entry, (event, "step", one.state), 0, ())
        order.placed, order.placement = entry, asked
        order.fulfilments[one.id] = one
        shown = [one.shown(place.location)]
        entry.answer = Answer(201, _answer(order, one.state, shown, expires_ms=one.expires_ms))
        return entry

    def _place_again(self, order: Order, asked: Mapping[str, Any], key: str, now_ms: int) -> Entry:
        """The order as it stands, as long as it holds something. A hold that is due holds nothing."""
        if asked != order.placement:
            raise Refusal("order-exists", "order")
        standing = [
            replace(one, state="expired") if 0 < one.expires_ms <= now_ms and one.state == "held" else one
            for one in order.fulfilments.values()
        ]
        state = least_advanced(one.state for one in standing)
        if all(one.state not in HOLDING for one in standing):
            raise ended(replace(order, fulfilments={one.id: one for one in standing}))
        entry = self._record(order, "hold", [], now_ms, key, ("placement", asked))
        expires_ms = min((one.expires_ms for one in standing if one.expires_ms), default=0)
        shown = [one.shown(self._place.location) for one in standing]
        entry.answer = Answer(201, _answer(order, state, shown, expires_ms=expires_ms))
        return entry

    # events ------------------------------------------------------------------------------------------------------

    def happen(self, name: str, asked: dict[str, Any], key: str, now_ms: int) -> Entry:
        """Let an event happen, wait or be reported. The entry has the answer."""
        check_lines(asked)
        request = ("event", name, asked)
        is_once = asked["event"] not in REPEATABLE and asked["lines"] is None
        told = None if asked["number"] or is_once else (key, repr(asked))
        order = self._orders.get(name) or Order(name)
        concerned = order.concerned(asked["fulfilment"])
        if not concerned:
            if order.fulfilments:
                raise Refusal("not-found", "fulfilment")
            entry = self._park(order, asked, told, now_ms, key, request)
            self._orders[name] = order
            self._do_what_is_due(order, now_ms)
            return entry
        verdicts = {one.id: verdict(order, one, asked, told) for one in concerned}
        open_to = [one for one in concerned if verdicts[one.id] not in (REPEAT, IMPOSSIBLE)]
        now = [one for one in open_to if verdicts[one.id] != EARLY]
        if asked["event"] == "return" and now:
            open_to = now
        happening = self._lines_for(asked, concerned, open_to, verdicts)
        if happening:
            entry = self._happen_to(order, happening, asked, concerned, verdicts, (key, request, told), now_ms)
        elif REPEAT in verdicts.values():
            entry = self._record(order, asked["event"], [], now_ms, key, request)
            outcomes = {one.id: REPEAT if verdicts[one.id] == REPEAT else "unchanged" for one in concerned}
            shown = {one.id: one.shown(self._place.location) for one in order.in_order}
            body = self._event_answer(order, shown, outcomes if asked["lines"] is None else {}, 0)
            entry.answer = Answer(200, body)
        else:
            going = [one for one in concerned if one.state not in ENDED] or concerned
            at, is_next = going[0], asked["number"] == 1 + max(one.number for one in concerned)
            entry = self._record(order, asked["event"], [], now_ms, key, request)
            # a number that is the next one counts, because later numbers wait for it
            self._report(order, entry, at, IMPOSSIBLE, asked["number"] if is_next else 0, told)
            facts = {"order": name, "fulfilment": at.id, "state": at.state}
            entry.answer = Refusal("invalid-transition", "event", **facts).answer
        self._do_what_is_due(order, now_ms)
        return entry

    def _happen_to(
        self,
        order: Order,
        happening: list[tuple[Fulfilment, Any]],
        asked: dict[str, Any],
        concerned: list[Fulfilment],
        verdicts: Mapping[str, str],
        caller: tuple[str, Any, Any],
        now_ms: int,
    ) -> Entry:
        """Let an event happen to some fulfilments, and wait for others. Returns the entry with the answer."""
        key, request, told = caller
        told_of = concerned if asked["lines"] is None else [one for one, _ in happening]
        outcomes = {one.id: REPEAT if verdicts[one.id] == REPEAT else "unchanged" for one in told_of}
        shown = {one.id: one.shown(self._place.location) for one in order.in_order}
        changed: dict[str, dict[str, Any]] = {}
        entries: list[Entry] = []
        early = [one.id for one, _ in happening if verdicts[one.id] == EARLY]
        if early:
            outcomes |= dict.fromkeys(early, "parked")
            entries.append(self._park(order, asked, told, now_ms, key, request))
        for one, lines in happening:
            if one.id in early:
                continue
            name = (key, request) if not entries else ("", None)
            event = {**asked, "lines": lines}
            entry, after = self._transition(order, one, event, verdicts[one.id], told, now_ms, *name)
            entries.append(entry)
            changed |= {each["id"]: each for each in after}
            del outcomes[one.id]
            outcomes[after[-1]["id"]] = "happened"
        first = entries[0]
        body = self._event_answer(order, {**shown, **changed}, outcomes, len(changed))
        if early:
            assert first.answer is not None
            body = {**first.answer.body, **body}
        first.answer = Answer(202 if early else 200, body)
        return first

    def _event_answer(
        self, order: Order, shown: Mapping[str, dict[str, Any]], outcomes: Mapping[str, str], changed: int
    ) -> dict[str, Any]:
        shown = dict(sorted(shown.items()))
        body = _answer(order, least_advanced(one["state"] for one in shown.values()), list(shown.values()))
        if len(outcomes) > 1 or changed > 1:
            body["outcomes"] = [
                {"fulfilment": name, "outcome": outcome, "state": shown[name]["state"]}
                for name, outcome in sorted(outcomes.items())
            ]
        return body

    def _lines_for(
        self,
        asked: Mapping[str, Any],
        concerned: list[Fulfilment],
        open_to: list[Fulfilment],
        verdicts: Mapping[str, str],
    ) -> list[tuple[Fulfilment, Any]]:
        """The fulfilments to which an event happens or for which it waits, with the lines that it names there."""
        lines = asked["lines"]
        if lines is None:
            return [(one, None) for one in open_to]
        if any(verdicts[one.id] == REPEAT for one in concerned):
            return []
        if len(open_to) < 2:
            return [(one, lines) for one in open_to]
        if asked["event"] == "return":
            return self._divided(lines, open_to)
        having = [one for one in open_to if self._has(one, one.held, lines)]
        if len(having) != 1:
            raise invalid("fulfilment")
        return [(having[0], lines)]

    def _has(self, one: Fulfilment, there: Mapping[str, int], lines: list[dict[str, Any]]) -> bool:
        try:
            one.named(lines, there, self._place.catalogue)
        except Refusal:
            return False
        return True

    def _divided(self, lines: list[dict[str, Any]], open_to: list[Fulfilment]) -> list[tuple[Fulfilment, Any]]:
        """Returned units that left in several parts: the first parts take them back first."""
        missing = [line["quantity"] for line in lines]
        shares = []
        for one in open_to:
            there, share = dict(one.sold), []
            for index, line in enumerate(lines):
                if (line["sku"] is None) == (line["barcode"] is None):
                    raise invalid(f"lines[{index}].sku")
                sku = line["sku"] or one.barcodes.get(line["barcode"], "")
                sku = sku or self._place.catalogue.scan(line["barcode"], f"lines[{index}].barcode", is_fact=True)
                quantity = min(missing[index], there.get(sku, 0))
                if quantity:
                    missing[index] -= quantity
                    there[sku] -= quantity
                    share.append({"sku": sku, "barcode": None, "quantity": quantity})
            if share:
                shares.append((one, share))
        for index, quantity in enumerate(missing):
            if quantity:
                raise invalid(f"lines[{index}].quantity")
        return shares

    def _transition(
        self,
        order: Order,
        one: Fulfilment,
        event: Mapping[str, Any],
        to: str,
        told: Any,
        now_ms: int,
        key: str = "",
        request: Any = None,
    ) -> tuple[Entry, list[dict[str, Any]]]:
        """Let an event happen to a fulfilment, or to a part. Returns the entry, and what it changed as answers show."""
        name, number = event["event"], event["number"]
        there = one.sold if name == "return" else one.held
        named = one.named(event["lines"], there, self._place.catalogue) if name not in ("pay", "pick") else {}
        instead = self._replacement(one, event["replacement"], named) if name == "exchange" else None
        if name == "adjust" and named == there:
            raise invalid("lines")
        moves = self._moves(name, one.units(named)) if instead is None else self._swap(one.units(named), instead)
        ids = () if told is None else (told,)
        location = self._place.location
        if name in SPLITTING and named != there:
            entry = self._record(order, name, moves, now_ms, key, request)
            count = sum(each.part_of == one.id for each in order.fulfilments.values())
            part = replace(one, id=f"{one.id}-{count + 1}", state=to, part_of=one.id, expires_ms=0, number=0)
            part.held, part.told, part.history = {}, set(), []
            part.sold = named if to in HANDED_OUT else {}
            one.held = less(one.held, named)
            order.fulfilments[part.id] = part
            number = max(number, one.number)
            one.deal_with(entry, (name, "split", ""), number, ids)
            part.deal_with(entry, (name, "split", to), number, ids)
            lines = [{"sku": sku, "quantity": quantity} for sku, quantity in named.items()]
            return entry, [one.shown(location), shown_as(part.id, location, to, lines)]
        before = one.lines
        entry = self._record(order, name, moves, now_ms, key, request)
        if name == "return":
            one.sold = less(one.sold, named)
        elif name not in ("pay", "pick"):
            one.held = less(one.held, named)
            one.sold = named if to in HANDED_OUT else {}
        for line in instead.lines if instead is not None else ():
            one.held[line.sku] = one.held.get(line.sku, 0) + line.quantity
            one.recipes = {**one.recipes, line.sku: line.recipe}
        one.state, one.expires_ms = to, one.expires_ms if to == "held" else 0
        one.deal_with(entry, (name, "step", to), number, ids)
        lines = one.lines if name in REPEATABLE else before
        return entry, [shown_as(one.id, location, to, lines)]

    def _moves(self, event: str, units: Mapping[str, int]) -> Moves:
        place = self._place
        source, target = {
            "return": ("customer", place.quarantine),
            "ship": (self._held, "customer"),
            "collect": (self._held, "customer"),
        }.get(event, (self._held, place.free))
        return [(item, source, target, number) for item, number in units.items()]

    def _replacement(self, one: Fulfilment, lines: list[dict[str, Any]], named: Mapping[str, int]) -> Plan:
        """What an exchange takes instead. The units that it gives back count for it."""
        place = self._place
        asked = [wanted_line(line, f"replacement[{index}]", place.catalogue) for index, line in enumerate(lines)]
        offer = Offer(place.node, place.journal, back=one.units(named))
        plan = source(offer, (), [replace(line, location=place.location) for line in asked])
        if plan.short:
            raise Refusal("insufficient-rights", None, lines=plan.short)
        return plan

    def _swap(self, back: Mapping[str, int], plan: Plan) -> Moves:
        """Units that an exchange both gives back and takes stay held if the free ones do not suffice."""
        place = self._place
        moves: Moves = []
        taken = {item: units for item, *_, units in plan.moves(place.location)}
        for item in dict.fromkeys([*back, *taken]):
            staying = max(0, taken.get(item, 0) - max(0, place.balance(item, place.free)))
            moves.append((item, self._held, place.free, back.get(item, 0) - staying))
            moves.append((item, place.free, self._held, taken.get(item, 0) - staying))
        return [move for move in moves if move[3]]

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

    def _do_what_is_due(self, order: Order, now_ms: int) -> None:
        while self._does_one_thing(order, now_ms):
            pass

    def _does_one_thing(self, order: Order, now_ms: int) -> bool:
        """The next thing that is due: an event that can happen, a hold that expires, an event that waited too long."""
        for waiting in order.parked:
            for one in order.in_order:
                if waiting.waits_for(one) and self._settles(order, one, waiting, now_ms):
                    return True
        for one in order.in_order:
            if 0 < one.expires_ms <= now_ms and one.state == "held":
                event = {"event": "expire", "number": 0, "lines": None}
                self._transition(order, one, event, "expired", None, now_ms)
                return True
        for waiting in order.waiting:
            if waiting.until_ms <= now_ms:
                entry = self._record(order, waiting.event["event"], [], now_ms)
                waiting.settled.append("")
                order.report(entry, "", "late")
                self._index(order)
                return True
        return False

    def _settles(self, order: Order, one: Fulfilment, waiting: Waiting, now_ms: int) -> bool:
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
            there = [(each, each.sold if event["event"] == "return" else each.held) for each in order.in_order]
            having = [each for each, units in there if self._has(each, units, event["lines"])]
            if waiting.settled:
                outcome = found = REPEAT
            elif having and one not in having:
                return False
        if found not in (REPEAT, IMPOSSIBLE):
            try:
                self._transition(order, one, event, found, told, now_ms)
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
    def _held(self) -> str:
        return f"{self._place.node}/held"

    def _record(self, order: Order, event: str, moves: Moves, now_ms: int, key: str = "", request: Any = None) -> Entry:
        draft = Draft("order", moves=moves, reason=event, reference=order.name)
        return self._append(self._place.location, draft, key, now_ms, request)

    def _park(self, order: Order, asked: dict[str, Any], told: Any, now_ms: int, key: str, request: Any) -> Entry:
        if len(order.waiting) >= WAITING_MAX:
            raise Refusal("overloaded", "order")
        entry = self._record(order, asked["event"], [], now_ms, key, request)
        until_ms = now_ms + PARKED_MS
        order.parked.append(Waiting(entry, asked, told, until_ms))
        order.parked.sort(key=lambda one: (one.event["number"], one.entry.stamp))
        shown = [one.shown(self._place.location) for one in order.in_order]
        body = _answer(order, order.state, shown)
        entry.answer = Answer(
            202, {**body, "waiting": "parked", "reason": order.reason(asked), "until": time_text(until_ms)}
        )
        self._index(order)
        return entry

    def _report(self, order: Order, entry: Entry, one: Fulfilment, outcome: str, number: int, told: Any) -> None:
        one.deal_with(entry, (entry.reason, "report", ""), number, () if told is None else (told,))
        if outcome != REPEAT:
            order.report(entry, one.id, outcome)
        self._index(order)

    def _index(self, order: Order) -> None:
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
            "fulfilments": [one.view(self._place.location, self._place.node) for one in order.in_order],
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


def _answer(order: Order, state: str, shown: Iterable[Any], expires_ms: int = 0) -> dict[str, Any]:
    body = {"order": order.name, "state": state, "fulfilments": list(shown)}
    return {**body, **({"expires_at": time_text(expires_ms)} if expires_ms else {})}
