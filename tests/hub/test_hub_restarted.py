"""A hub that starts again tells an operator what it told before about the nodes that are away."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from hub.assembly import assemble
from replica.core.rights.requests import Grant, GrantLine
from replica.runtime.driver import Ingress
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.process import Assembly
from tests.callers import Caller, calling
from tests.core.chain import receipt, store


async def started(directory: Path) -> Assembly:
    return await assemble(
        HttpNetwork(),
        name="hub-east",
        region="east",
        data=directory,
        host="127.0.0.1",
        hosts=("w-1",),
        open_catalog=True,
    )


async def deliver(hub: Caller) -> None:
    """A store received ten colas, granted this hub four of them, and went away."""
    away = store(1)
    away.ask(receipt(cola=10))
    away.ask(Grant("hub-east", (GrantLine("cola", 4),)))
    away.commit()
    await (await hub.node.driver.take_in(away.runs(), Ingress()))


async def metric(hub: Caller, name: str) -> list[str]:
    async with hub.client.get("/metrics") as response:
        return [line for line in (await response.text()).splitlines() if line.startswith(name)]


async def test_a_restarted_hub_still_shows_a_store_that_is_away_and_its_rights(tmp_path: Path) -> None:
    async with calling(await started(tmp_path)) as hub:
        await deliver(hub)
    async with calling(await started(tmp_path)) as hub:
        (node,) = (await hub.good("/v1/nodes"))["nodes"]
        status = await hub.good("/v1/status")
        stranded = await metric(hub, "shelfsync_stranded_units{")
        heard = await metric(hub, "shelfsync_node_heard_timestamp_seconds{")
    assert (node["node"], node["role"], node["locations"]) == ("store-1", "edge", ["store-1"])
    assert (node["connected"], node["stranded"]) == (False, {"store-1": 6})
    assert node["writer"].startswith("store-1#")
    assert node["last_seen"].startswith("2025-06-15T")
    assert status["stranded"] == {"store-1": {"store-1": 6}}
    assert stranded == ['shelfsync_stranded_units{location="store-1",node="store-1"} 6.0']
    (line,) = heard
    assert float(line.rpartition(" ")[2]) == datetime.fromisoformat(node["last_seen"]).timestamp()


async def test_a_restarted_hub_says_null_for_what_only_a_session_tells(tmp_path: Path) -> None:
    async with calling(await started(tmp_path)) as hub:
        await deliver(hub)
    async with calling(await started(tmp_path)) as hub:
        (node,) = (await hub.good("/v1/nodes"))["nodes"]
    unknown: dict[str, Any] = {field: node[field] for field in ("region", "software", "behind", "unacknowledged")}
    assert unknown == dict.fromkeys(unknown)
    assert node["reason"] == "no connection since this hub started"
