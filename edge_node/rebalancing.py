"""How rights move at a store: it grants to its hub what its policy does not leave it, and asks for rights back.

Rights go only to a connected hub, because nobody can sell those of an unreachable node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from replica.core.ledger.cells import LocationStock, Stock
from replica.core.rights.policies import Policies, Policy
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
        self._sales_history = sales_history
        self._renewed: dict[Pair, None] = {}
        """Items with a new forecast, from which the store has not sold yet."""

    def watch(self, look_at_all: Callable[[], None]) -> None:
        def turned() -> None:
            for name, place in self._driver.replica.ledger.places.items():
                self._renewed.update(dict.fromkeys((name, item) for item in place.items()))
            look_at_all()

        self._sales_history.turned = turned

    def policy(self, replica: Replica, location: str, item: str) -> Policy | None:
        return self._sales_history.policy(replica, location, item)

    def acts(self, policies: Policies) -> bool:
        return True

    def concerns(self, replica: Replica, place: LocationStock) -> bool:
        return True

    def moves(self, view: ItemView) -> Moves:
        if view.is_short:
            return Moves()
        gap = store_gap(view.policy, view.own, view.stock.available, self._low_share(view.stock))
        if gap < 0:
            return Moves(wanted=-gap)
        home = next((hub.name for hub in view.hubs if hub.is_reachable), None)
        return Moves(grants={home: gap}) if gap > 0 and home is not None else Moves()

    def _low_share(self, stock: Stock) -> int:
        """Below which part of its target the store asks for more."""
        pair = (stock.location, stock.item)
        if pair not in self._renewed:
            return LOW_SHARE
        del self._renewed[pair]
        policy = self._driver.replica.policies.policy(*pair)
        return 1 if policy is not None and policy.quantile_ppm else LOW_SHARE

    def within_reach(self, stock: Stock, node: str, askable: Mapping[str, int]) -> dict[str, int]:
        """A store reaches only its hub, but that one asks other hubs on its behalf: what they have counts too."""
        beyond = sum(units for name, units in stock.free().items() if units > 0 and name not in (node, *askable))
        return {name: max(0, units) + beyond for name, units in askable.items()}

    def answer(
        self, policy: Policy | None, wanted: int, own: int, available: int, held_by_store: int | None
    ) -> WantAnswer:
        return answer_of_store(policy, wanted, own, available)
