"""Orders and their fulfilments: the states, the events that lead from one to another, and the units that they hold.

An order begins with one fulfilment at each location that serves it. If a part of a fulfilment is shipped, collected or
cancelled, that part becomes a fulfilment of its own. A fulfilment and its parts count numbered events together, unless
an event names one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from simulations.reference.answers import Refusal
from simulations.reference.bodies import invalid
from simulations.reference.catalogue import Catalogue
from simulations.reference.lots import Lot, divide, quantities, size

STATES = (
    *("held", "reserved", "amended", "exchanged", "picking"),
    *("shipped", "delivered", "collected", "returned"),
    *("declined", "expired", "cancelled"),
)
"""From the least advanced to the most advanced."""

ENDED = ("declined", "expired", "cancelled")
HOLDING = ("held", "reserved", "amended", "exchanged", "picking")
HANDED_OUT = ("shipped", "delivered", "collected", "returned")

_paid = ("reserved", "amended", "exchanged")

TABLE: Mapping[str, Mapping[str, str]] = {
    "pay": {"held": "reserved"},
    "adjust": {"held": "held", **dict.fromkeys(_paid, "amended")},
    "exchange": {"held": "held", **dict.fromkeys(_paid, "exchanged")},
    "pick": dict.fromkeys(_paid, "picking"),
    "ship": dict.fromkeys((*_paid, "picking"), "shipped"),
    "collect": dict.fromkeys(HOLDING, "collected"),
    "deliver": {"shipped": "delivered"},
    "return": dict.fromkeys(HANDED_OUT, "returned"),
    "expire": {"held": "expired"},
    "decline": dict.fromkeys(HOLDING, "declined"),
    "cancel": dict.fromkeys(HOLDING, "cancelled"),
}
"""For each event: the states that it may follow, and the state that it leads to."""

REPEATABLE = ("adjust", "exchange", "return")
"""Events that may happen again, to other units. Every other event happens once."""

SPLITTING = ("ship", "collect", "decline", "cancel")
"""Events that may concern a part, which becomes a fulfilment of its own."""

REPEAT, EARLY, IMPOSSIBLE = "repeat", "early", "impossible"
REPORTS_MAX = 16


@dataclass(kw_only=True)
class Fulfilment:
    """What one location does for one order, as far as it decides what an event leads to."""

    id: str
    location: str
    owner: str
    state: str
    expires_ms: int = 0
    number: int = 0
    """The number of the last event that it dealt with."""
    held: list[Lot] = field(default_factory=list)
    sold: list[Lot] = field(default_factory=list)
    """What left with the customer."""
    told: set[Any] = field(default_factory=set)
    """Requests that it dealt with and that may come again."""
    barcodes: list[tuple[str, str]] = field(default_factory=list)
    """Barcodes in the order, each with the SKU that it meant then."""
    events: set[str] = field(default_factory=set)
    """Events that led it to a state."""
    steps: set[str] = field(default_factory=set)
    """Those of them that happened to all of it."""
    part_of: str = ""
    instead_of: str = ""
    """The fulfilment that this one replaces."""

    @property
    def whole(self) -> str:
        """The fulfilment that it was split off, or itself. A fulfilment and its parts count numbers together."""
        return self.part_of or self.id

    def deal_with(self, number: int, told: Iterable[Any]) -> None:
        """Note the number of an event, and the request that it came with."""
        self.number = max(self.number, number)
        self.told |= set(told)

    def go_to(self, state: str, event: str, act: str) -> None:
        """Note the state that an event led to."""
        self.state = state
        self.events.add(event)
        if act == "step":
            self.steps.add(event)

    def skus(self, line: Mapping[str, Any], at: str, catalogue: Catalogue) -> list[str]:
        """The SKUs that a line may mean: by name, or by a barcode that stands in the order or in the catalogue."""
        if (line["sku"] is None) == (line["barcode"] is None):
            raise invalid(f"{at}.sku")
        if line["sku"] is not None:
            return [line["sku"]]
        ordered = [sku for barcode, sku in self.barcodes if barcode == line["barcode"]]
        return ordered or [catalogue.scan(line["barcode"], f"{at}.barcode", is_fact=True)]

    def named(self, lines: list[dict[str, Any]] | None, there: list[Lot], catalogue: Catalogue) -> list[Lot]:
        """The lots that some lines name; all without lines. Raises a refusal if they name more than is there."""
        if lines is None:
            return there
        if not there:
            raise invalid("lines")
        found, rest = list[Lot](), there
        for index, line in enumerate(lines):
            some, rest = divide(rest, self.skus(line, f"lines[{index}]", catalogue), line["quantity"])
            if size(some) < line["quantity"]:
                raise invalid(f"lines[{index}].quantity")
            found += some
        return found

    def has(self, lines: list[dict[str, Any]], event: str, catalogue: Catalogue) -> bool:
        """Whether it has all units that the lines of an event name."""
        try:
            self.named(lines, self.sold if event == "return" else self.held, catalogue)
        except Refusal:
            return False
        return True

    def shown(self) -> dict[str, Any]:
        """Itself in an answer, with what it holds, or what the customer has."""
        return shown_as(self.id, self.location, self.state, self.held or self.sold)


AnyFulfilment = TypeVar("AnyFulfilment", bound=Fulfilment)


@dataclass
class Order(Generic[AnyFulfilment]):
    """One order, as far as it decides what an event leads to."""

    name: str
    fulfilments: dict[str, AnyFulfilment] = field(default_factory=dict)

    @property
    def channel(self) -> str:
        """The channel that it came from."""
        return ""

    @property
    def begun(self) -> dict[str, str]:
        """The fulfilments that placements began, each with its location."""
        return {name: one.location for name, one in self.fulfilments.items()}

    @property
    def placed_by(self) -> list[str]:
        """The nodes that placed it."""
        return []

    @property
    def lost(self) -> list[str]:
        """The fulfilments of placements that lost against an earlier one."""
        return []

    @property
    def waiting(self) -> Sequence[Any]:
        """The events that wait."""
        return ()

    @property
    def state(self) -> str:
        """Of the whole order."""
        return least_advanced(one.state for one in self.fulfilments.values())

    @property
    def in_order(self) -> list[AnyFulfilment]:
        """The fulfilments by name."""
        return [one for _, one in sorted(self.fulfilments.items())]

    @property
    def is_seen_whole(self) -> bool:
        """Whether all fulfilments that the placements began are known."""
        return bool(self.begun) and all(name in self.fulfilments for name in self.begun)

    def family(self, one: AnyFulfilment) -> list[AnyFulfilment]:
        """A fulfilment with its parts, or with what it is a part of."""
        return [each for each in self.fulfilments.values() if each.whole == one.whole]

    def concerned(self, name: str) -> list[AnyFulfilment]:
        """The fulfilments that an event concerns: that of this name, or the one that replaced it, or all."""
        instead = {one.instead_of: one for one in self.fulfilments.values() if one.instead_of}
        if not name:
            not_replaced = [one for one in self.in_order if one.id not in instead]
            lost = self.lost
            return [one for one in not_replaced if one.id not in lost] or not_replaced
        if name not in self.fulfilments:
            return []
        while name in instead:
            name = instead[name].id
        return [self.fulfilments[name]]


def shown_as(name: str, location: str, state: str, lots: Iterable[Lot]) -> dict[str, Any]:
    """A fulfilment in an answer."""
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in quantities(lots).items()]
    return {"id": name, "location": location, "state": state, **({"lines": lines} if lines else {})}


def least_advanced(states: Iterable[str]) -> str:
    """The least advanced state of those that have not ended; if all have, of all."""
    found = list(states)
    return min([one for one in found if one not in ENDED] or found, key=STATES.index, default="none")


def verdict(order: Order[AnyFulfilment], one: AnyFulfilment, event: Mapping[str, Any], told: Any) -> str:
    """The state that an event leads to at a fulfilment, or `repeat`, `early` or `impossible`."""
    name, number, names_units = event["event"], event["number"], event["lines"] is not None
    family = order.family(one)
    if number:
        known = one.number if event["fulfilment"] else max(each.number for each in family)
        if number <= (known if names_units else one.number):
            return REPEAT
        if number > known + 1:
            return EARLY
    elif any(told in each.told for each in (family if names_units else [one])) or (
        not names_units and name in one.events and (name not in REPEATABLE or (name == "return" and not one.sold))
    ):
        return REPEAT
    to = TABLE[name].get(one.state)
    if to is not None:
        return to
    over = one.steps - set(REPEATABLE)
    return EARLY if any(state in TABLE[name] for state in reachable(one.state, over)) else IMPOSSIBLE


def reachable(state: str, over: Iterable[str]) -> set[str]:
    """The states that can follow, without events that are over."""
    found: set[str] = set()
    waiting = [state]
    while waiting:
        current = waiting.pop()
        after = {to[current] for event, to in TABLE.items() if event not in over and current in to}
        waiting += sorted(after - found)
        found |= after
    return found
