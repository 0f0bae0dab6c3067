"""What the lab shows, and how it follows from the answers of the nodes. Pure: no node is asked here.

Nodes show their state as digests, one for each scope. Two nodes with equal digests of a scope are in the same *group*:
group 0 is that of the store itself, and each other digest has a group of its own. The page gives each group a colour,
so equal digests have equal colours, also while sales change them all the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from replica.core.rights.holders import holders_of
from shelfsync.lab.records import Record
from shelfsync.proxy import Proxy

DIGEST_LETTERS = 6

UNKNOWN = -1
"""The group of a node that the lab has not heard yet."""


class StockView(Struct, frozen=True):
    """The watched item at one location, as one node sees it. `rights`: free units by the node that may promise them."""

    location: str
    on_hand: int
    reserved: int
    available: int
    breach: int
    rights: dict[str, int]


class ScopeView(Struct, frozen=True):
    """What a node knows of one location.

    `group`: nodes with the same number have equal digests. `missing`: entries that another node has and this one lacks.
    `promise`: units of the watched item that a hub may promise there without asking.
    """

    location: str
    digest: str
    group: int
    missing: int
    stock: StockView | None
    promise: int


class NodeView(Struct, frozen=True):
    """One node. `age_s`: how old the answer is that this shows; None: there was none yet.

    `state`: `running`, `starting`, `killed` or `silent`. `line`: the hub that a store is connected to. `waiting`:
    entries of a store that its hub has not acknowledged. A hub knows each location, a store only its own.
    """

    name: str
    is_hub: bool
    city: str
    region: str
    url: str
    state: str
    age_s: float | None
    line: str
    home_hub: str
    waiting: int
    entries: int
    digest: str
    breaches: int
    sales: int
    sales_per_s: float
    last_sold: dict[str, str]
    known: list[ScopeView]


class LineView(Struct, frozen=True):
    """A line: `state` is `whole`, `cut` or `losing`. `is_used`: whether its ends are connected over it."""

    dialler: str
    dialled: str
    state: str
    is_used: bool


class ItemView(Struct, frozen=True):
    """An item that the lab can show: the SKU that is one unit of it, and its names by language."""

    sku: str
    item: str
    names: dict[str, str]


class StoryView(Struct, frozen=True):
    """Where the story is: `state` is `playing`, `ended`, `stopped` or `failed`. `values`: those of its sentence."""

    step: str
    number: int
    steps: int
    state: str
    values: dict[str, str | int]


class View(Struct, frozen=True):
    """All that the lab shows at one moment. `phase`: `open`, `closing`, `equal` or `unequal`."""

    at_s: float
    phase: str
    shoppers: bool
    outages: bool
    sales: int
    item: ItemView
    items: list[ItemView]
    nodes: list[NodeView]
    lines: list[LineView]
    records: list[Record]
    story: StoryView | None


def stock_view(answer: Mapping[str, Any]) -> StockView:
    """The stock of an item at a location, out of the answer of a store, or out of a line of that of a hub."""
    if "holders" in answer:
        rights = {name: holder["rights"] for name, holder in answer["holders"].items()}
    else:
        rights = {name: holder.rights for name, holder in holders_of(answer["accounts"]).items()}
    return StockView(
        location=answer["location"],
        on_hand=answer["on_hand"],
        reserved=answer["reserved"],
        available=answer["available"],
        breach=answer["breach"],
        rights={name: units for name, units in rights.items() if units},
    )


def groups(digests: Mapping[str, str | None], first: str) -> dict[str, int]:
    """The group of each node by its digest of one scope. Group 0 is that of the node `first`, or else of the next."""
    numbers: dict[str, int] = {}
    for name in sorted(digests, key=lambda one: one != first):
        digest = digests[name]
        if digest is not None:
            numbers.setdefault(digest, len(numbers))
    return {name: UNKNOWN if digest is None else numbers[digest] for name, digest in digests.items()}


def missing(vectors: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, int]:
    """How many entries of one scope each node lacks that any of them has, by version vector."""
    longest: dict[str, int] = {}
    for vector in vectors.values():
        for writer, head in vector.items():
            longest[writer] = max(longest.get(writer, 0), head["sequence"])
    return {
        name: sum(total - vector.get(writer, {"sequence": 0})["sequence"] for writer, total in longest.items())
        for name, vector in vectors.items()
    }


def line_state(line: Proxy) -> str:
    """The state of a line, for people."""
    if line.is_cut:
        return "cut"
    return "whole" if line.is_whole else "losing"


def scope_views(
    location: str,
    statuses: Mapping[str, Mapping[str, Any]],
    stocks: Mapping[str, Mapping[str, StockView]],
    promises: Mapping[str, Mapping[str, int]],
    hubs: Sequence[str],
) -> dict[str, ScopeView]:
    """What the store of a location and each hub know of it, by node. Nodes without a status are left out."""
    names = [name for name in (location, *hubs) if name in statuses]
    digests = {name: statuses[name]["digests"].get(location) for name in names}
    in_group = groups(digests, location)
    lacking = missing({name: statuses[name]["version_vector"].get(location, {}) for name in names})
    return {
        name: ScopeView(
            location=location,
            digest=(digests[name] or "")[:DIGEST_LETTERS],
            group=in_group[name],
            missing=lacking[name],
            stock=stocks.get(name, {}).get(location),
            promise=promises.get(name, {}).get(location, 0),
        )
        for name in names
    }
