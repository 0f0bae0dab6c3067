"""Mistakes in the session: which entries it sends, in which order, and which it accepts."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

SESSION = "replica.core.sync.session:Session"
REPLICA = "replica.core.state.replica:Replica"
DRIVER = "replica.runtime.driver"
LINK = "replica.runtime.peering.link:Link"
PEERS = "replica.runtime.peering.peers:Peers"
JOURNAL = "simulations.journal:SimulatedJournal"

SYNC = (
    Mutation(
        name="merged-again",
        breaks="entries that already came by another link are applied again",
        invariant=7,
        expected=("StreamsChecker", "ConvergenceChecker"),
        edits=(slip(f"{REPLICA}.take_in", ("fresh = entries[known:]", "fresh = entries")),),
    ),
    Mutation(
        name="frames-unsealed",
        breaks="a session accepts frames that were changed, lost or swapped on the line",
        invariant=2,
        expected=("DurabilityChecker", "CausalityChecker", "Liveness"),
        edits=(
            slip(
                "replica.core.sync.wire:unpack_frame",
                ("if packed[-SEAL_BYTES:] != _seal_of(content, number):", "if False:"),
            ),
        ),
    ),
    Mutation(
        name="cursor-kept",
        breaks="entries that were sent in an earlier session count as received",
        invariant=1,
        expected=("Liveness",),
        edits=(
            slip(
                f"{PEERS}._enter",
                (
                    "peer.hello, peer.link = hello, link",
                    "link.session._held.update(peer.hello and peer.cursor or {})\n"
                    "    peer.cursor = link.session._held\n"
                    "    peer.hello, peer.link = hello, link",
                ),
            ),
            slip(
                f"{SESSION}._compare",
                (
                    "self._held[stream] = self.durable[stream] = sequence",
                    "self.durable[stream] = sequence; self._held[stream] = max(sequence, self._held.get(stream, 0))",
                ),
            ),
        ),
    ),
    Mutation(
        name="acknowledges-all-sent",
        breaks="one acknowledgement counts for everything that was sent",
        invariant=2,
        expected=("DurabilityChecker",),
        edits=(
            slip(
                f"{SESSION}._acknowledge", ("while self._sent and self._sent[0].number <= number:", "while self._sent:")
            ),
        ),
    ),
    Mutation(
        name="sent-stream-by-stream",
        breaks="missing entries are sent stream by stream, so effects arrive before causes",
        invariant=8,
        expected=("CausalityChecker",),
        edits=(
            slip(
                f"{JOURNAL}.missing",
                ("key=lambda stored: stored.arrival", "key=lambda stored: (stored.entry.stream, stored.arrival)"),
            ),
        ),
    ),
    Mutation(
        name="first-missing-left-out",
        breaks="the first entry that a peer lacks is not sent",
        invariant=1,
        expected=("Liveness",),
        edits=(
            slip(
                f"{JOURNAL}.missing",
                ("self._disk.past(stream, sequence, limit)", "self._disk.past(stream, sequence + 1, limit)"),
            ),
        ),
    ),
    Mutation(
        name="nothing-relayed",
        breaks="a node sends only its own entries, not those of other writers",
        invariant=1,
        expected=("Liveness", "CausalityChecker"),
        edits=(
            slip(
                f"{SESSION}.lacking",
                (
                    "if head.sequence > held.get(stream, 0)",
                    "if head.sequence > held.get(stream, 0) and stream.writer == self._replica.writer",
                ),
            ),
        ),
    ),
    Mutation(
        name="chain-offered-by-stores",
        breaks="a store offers chain-wide documents, which hubs accept only from hubs",
        invariant=1,
        expected=("Liveness",),
        edits=(slip(f"{SESSION}.offered", ("scope != CHAIN and ", "")),),
    ),
    Mutation(
        name="chain-not-taken",
        breaks="a store accepts entries of its location from its hub, but no chain-wide documents",
        invariant=1,
        expected=("Liveness", "DocumentsChecker"),
        edits=(slip("edge_node.admission:admit_hub", ("return scopes", "return scopes[:1]")),),
    ),
    Mutation(
        name="kinds-of-next-release-refused",
        breaks="one entry of an unknown kind stops the whole stream",
        invariant=1,
        expected=("Liveness",),
        edits=(
            slip(
                "replica.core.sync.columns:_check_kinds",
                (
                    "if not is_name(kind):",
                    'if kind not in ("sale", "return", "receipt", "count", "adjustment", "quarantine", "document"):',
                ),
            ),
        ),
    ),
    Mutation(
        name="versions-must-be-equal",
        breaks="nodes of two releases refuse to connect during an upgrade",
        invariant=1,
        expected=("Liveness",),
        edits=(
            slip(
                f"{SESSION}._greet",
                (
                    "if min(high, PROTOCOL_MAX) < max(low, PROTOCOL_MIN):",
                    "if (low, high) != (PROTOCOL_MIN, PROTOCOL_MAX):",
                ),
            ),
        ),
    ),
    Mutation(
        name="wake-up-lost",
        breaks="an entry that becomes durable while the journal is read is sent only after the next entry",
        invariant=1,
        expected=("Liveness",),
        scenario="slow-disks-at-closing",
        edits=(
            slip(
                f"{LINK}._pump",
                ("self._driver.moved_past(arrival, scopes)", "self._driver.moved_past(self._driver.arrival, scopes)"),
            ),
        ),
    ),
    Mutation(
        name="watchers-of-all-scopes",
        breaks="a watcher of several scopes wakes only after all of them changed, not after one",
        invariant=1,
        expected=("Liveness",),
        edits=(slip(f"{DRIVER}:Driver._wake_watchers", ("any(scope in moved", "all(scope in moved")),),
    ),
    Mutation(
        name="window-unlimited",
        breaks="a backlog is sent without waiting for acknowledgements",
        invariant=10,
        expected=("BoundsChecker",),
        edits=(slip(f"{SESSION}.has_room", (" and self.unacknowledged_bytes < WINDOW_BYTES", "")),),
    ),
    Mutation(
        name="window-never-freed",
        breaks="acknowledged bytes still count as unacknowledged, until the session sends nothing more",
        invariant=1,
        expected=("Liveness", "RestChecker"),
        edits=(slip(f"{SESSION}._acknowledge", ("self.unacknowledged_bytes -= sent.size", "pass")),),
    ),
    Mutation(
        name="space-not-signalled",
        breaks="a link that waits for space in the window does not wake when there is space",
        invariant=1,
        expected=("Liveness",),
        edits=(slip(f"{LINK}._handle", ("self._room.set()", "pass")),),
    ),
    Mutation(
        name="bulk-slot-leaks",
        breaks="a merged frame still counts as waiting",
        invariant=1,
        expected=("Liveness",),
        edits=(slip(f"{DRIVER}:Driver._take", ("self._bulk_room.release()", "pass")),),
    ),
    Mutation(
        name="merges-unlimited",
        breaks="the number of one peer's frames between arrival and commit has no limit",
        invariant=10,
        expected=("BoundsChecker",),
        edits=(slip(f"{LINK}.__init__", ("asyncio.Queue(MERGES_WAITING_MAX)", "asyncio.Queue()")),),
    ),
    Mutation(
        name="inbox-unlimited",
        breaks="the number of requests in the inbox has no limit",
        invariant=10,
        expected=("BoundsChecker",),
        edits=(slip(f"{DRIVER}:Driver._check_open", ("if self._waiting + weight > INBOX_MAX:", "if False:")),),
    ),
)
