"""Calendars and promises on any days of a year, also when clocks change: the node and the reference model agree."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any

import pytest
from msgspec import convert

from replica.core.catalog.calendars import Calendars
from replica.core.catalog.dispatch import Dispatch
from replica.core.catalog.documents import Register, pack_value
from replica.core.catalog.openings import Opening
from replica.core.planning.carriers import CarrierDocument
from replica.core.planning.promises import Route, promise
from replica.core.planning.promises import Sender as NodeSender
from simulations.clock import EPOCH_MS
from simulations.reference.calendars import DAY_MS, Hours
from simulations.reference.catalogue import Documents
from simulations.reference.promises import Promise, Sender
from simulations.reference.windows import zone_of
from simulations.workloads.delivery_documents import CALENDARS, HOLIDAYS, DeliveryDocuments

CASES = 150

ZONES = ("Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC")

CHANGES = (
    "2026-03-29T01:00Z",
    "2026-10-25T01:00Z",
    "2026-03-08T05:30Z",
    "2026-11-01T04:30Z",
    "2026-04-04T15:00Z",
)
"""About when clocks change in some of these zones."""


class Drawn:
    """Documents as both sides know them, at a moment that is often near a change of clocks."""

    def __init__(self, case: int) -> None:
        random = self.random = Random(f"promises of a year {case}")
        self.now_ms = EPOCH_MS + random.randrange(365 * DAY_MS)
        if random.random() < 0.6:
            change = datetime.fromisoformat(random.choice(CHANGES))
            self.now_ms = round(change.timestamp()) * 1_000 + random.randrange(-2 * DAY_MS, DAY_MS)
        self.zone = zone_of(random.choice(ZONES))
        self.documents, self.calendars = Documents(), Calendars()
        drawn = DeliveryDocuments(random, ["item-0"], ["warehouse"], ["east"])
        for number in range(CALENDARS):
            self._put(f"hours-{number}", drawn.calendar(self.now_ms))
        self._put(HOLIDAYS, drawn.holidays(self.now_ms))
        self.names = random.sample(["hours-0", "hours-1", HOLIDAYS], random.choice((0, 1, 1, 2)))
        self.location = drawn.location("warehouse", self.now_ms)
        self.carrier = drawn.carrier()
        self.documents.put("location", "warehouse", self.location, (1, 1, ""))
        self.documents.put("carrier", "carrier", self.carrier, (1, 1, ""))

    def _put(self, name: str, value: dict[str, Any]) -> None:
        self.documents.put("calendar", name, value, (1, 1, ""))
        assert self.calendars.put(Register("calendar", name, 0, "", 1, 1, "hub-east#0000000a", pack_value(value)))

    @property
    def opening(self) -> Opening:
        return Opening(self.calendars, tuple(self.names), self.zone)

    @property
    def hours(self) -> Hours:
        return Hours(self.documents, self.names, self.zone)


@pytest.mark.parametrize("case", range(CASES))
def test_calendars_are_open_when_the_reference_says(case: int) -> None:
    drawn = Drawn(case)
    days = 4
    assert list(drawn.hours.spans(drawn.now_ms, days)) == drawn.opening.spans(
        drawn.now_ms, drawn.now_ms + days * DAY_MS
    )
    for _ in range(20):
        moment_ms = drawn.now_ms + drawn.random.randrange(days * DAY_MS)
        closed, expected = drawn.opening.closed(moment_ms), drawn.hours.closed(moment_ms)
        assert (closed and (closed.calendar, closed.reasons)) == (expected and (expected.calendar, expected.reasons))


@pytest.mark.parametrize("case", range(CASES))
def test_promises_are_those_of_the_reference(case: int) -> None:
    drawn = Drawn(case)
    waiting, units = drawn.random.randrange(30), drawn.random.randint(1, 9)
    dispatch = convert(drawn.location.get("dispatch", {}), Dispatch)
    carrier = convert(drawn.carrier, CarrierDocument)
    zone = zone_of(carrier.time_zone) if carrier.time_zone else drawn.zone
    lane = next((lane for lane in carrier.lanes if lane.fits("warehouse", ["area-0"])), None)
    routes = [Route("carrier", lane, Opening(drawn.calendars, carrier.calendars, zone))] if lane is not None else []
    found = promise(NodeSender(drawn.opening, dispatch, waiting), routes, units, drawn.now_ms)
    areas: list[Any] = [("area-0", {})]
    expected = Sender(drawn.documents, "warehouse", drawn.hours, waiting).promise(areas, units, drawn.now_ms)
    assert _plain(found) == expected


def _plain(found: Any) -> Promise | None:
    if found is None:
        return None
    if found.arrival is None:
        return Promise(found.ready_ms, found.dispatch_ms)
    arrival = found.arrival
    return Promise(found.ready_ms, found.dispatch_ms, arrival.carrier, arrival.earliest_ms, arrival.latest_ms)
