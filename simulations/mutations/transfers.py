"""Mistakes about transfers between locations."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

STOCK = "replica.core.stock"
TRANSFER = f"{STOCK}.transfer:Transfer"

SCENARIO = "parcels-between-stores"

TRANSFERS = (
    Mutation(
        name="parcel-from-the-supplier",
        breaks="an arrival comes from the supplier, so its units stay on their way",
        invariant=5,
        expected=("AccountsChecker",),
        edits=(
            slip(
                f"{STOCK}.shipments:prepare_arrival",
                (
                    "Move(item, transit_account(number), targets[tag], count)",
                    'Move(item, "supplier", targets[tag], count)',
                ),
            ),
        ),
        scenario=SCENARIO,
    ),
    Mutation(
        name="parcels-share-an-account",
        breaks="all transfers have one transit account, so a missing parcel hides behind another one",
        invariant=5,
        expected=("AccountsChecker",),
        edits=(slip(f"{STOCK}.transfers:transit_account", ('f"{TRANSIT}{transfer}"', 'f"{TRANSIT}all"')),),
        scenario=SCENARIO,
    ),
    Mutation(
        name="damaged-goods-on-the-shelf",
        breaks="goods that arrive damaged may be sold",
        invariant=5,
        expected=("TransfersChecker",),
        edits=(
            slip(
                f"{STOCK}.shipments:prepare_arrival",
                ("Condition.DAMAGED.value: view.quarantine", "Condition.DAMAGED.value: view.free"),
            ),
        ),
        scenario=SCENARIO,
    ),
    Mutation(
        name="shipped-past-rights",
        breaks="a store ships units that another node may promise",
        invariant=4,
        expected=("FloorChecker",),
        edits=(
            slip(
                f"{STOCK}.shipments:prepare_shipment",
                ("if taken.breach and not is_recorded:", "if False and not is_recorded:"),
            ),
        ),
        scenario=SCENARIO,
    ),
    Mutation(
        name="parcel-not-announced-refused",
        breaks="a store refuses a parcel of which it has not heard",
        invariant=5,
        expected=("TransfersChecker",),
        edits=(
            slip(
                f"{STOCK}.shipments:prepare_arrival",
                (
                    "transfer = view.transfers.find(number)",
                    "transfer = view.transfers.find(number)\n    if transfer is None:\n"
                    "        raise wrong_state(Transfer(number), 'Nobody announced it')",
                ),
            ),
        ),
        scenario=SCENARIO,
    ),
    Mutation(
        name="fact-told-twice-counts-twice",
        breaks="a shipment counts once for its entry, and again for each notice of it",
        invariant=5,
        expected=("TransfersChecker",),
        edits=(
            slip(
                f"{TRANSFER}.add", ("if fact.entry not in self.told:", "if scope not in self.told.get(fact.entry, ()):")
            ),
        ),
        scenario=SCENARIO,
    ),
    Mutation(
        name="sender-never-hears",
        breaks="only the location where goods go hears what happens elsewhere",
        invariant=5,
        expected=("TransfersChecker",),
        edits=(
            slip(
                f"{STOCK}.transfers:missing",
                ("in transfer.participants:", "in [one for one in transfer.participants if one != transfer.source]:"),
            ),
        ),
        scenario=SCENARIO,
    ),
    Mutation(
        name="notices-forget-units",
        breaks="a notice of several items tells the units of the first one only",
        invariant=5,
        expected=("TransfersChecker",),
        edits=(
            slip(
                f"{STOCK}.transfers:as_told",
                ("to_builtins(fact,", "to_builtins(msgspec.structs.replace(fact, units=fact.units[:1]),"),
            ),
        ),
        scenario=SCENARIO,
    ),
    Mutation(
        name="voided-shipment-counts",
        breaks="a shipment that two hubs recorded under one key counts twice, although one of them is void",
        invariant=3,
        expected=("TransfersChecker",),
        edits=(slip("replica.core.state.fold:Fold._settle", ("self.transfers.apply(void)", "pass")),),
        scenario=SCENARIO,
    ),
    Mutation(
        name="void-not-told",
        breaks="the other end never hears that one of two shipments is void",
        invariant=3,
        expected=("TransfersChecker",),
        edits=(
            slip(f"{STOCK}.transfers:missing", ("if location not in scopes]", "if False]")),
            slip(f"{STOCK}.transfers:_take_in", ("for loser in voided:", "for loser in []:")),
        ),
        scenario=SCENARIO,
    ),
    Mutation(
        name="cancelled-goods-vanish",
        breaks="goods that left are forgotten when somebody cancels the transfer",
        invariant=5,
        expected=("TransfersChecker",),
        edits=(
            slip(
                f"{TRANSFER}.units",
                (
                    "for fact in self.standing(Act.SHIP, Act.RECEIVE, Act.SETTLE):",
                    "acts = (Act.RECEIVE, Act.SETTLE) if self.is_cancelled else (Act.SHIP, Act.RECEIVE, Act.SETTLE)\n"
                    "    for fact in self.standing(*acts):",
                ),
            ),
        ),
        scenario=SCENARIO,
    ),
    Mutation(
        name="lost-goods-stay-on-their-way",
        breaks="units that were written off as lost are shown as on their way for ever",
        invariant=5,
        expected=("TransfersChecker",),
        edits=(slip(f"{STOCK}.transfer:_count", ("units.lost += number", "units.lost += 0")),),
        scenario=SCENARIO,
    ),
    Mutation(
        name="transfers-not-in-the-checkpoint",
        breaks="a node that starts again knows only the transfers of later entries",
        invariant=7,
        expected=("Checkpoint",),
        edits=(slip("replica.core.state.fold:Fold.load", ("part.load(", 'name != "transfers" and part.load(')),),
        scenario=SCENARIO,
    ),
)
"""Mistakes about transfers."""
