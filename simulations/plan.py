"""What one simulation will do, as data: drawn from a seed, written by hand, or cut down until little is left of it.

Nothing about a run is decided anywhere else. A plan can be stored, changed and played again; so a failure is replayed
by its seed, shrunk by leaving faults out, and kept as a scenario.
"""

from __future__ import annotations

from random import Random

from msgspec import Struct
from msgspec.structs import replace

from replica.core.base.limits import DOCUMENT_BYTES_MAX
from simulations.faults import Fault, draw_faults

RUSH_S = 0.004
"""Within this much time all come who come together."""

SLOW_STOPS = 0.5
"""Share of restarts amid a rush that meet a slow disk."""

REGIONS = ("east", "west", "north")

LIST_DOCUMENT_BYTES = DOCUMENT_BYTES_MAX * 3 // 4
"""Random bytes in a document of a list: as text it is nearly as large as a document may be."""


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
    """How often the witness looks while clients trade."""
    away_s: float = 0.0
    """How much longer the others stay away: nobody may have given them up when they come back."""


def draw_plan(seed: int, *, pressure: bool = True) -> Plan:
    """Draw a plan. Under pressure stock is scarce, clients are impatient, and much goes wrong."""
    random = Random(f"{seed}/plan")
    hubs = tuple((f"hub-{region}", region) for region in REGIONS[: random.choice((1, 2, 2, 2, 3))])
    if random.random() < 0.2:
        hubs = (*hubs, ("hub-east-2", "east"))
    stores = tuple(f"store-{number}" for number in range(1, random.randint(1, 4) + 1))
    names = [name for name, _ in hubs] + list(stores)
    seconds = random.uniform(10.0, 30.0)
    newer = tuple(name for name in names if random.random() < 0.3) if random.random() < 0.3 else ()
    core = tuple(sorted(random.sample(names, random.randint(2, len(names))))) if random.random() < 0.5 else ()
    if not pressure:
        faults = draw_faults(random, names, seconds, random.randint(0, 3))
        return Plan(seed, seconds, hubs, stores, newer, Trade(think_ms=1_000.0, quantity=1_000_000), faults, core)
    sparse = random.random() < 0.4
    clients, asks = random.randint(1, 3), random.choice((200, 600, 1_500))
    trade = Trade(
        clients=clients,
        items=random.randint(1, 4),
        think_ms=round(clients * len(names) * seconds * 1_000 / asks, 1),
        timeout_ms=random.choice((3.0, 10.0, 50.0, 500.0)),
        patience=random.randint(0, 6),
        opening=random.choice((0, 5, 20)) if not sparse else 3_000_000,
        quantity=random.choice((1, 3)) if not sparse else 1_000_000,
        hot=random.choice((0.2, 0.9)),
        refuse=random.choice((0.0, 0.5, 1.0)),
        repeat=random.choice((0.0, 0.2, 0.5)),
        theft=random.choice((0.0, 0.05)),
    )
    faults = draw_faults(random, names, seconds, random.randint(3, 20))
    trade = replace(
        trade,
        rush_s=random.choice((0.0, 0.0, 0.5, 2.0)),
        floods=0.5 if random.random() < 0.1 else 0.0,
        list_bytes=LIST_DOCUMENT_BYTES if random.random() < 0.05 else 0,
    )
    away_s = random.choice((0.0, 0.0, 90.0)) if core else 0.0
    if trade.rush_s:
        faults = _amid_the_rush(random, faults, trade.rush_s, seconds)
    return Plan(seed, seconds, hubs, stores, newer, trade, faults, core, away_s=away_s)


def _amid_the_rush(random: Random, faults: tuple[Fault, ...], rush_s: float, seconds: float) -> tuple[Fault, ...]:
    """Have machines be restarted while clients come, half of them while the disk is slow: what waits takes a while to
    be answered, and a node that stops has to say so to those who come then."""
    moved: list[Fault] = []
    for fault in faults:
        rush_at_s = round(fault.at_s / rush_s) * rush_s
        if fault.kind != "restart" or not 0 < rush_at_s < seconds:
            moved.append(fault)
            continue
        moved.append(replace(fault, at_s=round(rush_at_s + random.uniform(0.0, RUSH_S), 4)))
        if random.random() < SLOW_STOPS:
            moved.append(Fault("slow-disk", round(max(0.0, rush_at_s - 0.1), 4), 1.0, fault.who, 0.2))
    return tuple(sorted(moved, key=lambda fault: fault.at_s))
