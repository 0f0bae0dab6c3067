"""The call that shows the table of order transitions in force, and where it comes from."""

from __future__ import annotations

from typing import Literal

from aiohttp import web
from msgspec import Struct

from replica.core.catalog.registers import Register
from replica.core.orders.machine import (
    DEFAULT_KEY,
    DEFAULT_MACHINE,
    NATURES,
    ORDER_MACHINE,
    Nature,
    OrderMachine,
    Transition,
    mermaid,
    read_machine,
)
from replica.core.state.replica import Replica
from replica.runtime.http.document_answers import register_answer
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.http.writes import DocumentAnswer
from replica.runtime.node import Node

MachineSource = Literal["built_in", "document", "earlier_document"]

UNITS: dict[Nature, Literal["held", "handed_out", "released"]] = {
    Nature.HOLDS: "held",
    Nature.HANDED_OUT: "handed_out",
    Nature.ENDED: "released",
}
"""Where the units of a fulfilment are, as answers say it."""


class StateAnswer(Struct, frozen=True):
    """A state of a fulfilment.

    `units`: whether the fulfilment holds its units, handed them out or released them. `is_first`: a fulfilment begins
    in it. `is_last`: no event leads out of it.
    """

    state: str
    units: Literal["held", "handed_out", "released"]
    is_first: bool
    is_last: bool


class OrderMachineAnswer(Struct, frozen=True):
    """The table of order transitions in force.

    A transition leads from each state of `from` to the state `to`; without any, its event begins a fulfilment.
    `document`: the newest write of the document `order_machine/default`, null if there is none; without a value, it
    cleared the table. `source`: `document` if the table is of this write. If this version cannot use the write, the
    table before it stays in force, which is `built_in` or of an `earlier_document`. `diagram`: the table in Mermaid.
    """

    source: MachineSource
    document: DocumentAnswer | None
    states: list[StateAnswer]
    transitions: list[Transition]
    diagram: str


class OrderMachineApi:
    """The call at one node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def operations(self) -> list[Operation]:
        """The call."""
        return [
            Operation(
                method="GET",
                path="/v1/order_machine",
                handler=self.get,
                summary="Read the table of order transitions in force, and where it comes from",
                answer=OrderMachineAnswer,
            )
        ]

    async def get(self, request: web.Request) -> web.Response:
        return json_response(await self._node.driver.look(_answer))


def _answer(replica: Replica) -> OrderMachineAnswer:
    machine, written = replica.machine, replica.documents.register(ORDER_MACHINE, DEFAULT_KEY)
    table = machine.document
    left = dict.fromkeys(origin for row in table.transitions for origin in row.origins)
    first = dict.fromkeys(row.to for row in table.transitions if not row.origins)
    return OrderMachineAnswer(
        source=_source(machine, written),
        document=register_answer(written) if written is not None else None,
        states=[StateAnswer(state, UNITS[NATURES[state]], state in first, state not in left) for state in table.states],
        transitions=list(table.transitions),
        diagram=mermaid(table),
    )


def _source(machine: OrderMachine, written: Register | None) -> MachineSource:
    if machine is DEFAULT_MACHINE:
        return "built_in"
    read = read_machine(written.value) if written is not None else None
    return "document" if read is not None and read.document == machine.document else "earlier_document"
