"""Every bound of the core, in one place, with its unit and its reason. Derived bounds are asserted at the end."""

NAME_LENGTH_MAX = 64
"""Characters in a node, location, item or SKU name: they stand in every cell, so they stay short."""

KEY_LENGTH_MAX = 128
"""Characters in an idempotency key; the field's longest (a UUID with a prefix) take about 60."""

TEXT_LENGTH_MAX = 256
"""Characters in a till, reason, reference or receipt number: references, never documents."""

QUANTITY_MAX = 1_000_000_000
"""Base units in one line: a thousand tonnes in grams."""

TOTAL_MAX = 2**63 - 1
"""Units in one cell: what a signed 64-bit column holds."""

LINES_MAX = 1_000
"""Lines in one request: a lorry's delivery note, not a catalogue."""

SALES_PER_BATCH_MAX = 500
"""Sales in one `sales:batch` call."""

RECIPE_ITEMS_MAX = 100
"""Items in one SKU's recipe."""

MOVES_MAX = LINES_MAX * RECIPE_ITEMS_MAX
"""Moves in one entry: every line a bundle of the largest kind."""

BODY_BYTES_MAX = 1 << 20
"""Encoded bytes of one entry: it must fit into one frame."""

DOCUMENT_BYTES_MAX = 64 << 10
"""Encoded bytes of one document's value."""

POLICY_PARTS_MAX = 256
"""Regions, and likewise channels, that one policy splits units over."""

HOLD_TTL_MAX_S = 30 * 86_400
"""Seconds an unpaid hold may live: a month, for goods that wait to be picked up."""

HOLD_WAIT_MAX_MS = 30_000
"""How long the caller of an order may let it wait for rights: as long as a shopper would."""

EVENT_NUMBER_MAX = 2**31 - 1
"""Number of an event among those of its fulfilment."""

PARKED_MS = 3_600_000
"""How long an event waits for its predecessor: a message queue that is an hour late has an operator."""

PARKED_PER_ORDER_MAX = 64
"""Events that wait at one order: more than a fulfilment has states."""

SELECTIONS_MAX = 4
"""How often one fulfilment may be named to be given up: its owner kept it so often for there was no shortage then."""

EVENTS_PER_FULFILMENT_MAX = 256
"""Things that may happen to one fulfilment and might again: its history is kept whole. What ends it always may."""

ALLOCATED_ITEMS_MAX = 1_500
"""Items of SKUs held by one fulfilment: the entry that gives all of them back has to fit."""

REPORTS_PER_ORDER_MAX = 16
"""Events that did nothing which are kept in view for one order; the journal has them all."""

VERSION_MAX = 2**63 - 1
"""Version of a document's write: what a signed 64-bit column holds."""

RANK_MAX = 255
"""Rank of a document's write: many more than there are levels between a chain and a store."""

KEY_ENTRIES_MAX = 64
"""Entries of one key that are looked up: more nodes than ever accept one request while they are cut off."""

COLLISIONS_MAX = 256
"""Newest collisions of keys that are kept in view; the journal has them all."""

FACTS_MAX = 64
"""Named facts in one entry."""

FACTS_DEPTH_MAX = 16
"""Lists and maps inside each other in one entry's facts: far from where decoding them would exhaust the stack."""

FRAME_BYTES_MAX = 4 << 20
"""Bytes of one frame as it travels."""

SEAL_BYTES = 4
"""Bytes of a frame's seal, a CRC-32: against what lines and middleboxes do by accident."""

FRAME_RAW_BYTES_MAX = 16 << 20
"""Bytes of one frame's columns once inflated: a bomb stops here."""

FRAME_ENTRIES_MAX = 256
"""Entries in one frame: about 2 ms of work for the receiver, so a till waits no longer behind a bulk merge."""

FRAME_MOVES_MAX = MOVES_MAX
"""Moves, and likewise lines, in all entries of one frame: one entry of the largest kind, or many everyday ones."""

FRAME_SOFT_BYTES = 256 << 10
"""Body bytes after which a frame is closed, so that one frame of large entries is no burst."""

WINDOW_BYTES = 512 << 10
"""Unacknowledged bytes per session: fills a 100 ms line at 40 Mbit/s, and is small beside a node's memory."""

NAMES_PER_SESSION_MAX = 1 << 16
"""Names a session's dictionary holds before it starts anew: a few MB at the receiver."""

SCOPES_MAX = 10_000
"""Scopes in one hello or digests frame: the locations of a large chain."""

STREAMS_MAX = 20 * SCOPES_MAX
"""Streams a peer may name in one session: at every location its node, the hubs, and what they were before restores."""

FRAME_STREAMS_MAX = 512
"""Streams in one have or covered frame: about 3 ms of work for the receiver, like a frame of entries."""

_SCOPE_BYTES = 2 + NAME_LENGTH_MAX + 5
"""One scope in a frame: its name, and the head of the map below it."""

_HEAD_BYTES = 4 + 2 * NAME_LENGTH_MAX + 9 + 34
"""One writer's head in a have frame: a name and an incarnation, a number, a hash."""

_DIGESTS_BYTES = 1 + 2 * (2 + 32)
"""One scope's two digests."""

WANTS_MAX = 256
"""Requests for rights that one session carries unanswered, each way: more items at once run short for one reason."""

BATCH_ENTRIES_MAX = 1_024
"""Entries computed before one commit: bounds the wait of its first request, and keeps a batch in the cache."""

CLOCK_AHEAD_MAX_MS = 60_000
"""How far ahead of this node's clock a stamp may be and still advance it."""

CLOCK_SKEW_MAX_MS = 300_000
"""How far the clock of a live peer may be from ours before its session is refused."""

HEARTBEAT_MS = 1_000
"""Longest silence a live session keeps."""

SILENCE_MAX_MS = 4 * HEARTBEAT_MS
"""Silence after which a peer counts as gone: three lost heartbeats and one on its way."""

DIGEST_INTERVAL_MS = 5_000
"""Least time between two ledger digests on one session."""

assert QUANTITY_MAX * MOVES_MAX < TOTAL_MAX
assert BODY_BYTES_MAX + FRAME_SOFT_BYTES < FRAME_RAW_BYTES_MAX
assert SCOPES_MAX * (_SCOPE_BYTES + _DIGESTS_BYTES) < FRAME_BYTES_MAX
assert FRAME_STREAMS_MAX * (_SCOPE_BYTES + _HEAD_BYTES) < FRAME_BYTES_MAX
assert SCOPES_MAX < STREAMS_MAX
assert DOCUMENT_BYTES_MAX < BODY_BYTES_MAX
