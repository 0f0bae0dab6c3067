"""What an event of an order leads to at a node, by what the node knows.

An event concerns the fulfilment that it names, or all. At each of those it is one of these:

    possible        it happens now, if this node owns the fulfilment
    early           it waits, because it can happen later
    repeat          it happened before
    impossible      it can never happen, so nothing changes

Only the owner of a fulfilment decides about it. A node asks the owner to let a cancellation or a return happen, and
refuses every other event. A store takes back goods of fulfilments that it does not own, because they are in hand.
The table of transitions is the default one. The bounds of one fulfilment (its items, events and returns) are left out,
because no client comes near them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic

from simulations.reference.answers import Refusal
from simulations.reference.bodies import invalid
from simulations.reference.catalogue import Catalogue
from simulations.reference.fulfilments import (
    EARLY,
    ENDED,
    IMPOSSIBLE,
    REPEAT,
    REPEATABLE,
    SPLITTING,
    AnyFulfilment,
    Order,
    shown_as,
    verdict,
)
from simulations.reference.journal import Moves
from simulations.reference.lots import Lot, divide, lot_of, moved, quantities, size, units
from simulations.reference.order_bodies import check_lines
from simulations.reference.sourcing import Offer, source, wanted_line

OF_ALL_HUBS = "@hubs"
WAITING_MAX = 64

PARKED_MS = 3_600_000
"""How long an early event waits."""

Lines = list[dict[str, Any]] | None
"""The lines of an event. None: all units."""


@dataclass(frozen=True)
class Decider:
    """What a node decides with. `offer`: what it may promise to the orders of a channel."""

    node: str
    catalogue: Catalogue
    offer: Callable[[str], Offer]
    counter: str = ""
    """The location where customers bring goods back to a store. Empty at a hub."""

    @property
    def held(self) -> str:
        """The account of the units that the node holds for orders."""
        return f"{self.node}/held"


@dataclass
class Change(Generic[AnyFulfilment]):
    """What happens to one fulfilment now. `of`: None where goods come back of fulfilments that nobody named."""

    act: str
    of: AnyFulfilment | None
    location: str
    to: str = ""
    moves: Moves = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)
    """The units that the event names."""
    taken: list[Lot] = field(default_factory=list)
    """The units that an exchange takes instead."""
    barcodes: list[tuple[str, str]] = field(default_factory=list)
    part: str = ""
    after: list[dict[str, Any]] = field(default_factory=list)
    """The fulfilment as it leaves it, and the part that it was split into."""


@dataclass
class Decision(Generic[AnyFulfilment]):
    """What an event leads to. The first entry that a node writes for it gives the answer."""

    act: str
    location: str
    """Of the first entry."""
    changes: list[Change[AnyFulfilment]] = field(default_factory=list)
    waiting: list[AnyFulfilment] = field(default_factory=list)
    asked: list[AnyFulfilment] = field(default_factory=list)
    reported: AnyFulfilment | None = None
    """The fulfilment that a report of an impossible event names."""
    number: int = 0
    """The number that this report counts."""
    outcomes: dict[str, str] = field(default_factory=dict)
    """By fulfilment, if the event concerned several or a part."""

    @property
    def moves(self) -> Moves:
        """The moves of the first entry."""
        return self.changes[0].moves if self.act in ("step", "split", "take_back") else []

    @property
    def after(self) -> dict[str, dict[str, Any]]:
        """The fulfilments that change, as answers show them."""
        return {shown["id"]: shown for change in self.changes for shown in change.after}


def decide(
    decider: Decider, order: Order[AnyFulfilment], asked: Mapping[str, Any], told: Any
) -> Decision[AnyFulfilment]:
    """What an event leads to. `told`: the name of the request, if it may come again. Raises a refusal."""
    check_lines(asked)
    concerned, is_return = order.concerned(asked["fulfilment"]), asked["event"] == "return"
    if is_return and decider.counter and _is_of_others(decider, order, asked, concerned):
        change = _take_back(decider, order, asked)
        return Decision("take_back", change.location, [change])
    if not concerned:
        if not _may_come(decider, order, asked["fulfilment"]):
            raise Refusal("not-found", "fulfilment")
        _check_room(order)
        return Decision("park", decider.counter or OF_ALL_HUBS)
    _check_named(decider, order, asked, concerned)
    verdicts = {one.id: verdict(order, one, asked, told) for one in concerned}
    open_to = [one for one in concerned if verdicts[one.id] not in (REPEAT, IMPOSSIBLE)]
    now = [one for one in open_to if verdicts[one.id] != EARLY]
    if is_return and now:
        open_to = now  # goods that come back now were handed out before
    _check_owner(decider, asked, concerned, open_to)
    happening = _lines_for(decider, asked, concerned, open_to, verdicts)
    of = concerned if asked["lines"] is None else [one for one, _ in happening]
    outcomes = {one.id: REPEAT if verdicts[one.id] == REPEAT else "unchanged" for one in of}
    found = Decision[AnyFulfilment]("", "")
    for one, lines in happening:
        its_event = {**asked, "lines": lines}
        if one.owner != decider.node:
            outcomes[one.id] = "asked"
            if is_return and decider.counter:
                found.changes.append(_take_back(decider, order, {**its_event, "fulfilment": one.id}, one))
            else:
                found.asked.append(one)
        elif verdicts[one.id] == EARLY:
            outcomes[one.id] = "parked"
            found.waiting.append(one)
        else:
            change = transition(decider, order, one, its_event, verdicts[one.id])
            found.changes.append(change)
            del outcomes[one.id]
            outcomes[change.part or one.id] = "happened"
    if found.waiting:
        _check_room(order)
    if len(outcomes) > 1 or len(found.after) > 1:
        found.outcomes = outcomes
    _begin(decider, found, asked, concerned, verdicts, open_to)
    return found


def _begin(
    decider: Decider,
    found: Decision[AnyFulfilment],
    asked: Mapping[str, Any],
    concerned: list[AnyFulfilment],
    verdicts: Mapping[str, str],
    open_to: list[AnyFulfilment],
) -> None:
    """Say what the first entry is."""
    if found.waiting:
        found.act, found.location = "park", found.waiting[0].location
    elif found.changes:
        found.act, found.location = found.changes[0].act, found.changes[0].location
    elif found.asked:
        found.act, found.location = "ask", found.asked[0].location
    elif REPEAT in verdicts.values():
        found.act, found.location = "repeat", concerned[0].location
    else:
        counting = [
            one
            for one in _passed_by(asked["number"], concerned, verdicts, open_to)
            if one.owner == decider.node or verdicts[one.id] == EARLY
        ]
        found.reported = [*counting, *_going_on(concerned)][0]
        found.act, found.location = "report", found.reported.location
        found.number = asked["number"] if counting else 0  # later numbers wait for the one that is next


def _going_on(concerned: list[AnyFulfilment]) -> list[AnyFulfilment]:
    return [one for one in concerned if one.state not in ENDED] or concerned


def _passed_by(
    number: int, concerned: list[AnyFulfilment], verdicts: Mapping[str, str], open_to: list[AnyFulfilment]
) -> list[AnyFulfilment]:
    """The fulfilments, one of each family, whose next number is that of an event which never happens there."""
    found = []
    for whole in dict.fromkeys(one.whole for one in _going_on(concerned)) if number else ():
        family = [one for one in concerned if one.whole == whole]
        takes_part = any(one in open_to or verdicts[one.id] == REPEAT for one in family)
        if not takes_part and number == 1 + max(one.number for one in family):
            found.append(_going_on(family)[0])
    return found


def _check_room(order: Order[AnyFulfilment]) -> None:
    if len(order.waiting) >= WAITING_MAX:
        raise Refusal("overloaded", "order")


def _check_named(
    decider: Decider, order: Order[AnyFulfilment], asked: Mapping[str, Any], concerned: Iterable[AnyFulfilment]
) -> None:
    """Each fulfilment counts its own numbers. A store that sees some parts of an order cannot know what came back."""
    wholes = dict.fromkeys(one.whole for one in concerned)
    if asked["number"] and asked["lines"] is not None and len(wholes) > 1:
        raise invalid("fulfilment")
    is_of_all = asked["event"] == "return" and not asked["fulfilment"] and asked["lines"] is None
    if is_of_all and decider.counter and not order.is_seen_whole:
        raise invalid("lines")


def _check_owner(
    decider: Decider, asked: Mapping[str, Any], concerned: list[AnyFulfilment], open_to: list[AnyFulfilment]
) -> None:
    """A node asks the owner about a cancellation or a return only."""
    others = [one for one in open_to if one.owner != decider.node]
    if not others and all(one.owner != decider.node for one in concerned):
        others = concerned
    if others and asked["event"] not in ("cancel", "return"):
        raise Refusal("not-owner", "fulfilment", owner=others[0].owner)


def _may_come(decider: Decider, order: Order[AnyFulfilment], name: str) -> bool:
    """Whether the node may still hear of a fulfilment that it does not know, or of an order.

    A placement names its fulfilments. Another node that takes part may have begun one, which has the name of that node
    and a number, or split a part off its own. A store hears only of those at its location.
    """
    if not order.fulfilments:
        return True
    whole = whole_of(name)
    missing = whole if whole and whole not in order.fulfilments else name
    if missing in order.begun and decider.counter in ("", order.begun[missing]):
        return True
    if whole in order.fulfilments and order.fulfilments[whole].owner != decider.node:
        return True
    by, _, number = missing.rpartition(".")
    others = {*order.placed_by, *(one.owner for one in order.fulfilments.values())} - {decider.node}
    return not decider.counter and number.isdigit() and by in others


def whole_of(name: str) -> str:
    """The fulfilment that a part is of, by its name: `hub-east.1-2` is the second part of `hub-east.1`."""
    whole, _, number = name.rpartition("-")
    return whole if number.isdigit() and whole.rpartition(".")[2].isdigit() else ""


# lines ---------------------------------------------------------------------------------------------------------------


def _lines_for(
    decider: Decider,
    asked: Mapping[str, Any],
    concerned: list[AnyFulfilment],
    open_to: list[AnyFulfilment],
    verdicts: Mapping[str, str],
) -> list[tuple[AnyFulfilment, Lines]]:
    """The fulfilments to which an event happens or for which it waits, with the lines that it names there."""
    lines = asked["lines"]
    if lines is None:
        return [(one, None) for one in open_to]
    if any(verdicts[one.id] == REPEAT for one in concerned):
        return []
    if len(open_to) < 2:
        return [(one, lines) for one in open_to]
    is_return = asked["event"] == "return"
    if is_return and len({(one.location, one.owner) for one in open_to}) == 1 and open_to[0].owner == decider.node:
        return _shared_out(lines, open_to, decider.catalogue)
    having = [one for one in open_to if one.has(lines, asked["event"], decider.catalogue)]
    if len(having) == 1:
        return [(having[0], lines)]
    if is_return and decider.counter and not having and len({one.location for one in open_to}) == 1:
        return _shared_out(lines, open_to, decider.catalogue)
    raise invalid("fulfilment")


def _shared_out(
    lines: list[dict[str, Any]], fulfilments: Sequence[AnyFulfilment], catalogue: Catalogue
) -> list[tuple[AnyFulfilment, Lines]]:
    """The lines of a return, divided over fulfilments that were handed out. Raises a refusal if some units are left."""
    shares, missing = share_out(lines, fulfilments, catalogue)
    for index, quantity in enumerate(missing):
        if quantity:
            raise invalid(f"lines[{index}].quantity")
    return [(one, share) for one, share in shares]


def share_out(
    lines: list[dict[str, Any]], fulfilments: Sequence[AnyFulfilment], catalogue: Catalogue
) -> tuple[list[tuple[AnyFulfilment, list[dict[str, Any]]]], list[int]]:
    """Returned units that left in several parts: the first ones take them back first. And what is left of each line."""
    missing = [line["quantity"] for line in lines]
    shares = []
    for one in fulfilments:
        there, share = quantities(one.sold), []
        for index, line in enumerate(lines):
            for sku in one.skus(line, f"lines[{index}]", catalogue):
                quantity = min(missing[index], there.get(sku, 0))
                if quantity:
                    missing[index] -= quantity
                    there[sku] -= quantity
                    share.append({"sku": sku, "barcode": None, "quantity": quantity})
        if share:
            shares.append((one, share))
    return shares, missing


# goods of others -----------------------------------------------------------------------------------------------------


def _is_of_others(
    decider: Decider, order: Order[AnyFulfilment], asked: Mapping[str, Any], concerned: Sequence[AnyFulfilment]
) -> bool:
    """Whether returned goods are of fulfilments of other nodes, or of parts that this store does not see."""
    if all(one.owner != decider.node for one in concerned):
        return True
    if asked["fulfilment"] or asked["lines"] is None or order.is_seen_whole:
        return False
    return any(share_out(asked["lines"], concerned, decider.catalogue)[1])


def _take_back(
    decider: Decider, order: Order[AnyFulfilment], asked: Mapping[str, Any], of: AnyFulfilment | None = None
) -> Change[AnyFulfilment]:
    """Goods in hand go to quarantine: what left, if the node knows that, or the lines by the recipes of today."""
    lots = _taken_back(decider, order, asked)
    target = f"{decider.node}/quarantine"
    moves = moved(lots, lambda account: ("customer", target))
    return Change("take_back", of, decider.counter, moves=moves, lots=lots)


def _taken_back(decider: Decider, order: Order[AnyFulfilment], asked: Mapping[str, Any]) -> list[Lot]:
    concerned, lines, catalogue = order.concerned(asked["fulfilment"]), asked["lines"], decider.catalogue
    if len(concerned) == 1 and concerned[0].sold and asked["fulfilment"]:
        return concerned[0].named(lines, concerned[0].sold, catalogue)
    if lines is None:
        sold = [lot for one in concerned for lot in one.sold]
        if not sold or not order.is_seen_whole:
            raise invalid("lines")
        return sold
    shares, missing = share_out(lines, concerned, catalogue)
    if shares and not any(missing):
        return [lot for one, share in shares for lot in one.named(share, one.sold, catalogue)]
    goods = [wanted_line(line, f"lines[{index}]", catalogue, is_fact=True) for index, line in enumerate(lines)]
    return [lot_of(one.sku, one.recipe, one.quantity, lambda item: "customer") for one in goods]


# transitions ---------------------------------------------------------------------------------------------------------


def transition(
    decider: Decider, order: Order[AnyFulfilment], one: AnyFulfilment, asked: Mapping[str, Any], to: str
) -> Change[AnyFulfilment]:
    """An event happens to a fulfilment of this node, or to a part of it. Raises a refusal."""
    name, there = asked["event"], one.sold if asked["event"] == "return" else one.held
    named = [] if name in ("pay", "pick", "deliver") else one.named(asked["lines"], there, decider.catalogue)
    if name == "exchange":
        return _exchange(decider, order, one, asked["replacement"], named, to)
    if name == "adjust" and size(named) == size(there):
        raise invalid("lines")
    change = Change("step", one, one.location, to, moved(named, _route(decider, name)), named)
    if name in SPLITTING and size(named) != size(there):
        count = sum(each.part_of == one.id for each in order.fulfilments.values())
        change.act, change.part = "split", f"{one.id}-{count + 1}"
        change.after = [
            shown_as(one.id, one.location, one.state, less(one.held, named)),
            shown_as(change.part, one.location, to, named),
        ]
    elif name in REPEATABLE:
        change.after = [shown_as(one.id, one.location, to, less(there, named))]
    else:
        change.after = [shown_as(one.id, one.location, to, one.held or one.sold)]
    return change


def _route(decider: Decider, event: str) -> Callable[[str], tuple[str, str]]:
    """Where the units go that an event names, by where they came from."""
    if event == "return":
        return lambda account: ("customer", f"{decider.node}/quarantine")
    if event in ("ship", "collect"):
        return lambda account: (decider.held, "customer")
    return lambda account: (decider.held, account)


def less(lots: Sequence[Lot], named: Iterable[Lot]) -> list[Lot]:
    """What is left of some lots without others."""
    rest = list(lots)
    for lot in named:
        _, rest = divide(rest, (lot.sku,), lot.quantity, lot.taken)
    return rest


def _exchange(
    decider: Decider,
    order: Order[AnyFulfilment],
    one: AnyFulfilment,
    replacement: list[dict[str, Any]],
    back: list[Lot],
    to: str,
) -> Change[AnyFulfilment]:
    """Units for others of the same location. What it gives back counts for it.

    Free units are taken first. If they do not suffice, units that it both gives back and takes stay held.
    """
    asked = [wanted_line(line, f"replacement[{index}]", decider.catalogue) for index, line in enumerate(replacement)]
    given, given_of = units(back), dict[str, int]()
    for (item, _), number in given.items():
        given_of[item] = given_of.get(item, 0) + number
    offer = replace(decider.offer(order.channel), back=given_of)
    plan = source(offer, (), [replace(line, location=one.location) for line in asked])
    if plan.short:
        raise Refusal("insufficient-rights", None, lines=plan.short)
    moves: Moves = []
    for item, account, held, number in plan.moves(one.location):
        staying = max(0, number - offer.units(one.location, item) + given_of.get(item, 0))
        moves.append((item, account, held, number - staying))
        for source_account in sorted((name for of, name in given if of == item), key=account.__ne__):
            kept = min(staying, given[item, source_account])
            given[item, source_account] -= kept
            staying -= kept
    moves += [(item, decider.held, account, number) for (item, account), number in given.items()]
    taken = [lot_of(line.sku, line.recipe, line.quantity, partial(offer.account, one.location)) for line in asked]
    shown = shown_as(one.id, one.location, to, [*less(one.held, back), *taken])
    barcodes = [
        (line["barcode"], found.sku)
        for line, found in zip(replacement, asked, strict=True)
        if line["barcode"] is not None
    ]
    moves = [move for move in moves if move[3]]
    return Change("step", one, one.location, to, moves, back, taken, barcodes, after=[shown])
