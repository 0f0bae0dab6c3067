"""Slips around the commit: what is said before it, and what is left of one that failed."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

DRIVER = "replica.runtime.driver"
LINK = "replica.runtime.peering.link:Link"
REPLICA = "replica.core.state.replica:Replica"
JOURNAL = "simulations.journal"

COMMITS = (
    Mutation(
        "answer-before-commit",
        "callers are answered while the disk still writes",
        2,
        ("DurabilityChecker",),
        (
            slip(
                f"{DRIVER}:Driver._start_commit",
                ("if batch.runs:", "_release(answers)\n    if batch.runs:"),
            ),
        ),
    ),
    Mutation(
        "reads-do-not-wait",
        "a read shows what a crash may still undo",
        2,
        ("DurabilityChecker",),
        (slip(f"{DRIVER}:Driver.look", ("if self._commit is None and not self.replica.uncommitted:", "if True:")),),
    ),
    Mutation(
        "reads-wait-for-the-next-batch-only",
        "a read waits for what is being computed and not for what is being written",
        2,
        ("DurabilityChecker",),
        (slip(f"{DRIVER}:Driver.look", ("self._commit is None and not self.replica", "not self.replica")),),
    ),
    Mutation(
        "claim-before-commit",
        "a session claims to hold what is not durable yet",
        2,
        ("DurabilityChecker",),
        (
            slip(
                f"{LINK}._handle",
                (
                    "await self._driver.look(lambda replica: plain_vectors(replica, scopes))",
                    "plain_vectors(self._driver.replica, scopes)",
                ),
            ),
        ),
    ),
    Mutation(
        "acknowledged-on-arrival",
        "frames are acknowledged before they are merged and committed",
        2,
        ("DurabilityChecker",),
        (slip(f"{LINK}._acknowledge", ("await merged", "pass")),),
    ),
    Mutation(
        "acknowledged-once-merged",
        "frames are acknowledged once they are merged, before they are durable",
        2,
        ("DurabilityChecker",),
        (
            slip(
                f"{DRIVER}:Driver._compute",
                (
                    "self.counters.entries_merged += replica.uncommitted - before",
                    "self.counters.entries_merged += replica.uncommitted - before\n        _release(answers[-1:])",
                ),
            ),
        ),
    ),
    Mutation(
        "full-disk-keeps-core",
        "after a full disk the core goes on from what was not written",
        7,
        ("StreamsChecker", "DurabilityChecker"),
        (slip(f"{DRIVER}:Driver._settle", ("self.replica.restore(await self._journal.load())", "pass")),),
    ),
    Mutation(
        "full-disk-answers-the-next",
        "what was computed on top of a batch that did not fit is answered as done",
        2,
        ("DurabilityChecker",),
        (slip(f"{DRIVER}:Driver.run", ("if await self._settle():", "if await self._settle() or True:")),),
    ),
    Mutation(
        "full-disk-for-ever",
        "a disk that was full once counts as full for ever",
        1,
        ("Liveness",),
        (
            slip(
                f"{DRIVER}:Driver._settle", ("min(RELOAD_SHARE * (reloaded_ms - started_ms), FULL_MS_MAX)", "(1 << 60)")
            ),
        ),
    ),
    Mutation(
        "restore-keeps-vectors",
        "after a full disk streams go on after the entry that did not fit",
        7,
        ("StreamsChecker", "DurabilityChecker", "ConvergenceChecker"),
        (
            slip(
                f"{REPLICA}.restore",
                ("self.vectors: dict[str, Vector] = {}", 'self.vectors = getattr(self, "vectors", {})'),
            ),
        ),
    ),
    Mutation(
        "restore-keeps-ledger",
        "after a full disk the ledger still has what did not fit",
        7,
        ("StreamsChecker", "ConvergenceChecker", "TruthChecker", "FloorChecker"),
        (
            slip(
                f"{REPLICA}.restore",
                (
                    "self.fold = Fold(self.node, open_catalog=self.open_catalog, kinds=self.kinds)",
                    'kept = getattr(self, "ledger", None)\n'
                    "    self.fold = Fold(self.node, open_catalog=self.open_catalog, kinds=self.kinds)\n"
                    "    self.fold.ledger = kept if kept is not None else self.fold.ledger",
                ),
            ),
            slip(
                "replica.core.state.fold:Fold.load",
                (
                    "self.ledger.apply(location, writer, (Move(item, source, target, total),))",
                    "self.ledger.join(location, item, (writer, source, target), total)",
                ),
            ),
        ),
    ),
    Mutation(
        "commits-overlap",
        "the next commit begins before the one under way is through",
        7,
        ("StreamsChecker", "DurabilityChecker", "CausalityChecker", "ExactlyOnceChecker"),
        (
            slip(
                f"{DRIVER}:Driver.run",
                ("if await self._settle():", "if self._commit is not None or await self._settle():"),
            ),
        ),
    ),
    Mutation(
        "last-entry-not-loaded",
        "a restarted node does not know the last entry it wrote",
        7,
        ("StreamsChecker",),
        (
            slip(
                f"{JOURNAL}:SimulatedJournal.load",
                ("for stored in self._disk.stored)", "for stored in self._disk.stored[:-1])"),
            ),
        ),
    ),
    Mutation(
        "arrivals-forgotten",
        "a restarted node takes its journal for empty: it finds no key in it and nothing to send",
        1,
        ("Liveness", "ExactlyOnceChecker"),
        (
            slip(
                "replica.core.state.fold:image_of",
                ("arrival=arrival", "arrival=0"),
            ),
        ),
    ),
)
