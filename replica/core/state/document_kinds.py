"""The kinds of documents: one record each says what may be written, and who is told when one changes.

To add a kind: write its document in a module of its own, and add a record here. Calls, schema and replication follow.
CONTRIBUTING.md walks through an example.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

from replica.core.base.names import is_item, is_name
from replica.core.catalog.documents import Register
from replica.core.catalog.locations import LOCATION, LocationDocument
from replica.core.catalog.skus import SKU, Catalog, SkuDocument
from replica.core.orders.fold import Orders
from replica.core.orders.machine import DEFAULT_KEY, ORDER_MACHINE, MachineDocument, OrderMachine, read_machine
from replica.core.rights.policies import POLICY, Policies, PolicyDocument, check_policy, is_selector


class Indexes(Protocol):
    """What a replica derives from its documents."""

    catalog: Catalog
    policies: Policies
    machine: OrderMachine
    orders: Orders


class DocumentKind(Struct, frozen=True, kw_only=True):
    """One kind of document."""

    name: str
    document: type[Struct]
    """What may be written: its fields, and so the schema."""
    is_key: Callable[[str], bool]
    """Whether a text may be a key."""
    key_hint: str = ""
    """What callers are told to do about a key that may not be."""
    check: Callable[[Any], object] = lambda document: document
    """Refuses what the fields alone do not show. Raises Invalid."""
    index: Callable[[Indexes, Register], bool] = lambda indexes, register: True
    """Takes in the chain's standing write of a document; False where it cannot be read here."""


def _index_sku(indexes: Indexes, register: Register) -> bool:
    return indexes.catalog.put(register)


def _index_policy(indexes: Indexes, register: Register) -> bool:
    return indexes.policies.put(register)


def _index_machine(indexes: Indexes, register: Register) -> bool:
    if register.key != DEFAULT_KEY:
        return True
    machine = read_machine(register.value)
    indexes.machine = machine or indexes.machine
    indexes.orders.remind(indexes.orders.open_names())  # the new table may allow what the old one did not
    return machine is not None


def _is_default(key: str) -> bool:
    return key == DEFAULT_KEY


DOCUMENT_KINDS: dict[str, DocumentKind] = {
    kind.name: kind
    for kind in (
        DocumentKind(name=SKU, document=SkuDocument, is_key=is_item, index=_index_sku),
        DocumentKind(name=LOCATION, document=LocationDocument, is_key=is_name),
        DocumentKind(name=POLICY, document=PolicyDocument, is_key=is_selector, check=check_policy, index=_index_policy),
        DocumentKind(
            name=ORDER_MACHINE,
            document=MachineDocument,
            is_key=_is_default,
            key_hint=f"There is one such document. Use the key {DEFAULT_KEY!r}.",
            index=_index_machine,
        ),
    )
}
"""By name, in the order in which callers are shown them. A kind of a later version is kept and forwarded."""
