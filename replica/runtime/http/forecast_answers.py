"""Answers about forecasts: what a store's tills sold, and the units that its policy keeps for them now."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import msgspec
from msgspec import Struct

from replica.core.base.names import is_item
from replica.core.ledger.cells import Stock
from replica.core.rights.allocation import online_units
from replica.core.rights.forecast import DAYS_MIN, SLOT_MINUTES, SLOTS, Demand
from replica.core.rights.policies import POLICY, WHOLE_PPM, Policy
from replica.core.state.replica import Replica
from replica.runtime.http.document_answers import register_answer
from replica.runtime.http.writes import DocumentAnswer

Basis = Literal["sales_history", "journal"]

EPOCH = date(1970, 1, 1)


class SoldUnits(Struct, frozen=True):
    """What the tills sold of an item, and which half hour of the day it is now."""

    demand: Demand
    slot: int
    """The half hour that it is now, counted from 1970 in local time."""
    basis: Basis
    is_capped: bool = False


class ForecastDay(Struct, frozen=True):
    """A local day: the units that the tills sold, and those of the half hour of the day that it is now."""

    day: str
    units: int
    slot_units: int


class ForecastSlot(Struct, frozen=True):
    """A half hour of the day that begins at this local time.

    `units`: sold in it on all days that count. `safety_stock`: the forecast for it; null if the policy asks for none.
    """

    begins: str
    units: int
    safety_stock: int | None


class ForecastAnswer(Struct, frozen=True):
    """The forecast of an item at a location now, what it is computed from, and what follows.

    `basis`: `sales_history` is what the store itself computes with. A node that has none computes from the sales of
    this item in its `journal`: an estimate, because it counts each day since the first of these sales, and the store
    only those on which it sold anything. Null, with `days`, `today` and `slots`: it is not known who sells there.
    `is_capped`: the item has more sales than a node reads for this call, so the earlier ones are missing.

    `policy`: the document that counts, null if none does. `quantile`: null unless it asks for a forecast.
    `safety_stock`: the units that the policy keeps in the store now. `online`: the units that it puts online now. Both
    are null without a policy, and for a forecast without a basis. With fewer than `days_min` days a forecast is 0.
    `granted`: the units that other nodes than the owner of the location may promise now.
    """

    location: str
    item: str
    unit: str
    owner: str | None
    basis: Basis | None
    is_estimate: bool
    is_capped: bool
    policy: DocumentAnswer | None
    quantile: float | None
    time_zone: str
    now: str | None
    days_min: int
    days: list[ForecastDay] | None
    today: ForecastDay | None
    slots: list[ForecastSlot] | None
    safety_stock: int | None
    available: int
    online: int | None
    granted: int


def forecast_answer(
    replica: Replica, location: str, item: str, owner: str | None, zone: str, sold: SoldUnits | None
) -> ForecastAnswer:
    """The forecast of an item at a location. Raises Refused.

    `sold`: None if it is not known which node sells at the location.
    """
    replica.known_locations.check(location, "location")
    replica.catalog.check_item(item if is_item(item) else "", bool(replica.ledger.locations(item)), "item")
    stock, policy = replica.ledger.stock(location, item), replica.policies.policy(location, item)
    quantile_ppm = policy.quantile_ppm if policy is not None else 0
    safety = _safety_stock(policy, item, sold)
    counted = sold.demand.counted(sold.slot // SLOTS) if sold is not None else []
    return ForecastAnswer(
        location=location,
        item=item,
        unit=replica.catalog.unit(item),
        owner=owner,
        basis=sold.basis if sold is not None else None,
        is_estimate=bool(quantile_ppm) and sold is not None and sold.basis == "journal",
        is_capped=sold is not None and sold.is_capped,
        policy=_policy_answer(replica, location, item),
        quantile=quantile_ppm / WHOLE_PPM if quantile_ppm else None,
        time_zone=zone,
        now=_time(sold.slot) if sold is not None else None,
        days_min=DAYS_MIN,
        days=[_day(sold, item, day) for day in counted] if sold is not None else None,
        today=_day(sold, item, sold.slot // SLOTS) if sold is not None else None,
        slots=_slots(sold, item, counted, quantile_ppm) if sold is not None else None,
        safety_stock=safety,
        available=stock.available,
        online=_online(policy, safety, stock.available),
        granted=_granted(stock, owner),
    )


def _policy_answer(replica: Replica, location: str, item: str) -> DocumentAnswer | None:
    selector = replica.policies.selector(location, item)
    register = replica.documents.register(POLICY, selector) if selector is not None else None
    return register_answer(register) if register is not None else None


def _safety_stock(policy: Policy | None, item: str, sold: SoldUnits | None) -> int | None:
    if policy is None or not policy.quantile_ppm:
        return policy.safety_stock if policy is not None else None
    return sold.demand.forecast(item, sold.slot, policy.quantile_ppm) if sold is not None else None


def _online(policy: Policy | None, safety_stock: int | None, available: int) -> int | None:
    if policy is None or safety_stock is None:
        return None
    return online_units(msgspec.structs.replace(policy, safety_stock=safety_stock, quantile_ppm=0), available)


def _granted(stock: Stock, owner: str | None) -> int:
    return sum(max(0, units) for node, units in stock.rights_by_node().items() if node != owner)


def _day(sold: SoldUnits, item: str, day: int) -> ForecastDay:
    units = sold.demand.units(item, day)
    return ForecastDay(_day_text(day), sum(units), units[sold.slot % SLOTS])


def _slots(sold: SoldUnits, item: str, counted: list[int], quantile_ppm: int) -> list[ForecastSlot]:
    by_day, first = [sold.demand.units(item, day) for day in counted], sold.slot - sold.slot % SLOTS
    return [
        ForecastSlot(
            begins=_time(slot),
            units=sum(units[slot] for units in by_day),
            safety_stock=sold.demand.forecast(item, first + slot, quantile_ppm) if quantile_ppm else None,
        )
        for slot in range(SLOTS)
    ]


def _day_text(day: int) -> str:
    try:
        return (EPOCH + timedelta(day)).isoformat()
    except OverflowError:  # the clock shows a year that calendars do not have
        return str(day)


def _time(slot: int) -> str:
    hour, minute = divmod(slot % SLOTS * SLOT_MINUTES, 60)
    return f"{hour:02d}:{minute:02d}"
