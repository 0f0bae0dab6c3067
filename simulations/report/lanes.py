"""The data of the picture of a run: when each machine served, its faults, and its links."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct

from simulations.faults import OF_IDENTITY
from simulations.outcome import LinkSpan, Outcome
from simulations.plan import Fault
from simulations.run import ShownLevel, Step

CHAIN_WIDE = ("bridge", "ring", "region-loss")
"""Kinds that hit more machines than they name. They have their own lane."""

CHAIN_LANE = "chain"

FAMILIES: dict[str, tuple[str, ...]] = {
    "line cut": ("isolate", "one-way", "bridge", "ring", "flapping", "half-open"),
    "frames harmed": ("slow-line", "drop", "duplicate", "reorder", "truncate", "corrupt", "oversize"),
    "process or power": ("region-loss", "kill", "power-loss", "restart", "pause"),
    "disk": ("commit-fails", "disk-full", "slow-disk"),
    "clock": ("clock-forward", "clock-back", "clock-drift"),
    "clients": ("lost-answers",),
    "identity": tuple(OF_IDENTITY),
}
"""Kinds of faults with the same colour."""

PAIRS_MAX = 3
"""The number of pairs (location and item) with a drawing of their stock."""


class Span(Struct, frozen=True):
    """A period, in seconds."""

    from_s: float
    to_s: float


class Bar(Struct, frozen=True):
    """A fault on a lane."""

    span: Span
    kind: str
    family: str


class Lane(Struct, frozen=True):
    """One machine over time. `is_machine` is false for the lane of the whole chain."""

    name: str
    is_machine: bool
    serving: list[Span]
    paused: list[Span]
    bars: list[Bar]


class Curve(Struct, frozen=True):
    """The units of a pair that one machine showed, from each time on; None while it was down."""

    machine: str
    times_s: list[float]
    units: list[int | None]


class Panel(Struct, frozen=True):
    """The stock of one pair at every machine with this pair."""

    location: str
    item: str
    lines: list[Curve]
    apart_s: float
    """How long machines showed different stock."""


def family_of(kind: str) -> str:
    """The family of a kind of fault."""
    return next(family for family, kinds in FAMILIES.items() if kind in kinds)


def healed_s(outcome: Outcome) -> float | None:
    """When everything was healed at the end of the trade."""
    return next((step.at_s for step in outcome.steps if step.what.startswith("healed: ")), None)


def lanes(outcome: Outcome) -> list[Lane]:
    """A lane for each machine, hubs first, and one for the chain if it has chain-wide faults."""
    plan, steps = outcome.plan, outcome.steps
    end_s = outcome.simulated_s
    named = [name for name, _ in plan.hubs] + list(plan.stores)
    served = {step.who: None for step in steps if step.what.startswith("serves ")}
    names = [*named, *(name for name in served if name not in named)]  # clones come last
    until_s = min(end_s, healed_s(outcome) or end_s)
    begun = [fault for fault in plan.faults if fault.at_s <= until_s]
    wide = [fault for fault in begun if fault.kind in CHAIN_WIDE]
    made = [Lane(name=CHAIN_LANE, is_machine=False, serving=[], paused=[], bars=_bars(wide, until_s))] if wide else []
    for name in names:
        own = [fault for fault in begun if name in fault.who and fault.kind not in CHAIN_WIDE]
        serving = _serving(name, steps, end_s)
        paused = [
            Span(max(span.from_s, one.from_s), min(span.to_s, one.to_s))
            for span in _spans(fault for fault in own if fault.kind == "pause")
            for one in serving
            if one.from_s <= span.from_s < one.to_s
        ]
        made.append(Lane(name=name, is_machine=True, serving=serving, paused=paused, bars=_bars(own, until_s)))
    return made


def _spans(faults: Iterable[Fault]) -> list[Span]:
    return [Span(fault.at_s, fault.at_s + fault.for_s) for fault in faults]


def _bars(faults: list[Fault], until_s: float) -> list[Bar]:
    return [
        Bar(Span(fault.at_s, min(fault.at_s + fault.for_s, until_s)), fault.kind, family_of(fault.kind))
        for fault in faults
    ]


def _serving(name: str, steps: list[Step], end_s: float) -> list[Span]:
    """The periods in which a machine served."""
    spans: list[Span] = []
    since: float | None = None
    for step in steps:
        if step.who != name:
            continue
        if step.what.startswith("serves ") and since is None:
            since = step.at_s
        elif step.what.startswith(("stops", "loses power", "ends ")) and since is not None:
            spans.append(Span(since, step.at_s))
            since = None
    return [*spans, Span(since, end_s)] if since is not None else spans


def links(outcome: Outcome) -> dict[tuple[str, str], list[Span]]:
    """By pair of machines: the periods in which both saw their link. The first of a pair is a store or a later hub."""
    taken, end_s = outcome.links, outcome.simulated_s
    order = [lane.name for lane in lanes(outcome)]
    hubs = [name for name, _ in outcome.plan.hubs]
    seen: dict[tuple[str, str], list[Span]] = {}
    for index, one in enumerate(order):
        for other in (name for name in order[:index] if name in hubs):
            both = _both(_linked(taken, one, other, end_s), _linked(taken, other, one, end_s))
            if both:
                seen[one, other] = both
    return seen


def _both(some: list[Span], others: list[Span]) -> list[Span]:
    met = [Span(max(a.from_s, b.from_s), min(a.to_s, b.to_s)) for a in some for b in others]
    return [span for span in met if span.from_s < span.to_s]


def _linked(taken: list[LinkSpan], machine: str, peer: str, end_s: float) -> list[Span]:
    spans: list[Span] = []
    since: float | None = None
    for link in taken:
        if link.machine != machine:
            continue
        if peer in link.peers and since is None:
            since = link.at_s
        elif peer not in link.peers and since is not None:
            spans.append(Span(since, link.at_s))
            since = None
    return [*spans, Span(since, end_s)] if since is not None else spans


def panels(outcome: Outcome) -> list[Panel]:
    """The pairs whose machines showed different stock for the longest time; of equal ones, the busiest."""
    by_pair: dict[tuple[str, str], dict[str, list[ShownLevel]]] = {}
    for level in outcome.levels:
        by_pair.setdefault((level.location, level.item), {}).setdefault(level.machine, []).append(level)
    serving = {lane.name: lane.serving for lane in lanes(outcome)}
    made = [
        (_panel(pair, by_machine, serving), sum(map(_changes, by_machine.values())))
        for pair, by_machine in by_pair.items()
        if len(by_machine) > 1
    ]
    made.sort(key=lambda one: (-one[0].apart_s, -one[1], one[0].location, one[0].item))
    return [panel for panel, _ in made[:PAIRS_MAX]]


def _panel(pair: tuple[str, str], by_machine: dict[str, list[ShownLevel]], serving: dict[str, list[Span]]) -> Panel:
    times = sorted({level.at_s for levels in by_machine.values() for level in levels})
    shown = {machine: {level.at_s: level.on_hand for level in levels} for machine, levels in by_machine.items()}
    apart_s = 0.0
    for at_s, next_s in pairwise(times):
        units = [values[at_s] for values in shown.values() if at_s in values]
        apart_s += (next_s - at_s) * (len(set(units)) > 1)
    lines = [
        Curve(machine, times, [shown[machine].get(at_s) for at_s in times])
        for machine in serving
        if machine in by_machine
    ]
    return Panel(*pair, lines, apart_s)


def _changes(levels: list[ShownLevel]) -> int:
    return sum(one.on_hand != other.on_hand for one, other in pairwise(levels))
