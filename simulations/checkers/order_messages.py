"""Messages about an order take effect whatever way they take: none is forgotten, and none has its effect twice."""

from __future__ import annotations

from msgspec import UNSET, Struct

from replica.core.base.names import HUBS, node_of
from replica.core.log.entry import Entry
from replica.core.orders.requests import ORDER, OrderEvent, order_request_of
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine

KNOWN_MS = 600_000
"""A hub that has known an order for so long has passed on what it kept for it."""


class Ended(Struct):
    """What became of an order, by its entries."""

    returned: dict[str, None] = {}
    """Fulfilments that were returned."""
    began: dict[str, None] = {}
    late: dict[str, None] = {}
    """Events that were reported as late."""
    is_moved: bool = False
    """Whether a fulfilment replaces another one whose units were missing."""
    is_other: bool = False
    """Whether something happened that the requests did not ask for, such as an expiry."""


class OrderMessagesChecker(Checker):
    """No numbered event waits for one that was answered, and no hub keeps the cancellation of an order it knows."""

    invariant = 9

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._ended: dict[str, Ended] = {}
        self._known: dict[tuple[str, str], int] = {}
        """By machine and order: the true time at which the machine got the order."""
        self._kept: dict[bytes, tuple[str, OrderEvent]] = {}
        """By its entry: a cancellation that a hub keeps, and the hub."""

    def replaced(self, machine: Machine) -> None:
        self._known = {name: at for name, at in self._known.items() if name[0] != machine.name}

    def entry(self, machine: Machine, stored: Stored) -> None:
        content = stored.entry.content
        if content.kind == ORDER and content.reason in ("hold", "reserve"):
            self._known.setdefault((machine.name, content.reference), self.chain.wall_ms)

    def appeared(self, entry: Entry) -> None:
        content, facts = entry.content, entry.content.facts
        if content.kind != ORDER:
            return
        ended = self._ended.setdefault(content.reference, Ended())
        act, name = facts["act"], facts.get("fulfilment", "")
        if act == "step" and content.reason in ("hold", "reserve"):
            ended.began[name] = None
            ended.is_moved = ended.is_moved or bool(facts.get("instead_of"))
        elif act == "step" and content.reason == "return":
            ended.returned[name] = None
        elif act in ("step", "hand_over", "void") and content.reason != "collect":
            ended.is_other = True
        if act == "report" and facts["outcome"] == "late":
            ended.late[content.reason] = None
            self._check_kept(entry)
        if act == "park" and content.reason == "cancel" and entry.stream.scope == HUBS:
            request = order_request_of(facts)
            assert isinstance(request, OrderEvent)
            self._kept[entry.hash] = node_of(entry.stream.writer), request

    def finish(self) -> None:
        for order, asks in self.history.numbered.items():
            ended = self._ended.get(order, Ended())
            if ended.is_other or not all(ask.entry is not None and len(ask.tried) == 1 for ask in asks):
                continue
            self.history.tally("numbered events of an order at two locations")
            if sorted(ended.began) != sorted(ended.returned) or ended.late:
                where = ", ".join(ended.began)
                self.fail(f"{order!r} was returned at {list(ended.returned)} of {where}; late: {list(ended.late)}")
        self._check_going_on()

    def _check_going_on(self) -> None:
        """No event of an order waits for a number that was told before, whatever fulfilment counted it."""
        for order, asks in self.history.going_on.items():
            ended = self._ended.get(order, Ended())
            if len(asks) < 2 or not all(ask.entry is not None and len(ask.tried) == 1 for ask in asks):
                continue
            self.history.tally(
                "numbers told of an order that moved" if ended.is_moved else "numbers told of another order"
            )
            if ended.late:
                self.fail(f"{order!r} was told each number in turn, but {list(ended.late)} came late")

    def _check_kept(self, entry: Entry) -> None:
        settles = entry.content.facts.get("settles", b"")
        hub, request = self._kept.get(settles, ("", None))
        known_ms = self._known.get((hub, entry.content.reference))
        if request is None or known_ms is None or request.number or request.fulfilment or request.lines is not UNSET:
            return
        if self.chain.wall_ms - known_ms > KNOWN_MS:
            self.fail(f"{hub} kept {request} until its deadline, though it knew the order")
