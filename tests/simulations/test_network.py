"""The simulated network: what lines, machines and bad weather do to frames."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from msgspec.structs import replace

from replica.core.base.errors import PeerFault
from simulations.loop import VirtualLoop
from simulations.network import FAIR, End, SimulatedNetwork

Story = Callable[[SimulatedNetwork, End, End], Awaitable[None]]


def tell(story: Story, seed: int = 1) -> SimulatedNetwork:
    """Play a story with a connection from `a` to `b`."""
    loop = VirtualLoop(Random(seed))
    network = SimulatedNetwork(loop, Random(seed))

    async def main() -> None:
        accepted: list[End] = []
        for machine in ("a", "b"):
            network.power(machine)
        network.listen("b", accepted.append)
        near = await network.connect("a", "b")
        await story(network, near, accepted[0])

    try:
        loop.run_until_complete(main())
    finally:
        loop.wind_up([])
        loop.close()
    return network


async def within(seconds: float, awaited: Awaitable[bytes | None]) -> bytes | str | None:
    """What is received in time, or that nothing is."""
    try:
        async with asyncio.timeout(seconds):
            return await awaited
    except TimeoutError:
        return "nothing"


async def all_of(end: End) -> list[bytes]:
    """All frames that come within ten seconds."""
    found = []
    while isinstance(frame := await within(10, end.receive()), bytes):
        found.append(frame)
    return found


def test_frames_arrive_in_order_and_take_time() -> None:
    async def story(network: SimulatedNetwork, near: End, far: End) -> None:
        began = network.time()
        for number in range(50):
            await near.send(bytes([number]))
        assert [await far.receive() for _ in range(50)] == [bytes([number]) for number in range(50)]
        assert network.time() > began

    tell(story)


def test_a_cut_way_loses_nothing_and_tells_nobody() -> None:
    async def story(network: SimulatedNetwork, near: End, far: End) -> None:
        network.cut(("a", "b"))
        await near.send(b"late")
        assert await within(60, far.receive()) == "nothing"
        await far.send(b"the other way")
        assert await near.receive() == b"the other way"
        network.mend(("a", "b"))
        assert await far.receive() == b"late"

    tell(story)


def test_two_cuts_take_two_mendings() -> None:
    async def story(network: SimulatedNetwork, near: End, far: End) -> None:
        for _ in range(2):
            network.cut(("a", "b"))
        network.mend(("a", "b"))
        assert network.is_cut(("a", "b"))
        network.mend(("a", "b"))
        assert not network.is_cut(("a", "b"))

    tell(story)


def test_a_full_line_makes_its_sender_wait() -> None:
    async def story(network: SimulatedNetwork, near: End, far: End) -> None:
        network.cut(("a", "b"))
        sending = asyncio.ensure_future(near.send(bytes(2 << 20)))
        await asyncio.sleep(5)
        assert not sending.done()
        network.mend(("a", "b"))
        await sending

    tell(story)


def test_a_hangup_comes_after_what_was_sent() -> None:
    async def story(network: SimulatedNetwork, near: End, far: End) -> None:
        await near.send(b"last words")
        await near.close()
        assert [await far.receive(), await far.receive()] == [b"last words", None]
        with pytest.raises(ConnectionError):
            await near.send(b"more")

    tell(story)


def test_an_ended_process_resets_its_connections() -> None:
    async def story(network: SimulatedNetwork, near: End, far: End) -> None:
        network.drop("b", has_power=True)
        with pytest.raises(ConnectionError):
            await near.receive()
        with pytest.raises(ConnectionRefusedError):
            await network.connect("a", "b")

    tell(story)


def test_a_machine_without_power_says_nothing_until_it_is_back() -> None:
    async def story(network: SimulatedNetwork, near: End, far: End) -> None:
        network.drop("b", has_power=False)
        await near.send(b"anybody there?")
        assert await within(60, near.receive()) == "nothing"
        network.power("b")
        await near.send(b"and now?")
        with pytest.raises(ConnectionError):
            await near.receive()

    tell(story)


def test_a_forgotten_connection_carries_nothing_and_a_new_one_works() -> None:
    async def story(network: SimulatedNetwork, near: End, far: End) -> None:
        network.forget("a")
        await near.send(b"lost")
        assert await within(60, far.receive()) == "nothing"
        again = await network.connect("a", "b")
        await again.send(b"heard")
        assert await again.other.receive() == b"heard"

    tell(story)


def test_a_connection_through_a_cut_way_comes_about_once_it_is_mended() -> None:
    async def story(network: SimulatedNetwork, near: End, far: End) -> None:
        network.cut(("b", "a"))
        dialling = asyncio.ensure_future(network.connect("a", "b"))
        await asyncio.sleep(5)
        assert not dialling.done()
        network.mend(("b", "a"))
        await dialling

    tell(story)


@pytest.mark.parametrize("harm", ["drop", "duplicate", "reorder", "truncate", "corrupt"])
def test_bad_weather_does_what_its_name_says(harm: str) -> None:
    sent = [bytes([number]) * 8 for number in range(40)]

    async def story(network: SimulatedNetwork, near: End, far: End) -> None:
        network.weather["a", "b"] = replace(FAIR, **{harm: 0.5})
        for frame in sent:
            await near.send(frame)
        found = await all_of(far)
        whole = [frame for frame in found if frame in sent]
        match harm:
            case "drop":
                assert whole == found and len(found) < 40 and whole == sorted(whole)
            case "duplicate":
                assert len(found) > 40 and sorted(set(found)) == sent
            case "reorder":
                assert found != sorted(found) and len(found) >= 39
            case "truncate":
                assert 0 < len(whole) < 40 and all(sent[i].startswith(frame) for i, frame in enumerate(found))
            case "corrupt":
                assert 0 < len(whole) < 40 and all(len(frame) == 8 for frame in found)

    assert tell(story).harmed[harm] > 0


def test_an_oversized_message_is_not_taken() -> None:
    async def story(network: SimulatedNetwork, near: End, far: End) -> None:
        network.weather["a", "b"] = replace(FAIR, oversize=1.0)
        await near.send(b"small")
        with pytest.raises(PeerFault, match="oversized"):
            await far.receive()

    tell(story)
