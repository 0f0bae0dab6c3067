"""Every bound of the core, in one place, with its unit and its reason. Derived bounds are asserted at the end."""

NAME_LENGTH_MAX = 64
"""Characters in a node, location, item or SKU name: short, because every cell contains such names."""

KEY_LENGTH_MAX = 128
"""Characters in an idempotency key; the longest common keys (a UUID with a prefix) have about 60."""

TEXT_LENGTH_MAX = 256
"""Characters in a till, reason, reference or till receipt number: references, never documents."""

QUANTITY_MAX = 1_000_000_000
"""Base units in one line: a thousand tonnes in grams."""

TOTAL_MAX = 2**63 - 1
"""Units in one cell: the most that a signed 64-bit column holds."""

LINES_MAX = 1_000
"""Lines in one request: a lorry's delivery note, not a catalogue."""

SALES_PER_BATCH_MAX = 500
"""Sales in one `sales:batch` call."""

RECIPE_ITEMS_MAX = 100
"""Items in one SKU's recipe."""

MOVES_MAX = LINES_MAX * RECIPE_ITEMS_MAX
"""Moves in one entry: every line is a bundle with the most items."""

BODY_BYTES_MAX = 1 << 20
"""Encoded bytes of one entry: it must fit into one frame."""

DOCUMENT_BYTES_MAX = 64 << 10
"""Encoded bytes of one document's value."""

AMOUNT_MAX = 1_000_000_000_000
"""Minor units in one price or discount: a car in rials, and ten billion euros."""

TOTAL_AMOUNT_MAX = 2**53 - 1
"""Minor units in one total: the most that each JSON reader keeps exactly."""

SCHEDULED_PRICES_MAX = 64
"""Scheduled amounts in one price document: more than a year of weekly changes."""

WINDOWS_MAX = 64
"""Weekly windows of one promotion: nine on each day."""

SELECTED_SKUS_MAX = 1_000
"""SKUs that one selector of a promotion lists. More of them share an attribute."""

CUSTOMER_GROUPS_MAX = 64
"""Customer groups of one promotion."""

COMPONENTS_MAX = 16
"""Components of one bundle: more than a menu has courses."""

PRIORITY_MAX = 1_000_000
"""Priority of a promotion: room between any two that exist."""

AREA_PARTS_MAX = 512
"""Parts that one delivery area covers, and parts that it excludes: each city of a large country."""

AREA_LOCATIONS_MAX = 512
"""Locations that serve one delivery area, and the same number of backups: more than a parcel has to choose from."""

AREA_BANS_MAX = 256
"""Bans of one delivery area, each of many goods."""

CALENDAR_DAYS_MAX = 1_000
"""Days that one calendar names: the holidays of some countries and years."""

CALENDARS_MAX = 16
"""Calendars that one location, area or calendar names."""

PROMOTED_PERIODS_MAX = 64
"""Periods of promotions in one calendar: more than one a month for years."""

STOPS_MAX = 256
"""Stop periods in one calendar."""

OPENING_DAYS_MAX = 370
"""Days in which a calendar has to open again: a year, so that yearly goods have a date."""

WEIGHT_MAX = 1_000_000
"""Points of one weight of the cost model: with the largest distance and quantity, a cost stays a safe integer."""

COVER_DAYS_MAX = 3_650
"""Days of cover that a balancing plan may ask for: ten years, for goods that seldom sell."""

PLAN_LOCATIONS_MAX = 2_000
"""Locations of one balancing plan: the distances between them take 64 MB. A larger chain plans by region."""

PLAN_ITEMS_MAX = 100_000
"""Items of one balancing plan."""

PLAN_TRANSFERS_MAX = 100_000
"""Newest transfers that a balancing plan looks at, for goods that are on their way: a second in slices."""

DISPATCH_HOURS_MAX = 24 * OPENING_DAYS_MAX
"""Hours that a location may be closed, or unheard of, and still be a source."""

CUT_OFFS_MAX = 24
"""Times of day at which goods leave one location: each hour."""

HANDLING_MINUTES_MAX = 60 * DISPATCH_HOURS_MAX
"""Minutes that a location works on one order."""

LANES_MAX = 1_000
"""Lanes of one carrier."""

LANE_ENDS_MAX = 256
"""Locations, and areas, of one lane."""

LANE_DAYS_MAX = 180
"""Working days on one lane: a slow ship, and half of the days in which it has to arrive."""

POLYGON_POINTS_MAX = 1_024
"""Corners of one polygon: a coast in some detail, and half of the largest document."""

POSTCODE_LENGTH_MAX = 16
"""Characters of a postcode, with blanks: the longest ones have ten."""

POLICY_PARTS_MAX = 256
"""Regions in one policy. The same bound applies to its channels."""

HOLD_TTL_MAX_S = 30 * 86_400
"""Seconds an unpaid hold may last: a month, because goods may wait for collection."""

HOLD_WAIT_MAX_MS = 30_000
"""How long an order may wait for rights: as long as a shopper would."""

EVENT_NUMBER_MAX = 2**31 - 1
"""Number of an event among those of its fulfilment."""

PARKED_MS = 3_600_000
"""How long an event waits for its predecessor. If a message queue is an hour late, an operator looks at it."""

PARKED_PER_ORDER_MAX = 64
"""Parked events of one order: more than a fulfilment has states."""

SELECTIONS_MAX = 4
"""Times one fulfilment may be selected for revocation: its owner kept it each time, because no shortage was left."""

MAY_SEND_MAX = 16
"""Locations that may send an order instead of the one that does, as its entries keep them: the cheapest ones."""

EVENTS_PER_FULFILMENT_MAX = 256
"""Repeatable events of one fulfilment, because its whole history is kept. An event that ends it is always possible."""

RETURNS_PER_FULFILMENT_MAX = 4_096
"""Events of one fulfilment after which none of it is returned. A return is a fact, so there is room for many."""

ALLOCATED_ITEMS_MAX = 1_500
"""Items of SKUs held by one fulfilment: one entry must be able to release all of them."""

SPLIT_LINES_MAX = 5_000
"""Lines of all fulfilments and parts of an order that is split: an answer, which is in an entry, shows all of them."""

REPORTS_PER_ORDER_MAX = 16
"""Events without effect that one order lists as reports; the journal has all of them."""

SCAN_LENGTH_MAX = 512
"""Characters that a scanner sends for one symbol: a GS1-128 has at most 48, and a link seldom more than 200."""

SCALE_TEMPLATES_MAX = 64
"""Templates for codes of scales in one document: more than there are prefixes of two digits for them."""

SEARCH_TERMS_MAX = 16
"""Words in one search: each is one more list of the index to read."""

TOKEN_LENGTH_MAX = 32
"""Characters of a word in the search index: two words that begin with the same 32 are told apart by looking again."""

SEARCH_FILTERS_MAX = 16
"""Attributes by which one search is filtered, and by which it is sorted."""

SEARCH_PAGE_MAX = 100
"""SKUs in one page of a search: more than a screen shows."""

SEARCH_CANDIDATES_MAX = 500
"""SKUs of the index that one search looks at. A query that more of them fit has to be longer."""

VERSION_MAX = 2**63 - 1
"""Version of a document's write: the greatest that a signed 64-bit column holds."""

RANK_MAX = 255
"""Rank of a document's write: many more ranks than levels between a chain and a store."""

LOST_EDITS_MAX = 8
"""Lost edits of one document that a node keeps: more than the hubs that edit it during one cut."""

KEY_ENTRIES_MAX = 64
"""Entries in the lookup of one key: more than the disconnected nodes that ever accept the same request."""

RECEIPT_ENTRIES_MAX = 64
"""Entries in the lookup of one till receipt: more than a sale has returns. A till that uses one number over and over is
reported, its returns need a person anyway, and their sale is not looked for."""

CORRECTED_ITEMS_MAX = 1_000
"""Items in one correction of a return: with their names at their longest, it is half of the largest entry."""

QUESTION_LINES_MAX = 100
"""SKUs that one question about a return lists: more than anybody reads."""

COLLISIONS_MAX = 256
"""Newest collisions of keys in memory; the journal has all of them."""

FACTS_MAX = 64
"""Named facts in one entry."""

FACTS_DEPTH_MAX = 16
"""Levels of nested lists and maps in one entry's facts: far fewer than exhaust the decoder's stack."""

FRAME_BYTES_MAX = 4 << 20
"""Bytes of one frame as sent."""

SEAL_BYTES = 4
"""Bytes of a frame's seal, a CRC-32: it detects accidental changes by lines and middleboxes."""

FRAME_RAW_BYTES_MAX = 16 << 20
"""Bytes of one frame's columns after decompression: this bound stops a decompression bomb."""

FRAME_ENTRIES_MAX = 256
"""Entries in one frame: about 2 ms of work for the receiver, so a bulk merge delays a till no longer than that."""

FRAME_MOVES_MAX = MOVES_MAX
"""Moves in all entries of one frame, and likewise lines: one entry of the largest size, or many common ones."""

FRAME_SOFT_BYTES = 256 << 10
"""Body bytes after which a frame is closed, so that a frame of large entries causes no burst."""

WINDOW_BYTES = 512 << 10
"""Unacknowledged bytes per session: enough to fill a 100 ms line at 40 Mbit/s, and little of a node's memory."""

NAMES_PER_SESSION_MAX = 1 << 16
"""Names in a session's dictionary before it starts again: a few MB at the receiver."""

SCOPES_MAX = 10_000
"""Scopes in one hello or digests frame: the locations of a large chain."""

STREAMS_MAX = 20 * SCOPES_MAX
"""Streams that a peer may list in one session: of each location's node, of the hubs, and of earlier incarnations."""

FRAME_STREAMS_MAX = 512
"""Streams in one have or covered frame: about 3 ms of work for the receiver, like a frame of entries."""

_SCOPE_BYTES = 2 + NAME_LENGTH_MAX + 5
"""One scope in a frame: its name, and the head of the map below it."""

_HEAD_BYTES = 4 + 2 * NAME_LENGTH_MAX + 9 + 34
"""One writer's head in a have frame: its name and incarnation, a number, a hash."""

_DIGESTS_BYTES = 1 + 2 * (2 + 32)
"""One scope's two digests."""

WANTS_MAX = 256
"""Unanswered requests for rights of one session, each way: if more items run short at once, they have one cause."""

BATCH_ENTRIES_MAX = 1_024
"""Entries computed before one commit: limits the wait of its first request, and keeps a batch in the cache."""

CLOCK_AHEAD_MAX_MS = 60_000
"""How far ahead of this node's clock a stamp may be and still advance it."""

STAMP_AHEAD_MS = 1_000
"""How far ahead of its writer's wall clock a stamp may be and still show the time of its entry: the usual difference of
two right clocks, and a burst of entries, stay below it."""

OCCURRED_AHEAD_MAX_MS = CLOCK_AHEAD_MAX_MS
"""How far ahead of its node's wall clock a till may say that a movement happened: as far as another node's clock."""

OCCURRED_AGE_MAX_MS = 400 * 86_400_000
"""How old a movement may be when its till reports it: more than a year, so a till that was forgotten in a seasonal shop
is believed. A clock that lost its battery shows a time many years ago."""

TRANSFER_LATE_MS = 7 * 86_400_000
"""How long after its last shipment a transfer counts as late, if nobody said when it should arrive."""

TRANSFER_FACTS_MAX = 1_000
"""Steps of one transfer after which its next ones are refused: a pallet that is taken in box by box has fewer."""

NOTICE_UNITS_MAX = 4_000
"""Numbers of units in one notice about a transfer, unless one fact has more: about 100 kB."""

CLOCK_FAULTS_MAX = 256
"""Newest faults of clocks that a replica lists; the journal has all of them."""

CLOCK_NOTICE_MS = 3_600_000
"""Least time between two entries of one node that the clock of the same peer is wrong, if it stayed wrong."""

CLOCK_NOTICES_MAX = 64
"""Peers whose clocks one node notes within CLOCK_NOTICE_MS. A caller may give itself any name."""

CLOCK_SKEW_MAX_MS = 300_000
"""How far the clock of a live peer may differ from ours before the node refuses its session."""

HEARTBEAT_MS = 1_000
"""Longest silence of a live session."""

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
assert AMOUNT_MAX < TOTAL_AMOUNT_MAX
assert STAMP_AHEAD_MS < CLOCK_AHEAD_MAX_MS < CLOCK_SKEW_MAX_MS
