"""Plans that a hub makes by itself, each day at the time of its schedules."""

from __future__ import annotations

import asyncio

import structlog

from hub.balance_api import BalanceBody, begin_plan
from hub.balance_plans import Plans, PlanState
from replica.core.base.errors import Refused
from replica.core.planning.balancing_schedules import BalancingScheduleDocument, schedules_of
from replica.core.rights.forecast import SLOT_MINUTES, SLOTS
from replica.runtime.background.sales_history import slot_at
from replica.runtime.node import Node
from replica.runtime.time_zones import time_zone

log = structlog.get_logger(__name__)

PAUSE_S = 20.0
"""How late a plan may begin."""


class BalanceSchedule:
    """The schedules of one hub. `run` must be running."""

    def __init__(self, node: Node, plans: Plans) -> None:
        self._node = node
        self._plans = plans
        self._done: dict[str, int] = {}
        """By schedule, the local day of its last plan."""

    async def run(self) -> None:
        """Look each few seconds which plan is due, as long as the node runs."""
        while True:
            await self.look()
            await asyncio.sleep(PAUSE_S)

    async def look(self) -> None:
        """Make the plans that are due now."""
        for key, schedule in schedules_of(self._node.replica.documents, self._node.replica.node).items():
            await self._make_due(key, schedule)

    async def _make_due(self, key: str, schedule: BalancingScheduleDocument) -> None:
        zone = time_zone(schedule.time_zone)
        now_ms = self._node.clock.now().wall_ms
        slot = slot_at(now_ms, zone)
        day, minute = slot // SLOTS, slot % SLOTS * SLOT_MINUTES + now_ms // 60_000 % SLOT_MINUTES
        if not schedule.is_due(minute) or self._done.get(key) == day:
            return
        self._done[key] = day
        body = BalanceBody(
            mode=schedule.mode,
            region=schedule.region,
            cover_days=schedule.cover_days,
            last_units=schedule.last_units,
        )
        try:
            plan = await begin_plan(self._node, self._plans, body)
            await self._plans.wait(plan, None)
            if schedule.approve and plan.state is PlanState.READY:
                await self._plans.approve(plan)
            log.info("made the plan of a schedule", schedule=key, plan=plan.id, state=plan.state.value)
        except Refused as refused:
            log.warning("did not make the plan of a schedule", schedule=key, reason=str(refused))
