"""Mistakes in what a checkpoint keeps: a node that starts again has another state than its entries give."""

from __future__ import annotations

from replica.runtime.journal.statements import BATCH
from simulations.mutations.mutation import Constant, Mutation, slip

ORDERS = "replica.core.orders.fold:Orders"
COUNTS = "replica.core.stock.counts:Counts"
FAULTS = "replica.core.state.clock_faults:ClockFaults"
FOLD = "replica.core.state.fold"
CONNECTIONS = "replica.runtime.journal.connections"

_STREAM_CLOCK = "units = units + excluded.units, clock = excluded.clock"
_STATE = "ON CONFLICT DO UPDATE SET state = excluded.state"

CHECKPOINTS = (
    Mutation(
        name="drift-of-counts-not-stored",
        breaks="a checkpoint keeps a count as it was made, without the late movements that came since",
        invariant=7,
        expected=("Checkpoint",),
        edits=(slip(f"{COUNTS}._note", ("self._changed[pair] = None", "pass")),),
    ),
    Mutation(
        name="end-of-clock-fault-not-stored",
        breaks="after a restart, a clock that is right again is still listed as wrong",
        invariant=7,
        expected=("Checkpoint",),
        edits=(slip(f"{FAULTS}._end", ("self._changed[self._slots[fault.key]] = fault", "pass")),),
    ),
    Mutation(
        name="first-state-of-orders-stored",
        breaks="a checkpoint keeps an order as its first batch left it",
        invariant=7,
        expected=("Checkpoint",),
        edits=(
            slip(
                f"{ORDERS}.take_changes",
                ("state = packed[name] = _pack(order)", "state = packed[name] = packed[name] or _pack(order)"),
            ),
        ),
    ),
    Mutation(
        name="deadlines-not-loaded",
        breaks="after a restart, no hold of the checkpoint expires",
        invariant=7,
        expected=("Checkpoint",),
        edits=(
            slip(
                f"{ORDERS}._watch",
                ("fulfilment.owner == self.node", "fulfilment.owner == self.node and order.name in self._live"),
            ),
        ),
    ),
    Mutation(
        name="exceptions-not-loaded",
        breaks="after a restart, no order of the checkpoint is listed with its reports",
        invariant=7,
        expected=("Checkpoint", "ViewsChecker"),
        edits=(
            slip(
                f"{ORDERS}._index",
                ("if order.reports:", "if order.name in self._live and order.reports:"),
            ),
        ),
    ),
    Mutation(
        name="lost-edits-not-stored",
        breaks="after a restart, the lost edits of documents are forgotten",
        invariant=7,
        expected=("Checkpoint",),
        edits=(
            slip(
                f"{FOLD}:_DocumentsPastPart.take_changes",
                (
                    "return [(*slot, state) for slot, state in self._documents.take_changed_pasts()]",
                    "return self._documents.take_changed_pasts() and []",
                ),
            ),
        ),
    ),
)
"""Seen by the simulator, whose journal keeps the rows as the parts hand them over."""

FILES = (
    Mutation(
        name="clock-of-first-batch",
        breaks="the row of a stream keeps the clock of its first batch, so a restarted node issues stamps of the past",
        invariant=8,
        expected=("Checkpoint",),
        edits=(Constant(f"{CONNECTIONS}:BATCH", BATCH.replace(_STREAM_CLOCK, "units = units + excluded.units")),),
    ),
    Mutation(
        name="rows-of-first-batch",
        breaks="the row of an order or a count keeps its first state",
        invariant=7,
        expected=("Checkpoint",),
        edits=(Constant(f"{CONNECTIONS}:BATCH", BATCH.replace(_STATE, "ON CONFLICT DO NOTHING")),),
    ),
)
"""Seen only where a node opens real files. The simulated journal has no tables."""
