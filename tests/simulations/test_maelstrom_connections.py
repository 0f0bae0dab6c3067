"""Connections over messages that are lost, late or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from replica.core.base.clock import Moment
from simulations.maelstrom_node import connections
from simulations.maelstrom_node.connections import WAITING_MAX, MessageNetwork, MessageSocket
from simulations.maelstrom_node.messages import AcceptMessage, Between, Close, FrameMessage, Open, ResetMessage

NAMES = ("n1", "n2")


class StandingClock:
    """Time that does not pass."""

    def now(self) -> Moment:
        return Moment(1_000, 1_000)


class Pair:
    """Two nodes. Their messages wait until `deliver`."""

    def __init__(self) -> None:
        self.said: dict[str, list[Between]] = {name: [] for name in NAMES}
        """Messages under way, by receiver."""
        self.networks = {name: self.network(name) for name in NAMES}
        self.connected: list[MessageSocket] = []

    def network(self, name: str, names: tuple[str, ...] = NAMES) -> MessageNetwork:
        return MessageNetwork(name, names, StandingClock(), lambda peer, body: self.said[peer].append(body))

    def take(self, name: str) -> list[Between]:
        """Remove the messages to a node from the line."""
        bodies, self.said[name] = self.said[name], []
        return bodies

    def deliver(self, name: str, bodies: Iterable[Between] | None = None) -> None:
        """Deliver these messages, or all that are under way, to a node."""
        (other,) = (each for each in NAMES if each != name)
        for body in self.take(name) if bodies is None else bodies:
            socket = self.networks[name].take(other, body)
            self.connected += [socket] if socket is not None else []

    async def connect(self) -> tuple[MessageSocket, MessageSocket]:
        """Let the lesser name dial the greater one. Returns both ends."""
        dialling = asyncio.create_task(self.networks["n1"].dial("n2"))
        await asyncio.sleep(0)
        self.deliver("n2")
        self.deliver("n1")
        return await dialling, self.connected[-1]


@pytest.fixture
def pair() -> Pair:
    return Pair()


async def received(socket: MessageSocket, number: int) -> list[bytes | None]:
    async with asyncio.timeout(5):
        return [await socket.receive() for _ in range(number)]


async def test_frames_go_both_ways_in_order(pair: Pair) -> None:
    near, far = await pair.connect()
    for frame in (b"1", b"2"):
        await near.send(frame)
        await far.send(frame + b"!")
    pair.deliver("n1")
    pair.deliver("n2")
    assert await received(far, 2) == [b"1", b"2"]
    assert await received(near, 2) == [b"1!", b"2!"]


async def test_overtaken_or_doubled_frames_are_received_once_in_order(pair: Pair) -> None:
    near, far = await pair.connect()
    for frame in (b"1", b"2", b"3", b"4"):
        await near.send(frame)
    first, second, third, fourth = pair.take("n2")
    pair.deliver("n2", [third, second, third, first, first, fourth, second])
    assert await received(far, 4) == [b"1", b"2", b"3", b"4"]
    pair.deliver("n2", [second, fourth])
    await near.close()
    pair.deliver("n2")
    assert await received(far, 1) == [None]


async def test_a_repeated_frame_is_no_gap(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "GAP_S", 0.0)
    near, far = await pair.connect()
    await near.send(b"1")
    (first,) = pair.take("n2")
    pair.deliver("n2", [first])
    assert await received(far, 1) == [b"1"]
    receiving = asyncio.create_task(received(far, 1))
    pair.deliver("n2", [first])
    for _ in range(5):
        await asyncio.sleep(0)
    await near.send(b"2")
    pair.deliver("n2")
    assert await receiving == [b"2"]


async def test_a_close_comes_after_earlier_frames(pair: Pair) -> None:
    near, far = await pair.connect()
    await near.send(b"bye")
    await near.close()
    bye, close = pair.take("n2")
    assert isinstance(close, Close)
    pair.deliver("n2", [close, bye])
    assert await received(far, 2) == [b"bye", None]
    with pytest.raises(ConnectionError):
        await far.send(b"too late")


async def test_a_lost_frame_ends_the_connection_on_both_sides(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "GAP_S", 0.05)
    near, far = await pair.connect()
    for frame in (b"1", b"2", b"3"):
        await near.send(frame)
    first, _, third = pair.take("n2")
    pair.deliver("n2", [first, third])
    assert await received(far, 2) == [b"1", None]
    assert pair.said["n1"] == [ResetMessage(connection=near.connection)]
    pair.deliver("n1")
    assert await received(near, 1) == [None]


async def test_the_time_of_a_gap_runs_from_its_beginning(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "GAP_S", 0.05)
    near, far = await pair.connect()
    receiving = asyncio.create_task(received(far, 1))
    number = 1
    async with asyncio.timeout(5):
        while not receiving.done():
            number += 1
            pair.deliver("n2", [FrameMessage(connection=near.connection, number=number, frame=b"")])
            await asyncio.sleep(0.005)  # the pace of the frames
    assert receiving.result() == [None]


async def test_a_peer_that_exceeds_every_window_is_reset(pair: Pair) -> None:
    near, far = await pair.connect()
    frames = [
        FrameMessage(connection=near.connection, number=number, frame=b"") for number in range(2, WAITING_MAX + 3)
    ]
    pair.deliver("n2", frames[:-1])
    assert not far.is_over
    pair.deliver("n2", frames[-1:])
    assert far.is_over
    assert pair.said["n1"] == [ResetMessage(connection=near.connection)]


async def test_a_frame_that_overtakes_accept_counts_as_accept(pair: Pair) -> None:
    dialling = asyncio.create_task(pair.networks["n1"].dial("n2"))
    await asyncio.sleep(0)
    pair.deliver("n2")
    await pair.connected[0].send(b"hello")
    accept, hello = pair.take("n1")
    assert isinstance(accept, AcceptMessage)
    pair.deliver("n1", [hello])
    near = await dialling
    pair.deliver("n1", [accept])
    assert await received(near, 1) == [b"hello"]


async def test_a_late_or_doubled_open_opens_nothing(pair: Pair) -> None:
    dialling = asyncio.create_task(pair.networks["n1"].dial("n2"))
    await asyncio.sleep(0)
    (late,) = pair.take("n2")
    dialling.cancel()
    await asyncio.gather(dialling, return_exceptions=True)
    near, far = await pair.connect()
    pair.deliver("n2", [late, Open(connection=near.connection)])
    assert pair.connected == [far]
    assert not far.is_over


async def test_a_cancelled_dial_leaves_no_half_of_a_connection(pair: Pair) -> None:
    dialling = asyncio.create_task(pair.networks["n1"].dial("n2"))
    await asyncio.sleep(0)
    (opening,) = pair.take("n2")
    dialling.cancel()
    await asyncio.gather(dialling, return_exceptions=True)
    (reset,) = pair.take("n2")
    assert isinstance(reset, ResetMessage)
    pair.deliver("n2", [reset, opening])  # the reset comes first, so it has no effect
    pair.deliver("n1")
    pair.deliver("n2")
    assert await received(pair.connected[0], 1) == [None]


async def test_a_new_connection_ends_the_earlier_one(pair: Pair) -> None:
    _, first = await pair.connect()
    _, second = await pair.connect()
    assert first.is_over
    assert not second.is_over
    assert second.connection > first.connection


async def test_an_unknown_connection_gets_a_reset_and_a_reset_gets_no_answer(pair: Pair) -> None:
    pair.deliver("n2", [FrameMessage(connection=7, number=1, frame=b"")])
    assert pair.take("n1") == [ResetMessage(connection=7)]
    pair.deliver("n2", [ResetMessage(connection=7)])
    assert pair.said["n1"] == []


async def test_a_node_refuses_dials_by_greater_or_unknown_names(pair: Pair) -> None:
    pair.deliver("n1", [Open(connection=1)])
    assert pair.said["n2"] == [ResetMessage(connection=1)]
    assert pair.connected == []
    assert pair.network("n2", ("n2", "n3")).take("n1", Open(connection=1)) is None


async def test_a_refused_dial_fails(pair: Pair) -> None:
    dialling = asyncio.create_task(pair.networks["n1"].dial("n2"))
    await asyncio.sleep(0)
    (opening,) = pair.take("n2")
    pair.deliver("n1", [ResetMessage(connection=opening.connection)])
    with pytest.raises(ConnectionError):
        await dialling
    assert not await pair.networks["n1"].is_ready("n2")
