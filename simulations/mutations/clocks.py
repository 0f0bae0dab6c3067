"""Slips in stamps and in documents, which are decided by versions and stamps."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

CLOCK = "replica.core.base.clock:HybridClock"
REPLICA = "replica.core.state.replica:Replica"
DOCUMENTS = "replica.core.catalog.documents"

CLOCKS = (
    Mutation(
        "stamps-repeat",
        "two entries of one moment get the same stamp",
        0,
        ("StampsChecker",),
        (slip(f"{CLOCK}.next", ("self.last + 1", "self.last")),),
    ),
    Mutation(
        "stamps-follow-the-wall",
        "a clock that is set back takes the stamps back with it",
        0,
        ("StampsChecker",),
        (slip(f"{CLOCK}.next", ("wall if wall > self.last else self.last + 1", "wall")),),
    ),
    Mutation(
        "fast-sales-in-one-moment",
        "the short road of plain sales stamps all of a batch alike",
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
        "one clock that runs ahead drags every other one with it",
        0,
        ("StampsChecker",),
        (slip(f"{CLOCK}.observe", ("if stamp_ms(stamp) > now_ms + CLOCK_AHEAD_MAX_MS:", "if False:")),),
    ),
    Mutation(
        "causes-not-observed",
        "an entry's stamp may lie before those of entries its author held",
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
        "of two writes of a document the one stands that arrives last",
        1,
        ("ConvergenceChecker", "DocumentsChecker"),
        (slip(f"{DOCUMENTS}:Documents.put", ("if standing.precedence >= register.precedence:", "if False:")),),
    ),
    Mutation(
        "tie-by-arrival",
        "of two writes of one version the one stands that arrives first",
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
        "a write by a clock that runs ahead wins over all that come after it",
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
        "a restarted node shows no document that was written before",
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
