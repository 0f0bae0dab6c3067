"""Automatic outages: they come in turn, stop where they are when switched off, and begin again with whole lines."""

from __future__ import annotations

import asyncio

import pytest

from shelfsync.network import LocalNetwork
from shelfsync.outages import CALM, AutomaticOutages, Outage, Pace, outages
from shelfsync.proxy import Proxy

pytestmark = pytest.mark.virtual_time

PACE = Pace(calm_s=4.0, outage_s=8.0)


class Watched:
    """Outages of one store at one hub, and what they showed."""

    def __init__(self) -> None:
        network = LocalNetwork(stores=1, regions=1)
        self.line = Proxy(1)
        network.lines = {("store-1", "hub-east"): self.line}
        self.shown: list[str] = []
        in_turn = outages(network.stores, network.hubs, network.home_hub, network.lines)
        self.outages = AutomaticOutages(in_turn, PACE, network.heal, lambda outage: self.shown.append(outage.kind))
        self.running = asyncio.ensure_future(self.outages.run())


async def test_outages_come_in_turn_with_calm_between_them() -> None:
    watched = Watched()
    await asyncio.sleep(3 * (PACE.calm_s + PACE.outage_s) - 1)
    assert watched.shown == [CALM.kind, "cut-store", CALM.kind, "losing-all", CALM.kind, "cut-store"]
    watched.running.cancel()


async def test_lines_stay_as_they_are_when_outages_are_switched_off() -> None:
    watched = Watched()
    await asyncio.sleep(PACE.calm_s + 1)
    assert watched.line.is_cut
    watched.outages.switch_off()
    await asyncio.sleep(100)
    assert watched.line.is_cut
    assert not watched.outages.are_on
    assert watched.shown == [CALM.kind, "cut-store"]
    watched.running.cancel()


async def test_outages_that_are_switched_on_again_begin_with_whole_lines() -> None:
    watched = Watched()
    await asyncio.sleep(PACE.calm_s + 1)
    watched.outages.switch_off()
    await asyncio.sleep(1)
    watched.outages.switch_on()
    await asyncio.sleep(1)
    assert watched.line.is_whole
    assert watched.outages.are_on
    await asyncio.sleep(PACE.calm_s)
    assert not watched.line.is_whole
    watched.running.cancel()


async def test_outage_heals_the_lines_that_it_broke() -> None:
    line, other = Proxy(1), Proxy(1)
    outage = Outage("", "", cut=(line,), black_holed=(other,))
    outage.begin()
    assert not line.is_whole
    assert not other.is_whole
    outage.end()
    assert line.is_whole
    assert other.is_whole
