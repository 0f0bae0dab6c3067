"""What is wrong with what a hub decided or answered about an order to an address, by the documents that it knew."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from replica.core.base.errors import Refused
from replica.core.log.entry import DOCUMENT
from replica.core.orders.requests import Placement
from replica.runtime.http.answers import entry_answer
from replica.runtime.ports import Stored
from simulations.addressed import AddressedCommand, Surveyed
from simulations.machine import Machine
from simulations.reference.answers import difference
from simulations.reference.catalogue import Documents
from simulations.reference.clocks import COUNTER, time_text
from simulations.reference.deliveries import MAY_SEND, Candidate, Choice, Delivery, Taken
from simulations.reference.journal import Journal, bucket
from simulations.reference.price_documents import moment_ms
from simulations.reference.promises import Promise, Sender
from simulations.reference.sourcing import Offer
from simulations.translation import as_received, plain

LOOKS_MAX = 40
"""Numbers of entries after which a hub may have looked, if nobody knows when it did: the last ones."""

KINDS = ("area", "calendar", "carrier", "location", "sku", "sourcing")


class HubKnowledge:
    """What a hub knew after each of its entries."""

    def __init__(self, disk: object, machine: Machine) -> None:
        self.disk = disk
        self.machine = machine
        self.journal = Journal()
        self.documents = Documents()
        self.placed: dict[str, None] = {}
        self._writes: list[tuple[int, Mapping[str, Any], tuple[int, int, str]]] = []
        self._last: dict[str, dict[str, int]] = {}
        """By location and writer: when the last entry was recorded."""
        self._newest: dict[str, list[tuple[int, int]]] = {}
        """By location: when the newest entry was recorded, after which number of entries."""
        self._stocked: dict[str, dict[str, int]] = {}
        """By item: the locations where it ever moved, each with the number of the first entry that says so."""
        self._earlier: tuple[int, Documents] = (0, Documents())

    def take(self, stored: Stored) -> None:
        """Take in the next entry."""
        entry = plain(stored, stored.arrival)
        self.journal.append(entry)
        last = self._last.setdefault(entry.scope, {})
        last[entry.writer] = entry.recorded
        self._newest.setdefault(entry.scope, []).append((entry.arrival, max(last.values())))
        for item in entry.items:
            self._stocked.setdefault(item, {}).setdefault(entry.scope, entry.arrival)
        if "digest" in entry.facts:
            self.placed[entry.reference] = None
        if entry.kind == DOCUMENT and entry.facts["rank"] == 0:
            facts = as_received(entry_answer(stored))["facts"]
            write = (facts, (facts["version"], entry.stamp, entry.writer))
            self.documents.put(facts["kind"], facts["key"], facts["value"], write[1])
            if facts["kind"] in KINDS:
                self._writes.append((entry.arrival, *write))

    def documents_after(self, arrival: int) -> Documents:
        """The documents after so many entries."""
        through, documents = self._earlier
        if arrival < through:
            through, documents = 0, Documents()
        for number, facts, order in self._writes:
            if through < number <= arrival:
                documents.put(facts["kind"], facts["key"], facts["value"], order)
        self._earlier = (arrival, documents)
        return documents

    def writes_between(self, first: int, end: int) -> list[int]:
        """After how many entries the documents were as they were at some time in a range."""
        return [first, *[number for number, *_ in self._writes if first < number < end]]

    def looks(self, surveyed: Surveyed, end: int, last_ms: int) -> Iterator[Surveyed]:
        """A look of this hub. If nobody knows when it looked: those that differ, up to a moment."""
        if surveyed.is_exact:
            yield surveyed
            return
        first_ms, last_ms = sorted((surveyed.moment_ms, last_ms))
        for arrival in reversed(self.writes_between(surveyed.arrival, end)[-LOOKS_MAX:]):
            moments = [one for one in self._moments() if first_ms < one < last_ms]
            for moment in dict.fromkeys([last_ms, first_ms, *moments]):
                yield msgspec.structs.replace(surveyed, arrival=arrival, moment_ms=moment)

    def _moments(self) -> Iterator[int]:
        """The moments at which documents begin or end to say something, except those of windows."""
        for _, facts, _ in self._writes:
            value = facts["value"] or {}
            for one in (*value.get("bans", ()), *value.get("stops", ())):
                yield from (moment_ms(text) for name, text in one.items() if name in ("valid_from", "valid_to"))

    def delivery(self, surveyed: Surveyed, channel: str) -> Delivery:
        """An address at the moment of a look."""

        def unheard_ms(location: str) -> int | None:
            if location in (surveyed.current or ()):
                return 0
            times = self._newest.get(location, [])
            index = bisect_right(times, (surveyed.arrival, 1 << 80))
            return max(0, surveyed.moment_ms - times[index - 1][1] // COUNTER) if index else None

        address = msgspec.to_builtins(surveyed.ship_to)
        documents = self.documents_after(surveyed.arrival)
        return Delivery(documents, address, channel, surveyed.moment_ms, unheard_ms)

    def stocked(self, items: Iterable[str], arrival: int) -> list[str]:
        """The locations where some of the items ever moved, after so many entries."""
        found = [self._stocked.get(item, {}) for item in items]
        return [location for one in found for location, first in one.items() if first <= arrival]

    def waiting(self, location: str) -> int:
        """The units that are held at a location."""
        totals = self.journal.totals(location)
        return sum(max(0, units) for account, units in totals.items() if bucket(account) == "held")


def _skus(placement: Placement) -> list[str]:
    return [str(line.sku) for line in placement.lines]


def _choice(
    hub: HubKnowledge,
    delivery: Delivery,
    candidates: Sequence[Candidate],
    placement: Placement,
    banned: Iterable[int] = (),
) -> Choice:
    """What an order takes of some candidates, by the units now. `banned`: the lines that are left out."""
    wanted: dict[str, int] = {}
    fixed: dict[str, dict[str, int]] = {}
    for index, line in enumerate(placement.lines):
        if index not in banned:
            into = wanted if line.location is UNSET else fixed.setdefault(line.location, {})
            into[str(line.sku)] = into.get(str(line.sku), 0) + line.quantity
    offer = Offer(hub.machine.name, hub.journal, hub.documents, placement.channel, hub.machine.role.locations)
    return Choice(candidates, offer.units, wanted, fixed, delivery.weights["last_unit"])


def wrong_refusal(hub: HubKnowledge, surveyed: Surveyed, placement: Placement, refused: Refused) -> str:
    delivery = hub.delivery(surveyed, placement.channel)
    banned = delivery.banned(_skus(placement))
    if refused.kind == "not-deliverable":
        return difference(banned, as_received(refused.facts["lines"])) if banned else "nothing is banned"
    if banned:
        return f"it had to be refused for {banned}"
    candidates, _ = delivery.sort_out(hub.stocked(_skus(placement), surveyed.arrival))
    choice = _choice(hub, delivery, candidates, placement)
    free = sum(line["free"] - line["wanted"] for line in refused.facts["lines"])
    short = choice.short()
    return "" if short and free == -short else f"{short} units are missing, and {-free} are said to be"


def wrong_placement(hub: HubKnowledge, surveyed: Surveyed, asked: AddressedCommand, stored: Stored) -> Iterator[str]:
    placement, facts = asked.request, as_received(stored.entry.content.facts)
    assert isinstance(placement, Placement)
    delivery = hub.delivery(surveyed, placement.channel)
    banned = delivery.banned(_skus(placement))
    if banned:
        yield f"it had to be refused for {banned}"
    candidates, _ = delivery.sort_out(hub.stocked(_skus(placement), surveyed.arrival))
    choice = _choice(hub, delivery, candidates, placement)
    taken: dict[str, dict[str, int]] = {location: _added(lines) for _, location, _, lines in facts["shown"]}
    yield from choice.faults(taken, knows_costs=surveyed.is_exact)
    expected, listed = [one.location for one in choice.candidates], facts.get("may_send", [])
    if not surveyed.is_exact:
        yield difference(sorted(expected), sorted(listed), "may_send")
        return
    yield difference(expected[:MAY_SEND], listed, "may_send")
    name, location, _, lines = facts["shown"][0]
    promise = _promise(hub, delivery, location, sum(quantity for _, quantity in lines))
    kept = None if promise is None else [promise.dispatch_ms, promise.carrier, promise.earliest_ms, promise.latest_ms]
    yield difference(kept, facts.get("promised"), f"promised of {name}")
    yield difference(_arrivals(hub, delivery, facts["shown"]), facts.get("arrivals", []), "arrivals")


def _added(lines: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for sku, quantity in lines:
        found[sku] = found.get(sku, 0) + quantity
    return found


def _arrivals(hub: HubKnowledge, delivery: Delivery, shown: Iterable[tuple[str, str, str, Any]]) -> list[Any]:
    """When each fulfilment arrives, as far as carriers say."""
    found = []
    for name, location, _, lines in shown:
        one = _promise(hub, delivery, location, sum(quantity for _, quantity in lines))
        if one is not None and one.carrier:
            found.append([name, one.earliest_ms, one.latest_ms])
    return found


def _promise(hub: HubKnowledge, delivery: Delivery, location: str, units: int) -> Promise | None:
    """What is promised by the areas of the look, and by all else as it is now."""
    now = _by_documents(delivery, hub.documents)
    sender = Sender(hub.documents, location, now.hours(location, delivery.areas), hub.waiting(location))
    return sender.promise(delivery.areas, units, delivery.now_ms)


def _by_documents(delivery: Delivery, documents: Documents) -> Delivery:
    """The same address at the same moment, by other documents."""
    return Delivery(documents, delivery.address, delivery.channel, delivery.now_ms, delivery.unheard_ms)


def wrong_answer(
    hub: HubKnowledge, surveyed: Surveyed, placement: Placement, shown: Mapping[str, Any]
) -> Iterator[str]:
    """What is wrong with the answer of a dry run. It leaves banned lines out."""
    delivery = hub.delivery(surveyed, placement.channel)
    banned = delivery.banned(_skus(placement))
    yield from filter(None, [difference(banned, shown["banned"], "banned")])
    candidates, unfit = delivery.sort_out(hub.stocked(_skus(placement), surveyed.arrival))
    choice = _choice(hub, delivery, candidates, placement, [one["line"] for one in banned])
    taken: Taken = {
        one["location"]: _added((line["sku"], line["quantity"]) for line in one["lines"])
        for one in shown["fulfilments"]
    }
    yield from choice.faults(taken, knows_costs=surveyed.is_exact)
    missing = sum(one["wanted"] - one["free"] for one in shown["short"])
    if missing != choice.short():
        yield f"{choice.short()} units are missing, and {missing} are said to be"
    found = {one["location"]: one for one in shown["candidates"]}
    for location, closed in unfit.items():
        why = ["not-serving"] if closed is None else ["closed", closed.calendar, dict(closed.reasons)]
        yield difference(why, _part_of(found.get(location, {}), "reason", "calendar", "reasons")[: len(why)], location)
    if surveyed.is_exact:
        yield from _wrong_costs(hub, delivery, choice, shown, taken)


def _wrong_costs(
    hub: HubKnowledge, delivery: Delivery, choice: Choice, shown: Mapping[str, Any], taken: Taken
) -> Iterator[str]:
    """What is wrong with the points and the estimates in the answer of a dry run."""
    by_name = {one.location: one for one in choice.candidates}
    for one in shown["fulfilments"]:
        here = by_name.get(one["location"])
        cost = here.cost + choice.last_cost(here, taken[here.location]) if here is not None else None
        if one["cost"] != cost:
            yield f"{one['location']} costs {cost}"
        promise = _promise(hub, delivery, one["location"], sum(taken[one["location"]].values()))
        yield difference(_eta(promise), _plain_eta(one.get("eta")), "eta")
    found = {one["location"]: one for one in shown["candidates"]}
    expected = {one.location: [one.cost, dict(one.costs), one.distance_km] for one in choice.candidates}
    told = {name: _part_of(found.get(name, {}), "cost", "costs", "distance_km") for name in expected}
    yield difference(expected, told, "costs")


def _part_of(candidate: Mapping[str, Any], *names: str) -> list[Any]:
    """Some fields of a candidate as an answer shows it. Objects without members are left out there."""
    return [candidate.get(name, {} if name in ("costs", "reasons") else None) for name in names]


def _eta(promise: Promise | None) -> dict[str, str] | None:
    if promise is None:
        return None
    eta = {"ready_at": time_text(promise.ready_ms), "dispatch_at": time_text(promise.dispatch_ms)}
    if not promise.carrier:
        return eta
    ends = {"earliest": time_text(promise.earliest_ms), "latest": time_text(promise.latest_ms)}
    return {**eta, "carrier": promise.carrier, **ends}


def _plain_eta(eta: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the model says of an estimate: not how sure it is."""
    return None if eta is None else {name: one for name, one in eta.items() if name not in ("confidence", "doubts")}
