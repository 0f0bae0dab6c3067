"""Mistakes in what a node lists for people, and in the availability that it shows. Its state is right."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

ANSWERS = "replica.runtime.http"
EXCEPTIONS = f"{ANSWERS}.exception_answers:exceptions"

LISTS = (
    Mutation(
        name="waiting-page-without-its-last-row",
        breaks="a page of events that wait leaves out the last order that it has room for",
        invariant=7,
        expected=("ViewsChecker",),
        edits=(slip(EXCEPTIONS, ("for order in waiting[:limit] for", "for order in waiting[: limit - 1] for")),),
    ),
    Mutation(
        name="oldest-reports-first",
        breaks="a page of reports has the oldest orders instead of the newest",
        invariant=7,
        expected=("ViewsChecker",),
        edits=(slip(EXCEPTIONS, ("in with_reports[-limit:] for", "in with_reports[:limit] for")),),
    ),
    Mutation(
        name="duplicates-unlisted",
        breaks="a node lists orders that were placed twice, but no other duplicates",
        invariant=7,
        expected=("ViewsChecker",),
        edits=(slip(EXCEPTIONS, ("for one in collisions if one.is_duplicate]", "for one in () if one]")),),
    ),
    Mutation(
        name="newest-event-as-void",
        breaks="a node names the newest event of a fulfilment as the entry that undid it",
        invariant=7,
        expected=("ViewsChecker",),
        scenario="orders-under-a-wrong-clock",
        edits=(
            slip(
                "replica.core.orders.order:Fulfilment.void",
                ("for past in self.history if past.event == CANCEL and past.state]", "for past in self.history]"),
            ),
        ),
    ),
    Mutation(
        name="handed-out-goods-unshown",
        breaks="an order does not show which goods left with the customer",
        invariant=7,
        expected=("ViewsChecker", "ReferenceChecker"),
        edits=(
            slip(
                "replica.core.orders.order:Fulfilment.lines",
                (" or self.sold:", ":"),
            ),
        ),
    ),
    Mutation(
        name="placed-when-placed-again",
        breaks="an order that two nodes placed shows the time of the placement that lost",
        invariant=7,
        expected=("ViewsChecker",),
        edits=(slip(f"{ANSWERS}.order_answers:order_view", ("order.placed[0])", "order.placed[-1])")),),
    ),
    Mutation(
        name="shortage-outcome-unlisted",
        breaks="the list of shortages does not say what became of a fulfilment",
        invariant=7,
        expected=("ViewsChecker",),
        edits=(slip(f"{ANSWERS}.shortage_answers:shortage_answers", ("parked.became or None,", "None,")),),
    ),
    Mutation(
        name="till-clock-never-right",
        breaks="a till whose clock is right again stays in the list as one that is wrong",
        invariant=7,
        expected=("ViewsChecker",),
        edits=(
            slip(
                f"{ANSWERS}.clock_answers:till_clock_answers",
                ("time_text(fault.until_ms) if fault.until_ms else None", "None"),
            ),
        ),
    ),
    Mutation(
        name="kept-units-guaranteed",
        breaks="a hub shows units as guaranteed that its policy keeps back at its own location",
        invariant=7,
        expected=("ViewsChecker",),
        edits=(
            slip(
                "replica.core.orders.sources:Source._kept",
                ("if location in self.hosted else 0", "if location not in self.hosted else 0"),
            ),
        ),
    ),
    Mutation(
        name="bundle-available-by-first-item",
        breaks="a hub shows as many bundles as available as the first item makes",
        invariant=7,
        expected=("ViewsChecker",),
        edits=(
            slip(
                "hub.availability:local_availability",
                ("sellable(recipe, available)", "sellable(recipe[:1], available)"),
            ),
        ),
    ),
    Mutation(
        name="explained-without-one-route",
        breaks="the explanation of a stock leaves out the first of the routes on which its units moved",
        invariant=7,
        expected=("ViewsChecker",),
        edits=(
            slip(
                f"{ANSWERS}.answers:cell_answers",
                ("key=lambda cell: cell[0].name)", "key=lambda cell: cell[0].name)[1:]"),
            ),
        ),
    ),
)
