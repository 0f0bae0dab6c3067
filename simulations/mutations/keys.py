"""Mistakes in exactly-once: keys, repeated requests, and which caller gets which answer."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

DRIVER = "replica.runtime.driver"
REPLICA = "replica.core.state.replica"
RECENT = "replica.core.log.recent_keys:RecentKeys"

KEYS = (
    Mutation(
        name="keys-in-memory",
        breaks="the driver looks for keys in memory only, so it treats older ones as new",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(
            slip(
                f"{DRIVER}:Driver._find_earlier",
                ("found.update((await self._journal.find(keys)).items())", "pass"),
            ),
        ),
    ),
    Mutation(
        name="recent-keys-forgotten",
        breaks="the replica does not remember the keys of batches that are not durable yet",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(
            slip(f"{RECENT}.put", ("self._current[key] = entry", "pass")),
            slip(f"{RECENT}.put_run", ("run.keys, run", "()")),
        ),
    ),
    Mutation(
        name="keys-turn-early",
        breaks="the replica forgets the keys of a batch before the batch is durable",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(
            slip(
                f"{RECENT}.turn",
                ("= self._before, self._current, {}", "= {}, {}, {}"),
            ),
        ),
    ),
    Mutation(
        name="fast-sales-without-keys",
        breaks="the fast paths of sales and orders remember no key until their batch is durable",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(slip(f"{REPLICA}:Replica.record_run", ("self.keys.put_run(run)", "pass")),),
    ),
    Mutation(
        name="keys-let-go-full",
        breaks="a full disk removes the entries, but not their keys",
        invariant=3,
        expected=("ExactlyOnceChecker", "DurabilityChecker"),
        edits=(
            slip(
                f"{REPLICA}:Replica.restore",
                ("self.keys = RecentKeys()", 'self.keys = getattr(self, "keys", RecentKeys())'),
            ),
        ),
    ),
    Mutation(
        name="any-request-under-a-key",
        breaks="if a key is used for another request, the node answers with the first entry",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(
            slip(
                "replica.core.state.commands:repeats_command",
                ("kinds.request_of(earlier.content) == request", "kinds.request_of(earlier.content) is not None"),
            ),
        ),
    ),
    Mutation(
        name="requests-compared-by-expansion",
        breaks="the node refuses a repeated request if its effect would be different now",
        invariant=3,
        expected=("ExactlyOnceChecker",),
        edits=(
            slip(
                "replica.core.state.commands:repeats_command",
                (
                    "kinds.request_of(earlier.content) == request",
                    "earlier.content.lines and kinds.request_of(earlier.content) == request",
                ),
            ),
        ),
    ),
    Mutation(
        name="twins-answered-alike",
        breaks="two equal requests with different keys in one batch are decided once",
        invariant=3,
        expected=("ExactlyOnceChecker", "TruthChecker"),
        edits=(
            slip(
                "replica.core.state.decisions:execute_requests",
                (
                    "    for some in stretches(requests):\n",
                    "    firsts = {str(one).partition('key=')[0]: one for one in reversed(list(requests))}\n"
                    "    if len(firsts) < len(requests):\n"
                    "        decided = execute_requests(replica, list(firsts.values()), now_ms, earlier)\n"
                    "        found = dict(zip(firsts, decided))\n"
                    "        return [found[str(one).partition('key=')[0]] for one in requests]\n"
                    "    for some in stretches(requests):\n",
                ),
            ),
        ),
    ),
    Mutation(
        name="verdicts-sorted",
        breaks="verdicts are sorted: refusals last, not in the order of the requests",
        invariant=3,
        expected=("ExactlyOnceChecker", "TruthChecker"),
        edits=(
            slip(
                "replica.core.state.decisions:execute_all",
                (
                    "[[verdict] for verdict in decided]",
                    "[[verdict] for verdict in sorted(decided, key=lambda one: isinstance(one, Refused))]",
                ),
            ),
        ),
    ),
    Mutation(
        name="answers-in-the-order-of-size",
        breaks="callers of single requests at the same time get each other's answers",
        invariant=3,
        expected=("ExactlyOnceChecker", "TruthChecker", "OrdersChecker"),
        edits=(
            slip(
                f"{DRIVER}:_release",
                (
                    "for asked, answer in answers:",
                    "asks = [one for one in answers if isinstance(one[0], _Ask) and len(one[0].requests) == 1]\n"
                    "    rest = [one for one in answers if one not in asks]\n"
                    "    swapped = [(one, answer) for (one, _), (_, answer) in zip(asks, asks[::-1])]\n"
                    "    for asked, answer in [*swapped, *rest]:",
                ),
            ),
        ),
    ),
    Mutation(
        name="failure-taken-for-refusal",
        breaks="a commit with an unknown outcome is answered as if it did not happen",
        invariant=3,
        expected=("ExactlyOnceChecker", "StreamsChecker"),
        edits=(
            slip(
                f"{DRIVER}:Driver._write",
                ("except StorageFull as full:", "except Exception as failed:\n        full = StorageFull(str(failed))"),
                ("\n        raise\n", "\n        raise full\n"),
            ),
        ),
    ),
)
