"""Slips in what a request moves, and in what is read off the ledger."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

PACKAGE = "replica.core.stock"
LEDGER = "replica.core.ledger.cells"

STOCK = (
    Mutation(
        "promise-unchecked",
        "a sale that is a promise goes through past the node's rights",
        4,
        ("FloorChecker",),
        (slip(f"{PACKAGE}.sales:prepare_sale", ("if short and sale.on_shortage is OnShortage.REFUSE:", "if False:")),),
    ),
    Mutation(
        "fast-sale-past-rights",
        "the short road of plain sales looks at what all nodes have, not at the node's own",
        4,
        ("FloorChecker",),
        (slip("replica.core.stock.fast_sales:sell_fast", ("if gone > balance:", "if gone > available:")),),
    ),
    Mutation(
        "rights-of-others",
        "what is taken off is compared with what all nodes have, not with the node's own",
        4,
        ("FloorChecker",),
        (slip(f"{PACKAGE}.location_view:check_covered", (".balance(source)", ".available")),),
    ),
    Mutation(
        "lines-not-added-up",
        "of several lines that share an item only the last one moves it",
        5,
        ("TruthChecker",),
        (slip(f"{PACKAGE}.lines:resolve", ("units.get(item, 0) + number * quantity", "number * quantity")),),
    ),
    Mutation(
        "adjustment-unchecked",
        "an adjustment takes off more than is free",
        4,
        ("FloorChecker",),
        (slip(f"{PACKAGE}.adjustments:prepare_adjustment", ("check_covered(view, view.free, taken)", "pass")),),
    ),
    Mutation(
        "quarantine-unchecked",
        "goods are written off or put back that nobody put aside",
        4,
        ("FloorChecker",),
        (
            slip(
                f"{PACKAGE}.quarantine:prepare_quarantine",
                ("check_covered(view, view.quarantine, from_quarantine)", "pass"),
            ),
        ),
    ),
    Mutation(
        "quarantine-from-shelf",
        "goods are written off from the shelf instead of from quarantine",
        5,
        ("AccountsChecker",),
        (
            slip(
                f"{PACKAGE}.quarantine:prepare_quarantine",
                ("view.quarantine, LOSS, from_quarantine", "view.free, LOSS, from_free"),
            ),
        ),
    ),
    Mutation(
        "breach-unrecorded",
        "a sale past the rights does not say so",
        6,
        ("FloorChecker",),
        (slip(f"{PACKAGE}.sales:prepare_sale", ('facts["breach"] = short', "pass")),),
    ),
    Mutation(
        "breach-counted-again",
        "a breach counts again what earlier sales had overdrawn",
        6,
        ("FloorChecker",),
        (slip(f"{PACKAGE}.sales:prepare_sale", ("wanted - max(0, balance)", "wanted - balance")),),
    ),
    Mutation(
        "breach-clamped",
        "a sale of goods in hand moves only what the book has left",
        5,
        ("TruthChecker", "FloorChecker"),
        (
            slip(
                f"{PACKAGE}.sales:prepare_sale",
                (
                    "Move(item, free, CUSTOMER, wanted) for item, wanted in demand.items()",
                    "Move(item, free, CUSTOMER, min(wanted, rights[item]))"
                    " for item, wanted in demand.items() if rights[item] > 0",
                ),
            ),
        ),
    ),
    Mutation(
        "breach-by-nodes-view-of-all",
        "a breach is measured against what is available to everybody",
        6,
        ("FloorChecker",),
        (slip(f"{PACKAGE}.sales:prepare_sale", ("rights[item] = balance", "rights[item] = balance = available")),),
    ),
    Mutation(
        "return-to-shelf",
        "returned goods are for sale before anybody looked at them",
        5,
        ("AccountsChecker",),
        (slip(f"{PACKAGE}.returns:prepare_return", ("view.free if restock else view.quarantine", "view.free")),),
    ),
    Mutation(
        "count-as-of-now",
        "a count corrects the book of now by what was counted then",
        5,
        ("TruthChecker", "CountedChecker"),
        (slip(f"{PACKAGE}.counts:prepare_count", ("seen.levels.get(line.item, on_hand)", "on_hand")),),
    ),
    Mutation(
        "count-on-top",
        "a count of more than the book had is added to the book as a whole",
        5,
        ("TruthChecker", "CountedChecker"),
        (
            slip(
                f"{PACKAGE}.counts:prepare_count",
                ("change = line.counted - level", "change = line.counted - min(level, 0)"),
            ),
        ),
    ),
    Mutation(
        "digest-stale",
        "a pair's fingerprint is not taken again when the pair moves again",
        1,
        ("ConvergenceChecker",),
        (slip(f"{LEDGER}:Ledger.apply", ("stale[stock] = None", "stock.fingerprint or stale.update({stock: None})")),),
    ),
    Mutation(
        "digest-without-quarantine",
        "the digest leaves out cells that change nothing on hand",
        1,
        ("ConvergenceChecker",),
        (
            slip(
                f"{LEDGER}:Stock._print",
                ("for route, total in self.cells.items()", "for route, total in self.cells.items() if route.on_hand"),
            ),
        ),
    ),
    Mutation(
        "cells-of-kinds-known",
        "entries of a kind of the next release are kept and not folded",
        1,
        ("ConvergenceChecker", "StreamsChecker", "TruthChecker", "FloorChecker", "HeldChecker"),
        (
            slip(
                "replica.core.state.fold:Fold.apply",
                (
                    "if content.moves:",
                    'if content.kind in ("sale", "return", "receipt", "count", "adjustment", "quarantine"):',
                ),
            ),
        ),
    ),
)
