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
        "merged-again",
        "entries that already came by another link are applied again",
        7,
        ("StreamsChecker", "ConvergenceChecker"),
        (slip(f"{REPLICA}.take_in", ("fresh = entries[known:]", "fresh = entries")),),
    ),
    Mutation(
        "frames-unsealed",
        "a session accepts frames that were changed, lost or swapped on the line",
        2,
        ("DurabilityChecker", "CausalityChecker", "Liveness"),
        (
            slip(
                "replica.core.sync.wire:unpack_frame",
                ("if packed[-SEAL_BYTES:] != _seal_of(content, number):", "if False:"),
            ),
        ),
    ),
    Mutation(
        "cursor-kept",
        "entries that were sent in an earlier session count as received",
        1,
        ("Liveness",),
        (
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
        "acknowledges-all-sent",
        "one acknowledgement counts for everything that was sent",
        2,
        ("DurabilityChecker",),
        (
            slip(
                f"{SESSION}._acknowledge", ("while self._sent and self._sent[0].number <= number:", "while self._sent:")
            ),
        ),
    ),
    Mutation(
        "sent-stream-by-stream",
        "missing entries are sent stream by stream, so effects arrive before causes",
        8,
        ("CausalityChecker",),
        (
            slip(
                f"{JOURNAL}.missing",
                ("key=lambda stored: stored.arrival", "key=lambda stored: (stored.entry.stream, stored.arrival)"),
            ),
        ),
    ),
    Mutation(
        "first-missing-left-out",
        "the first entry that a peer lacks is not sent",
        1,
        ("Liveness",),
        (
            slip(
                f"{JOURNAL}.missing",
                ("self._disk.past(stream, sequence, limit)", "self._disk.past(stream, sequence + 1, limit)"),
            ),
        ),
    ),
    Mutation(
        "nothing-relayed",
        "a node sends only its own entries, not those of other writers",
        1,
        ("Liveness", "CausalityChecker"),
        (
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
        "chain-offered-by-stores",
        "a store offers chain-wide documents, which hubs accept only from hubs",
        1,
        ("Liveness",),
        (slip(f"{SESSION}.offered", ("scope != CHAIN and ", "")),),
    ),
    Mutation(
        "chain-not-taken",
        "a store accepts entries of its location from its hub, but no chain-wide documents",
        1,
        ("Liveness", "DocumentsChecker"),
        (slip("edge_node.admission:admit_hub", ("return scopes", "return scopes[:1]")),),
    ),
    Mutation(
        "kinds-of-next-release-refused",
        "one entry of an unknown kind stops the whole stream",
        1,
        ("Liveness",),
        (
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
        "versions-must-be-equal",
        "nodes of two releases refuse to connect during an upgrade",
        1,
        ("Liveness",),
        (
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
        "wake-up-lost",
        "an entry that becomes durable while the journal is read is sent only after the next entry",
        1,
        ("Liveness",),
        (
            slip(
                f"{LINK}._pump",
                ("self._driver.moved_past(arrival, scopes)", "self._driver.moved_past(self._driver.arrival, scopes)"),
            ),
        ),
    ),
    Mutation(
        "watchers-of-all-scopes",
        "a watcher of several scopes wakes only after all of them changed, not after one",
        1,
        ("Liveness",),
        (slip(f"{DRIVER}:Driver._tell_watchers", ("any(scope in moved", "all(scope in moved")),),
    ),
    Mutation(
        "window-unlimited",
        "a backlog is sent without waiting for acknowledgements",
        10,
        ("BoundsChecker",),
        (slip(f"{SESSION}.has_room", (" and self.unacknowledged_bytes < WINDOW_BYTES", "")),),
    ),
    Mutation(
        "window-never-freed",
        "acknowledged bytes still count as unacknowledged, until the session sends nothing more",
        1,
        ("Liveness",),
        (slip(f"{SESSION}._acknowledge", ("self.unacknowledged_bytes -= sent.size", "pass")),),
    ),
    Mutation(
        "space-not-signalled",
        "a link that waits for space in the window does not wake when there is space",
        1,
        ("Liveness",),
        (slip(f"{LINK}._handle", ("self._room.set()", "pass")),),
    ),
    Mutation(
        "bulk-slot-leaks",
        "a merged frame still counts as waiting",
        1,
        ("Liveness",),
        (slip(f"{DRIVER}:Driver._take", ("self._bulk_room.release()", "pass")),),
    ),
    Mutation(
        "merges-unlimited",
        "the number of one peer's frames between arrival and commit has no limit",
        10,
        ("BoundsChecker",),
        (slip(f"{LINK}.__init__", ("asyncio.Queue(MERGES_WAITING_MAX)", "asyncio.Queue()")),),
    ),
    Mutation(
        "inbox-unlimited",
        "the number of requests in the inbox has no limit",
        10,
        ("BoundsChecker",),
        (slip(f"{DRIVER}:Driver._check_open", ("if self._waiting + weight > INBOX_MAX:", "if False:")),),
    ),
)
