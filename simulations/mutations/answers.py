"""Mistakes in what a write answers, while its units move as they should."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

PACKAGE = "replica.core.stock"
EVENTS = "replica.core.orders.events"

REFERENCE = ("ReferenceChecker",)

ANSWERS = (
    Mutation(
        name="kit-available-by-first-item",
        breaks="the answer shows how many kits can be sold by the first item of their recipe only",
        invariant=5,
        expected=REFERENCE,
        edits=(
            slip(
                "replica.core.catalog.skus:sellable",
                ("min(units[item] // quantity for item, quantity in recipe)", "units[recipe[0][0]] // recipe[0][1]"),
            ),
        ),
    ),
    Mutation(
        name="available-before-the-sale",
        breaks="the answer to a sale shows how many could be sold before it",
        invariant=5,
        expected=REFERENCE,
        edits=(slip(f"{PACKAGE}.sales:prepare_sale", ("after[item] = available - wanted", "after[item] = available")),),
    ),
    Mutation(
        name="fast-available-alone",
        breaks="of several fast sales at once, each answers as if it were the first",
        invariant=5,
        expected=REFERENCE,
        edits=(
            slip(f"{PACKAGE}.fast_sales:sell_fast", ("after = (available - gone)", "after = (available - wanted)")),
        ),
    ),
    Mutation(
        name="breach-of-later-lines",
        breaks="each line of a sale counts as if it were the first to take the rights",
        invariant=6,
        expected=REFERENCE,
        edits=(slip(f"{PACKAGE}.sales:_breaches", ("left[item] -= units * quantity", "left[item] -= 0")),),
    ),
    Mutation(
        name="quarantined-return-available",
        breaks="the answer to a return shows goods in quarantine as available",
        invariant=5,
        expected=REFERENCE,
        edits=(slip(f"{PACKAGE}.returns:prepare_return", ("units if restock else {}", "units")),),
    ),
    Mutation(
        name="adjusted-level-before",
        breaks="the answer to an adjustment shows the level before it",
        invariant=5,
        expected=REFERENCE,
        edits=(slip(f"{PACKAGE}.adjustments:prepare_adjustment", (".on_hand + change[line.item]", ".on_hand")),),
    ),
    Mutation(
        name="counted-level-before",
        breaks="the answer to a count shows the book before it",
        invariant=5,
        expected=REFERENCE,
        edits=(
            slip(f"{PACKAGE}.counts:prepare_count", ("level, change, on_hand + change]", "level, change, on_hand]")),
        ),
    ),
)

EVENT_ANSWERS = (
    Mutation(
        name="repeated-event-impossible",
        breaks="an event that is sent again is reported as impossible, not answered as a repeat",
        invariant=9,
        expected=REFERENCE,
        edits=(
            slip(
                f"{EVENTS}:_nothing_happens",
                ("if any(verdict == REPEAT for verdict in verdicts.values()):", "if False:"),
            ),
        ),
    ),
    Mutation(
        name="ambiguous-lines-happen",
        breaks="lines that several fulfilments have happen to the first of them, instead of being refused",
        invariant=9,
        expected=REFERENCE,
        edits=(slip(f"{EVENTS}:_lines_for", ("if len(having) == 1:", "if having:")),),
    ),
    Mutation(
        name="event-answered-as-before",
        breaks="the answer to an event shows the fulfilments as they were before it",
        invariant=5,
        expected=REFERENCE,
        edits=(slip(f"{EVENTS}:_answering", ("{**known, **after}", "{**after, **known}")),),
    ),
    Mutation(
        name="every-event-passed-on",
        breaks="a node passes each event of others on to the owner, who may have had a later one",
        invariant=9,
        expected=REFERENCE,
        edits=(slip(f"{EVENTS}:_check_owner", ("if event.event in (CANCEL, RETURN):", "if True:")),),
    ),
)
