"""Mistakes in how nodes make and keep connections."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

SESSION = "replica.core.sync.session:Session"
DIALER = "replica.runtime.peering.peers:Dialer"
PEERS = "replica.runtime.peering.peers:Peers"

LINKS = (
    Mutation(
        name="dialled-once",
        breaks="a node does not dial again after a connection ended",
        invariant=1,
        expected=("Liveness",),
        edits=(
            slip(
                f"{DIALER}.run",
                ("retry_s = min(RETRY_MAX_S, retry_s * 2)", "await asyncio.Event().wait()"),
            ),
        ),
    ),
    Mutation(
        name="retries-without-bound",
        breaks="the wait between two rounds of dialling doubles for ever",
        invariant=10,
        expected=("Liveness",),
        edits=(slip(f"{DIALER}.run", ("min(RETRY_MAX_S, retry_s * 2)", "retry_s * 2")),),
    ),
    Mutation(
        name="no-failover",
        breaks="a store dials its home hub only",
        invariant=1,
        expected=("Liveness",),
        edits=(slip(f"{DIALER}.run", ("for url in self.urls:", "for url in self.urls[:1]:")),),
    ),
    Mutation(
        name="dial-without-timeout",
        breaks="a node waits without limit for a dial on a cut line",
        invariant=10,
        expected=("Liveness",),
        edits=(slip(f"{DIALER}._try", ("asyncio.timeout(DIAL_TIMEOUT_S)", "asyncio.timeout(None)")),),
    ),
    Mutation(
        name="silence-unlimited",
        breaks="a connection on a dead line counts as alive",
        invariant=1,
        expected=("Liveness",),
        edits=(slip(f"{SESSION}.tick", ("if silence_ms > SILENCE_MAX_MS:", "if False:")),),
    ),
    Mutation(
        name="silence-heard-in-own-words",
        breaks="sending on a dead line counts as receiving from it",
        invariant=1,
        expected=("Liveness",),
        edits=(
            slip(
                f"{SESSION}.tick",
                ("self._spoke_ms = now.elapsed_ms", "self._spoke_ms = self._heard_ms = now.elapsed_ms"),
            ),
        ),
    ),
    Mutation(
        name="first-link-stays",
        breaks="the first process with a name keeps that name for ever",
        invariant=1,
        expected=("Liveness",),
        edits=(
            slip(
                f"{PEERS}._leave",
                ("peer.link, peer.reason, peer.seen_ms = None, link.reason", "peer.reason, peer.seen_ms = link.reason"),
            ),
        ),
    ),
)
