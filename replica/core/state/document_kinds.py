"""The kinds of documents. The record of a kind holds its fields, its check, and which index takes in its changes.

To add a kind: write its document in a module of its own, and add a record here. Calls, schema and replication follow
from the record. CONTRIBUTING.md walks through an example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

import msgpack
from msgspec import Struct, convert

from replica.core.base.errors import Invalid
from replica.core.base.names import is_item, is_name
from replica.core.catalog.area_index import Areas
from replica.core.catalog.areas import AREA, AreaDocument, check_area, locations_of, read_area
from replica.core.catalog.calendars import CALENDAR, CalendarDocument, Calendars, check_calendar, read_calendar
from replica.core.catalog.documents import Documents
from replica.core.catalog.incidents import INCIDENT, IncidentDocument, Incidents, check_incident
from replica.core.catalog.known_locations import KnownLocations
from replica.core.catalog.locations import LOCATION, LocationDocument, read_location, region_of
from replica.core.catalog.pools import POOL, PoolDocument, Pools, check_pool, read_pool
from replica.core.catalog.price_conflicts import PriceConflicts
from replica.core.catalog.prices import PRICE, PriceDocument, admit_price, check_price
from replica.core.catalog.promotion_conflicts import PromotionConflicts
from replica.core.catalog.promotion_index import Promotions
from replica.core.catalog.promotions import PROMOTION, PromotionDocument, check_promotion, read_promotion
from replica.core.catalog.ranks import CHAIN_RANK, PRICE_RANKS
from replica.core.catalog.registers import Register
from replica.core.catalog.scale_codes import (
    NO_SCALE_CODES,
    SCALE_CODES,
    ScaleCodesDocument,
    check_scale_codes,
    read_scale_codes,
)
from replica.core.catalog.selectors import attributes_of
from replica.core.catalog.sku_checks import admit_sku, check_sku, tidy_sku
from replica.core.catalog.skus import SKU, Catalog, SkuDocument, listed
from replica.core.ledger.cells import Ledger
from replica.core.orders.fold import Orders
from replica.core.orders.machine import DEFAULT_KEY, ORDER_MACHINE, MachineDocument, OrderMachine, read_machine
from replica.core.planning.balancing_rules import BALANCING, BalancingDocument, BalancingRules, check_balancing
from replica.core.planning.balancing_schedules import (
    BALANCING_SCHEDULE,
    BalancingScheduleDocument,
    read_schedule,
)
from replica.core.planning.carriers import CARRIER, CarrierDocument, check_carrier, read_carrier
from replica.core.planning.weights import SOURCING, SourcingDocument, read_weights
from replica.core.rights.policies import (
    POLICY,
    Policies,
    PolicyDocument,
    check_policy,
    is_selector,
    item_of,
    location_of,
)
from replica.core.state.commands import DocumentWrite


class Indexes(Protocol):
    """What a replica derives from its documents."""

    documents: Documents
    areas: Areas
    balancing_rules: BalancingRules
    calendars: Calendars
    catalog: Catalog
    incidents: Incidents
    price_conflicts: PriceConflicts
    promotions: Promotions
    promotion_conflicts: PromotionConflicts
    policies: Policies
    pools: Pools
    machine: OrderMachine
    orders: Orders


class Known(Protocol):
    """What a replica knows when it decides a write."""

    documents: Documents
    calendars: Calendars
    catalog: Catalog
    pools: Pools
    promotions: Promotions
    ledger: Ledger
    known_locations: KnownLocations


class DocumentKind(Struct, frozen=True, kw_only=True):
    """One kind of document."""

    name: str
    document: type[Struct]
    """The fields of the document. The schema follows from them."""
    is_key: Callable[[str], bool]
    """Whether a text is a valid key."""
    key_hint: str = ""
    """What a caller should do about an invalid key. The answer carries it."""
    check: Callable[[Any], object] = lambda document: None
    """Checks what the field types cannot express. Raises Invalid."""
    tidy: Callable[[Any], Any] = lambda document: document
    """The document as it is stored: without blanks around codes, for example. It is called before the check."""
    ranks: tuple[int, ...] = (CHAIN_RANK,)
    """The ranks that a document of this kind may be written at."""
    admit: Callable[[Known, DocumentWrite], None] = lambda known, write: None
    """Checks a write with a value against what the replica knows when it decides the write. Raises Refused."""
    named_locations: Callable[[DocumentWrite], Iterable[str]] = lambda write: ()
    """The locations that a write names, besides that of its rank."""
    index: Callable[[Indexes, Register], bool] = lambda indexes, register: True
    """Takes in the current write of a document at one of its ranks. False if this version cannot read it."""


def _admit_policy(known: Known, write: DocumentWrite) -> None:
    location = location_of(write.name)
    if location:
        known.known_locations.check_field(location, "key")
    item = item_of(write.name)
    sku = known.catalog.sku(item) if item else None
    if sku is not None and not sku.uses(item) and item not in known.ledger.item_names:
        named = listed([name for name, _ in sku.recipe])
        raise Invalid(f"{item!r} is a SKU and not an item, so a policy has no effect on it: name {named}", field="key")


def _admit_sku(known: Known, write: DocumentWrite) -> None:
    if write.value is not None:
        items = known.ledger.item_names
        admit_sku(known.catalog, items, write.name, write.value, has_new_items=write.has_new_items)


def _admit_price(known: Known, write: DocumentWrite) -> None:
    if write.value is not None:
        admit_price(known.documents, write.name, write.value, write.rank)


def _admit_promotion(known: Known, write: DocumentWrite) -> None:
    promotion = read_promotion(write.name, write.value, (write.rank, write.at))
    if promotion is not None:
        known.promotions.check_lock(promotion)
        documents = known.documents
        known.promotions.check_overlap(promotion, partial(attributes_of, documents), partial(region_of, documents))


def _area_locations(write: DocumentWrite) -> list[str]:
    area = read_area(write.name, write.value)
    return [location for location, _ in locations_of(area.document)] if area is not None else []


def _admit_area(known: Known, write: DocumentWrite) -> None:
    area = read_area(write.name, write.value)
    if area is not None:
        for location, field in locations_of(area.document):
            known.known_locations.check_field(location, field)
        known.calendars.check_named(area.document.calendars, "calendars")


def _admit_calendar(known: Known, write: DocumentWrite) -> None:
    calendar = read_calendar(write.name, write.value)
    if calendar is not None:
        known.calendars.check_named(calendar.includes, "includes")


def _admit_location(known: Known, write: DocumentWrite) -> None:
    document = read_location(write.value) if write.value is not None else None
    if document is not None:
        known.calendars.check_named(document.calendars, "calendars")


def _admit_carrier(known: Known, write: DocumentWrite) -> None:
    document = read_carrier(write.value) if write.value is not None else None
    if document is not None:
        known.calendars.check_named(document.calendars, "calendars")
        for index, lane in enumerate(document.lanes):
            for place, location in enumerate(lane.locations):
                known.known_locations.check_field(location, f"lanes[{index}].locations[{place}]")


def _admit_balancing(known: Known, write: DocumentWrite) -> None:
    if write.value is not None:
        check_balancing(write.name, convert(msgpack.unpackb(write.value), BalancingDocument))
        location = location_of(write.name)
        if location:
            known.known_locations.check_field(location, "key")


def _index_balancing(indexes: Indexes, register: Register) -> bool:
    return indexes.balancing_rules.put(register)


def _index_incident(indexes: Indexes, register: Register) -> bool:
    return indexes.incidents.put(register)


def _index_calendar(indexes: Indexes, register: Register) -> bool:
    return indexes.calendars.put(register)


def _index_area(indexes: Indexes, register: Register) -> bool:
    return indexes.areas.put(register)


def _index_price(indexes: Indexes, register: Register) -> bool:
    indexes.price_conflicts.put(register)
    return True


def _index_promotion(indexes: Indexes, register: Register) -> bool:
    is_readable = indexes.promotions.put(register)
    indexes.promotion_conflicts.put(register)
    return is_readable


def _index_location(indexes: Indexes, register: Register) -> bool:
    indexes.promotion_conflicts.location_changed(register.key)
    indexes.areas.location_changed(register.key)
    indexes.incidents.locations_changed()
    indexes.pools.location_changed(register.key)
    return True


def _index_sku(indexes: Indexes, register: Register) -> bool:
    indexes.promotion_conflicts.sku_changed(register.key)
    return indexes.catalog.put(register, indexes.documents.former(register.kind, register.key))


def _index_scale_codes(indexes: Indexes, register: Register) -> bool:
    scale_codes = read_scale_codes(register)
    indexes.catalog.scale_codes = scale_codes or NO_SCALE_CODES
    return scale_codes is not None


def _admit_pool(known: Known, write: DocumentWrite) -> None:
    document = read_pool(write.value) if write.value is not None else None
    if document is not None:
        for index, location in enumerate(document.locations):
            known.known_locations.check_field(location, f"locations[{index}]")
        for index, region in enumerate(document.regions):
            known.known_locations.check_region(region, f"regions[{index}]")
        known.pools.check_channels(write.name, document)


def _index_pool(indexes: Indexes, register: Register) -> bool:
    return indexes.pools.put(register)


def _index_policy(indexes: Indexes, register: Register) -> bool:
    return indexes.policies.put(register)


def _index_machine(indexes: Indexes, register: Register) -> bool:
    if register.key != DEFAULT_KEY:
        return True
    machine = read_machine(register.value)
    indexes.machine = machine or indexes.machine
    indexes.orders.remind(indexes.orders.open_names())  # the new table may allow events that the old one refused
    return machine is not None


def _is_default(key: str) -> bool:
    return key == DEFAULT_KEY


DOCUMENT_KINDS: dict[str, DocumentKind] = {
    kind.name: kind
    for kind in (
        DocumentKind(
            name=SKU,
            document=SkuDocument,
            is_key=is_item,
            tidy=tidy_sku,
            check=check_sku,
            admit=_admit_sku,
            index=_index_sku,
        ),
        DocumentKind(
            name=LOCATION, document=LocationDocument, is_key=is_name, admit=_admit_location, index=_index_location
        ),
        DocumentKind(
            name=CALENDAR,
            document=CalendarDocument,
            is_key=is_name,
            check=check_calendar,
            admit=_admit_calendar,
            index=_index_calendar,
        ),
        DocumentKind(
            name=AREA,
            document=AreaDocument,
            is_key=is_name,
            check=check_area,
            admit=_admit_area,
            named_locations=_area_locations,
            index=_index_area,
        ),
        DocumentKind(
            name=CARRIER,
            document=CarrierDocument,
            is_key=is_name,
            check=check_carrier,
            admit=_admit_carrier,
            index=lambda indexes, register: register.value is None or read_carrier(register.value) is not None,
        ),
        DocumentKind(
            name=SOURCING,
            document=SourcingDocument,
            is_key=is_name,
            index=lambda indexes, register: register.value is None or read_weights(register.value) is not None,
        ),
        DocumentKind(
            name=PRICE,
            document=PriceDocument,
            is_key=is_item,
            ranks=PRICE_RANKS,
            check=check_price,
            admit=_admit_price,
            index=_index_price,
        ),
        DocumentKind(
            name=PROMOTION,
            document=PromotionDocument,
            is_key=is_item,
            ranks=PRICE_RANKS,
            check=check_promotion,
            admit=_admit_promotion,
            index=_index_promotion,
        ),
        DocumentKind(
            name=SCALE_CODES,
            document=ScaleCodesDocument,
            is_key=_is_default,
            key_hint=f"There is one such document. Use the key {DEFAULT_KEY!r}.",
            check=check_scale_codes,
            index=_index_scale_codes,
        ),
        DocumentKind(
            name=POLICY,
            document=PolicyDocument,
            is_key=is_selector,
            check=check_policy,
            admit=_admit_policy,
            named_locations=lambda write: [location_of(write.name)],
            index=_index_policy,
        ),
        DocumentKind(
            name=POOL,
            document=PoolDocument,
            is_key=is_name,
            check=check_pool,
            admit=_admit_pool,
            index=_index_pool,
        ),
        DocumentKind(
            name=BALANCING,
            document=BalancingDocument,
            is_key=is_selector,
            admit=_admit_balancing,
            named_locations=lambda write: [location_of(write.name)],
            index=_index_balancing,
        ),
        DocumentKind(
            name=BALANCING_SCHEDULE,
            document=BalancingScheduleDocument,
            is_key=is_name,
            index=lambda indexes, register: register.value is None or read_schedule(register.value) is not None,
        ),
        DocumentKind(
            name=INCIDENT,
            document=IncidentDocument,
            is_key=is_name,
            check=check_incident,
            index=_index_incident,
        ),
        DocumentKind(
            name=ORDER_MACHINE,
            document=MachineDocument,
            is_key=_is_default,
            key_hint=f"There is one such document. Use the key {DEFAULT_KEY!r}.",
            index=_index_machine,
        ),
    )
}
"""By name, in the order callers see them. A replica keeps and forwards kinds of later versions too."""
