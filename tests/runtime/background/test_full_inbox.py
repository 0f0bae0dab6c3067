"""Background work that finds the inbox full does its work later: nothing that was due is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from replica.core.base.errors import Overloaded
from replica.core.rights.requests import Allotment, Grant, GrantLine
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.decisions import Verdict
from replica.core.stock.requests import OnShortage
from replica.runtime import driver
from replica.runtime.background.rebalancer import SETTLE_S
from replica.runtime.background.rights_requests import COOLING_MIN_MS
from tests.runtime.background.test_shortages import SELECTION_S, order, promised, state
from tests.runtime.region import COLA, STORE, Region
from tests.runtime.virtual import until

pytestmark = pytest.mark.virtual_time

MOST = driver.INBOX_MAX


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Set how many requests the inbox of each node takes: 0 while other requests fill it."""
    return lambda most: monkeypatch.setattr(driver, "INBOX_MAX", most)


async def test_policy_is_reached_although_the_inbox_was_full_when_it_changed(fill: Callable[[int], None]) -> None:
    chain = Region()
    await chain.open(10)
    await chain.rule(mode="share", regions={"west": 0.5})
    fill(0)
    await asyncio.sleep(3 * SETTLE_S)
    assert chain.rights() == (10, 0, 0)
    fill(MOST)
    await until(lambda: chain.rights() == (0, 5, 5), 10)


async def test_quota_is_set_aside_although_the_inbox_was_full_when_its_policy_changed(
    fill: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Region()
    await chain.open(10)
    await chain.rule(mode="share", share=1.0)
    await until(lambda: chain.rights() == (0, 10, 0), 10)
    submit_all = chain.east.driver.submit_all

    async def crowded(commands: Sequence[Command | DocumentWrite]) -> list[Verdict]:
        """The inbox is full just after the look that decided what to set aside."""
        if not any(isinstance(one, Command) and isinstance(one.request, Allotment) for one in commands):
            return await submit_all(commands)
        monkeypatch.setattr(chain.east.driver, "submit_all", submit_all)
        return [Overloaded("the inbox is full") for _ in commands]

    monkeypatch.setattr(chain.east.driver, "submit_all", crowded)
    await chain.rule(mode="share", share=1.0, channels={"web": 0.5})
    stock = chain.east.replica.ledger.stock(STORE, COLA)
    await until(lambda: stock.balances.get("hub-east/channel.web") == 5, 10)


async def test_hold_expires_although_the_inbox_was_full_at_its_time(fill: Callable[[int], None]) -> None:
    chain = Region()
    await chain.open(10)
    await chain.do(chain.store, Grant("hub-east", (GrantLine(COLA, 4),)))
    await until(lambda: chain.free(chain.east, "hub-east") == 4, 5)
    await order(chain, chain.east, "brief", 3, ttl_s=2)
    await asyncio.sleep(1)  # housekeeping learns of the store, and looks at all its orders once more
    fill(0)
    await asyncio.sleep(5)
    assert state(chain.east, "brief") == "held"
    fill(MOST)
    await until(lambda: state(chain.east, "brief") == "expired", 1)


async def test_shortage_is_resolved_although_the_inbox_was_full_when_it_began(fill: Callable[[int], None]) -> None:
    chain = await promised(8)
    await chain.sell(chain.store, 3, OnShortage.RECORD)
    fill(0)
    await asyncio.sleep(4 * SELECTION_S)
    assert state(chain.store, "unpaid") == "held"
    fill(MOST)
    await until(lambda: state(chain.store, "unpaid") == "cancelled", 2 * SELECTION_S)


async def test_deficit_is_covered_although_the_inbox_was_full_when_it_began(fill: Callable[[int], None]) -> None:
    chain = Region()
    await chain.open(10)
    await chain.do(chain.store, Grant("hub-east", (GrantLine(COLA, 10),)))
    await until(lambda: chain.rights() == (0, 10, 0), 5)
    await chain.sell(chain.store, 3, OnShortage.RECORD)
    fill(0)
    await asyncio.sleep(3 * SETTLE_S)
    assert chain.free(chain.store, STORE) == -3
    fill(MOST)
    await until(lambda: chain.rights() == (0, 7, 0), 5)


async def test_request_that_meets_a_full_inbox_is_denied_and_granted_later(fill: Callable[[int], None]) -> None:
    chain = Region()
    await chain.open(10)
    await chain.do(chain.store, Grant("hub-east", (GrantLine(COLA, 10),)))
    await until(lambda: chain.rights() == (0, 10, 0), 5)
    fill(0)
    assert await chain.west.rights.want(STORE, COLA, 4, 20.0) == 0
    assert chain.east.rights_answers.waiting == 0
    fill(MOST)
    await asyncio.sleep(COOLING_MIN_MS / 1000)
    assert await chain.west.rights.want(STORE, COLA, 4, 20.0) == 4
