"""Mistakes in stamps, and in documents, because versions and stamps decide between two writes."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

CLOCK = "replica.core.base.clock:HybridClock"
REPLICA = "replica.core.state.replica:Replica"
DOCUMENTS = "replica.core.catalog.documents"

CLOCKS = (
    Mutation(
        "stamps-repeat",
        "two entries of the same millisecond get the same stamp",
        0,
        ("StampsChecker",),
        (slip(f"{CLOCK}.next", ("self.last + 1", "self.last")),),
    ),
    Mutation(
        "stamps-follow-the-wall",
        "if the clock is set back, stamps go back too",
        0,
        ("StampsChecker",),
        (slip(f"{CLOCK}.next", ("wall if wall > self.last else self.last + 1", "wall")),),
    ),
    Mutation(
        "fast-sales-in-one-moment",
        "the fast path gives all sales of a batch the same stamp",
        0,
        ("StampsChecker",),
        (slip("replica.core.stock.fast_sales:sell_fast", ("clock += 1", "clock += 0")),),
    ),
    Mutation(
        "clock-starts-anew",
        "a restarted node forgets which stamps it issued",
        0,
        ("StampsChecker",),
        (
            slip(
                f"{REPLICA}.restore",
                ("HybridClock(image.clock)", "HybridClock()"),
            ),
        ),
    ),
    Mutation(
        "stamps-believed",
        "one clock that runs ahead moves all other clocks ahead",
        0,
        ("StampsChecker",),
        (slip(f"{CLOCK}.observe", ("if stamp_ms(stamp) > now_ms + CLOCK_AHEAD_MAX_MS:", "if False:")),),
    ),
    Mutation(
        "causes-not-observed",
        "an entry's stamp can be before the stamps of entries that its author held",
        0,
        ("StampsChecker",),
        (slip(f"{REPLICA}.take_in", ("self.clock.observe(content.clock, now_ms)", "pass")),),
    ),
    Mutation(
        "version-not-raised",
        "a write of a document carries the version of the one it replaces",
        1,
        ("DocumentsChecker",),
        (slip(f"{DOCUMENTS}:Documents.next_version", ("standing.version + 1", "standing.version")),),
    ),
    Mutation(
        "last-arrival-wins",
        "of two writes of a document, the one that arrives last wins",
        1,
        ("ConvergenceChecker", "DocumentsChecker"),
        (slip(f"{DOCUMENTS}:Documents.put", ("if standing.precedence >= register.precedence:", "if False:")),),
    ),
    Mutation(
        "tie-by-arrival",
        "of two writes of the same version, the one that arrives first wins",
        1,
        ("ConvergenceChecker", "DocumentsChecker"),
        (
            slip(
                f"{DOCUMENTS}:Register.precedence",
                ("return (self.version, self.clock, self.writer)", 'return (self.version, 0, "")'),
            ),
        ),
    ),
    Mutation(
        "clock-before-version",
        "a write by a clock that runs ahead wins over all later writes",
        1,
        ("DocumentsChecker",),
        (
            slip(
                f"{DOCUMENTS}:Register.precedence",
                ("(self.version, self.clock, self.writer)", "(self.clock, self.version, self.writer)"),
            ),
        ),
    ),
    Mutation(
        "documents-not-restored",
        "a restarted node shows no earlier document",
        1,
        ("ConvergenceChecker", "DocumentsChecker"),
        (
            slip(
                "replica.core.state.fold:_DocumentsPart.load",
                ("if self._documents.put(register) is not None:", "if False:"),
            ),
        ),
    ),
)
