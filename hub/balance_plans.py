"""Balancing plans of one hub: made in the background, kept until newer ones replace them, and approved by a person.

A plan is made item by item. The figures of an item are read from the replica in small slices, and the item is planned
on another thread, so tills and orders do not wait. One plan is made at a time. A plan moves nothing.

Plans are kept in memory, because a plan is soon out of date: a hub that restarts forgets them. An approved plan becomes
transfers, which are entries. So nothing of it is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from enum import Enum
from typing import Any

import structlog
from msgspec.structs import replace

from hub.balance_inputs import Coming, PlanScope, coming_units, distances_of, free_accounts, items_of
from hub.sales_rates import SalesRates
from replica.core.base.errors import Invalid, InvalidTransition, NotFound, Overloaded, Refused
from replica.core.base.limits import LINES_MAX, PLAN_ITEMS_MAX, PLAN_TRANSFERS_MAX
from replica.core.planning.balancing import ItemPlan, PlannedMove, plan_item
from replica.core.planning.cover import Place
from replica.core.planning.transport import Solver
from replica.core.rights.daily_sales import DailySales
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine
from replica.core.stock.transfer_requests import NewTransfer, new_transfer
from replica.runtime.http.long_reads import LongReads
from replica.runtime.node import Node

log = structlog.get_logger(__name__)

KEPT_MAX = 8
"""Plans in memory. The oldest one that is not being made is forgotten first."""

WAITING_MAX = 4
"""Plans that wait for others to be made."""

SUBMITTED_MAX = 64
"""Transfers that are requested at once: so tills are answered between two parts of a large plan."""

PLAN_AGE_MAX_MS = 86_400_000
"""After that, a plan cannot be approved any more."""

Apart = Callable[..., Coroutine[Any, Any, ItemPlan]]
"""Calls a function with arguments while other work goes on."""


ScopeOf = Callable[[DailySales, Coming], PlanScope]
"""What is planned, from what locations sell and what is on its way to them."""


class PlanState(Enum):
    """How far a plan has come."""

    PLANNING = "planning"
    READY = "ready"
    APPROVED = "approved"
    FAILED = "failed"


class Plan:
    """One plan, as far as it is made."""

    def __init__(self, plan_id: str, mode: str, made_ms: int, names: Sequence[str], number: int) -> None:
        self.id = plan_id
        self.number = number
        self.mode = mode
        self.made_ms = made_ms
        self.names = tuple(names)
        """The locations, by their numbers."""
        self.state = PlanState.PLANNING
        self.done = 0
        self.total = 0
        """Items that are planned, and that are to be planned."""
        self.items: list[str] = []
        self.moves: list[tuple[int, PlannedMove, int | None, int | None]] = []
        """With the number of the item, and the cover of both ends before, in hundredths of a day."""
        self.metres = 0
        """Of all units together."""
        self.unmet = 0
        self.unknown: list[str] = []
        """Locations of which too little is known to balance them."""
        self.sums = [[0, 0, 0, 0] for _ in names]
        """Of each location over all items: units there or coming, thousandths sold a day, units out, units in."""
        self.problem = ""
        self.approved_ms = 0

    def add(self, item: str, places: Sequence[Place], planned: ItemPlan) -> None:
        """Add the plan of one item."""
        number, covers = len(self.items), {one.at: one.cover for one in places}
        self.items.append(item)
        for one in places:
            sums = self.sums[one.at]
            sums[0] += one.position
            sums[1] += one.sold_milli
        for move in planned.moves:
            self.moves.append((number, move, covers[move.source], covers[move.target]))
            self.metres += move.metres * move.quantity
            self.sums[move.source][2] += move.quantity
            self.sums[move.target][3] += move.quantity
        self.unmet += planned.unmet
        self.done += 1


class Plans:
    """The plans of one hub."""

    def __init__(
        self, node: Node, long_reads: LongReads, rates: SalesRates, solve: Solver, apart: Apart = asyncio.to_thread
    ) -> None:
        self._node = node
        self._long_reads = long_reads
        self._rates = rates
        self._solve = solve
        self._apart = apart
        self._plans: dict[str, Plan] = {}
        self._turn = asyncio.Lock()
        self._approving = asyncio.Lock()
        self._made: dict[str, asyncio.Task[None]] = {}
        self._number = self._approved_number = 0

    def begin(self, mode: str, names: Sequence[str], items: Sequence[str], scope_of: ScopeOf) -> Plan:
        """Begin to make a plan. Raises Overloaded.

        Args:
            items: those that are planned; all that ever moved, if it is empty.
        """
        if len(self._made) > WAITING_MAX:
            raise Overloaded("Too many plans wait to be made. Try again when one of them is ready.")
        self._number += 1
        now_ms = self._node.clock.now().wall_ms
        plan = Plan(f"{self._node.replica.node}.{now_ms}.{self._number}", mode, now_ms, names, self._number)
        self._forget_old()
        self._plans[plan.id] = plan
        task = asyncio.create_task(self._make(plan, items, scope_of), name=f"plan {plan.id}")
        self._made[plan.id] = task
        task.add_done_callback(lambda _: self._made.pop(plan.id, None))
        return plan

    def find(self, plan_id: str) -> Plan:
        """A plan. Raises NotFound."""
        plan = self._plans.get(plan_id)
        if plan is None:
            text = f"This hub has no plan {plan_id!r}. It forgets plans when it restarts, and old ones. Make a new one."
            raise NotFound(text, field="plan")
        return plan

    def all(self) -> list[Plan]:
        """All plans, the newest first."""
        return list(reversed(self._plans.values()))

    async def wait(self, plan: Plan, seconds: float | None) -> None:
        """Wait until a plan is made, or as long as the caller can (None: without end)."""
        task = self._made.get(plan.id)
        if task is not None:
            await asyncio.wait([task], timeout=seconds)

    async def approve(self, plan: Plan) -> None:
        """Request the transfers of a plan, each under a key of the plan. A repeated approval changes nothing.

        Nothing is promised: a location that sold its units meanwhile sends what it has. Raises InvalidTransition.
        """
        async with self._approving:
            self._check_current(plan)
            submit = self._node.driver.submit
            requests = transfers_of(plan)
            for start in range(0, len(requests), SUBMITTED_MAX):
                some = requests[start : start + SUBMITTED_MAX]
                commands = [Command(str(one.source), new_transfer(key, one, str(one.source)), key) for key, one in some]
                await asyncio.gather(*map(submit, commands))
            if plan.state is PlanState.READY:
                plan.state, plan.approved_ms = PlanState.APPROVED, self._node.clock.now().wall_ms
                self._approved_number = plan.number

    def _check_current(self, plan: Plan) -> None:
        if plan.state not in (PlanState.READY, PlanState.APPROVED):
            raise InvalidTransition(f"The plan is {plan.state.value}. Only a plan that is ready can be approved.")
        age_ms = self._node.clock.now().wall_ms - plan.made_ms
        if plan.state is PlanState.READY and (plan.number < self._approved_number or age_ms > PLAN_AGE_MAX_MS):
            text = "The plan is out of date: it is older than a day, or a newer plan was approved. Make a new one."
            raise InvalidTransition(text)

    def _forget_old(self) -> None:
        old = [one.id for one in self._plans.values() if one.state in (PlanState.READY, PlanState.FAILED)]
        for plan_id in old[: max(0, len(self._plans) - KEPT_MAX + 1)]:
            del self._plans[plan_id]

    async def _make(self, plan: Plan, items: Sequence[str], scope_of: ScopeOf) -> None:
        try:
            async with self._turn:
                sales = await self._rates.current()
                names = await self._node.driver.look(lambda replica: replica.transfers.newest(PLAN_TRANSFERS_MAX))
                coming = coming_units(await self._long_reads.collect(names, Coming.of_transfers))
                await self._make_now(plan, items, scope_of(sales, coming))
            plan.state = PlanState.READY
        except Refused as refused:  # the node is overloaded or stopping, or there is too much to plan
            plan.state, plan.problem = PlanState.FAILED, str(refused)
            log.warning("a balancing plan was not made", plan=plan.id, reason=str(refused))
        finally:
            if plan.state is PlanState.PLANNING:
                plan.state, plan.problem = PlanState.FAILED, "The hub could not make the plan. Its log says why."

    async def _make_now(self, plan: Plan, items: Sequence[str], scope: PlanScope) -> None:
        look = self._node.driver.look
        plan.unknown = [one.name for one in scope.locations if not scope.sales.is_known(one.name)]
        distances = await look(lambda replica: distances_of(replica, scope.locations))
        accounts = await look(lambda replica: free_accounts(replica, scope.locations))
        scope = replace(scope, free_accounts=accounts)
        chosen = list(items) or await look(lambda replica: items_of(replica, scope.locations))
        if len(chosen) > PLAN_ITEMS_MAX:
            raise Invalid(f"These are {len(chosen)} items. Name at most {PLAN_ITEMS_MAX}.", field="items")
        plan.total = len(chosen)
        numbers = range(len(scope.locations))
        for item in chosen:

            def begin(replica: Replica, item: str = item) -> tuple[Any, Any]:
                return scope.reading(replica, item), scope.rules(replica, item)

            read, rules = await look(begin)
            places = await self._long_reads.collect(numbers, read)
            plan.add(item, places, await self._apart(plan_item, places, rules, distances, self._solve))


def transfers_of(plan: Plan) -> list[tuple[bytes, NewTransfer]]:
    """The transfers of a plan, each with its key: one for each pair of locations, or several if it has many items."""
    pairs: dict[tuple[int, int], list[GoodsLine]] = {}
    for item, move, _, _ in plan.moves:
        pairs.setdefault((move.source, move.target), []).append(GoodsLine(move.quantity, item=plan.items[item]))
    found: list[tuple[bytes, NewTransfer]] = []
    for (source, target), lines in sorted(pairs.items(), key=lambda pair: pair[0]):
        for start in range(0, len(lines), LINES_MAX):
            new = NewTransfer(
                target=plan.names[target],
                lines=tuple(lines[start : start + LINES_MAX]),
                source=plan.names[source],
                approve=True,
                plan=plan.id,
                reason="balancing",
            )
            found.append((f"{plan.id}.{len(found)}".encode(), new))
    return found
