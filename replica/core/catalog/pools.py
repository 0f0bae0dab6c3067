"""Pools: locations whose stock some channels sell as one.

A pool is a document with regions and locations. A channel that belongs to a pool sells what its locations have
together: its availability is their sum, its orders are taken from them only, and its quotas are set aside only there.
A channel that belongs to no pool sells the stock of all locations.
"""

from __future__ import annotations

from typing import Annotated

import msgpack
from msgspec import Meta, Struct, ValidationError, convert

from replica.core.base.errors import Invalid, NotFound
from replica.core.base.limits import AREA_LOCATIONS_MAX, POLICY_PARTS_MAX
from replica.core.base.names import NAME_PATTERN
from replica.core.catalog.documents import Documents
from replica.core.catalog.locations import LocationName, region_of
from replica.core.catalog.registers import Register

POOL = "pool"
"""The kind of the documents that describe pools."""

_Name = Annotated[str, Meta(pattern=NAME_PATTERN)]


class PoolDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `pool/{id}`.

    `regions`: all locations of these regions; `locations`: further ones. `channels`: those that sell its stock as one.
    """

    regions: Annotated[tuple[_Name, ...], Meta(max_length=POLICY_PARTS_MAX)] = ()
    locations: Annotated[tuple[LocationName, ...], Meta(max_length=AREA_LOCATIONS_MAX)] = ()
    channels: Annotated[tuple[_Name, ...], Meta(max_length=POLICY_PARTS_MAX)] = ()
    names: dict[str, str] = {}


class _ReadPool(PoolDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored."""


class Pool:
    """A pool in the form for look-ups."""

    __slots__ = ("_documents", "_inside", "document", "id")

    def __init__(self, pool_id: str, document: PoolDocument, documents: Documents) -> None:
        self.id = pool_id
        self.document = document
        self._documents = documents
        self._inside: dict[str, bool] = {}

    def __contains__(self, location: object) -> bool:
        if not isinstance(location, str):
            return False
        known = self._inside.get(location)
        if known is None:
            named = location in self.document.locations
            known = named or region_of(self._documents, location) in self.document.regions
            self._inside[location] = known
        return known

    def location_changed(self, location: str) -> None:
        """Look again at a location: it may be of another region."""
        self._inside.pop(location, None)


def check_pool(document: PoolDocument) -> None:
    """Refuse a pool without locations. Raises Invalid."""
    if not document.regions and not document.locations:
        raise Invalid("A pool needs regions or locations. Send one of these fields.", field="regions")


class Pools:
    """The current pools."""

    __slots__ = ("_documents", "_of_channel", "_pools")

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._pools: dict[str, Pool] = {}
        self._of_channel: dict[str, Pool] = {}

    def __len__(self) -> int:
        return len(self._pools)

    def get(self, pool_id: str) -> Pool:
        """The pool of an id. Raises NotFound."""
        pool = self._pools.get(pool_id)
        if pool is None:
            raise NotFound(f"There is no pool {pool_id!r}. Write the document pool/{pool_id} first.", field="pool")
        return pool

    def of_channel(self, channel: str) -> Pool | None:
        """The pool that a channel sells; None if it sells the stock of all locations.

        If several pools name it, because two hubs wrote them while disconnected, the first one by id.
        """
        return self._of_channel.get(channel)

    def put(self, register: Register) -> bool:
        """Apply the newest write of a pool. False if this version cannot use it: then there is no such pool."""
        self._pools.pop(register.key, None)
        document = None
        if register.value is not None:
            document = read_pool(register.value)
            if document is not None:
                self._pools[register.key] = Pool(register.key, document, self._documents)
        self._of_channel = {}
        for _, pool in sorted(self._pools.items()):
            for channel in pool.document.channels:
                self._of_channel.setdefault(channel, pool)
        return register.value is None or document is not None

    def location_changed(self, location: str) -> None:
        """Look again at a location: it may be of another region."""
        for pool in self._pools.values():
            pool.location_changed(location)

    def check_channels(self, pool_id: str, document: PoolDocument) -> None:
        """Refuse a channel that another pool names. Raises Invalid."""
        for index, channel in enumerate(document.channels):
            known = self._of_channel.get(channel)
            if known is not None and known.id != pool_id:
                text = f"The channel {channel!r} belongs to the pool {known.id!r}, and a channel sells one pool only."
                raise Invalid(f"{text} Remove it from one of them.", field=f"channels[{index}]")


def read_pool(value: bytes) -> PoolDocument | None:
    """Read the packed value of a pool. None if this version cannot use it."""
    try:
        return convert(msgpack.unpackb(value, strict_map_key=False), _ReadPool)
    except (ValueError, TypeError, ValidationError):
        return None
