"""Mistakes in the units that a request moves, and in the figures of the ledger."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

PACKAGE = "replica.core.stock"
LEDGER = "replica.core.ledger.cells"

STOCK = (
    Mutation(
        name="promise-unchecked",
        breaks="a sale with on_shortage=refuse succeeds past the node's rights",
        invariant=4,
        expected=("FloorChecker",),
        edits=(
            slip(f"{PACKAGE}.sales:prepare_sale", ("if short and sale.on_shortage is OnShortage.REFUSE:", "if False:")),
        ),
    ),
    Mutation(
        name="fast-sale-past-rights",
        breaks="the fast path of sales checks the rights of all nodes, not the node's own",
        invariant=4,
        expected=("FloorChecker",),
        edits=(slip("replica.core.stock.fast_sales:sell_fast", ("if gone > balance:", "if gone > available:")),),
    ),
    Mutation(
        name="rights-of-others",
        breaks="the check of a deduction uses the rights of all nodes, not the node's own",
        invariant=4,
        expected=("FloorChecker", "SettlementChecker", "RestChecker"),
        edits=(slip(f"{PACKAGE}.location_view:check_covered", (".balance(source)", ".available")),),
    ),
    Mutation(
        name="lines-not-added-up",
        breaks="of several lines with the same item, only the last one moves units",
        invariant=5,
        expected=("TruthChecker", "ReferenceChecker"),
        edits=(slip(f"{PACKAGE}.lines:resolve", ("units.get(item, 0) + number * quantity", "number * quantity")),),
    ),
    Mutation(
        name="adjustment-breach-unmarked",
        breaks="the entry of an adjustment past the rights does not say so",
        invariant=4,
        expected=("FloorChecker",),
        edits=(slip(f"{PACKAGE}.adjustments:prepare_adjustment", ("if taken.breach:", "if False:")),),
    ),
    Mutation(
        name="return-by-todays-recipe",
        breaks="a return brings back the items of today's recipe, not those that left with its sale",
        invariant=5,
        expected=("ReturnsChecker",),
        edits=(
            slip(f"{PACKAGE}.returns:prepare_return", ("returned.lines, recipes=original.recipes)", "returned.lines)")),
            slip(
                f"{PACKAGE}.originals:prepare_corrections",
                ("lines_returned(returned.content, original.recipes)", "lines_returned(returned.content, {})"),
            ),
        ),
    ),
    Mutation(
        name="original-never-settled",
        breaks="a return before its sale is not corrected when the sale arrives",
        invariant=5,
        expected=("ReturnsChecker",),
        edits=(
            slip(
                "replica.core.state.decisions:_correct_returns",
                ("for draft in prepare_corrections", "for draft in () and prepare_corrections"),
            ),
        ),
    ),
    Mutation(
        name="returns-not-added-up",
        breaks="of several returns of one sale, each is compared with the whole sale",
        invariant=6,
        expected=("ReturnsChecker",),
        edits=(slip(f"{PACKAGE}.returns:prepare_return", ("[*before, *resolved]", "resolved")),),
    ),
    Mutation(
        name="quarantine-breach-unmarked",
        breaks="the entry of goods put aside past the rights does not say so",
        invariant=6,
        expected=("FloorChecker",),
        edits=(slip(f"{PACKAGE}.quarantine:prepare_quarantine", ("if taken.breach:", "if False:")),),
    ),
    Mutation(
        name="quarantine-unchecked",
        breaks="units that are not in quarantine are written off or released",
        invariant=4,
        expected=("FloorChecker",),
        edits=(
            slip(
                f"{PACKAGE}.quarantine:prepare_quarantine",
                ("min(line.quantity, taken.left(view.quarantine, line.item))", "line.quantity"),
            ),
        ),
    ),
    Mutation(
        name="quarantine-from-shelf",
        breaks="units are written off from the free account instead of from quarantine",
        invariant=6,
        expected=("FloorChecker",),
        edits=(
            slip(
                f"{PACKAGE}.quarantine:prepare_quarantine",
                ("Move(item, view.quarantine, LOSS, there)", "Move(item, view.free, LOSS, there)"),
            ),
        ),
    ),
    Mutation(
        name="breach-unrecorded",
        breaks="a sale past the rights does not record its breach",
        invariant=6,
        expected=("FloorChecker",),
        edits=(slip(f"{PACKAGE}.sales:prepare_sale", ('facts["breach"] = short', "pass")),),
    ),
    Mutation(
        name="breach-counted-again",
        breaks="a breach includes units that earlier sales had overdrawn",
        invariant=6,
        expected=("FloorChecker",),
        edits=(slip(f"{PACKAGE}.sales:prepare_sale", ("wanted - max(0, balance)", "wanted - balance")),),
    ),
    Mutation(
        name="breach-clamped",
        breaks="a sale of goods in hand moves only the units that the book stock has left",
        invariant=5,
        expected=("TruthChecker", "FloorChecker"),
        edits=(
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
        name="breach-by-nodes-view-of-all",
        breaks="a breach is computed from the available units of all nodes",
        invariant=6,
        expected=("FloorChecker",),
        edits=(
            slip(f"{PACKAGE}.sales:prepare_sale", ("rights[item] = balance", "rights[item] = balance = available")),
        ),
    ),
    Mutation(
        name="return-to-shelf",
        breaks="returned goods go to the free account, not to quarantine",
        invariant=5,
        expected=("AccountsChecker",),
        edits=(slip(f"{PACKAGE}.returns:prepare_return", ("view.free if restock else view.quarantine", "view.free")),),
    ),
    Mutation(
        name="count-as-of-now",
        breaks="a count corrects the present book stock, not the book stock when the shelf was counted",
        invariant=5,
        expected=("TruthChecker", "CountedChecker", "ReferenceChecker"),
        edits=(slip(f"{PACKAGE}.counts:prepare_count", ("seen.levels.get(item, on_hand)", "on_hand")),),
    ),
    Mutation(
        name="count-on-top",
        breaks="a count above the book stock is added to it completely",
        invariant=5,
        expected=("TruthChecker", "CountedChecker", "ReferenceChecker"),
        edits=(
            slip(
                f"{PACKAGE}.counts:prepare_count",
                ("change = found - level", "change = found - min(level, 0)"),
            ),
        ),
    ),
    Mutation(
        name="digest-stale",
        breaks="the fingerprint of a pair is not updated after another movement",
        invariant=1,
        expected=("ConvergenceChecker",),
        edits=(
            slip(f"{LEDGER}:Ledger.apply", ("stale[stock] = None", "stock.fingerprint or stale.update({stock: None})")),
        ),
    ),
    Mutation(
        name="digest-without-quarantine",
        breaks="the digest does not include cells that leave on_hand unchanged",
        invariant=1,
        expected=("ConvergenceChecker",),
        edits=(
            slip(
                f"{LEDGER}:Stock._print",
                ("for route, total in self.cells.items()", "for route, total in self.cells.items() if route.on_hand"),
            ),
        ),
    ),
    Mutation(
        name="cells-of-kinds-known",
        breaks="entries of a kind of the next release are stored but not folded",
        invariant=1,
        expected=("ConvergenceChecker", "StreamsChecker", "TruthChecker", "FloorChecker", "HeldChecker"),
        edits=(
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
