"""Snapshots of a replica: to copy it, and to tell whether two replicas are in one state.

A copy is a pickle of the whole object graph of production, so it has everything that a running node has in memory.
Entries and the table of kinds never change, so a pickle only refers to them.

The identity of a state is a second pickle, without references to objects that were pickled before. It depends on the
values alone, not on which of them are one object. It holds the fields of every object, also the private ones, so two
replicas with one identity do the same in the future. It leaves out what is computed from the rest, such as a
fingerprint, and the number of repeated requests, on which nothing depends. Cells are sorted, because every figure is a
sum of them. All other mappings keep their order.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Callable, Mapping
from hashlib import blake2b
from types import MethodType
from typing import Any

import msgspec

from replica.core.ledger.cells import Ledger, LocationStock, Route, Stock
from replica.core.log.entry import Entry
from replica.core.orders.machine import OrderMachine
from replica.core.orders.order import Order
from replica.core.state.fold import Fold
from replica.core.state.kinds import KINDS, Kinds
from replica.core.state.replica import Replica
from replica.core.stock.location_view import LocationView

_Reduced = tuple[Any, ...] | str
_Reducers = dict[type, Callable[[Any], _Reduced]]

_pack_order = msgspec.msgpack.Encoder().encode
_unpack_order = msgspec.msgpack.Decoder(Order).decode

_entries: dict[bytes, Entry] = {}
"""Every entry of this process, by its hash."""

_machines: list[OrderMachine] = []
"""Every table of order transitions of this process."""

_OF_FOLD = ("ledger", "documents", "catalog", "policies", "orders", "counts", "collisions")
_COMPUTED = ("repeated", "_own", "_views")
"""Fields of a replica that its fold has, too, and those that its identity leaves out."""

_NOTHING: _Reduced = (tuple, ())


def save(replica: Replica) -> bytes:
    """A copy of a replica, to be loaded any number of times."""
    return _pickled(replica, _COPIED, fast=False)


def load(saved: bytes) -> Replica:
    """A replica as it was when it was saved."""
    replica: Replica = pickle.loads(saved)
    return replica


def identity(replica: Replica) -> bytes:
    """Equal for replicas in one state, and different for all others."""
    replica.digests()  # brings everything up to date that is computed late
    return blake2b(_pickled(replica, _COMPARED, fast=True), digest_size=16).digest()


def entry_of(hash: bytes) -> Entry:
    """An entry that was seen in this process."""
    return _entries[hash]


def machine_of(number: int) -> OrderMachine:
    """A table of order transitions that was seen in this process."""
    return _machines[number]


def kinds() -> Kinds:
    """The table of kinds."""
    return KINDS


def _pickled(replica: Replica, reducers: _Reducers, *, fast: bool) -> bytes:
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = {**copyreg.dispatch_table, **reducers}
    pickler.fast = fast
    pickler.dump(replica)
    return buffer.getvalue()


def order_of(packed: bytes) -> Order:
    """An order from its packed form."""
    return _unpack_order(packed)


def _pack(order: Order) -> _Reduced:
    """An order as a journal stores it, which takes a tenth of the time."""
    return (order_of, (_pack_order(order),))


def _refer_to_entry(entry: Entry) -> _Reduced:
    _entries[entry.hash] = entry
    return (entry_of, (entry.hash,))


def _refer_to_machine(machine: OrderMachine) -> _Reduced:
    if machine not in _machines:
        _machines.append(machine)
    return (machine_of, (_machines.index(machine),))


def _sorted(cells: Mapping[Route, int]) -> list[tuple[tuple[str, str, str], int]]:
    return sorted((route.name, total) for route, total in cells.items())


def _fields(replica: Replica) -> _Reduced:
    return (dict, ([(name, value) for name, value in vars(replica).items() if name not in _OF_FOLD + _COMPUTED],))


_COPIED: _Reducers = {
    Entry: _refer_to_entry,
    Kinds: lambda _: (kinds, ()),
    OrderMachine: _refer_to_machine,
    Order: _pack,
}

_COMPARED: _Reducers = {
    Entry: lambda entry: (entry_of, (entry.hash,)),
    Kinds: lambda _: _NOTHING,
    MethodType: lambda method: (str, (method.__name__,)),
    Replica: _fields,
    Fold: lambda fold: (dict, (fold.parts, fold.ledger, fold.catalog, fold.policies, fold.machine, fold.collisions)),
    Order: _pack,
    OrderMachine: lambda machine: (repr, (machine.document,)),
    LocationView: lambda _: _NOTHING,
    Stock: lambda stock: (str, (stock.location, stock.item, _sorted(stock.cells))),
    LocationStock: lambda stock: (str, (stock.name, list(stock.stocks.values()), _sorted(stock.totals))),
    Ledger: lambda ledger: (str, (list(ledger.at_location.values()), ledger.suppliers, ledger._newly_supplied)),
}
