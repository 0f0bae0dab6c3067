"""Weights of the cost model of sourcing: documents that say what a split, a kilometre or a closed hour costs.

Costs are whole points. They compare ways to serve an order, and are no money. An order of a channel uses the document
`sourcing/{channel}`, and without it `sourcing/default`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import msgpack
from msgspec import Meta, Struct, ValidationError, convert

from replica.core.base.limits import DISPATCH_HOURS_MAX, QUANTITY_MAX, WEIGHT_MAX
from replica.core.catalog.documents import Documents

SOURCING = "sourcing"
"""The kind of the documents with weights."""

DEFAULT_KEY = "default"

Weight = Annotated[int, Meta(ge=0, le=WEIGHT_MAX)]


class SourcingDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `sourcing/{channel}` or `sourcing/default`, in points.

    `split`: each location that sends something. `priority`: each step of priority that a location is behind the first.
    `backup`: a location that is a backup. `per_km`: each kilometre; `unknown_km`: the kilometres to a location with an
    unknown distance. `per_margin_percent`: each percent of margin that a location earns less on its goods than the best
    one that may send. `per_closed_hour`: each hour until a location dispatches again; one that does not within
    `dispatch_within_hours` is no source. `per_unheard_hour`: each hour since this hub last heard of a location; after
    `unheard_hours_max` no more is added. `last_unit`: each of the `last_units` of an item that is taken from a store.
    """

    split: Weight = 500
    priority: Weight = 2_000
    backup: Weight = 100_000
    per_km: Weight = 1
    unknown_km: Annotated[int, Meta(ge=0, le=20_016)] = 1_000
    per_margin_percent: Weight = 20
    per_closed_hour: Weight = 5
    per_unheard_hour: Weight = 20
    unheard_hours_max: Annotated[int, Meta(ge=0, le=DISPATCH_HOURS_MAX)] = 168
    last_unit: Weight = 50
    last_units: Annotated[int, Meta(ge=0, le=QUANTITY_MAX)] = 0
    dispatch_within_hours: Annotated[int, Meta(ge=0, le=DISPATCH_HOURS_MAX)] = 72


class _ReadSourcing(SourcingDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored."""


USUAL = SourcingDocument()
"""The weights of a chain that wrote none."""


def weights_of(documents: Documents, channel: str) -> SourcingDocument:
    """The weights for orders of a channel."""
    for key in (channel, DEFAULT_KEY):
        packed = documents.packed(SOURCING, key) if key else None
        found = read_weights(packed) if packed is not None else None
        if found is not None:
            return found
    return USUAL


@lru_cache(maxsize=256)
def read_weights(packed: bytes) -> SourcingDocument | None:
    """Read the packed value of a `sourcing` document. None if this version cannot use it."""
    try:
        return convert(msgpack.unpackb(packed, strict_map_key=False), _ReadSourcing)
    except (ValueError, TypeError, ValidationError):
        return None
