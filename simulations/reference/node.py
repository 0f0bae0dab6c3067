"""One store: it decides each request, keeps its journal, and answers.

A write has an idempotency key. The first request under a key is decided once; each repeat of it gets the same answer.
Another request under the same key is refused. A refused request leaves nothing behind, so its key is still free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from simulations.reference import bodies, movements, returns
from simulations.reference.answers import STATUS, Answer, AnyThat, Refusal, Request
from simulations.reference.clocks import Stamps, may_follow, recorded_ms
from simulations.reference.counts import Seen
from simulations.reference.journal import Entry, heard, rights_of
from simulations.reference.movements import Draft, Place
from simulations.reference.order_bodies import read_event, read_placement
from simulations.reference.orders import Orders
from simulations.reference.problems import exceptions
from simulations.reference.reading import Reading, answer_to
from simulations.reference.replay import Replay, entry_of

Decide = Callable[[Place, Mapping[str, Any]], Draft]


@dataclass(frozen=True)
class Write:
    """One call that moves goods: the shape of its body, and what it leads to."""

    kind: str
    shape: bodies.Shape
    decide: Decide | None


WRITES = {
    "/v1/sales": Write("sale", bodies.SALE, movements.sale),
    "/v1/returns": Write("return", bodies.RETURN, returns.accept),
    "/v1/receipts": Write("receipt", bodies.GOODS_RECEIPT, movements.goods_receipt),
    "/v1/adjustments": Write("adjustment", bodies.ADJUSTMENT, movements.adjustment),
    "/v1/quarantine": Write("quarantine", bodies.QUARANTINE, movements.quarantine),
    "/v1/counts": Write("count", bodies.COUNT, None),
    "/v1/grants": Write("grant", bodies.GRANT, movements.grant),
}


class Store:
    """The node of one store."""

    def __init__(self, writer: str, location: str, *, open_catalogue: bool) -> None:
        self.writer = writer
        self.name = writer.partition("#")[0]
        self.location = location
        self._replay = Replay(self.name, open_catalogue=open_catalogue)
        self.journal, self.catalogue, self.counts = self._replay.journal, self._replay.catalogue, self._replay.counts
        self.stamps = Stamps()
        self.reading = Reading(writer, self.journal, self.counts)
        self.orders = Orders(self.place, self._record)

    @property
    def place(self) -> Place:
        """The location as this node sees it."""
        return Place(self.location, self.name, self.journal, self.catalogue)

    def answer(self, request: Request, now_ms: int) -> Answer:
        """The answer that the contract demands. A write changes the model."""
        try:
            if request.method == "GET":
                return Answer(200, self._read(request, now_ms))
            if request.path == "/v1/sales:batch":
                return self._sell_many(request, now_ms)
            if request.path.startswith(("/v1/holds", "/v1/orders/")):
                return self._tell_of_order(request, now_ms)
            write = WRITES[request.path]
            asked = write.shape(bodies.decoded(request.body), "")
            entry = self._write(write, asked, bodies.checked_key(request.key), now_ms)
            return answer_to(entry)
        except Refusal as refusal:
            return refusal.answer

    def hear(self, shown: Mapping[str, Any], now_ms: int) -> None:
        """Take in an entry that another node wrote, as `GET /v1/journal` of this node shows it."""
        entry = entry_of(shown, len(self.journal.entries) + 1)
        entry = heard(shown, len(self.journal.entries) + 1)
        self.stamps.hear(entry.stamp, now_ms)
        self._replay.hear(entry)

    # writes ------------------------------------------------------------------------------------------------------

    def _write(self, write: Write, asked: Mapping[str, Any], key: str, now_ms: int) -> Entry:
        """The entry of a request: a new one, or that of the request which this one repeats."""
        first = self._first(write.kind, asked, key)
        if first is not None:
            return first
        if write.decide is not None:
            draft = write.decide(self.place, asked)
        else:
            seen = self.reading.seen(asked["seen"]) if asked["seen"] else self._seen(now_ms)
            draft = self.counts.prepare(self.place, asked, seen, self.writer)
        entry = self._record(self.location, draft, key, now_ms, asked)
        self._follow_up(entry, now_ms)
        return entry

    def _first(self, kind: str, asked: Any, key: str) -> Entry | None:
        """The entry of the request that this one repeats. Raises a refusal if another request had its key."""
        earlier = [one for one in self.journal.entries if one.key == key]
        same = [one for one in earlier if one.kind == kind and one.request == asked]
        if earlier and not same:
            raise Refusal("idempotency-key-reused", "Idempotency-Key")
        return same[0] if same else None

    def _tell_of_order(self, request: Request, now_ms: int) -> Answer:
        """Place an order, or let an event happen to one. A repeat gets the first answer."""
        body = bodies.decoded(request.body)
        if request.path == "/v1/holds":
            asked = read_placement(body)
            key = bodies.checked_key(request.key)
            first = self._first("order", ("placement", asked), key)
            entry = first or self.orders.place(asked, key, now_ms)
        else:
            asked = read_event(unquote(request.path.split("/")[3]), body)
            key = bodies.checked_key(request.key)
            first = self._first("order", ("event", asked), key)
            entry = first or self.orders.happen(asked, key, now_ms)
        assert entry.answer is not None
        return entry.answer

    def _seen(self, now_ms: int) -> Seen:
        return Seen.at(self.journal.vector(self.location), now_ms)

    def _record(self, scope: str, draft: Draft, key: str, now_ms: int, asked: Any = None) -> Entry:
        stamp = self.stamps.next(now_ms)
        at_ms = recorded_ms(stamp, now_ms)
        facts = dict(draft.facts)
        if at_ms != stamp >> 16:
            facts["wall"] = at_ms
            known = [one for one in self.journal.newest(scope) if may_follow(one, now_ms)]
            if known and draft.moves:
                facts["after"] = max(known)
        entry = Entry(
            arrival=len(self.journal.entries) + 1,
            writer=self.writer,
            scope=scope,
            sequence=self.journal.length(self.writer, scope) + 1,
            kind=draft.kind,
            stamp=stamp,
            at_ms=at_ms,
            key=key,
            actor=draft.actor,
            reason=draft.reason,
            reference=draft.reference,
            moves=draft.moves,
            lines=draft.lines,
            facts=facts,
            request=asked,
            recipes=draft.recipes,
            of=draft.of,
        )
        self._replay.hear(entry)
        return entry

    def _follow_up(self, entry: Entry, now_ms: int) -> None:
        """Correct the returns of a sale that came after them, and the book at counts that a movement came before."""
        moved = dict.fromkeys(entry.items)
        if entry.kind == "sale" and entry.reference:
            for draft in returns.corrections(self.place, entry.reference):
                moved |= dict.fromkeys(self._record(self.location, draft, draft.key, now_ms).items)
        for draft in self.counts.corrections(self.place, list(moved)):
            self._record(self.location, draft, draft.key, now_ms)

    def _sell_many(self, request: Request, now_ms: int) -> Answer:
        """Decide each sale of a batch on its own, in order."""
        batch = bodies.BATCH(bodies.decoded(request.body), "")
        verdicts = []
        for index, one in enumerate(batch["sales"]):
            key = one.get("key", "") if isinstance(one, dict) else ""
            verdict = {"key": key if isinstance(key, str) else ""}
            try:
                asked = bodies.KEYED_SALE(one, f"sales[{index}]")
                checked = bodies.checked_key(asked.pop("key"), f"sales[{index}].key")
                sale = answer_to(self._write(WRITES["/v1/sales"], asked, checked, now_ms)).body
                verdicts.append({**verdict, "status": 201, "sale": sale})
            except Refusal as refusal:
                verdicts.append({**verdict, "status": STATUS[refusal.kind], "problem": refusal.problem})
        return Answer(207, {"verdicts": verdicts})

    # reads -------------------------------------------------------------------------------------------------------

    def _read(self, request: Request, now_ms: int) -> Any:
        path, query = request.path, request.query
        match [unquote(part) for part in path.split("/")[2:]]:
            case ["stock" | "explain", *_] as names:
                return self.reading.goods(self.place, names, query, now_ms)
            case ["orders", order]:
                return self.orders.view(order)
            case ["journal"]:
                return self.reading.journal(query)
            case ["exceptions"]:
                return exceptions(self.journal, self.orders, query, now_ms)
            case ["status"]:
                return self._status()
        raise Refusal("not-found", None)

    def _status(self) -> dict[str, Any]:
        """The state of a store that runs alone."""
        journal, totals = self.journal, self.journal.totals(self.location)
        scopes = sorted({one.scope for one in journal.entries})
        others = sorted({name.partition("/")[0] for name in totals if "/" in name} - {self.name})
        breaches = {item: journal.breach(self.location, item) for item in journal.items(self.location)}
        stranded = {node: rights_of(totals, node) for node in others}
        return {
            "node": self.name,
            "writer": self.writer,
            "location": self.location,
            "hub": None,
            "connected": False,
            "reason": _SENTENCE,
            "behind": {"entries": 0, "seconds": 0.0},
            "unacknowledged": 0,
            "version_vector": {scope: self._heads(scope) for scope in scopes},
            "digest": _DIGEST,
            "digests": _DIGESTS,
            "entries": len(journal.entries),
            "breaches": {item: units for item, units in breaches.items() if units},
            "rights": rights_of(totals, self.name),
            "stranded": {node: units for node, units in stranded.items() if units},
            "units": totals,
        }

    def _heads(self, scope: str) -> dict[str, Any]:
        last = {one.writer: one for one in self.journal.entries if one.scope == scope}
        return {writer: {"sequence": one.sequence, "hash": one.hash} for writer, one in sorted(last.items())}


_SENTENCE = AnyThat("a sentence", lambda value: isinstance(value, str))
_DIGEST = AnyThat("a digest", lambda value: isinstance(value, str))
_DIGESTS = AnyThat("digests", lambda value: isinstance(value, dict))
