"""Shipments and arrivals of transfers: what moves, and when it is refused.

The sending location moves units out, `me/free → transit.T9`, and any location takes them in, `transit.T9 → me/free`.
The transit account has no owner and no floor, so a location may take in a parcel that it has not heard of. The balance
of the account says what is on its way. A negative balance says that more arrived than was sent.

An arrival is a fact: it is never refused because of what this node has heard. A shipment is a promise until the goods
leave, so the node ships only what it may promise; `on_shortage=record` says that they have left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import UNSET

from replica.core.base.errors import Invalid, RightsExhausted
from replica.core.catalog.skus import sellable
from replica.core.ledger.cells import Move
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, EntryLine
from replica.core.stock.lines import Resolved, goods_lines, occurred_at, received_lines, resolve, time_facts
from replica.core.stock.location_view import LocationView, Taken
from replica.core.stock.requests import GoodsLine, OnShortage
from replica.core.stock.transfer import Act, Transfer, Units
from replica.core.stock.transfer_numbers import check_transfer_number
from replica.core.stock.transfer_requests import (
    Arrival,
    Condition,
    ReceivedLine,
    ReceiveTransfer,
    Shipment,
    ShipTransfer,
)
from replica.core.stock.transfer_steps import (
    Noted,
    expected_at,
    expected_facts,
    known_transfer,
    noted_units,
    stepped,
    text_facts,
    wrong_state,
)
from replica.core.stock.transfers import TRANSFER, UNITS, transit_account


def prepare_shipment(view: LocationView, request: ShipTransfer) -> Draft:
    """Send goods of a transfer off, from the node's own free units.

    With RECORD they have left already, so the request, the approval and the rights refuse nothing. What exceeds the
    rights is a breach.

    Raises:
        TransferState: it is not approved, is cancelled, or is sent from another location.
        Invalid: more than what remains to be sent.
        RightsExhausted: the node may not promise these units.
    """
    transfer, shipment = known_transfer(view, request.transfer), request.shipment
    is_recorded = shipment.on_shortage is OnShortage.RECORD
    if transfer.source != view.location:
        raise wrong_state(transfer, f"Its goods leave from {transfer.source or 'a location not known here'}")
    if not is_recorded and not transfer.is_approved:
        raise wrong_state(transfer, "Nobody has approved it. Approve it first")
    if not is_recorded and transfer.is_cancelled:
        raise wrong_state(transfer, "It is cancelled. Request a new transfer")
    remaining = {item: one.remaining for item, one in transfer.units().items() if one.remaining}
    lines = shipment.lines if shipment.lines is not UNSET else _lines_of(transfer, remaining)
    moved = {**dict.fromkeys(view.ledger.stocks(view.location)), **dict.fromkeys(transfer.units())}
    resolved, units, facts = resolve(view.catalog, lines, moved=moved)
    if not is_recorded:
        _check_remaining(resolved, remaining)
    taken, breaches = Taken(view), []
    for _, recipe, quantity in resolved:
        short = {item: taken.take(view.free, item, number * quantity) for item, number in recipe}
        breaches.append(max(-(-short[item] // number) for item, number in recipe))
    if taken.breach and not is_recorded:
        raise RightsExhausted(
            [{"item": item, "wanted": units[item], "free": units[item] - short} for item, short in taken.breach.items()]
        )
    facts |= {TRANSFER: request.transfer, UNITS: noted_units(units), "from": transfer.source, "to": transfer.target}
    facts |= {"last": True} if shipment.last else {}
    facts |= {"all": True} if shipment.lines is UNSET else {}
    facts |= {"on_shortage": shipment.on_shortage.value} if is_recorded else {}
    facts |= {"breach": taken.breach} if taken.breach else {}
    facts |= text_facts(shipment.reference, "")
    transit = transit_account(request.transfer)
    draft = Draft(
        kind=Act.SHIP.value,
        moves=tuple(Move(item, view.free, transit, number) for item, number in units.items()),
        lines=_shipped(view, resolved, units, breaches),
        facts={**facts, **expected_facts(shipment.expected_at), **time_facts(shipment.occurred_at)},
        reference=shipment.reference,
    )
    return stepped(view, draft)


def read_shipment(content: Content) -> ShipTransfer:
    """Read the shipment from its entry."""
    facts = content.facts
    shipment = Shipment(
        lines=UNSET if "all" in facts else goods_lines(content),
        last="last" in facts,
        on_shortage=OnShortage(facts.get("on_shortage", OnShortage.REFUSE.value)),
        expected_at=expected_at(facts),
        reference=content.reference,
        occurred_at=occurred_at(facts),
    )
    return ShipTransfer(facts[TRANSFER], shipment)


def prepare_arrival(view: LocationView, request: ReceiveTransfer) -> Draft:
    """Take goods of a transfer in, damaged ones into quarantine. Never refused because of what this node has heard.

    Raises:
        Invalid: the number is no number of a transfer, or no lines are given and nothing is on its way here.
    """
    arrival, number = request.arrival, check_transfer_number(request.transfer)
    transfer = view.transfers.find(number)
    lines = arrival.lines if arrival.lines is not UNSET else _all_on_its_way(transfer)
    known = transfer.units() if transfer is not None else {}
    moved = {**dict.fromkeys(view.ledger.stocks(view.location)), **dict.fromkeys(known)}
    resolved, _, facts = resolve(view.catalog, [line.goods() for line in lines], moved=moved)
    noted, units = _by_condition(resolved, lines)
    facts |= {TRANSFER: number, UNITS: noted, **text_facts(arrival.reference, "")}
    facts |= {"all": True} if arrival.lines is UNSET else {}
    damaged = [index for index, line in enumerate(lines) if line.condition is Condition.DAMAGED]
    facts |= {"damaged": damaged} if damaged else {}
    unmatched = _unmatched(known, noted)
    facts |= {"unmatched": unmatched} if unmatched else {}
    targets = {Condition.GOOD.value: view.free, Condition.DAMAGED.value: view.quarantine}
    draft = Draft(
        kind=Act.RECEIVE.value,
        moves=tuple(Move(item, transit_account(number), targets[tag], count) for item, count, tag in noted),
        lines=received_lines(view, resolved, units),
        facts={**facts, **time_facts(arrival.occurred_at)},
        reference=arrival.reference,
    )
    return stepped(view, draft)


def read_arrival(content: Content) -> ReceiveTransfer:
    """Read the arrival from its entry."""
    facts = content.facts
    damaged = facts.get("damaged", ())
    conditions = [Condition.DAMAGED if index in damaged else Condition.GOOD for index, _ in enumerate(content.lines)]
    lines = tuple(
        ReceivedLine(one.quantity, one.sku, one.barcode, one.item, condition)
        for one, condition in zip(goods_lines(content), conditions, strict=True)
    )
    given = UNSET if "all" in facts else lines
    return ReceiveTransfer(facts[TRANSFER], Arrival(given, content.reference, occurred_at(facts)))


def _lines_of(transfer: Transfer, units: Mapping[str, int]) -> tuple[GoodsLine, ...]:
    """Lines of items with all these units. Raises TransferState if there are none."""
    if not units:
        raise wrong_state(transfer, "Nothing remains to be sent. Name the lines if goods left all the same")
    return tuple(GoodsLine(number, item=item) for item, number in units.items())


def _all_on_its_way(transfer: Transfer | None) -> tuple[ReceivedLine, ...]:
    """Lines of all that is on its way. Raises Invalid if this node knows of nothing."""
    units = transfer.units().values() if transfer is not None else ()
    lines = tuple(ReceivedLine(one.in_transit, item=one.item) for one in units if one.in_transit)
    if not lines:
        raise Invalid("this node knows of no goods on their way: name the lines that arrived", field="lines")
    return lines


def _check_remaining(resolved: Resolved, remaining: Mapping[str, int]) -> None:
    """Refuse to send more than was requested. Raises Invalid."""
    left = dict(remaining)
    for index, (_, recipe, quantity) in enumerate(resolved):
        for item, number in recipe:
            there = left.get(item, 0)
            left[item] = there - number * quantity
            if left[item] < 0:
                raise Invalid(
                    f"{there} of {item} remain to be sent: send fewer, or say with on_shortage=record that they left",
                    field=f"lines[{index}].quantity",
                )


def _by_condition(resolved: Resolved, lines: Sequence[ReceivedLine]) -> tuple[Noted, dict[str, int]]:
    """The units that arrived by item and condition, and the good ones by item."""
    units: dict[tuple[str, str], int] = {}
    for (_, recipe, quantity), line in zip(resolved, lines, strict=True):
        for item, number in recipe:
            name = (item, line.condition.value)
            units[name] = units.get(name, 0) + number * quantity
    good = {item: number for (item, tag), number in units.items() if tag == Condition.GOOD.value}
    return [(item, number, tag) for (item, tag), number in units.items()], good


def _unmatched(known: Mapping[str, Units], noted: Noted) -> dict[str, int]:
    """Of units that arrived: how many more than this node knows to be on their way, by item."""
    arrived: dict[str, int] = {}
    for item, number, _ in noted:
        arrived[item] = arrived.get(item, 0) + number
    expected = {item: known[item].in_transit if item in known else 0 for item in arrived}
    return {item: number - expected[item] for item, number in arrived.items() if number > expected[item]}


def _shipped(
    view: LocationView, resolved: Resolved, units: Mapping[str, int], breaches: Sequence[int]
) -> tuple[EntryLine, ...]:
    """Answer lines of goods that leave, with how many of each SKU can be sold afterwards."""
    after = {
        item: view.ledger.stock(view.location, item).available - units.get(item, 0)
        for _, recipe, _ in resolved
        for item, _ in recipe
    }
    return tuple(
        [
            EntryLine(sku, quantity, min(quantity, breach), sellable(recipe, after))
            for (sku, recipe, quantity), breach in zip(resolved, breaches, strict=True)
        ]
    )
