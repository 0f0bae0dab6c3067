"""Mistakes that only some forms of a request show: names with dots, doubled lines, points, zones, and long waits.

Reviewers planted them in December 2026, and no seed of that time saw them (docs/reference/reviewed-bugs.md).
"""

from __future__ import annotations

import re

from simulations.mutations.mutation import Constant, Mutation, slip

FORMS = (
    Mutation(
        name="cursor-of-plain-names",
        breaks="a node whose name has a dot or an underscore refuses its own cursors",
        invariant=0,
        expected=("ReadersChecker",),
        edits=(
            Constant(
                "replica.core.log.cursors:_cursor",
                re.compile(r"(?P<node>[a-z0-9-]+)~(?P<incarnation>[0-9a-f]+)~(?P<arrival>0|[1-9][0-9]{0,18})"),
            ),
        ),
    ),
    Mutation(
        name="units-left-for-each-line",
        breaks="two lines of one SKU in an event of an order may name more units than there are",
        invariant=7,
        expected=("HeldChecker", "OrderPartsChecker", "OrdersChecker", "ReferenceChecker"),
        edits=(
            slip(
                "replica.core.orders.allocations:named_reversals",
                (
                    'skus = skus_of(line, f"{field}[{index}]")',
                    'left, skus = _counted(all_of(allocations)), skus_of(line, f"{field}[{index}]")',
                ),
            ),
        ),
    ),
    Mutation(
        name="no-distance-is-unknown",
        breaks="a location at the very point of a customer is shown as one whose point nobody knows",
        invariant=5,
        expected=("FiguresChecker",),
        edits=(slip("hub.availability:sku_availability", ("(one.distance_km is None,", "(not one.distance_km,")),),
    ),
    Mutation(
        name="zone-read-once",
        breaks="a store that moved to another time zone forecasts the half hours of the earlier one",
        invariant=4,
        expected=("PoliciesChecker",),
        edits=(
            slip(
                "replica.runtime.background.sales_history:SalesHistory._follow",
                (" and zone == self._location_zone()", ""),
            ),
        ),
    ),
    Mutation(
        name="moved-order-counts-anew",
        breaks="a fulfilment that replaces a revoked one counts its numbered events from the beginning",
        invariant=9,
        expected=("DecisionsChecker", "OrderMessagesChecker"),
        edits=(slip("replica.core.orders.revocations:_begin_elsewhere", ("number=fulfilment.number,", "number=0,")),),
    ),
    Mutation(
        name="only-newest-returns-known",
        breaks="the fast path of sales does not know of a return that only the journal has",
        invariant=5,
        expected=("ReturnsChecker",),
        edits=(
            slip(
                "replica.core.state.fast_paths:returned_at",
                (", *[name.number for name in earlier if isinstance(name, TillReceipt)]", ""),
            ),
        ),
    ),
    Mutation(
        name="heard-at-its-stamp",
        breaks="after a restart, a node was last heard at its stamp, although its clock was wrong then",
        invariant=7,
        expected=("Checkpoint",),
        edits=(
            slip(
                "replica.core.state.fold:image_of",
                ("heard[entry.stream] = recorded_clock(entry.content)", "heard[entry.stream] = entry.content.clock"),
            ),
        ),
    ),
    Mutation(
        name="home-well-with-breaks",
        breaks="a store goes home when its home hub was well for long enough in all, also with breaks",
        invariant=0,
        expected=("HomeChecker",),
        edits=(slip("replica.runtime.peering.peers:Dialer._go_home", ("else 0.0", "else well_s")),),
    ),
)
