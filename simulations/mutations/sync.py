"""Slips in the session: what is sent, in which order, and what is taken in."""

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
        "entries that came by another way before are added once more",
        7,
        ("StreamsChecker", "ConvergenceChecker"),
        (slip(f"{REPLICA}.take_in", ("fresh = entries[known:]", "fresh = entries")),),
    ),
    Mutation(
        "frames-unsealed",
        "frames that were changed, lost or swapped on their way are taken as they come",
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
        "what was sent in an earlier session is taken for received",
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
        "one acknowledgement is taken for all that was sent",
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
        "what a peer lacks is sent in the order of streams, effects before causes",
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
        "of what a peer lacks the first entry is left out",
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
        "a node passes on its own entries only, and not what it heard from others",
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
        "a store relays chain-wide documents, which no hub takes from it",
        1,
        ("Liveness",),
        (slip(f"{SESSION}.offered", ("scope != CHAIN and ", "")),),
    ),
    Mutation(
        "chain-not-taken",
        "a store takes from its hub what concerns its location and no chain-wide document",
        1,
        ("Liveness", "DocumentsChecker"),
        (slip("edge_node.admission:admit_hub", ("return scopes", "return scopes[:1]")),),
    ),
    Mutation(
        "kinds-of-next-release-refused",
        "one entry of a kind not known here stops the whole stream",
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
        "nodes of two releases do not talk to each other during an upgrade",
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
        "what becomes durable while the journal is read waits for the next entry to be sent",
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
        "who waits for one of several scopes is woken only when all of them moved",
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
        "acknowledged bytes count as under way for ever, until nothing more is sent",
        1,
        ("Liveness",),
        (slip(f"{SESSION}._acknowledge", ("self.unacknowledged_bytes -= sent.size", "pass")),),
    ),
    Mutation(
        "space-not-signalled",
        "who waits for room to send is not told when there is some",
        1,
        ("Liveness",),
        (slip(f"{LINK}._handle", ("self._room.set()", "pass")),),
    ),
    Mutation(
        "bulk-slot-leaks",
        "a merged frame keeps its place among those that wait",
        1,
        ("Liveness",),
        (slip(f"{DRIVER}:Driver._take", ("self._bulk_room.release()", "pass")),),
    ),
    Mutation(
        "merges-unlimited",
        "frames of one peer pile up between arrival and commit",
        10,
        ("BoundsChecker",),
        (slip(f"{LINK}.__init__", ("asyncio.Queue(MERGES_WAITING_MAX)", "asyncio.Queue()")),),
    ),
    Mutation(
        "inbox-unlimited",
        "requests pile up in the inbox however many wait",
        10,
        ("BoundsChecker",),
        (slip(f"{DRIVER}:Driver._check_open", ("if self._waiting + weight > INBOX_MAX:", "if False:")),),
    ),
)
