"""Mistakes around the commit: answers before it, and the state after a commit that failed."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

DRIVER = "replica.runtime.driver"
LINK = "replica.runtime.peering.link:Link"
REPLICA = "replica.core.state.replica:Replica"
JOURNAL = "simulations.journal"

COMMITS = (
    Mutation(
        "answer-before-commit",
        "the node answers callers before the commit ends",
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
        "a read shows entries that a crash can still lose",
        2,
        ("DurabilityChecker",),
        (slip(f"{DRIVER}:Driver.look", ("if self._commit is None and not self.replica.uncommitted:", "if True:")),),
    ),
    Mutation(
        "reads-wait-for-the-next-batch-only",
        "a read waits for the batch that is computed, not for the batch that is being committed",
        2,
        ("DurabilityChecker",),
        (slip(f"{DRIVER}:Driver.look", ("self._commit is None and not self.replica", "not self.replica")),),
    ),
    Mutation(
        "claim-before-commit",
        "a session claims entries that are not durable yet",
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
        "a link acknowledges frames before it merges and commits them",
        2,
        ("DurabilityChecker",),
        (slip(f"{LINK}._acknowledge", ("await merged", "pass")),),
    ),
    Mutation(
        "acknowledged-once-merged",
        "a link acknowledges frames after the merge, before they are durable",
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
        "after a full disk, the core continues from state that was not written",
        7,
        ("StreamsChecker", "DurabilityChecker"),
        (slip(f"{DRIVER}:Driver._settle", ("self.replica.restore(await self._journal.load())", "pass")),),
    ),
    Mutation(
        "full-disk-answers-the-next",
        "requests that build on a batch that did not fit are answered as done",
        2,
        ("DurabilityChecker",),
        (slip(f"{DRIVER}:Driver.run", ("if await self._settle():", "if await self._settle() or True:")),),
    ),
    Mutation(
        "full-disk-for-ever",
        "a disk that was full once is treated as full for ever",
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
        "after a full disk, streams continue after the entry that did not fit",
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
        "after a full disk, the ledger still contains the entries that did not fit",
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
        "the next commit begins before the current one ends",
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
        "a restarted node treats its journal as empty: it finds no key in it and sends nothing",
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
