"""Answers over HTTP: each follows, by the reference model, from what its node had at some moment since the request.

The answer to a write shows what its entry says. A read shows the state after some number of the entries that were
durable between the request and the answer. The model plays the journal of each machine for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from replica.runtime.ports import Stored
from simulations.chain import SimulatedChain
from simulations.checkers.checker import Violation
from simulations.checkers.views import model_of
from simulations.full_stack.calls import OF_THE_MOMENT, QUOTE, SOURCE, Call, HttpAnswer
from simulations.history import Durable, History
from simulations.machine import Machine
from simulations.reference import bodies
from simulations.reference.answers import ANYTHING, SENTENCE, STATUS, Answer, Refusal, Request, difference
from simulations.reference.document_values import in_normal_form
from simulations.reference.moment import Moment
from simulations.reference.overviews import LOCATION_FIELDS, ORDER_FIELDS, with_fields
from simulations.reference.view_faults import ViewFaults
from simulations.translation import DERIVED_OF_EVENTS, plain

EXCEPTIONS = "/v1/exceptions"

ALL = 1_000
"""The page size of reads that show a whole list."""

OF_PRICES = ("/v1/documents/price/", "/v1/documents/promotion/")

KEY_REUSED = Refusal("idempotency-key-reused", "Idempotency-Key")

DERIVED = ("stock", "availability", "status", "journal")
"""The reads that the model derives."""

TIMED = ("breaches", "price_conflicts", "promotion_conflicts")
"""Lists of exceptions that also depend on when the node read them, which nobody knows. They are compared at rest."""


class Answers:
    """Holds the answers of one machine to the reference model."""

    def __init__(self, machine: Machine, chain: SimulatedChain, history: History) -> None:
        self._machine = machine
        self._chain = chain
        self._history = history
        self._now = new_moment(machine, chain)
        self._disk: object = machine.disk

    def check(self, call: Call, since: Durable, answer: HttpAnswer) -> None:
        """Check an answer. `since`: what was durable when the client asked. Raises Violation."""
        if since.disk is not self._machine.disk:
            return
        shown = msgspec.json.decode(answer.body) if answer.body[:1] == b"{" else None
        malformed = self._malformed(call) if call.method == "POST" and call.path != QUOTE else None
        if malformed is not None and (malformed.status, answer.status) == (400, 422):
            wrong = difference(problem(422, shown), shown)  # a node may see an invalid field before the end of a body
        elif malformed is not None:
            wrong = difference([malformed.status, malformed.body], [answer.status, shown])
        elif call.path == QUOTE:
            wrong = self._wrong_quote(call, since, answer.status, shown)
        elif call.method == "GET" and call.path.startswith(OF_PRICES):
            wrong = self._wrong_document_read(call, since.entries, answer.status, shown)
        elif answer.status >= 400:
            wrong = difference(problem(answer.status, shown), shown) or self._wrong_refusal(call, since.entries, shown)
        elif call.path == SOURCE:
            return  # `DeliveriesChecker` knows what it says
        elif call.method == "POST":
            wrong = self._wrong_writes(call, answer.status, shown)
        elif call.method in ("PUT", "DELETE"):
            wrong = self._wrong_document(call, answer.status, shown)
        elif call.path.startswith("/v1/feed"):
            wrong = self._wrong_feed(answer.body.decode())
        elif call.method == "GET" and is_derived(call.path):
            wrong = self._wrong_read(call.path, since.entries, shown)
        elif call.method == "GET" and call.path.endswith(f"?limit={ALL}"):
            wrong = self._wrong_view(call.path, since.entries, shown)
        else:
            return
        self._history.tally("answers held to the reference")
        if wrong:
            raise Violation("Answers", 5, f"{self._machine.name} answers {call}: {wrong}")

    def _malformed(self, call: Call) -> Answer | None:
        """The refusal of a body that is malformed whatever the node knows."""
        path = call.path.partition("?")[0]
        try:
            if path == "/v1/sales:batch" and self._machine.role.role == "edge":
                bodies.BATCH(bodies.decoded(call.body), "")
            else:
                self._now.asked(_request(call))
        except Refusal as refusal:
            return refusal.answer
        return None

    def _wrong_refusal(self, call: Call, since: int, shown: Any) -> str:
        """How the refusal of an event differs from the one that is due at each moment; empty if it fits one."""
        asked = self._now.asked(_request(call)) if call.method == "POST" else None
        if asked is None or "event" not in asked[2]:
            return ""
        if shown["type"] == "invalid-transition":
            return self._wrong_write(call.key, shown["status"], shown)
        wrong, key = "", bodies.checked_key(call.key)
        for moment in self._moments(since) if shown["type"] in DERIVED_OF_EVENTS else ():
            found = KEY_REUSED if moment.answers(key) else moment.refusal(*asked)
            wrong = difference(found.problem if found is not None else None, shown)
            if not wrong:
                return ""
        return wrong

    def _wrong_quote(self, call: Call, since: Durable, status: int, shown: Any) -> str:
        """How a quote differs from that of each moment since a client asked; empty if it fits one.

        The answer says for which moment it is. Without one in the request, the clock showed it since then. A refusal of
        the location depends on more than the entries: a node knows a location as soon as it meets its node.
        """
        if status >= 400 and (shown["type"] in OF_THE_MOMENT or shown.get("field") == "location"):
            return difference(problem(status, shown), shown)
        now, at_ms = self._machine.durable, bodies.moment(shown["at"], "at") // 1000 if status == 200 else 0
        wrong = ""
        for moment in self._moments(since.entries):
            try:
                asked = bodies.QUOTE(bodies.decoded(call.body), "")
                is_for_now = status == 200 and asked["at"] is None and since.sets == now.sets
                if is_for_now and not since.wall_ms <= at_ms <= now.wall_ms:
                    return f"it is for {shown['at']}, and it was not {at_ms} between {since.wall_ms} and {now.wall_ms}"
                expected = Answer(200, moment.quote(asked, at_ms))
            except Refusal as refusal:
                expected = refusal.answer
            wrong = difference([expected.status, expected.body], [status, shown])
            if not wrong:
                self._history.tally("quotes held to the reference")
                return ""
        return wrong

    def _wrong_document_read(self, call: Call, since: int, status: int, shown: Any) -> str:
        """How a price or a promotion differs from what each moment since shows; empty if it fits one."""
        if status >= 400 and (shown["type"] in OF_THE_MOMENT or shown.get("field") == "location"):
            return difference(problem(status, shown), shown)
        url, wrong = urlsplit(call.path), ""
        names, query = [unquote(one) for one in url.path.split("/")[3:]], dict(parse_qsl(url.query))
        for moment in self._moments(since):
            try:
                expected = Answer(200, moment.document(names, query))
            except Refusal as refusal:
                expected = refusal.answer
            wrong = difference([expected.status, expected.body], [status, shown])
            if not wrong:
                return ""
        return wrong

    def _wrong_read(self, path: str, since: int, shown: Any) -> str:
        """How a read differs from the state at each moment since a number of entries; empty if it fits one."""
        url, wrong = urlsplit(path), ""
        query = dict(parse_qsl(url.query))
        for moment in self._moments(since):
            wrong = difference(moment.read(url.path, query, shown), shown)
            if not wrong:
                return ""
        return wrong

    def _wrong_view(self, path: str, since: int, shown: Any) -> str:
        """How a list, an explanation or an order differs from what each moment shows; empty if it fits one.

        A node reads parts of its exceptions from the journal. So each list is that of some moment.
        """
        (name, view), wrong = named_view(self._machine, path, shown), ""
        if name == EXCEPTIONS:
            moments = [model.of_lists(view) for model in self._models(since)]
            fits = {one for found in moments for one, faults in found.items() if not faults}
            return next((faults[0] for one, faults in moments[0].items() if one not in (*fits, *TIMED)), "")
        for model in self._models(since):
            wrong = next(model.find({name: view}), "")
            if not wrong:
                return ""
        return wrong

    def _models(self, since: int) -> Iterator[ViewFaults]:
        """What the views show now, then at each moment since a number of entries."""
        stored = self._stored()
        noted = [one.noted for one in self._now.entries]
        for number in (len(stored), *range(since, len(stored))):
            yield model_of(self._machine, noted[:number])

    def _wrong_feed(self, said: str) -> str:
        """How a feed from the beginning differs from the journal: each event shows an entry, and its cursor."""
        self._stored()
        start, *events = [block for block in said.split("\n\n")[:-1] if not block.startswith(":")]
        heard, written = self._now.entries[: len(events)], start.removesuffix("0")
        expected = [[f"{written}{one.arrival}", f"event: {one.kind}", one.noted] for one in heard]
        lines = [event.split("\n", 2) for event in events]
        found = [[place, kind, msgspec.json.decode(data.removeprefix("data: "))] for place, kind, data in lines]
        return difference(expected, found, "feed")

    def _moments(self, since: int) -> Iterator[Moment]:
        """The present, which most answers show, then each moment since a number of entries."""
        stored = self._stored()
        yield self._now
        earlier = new_moment(self._machine, self._chain)
        for index, one in enumerate(stored):
            if index >= since:
                yield earlier
            earlier.hear(plain(one, one.arrival))

    def _stored(self) -> Sequence[Stored]:
        """The durable entries. The present moment has heard them all."""
        disk = self._machine.disk
        disk.refresh()
        if disk is not self._disk:
            self._now, self._disk = new_moment(self._machine, self._chain), disk
        for one in disk.stored[len(self._now.entries) :]:
            self._now.hear(plain(one, one.arrival))
        return disk.stored

    def _wrong_writes(self, call: Call, status: int, shown: Any) -> str:
        if not call.path.startswith("/v1/sales:batch"):
            return self._wrong_write(call.key, status, shown)
        sold = [one for one in shown["verdicts"] if "sale" in one]
        refused = [problem(one["status"], one["problem"]) for one in shown["verdicts"] if "problem" in one]
        wrong = difference(refused, [one["problem"] for one in shown["verdicts"] if "problem" in one])
        return next(filter(None, (self._wrong_write(one["key"], one["status"], one["sale"]) for one in sold)), wrong)

    def _wrong_document(self, call: Call, status: int, shown: Any) -> str:
        """How the answer to a document differs from its entry, and its entry from what the client sent."""
        url = urlsplit(call.path)
        kind, key = (unquote(part) for part in url.path.split("/")[3:])
        sent = msgspec.json.decode(call.body) if call.body else None
        rank = {"rank": "chain", "at": "", **dict(parse_qsl(url.query))}
        found = {"rank": "chain", "at": "", **shown, "value": in_normal_form(kind, shown["value"])}
        expected = {"kind": kind, "key": key, **rank, "value": in_normal_form(kind, sent)}
        wrong = difference({**expected, "version": ANYTHING}, found)
        return self._wrong_write(call.key, status, shown) or wrong

    def _wrong_write(self, key: str, status: int, shown: Any) -> str:
        """How an answer differs from what the entries under its key say; empty if it fits one."""
        self._stored()
        wrong = f"no entry has the key {key}"
        for expected in self._now.answers(bodies.checked_key(key)):
            wrong = difference([expected.status, expected.body], [status, shown])
            if not wrong:
                return ""
        return wrong


def _request(call: Call) -> Request:
    return Request(call.method, call.path.partition("?")[0], {}, call.body)


def new_moment(machine: Machine, chain: SimulatedChain) -> Moment:
    """A machine without entries."""
    role, met = machine.role, [store.name for store in chain.stores]
    return Moment(machine.name, role.locations, is_hub=role.role == "hub", open_catalogue=True, met=met)


def named_view(machine: Machine, path: str, shown: Any) -> tuple[str, Any]:
    """A view of one node, by the path and in the form that `ViewFaults` knows."""
    name = path.partition("?")[0]
    match name.split("/")[2:]:
        case ["explain", item]:
            name = f"/v1/explain/{machine.role.locations[0]}/{item}"
        case ["documents", _]:
            shown = shown["documents"]
        case ["pickups"]:
            shown = shown["pickups"]
        case ["rights", _]:
            shown = shown["locations"]
        case ["locations"]:
            shown = with_fields(shown["locations"], LOCATION_FIELDS)
        case ["orders"]:
            shown = with_fields(shown["orders"], ORDER_FIELDS)
    return name, shown


def is_derived(path: str) -> bool:
    """Whether the model derives what a read shows."""
    return path.startswith("/v1/") and path.split("/")[2].partition("?")[0] in DERIVED


def problem(status: int, shown: Any) -> dict[str, Any]:
    """What a problem document has. Whether it is due is said for events, and else by the checks of whole journals."""
    kind = shown["type"]
    return {**shown, "status": STATUS.get(kind, status), "title": SENTENCE, "detail": SENTENCE}
