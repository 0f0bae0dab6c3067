"""Knobs: bounds, sizes and times of the product that a plan can set to other values for the time of a run.

A few knobs are constants of the simulated clients: what they ask for, such as the size of a recipe.

A boundary that a run never reaches is not tested. So plans turn some knobs small or large, and runs reach the boundary
within seconds. A knob is a constant of the product. It names every module that has the constant, because each import
is a copy. `turned` sets all copies, and sets them back afterwards.

These constants are no knobs:

- What callers and peers may rely on, such as the most lines of a request, the largest page, or the size of a frame.
  Types and documents are built from these constants, so a new value would reach only some of them.
- Bounds past which the product promises less, such as `KEY_ENTRIES_MAX`, `COLLISIONS_MAX` and `CLOCK_FAULTS_MAX`.
- What a file or a protocol contains, such as versions, lengths of hashes and names of accounts.
- What only the real process has: sockets, threads, garbage collection.

An inbox must hold all commands that the rebalancer sends together, so `inbox` has no smaller value than 24.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pkgutil import resolve_name

from msgspec import Struct

from simulations.plan import Setting
from simulations.stand_ins import replaced


class Knob(Struct, frozen=True):
    """One knob: what it turns, and the values it may have besides the default."""

    about: str
    constant: str
    """The name of the constant."""
    modules: tuple[str, ...]
    """The modules that have it; the first one defines it."""
    values: tuple[float, ...]
    twins: tuple[str, ...] = ()
    """Modules of the reference model that have the same constant of their own."""

    @property
    def default(self) -> float:
        """The present value in the product."""
        value: float = getattr(resolve_name(self.modules[0]), self.constant)
        return value

    @property
    def range(self) -> str:
        """The values and the default, for lists."""
        return f"({', '.join(f'{value:,}' for value in self.values)}; default {self.default:,})"


LIMITS = "replica.core.base.limits"
DRIVER = "replica.runtime.driver"
SESSION = "replica.core.sync.session"
LINK = "replica.runtime.peering.link"
PEERS = "replica.runtime.peering.peers"
BACKGROUND = "replica.runtime.background"
JOURNAL = "replica.runtime.journal"
HTTP = "replica.runtime.http"
BOUNDS = "simulations.checkers.bounds"
CLIENTS = "simulations.ordering_clients"

OF_NODES: Mapping[str, Knob] = {
    "inbox": Knob("Requests that may wait.", "INBOX_MAX", (DRIVER, BOUNDS, "simulations.clients"), (24, 64, 512)),
    "batch-entries": Knob(
        "Requests in one commit.", "BATCH_ENTRIES_MAX", (LIMITS, DRIVER, "simulations.workloads.floods"), (1, 3, 64)
    ),
    "bulk": Knob("Frames of peers that may wait.", "BULK_MAX", (DRIVER,), (1, 2)),
    "bulk-per-turn": Knob("Frames merged in one turn while clients wait.", "BULK_PER_TURN", (DRIVER,), (1, 64)),
    "gather-turns": Knob("Turns for which a batch may gather.", "GATHER_TURNS_MAX", (DRIVER,), (0, 1)),
    "stale-moves": Knob("Moves after which digests are stale.", "STALE_MAX", ("replica.core.ledger.cells",), (1, 16)),
    "pairs-per-turn": Knob("Pairs brought up to date in one turn.", "PAIRS_PER_TURN", (DRIVER,), (1, 3)),
    "reload-share": Knob("Wait after a full disk, in reloads.", "RELOAD_SHARE", (DRIVER,), (1, 50)),
    "full-wait-ms": Knob("The longest wait after a full disk.", "FULL_MS_MAX", (DRIVER,), (10, 1_000)),
    "frame-entries": Knob(
        "Entries in one frame.",
        "FRAME_ENTRIES_MAX",
        (LIMITS, DRIVER, "replica.core.sync.columns", SESSION, LINK),
        (1, 2, 7),
    ),
    "frame-bytes": Knob("Bytes after which a frame ends.", "FRAME_SOFT_BYTES", (LIMITS, SESSION, BOUNDS), (1, 1_024)),
    "frame-streams": Knob("Streams in one frame.", "FRAME_STREAMS_MAX", (LIMITS, "replica.core.sync.wire"), (1, 3)),
    "session-names": Knob(
        "Names that a session remembers.",
        "NAMES_PER_SESSION_MAX",
        (LIMITS, "replica.core.sync.columns"),
        (1_500, 3_000),
    ),
    "window-bytes": Knob("Bytes sent before an answer.", "WINDOW_BYTES", (LIMITS, SESSION, BOUNDS), (1, 4_096)),
    "session-wants": Knob(
        "Requests for rights waiting at a peer.", "WANTS_MAX", (LIMITS, SESSION, f"{BACKGROUND}.rights_answers"), (1, 2)
    ),
    "digest-interval-ms": Knob("Time between digests.", "DIGEST_INTERVAL_MS", (LIMITS, SESSION), (200, 60_000)),
    "heartbeat-ms": Knob("Silence before a heartbeat.", "HEARTBEAT_MS", (LIMITS, SESSION, LINK), (200, 1_500)),
    "silence-ms": Knob(
        "Silence after which a link ends.",
        "SILENCE_MAX_MS",
        (LIMITS, SESSION, f"{BACKGROUND}.sales_history"),
        (2_500, 10_000),
    ),
    "link-page": Knob("Entries that a link reads at once.", "PAGE", (LINK,), (1, 5)),
    "link-merges": Knob("Frames of one peer waiting for merge.", "MERGES_WAITING_MAX", (LINK, BOUNDS), (1, 64)),
    "dial-timeout-s": Knob("Time for a dial.", "DIAL_TIMEOUT_S", (PEERS,), (0.5, 5.0)),
    "retry-max-s": Knob("The longest pause between dials.", "RETRY_MAX_S", (PEERS,), (0.3, 5.0)),
    "probe-interval-s": Knob("Time between looks for the home hub.", "PROBE_INTERVAL_S", (PEERS,), (0.3, 10.0)),
    "divergences": Knob("Divergences that a node remembers.", "DIVERGENCES_KEPT", (PEERS,), (1,)),
    "demands": Knob(
        "Callers that wait for rights.",
        "DEMANDS_MAX",
        (f"{BACKGROUND}.rights_requests", f"{BACKGROUND}.rights_answers"),
        (1, 4),
    ),
    "cooling-min-ms": Knob(
        "The first pause before a refused request for rights is repeated.",
        "COOLING_MIN_MS",
        (f"{BACKGROUND}.rights_requests",),
        (50, 10_000),
    ),
    "cooling-kept": Knob(
        "Refused requests for rights that a node remembers.", "COOLING_KEPT", (f"{BACKGROUND}.rights_requests",), (1, 3)
    ),
    "fetches": Knob(
        "Requests of stores passed on to other hubs.", "FETCHES_MAX", (f"{BACKGROUND}.rights_answers",), (1, 2)
    ),
    "wants-per-turn": Knob(
        "Requests for rights answered in one turn.", "WANTS_PER_TURN", (f"{BACKGROUND}.rights_answers",), (1, 2)
    ),
    "rebalanced-pairs": Knob(
        "Pairs that the rebalancer looks at in one turn.", "PAIRS_PER_TURN", (f"{BACKGROUND}.rebalancer",), (1, 3)
    ),
    "housekeeping-batch": Knob(
        "Orders that housekeeping processes in one turn.",
        "HOUSEKEEPING_BATCH",
        (f"{BACKGROUND}.order_housekeeping",),
        (1, 1_000),
    ),
    "housekeeping-pause-s": Knob(
        "Pause of order housekeeping.", "PAUSE_S", (f"{BACKGROUND}.order_housekeeping",), (0.02, 2.0)
    ),
    "shortage-orders": Knob(
        "Orders looked through for a shortage in one turn.", "ORDERS_PER_TURN", (f"{BACKGROUND}.shortages",), (1, 3)
    ),
    "shortage-pause-s": Knob("Pause between looks for shortages.", "PAUSE_S", (f"{BACKGROUND}.shortages",), (0.1, 3.0)),
    "history-page": Knob(
        "Entries that the sales history reads at once.",
        "ENTRIES_PER_PAGE",
        (f"{BACKGROUND}.sales_history", "hub.sales_rates"),
        (1, 7),
    ),
    "history-cells": Knob(
        "Pairs of item and slot in the sales history.", "CELLS_MAX", ("replica.core.rights.forecast",), (1, 8)
    ),
    "count-tries": Knob("Tries to read the level for a count.", "TRIES", (f"{BACKGROUND}.counting",), (1, 2)),
    "count-page": Knob("Entries read at once for a count.", "_SCAN_PAGE", (f"{BACKGROUND}.counting",), (16, 100)),
    "live-orders": Knob("Orders that stay unpacked.", "LIVE_MAX", ("replica.core.orders.fold",), (1, 5)),
    "open-recipes": Knob(
        "Recipes kept of items without a SKU.", "_OPEN_RECIPES_MAX", ("replica.core.catalog.skus",), (1,)
    ),
    "lost-edits": Knob(
        "Lost edits that a document remembers.",
        "LOST_EDITS_MAX",
        (LIMITS, "replica.core.catalog.documents", "simulations.checkers.lost_edits", "simulations.checkers.views"),
        (1, 2),
    ),
    "parked-ms": Knob(
        "How long an event waits for its predecessor.",
        "PARKED_MS",
        (
            LIMITS,
            "replica.core.orders.order",
            "replica.core.orders.parking",
            "simulations.checkers.order_returns",
            "simulations.checkers.told",
            "simulations.run",
        ),
        (600_000, 7_200_000),
        twins=("simulations.reference.orders",),
    ),
    "hold-s": Knob(
        "How long the longest holds of clients live.",
        "HOLD_S",
        (
            CLIENTS,
            "simulations.workloads.declined_orders",
            "simulations.workloads.deliveries",
            "simulations.workloads.order_parts",
        ),
        (20, 7_000),
    ),
    "box-units": Knob(
        "Units of the item in a recipe that clients write.",
        "BOX_UNITS_MAX",
        (CLIENTS, "simulations.workloads.order_messages"),
        (1, 40),
    ),
    "bundle-items": Knob(
        "Items in the largest recipe that clients write.", "ITEMS_MAX", ("simulations.workloads.bundles",), (1, 12)
    ),
}
"""Knobs of every run."""

OF_JOURNAL: Mapping[str, Knob] = {
    "filter-keys": Knob("Keys that every filter has room for.", "KEYS_MIN", (f"{JOURNAL}.key_filter",), (4, 32, 256)),
    "log-copies": Knob("Commits between copies of the log.", "COPY_COMMITS", (f"{JOURNAL}.sqlite_journal",), (1, 7)),
    "log-pages": Knob(
        "Pages of the log at which a commit copies it.", "LOG_PAGES_MAX", (f"{JOURNAL}.connections",), (1, 16)
    ),
    "segment-entries": Knob(
        "Entries in one segment.", "SEGMENT_ENTRIES_MAX", (f"{JOURNAL}.segment", f"{JOURNAL}.reading"), (1, 3)
    ),
    "row-bytes": Knob("Bytes in one row of a batch.", "BYTES_MAX", (f"{JOURNAL}.batch_row",), (1, 2_048)),
    "keys-per-fetch": Knob("Keys read at once.", "_KEYS_PER_FETCH", (f"{JOURNAL}.sqlite_journal",), (1, 5)),
    "receipts-per-fetch": Knob("Till receipts read at once.", "_PER_FETCH", (f"{JOURNAL}.receipt_index",), (1, 5)),
    "streams-read-singly": Knob(
        "Streams up to which each is read by itself.", "_STREAMS_READ_SINGLY", (f"{JOURNAL}.reading",), (0, 1_000)
    ),
    "page-bytes": Knob(
        "Bytes after which a page of entries ends.", "PAGE_BYTES_MAX", (f"{JOURNAL}.reading",), (1, 4_096)
    ),
}
"""Knobs of the journal on SQLite. The trials with power losses turn them, too."""

OF_HTTP: Mapping[str, Knob] = {
    "read-slice": Knob(
        "Things in one slice of a long read.", "SLICE", (f"{HTTP}.long_reads", f"{HTTP}.search_api"), (1, 3)
    ),
    "feed-page": Knob("Entries that the feed reads at once.", "FEED_PAGE", (f"{HTTP}.feeds",), (1, 5)),
    "breach-page": Knob("Entries read first for the time of a breach.", "PAGE", (f"{HTTP}.breach_times",), (1, 8)),
    "held-bytes": Knob(
        "Bytes of requests that wait on a connection.", "HELD_BYTES_MAX", (f"{HTTP}.fast_path",), (1, 512)
    ),
    "replication-timeout-s": Knob(
        "How long an order waits for another region.", "REPLICATION_TIMEOUT_S", (f"{HTTP}.order_placing",), (0.05, 1.0)
    ),
}
"""Knobs of HTTP connections."""

OF_ADAPTERS: Mapping[str, Knob] = {**OF_JOURNAL, **OF_HTTP}
"""Knobs that only the full stack has, because only there nodes have files and sockets."""

KNOBS: Mapping[str, Knob] = {**OF_NODES, **OF_ADAPTERS}
"""By name, as plans name them."""


@contextmanager
def turned(settings: Iterable[Setting]) -> Iterator[None]:
    """Give knobs these values while the context lasts."""
    with ExitStack() as stack:
        for setting in settings:
            knob = KNOBS[setting.knob]
            for module in (*knob.modules, *knob.twins):
                stack.enter_context(replaced(resolve_name(module), knob.constant, _typed(knob, setting.value)))
        yield


def check_setting(setting: Setting) -> None:
    """Raise ValueError if there is no such knob, or it cannot have this value."""
    knob = KNOBS.get(setting.knob)
    if knob is None:
        raise ValueError(f"there is no knob {setting.knob!r}. Use one of {', '.join(KNOBS)}")
    if not min(*knob.values, knob.default) <= setting.value <= max(*knob.values, knob.default):
        raise ValueError(f"knob {setting.knob}: {setting.value:g} is outside its range {knob.range}")


def _typed(knob: Knob, value: float) -> float:
    """The value as a number of the type that the product expects. A file may say 4.0 for 4."""
    return type(knob.default)(value)
