"""What one simulation will do, as data: drawn from a seed, written by hand, or cut down until little is left of it.

Nothing about a run is decided anywhere else. A plan can be stored, changed and played again; so a failure is replayed
by its seed, shrunk by leaving faults out, and kept as a scenario.
"""

from __future__ import annotations

from msgspec import Struct

RUSH_S = 0.004
"""Within this much time all come who come together."""


class Fault(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One thing that goes wrong: what, when, for how long, whom it meets, and how bad it is (0..1)."""

    kind: str
    at_s: float
    for_s: float
    who: tuple[str, ...] = ()
    strength: float = 0.5


class Trade(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How clients behave. Times are means."""

    clients: int = 2
    """Clients at each machine."""
    items: int = 3
    think_ms: float = 300.0
    timeout_ms: float = 500.0
    """How long a client waits for an answer before it asks again."""
    patience: int = 3
    """How often it asks again before it leaves the question open."""
    opening: int = 100
    """Units of each item a store receives at first."""
    quantity: int = 3
    """The most units of a line; large ones are sparse, so that each subset of sales has its own sum."""
    hot: float = 0.5
    """Share of lines that want the same one item."""
    refuse: float = 0.5
    """Share of sales that are promises."""
    repeat: float = 0.15
    """Share of requests that are asked twice: at once, or again later."""
    theft: float = 0.02
    """How often goods vanish from a shelf without a word."""
    rush_s: float = 0.0
    """Clients come together, at multiples of this; 0 when each comes in its own time."""
    floods: float = 0.0
    """How often more is asked at once than may wait, beside what is asked else."""
    list_bytes: int = 0
    """Random bytes in each of the documents that come as whole lists; 0 when none come."""
    failover: float = 0.5
    """Share of tries without an answer after which another machine is asked the same under the same key."""
    online: bool = True
    """Whether clients at hubs write policies and sell what lies in stores."""
    orders: float = 1.0
    """How often clients place orders and tell what happened to them, beside what they do else; 0 for never."""


class Plan(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One simulation: the chain, its trade, and its faults, in order of time."""

    seed: int
    seconds: float = 30.0
    """How long clients trade and faults begin."""
    hubs: tuple[tuple[str, str], ...] = (("hub-east", "east"), ("hub-west", "west"))
    """Names and regions."""
    stores: tuple[str, ...] = ("store-1", "store-2", "store-3")
    newer: tuple[str, ...] = ()
    """Machines that run the next release."""
    trade: Trade = Trade()
    faults: tuple[Fault, ...] = ()
    core: tuple[str, ...] = ()
    """Machines that are healed first, and must agree while the others are still away; none means all."""
    look_s: float = 0.5
    """How often the observer looks while clients trade."""
    away_s: float = 0.0
    """How much longer the others stay away: nobody may have given them up when they come back."""
