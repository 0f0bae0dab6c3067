"""Mistakes in the units that a request moves, and in the figures of the ledger."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

PACKAGE = "replica.core.stock"
LEDGER = "replica.core.ledger.cells"

STOCK = (
    Mutation(
        "promise-unchecked",
        "a sale with on_shortage=refuse succeeds past the node's rights",
        4,
        ("FloorChecker",),
        (slip(f"{PACKAGE}.sales:prepare_sale", ("if short and sale.on_shortage is OnShortage.REFUSE:", "if False:")),),
    ),
    Mutation(
        "fast-sale-past-rights",
        "the fast path of sales checks the rights of all nodes, not the node's own",
        4,
        ("FloorChecker",),
        (slip("replica.core.stock.fast_sales:sell_fast", ("if gone > balance:", "if gone > available:")),),
    ),
    Mutation(
        "rights-of-others",
        "the check of a deduction uses the rights of all nodes, not the node's own",
        4,
        ("FloorChecker",),
        (slip(f"{PACKAGE}.location_view:check_covered", (".balance(source)", ".available")),),
    ),
    Mutation(
        "lines-not-added-up",
        "of several lines with the same item, only the last one moves units",
        5,
        ("TruthChecker",),
        (slip(f"{PACKAGE}.lines:resolve", ("units.get(item, 0) + number * quantity", "number * quantity")),),
    ),
    Mutation(
        "adjustment-unchecked",
        "an adjustment removes more units than are free",
        4,
        ("FloorChecker",),
        (slip(f"{PACKAGE}.adjustments:prepare_adjustment", ("check_covered(view, view.free, taken)", "pass")),),
    ),
    Mutation(
        "quarantine-unchecked",
        "units that are not in quarantine are written off or released",
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
        "units are written off from the free account instead of from quarantine",
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
        "a sale past the rights does not record its breach",
        6,
        ("FloorChecker",),
        (slip(f"{PACKAGE}.sales:prepare_sale", ('facts["breach"] = short', "pass")),),
    ),
    Mutation(
        "breach-counted-again",
        "a breach includes units that earlier sales had overdrawn",
        6,
        ("FloorChecker",),
        (slip(f"{PACKAGE}.sales:prepare_sale", ("wanted - max(0, balance)", "wanted - balance")),),
    ),
    Mutation(
        "breach-clamped",
        "a sale of goods in hand moves only the units that the book stock has left",
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
        "a breach is computed from the available units of all nodes",
        6,
        ("FloorChecker",),
        (slip(f"{PACKAGE}.sales:prepare_sale", ("rights[item] = balance", "rights[item] = balance = available")),),
    ),
    Mutation(
        "return-to-shelf",
        "returned goods go to the free account, not to quarantine",
        5,
        ("AccountsChecker",),
        (slip(f"{PACKAGE}.returns:prepare_return", ("view.free if restock else view.quarantine", "view.free")),),
    ),
    Mutation(
        "count-as-of-now",
        "a count corrects the present book stock, not the book stock when the shelf was counted",
        5,
        ("TruthChecker", "CountedChecker"),
        (slip(f"{PACKAGE}.counts:prepare_count", ("seen.levels.get(line.item, on_hand)", "on_hand")),),
    ),
    Mutation(
        "count-on-top",
        "a count above the book stock is added to it completely",
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
        "the fingerprint of a pair is not updated after another movement",
        1,
        ("ConvergenceChecker",),
        (slip(f"{LEDGER}:Ledger.apply", ("stale[stock] = None", "stock.fingerprint or stale.update({stock: None})")),),
    ),
    Mutation(
        "digest-without-quarantine",
        "the digest does not include cells that leave on_hand unchanged",
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
        "entries of a kind of the next release are stored but not folded",
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
