"""The rebalancing strategy of a store: it grants surplus units to its hub, and asks for units when it has too few.

Its policy decides how many units it keeps. It grants only to a connected hub, because nobody can sell the rights of an
unreachable node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from replica.core.ledger.cells import LocationStock, Route, Stock
from replica.core.rights.policies import Policy
from replica.core.rights.rebalancing import LOW_SHARE, WantAnswer, answer_of_store, store_gap
from replica.core.state.replica import Replica
from replica.runtime.background.sales_history import SalesHistory
from replica.runtime.background.strategy import ItemView, Moves, Pair
from replica.runtime.driver import Driver


class StoreRebalancing:
    """The rebalancing strategy of one store."""

    asks = True

    def __init__(self, driver: Driver, sales_history: SalesHistory) -> None:
        self._driver = driver
        self.sales_history = sales_history
        """What the tills sold, for policies that ask for a forecast."""
        self._renewed: dict[Pair, None] = {}
        """Items with a new forecast that the rebalancer has not looked at yet."""

    def watch(self, look_at_all: Callable[[], None]) -> None:
        def renew() -> None:
            for name, location_stock in self._driver.replica.ledger.at_location.items():
                self._renewed.update(dict.fromkeys((name, item) for item in location_stock.items()))
            look_at_all()

        self.sales_history.on_new_forecasts = renew

    def policy(self, replica: Replica, location: str, item: str) -> Policy | None:
        return self.sales_history.policy(replica, location, item)

    def is_concerned(self, replica: Replica, route: Route) -> bool:
        return True

    def concerns(self, replica: Replica, location_stock: LocationStock) -> bool:
        return True

    def moves(self, view: ItemView) -> Moves:
        if view.is_short:
            return Moves()
        gap = store_gap(view.policy, view.own, view.stock.available, self._low_share(view.stock))
        if gap < 0:
            return Moves(wanted=-gap)
        receiver = next((hub.name for hub in view.hubs if hub.is_reachable), None)
        return Moves(grants={receiver: gap}) if gap > 0 and receiver is not None else Moves()

    def _low_share(self, stock: Stock) -> int:
        """Return n: the store asks for more when it holds less than 1/n of its target."""
        pair = (stock.location, stock.item)
        if pair not in self._renewed:
            return LOW_SHARE
        del self._renewed[pair]
        policy = self._driver.replica.policies.policy(*pair)
        return 1 if policy is not None and policy.quantile_ppm else LOW_SHARE

    def within_reach(self, stock: Stock, node: str, askable: Mapping[str, int]) -> dict[str, int]:
        """Add the units of other hubs: the store reaches only its own hub, which asks the others on its behalf."""
        beyond = sum(units for name, units in stock.free().items() if units > 0 and name not in (node, *askable))
        return {name: max(0, units) + beyond for name, units in askable.items()}

    def answer(
        self, policy: Policy | None, wanted: int, own: int, available: int, held_by_store: int | None
    ) -> WantAnswer:
        return answer_of_store(policy, wanted, own, available)
