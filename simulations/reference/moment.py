"""What a node must answer after some number of its entries, whichever node wrote them.

`Store` decides each request itself. `Moment` is for nodes that exchange entries: it derives each answer from the
entries that the node has at one moment. It knows nothing of connections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from simulations.reference import bodies
from simulations.reference.answers import ANYTHING, Answer, Refusal, Request
from simulations.reference.baskets import quote
from simulations.reference.clocks import time_text
from simulations.reference.journal import Entry
from simulations.reference.movements import resolve
from simulations.reference.node import WRITES
from simulations.reference.order_bodies import read_event, read_placement
from simulations.reference.points import point_of
from simulations.reference.price_documents import NAMES, Rank
from simulations.reference.reading import PAGE, Reading, answer_to
from simulations.reference.replay import Replay
from simulations.reference.sourcing import availability
from simulations.reference.views import Views

PLACING = ("/v1/orders", "/v1/holds")
RANKS = {name: number for number, name in NAMES.items()}
OF_ORDERS, OF_EVENTS = "/v1/orders/", "/events"


class Moment:
    """A node after some number of its entries."""

    def __init__(
        self, node: str, own: Sequence[str], *, is_hub: bool, open_catalogue: bool, met: Sequence[str] = ()
    ) -> None:
        self.replay = Replay(node, open_catalogue=open_catalogue, own=own, met=met, is_hub=is_hub)
        self.views = Views(node, ())
        self._reading = Reading(node, self.replay.journal, self.replay.counts)

    @property
    def entries(self) -> list[Entry]:
        """All entries, in order of arrival."""
        return self.replay.journal.entries

    def hear(self, entry: Entry, asked: Mapping[str, Any] | None = None) -> str:
        """Take in the next entry. Returns how it differs from what its request leads to, if that is known."""
        self.views.take(entry.noted)
        return self.replay.play(entry, asked)

    # reads -------------------------------------------------------------------------------------------------------

    def read(self, path: str, query: Mapping[str, str], shown: Mapping[str, Any]) -> Any:
        """What a read shows. Only the node itself knows who is connected, so that is taken from `shown`."""
        replay, names = self.replay, [unquote(part) for part in path.split("/")[2:]]
        match names:
            case ["availability", sku]:
                offer, near = replay.offer(query.get("channel", "")), point_of(query.get("near", ""))
                return availability(offer, replay.catalogue, sku, near)
            case ["status"]:
                return {
                    **dict.fromkeys(shown, ANYTHING),
                    **self.views.status("" if replay.is_hub else replay.own[0], shown),
                }
            case ["journal"]:
                after = int(query.get("after", "0").rpartition("~")[2])
                entries = self.entries[after : after + int(query.get("limit", PAGE))]
                return {"entries": [one.noted for one in entries], "next": ANYTHING}
        location = names.pop(1) if replay.is_hub else replay.own[0]
        return self._reading.goods(replay.place(location), names, query, 0)

    def document(self, names: Sequence[str], query: Mapping[str, str]) -> dict[str, Any]:
        """The answer to a read of a document: what is in effect at a location, or its history. Raises a refusal."""
        replay = self.replay
        match names:
            case [kind, key, "history"]:
                return self._history(kind, key, (RANKS[query.get("rank", "chain")], query.get("at", "")))
            case [kind, key]:
                at = query.get("location", "" if replay.is_hub else replay.own[0])
                found = replay.prices.in_effect(kind, key, at)
                if found:
                    return {**found[0], **({"overridden": found[1:]} if len(found) > 1 else {})}
        raise Refusal("not-found", "key")

    def _history(self, kind: str, key: str, rank: Rank) -> dict[str, Any]:
        """All writes of a document at one rank, the newest arrival first. Raises a refusal."""
        standing = self.replay.prices.standing(kind, key, rank)
        if standing is None:
            raise Refusal("not-found", "key")
        writes = [
            {
                "node": one.node,
                "at": time_text(one.at_ms),
                "version": one.facts["version"],
                "value": one.facts["value"],
                "is_current": (one.facts["version"], one.stamp, one.writer) == standing,
                "entry": one.hash,
            }
            for one in reversed(self.entries)
            if one.kind == "document"
            and (one.facts["kind"], one.facts["key"], one.facts["rank"], one.facts["at"]) == (kind, key, *rank)
        ]
        return {"kind": kind, "key": key, "writes": writes, "next": None}

    def quote(self, asked: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
        """The answer to `POST /v1/quote`, for this moment unless it asks for another one. Raises a refusal."""
        replay = self.replay
        location = asked["location"] or replay.own[0]
        if not replay.is_hub and location != replay.own[0]:
            raise bodies.invalid("location")
        at_ms = now_ms if asked["at"] is None else -(-asked["at"] // 1000)
        resolved, _ = resolve(replay.place(location), asked["lines"], is_fact=False)
        goods = [(sku, quantity) for sku, _, quantity in resolved]
        quoted = quote(replay.prices, goods, location, at_ms, asked["customer_group"])
        return {**quoted, "location": location, "at": time_text(at_ms)}

    # writes ------------------------------------------------------------------------------------------------------

    def answers(self, key: str) -> list[Answer]:
        """The answer to a request under a known key, then those of moments before some of the entries arrived.

        If several nodes accepted the request, the earliest entry won. An order that several nodes placed is shown as
        the earliest placement has it.
        """
        named = [one for one in self.entries if one.key == key]
        orders = [(one.reference, one.facts["digest"]) for one in named if "digest" in one.facts]
        alike = [one for one in self.entries if (one.reference, one.facts.get("digest")) in orders]
        return [answer_to(one) for one in sorted(alike or named, key=lambda one: (one.stamp, one.writer, one.hash))]

    def asked(self, request: Request) -> tuple[str, str, Mapping[str, Any]] | None:
        """The kind, the location and the normal form of a request; None if it is no such write. Raises a refusal."""
        location = request.query.get("location", self.replay.own[0])
        if request.path in PLACING:
            return "order", "", read_placement(bodies.decoded(request.body), is_hub=self.replay.is_hub)
        if request.path.startswith(OF_ORDERS) and request.path.endswith(OF_EVENTS):
            return "order", "", read_event(unquote(request.path.split("/")[3]), bodies.decoded(request.body))
        if request.path not in WRITES or (self.replay.is_hub and request.path == "/v1/sales"):
            return None
        write = WRITES[request.path]
        return write.kind, location, write.shape(bodies.decoded(request.body), "")

    def refusal(self, kind: str, location: str, asked: Mapping[str, Any]) -> Refusal | None:
        """The refusal of a request under a new key now; None if it is accepted.

        The answer to an order that was placed before, and the moment of a count, follow from more than the entries.
        """
        try:
            if kind != "order":
                self.replay.decide(kind, location, asked)
            elif "event" in asked:
                self.replay.happen(asked)
            elif asked["order"] not in self.replay.placed:
                self.replay.promise(asked)
        except Refusal as refusal:
            return refusal
        return None
