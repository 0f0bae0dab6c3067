"""Which hub a store connects to, and when it goes back to its home hub. Real sessions over queues, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from hub.admission import admit_peer
from replica.core.base.errors import PeerFault
from replica.core.sync.events import Scopes
from replica.core.sync.wire import Hello
from replica.runtime.node import Node
from replica.runtime.peering import peers
from tests.runtime.virtual import VirtualNetwork, elapsed_s, hub, run, store, until

pytestmark = pytest.mark.virtual_time

HOME_AFTER_S = 60.0


class Region:
    """A store with a home hub, which may refuse it, and another hub."""

    def __init__(self) -> None:
        self.network = VirtualNetwork()
        self.refusal: str | None = None
        self.home = hub("hub-east", self.network, self._admit)
        self.away = hub("hub-west", self.network)
        self.store = store("store-1", self.network)
        self.network.nodes = {"home": self.home, "away": self.away}

    def start(self, home_after_s: float = HOME_AFTER_S) -> None:
        for node in (self.home, self.away):
            node.start([], 0.0)
        self.store.start([["home", "away"]], home_after_s)

    async def stop(self) -> None:
        for node in (self.store, self.home, self.away):
            await node.stop()

    def is_at(self, node: Node) -> bool:
        return [peer.name for peer in self.store.peers.connected] == [node.replica.node]

    def home_tries(self) -> list[float]:
        """Seconds between each try to go home and the one before."""
        tried = self.network.dialled_at("home")
        return [round(later - earlier) for earlier, later in pairwise(tried)]

    def _admit(self, peer: Hello) -> Scopes:
        if self.refusal is not None:
            raise PeerFault(self.refusal, "the test refuses it")
        return admit_peer(peer)


@pytest.fixture
async def region() -> AsyncIterator[Region]:
    """A region that stops with its test."""
    region = Region()
    yield region
    await region.stop()


async def pass_s(length_s: float) -> None:
    """Let virtual time pass."""
    end_s = elapsed_s() + length_s
    await until(lambda: elapsed_s() >= end_s, length_s + 1)


@pytest.mark.parametrize("refusal", ["unauthorised", "name-taken", "storage-full", "made-up"])
async def test_wait_to_go_home_doubles_up_to_a_bound_while_the_home_hub_refuses(
    refusal: str, monkeypatch: pytest.MonkeyPatch, region: Region
) -> None:
    monkeypatch.setattr(peers, "HOME_AFTER_MAX_S", 4 * HOME_AFTER_S)

    region.refusal = refusal
    region.start()
    await pass_s(14 * HOME_AFTER_S)
    assert region.is_at(region.away)
    assert region.home_tries() == [HOME_AFTER_S * times for times in (1, 2, 4, 4)]


async def test_store_waits_only_the_first_wait_again_after_its_home_hub_served_it(region: Region) -> None:
    region.refusal = "unauthorised"
    region.start()
    await until(lambda: len(region.home_tries()) == 2, 4 * HOME_AFTER_S)
    await until(lambda: region.is_at(region.away), 5.0)
    region.refusal = None
    await until(lambda: region.is_at(region.home), 5 * HOME_AFTER_S)
    assert region.home_tries() == [HOME_AFTER_S, 2 * HOME_AFTER_S, 4 * HOME_AFTER_S]
    await pass_s(9.0)
    cut_s = elapsed_s()
    del region.network.nodes["home"]
    region.home.peers.close()
    await until(lambda: region.is_at(region.away), 5.0)
    region.network.nodes["home"] = region.home
    await until(lambda: region.is_at(region.home), 2 * HOME_AFTER_S)
    assert elapsed_s() - cut_s == pytest.approx(HOME_AFTER_S, abs=5.0)


@pytest.mark.parametrize(("served_s", "waits"), [(10.0, 2), (2 * HOME_AFTER_S, 1)])
async def test_wait_to_go_home_starts_again_only_after_the_home_hub_served_long_enough(
    served_s: float, waits: int, region: Region
) -> None:
    """A single refusal after long service must not count as the last of many."""

    region.refusal = "unauthorised"
    region.start()
    await until(lambda: region.is_at(region.away), 5.0)
    region.refusal = None
    await until(lambda: region.is_at(region.home), 2 * HOME_AFTER_S)
    await pass_s(served_s)
    region.refusal = "unauthorised"
    for peer in region.home.peers.connected:
        assert peer.link is not None
        peer.link.close("storage-full")
    await until(lambda: region.is_at(region.away), 5.0)
    left_s = elapsed_s()
    tries = len(region.network.dialled_at("home"))
    await until(lambda: len(region.network.dialled_at("home")) > tries, 5 * HOME_AFTER_S)
    assert elapsed_s() - left_s == pytest.approx(waits * HOME_AFTER_S, abs=5.0)


async def test_store_goes_home_only_after_its_home_hub_was_well_without_a_break(region: Region) -> None:
    del region.network.nodes["home"]
    region.start()
    await until(lambda: region.is_at(region.away), 5.0)
    for _ in range(4):
        region.network.nodes["home"] = region.home
        await pass_s(HOME_AFTER_S / 2)
        del region.network.nodes["home"]
        await pass_s(HOME_AFTER_S / 6)
    assert region.is_at(region.away)
    assert region.network.dialled_at("home")[1:] == []


async def test_store_goes_home_after_one_wait_however_long_the_home_hub_was_down(region: Region) -> None:
    del region.network.nodes["home"]
    region.start()
    await pass_s(10 * HOME_AFTER_S)
    assert region.is_at(region.away)
    region.network.nodes["home"] = region.home
    up_s = elapsed_s()
    await until(lambda: region.is_at(region.home), 2 * HOME_AFTER_S)
    assert elapsed_s() - up_s == pytest.approx(HOME_AFTER_S, abs=5.0)


async def test_pause_between_rounds_doubles_up_to_its_bound_while_nobody_answers(region: Region) -> None:
    region.network.nodes = {}
    region.start()
    await pass_s(12)
    tried = region.network.dialled_at("home")
    pauses = [round(later - earlier, 3) for earlier, later in pairwise(tried)]
    assert pauses[:6] == [0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert region.store.dialers[0].reason == "away does not answer"


async def test_hubs_that_dial_each_other_keep_one_link_and_dial_no_more(region: Region) -> None:
    region.network.nodes = {"home": region.home, "away": region.away}
    region.home.start([["away"]], HOME_AFTER_S)
    region.away.start([["home"]], HOME_AFTER_S)
    await pass_s(20)
    tries = len(region.network.dialled)
    await pass_s(60)
    assert len(region.network.dialled) == tries
    assert [node.peers.live for node in (region.home, region.away)] == [1, 1]


async def test_store_that_is_at_home_stays_there(region: Region) -> None:
    region.start()
    await pass_s(3 * HOME_AFTER_S)
    assert region.is_at(region.home)
    assert len(region.network.dialled) == 1


async def test_hub_that_a_store_leaves_to_go_home_counts_that_reason(region: Region) -> None:
    region.refusal = "unauthorised"
    region.start()
    await until(lambda: region.is_at(region.away), 5.0)
    region.refusal = None
    await until(lambda: region.is_at(region.home), 2 * HOME_AFTER_S)
    assert region.away.peers.ended == {"going-home": 1}
    assert region.store.peers.known["hub-west"].reason == "going-home"


async def test_wait_to_go_home_does_not_grow_while_no_hub_serves_the_store(region: Region) -> None:
    """Only tries from another hub count. Tries while the store has no hub do not."""

    region.refusal = "unauthorised"
    del region.network.nodes["away"]
    region.start()
    await pass_s(HOME_AFTER_S)
    region.network.nodes["away"] = region.away
    await until(lambda: region.is_at(region.away), 5.0)
    assert region.store.dialers[0].home_wait_s == HOME_AFTER_S


@pytest.mark.parametrize("home_after_s", [0.0, 4 * HOME_AFTER_S])
async def test_configured_wait_to_go_home_holds_beyond_the_bounds(
    home_after_s: float, monkeypatch: pytest.MonkeyPatch, region: Region
) -> None:
    monkeypatch.setattr(peers, "HOME_AFTER_MAX_S", 2 * HOME_AFTER_S)

    region.refusal = "unauthorised"
    region.start(home_after_s)
    await until(lambda: len(region.home_tries()) == 2, 9 * HOME_AFTER_S)
    first, second = region.home_tries()
    assert first == max(home_after_s, peers.PROBE_INTERVAL_S)
    assert second == max(min(2 * first, peers.HOME_AFTER_MAX_S), home_after_s)


def test_same_region_dials_in_the_same_order_at_the_same_times() -> None:
    async def course() -> list[tuple[str, float]]:
        region = Region()
        region.refusal = "unauthorised"
        region.start()
        await pass_s(4 * HOME_AFTER_S)
        await region.stop()
        return region.network.dialled

    assert run(course()) == run(course())


async def test_a_store_knows_which_hub_it_is_connected_to(region: Region) -> None:
    region.start()
    (dialer,) = region.store.dialers
    assert (dialer.url, dialer.reason) == (None, "")
    await until(lambda: region.is_at(region.home), 5)
    assert dialer.url == "home"
    for node in (region.home, region.away):
        await node.stop()
    await until(lambda: dialer.url is None, 5)


async def test_a_node_that_stopped_is_not_ready(region: Region) -> None:
    region.start()
    assert region.store.is_ready
    await region.store.stop()
    assert not region.store.is_ready


async def test_a_hub_keeps_no_more_peers_than_the_bound_and_takes_those_again(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PEERS_MAX", 1)
    region.start()
    await until(lambda: region.is_at(region.home), 5)
    other = store("store-2", region.network)
    other.start([["home"]], HOME_AFTER_S)
    await pass_s(10)
    assert (list(region.home.peers.known), other.peers.connected) == (["store-1"], [])
    region.store.peers.close()
    await until(lambda: region.is_at(region.home), 60)
    await other.stop()
