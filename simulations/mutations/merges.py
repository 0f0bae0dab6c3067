"""Slips in what becomes due when entries merge: duplicates voided, books kept at counts."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

DUPLICATES = "replica.core.state.duplicates"
COUNTS = "replica.core.stock.counts"
REPLICA = "replica.core.state.replica"

MERGES = (
    Mutation(
        "voided-twice",
        "what lost is voided once more, under the same key",
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
        "of two entries under one key the one loses that is heard of last",
        3,
        ("ExactlyOnceChecker",),
        (slip(f"{DUPLICATES}:Collisions.meet", ("elif precedence(best) < precedence(entry):", "elif True:")),),
    ),
    Mutation(
        "void-by-the-clock-alone",
        "of two entries of one moment under one key each node takes its own for the winner",
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
        "keys of peers' entries are compared with the newest ones only, not with the journal's",
        3,
        ("ExactlyOnceChecker",),
        (slip("replica.runtime.driver:Driver._find_earlier", ("for merge in merges:", "for merge in ():")),),
    ),
    Mutation(
        "void-of-nothing",
        "what lost is voided, and nothing taken back",
        3,
        ("ExactlyOnceChecker",),
        (slip(f"{DUPLICATES}:prepare_void", ("content.moves if", "() if")),),
    ),
    Mutation(
        "answers-with-the-first-heard-of",
        "a key that two nodes used is answered with the entry heard of first, not with the one that won",
        3,
        ("ExactlyOnceChecker",),
        (slip("replica.core.state.decisions:_repeat", ("return min(same, key=precedence)", "return same[0]")),),
    ),
    Mutation(
        "late-movement-ignored",
        "what is heard of only after a count and was before it moves the book of then",
        5,
        ("CountedChecker", "TruthChecker"),
        (slip(f"{COUNTS}:Counts.apply", ("if is_before:", "if is_before and order is not None:")),),
    ),
    Mutation(
        "older-count-corrects-too",
        "a node goes on keeping the book at its own count though a newer one came from elsewhere",
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
        "what an older count corrected stays in the book when a newer one, made apart, stands",
        5,
        ("CountedChecker", "TruthChecker"),
        (slip(f"{COUNTS}:Counts.apply", ("is_before = order <= standing.order", "is_before = False")),),
    ),
    Mutation(
        "void-as-of-now",
        "a void counts from when it was written, not from when the duplicate was",
        5,
        ("CountedChecker", "TruthChecker"),
        (
            slip(f"{COUNTS}:is_after", ("if content.kind == VOID:", "if False:")),
            slip(f"{DUPLICATES}:effective_clock", ("return as_of if isinstance(as_of, int) else", "return")),
        ),
    ),
    Mutation(
        "corrections-forgotten",
        "a restarted node has forgotten its counts, and lets books drift from them",
        5,
        ("CountedChecker", "TruthChecker"),
        (slip("replica.core.state.fold:Fold.load", ("part.load(", 'name != "counts" and part.load(')),),
    ),
    Mutation(
        "orders-placed-twice-stand",
        "an order that two hubs took holds its goods at both",
        3,
        ("OrdersChecker",),
        (
            slip(
                "replica.core.orders.events:_next_due", ("for lost in order.to_void(context.node):", "for lost in ():")
            ),
        ),
    ),
)
