"""Mistakes in stamps, and in documents, because versions and stamps decide between two writes."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

CLOCK = "replica.core.base.clock:HybridClock"
REPLICA = "replica.core.state.replica:Replica"
DOCUMENTS = "replica.core.catalog.documents"

CLOCKS = (
    Mutation(
        name="stamps-repeat",
        breaks="two entries of the same millisecond get the same stamp",
        invariant=0,
        expected=("StampsChecker",),
        edits=(slip(f"{CLOCK}.next", ("self.last + 1", "self.last")),),
    ),
    Mutation(
        name="stamps-follow-the-wall",
        breaks="if the clock is set back, stamps go back too",
        invariant=0,
        expected=("StampsChecker",),
        edits=(slip(f"{CLOCK}.next", ("wall if wall > self.last else self.last + 1", "wall")),),
    ),
    Mutation(
        name="fast-sales-in-one-moment",
        breaks="the fast path gives all sales of a batch the same stamp",
        invariant=0,
        expected=("StampsChecker",),
        edits=(slip("replica.core.stock.fast_sales:sell_fast", ("clock += 1", "clock += 0")),),
    ),
    Mutation(
        name="clock-starts-anew",
        breaks="a restarted node forgets which stamps it issued",
        invariant=0,
        expected=("StampsChecker",),
        edits=(
            slip(
                f"{REPLICA}.restore",
                ("HybridClock(image.clock)", "HybridClock()"),
            ),
        ),
    ),
    Mutation(
        name="stamps-believed",
        breaks="one clock that runs ahead moves all other clocks ahead",
        invariant=0,
        expected=("StampsChecker",),
        edits=(slip(f"{CLOCK}.observe", ("if stamp_ms(stamp) > now_ms + CLOCK_AHEAD_MAX_MS:", "if False:")),),
    ),
    Mutation(
        name="causes-not-observed",
        breaks="an entry's stamp can be before the stamps of entries that its author held",
        invariant=0,
        expected=("StampsChecker",),
        edits=(slip(f"{REPLICA}.take_in", ("self.clock.observe(content.clock, now_ms)", "pass")),),
    ),
    Mutation(
        name="version-not-raised",
        breaks="a write of a document carries the version of the one it replaces",
        invariant=1,
        expected=("DocumentsChecker",),
        edits=(slip(f"{DOCUMENTS}:Documents.next_version", ("current.version + 1", "current.version")),),
    ),
    Mutation(
        name="last-arrival-wins",
        breaks="of two writes of a document, the one that arrives last wins",
        invariant=1,
        expected=("ConvergenceChecker", "DocumentsChecker"),
        edits=(slip(f"{DOCUMENTS}:Documents.put", ("if current.precedence >= register.precedence:", "if False:")),),
    ),
    Mutation(
        name="tie-by-arrival",
        breaks="of two writes of the same version, the one that arrives first wins",
        invariant=1,
        expected=("ConvergenceChecker", "DocumentsChecker"),
        edits=(
            slip(
                f"{DOCUMENTS}:Register.precedence",
                ("return (self.version, self.clock, self.writer)", 'return (self.version, 0, "")'),
            ),
        ),
    ),
    Mutation(
        name="clock-before-version",
        breaks="a write by a clock that runs ahead wins over all later writes",
        invariant=1,
        expected=("DocumentsChecker",),
        edits=(
            slip(
                f"{DOCUMENTS}:Register.precedence",
                ("(self.version, self.clock, self.writer)", "(self.clock, self.version, self.writer)"),
            ),
        ),
    ),
    Mutation(
        name="documents-not-restored",
        breaks="a restarted node shows no earlier document",
        invariant=1,
        expected=("ConvergenceChecker", "DocumentsChecker"),
        edits=(
            slip(
                "replica.core.state.fold:_DocumentsPart.load",
                ("if self._documents.put(register) is not None:", "if False:"),
            ),
        ),
    ),
)
