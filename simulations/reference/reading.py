"""Reads: the stock of a location, what explains it, and the journal page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulations.reference.answers import Answer, AnyThat, Chosen, Refusal, numbers
from simulations.reference.bodies import invalid, is_item
from simulations.reference.clocks import COUNTER, time_text
from simulations.reference.counts import Counts, Seen, Standing
from simulations.reference.journal import Entry, Journal
from simulations.reference.kept_quotes import read_kept
from simulations.reference.movements import Place
from simulations.reference.price_documents import NAMES

PAGE, PAGE_MAX = 100, 1_000

LOW, SMALL_LOW = 5, {"GRM": 1_000, "MLT": 1_000, "MMT": 1_000, "CMT": 100}
"""With so many units available, an item is low: by default, and by its unit."""

FILTERS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "breach": lambda row: bool(row["breach"] > 0),
    "low": lambda row: bool(row["is_low"]),
    "quarantined": lambda row: bool(row["quarantined"] != 0),
    "reserved": lambda row: bool(row["reserved"] != 0),
}
"""Which items a list of stock has, by the value of the field `only`."""


def limit(query: Mapping[str, str]) -> int:
    """How many results a page has."""
    asked = query.get("limit", str(PAGE))
    if not (asked.isascii() and asked.isdigit() and len(asked) < 20 and 1 <= int(asked) <= PAGE_MAX):
        raise invalid("limit")
    return int(asked)


class Reading:
    """The reads of one node. It remembers each token and what it stands for."""

    def __init__(self, writer: str, journal: Journal, counts: Counts) -> None:
        self._writer = writer
        self._journal = journal
        self._counts = counts
        self._tokens: list[tuple[Chosen, Seen]] = []

    def seen(self, token: str) -> Seen:
        """What the counter saw who got this token from the node."""
        for chosen, seen in reversed(self._tokens):
            if chosen.value == token:
                return seen
        raise invalid("seen")

    def stock(self, place: Place, item: str, now_ms: int) -> dict[str, Any]:
        """The figures of one item. `seen` is a token for counts that are made from them."""
        figures = self._journal.figures(place.location, item, place.node)
        token = Chosen("token", lambda value: isinstance(value, str) and 0 < len(value) <= 64)
        self._tokens.append((token, Seen.at(self._journal.vector(place.location), now_ms)))
        newest = self._counts.standing.get((place.location, item))
        count = self._count(place, newest) if newest is not None else None
        return {**figures, "unit": place.catalogue.unit(item), "seen": token, "count": count}

    def _count(self, place: Place, newest: Standing) -> dict[str, Any]:
        unheard = self.unheard(place.location, newest.as_of, {place.node, newest.entry.node})
        return {
            "movement": newest.entry.hash,
            "by": newest.entry.node,
            "as_of": time_text(newest.as_of // COUNTER),
            "counted": newest.level,
            "provisional": bool(unheard),
            "unheard": unheard,
        }

    def unheard(self, location: str, as_of: int, but: set[str]) -> list[str]:
        """Other nodes that write at a location, and of which nothing later than a moment arrived yet."""
        heard: dict[str, int] = {}
        for one in self._journal.entries:
            if one.scope == location and one.node not in but:
                heard[one.node] = max(heard.get(one.node, 0), min(one.stamp, one.at_ms * COUNTER + COUNTER - 1))
        return sorted(node for node, stamp in heard.items() if stamp <= as_of)

    def goods(self, place: Place, names: list[str], query: Mapping[str, str], now_ms: int) -> Any:
        """The reads about the goods of a location: `names` is the path without the location."""
        match names:
            case ["stock"]:
                return self.page(place, query, now_ms)
            case ["stock", item]:
                return self.one_item(place, item, now_ms)
            case ["explain", item]:
                return self.explain(place, item, query, now_ms)
        raise Refusal("not-found", None)

    def one_item(self, place: Place, item: str, now_ms: int) -> dict[str, Any]:
        """`GET /v1/stock/{item}`."""
        moved = bool(self._journal.locations(item))
        place.catalogue.check_item(item if is_item(item) else "", "item", has_moved=moved)
        return self._row(place, item, now_ms)

    def page(self, place: Place, query: Mapping[str, str], now_ms: int) -> dict[str, Any]:
        """`GET /v1/stock`: the items that ever moved, in order. The cursor is the last item of the page before."""
        size, cursor, only = limit(query), query.get("cursor", ""), query.get("only")
        if only is not None and only not in FILTERS:
            raise invalid("only")
        items = [
            item
            for item in self._journal.items(place.location)
            if item > cursor and (only is None or FILTERS[only](self._row(place, item, now_ms)))
        ]
        shown = [self._row(place, item, now_ms) for item in items[:size]]
        return {"items": shown, "next": items[size - 1] if len(items) > size else None}

    def _row(self, place: Place, item: str, now_ms: int) -> dict[str, Any]:
        """A row of a list of stock."""
        stock = self.stock(place, item, now_ms)
        is_low = stock["available"] <= (SMALL_LOW.get(stock["unit"], LOW))
        return {**stock, "names": place.catalogue.names(item), "is_low": is_low}

    def explain(self, place: Place, item: str, query: Mapping[str, str], now_ms: int) -> dict[str, Any]:
        """`GET /v1/explain/{item}`: the sums of the movements, and the entries behind them, newest first."""
        size = limit(query)
        before = self._position(query["before"], "before") if "before" in query else len(self._journal.entries) + 1
        if not self._journal.has_moved(place.location, item):
            raise Refusal("not-found", "item")
        cells = sorted(self._journal.cells[place.location, item].items())
        entries = [
            one
            for one in reversed(self._journal.entries[: max(0, before - 1)])
            if one.scope == place.location and item in one.items
        ]
        shown = entries[:size]
        more = self.cursor(shown[-1].arrival) if len(shown) == size else None
        return {
            "stock": self.stock(place, item, now_ms),
            "cells": [
                {"writer": writer, "source": source, "target": target, "total": total}
                for (writer, source, target), total in cells
            ],
            "movements": [one.shown for one in shown],
            "next": more if len(entries) > size else AnyThat("a cursor, or null", lambda value: value in (more, None)),
        }

    def journal(self, query: Mapping[str, str]) -> dict[str, Any]:
        """`GET /v1/journal`: the entries in order of arrival."""
        size, after = limit(query), self._position(query.get("after", "0"), "after")
        shown = self._journal.entries[after : after + size]
        return {"entries": [one.shown for one in shown], "next": self.cursor(shown[-1].arrival if shown else after)}

    def cursor(self, arrival: int) -> str:
        """The cursor after an entry of this journal. Another node, or another incarnation, has others."""
        return f"{self._writer.replace('#', '~')}~{arrival}"

    def _position(self, cursor: str, field: str) -> int:
        """The number of the entry that a cursor is after. A cursor that this journal did not give is refused."""
        newest = len(self._journal.entries)
        if cursor == "0":
            return 0
        for arrival in range(newest + 1):
            if cursor == self.cursor(arrival):
                return arrival
        raise Refusal("cursor-unknown", field, begin=self.cursor(0), newest=self.cursor(newest))


def answer_to(entry: Entry) -> Answer:
    """The answer to the write that made an entry. A repeat gets the same."""
    if entry.kind == "order":
        return _answer_about_order(entry)
    if entry.kind == "document":
        return Answer(200, document(entry.facts))
    body: dict[str, Any] = {"movement": entry.hash, "at": time_text(entry.at_ms)}
    facts = entry.facts
    match entry.kind:
        case "adjustment":
            body["lines"] = [_named(line, "item", "delta", "reason", "on_hand", "breach") for line in facts["adjusted"]]
        case "quarantine":
            body["lines"] = [_named(line, "item", "quantity", "action", "breach") for line in facts["quarantine"]]
        case "count":
            body["as_of"] = time_text(facts["as_of"] // COUNTER)
            body["seen"] = numbers(facts["seen"])
            body["provisional"] = bool(facts.get("unheard"))
            names = ("item", "counted", "seen", "change", "on_hand")
            body["lines"] = [_named(line, *names) for line in facts["count"]]
        case "grant":
            body["to"] = entry.moves[0][2].partition("/")[0]
            body["lines"] = [{"item": item, "quantity": units} for item, _, _, units in entry.moves]
        case _:
            body["lines"] = entry.shown["lines"]
    quoted = read_kept(facts.get("quote")) if entry.kind == "sale" else None
    if quoted is not None:
        body["quote"] = quoted
    if entry.kind == "return" and "question" in facts:
        reason, past = facts["question"]
        body["question"] = {"reason": reason, "lines": [_named(line, "sku", "sold", "returned") for line in past]}
    return Answer(201, body)


def document(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A write of a document as answers show it. The rank of the chain is not named."""
    shown = {name: facts[name] for name in ("kind", "key", "version", "value")}
    rank = {"rank": NAMES[facts["rank"]], "at": facts["at"]} if facts["rank"] else {}
    return {**shown, **rank}


def _answer_about_order(entry: Entry) -> Answer:
    """The answer to a request about an order shows what the entry notes: the fulfilments, as they were then."""
    facts = entry.facts
    states = {name: state for name, _, state, _ in facts.get("shown", ())}
    is_placement = "placement" in (facts.get("request") or {})
    if facts["act"] == "report" and facts["outcome"] == "impossible":
        name = facts.get("fulfilment", "")
        return Refusal(
            "invalid-transition", "event", order=entry.reference, fulfilment=name, state=states.get(name)
        ).answer
    etas = {
        name: {"eta": {"earliest": time_text(first), "latest": time_text(last)}}
        for name, first, last in facts.get("arrivals", ())
    }
    shown = [
        {
            "id": name,
            "location": location,
            "state": state,
            **({"lines": _lines(lines)} if lines else {}),
            **etas.get(name, {}),
        }
        for name, location, state, lines in facts.get("shown", ())
    ]
    body: dict[str, Any] = {"order": entry.reference, "state": facts.get("state", ""), "fulfilments": shown}
    outcomes = facts.get("outcomes", ())
    if outcomes:
        body["outcomes"] = [
            {"fulfilment": name, "outcome": outcome, "state": states.get(name, "")} for name, outcome in outcomes
        ]
    if is_placement and facts.get("expires_ms"):
        body["expires_at"] = time_text(facts["expires_ms"])
    waits = {"park": "parked", "ask": "asked"}.get(facts["act"], "")
    told = [outcome for _, outcome in outcomes]
    waits = "asked" if "asked" in told else "parked" if "parked" in told else waits
    if waits:
        body["waiting"] = waits
    if facts["act"] == "park":
        named = facts["request"]["event"].get("fulfilment")
        is_known = not named or named in states
        body["reason"] = "unknown-order" if not states else "early" if is_known else "unknown-fulfilment"
        body["until"] = time_text(facts["until_ms"])
    if facts["act"] == "take_back":
        body["taken_back"] = [{"sku": sku, "quantity": quantity} for _, sku, quantity, *_ in facts["goods"]]
        body["state"] = facts.get("state", "") if states else "unknown"
    return Answer(201 if is_placement else 202 if waits else 200, body)


def _lines(lines: list[Any]) -> list[dict[str, Any]]:
    return [_named(line, "sku", "quantity") for line in lines]


def _named(values: list[Any], *names: str) -> dict[str, Any]:
    """An object of these values. The last names are left out if their values are."""
    return dict(zip(names, values, strict=False))
