"""Where the views of a node differ from what follows from the entries of its journal.

`shown` has the views by their paths. A path without `limit` has the whole list. The same path with `limit` has all
pages of that size together, so the two must be equal; only `/v1/exceptions` has one page. A path that was not read is
left out. The fields that show the present time are left out too: `seen` of stock, and `as_of` of availability.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any
from urllib.parse import unquote

from simulations.reference.answers import difference
from simulations.reference.catalogue import Catalogue, Recipe, makes
from simulations.reference.entries import Shown, unlike
from simulations.reference.exceptions import LISTS, LOST_EDITS_MAX, Exceptions, page
from simulations.reference.journal import Journal, rights_of
from simulations.reference.order_traces import order_traces
from simulations.reference.overviews import location_figures, order_rows, rights_rows, rights_totals
from simulations.reference.replay import entry_of

Version = tuple[int, int, str]
"""Version, stamp and writer of a write of a document."""

CHANNELS = ("web", "mall")
"""Channels of which the availability is read."""

FIGURES = ("location", "item", "on_hand", "reserved", "quarantined", "available", "rights", "breach", "accounts", "pn")


class ViewFaults:
    """The checks of one node's views. `hosted`: the locations that a hub writes for; none at a store.

    `now_ms`: when the views are read, in milliseconds since 1970.
    """

    def __init__(
        self, node: str, hosted: Sequence[str], entries: Iterable[Shown], now_ms: int, edits_max: int = LOST_EDITS_MAX
    ) -> None:
        self._node = node
        self._hosted = hosted
        self._entries = list(entries)
        self._exceptions = Exceptions(self._entries, now_ms, edits_max)
        self._orders = order_traces(self._entries)
        self._journal = Journal()
        self._catalogue = Catalogue(is_open=True)
        self._documents: dict[str, dict[str, tuple[Version, Any]]] = {}
        """The newest write of each document, by kind and key."""
        for arrival, shown in enumerate(self._entries, 1):
            entry = entry_of(shown, arrival)
            self._journal.append(entry)
            if entry.kind == "document" and entry.facts["rank"] == 0:
                facts, version = entry.facts, (entry.facts["version"], entry.stamp, entry.writer)
                of_kind = self._documents.setdefault(facts["kind"], {})
                if facts["key"] not in of_kind or version > of_kind[facts["key"]][0]:
                    of_kind[facts["key"]] = (version, facts["value"])
                if facts["kind"] == "sku":
                    self._catalogue.put(facts["key"], facts["value"], version)

    def find(self, shown: Mapping[str, Any]) -> Iterator[str]:
        """Each difference, as the end of a sentence about the node."""
        for path, found in shown.items():
            whole, _, query = path.partition("?")
            if query and whole == "/v1/exceptions":
                yield from self._faults_of_page(shown[whole], found, int(query.removeprefix("limit=")))
            elif query:
                if _rows(found) != _rows(shown[whole]):
                    yield f"lists under {path}, page by page, {unlike(_rows(found), _rows(shown[whole]))}"
            else:
                yield from (f"shows in {path}: {fault}" for fault in self._faults_of(path, found))

    def skus(self) -> list[str]:
        """The SKUs that may be available: those with a document, and items that moved and no document ever named."""
        items = dict.fromkeys(item for _, item in self._journal.cells)
        known = [item for item in items if item not in self._catalogue.current and item not in self._catalogue.deleted]
        return sorted([*self._catalogue.current, *known])

    def pairs(self) -> list[tuple[str, str]]:
        """The locations and items that ever moved."""
        return sorted(self._journal.cells)

    def kinds(self) -> list[str]:
        """The kinds of the documents that were ever written."""
        return sorted(self._documents)

    def of_lists(self, shown: Mapping[str, Any]) -> dict[str, list[str]]:
        """The differences of each list of exceptions."""
        return self._exceptions.faults_of_lists(shown)

    @property
    def breach_times(self) -> dict[tuple[str, str], str]:
        """When each breach began, by location and item."""
        return self._exceptions.breach_times

    def _faults_of(self, path: str, found: Any) -> Iterator[str]:
        match [unquote(part) for part in path.split("/")[2:]]:
            case ["exceptions"]:
                yield from self._exceptions.faults(found)
            case ["stock", location]:
                yield from self._faults_of_stock(location, found)
            case ["explain", location, item]:
                yield from self._faults_of_explanation(location, item, found)
            case ["availability", sku]:
                yield from self._faults_of_availability(sku, "", found)
            case ["availability", sku, channel]:
                yield from self._faults_of_availability(sku, channel, found)
            case ["documents", kind]:
                yield from self._faults_of_documents(kind, found)
            case ["pickups"]:
                yield from self._faults_of_pickups(found)
            case ["orders"]:
                yield from _faults_of_rows(order_rows(self._orders), found)
            case ["rights", item]:
                yield from _faults_of_rows(rights_rows(self._journal, item), found)
            case ["rights", item, "totals"]:
                yield from _faults_of_rows([rights_totals(self._journal, item)], [found])
            case ["locations"]:
                figures = [location_figures(self._journal, one["location"], self._node) for one in found]
                yield from _faults_of_rows(figures, found)
            case ["orders", order] if order not in self._orders:
                yield "an order that no entry names"
            case ["orders", order]:
                yield from _faults_of_order(self._orders[order].shown, found)

    def _faults_of_page(self, whole: Mapping[str, Any], found: Mapping[str, Any], limit: int) -> Iterator[str]:
        expected = page(whole, limit)
        for name in LISTS:
            if found[name] != expected[name]:
                yield f"lists {name} on a page of {limit}: {unlike(found[name], expected[name])}"
        is_cut = any(found[name] != whole[name] for name in LISTS)
        if found["truncated"] < is_cut:
            yield f"does not say that a page of {limit} leaves exceptions out"

    def _faults_of_stock(self, location: str, found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        items = [one["item"] for one in found]
        if items != self._journal.items(location):
            yield f"the items {items}, not {self._journal.items(location)}"
        for one in found:
            yield from self._faults_of_item(one)

    def _faults_of_item(self, found: Mapping[str, Any]) -> Iterator[str]:
        figures = self._journal.figures(found["location"], found["item"], self._node)
        expected = {**figures, "unit": self._catalogue.unit(found["item"])}
        for name in (*FIGURES, "unit"):
            if found[name] != expected[name]:
                yield f"{name} of {found['item']} is {found[name]}, not {expected[name]}"

    def _faults_of_explanation(self, location: str, item: str, found: Mapping[str, Any]) -> Iterator[str]:
        if "stock" in found:
            yield from self._faults_of_item(found["stock"])
        cells = sorted(self._journal.cells[location, item].items())
        expected = [{"writer": w, "source": s, "target": t, "total": total} for (w, s, t), total in cells]
        if found["cells"] != expected:
            yield f"other cells: {unlike(found['cells'], expected)}"
        movements = [
            one
            for one in reversed(self._entries)
            if one["scope"] == location and any(move["item"] == item for move in one["moves"])
        ]
        if found.get("movements", movements) != movements:
            yield f"other movements: {unlike(found['movements'], movements)}"

    def _faults_of_availability(self, sku: str, channel: str, found: Mapping[str, Any]) -> Iterator[str]:
        recipe = self._catalogue.recipe(sku, "sku", is_fact=False)
        everywhere = sorted(dict.fromkeys(location for location, _ in self._journal.cells))
        locations = [one for one in everywhere if all(self._journal.has_moved(one, item) for item in recipe)]
        promised = {at: _made(recipe, partial(self._promised, at, channel)) for at in locations}
        believed = {at: _made(recipe, partial(self._journal.available, at)) for at in locations}
        expected = [{"location": one, "guaranteed": promised[one], "optimistic": believed[one]} for one in locations]
        if found["locations"] != expected:
            yield unlike(found["locations"], expected)
        for name, units in (("guaranteed", promised), ("optimistic", believed)):
            if found[name] != sum(units.values()):
                yield f"{name} {found[name]} at all locations, not {sum(units.values())}"

    def _promised(self, location: str, channel: str, item: str) -> int:
        """The units of an item that orders may take at this node: those of one channel, or of all together."""
        accounts, policy = self._journal.accounts(location, item), self._policy(location, item)
        if channel and channel in policy.get("channels", ()):
            return max(0, accounts.get(f"{self._node}/channel.{channel}", 0))
        safety = policy.get("safety_stock", 0) if policy.get("mode") in ("safety", "both") else 0
        units = safety if isinstance(safety, int) else 0  # only the store knows a forecast
        kept = max(units, policy.get("last_units", 0)) if location in self._hosted else 0
        own = accounts.get(f"{self._node}/free", 0) if channel else rights_of(accounts, self._node)
        return max(0, own - kept)

    def _policy(self, location: str, item: str) -> Mapping[str, Any]:
        """The most specific policy, as a whole."""
        written = self._documents.get("policy", {})
        for selector in (f"location:{location},item:{item}", f"location:{location}", f"item:{item}", "default"):
            found: Mapping[str, Any] | None = written[selector][1] if selector in written else None
            if found is not None:
                return found
        return {}

    def _faults_of_documents(self, kind: str, found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        written = sorted(self._documents.get(kind, {}).items())
        expected = [
            {"kind": kind, "key": key, "version": version[0], "value": value}
            for key, (version, value) in written
            if value is not None
        ]
        if found != expected:
            yield unlike(found, expected)

    def _faults_of_pickups(self, found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """A fulfilment that is all shipped, cancelled or returned in parts holds nothing, so its state may stay."""
        listed = [(one["order"], one["fulfilment"]["id"]) for one in found]
        may = [(name, one) for name, order in sorted(self._orders.items()) for one in order.held_by(self._node)]
        must = [one for one in may if not self._orders[one[0]].fulfilments[one[1]].is_divided]
        if listed != [one for one in may if one in listed] or not set(must) <= set(listed):
            yield f"the pickups {listed}, not {must} of {may}"


def _faults_of_rows(expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if list(found) != list(expected):
        yield unlike(list(found), list(expected))


def _faults_of_order(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """The SKUs of a fulfilment may be in any order."""
    in_order = [{**one, "lines": sorted(one["lines"], key=itemgetter("sku"))} for one in found["fulfilments"]]
    wrong = difference(dict(expected), {**found, "fulfilments": in_order})
    if wrong:
        yield wrong


def _rows(found: Any) -> list[Any]:
    """The rows of a list, or the movements of an explanation."""
    rows: list[Any] = found["movements"] if isinstance(found, dict) else found
    return rows


def _made(recipe: Recipe, units: Callable[[str], int]) -> int:
    """How many SKUs the units of their items make."""
    return max(0, makes(recipe, {item: units(item) for item in recipe}))
