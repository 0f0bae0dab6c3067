"""Mistakes in how nodes make and keep connections."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

SESSION = "replica.core.sync.session:Session"
DIALER = "replica.runtime.peering.peers:Dialer"
PEERS = "replica.runtime.peering.peers:Peers"

LINKS = (
    Mutation(
        "dialled-once",
        "a node does not dial again after a connection ended",
        1,
        ("Liveness",),
        (
            slip(
                f"{DIALER}.run",
                ("retry_s = min(RETRY_MAX_S, retry_s * 2)", "await asyncio.Event().wait()"),
            ),
        ),
    ),
    Mutation(
        "retries-without-bound",
        "the wait between two rounds of dialling doubles for ever",
        10,
        ("Liveness",),
        (slip(f"{DIALER}.run", ("min(RETRY_MAX_S, retry_s * 2)", "retry_s * 2")),),
    ),
    Mutation(
        "no-failover",
        "a store dials its home hub only",
        1,
        ("Liveness",),
        (slip(f"{DIALER}.run", ("for url in self.urls:", "for url in self.urls[:1]:")),),
    ),
    Mutation(
        "dial-without-timeout",
        "a node waits without limit for a dial on a cut line",
        10,
        ("Liveness",),
        (slip(f"{DIALER}._try", ("asyncio.timeout(DIAL_TIMEOUT_S)", "asyncio.timeout(None)")),),
    ),
    Mutation(
        "silence-unlimited",
        "a connection on a dead line counts as alive",
        1,
        ("Liveness",),
        (slip(f"{SESSION}.tick", ("if silence_ms > SILENCE_MAX_MS:", "if False:")),),
    ),
    Mutation(
        "silence-heard-in-own-words",
        "sending on a dead line counts as receiving from it",
        1,
        ("Liveness",),
        (
            slip(
                f"{SESSION}.tick",
                ("self._spoke_ms = now.elapsed_ms", "self._spoke_ms = self._heard_ms = now.elapsed_ms"),
            ),
        ),
    ),
    Mutation(
        "first-link-stays",
        "the first process with a name keeps that name for ever",
        1,
        ("Liveness",),
        (
            slip(
                f"{PEERS}._leave",
                ("peer.link, peer.reason, peer.seen_ms = None, link.reason", "peer.reason, peer.seen_ms = link.reason"),
            ),
        ),
    ),
)
