"""Mistakes in the work that follows a merge: voiding duplicates, and keeping book stocks at counts."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

DUPLICATES = "replica.core.state.duplicates"
COUNTS = "replica.core.stock.counts"
REPLICA = "replica.core.state.replica"

MERGES = (
    Mutation(
        name="voided-twice",
        breaks="a duplicate is voided twice, under the same key",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(
            slip(
                "replica.core.state.decisions:_follow_up",
                (
                    'prepare_void(lost.entry, lost.winner, replica.kinds), b"", now_ms)\n',
                    'prepare_void(lost.entry, lost.winner, replica.kinds), b"", now_ms)\n'
                    "        again = prepare_void(lost.entry, lost.winner, replica.kinds)\n"
                    '        replica.record(lost.entry.stream.scope, again, b"", now_ms)\n',
                ),
            ),
        ),
    ),
    Mutation(
        name="void-of-the-later-arrival",
        breaks="of two entries under one key, the one that arrives last loses",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(slip(f"{DUPLICATES}:Collisions.meet", ("elif precedence(best) < precedence(entry):", "elif True:")),),
    ),
    Mutation(
        name="void-by-the-clock-alone",
        breaks="of two entries under one key at the same time, each node considers its own the winner",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(
            slip(
                f"{DUPLICATES}:Collisions.meet",
                ("precedence(best) < precedence(entry)", "best.content.clock <= entry.content.clock + (2 << 24)"),
            ),
        ),
    ),
    Mutation(
        name="duplicates-of-long-ago",
        breaks="a node compares the keys of peers' entries with recent keys only, not with its journal",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(slip("replica.runtime.driver:Driver._find_earlier", ("for merge in merges:", "for merge in ():")),),
    ),
    Mutation(
        name="void-of-nothing",
        breaks="the void of a duplicate moves no units back",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(slip(f"{DUPLICATES}:prepare_void", ("content.moves if", "() if")),),
    ),
    Mutation(
        name="answers-with-the-first-heard-of",
        breaks="for a key that two nodes used, a node answers with the entry that arrived first, not with the winner",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(slip("replica.core.state.decisions:_repeat", ("return min(same, key=precedence)", "return same[0]")),),
    ),
    Mutation(
        name="late-movement-ignored",
        breaks="a movement from before a count that arrives after it changes the book stock as of the count",
        invariant=5,
        expected=("CountedChecker", "TruthChecker"),
        edits=(slip(f"{COUNTS}:Counts.apply", ("if is_before:", "if is_before and order is not None:")),),
    ),
    Mutation(
        name="older-count-corrects-too",
        breaks="a node keeps the book stock at its own count although a newer count came from another node",
        invariant=5,
        expected=("CountedChecker", "TruthChecker", "Liveness", "ReferenceChecker"),
        edits=(
            slip(
                f"{COUNTS}:Counts.apply",
                ("one.order > known.order", "one.order > known.order and node_of(known.writer) != self.node"),
            ),
        ),
    ),
    Mutation(
        name="older-correction-stands",
        breaks="the correction by an older count stays in the book stock although a newer concurrent count replaces it",
        invariant=5,
        expected=("CountedChecker", "TruthChecker"),
        edits=(slip(f"{COUNTS}:Counts.apply", ("is_before = order <= standing.order", "is_before = False")),),
    ),
    Mutation(
        name="void-as-of-now",
        breaks="a void takes effect when it was written, not when the duplicate was",
        invariant=5,
        expected=("CountedChecker", "TruthChecker"),
        edits=(
            slip(f"{COUNTS}:is_after", ("if content.kind in _CHANGED:", "if False:")),
            slip("replica.core.log.times:effective_clock", ("return as_of if type(as_of) is int else", "return")),
        ),
    ),
    Mutation(
        name="corrections-forgotten",
        breaks="a restarted node forgets its counts, and does not correct the book stock",
        invariant=5,
        expected=("CountedChecker", "TruthChecker", "Checkpoint"),
        edits=(slip("replica.core.state.fold:Fold.load", ("part.load(", 'name != "counts" and part.load(')),),
    ),
    Mutation(
        name="orders-placed-twice-stand",
        breaks="an order that two hubs accepted holds units at both",
        invariant=3,
        expected=("OrdersChecker",),
        edits=(
            slip(
                "replica.core.orders.events:_next_due",
                ("in order.to_void(context.node, context.location_owners):", "in ():"),
            ),
        ),
    ),
)
