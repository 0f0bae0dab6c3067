"""The service in this process: its answers if its disk fails."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from replica.core.base.errors import Unknown
from replica.runtime.world import SystemClock, SystemEntropy
from simulations.journal import SimulatedDisk
from simulations.maelstrom_node.counter import value_of
from simulations.maelstrom_node.service import Service

INIT = {"type": "init", "msg_id": 1, "node_id": "n1", "node_ids": ["n1"]}


class Asker:
    """Sends requests to a service, and keeps its answers."""

    def __init__(self, disk: SimulatedDisk) -> None:
        self.said: list[dict[str, Any]] = []
        self.service = Service(self._note, SystemClock(), SystemEntropy(), disk)

    async def ask(self, body: dict[str, Any]) -> None:
        await self.service.take_line(json.dumps({"src": "c1", "dest": "n1", "body": body}).encode())

    def answer(self, msg_id: int) -> dict[str, Any]:
        (body,) = [body for body in self.said if body["in_reply_to"] == msg_id]
        return body

    def _note(self, line: bytes) -> None:
        self.said.append(json.loads(line)["body"])


async def test_an_add_on_a_full_disk_is_refused_and_did_not_happen() -> None:
    disk = SimulatedDisk(room_bytes=0)
    asker = Asker(disk)
    await asker.ask(INIT)
    await asker.ask({"type": "add", "msg_id": 2, "delta": 5})
    await asker.service.stop()
    assert asker.answer(2)["code"] == 11
    assert asker.service.node is not None
    assert value_of(asker.service.node.replica) == 0
    assert disk.stored == []


@pytest.mark.parametrize("happened", [True, False])
async def test_an_add_with_a_failed_commit_gets_an_unknown_outcome(happened: bool) -> None:
    disk = SimulatedDisk()
    asker = Asker(disk)
    await asker.ask(INIT)
    disk.fails_next_commit = happened
    await asker.ask({"type": "add", "msg_id": 2, "delta": 5})
    with pytest.raises(Unknown):
        async with asyncio.timeout(5):
            await asker.service.failed
    await asker.service.abandon()
    assert asker.answer(2)["code"] == 13
    assert len(disk.stored) == happened


async def test_simultaneous_adds_are_answered_after_their_commits() -> None:
    disk = SimulatedDisk()
    asker = Asker(disk)
    await asker.ask(INIT)
    for number in range(100):
        await asker.ask({"type": "add", "msg_id": 2 + number, "delta": number - 50})
    assert [body["type"] for body in asker.said] == ["init_ok"]
    await asker.service.stop()
    assert [asker.answer(2 + number)["type"] for number in range(100)] == ["add_ok"] * 100
    assert len(disk.stored) == 99
