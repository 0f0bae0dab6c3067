"""What somebody should look at, over all a node knows: nothing here mends itself, or more than one may have noticed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from aiohttp import web
from msgspec import Struct

from replica.core.base.clock import stamp_text
from replica.core.base.names import key_text, node_of
from replica.core.orders.order import Order, Placed
from replica.core.orders.requests import ORDER
from replica.core.state.duplicates import Collision
from replica.core.state.replica import Replica
from replica.runtime.background.settlement import Settlement
from replica.runtime.http.operations import Operation, json_response, limit_of
from replica.runtime.http.order_answers import ReportAnswer, WaitingAnswer, report_answers, waiting_answers
from replica.runtime.http.shortage_answers import BreachAnswer, ShortageAnswer, breach_answers, shortage_answers
from replica.runtime.node import Node


class SideAnswer(Struct, frozen=True):
    """One of two entries: who wrote it, where and when."""

    movement: str
    node: str
    location: str
    at: str


class DuplicateAnswer(Struct, frozen=True):
    """One request that two nodes took: `standing` counts; `lost` is undone by the entry `void`, null until heard of.

    `key` is the caller's, empty for an order that was placed under several, or whose key is not among the newest that
    several nodes took.
    """

    key: str
    request: str
    order: str
    standing: SideAnswer
    lost: SideAnswer
    void: str | None


class ConflictAnswer(Struct, frozen=True):
    """One key, or one name of an order, that two nodes took for different requests: both stand.

    `order` is empty where one key was taken for more than placements of one order, `key` as in duplicates.
    """

    key: str
    order: str
    requests: list[str]
    sides: list[SideAnswer]


class ExceptionsAnswer(Struct, frozen=True):
    """Breaches by location and item; holds named to be given up; requests that several nodes took; keys used for
    different requests; events that did nothing or still wait; digest differences.

    `truncated` says that there are more orders to look at than are shown.
    """

    breaches: list[BreachAnswer]
    shortages: list[ShortageAnswer]
    duplicates: list[DuplicateAnswer]
    key_conflicts: list[ConflictAnswer]
    reports: list[ReportAnswer]
    waiting: list[WaitingAnswer]
    differences: list[dict[str, str]]
    unreadable: int
    truncated: bool


class ExceptionsApi:
    """The call of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                "GET",
                "/v1/exceptions",
                self.exceptions,
                "What somebody should look at",
                answer=ExceptionsAnswer,
                query=("limit",),
            )
        ]

    async def exceptions(self, request: web.Request) -> web.Response:
        limit, differences = limit_of(request), self._node.peers.divergences
        settlement, look = self._node.settlement, self._node.driver.look
        return json_response(await look(lambda replica: exceptions(replica, settlement, differences, limit)))


def exceptions(
    replica: Replica, settlement: Settlement, differences: Sequence[dict[str, str]], limit: int
) -> ExceptionsAnswer:
    """Gather what is wrong, of at most `limit` orders that have reports and as many that have events waiting.

    Of duplicates and of conflicts the newest are shown, at most `limit` of each.
    """
    orders = replica.orders
    with_exceptions = [order for name in orders.with_exceptions if (order := orders.find(name)) is not None]
    waiting = orders.with_waiting(limit + 1)
    with_shortage = orders.with_shortages(limit + 1)
    collisions = [one for one in replica.collisions if not _is_of_one_order(one)]
    duplicates = [_duplicate(one) for one in collisions if one.is_duplicate]
    conflicts = [_conflict(one) for one in collisions if not one.is_duplicate]
    keys = _keys_of_orders(replica.collisions)
    duplicates += [answer for order in with_exceptions for answer in _double_orders(order, keys)]
    conflicts += [answer for order in with_exceptions for answer in _other_orders(order, keys)]
    return ExceptionsAnswer(
        breach_answers(replica.ledger, settlement),
        [answer for order in with_shortage[-limit:] for answer in shortage_answers(order)],
        duplicates[-limit:],
        conflicts[-limit:],
        [report for order in with_exceptions[-limit:] for report in report_answers(order)],
        [answer for order in waiting[:limit] for answer in waiting_answers(order)],
        list(differences),
        orders.malformed + replica.documents.malformed,
        any(len(some) > limit for some in (with_exceptions, waiting, with_shortage, duplicates, conflicts)),
    )


def _is_of_one_order(collision: Collision) -> bool:
    """Whether it is one order placed twice under one key: shown once, as an order."""
    contents = collision.entry.content, collision.winner.content
    are_placements = all(one.kind == ORDER and one.facts.get("digest") for one in contents)
    return are_placements and contents[0].reference == contents[1].reference


def _keys_of_orders(collisions: Iterable[Collision]) -> dict[bytes, str]:
    """The keys that orders were placed under twice, by the entries of the placements."""
    keys: dict[bytes, str] = {}
    for one in collisions:
        if _is_of_one_order(one):
            keys[one.entry.hash] = keys[one.winner.hash] = key_text(one.entry.content.key)
    return keys


def _side(collision: Collision, *, is_lost: bool) -> SideAnswer:
    entry = collision.entry if is_lost else collision.winner
    stream = entry.stream
    return SideAnswer(entry.hash.hex(), node_of(stream.writer), stream.scope, stamp_text(entry.content.clock))


def _duplicate(found: Collision) -> DuplicateAnswer:
    content, void = found.entry.content, found.void.hash.hex() if found.void is not None else None
    standing, lost = _side(found, is_lost=False), _side(found, is_lost=True)
    order = content.reference if content.kind == ORDER else ""
    return DuplicateAnswer(key_text(content.key), content.kind, order, standing, lost, void)


def _conflict(found: Collision) -> ConflictAnswer:
    requests = [found.winner.content.kind, found.entry.content.kind]
    sides = [_side(found, is_lost=False), _side(found, is_lost=True)]
    return ConflictAnswer(key_text(found.entry.content.key), "", requests, sides)


def _double_orders(order: Order, keys: Mapping[bytes, str]) -> Iterator[DuplicateAnswer]:
    for lost, won in order.duplicates():
        voided = [order.fulfilments[one.id] for one in lost.shown if one.id in order.fulfilments]
        undone = [past.entry.hex() for one in voided if one.is_voided for past in one.history[-1:]]
        void = undone[0] if undone else None
        key = _one_key((won, lost), keys)
        yield DuplicateAnswer(key, ORDER, order.name, _placed_side(won), _placed_side(lost), void)


def _other_orders(order: Order, keys: Mapping[bytes, str]) -> Iterator[ConflictAnswer]:
    standing: dict[bytes, Placed] = {}
    for one in order.placed:
        standing.setdefault(one.digest, one)
    if len(standing) > 1:
        sides = list(standing.values())
        yield ConflictAnswer(
            _one_key(sides, keys), order.name, [ORDER] * len(sides), [_placed_side(one) for one in sides]
        )


def _one_key(placed: Sequence[Placed], keys: Mapping[bytes, str]) -> str:
    """The key that placements share, as far as known."""
    found = dict.fromkeys([keys.get(one.entry, "") for one in placed])
    return next(iter(found)) if len(found) == 1 else ""


def _placed_side(placed: Placed) -> SideAnswer:
    location = placed.shown[0].location if placed.shown else ""
    return SideAnswer(placed.entry.hex(), node_of(placed.writer), location, stamp_text(placed.clock))
