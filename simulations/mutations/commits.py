"""Mistakes around the commit: answers before it, and the state after a commit that failed."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

DRIVER = "replica.runtime.driver"
LINK = "replica.runtime.peering.link:Link"
REPLICA = "replica.core.state.replica:Replica"
JOURNAL = "simulations.journal"

COMMITS = (
    Mutation(
        name="answer-before-commit",
        breaks="the node answers callers before the commit ends",
        invariant=2,
        expected=("DurabilityChecker",),
        edits=(
            slip(
                f"{DRIVER}:Driver._start_commit",
                ("if batch.runs:", "_release(answers)\n    if batch.runs:"),
            ),
        ),
    ),
    Mutation(
        name="reads-do-not-wait",
        breaks="a read shows entries that a crash can still lose",
        invariant=2,
        expected=("DurabilityChecker",),
        edits=(
            slip(f"{DRIVER}:Driver.look", ("if self._commit is None and not self.replica.uncommitted:", "if True:")),
        ),
    ),
    Mutation(
        name="reads-wait-for-the-next-batch-only",
        breaks="a read waits for the batch that is computed, not for the batch that is being committed",
        invariant=2,
        expected=("DurabilityChecker",),
        edits=(slip(f"{DRIVER}:Driver.look", ("self._commit is None and not self.replica", "not self.replica")),),
    ),
    Mutation(
        name="claim-before-commit",
        breaks="a session claims entries that are not durable yet",
        invariant=2,
        expected=("DurabilityChecker",),
        edits=(
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
        name="acknowledged-on-arrival",
        breaks="a link acknowledges frames before it merges and commits them",
        invariant=2,
        expected=("DurabilityChecker",),
        edits=(slip(f"{LINK}._acknowledge", ("await merged", "pass")),),
    ),
    Mutation(
        name="acknowledged-once-merged",
        breaks="a link acknowledges frames after the merge, before they are durable",
        invariant=2,
        expected=("DurabilityChecker",),
        edits=(
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
        name="full-disk-keeps-core",
        breaks="after a full disk, the core continues from state that was not written",
        invariant=7,
        expected=("StreamsChecker", "DurabilityChecker"),
        edits=(slip(f"{DRIVER}:Driver._settle", ("self.replica.restore(await self._journal.load())", "pass")),),
    ),
    Mutation(
        name="full-disk-answers-the-next",
        breaks="requests that build on a batch that did not fit are answered as done",
        invariant=2,
        expected=("DurabilityChecker",),
        edits=(slip(f"{DRIVER}:Driver.run", ("if await self._settle():", "if await self._settle() or True:")),),
    ),
    Mutation(
        name="full-disk-for-ever",
        breaks="a disk that was full once is treated as full for ever",
        invariant=1,
        expected=("Liveness",),
        edits=(
            slip(
                f"{DRIVER}:Driver._settle", ("min(RELOAD_SHARE * (reloaded_ms - started_ms), FULL_MS_MAX)", "(1 << 60)")
            ),
        ),
    ),
    Mutation(
        name="restore-keeps-vectors",
        breaks="after a full disk, streams continue after the entry that did not fit",
        invariant=7,
        expected=("StreamsChecker", "DurabilityChecker", "ConvergenceChecker"),
        edits=(
            slip(
                f"{REPLICA}.restore",
                ("self.vectors: dict[str, Vector] = {}", 'self.vectors = getattr(self, "vectors", {})'),
            ),
        ),
    ),
    Mutation(
        name="restore-keeps-ledger",
        breaks="after a full disk, the ledger still contains the entries that did not fit",
        invariant=7,
        expected=(
            "StreamsChecker",
            "ConvergenceChecker",
            "TruthChecker",
            "FloorChecker",
            "HeldChecker",
            "ReferenceChecker",
        ),
        edits=(
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
        name="commits-overlap",
        breaks="the next commit begins before the current one ends",
        invariant=7,
        expected=("StreamsChecker", "DurabilityChecker", "CausalityChecker", "ExactlyOnceChecker"),
        edits=(
            slip(
                f"{DRIVER}:Driver.run",
                ("if await self._settle():", "if self._commit is not None or await self._settle():"),
            ),
        ),
    ),
    Mutation(
        name="last-entry-not-loaded",
        breaks="a restarted node does not know the last entry it wrote",
        invariant=7,
        expected=("Checkpoint",),
        edits=(
            slip(
                f"{JOURNAL}:SimulatedDisk.folded",
                ("for one in self.stored]", "for one in self.stored[:-1]]"),
            ),
        ),
    ),
    Mutation(
        name="arrivals-forgotten",
        breaks="a restarted node treats its journal as empty: it finds no key in it and sends nothing",
        invariant=1,
        expected=("Liveness", "ExactlyOnceChecker", "Checkpoint"),
        edits=(
            slip(
                "replica.core.state.fold:image_of",
                ("arrival=arrival", "arrival=0"),
            ),
        ),
    ),
)
