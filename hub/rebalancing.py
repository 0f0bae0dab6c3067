"""The rebalancing strategy of a hub: it sets units aside for channels, and grants units to hubs of other regions.

A hub asks for no rights by policy, because stores grant them. It acts if policies name regions or channels, or if it
still has units set aside for a channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from replica.core.base.names import FREE, account
from replica.core.ledger.cells import LocationStock, Route, Stock
from replica.core.rights.policies import Policy
from replica.core.rights.quotas import channel_account, channel_units, rebalance
from replica.core.rights.rebalancing import WantAnswer, answer_of_hub, parts_to_pass_on, units_to_split
from replica.core.state.replica import Replica
from replica.runtime.background.strategy import ItemView, Moves


class HubRebalancing:
    """The rebalancing strategy of a hub."""

    asks = False

    def watch(self, look_at_all: Callable[[], None]) -> None:
        """Do nothing: a hub has no forecast, so only changes of its stock and policies call for a look."""

    def policy(self, replica: Replica, location: str, item: str) -> Policy | None:
        """The policy, with the shares of the channels that sell the location."""
        policy = replica.policies.policy(location, item)
        if policy is None or not policy.channels_ppm or not replica.pools:
            return policy
        pools = {channel: replica.pools.of_channel(channel) for channel in policy.channels_ppm}
        shares = {
            channel: policy.channels_ppm[channel] for channel, pool in pools.items() if not pool or location in pool
        }
        return replace(policy, channels_ppm=shares)

    def is_concerned(self, replica: Replica, route: Route) -> bool:
        """Whether policies split the units, or some came back to a channel.

        A hold that ends gives its units back to the channel it took them from. If no policy gives that channel a share
        by then, the hub has to free them.
        """
        return replica.policies.splits or route.target.startswith(channel_account(replica.node, ""))

    def concerns(self, replica: Replica, location_stock: LocationStock) -> bool:
        node, balances = replica.node, location_stock.balances()
        set_aside = any(units and name.startswith(channel_account(node, "")) for name, units in balances.items())
        ever_had_some = account(node, FREE) in balances  # the sum says nothing, because items below zero lower it
        return set_aside or (replica.policies.splits and ever_had_some)

    def moves(self, view: ItemView) -> Moves:
        """Grant units to hubs of other regions, and set units aside for channels.

        If too few of the units to grant are free, the hub frees them first and grants them at the next look.
        """
        policy, node, stock = view.policy, view.node, view.stock
        shares = policy.channels_ppm if policy is not None else {}
        quotas = channel_units(stock, node)
        if not shares and not any(quotas.values()) and (policy is None or not policy.regions_ppm):
            return Moves()
        rights, available = stock.rights_by_node(), stock.available
        parts: dict[str, int] = {}
        if not view.is_wanting:
            parts = parts_to_pass_on(policy, rights, available, node, view.region, view.hubs)
        own = units_to_split(policy, rights, available, node, view.hubs, sum(parts.values()))
        is_granted = not view.is_short and sum(parts.values()) <= view.own
        return Moves(
            grants=parts if is_granted else {},
            allotments=rebalance(shares, view.own, quotas, own),
            is_put_off=view.is_wanting,
        )

    def within_reach(self, stock: Stock, node: str, askable: Mapping[str, int]) -> dict[str, int]:
        return dict(askable)

    def answer(
        self, policy: Policy | None, wanted: int, own: int, available: int, held_by_store: int | None
    ) -> WantAnswer:
        return answer_of_hub(policy, wanted, own, available, held_by_store)
