"""Mistakes in the work that follows a merge: voiding duplicates, and keeping book stocks at counts."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

DUPLICATES = "replica.core.state.duplicates"
COUNTS = "replica.core.stock.counts"
REPLICA = "replica.core.state.replica"

MERGES = (
    Mutation(
        "voided-twice",
        "a duplicate is voided twice, under the same key",
        3,
        ("ExactlyOnceChecker",),
        (
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
        "void-of-the-later-arrival",
        "of two entries under one key, the one that arrives last loses",
        3,
        ("ExactlyOnceChecker",),
        (slip(f"{DUPLICATES}:Collisions.meet", ("elif precedence(best) < precedence(entry):", "elif True:")),),
    ),
    Mutation(
        "void-by-the-clock-alone",
        "of two entries under one key at the same time, each node considers its own the winner",
        3,
        ("ExactlyOnceChecker",),
        (
            slip(
                f"{DUPLICATES}:Collisions.meet",
                ("precedence(best) < precedence(entry)", "best.content.clock <= entry.content.clock + (2 << 24)"),
            ),
        ),
    ),
    Mutation(
        "duplicates-of-long-ago",
        "a node compares the keys of peers' entries with recent keys only, not with its journal",
        3,
        ("ExactlyOnceChecker",),
        (slip("replica.runtime.driver:Driver._find_earlier", ("for merge in merges:", "for merge in ():")),),
    ),
    Mutation(
        "void-of-nothing",
        "the void of a duplicate moves no units back",
        3,
        ("ExactlyOnceChecker",),
        (slip(f"{DUPLICATES}:prepare_void", ("content.moves if", "() if")),),
    ),
    Mutation(
        "answers-with-the-first-heard-of",
        "for a key that two nodes used, a node answers with the entry that arrived first, not with the winner",
        3,
        ("ExactlyOnceChecker",),
        (slip("replica.core.state.decisions:_repeat", ("return min(same, key=precedence)", "return same[0]")),),
    ),
    Mutation(
        "late-movement-ignored",
        "a movement from before a count that arrives after it changes the book stock as of the count",
        5,
        ("CountedChecker", "TruthChecker"),
        (slip(f"{COUNTS}:Counts.apply", ("if is_before:", "if is_before and order is not None:")),),
    ),
    Mutation(
        "older-count-corrects-too",
        "a node keeps the book stock at its own count although a newer count came from another node",
        5,
        ("CountedChecker", "TruthChecker", "Liveness"),
        (
            slip(
                f"{COUNTS}:Counts.apply",
                ("one.order > known.order", "one.order > known.order and node_of(known.writer) != self.node"),
            ),
        ),
    ),
    Mutation(
        "older-correction-stands",
        "the correction by an older count stays in the book stock although a newer concurrent count replaces it",
        5,
        ("CountedChecker", "TruthChecker"),
        (slip(f"{COUNTS}:Counts.apply", ("is_before = order <= standing.order", "is_before = False")),),
    ),
    Mutation(
        "void-as-of-now",
        "a void takes effect when it was written, not when the duplicate was",
        5,
        ("CountedChecker", "TruthChecker"),
        (
            slip(f"{COUNTS}:is_after", ("if content.kind == VOID:", "if False:")),
            slip(f"{DUPLICATES}:effective_clock", ("return as_of if isinstance(as_of, int) else", "return")),
        ),
    ),
    Mutation(
        "corrections-forgotten",
        "a restarted node forgets its counts, and does not correct the book stock",
        5,
        ("CountedChecker", "TruthChecker"),
        (slip("replica.core.state.fold:Fold.load", ("part.load(", 'name != "counts" and part.load(')),),
    ),
    Mutation(
        "orders-placed-twice-stand",
        "an order that two hubs accepted holds units at both",
        3,
        ("OrdersChecker",),
        (
            slip(
                "replica.core.orders.events:_next_due", ("for lost in order.to_void(context.node):", "for lost in ():")
            ),
        ),
    ),
)
