"""What each node shows follows from the entries of its journal, also right after a restart.

The checker reads the same views as `simulations.full_stack` does over HTTP, from the functions that render them. They
are pure functions of the replica. It reads them twice: from the replica as it is, and from one that was loaded from the
checkpoint on the disk of the machine. No time passes in between, so both must show the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from hub.availability import sku_availability
from replica.core.base.limits import LOST_EDITS_MAX
from replica.core.state.replica import Replica
from replica.runtime.http.answers import cell_answers, entry_answer, stock_answer
from replica.runtime.http.exception_answers import exceptions
from replica.runtime.http.order_answers import order_view
from replica.runtime.http.receipt_answers import (
    ARRIVAL_MAX,
    ReceiptAnswers,
    questioned_returns,
    repeated_receipts,
)
from replica.runtime.http.shortage_answers import breached_pairs
from simulations.checkers.checker import Checker
from simulations.journal import SimulatedDisk
from simulations.machine import Machine
from simulations.reference.view_faults import CHANNELS, ViewFaults
from simulations.translation import as_received

ALL = 1_000
"""More rows than any list of a run has: then a list is whole."""

PAGES = (1, 3)
"""Sizes of pages that must be cut from the whole list."""


class ViewsChecker(Checker):
    """The lists and figures of each node are those of its entries, and a restart changes none of them."""

    invariant = 7

    def finish(self) -> None:
        for machine in self.chain.machines.values():
            if machine.node is not None and type(machine.disk) is SimulatedDisk:
                self._check(machine, machine.node.replica)

    def _check(self, machine: Machine, replica: Replica) -> None:
        entries = [as_received(entry_answer(stored)) for stored in machine.disk.stored]
        model, is_hub = model_of(machine, entries), machine.role.role == "hub"
        shown = _shown(replica, machine, model, is_hub=is_hub)
        for fault in model.find(shown):
            self.fail(f"{machine.name} {fault}")
        again = Replica(
            replica.writer,
            replica.locations,
            machine.disk.image(replica.node),
            replica.open_catalog,
            kinds=replica.kinds,
            order_policy=replica.order_policy,
        )
        for path, found in _shown(again, machine, model, is_hub=is_hub).items():
            if found != shown[path]:
                self.fail(f"{machine.name} shows {found} in {path} after a restart, and {shown[path]} before")
        self.history.tally("views compared")


def model_of(machine: Machine, entries: Iterable[Mapping[str, Any]]) -> ViewFaults:
    """What a machine with these entries must show."""
    hosted = machine.role.locations if machine.role.role == "hub" else ()
    return ViewFaults(machine.role.name, hosted, entries, machine.clock.now().wall_ms, LOST_EDITS_MAX)


def _shown(replica: Replica, machine: Machine, model: ViewFaults, *, is_hub: bool) -> dict[str, Any]:
    """The views of a node by their paths."""
    shown: dict[str, Any] = {
        f"/v1/exceptions?limit={limit}": _exceptions(replica, machine, model, limit) for limit in PAGES
    }
    shown["/v1/exceptions"] = _exceptions(replica, machine, model, ALL)
    for location, stocks in replica.ledger.at_location.items():
        shown[f"/v1/stock/{location}"] = [_stock(replica, location, item) for item in stocks.items()]
        for item in stocks.items():
            cells = as_received(cell_answers(replica.ledger.stock(location, item)))
            shown[f"/v1/explain/{location}/{quote(item, '')}"] = {"cells": cells}
    for order in replica.orders:
        shown[f"/v1/orders/{quote(order.name, '')}"] = as_received(order_view(order))
    for sku in model.skus() if is_hub else ():
        for channel in ("", *CHANNELS):
            shown[f"/v1/availability/{quote(sku, '')}/{channel}".rstrip("/")] = _availability(replica, sku, channel)
    for kind in model.kinds():
        shown[f"/v1/documents/{kind}"] = list(_documents(replica, kind))
    return shown


def _exceptions(replica: Replica, machine: Machine, model: ViewFaults, limit: int) -> dict[str, Any]:
    """A page of exceptions. A node reads from its journal when each breach began. Here the model says that."""
    disk, now_ms = machine.disk, machine.clock.now().wall_ms
    repeated, questioned = disk.repeated(ARRIVAL_MAX, ALL), disk.questioned(ARRIVAL_MAX, ALL)
    named = {one.receipt: disk.on_receipt(one.receipt) for one in (*repeated, *questioned)}
    receipts = ReceiptAnswers(
        repeated_receipts(repeated, named, replica.kinds), questioned_returns(questioned, named, replica.kinds)
    )
    began = model.breach_times
    since = {pair: began.get(pair) for pair in breached_pairs(replica.ledger)}
    found: dict[str, Any] = as_received(exceptions(replica, since, (), limit, receipts, now_ms=now_ms))
    return found


def _stock(replica: Replica, location: str, item: str) -> dict[str, Any]:
    found: dict[str, Any] = as_received(stock_answer(replica.ledger.stock(location, item), replica, ""))
    return found


def _availability(replica: Replica, sku: str, channel: str) -> dict[str, Any]:
    answer = sku_availability(replica, sku, "", None, channel, lambda one: None)
    return {
        "guaranteed": answer.guaranteed,
        "optimistic": answer.optimistic,
        "locations": [
            {"location": one.location, "guaranteed": one.guaranteed, "optimistic": one.optimistic}
            for one in answer.locations
        ],
    }


def _documents(replica: Replica, kind: str) -> Iterator[dict[str, Any]]:
    for key in replica.documents.keys(kind):
        for register in replica.documents.valued(kind, key):
            value = as_received(replica.documents.value(kind, key))
            yield {"kind": kind, "key": key, "version": register.version, "value": value}
