"""The simulated network: the effects of lines, machines and bad weather on frames."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from random import Random
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from replica.core.base.errors import PeerFault
from simulations.loop import VirtualLoop
from simulations.network import FAIR, End, SimulatedNetwork

pytestmark = pytest.mark.virtual_time


class Connection(NamedTuple):
    """A connection from `a` to `b`, and the network it is on."""

    network: SimulatedNetwork
    near: End
    far: End


@pytest.fixture
async def connection() -> Connection:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    network = SimulatedNetwork(loop, Random(1))
    accepted: list[End] = []
    for machine in ("a", "b"):
        network.power(machine)
    network.listen("b", accepted.append)
    near = await network.connect("a", "b")
    return Connection(network, near, accepted[0])


async def within(seconds: float, awaited: Awaitable[bytes | None]) -> bytes | str | None:
    """The received frame, or "nothing" after a timeout."""
    try:
        async with asyncio.timeout(seconds):
            return await awaited
    except TimeoutError:
        return "nothing"


async def all_of(end: End) -> list[bytes]:
    """All frames, until none comes for ten seconds."""
    found = []
    while isinstance(frame := await within(10, end.receive()), bytes):
        found.append(frame)
    return found


async def test_frames_arrive_in_order_and_take_time(connection: Connection) -> None:
    network, near, far = connection
    began = network.time()
    for number in range(50):
        await near.send(bytes([number]))
    assert [await far.receive() for _ in range(50)] == [bytes([number]) for number in range(50)]
    assert network.time() > began


async def test_a_cut_way_loses_nothing_and_notifies_no_end(connection: Connection) -> None:
    network, near, far = connection
    network.cut(("a", "b"))
    await near.send(b"late")
    assert await within(60, far.receive()) == "nothing"
    await far.send(b"the other way")
    assert await near.receive() == b"the other way"
    network.mend(("a", "b"))
    assert await far.receive() == b"late"


async def test_two_cuts_take_two_mendings(connection: Connection) -> None:
    network, _, _ = connection
    for _ in range(2):
        network.cut(("a", "b"))
    network.mend(("a", "b"))
    assert network.is_cut(("a", "b"))
    network.mend(("a", "b"))
    assert not network.is_cut(("a", "b"))


async def test_a_full_line_makes_its_sender_wait(connection: Connection) -> None:
    network, near, _ = connection
    network.cut(("a", "b"))
    sending = asyncio.ensure_future(near.send(bytes(2 << 20)))
    await asyncio.sleep(5)
    assert not sending.done()
    network.mend(("a", "b"))
    await sending


async def test_a_hangup_comes_after_earlier_frames(connection: Connection) -> None:
    _, near, far = connection
    await near.send(b"last words")
    await near.close()
    assert [await far.receive(), await far.receive()] == [b"last words", None]
    with pytest.raises(ConnectionError):
        await near.send(b"more")


async def test_an_ended_process_resets_its_connections(connection: Connection) -> None:
    network, near, _ = connection
    network.drop("b", has_power=True)
    with pytest.raises(ConnectionError):
        await near.receive()
    with pytest.raises(ConnectionRefusedError):
        await network.connect("a", "b")


async def test_a_machine_without_power_sends_nothing_until_it_is_back(connection: Connection) -> None:
    network, near, _ = connection
    network.drop("b", has_power=False)
    await near.send(b"anybody there?")
    assert await within(60, near.receive()) == "nothing"
    network.power("b")
    await near.send(b"and now?")
    with pytest.raises(ConnectionError):
        await near.receive()


async def test_a_forgotten_connection_carries_nothing_and_a_new_one_works(connection: Connection) -> None:
    network, near, far = connection
    network.forget("a")
    await near.send(b"lost")
    assert await within(60, far.receive()) == "nothing"
    again = await network.connect("a", "b")
    await again.send(b"heard")
    assert await again.other.receive() == b"heard"


async def test_a_connection_over_a_cut_way_opens_after_mending(connection: Connection) -> None:
    network, _, _ = connection
    network.cut(("b", "a"))
    dialling = asyncio.ensure_future(network.connect("a", "b"))
    await asyncio.sleep(5)
    assert not dialling.done()
    network.mend(("b", "a"))
    await dialling


@pytest.mark.parametrize("harm", ["drop", "duplicate", "reorder", "truncate", "corrupt"])
async def test_bad_weather_damages_frames_as_its_name_says(harm: str, connection: Connection) -> None:
    sent = [bytes([number]) * 8 for number in range(40)]

    network, near, far = connection
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
    assert network.harmed[harm] > 0


async def test_an_oversized_message_is_refused(connection: Connection) -> None:
    network, near, far = connection
    network.weather["a", "b"] = replace(FAIR, oversize=1.0)
    await near.send(b"small")
    with pytest.raises(PeerFault, match="oversized"):
        await far.receive()
