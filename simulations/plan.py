"""The plan of one simulation, as data: drawn from a seed, written by hand, or shrunk.

A plan decides everything about a run. It can be stored, changed and played again. So a seed replays a failure,
shrinking removes faults from its plan, and the shrunk plan can become a scenario.
"""

from __future__ import annotations

from msgspec import Struct

from replica.core.base.limits import SALES_PER_BATCH_MAX

RUSH_S = 0.004
"""All clients of one rush act within this time."""


class Fault(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One fault: its kind, its time, its duration, the machines that it hits, and its strength (0..1)."""

    kind: str
    at_s: float
    for_s: float
    who: tuple[str, ...] = ()
    strength: float = 0.5


class Setting(Struct, frozen=True, forbid_unknown_fields=True):
    """The value of one knob (`simulations.knobs`) for the time of a run."""

    knob: str
    value: float


class Trade(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How clients behave. Times are means."""

    clients: int = 2
    """Clients at each machine."""
    items: int = 3
    think_ms: float = 300.0
    timeout_ms: float = 500.0
    """How long a client waits for an answer before it retries."""
    patience: int = 3
    """How often a client retries before it abandons the request."""
    opening: int = 100
    """Units of each item that a client receives at first."""
    quantity: int = 3
    """The most units of a line. Large quantities are sparse, so that each subset of sales has its own sum."""
    hot: float = 0.5
    """Share of lines that want the same item."""
    refuse: float = 0.5
    """Share of sales that are promises."""
    repeat: float = 0.15
    """Share of requests that are sent twice: at once, or later."""
    doubled_lines: float = 0.0
    """Share of requests that name one SKU on two lines."""
    theft: float = 0.02
    """Share of actions after which goods are stolen."""
    rush_s: float = 0.0
    """Clients act together, at multiples of this; 0 if each acts at its own times."""
    floods: float = 0.0
    """Weight of sending more requests at once than the inbox admits."""
    flood_asks: int = SALES_PER_BATCH_MAX
    """Requests that one caller of a flood sends together."""
    list_bytes: int = 0
    """Random bytes in each document of a price list; 0 for no price lists."""
    failover: float = 0.5
    """Share of tries without an answer after which the client turns to another machine, with the same key."""
    online: bool = True
    """Whether clients at hubs write policies and sell the units of stores."""
    orders: float = 1.0
    """Factor on the weights of placing orders and reporting their events; 0 for never."""
    workloads: tuple[str, ...] = ()
    """Workloads that add a client to each machine, by their names in `simulations.workloads.catalogue`."""


class Plan(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One simulation: the chain, its trade, and its faults in order of time."""

    seed: int
    seconds: float = 30.0
    """How long clients trade and faults begin."""
    hubs: tuple[tuple[str, str], ...] = (("hub-east", "east"), ("hub-west", "west"))
    """Names and regions."""
    stores: tuple[str, ...] = ("store-1", "store-2", "store-3")
    warehouse: str = "warehouse"
    """A location without a node of its own. Every hub may write for it, from its own rights."""
    newer: tuple[str, ...] = ()
    """Machines that run the next release."""
    trade: Trade = Trade()
    faults: tuple[Fault, ...] = ()
    core: tuple[str, ...] = ()
    """Machines that are healed first, and must agree while the others are down. Empty means all."""
    look_s: float = 0.5
    """How often the observer looks while clients trade."""
    away_s: float = 0.0
    """How much longer the others stay down. The core must still accept them when they come back."""
    full_stack: bool = False
    """Whether machines run whole nodes: HTTP, WebSockets and SQLite files."""
    knobs: tuple[Setting, ...] = ()
    """Bounds, sizes and times of the product that differ from their defaults."""
