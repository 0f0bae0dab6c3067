"""Mistakes in stamps, and in documents, because versions and stamps decide between two writes."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

CLOCK = "replica.core.base.clock:HybridClock"
REPLICA = "replica.core.state.replica:Replica"
DOCUMENTS = "replica.core.catalog.documents"
REGISTERS = "replica.core.catalog.registers"
TIMES = "replica.core.log.times"

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
        name="times-from-stamps",
        breaks="after one wrong reading of the clock, answers show the time of the stamp",
        invariant=0,
        expected=("TimesChecker",),
        edits=(
            slip(
                f"{TIMES}:recorded_ms",
                (
                    "return wall_ms if type(wall_ms) is int and WALL_MIN_MS <= wall_ms < shown_ms else shown_ms",
                    "return shown_ms",
                ),
            ),
        ),
    ),
    Mutation(
        name="counts-without-the-tills-time",
        breaks="a sale from before a count that a till tells later changes the counted level",
        invariant=5,
        expected=("CountedChecker", "TruthChecker"),
        edits=(slip(f"{TIMES}:told_ms", ("if not _is_moment(occurred):", "if True:")),),
    ),
    Mutation(
        name="impossible-times-believed",
        breaks="a sale of a till with a wrong clock counts at the time that the till says",
        invariant=5,
        expected=("CountedChecker", "TruthChecker"),
        edits=(
            slip(
                f"{TIMES}:told_ms",
                ("is_believed = occurred_ms <= noted_ms and is_possible(occurred_ms, noted_ms)", "is_believed = True"),
            ),
        ),
    ),
    Mutation(
        name="clock-faults-forgotten",
        breaks="a restarted node forgets which tills have a wrong clock",
        invariant=0,
        expected=("ClockFaultsChecker", "Checkpoint"),
        edits=(slip("replica.core.state.fold:Fold.load", ("part.load(", 'name != "clock_faults" and part.load(')),),
    ),
    Mutation(
        name="wrong-tills-kept-quiet",
        breaks="a node does not note that a till said a time that cannot be true",
        invariant=0,
        expected=("ClockFaultsChecker",),
        edits=(
            slip(
                "replica.core.state.clock_faults:ClockFaults.concern",
                ("WALL in facts or OCCURRED_AT in facts", "WALL in facts"),
            ),
        ),
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
        edits=(
            slip(
                f"{DOCUMENTS}:Documents.put",
                ("standing = max(current, register, key=_precedence)", "standing = register"),
            ),
        ),
    ),
    Mutation(
        name="tie-by-arrival",
        breaks="of two writes of the same version, the one that arrives first wins",
        invariant=1,
        expected=("ConvergenceChecker", "DocumentsChecker"),
        edits=(
            slip(
                f"{REGISTERS}:Register.precedence",
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
                f"{REGISTERS}:Register.precedence",
                ("(self.version, self.clock, self.writer)", "(self.clock, self.version, self.writer)"),
            ),
        ),
    ),
    Mutation(
        name="documents-not-restored",
        breaks="a restarted node shows no earlier document",
        invariant=1,
        expected=("ConvergenceChecker", "DocumentsChecker", "Checkpoint"),
        edits=(
            slip(
                "replica.core.state.fold:_DocumentsPart.load",
                ("if self._documents.put(register) is not None:", "if False:"),
            ),
        ),
    ),
    Mutation(
        name="lost-edit-dropped",
        breaks="a write that loses against another one is dropped, and nobody is told",
        invariant=1,
        expected=("LostEditsChecker", "Checkpoint"),
        edits=(slip(f"{DOCUMENTS}:Documents.put", ("tuple(lost[:LOST_EDITS_MAX])", "()")),),
    ),
    Mutation(
        name="lost-edit-listed-for-ever",
        breaks="a write does not name the lost edits that its author saw, so they stay listed",
        invariant=1,
        expected=("LostEditsChecker",),
        edits=(
            slip(
                f"{DOCUMENTS}:Documents.replaced_by_next",
                ("for head in (current, *self._pasts.get(register.slot, NO_PAST).lost)]", "for head in (current,)]"),
            ),
        ),
    ),
    Mutation(
        name="lost-edits-not-restored",
        breaks="a restarted node lists no earlier lost edit",
        invariant=1,
        expected=("LostEditsChecker", "Checkpoint"),
        edits=(slip(f"{DOCUMENTS}:Documents.load_past", ("if past != NO_PAST:", "if False:")),),
    ),
)
