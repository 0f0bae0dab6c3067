"""Answers over HTTP: each follows, by the reference model, from what its node had at some moment since the request.

The answer to a write shows what its entry says. A read shows the state after some number of the entries that were
durable between the request and the answer. The model plays the journal of each machine for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from replica.core.base.names import key_text, parse_key
from replica.runtime.ports import Stored
from simulations.chain import SimulatedChain
from simulations.checkers.checker import Violation
from simulations.checkers.reference import new_replay, plain
from simulations.full_stack.calls import Call, HttpAnswer
from simulations.history import Durable, History
from simulations.machine import Machine, Role
from simulations.reference import bodies
from simulations.reference.answers import ANYTHING, SENTENCE, STATUS, Answer, Refusal, difference
from simulations.reference.journal import Entry
from simulations.reference.node import WRITES
from simulations.reference.reading import PAGE, Reading, answer_to
from simulations.reference.sourcing import availability
from simulations.reference.views import Views

DERIVED = ("stock", "availability", "status", "journal")
"""The reads that the model derives."""


class Moment:
    """What the answers of a machine must show after some number of its entries."""

    def __init__(self, machine: Machine, chain: SimulatedChain) -> None:
        self.entries: list[Entry] = []
        self._role = machine.role
        self._replay = new_replay(machine, chain)
        self._reading = Reading(machine.name, self._replay.journal, self._replay.counts)
        self._views = Views(machine.role.name, ())

    def hear(self, stored: Stored) -> None:
        """Take in the next entry."""
        entry = plain(stored, stored.arrival)
        self.entries.append(entry)
        self._replay.hear(entry)
        self._views.take(entry.noted)

    def read(self, path: str, shown: Mapping[str, Any]) -> Any:
        """What a read shows."""
        url, replay = urlsplit(path), self._replay
        query, names = dict(parse_qsl(url.query)), [unquote(part) for part in url.path.split("/")[2:]]
        match names:
            case ["availability", sku]:
                return availability(replay.offer(query.get("channel", "")), replay.catalogue, sku)
            case ["status"]:
                return {**dict.fromkeys(shown, ANYTHING), **figures(self._role, self._views, shown)}
            case ["journal"]:
                return self._page(query, len(shown["entries"]))
        location = names.pop(1) if replay.is_hub else self._role.locations[0]
        return self._reading.goods(replay.place(location), names, query, 0)

    def _page(self, query: Mapping[str, str], size: int) -> dict[str, Any]:
        """A page of the journal. It ends early only after the newest entry."""
        after = int(query.get("after", "0").rpartition("~")[2])
        through = min(after + int(query.get("limit", PAGE)), len(self.entries))
        return {"entries": [in_json(one.noted) for one in self.entries[after:through]], "next": ANYTHING}


class Answers:
    """Holds the answers of one machine to the reference model."""

    def __init__(self, machine: Machine, chain: SimulatedChain, history: History) -> None:
        self._machine = machine
        self._chain = chain
        self._history = history
        self._now = Moment(machine, chain)
        self._disk: object = machine.disk

    def check(self, call: Call, since: Durable, answer: HttpAnswer) -> None:
        """Check an answer. `since`: what was durable when the client asked. Raises Violation."""
        if since.disk is not self._machine.disk:
            return
        shown = msgspec.json.decode(answer.body) if answer.body[:1] == b"{" else None
        malformed = self._malformed(call) if call.method == "POST" else None
        if malformed is not None:
            wrong = difference([malformed.status, malformed.body], [answer.status, shown])
        elif answer.status >= 400:
            wrong = difference(problem(answer.status, shown), shown)
        elif call.method == "POST":
            wrong = self._wrong_writes(call, answer.status, shown)
        elif call.path.startswith("/v1/feed"):
            wrong = self._wrong_feed(answer.body.decode())
        elif call.method == "GET" and is_derived(call.path):
            wrong = self._wrong_read(call.path, since.entries, shown)
        else:
            return
        self._history.tally("answers held to the reference")
        if wrong:
            raise Violation("Answers", 5, f"{self._machine.name} answers {call}: {wrong}")

    def _malformed(self, call: Call) -> Answer | None:
        """The refusal of a body that is malformed whatever the node knows; None if it is not, or is about an order."""
        path = call.path.partition("?")[0]
        is_sale = path in ("/v1/sales", "/v1/sales:batch")
        if self._machine.role.role == "hub" and is_sale:
            return None
        shape = bodies.BATCH if path == "/v1/sales:batch" else WRITES[path].shape if path in WRITES else None
        try:
            if shape is not None:
                shape(bodies.decoded(call.body), "")
        except Refusal as refusal:
            return refusal.answer
        return None

    def _wrong_read(self, path: str, since: int, shown: Any) -> str:
        """How a read differs from the state at each moment since a number of entries; empty if it fits one."""
        wrong = ""
        for moment in self._moments(since):
            wrong = difference(moment.read(path, shown), shown)
            if not wrong:
                return ""
        return wrong

    def _wrong_feed(self, said: str) -> str:
        """How a feed from the beginning differs from the journal: each event shows an entry, and its cursor."""
        self._stored()
        start, *events = [block for block in said.split("\n\n")[:-1] if not block.startswith(":")]
        heard, written = self._now.entries[: len(events)], start.removesuffix("0")
        expected = [[f"{written}{one.arrival}", f"event: {one.kind}", in_json(one.noted)] for one in heard]
        lines = [event.split("\n", 2) for event in events]
        found = [[place, kind, msgspec.json.decode(data.removeprefix("data: "))] for place, kind, data in lines]
        return difference(expected, found, "feed")

    def _moments(self, since: int) -> Iterator[Moment]:
        """The present, which most answers show, then each moment since a number of entries."""
        stored = self._stored()
        yield self._now
        earlier = Moment(self._machine, self._chain)
        for index, one in enumerate(stored):
            if index >= since:
                yield earlier
            earlier.hear(one)

    def _stored(self) -> Sequence[Stored]:
        """The durable entries. The present moment has heard them all."""
        disk = self._machine.disk
        disk.refresh()
        if disk is not self._disk:
            self._now, self._disk = Moment(self._machine, self._chain), disk
        for one in disk.stored[len(self._now.entries) :]:
            self._now.hear(one)
        return disk.stored

    def _wrong_writes(self, call: Call, status: int, shown: Any) -> str:
        if not call.path.startswith("/v1/sales:batch"):
            return self._wrong_write(call.key, status, shown)
        sold = [one for one in shown["verdicts"] if "sale" in one]
        refused = [problem(one["status"], one["problem"]) for one in shown["verdicts"] if "problem" in one]
        wrong = difference(refused, [one["problem"] for one in shown["verdicts"] if "problem" in one])
        return next(filter(None, (self._wrong_write(one["key"], one["status"], one["sale"]) for one in sold)), wrong)

    def _wrong_write(self, key: str, status: int, shown: Any) -> str:
        """How an answer differs from what the entries under its key say; empty if it fits one.

        If several nodes accepted the request, the answer shows the one that won, as far as the node knows. An order
        that was placed at several nodes is shown as it was placed first.
        """
        self._stored()
        entries = self._now.entries
        named = [one for one in entries if one.key == key_text(parse_key(key))]
        placed = [one for one in entries if named and one.kind == "order" and "digest" in one.facts]
        named += [one for one in placed if one.reference == named[0].reference and "digest" in named[0].facts]
        wrong = f"no entry has the key {key}"
        for one in named:
            wrong = difference([answer_to(one).status, answer_to(one).body], [status, shown])
            if not wrong:
                return ""
        return wrong


def is_derived(path: str) -> bool:
    """Whether the model derives what a read shows."""
    return path.startswith("/v1/") and path.split("/")[2].partition("?")[0] in DERIVED


def problem(status: int, shown: Any) -> dict[str, Any]:
    """What a problem document has. `ReferenceChecker` and the checks of whole journals say whether it is due."""
    kind = shown["type"]
    return {**shown, "status": STATUS.get(kind, status), "title": SENTENCE, "detail": SENTENCE}


def figures(role: Role, views: Views, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of `GET /v1/status`. Only the node itself knows who is connected."""
    if role.role == "hub":
        return views.status_of_hub(shown["connected"])
    return views.status_of_store(role.locations[0], [shown["hub"]] if shown["hub"] else [])


def in_json(entry: Mapping[str, Any]) -> Any:
    """An entry as JSON shows it."""
    return msgspec.json.decode(msgspec.json.encode(entry))
