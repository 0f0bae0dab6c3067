"""A peer that is refused for its clock is an exception at both sides, and a restart keeps it."""

from __future__ import annotations

import asyncio

import pytest

from replica.core.base.errors import PeerFault
from replica.core.base.limits import CLOCK_AHEAD_MAX_MS, CLOCK_SKEW_MAX_MS
from replica.core.sync.events import Scopes
from replica.core.sync.wire import Hello
from replica.runtime.http.clock_answers import ClockAnswer, clock_answers
from replica.runtime.http.exception_answers import exceptions
from replica.runtime.node import Node
from simulations.clock import SimulatedClock
from simulations.journal import SimulatedDisk, SimulatedJournal
from tests.runtime.virtual import VirtualNetwork, hub, store

pytestmark = pytest.mark.virtual_time

HOUR_MS = 3_600_000


def told(node: Node) -> list[tuple[str, str, int, bool]]:
    """The node, who says so, by how much it is ahead (to the second), and whether that is over."""
    answers: list[ClockAnswer] = clock_answers(node.replica.clock_faults)
    return [(one.node, one.by, round(one.ahead_ms / 1000), one.until is not None) for one in answers]


def step(node: Node, by_ms: int) -> None:
    assert isinstance(node.clock, SimulatedClock)
    node.clock.step(by_ms)


def refuse(peer: Hello) -> Scopes:
    raise PeerFault("unauthorised", f"{peer.node} is a stranger")


async def test_both_sides_list_a_peer_that_is_refused_for_its_clock() -> None:
    network = VirtualNetwork()
    one, other = store("store-1", network), hub("hub-east", network)
    network.nodes = {"hub": other}
    step(one, HOUR_MS)
    other.start([], 1.0)
    one.start([["hub"]], 1.0)
    await asyncio.sleep(20)
    assert told(one) == [("hub-east", "store-1", -3600, False)]
    assert told(other) == [("store-1", "hub-east", 3600, False)]
    assert (one.replica.arrival, other.replica.arrival) == (1, 1)
    step(one, -HOUR_MS)
    await asyncio.sleep(20)
    by_store, by_hub = ("hub-east", "store-1", -3600, True), ("store-1", "hub-east", 3600, True)
    of_stamps = ("store-1", "store-1", 3579, False)  # its first notice has a stamp of the wrong clock
    assert sorted(told(one)) == [by_store, of_stamps]
    assert sorted(told(other)) == [by_store, by_hub, of_stamps]
    newest = exceptions(other.replica, {}, (), 1, now_ms=0)
    assert (newest.clocks, newest.truncated) == (clock_answers(other.replica.clock_faults)[-1:], True)
    for node in (one, other):
        await node.stop()


async def test_a_caller_that_is_not_admitted_writes_nothing_into_the_journal() -> None:
    network = VirtualNetwork()
    one, other = store("store-1", network), hub("hub-east", network, admit=refuse)
    network.nodes = {"hub": other}
    step(one, HOUR_MS)
    other.start([], 1.0)
    one.start([["hub"]], 1.0)
    await asyncio.sleep(20)
    assert (other.peers.ended, other.replica.arrival) == ({"unauthorised": other.peers.ended["unauthorised"]}, 0)
    for node in (one, other):
        await node.stop()


async def test_a_live_peer_whose_clock_jumps_is_listed_and_so_is_one_a_little_ahead() -> None:
    network = VirtualNetwork()
    one, other = store("store-1", network), hub("hub-east", network)
    network.nodes = {"hub": other}
    other.start([], 1.0)
    one.start([["hub"]], 1.0)
    await asyncio.sleep(5)
    assert told(other) == []
    step(one, CLOCK_SKEW_MAX_MS + 60_000)
    await asyncio.sleep(5)
    assert ("store-1", "hub-east", 360, False) in told(other)
    step(one, -CLOCK_SKEW_MAX_MS)
    await asyncio.sleep(20)
    assert len(other.peers.connected) == 1
    for node in (one, other):
        await node.stop()


async def test_a_connected_peer_further_ahead_than_its_stamps_are_followed_is_listed() -> None:
    network = VirtualNetwork()
    one, other = store("store-1", network), hub("hub-east", network)
    network.nodes = {"hub": other}
    step(one, CLOCK_AHEAD_MAX_MS + 10_000)
    other.start([], 1.0)
    one.start([["hub"]], 1.0)
    await asyncio.sleep(5)
    assert len(other.peers.connected) == 1
    assert ("store-1", "hub-east", 70, False) in told(other)
    for node in (one, other):
        await node.stop()


async def test_peers_with_wrong_clocks_that_connect_during_one_commit_are_all_listed() -> None:
    network, disk = VirtualNetwork(), SimulatedDisk()
    disk.write_s = lambda: 0.1
    other = hub("hub-east", network, disk=disk)
    network.nodes = {"hub": other}
    other.start([], 1.0)
    stores = [store(f"store-{number}", network) for number in (1, 2, 3)]
    for one in stores:
        step(one, CLOCK_AHEAD_MAX_MS + 10_000)
        one.start([["hub"]], 1.0)
        await asyncio.sleep(0.03)
    await asyncio.sleep(1)
    assert sorted(node for node, by, *_ in told(other) if by == "hub-east") == ["store-1", "store-2", "store-3"]
    for node in (*stores, other):
        await node.stop()


async def test_a_restart_keeps_what_a_node_said_about_a_clock() -> None:
    network, disk = VirtualNetwork(), SimulatedDisk()
    one, other = store("store-1", network), hub("hub-east", network, disk=disk)
    network.nodes = {"hub": other}
    step(one, HOUR_MS)
    other.start([], 1.0)
    one.start([["hub"]], 1.0)
    await asyncio.sleep(5)
    before = told(other)
    for node in (one, other):
        await node.stop()
    image = await SimulatedJournal(disk, "hub-east").load()
    other.replica.restore(image)
    assert told(other) == before == [("store-1", "hub-east", 3600, False)]
