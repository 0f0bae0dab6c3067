"""Mistakes in orders to an address: who may send them, when, what is banned, and what is promised."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

SCENARIO, HOLIDAY = "orders-to-addresses", "backups-and-holidays"

CATALOG = "replica.core.catalog"
ORDERS = "replica.core.orders"
PLANNING = "replica.core.planning"


def _mutation(name: str, breaks: str, target: str, *changes: tuple[str, str], scenario: str = SCENARIO) -> Mutation:
    return Mutation(
        name=name,
        breaks=breaks,
        invariant=4,
        expected=("DeliveriesChecker",),
        scenario=scenario,
        edits=(slip(target, *changes),),
    )


DELIVERIES = (
    _mutation(
        "bans-of-the-first-area",
        "of several areas of an address, only the bans of the first one hold",
        f"{CATALOG}.areas:ban_on",
        ("for area in areas:", "for area in areas[:1]:"),
    ),
    _mutation(
        "bans-without-attributes",
        "a ban on goods with an attribute bans nothing",
        f"{CATALOG}.areas:ban_on",
        ("ban.goods.contains(sku, attributes)", "ban.goods.contains(sku, {})"),
    ),
    _mutation(
        "banned-line-left-out",
        "an order is refused only if all of its lines are banned",
        f"{PLANNING}.sourcing:DeliverySources.choose",
        ("if banned:", "if len(banned) == len(wanted):"),
    ),
    _mutation(
        "priority-of-the-area-alone",
        "all locations of an area have the same priority",
        f"{CATALOG}.areas:servings",
        ("(area.document.priority, server.priority)", "(area.document.priority, PRIORITY)"),
    ),
    _mutation(
        "backups-like-others",
        "a backup is a location like the others",
        f"{PLANNING}.candidates:sort_out",
        ("served is not None and served.is_backup", "False"),
        scenario=HOLIDAY,
    ),
    _mutation(
        "closed-locations-send",
        "a location that opens too late may send an order",
        f"{PLANNING}.candidates:sort_out",
        ("one.opens_ms > latest_ms", "False"),
    ),
    _mutation(
        "dispatch-by-utc",
        "windows and days of a calendar are read from a clock in UTC, and not from that of the location",
        "hub.openings:opening_by",
        ('document.time_zone if document is not None else "UTC"', '"UTC"'),
    ),
    _mutation(
        "night-windows-end-at-midnight",
        "a window over midnight is not open on the day on which it ends",
        f"{CATALOG}.openings:Opening._dispatching",
        ("local_day(from_ms, self.zone) - 1,", "local_day(from_ms, self.zone),"),
    ),
    _mutation(
        "opens-within-a-stop",
        "a location opens while a stop period lasts",
        f"{CATALOG}.openings:Opening.spans",
        ("without(open_spans, [(one.from_ms, one.to_ms) for one, _ in calendar.stops])", "open_spans"),
    ),
    _mutation(
        "holidays-not-overridden",
        "a holiday of an included calendar overrides the day that a calendar names itself",
        f"{CATALOG}.calendars:Calendar.planned",
        ("(self, *included)", "(*included, self)"),
        scenario=HOLIDAY,
    ),
    _mutation(
        "weights-of-all-channels",
        "an order of a channel with weights of its own is sourced by those of the others",
        f"{PLANNING}.weights:weights_of",
        ("(channel, DEFAULT_KEY)", "(DEFAULT_KEY, channel)"),
    ),
    _mutation(
        "day-of-dispatch-counted",
        "the day of dispatch counts as the first day on which goods travel",
        f"{PLANNING}.promises:_arrival",
        ("worked += day > today", "worked += 1"),
    ),
    _mutation(
        "cut-off-while-closed",
        "goods leave at a cut-off at which the location is closed",
        f"{PLANNING}.promises:_dispatched",
        ("at >= ready_ms and opening.closed(at - 1) is None", "at >= ready_ms"),
    ),
    _mutation(
        "waiting-goods-forgotten",
        "an order is promised as if nothing else waited at the location",
        f"{PLANNING}.promises:_late_days",
        ("(sender.waiting_units + units - 1)", "(units - 1)"),
    ),
    _mutation(
        "lane-to-any-area",
        "a lane to some areas leads to all",
        f"{PLANNING}.carriers:Lane.fits",
        ("any(area in self.areas for area in areas)", "True"),
    ),
    _mutation(
        "moved-to-any-location",
        "a shortage moves an order to a location that may not send it",
        f"{ORDERS}.shortages:elsewhere",
        ("[one for one in fulfilment.may_send if one in there] if fulfilment.may_send else", ""),
    ),
    _mutation(
        "list-lost-in-a-move",
        "an order that moved once may move anywhere the second time",
        f"{ORDERS}.revocations:_begin_elsewhere",
        ("may_send=tuple(fulfilment.may_send)", "may_send=()"),
    ),
)
