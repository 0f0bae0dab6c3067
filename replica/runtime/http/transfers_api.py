"""The calls about transfers between locations that both kinds of node serve: request, the steps, one transfer, a list.

A store records every step at its own location. A hub records a request, an approval and a cancellation at the sending
location, because it hears of all locations; it moves goods only at locations that it writes for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web
from msgspec import UNSET, Struct

from replica.core.base.errors import Invalid, UnknownTransfer
from replica.core.base.names import check_name
from replica.core.state.commands import Command
from replica.core.state.kinds import LocationRequest
from replica.core.state.replica import Replica
from replica.core.stock.transfer import State, Transfer
from replica.core.stock.transfer_requests import (
    Approval,
    ApproveTransfer,
    Arrival,
    Cancellation,
    CancelTransfer,
    NewTransfer,
    ReceiveTransfer,
    Settlement,
    SettleTransfer,
    Shipment,
    ShipTransfer,
    new_transfer,
)
from replica.runtime.http.long_reads import COLLECTED, LongReads
from replica.runtime.http.operations import Decoder, Operation, json_response, key_of
from replica.runtime.http.query_fields import (
    CURSOR,
    LIMIT,
    LOCATION,
    QueryField,
    choice_field,
    choice_of,
    limit_of,
    location_in,
    text_field,
)
from replica.runtime.http.transfer_answers import (
    StepAnswer,
    TransferPage,
    TransferRow,
    TransferView,
    transfer_row,
    transfer_view,
)
from replica.runtime.http.writes import answer_of
from replica.runtime.node import Node

TRANSFERS_PER_PAGE_MAX = 2_000
"""Transfers that are looked at for one page: some 20 ms in slices."""

ANY = QueryField("location", LOCATION.schema, "Only transfers that this location sends, or where they go or arrived.")

FROM = QueryField("from", LOCATION.schema, "Only transfers that this location sends.")

TO = QueryField("to", LOCATION.schema, "Only transfers that go to this location.")

STATE = choice_field("state", "Only transfers in this state.", tuple(one.value for one in State))

PLAN = text_field("plan", "Only transfers that this plan asked for.")

LATE = choice_field("late", "true: only transfers whose goods should have arrived by now.", ("true", "false"))

AT = QueryField("location", LOCATION.schema, "Where the goods are. Left out: the location where they go.")

Here = Callable[[str], str]
"""The location that a caller means, by the name that it gave, which may be empty. Raises Invalid."""


class Filters(Struct, frozen=True):
    """Which transfers to list; an empty text sets no bound."""

    location: str
    source: str
    target: str
    state: str
    plan: str
    late: str

    def fit(self, transfer: Transfer, row: TransferRow) -> bool:
        """Whether a transfer is to be listed."""
        return (
            self.location in ("", *transfer.participants)
            and self.source in ("", row.source)
            and self.target in ("", row.target)
            and self.state in ("", row.state)
            and self.plan in ("", row.plan)
            and self.late in ("", "true" if row.late else "false")
        )


class TransfersApi:
    """The calls at one node. `here`: the location that a caller means; at a store always its own."""

    def __init__(self, node: Node, long_reads: LongReads, here: Here) -> None:
        self._node = node
        self._long_reads = long_reads
        self._here = here

    def operations(self, at: Sequence[QueryField] = ()) -> list[Operation]:
        """All calls. `at`: the query field with a location, where a node has several."""
        steps = [
            ("approve", Approval, ApproveTransfer, self._source, "Let the goods of a transfer leave", ()),
            ("cancel", Cancellation, CancelTransfer, self._source, "Cancel what has not left of a transfer", ()),
            ("ship", Shipment, ShipTransfer, self._source, "Send goods of a transfer off", ()),
            ("receive", Arrival, ReceiveTransfer, self._target, "Receive goods of a transfer", at),
            ("settle", Settlement, SettleTransfer, self._target, "Say what became of goods of a transfer", at),
        ]
        return [
            Operation(
                method="POST",
                path="/v1/transfers",
                handler=self.request,
                summary="Request that goods go from one location to another",
                body=NewTransfer,
                answer=StepAnswer,
                status=201,
                query=tuple(at),
                is_write=True,
            ),
            Operation(
                method="GET",
                path="/v1/transfers",
                handler=self.page,
                summary="List transfers, newest first",
                answer=TransferPage,
                query=(ANY, FROM, TO, STATE, PLAN, LATE, CURSOR, LIMIT),
            ),
            Operation(
                method="GET",
                path="/v1/transfers/{transfer}",
                handler=self.one,
                summary="Read a transfer, and all its steps",
                answer=TransferView,
            ),
            *(self._step(*step) for step in steps),
        ]

    def _step(
        self,
        name: str,
        body: Any,
        made: Callable[[str, Any], LocationRequest],
        place: Callable[[Replica, str, str], str],
        summary: str,
        query: Sequence[QueryField],
    ) -> Operation:
        decoder = Decoder(body)

        async def step(request: web.Request) -> web.Response:
            asked, key = await decoder.read(request), key_of(request)
            number, named = request.match_info["transfer"], _named(request)
            location = await self._node.driver.look(lambda replica: place(replica, number, named))
            entry = await self._node.driver.submit(Command(location, made(number, asked), key))
            return json_response(answer_of(entry))

        return Operation(
            method="POST",
            path=f"/v1/transfers/{{transfer}}/{name}",
            handler=step,
            summary=summary,
            body=body,
            answer=StepAnswer,
            query=tuple(query),
            is_write=True,
        )

    def _source(self, replica: Replica, number: str, named: str) -> str:
        """Where a step of the sending location is recorded. Raises UnknownTransfer."""
        if not replica.order_policy.hears_all:
            return self._here(named)
        transfer = replica.transfers.find(number)
        if transfer is None or not transfer.source:
            raise UnknownTransfer(number)
        return transfer.source

    def _target(self, replica: Replica, number: str, named: str) -> str:
        """Where a step of the receiving location is recorded."""
        transfer = replica.transfers.find(number) if replica.order_policy.hears_all and not named else None
        return (transfer.target if transfer is not None else "") or self._here(named)

    async def request(self, request: web.Request) -> web.Response:
        asked: NewTransfer = await self._decoder.read(request)
        key = key_of(request)
        replicates_all = self._node.replica.order_policy.hears_all
        is_given = replicates_all and asked.source is not UNSET
        named = _named(request)
        here = str(asked.source) if is_given else self._here(named)
        for location in (here, asked.target):
            await self._node.meet(location)
        command = Command(here, new_transfer(key, asked, here), key)
        return json_response(answer_of(await self._node.driver.submit(command)), 201)

    _decoder = Decoder(NewTransfer)

    async def one(self, request: web.Request) -> web.Response:
        number, now_ms = request.match_info["transfer"], self._node.clock.now().wall_ms

        def look(replica: Replica) -> TransferView:
            transfer = replica.transfers.find(number)
            if transfer is None:
                raise UnknownTransfer(number)
            return transfer_view(transfer, now_ms, hears_all=replica.order_policy.hears_all)

        return json_response(await self._node.driver.look(look))

    async def page(self, request: web.Request) -> web.Response:
        query, limit, now_ms = request.query, limit_of(request), self._node.clock.now().wall_ms
        cursor = query.get("cursor", "")
        filters = Filters(
            location=query.get("location", ""),
            source=query.get("from", ""),
            target=query.get("to", ""),
            state=choice_of(request, STATE),
            plan=query.get("plan", ""),
            late=choice_of(request, LATE),
        )

        def shown(replica: Replica) -> list[str]:
            for name, location in (("location", filters.location), ("from", filters.source), ("to", filters.target)):
                if location:
                    check_name(location, name)
                if location and replica.order_policy.hears_all:
                    replica.known_locations.check(location, name)
            if cursor and cursor not in replica.transfers:
                text = f"The field cursor is {cursor!r}, which is no transfer of this node."
                raise Invalid(f"{text} Send the field next of the page before.", field="cursor")
            return replica.transfers.newest(TRANSFERS_PER_PAGE_MAX + 1, before=cursor)

        def rows(replica: Replica, some: Sequence[str]) -> list[TransferRow]:
            known = [one for one in map(replica.transfers.find, some) if one is not None]
            found = [(one, transfer_row(one, now_ms)) for one in known]
            return [row for one, row in found if filters.fit(one, row)]

        numbers = await self._node.driver.look(shown)
        looked_at, has_more = numbers[:TRANSFERS_PER_PAGE_MAX], len(numbers) > TRANSFERS_PER_PAGE_MAX
        listed: list[TransferRow] = []
        for start in range(0, len(looked_at), COLLECTED):
            listed += await self._long_reads.collect(looked_at[start : start + COLLECTED], rows)
            if len(listed) > limit:
                return json_response(TransferPage(listed[:limit], listed[limit - 1].transfer))
        return json_response(TransferPage(listed, looked_at[-1] if has_more else None))


def _named(request: web.Request) -> str:
    """The location that the query names; empty if it names none. Raises Invalid."""
    location = location_in(request)
    return check_name(location, "location") if location else ""
