"""Channel quotas: how a hub sets units aside for channels, and what orders of a channel may take. Pure decisions.

If the policy of an item gives a channel a share, the channel has a quota: the account `hub/channel.<name>` of the hub.
Only orders of this channel take units from it, and they take from no other account, so two channels cannot sell the
same unit. Orders of other channels take from `hub/free`. A unit is in one account at a time, so quotas never add up to
more units than there are. The hub splits its units by the shares again when a quota is off by at least a watermark.
"""

from __future__ import annotations

from collections.abc import Mapping

from replica.core.base.names import account
from replica.core.ledger.cells import Stock
from replica.core.rights.allocation import split_units
from replica.core.rights.policies import Policy

CHANNEL = "channel."
"""The prefix of the buckets of channels."""

WATERMARK_SHARE = 8
"""A quota changes by at least its target divided by this, and by at least one unit."""


def channel_account(node: str, channel: str) -> str:
    """Return the account of a channel's quota at a hub."""
    return account(node, CHANNEL + channel)


def channel_units(stock: Stock, node: str) -> dict[str, int]:
    """Units that a hub has set aside, by channel, for every channel that ever had some."""
    start = channel_account(node, "")
    return {name[len(start) :]: units for name, units in stock.balances.items() if name.startswith(start)}


def rebalance(shares_ppm: Mapping[str, int], free: int, quotas: Mapping[str, int], own: int) -> dict[str, int]:
    """Units to set aside (above 0) or to free (below 0), by channel. The channels that give units back come first.

    Args:
        shares_ppm: the share of each channel; the rest stays free.
        free: units of the hub that are not set aside.
        quotas: the units of each channel now.
        own: how many of free units and quotas together the hub may split; the rest is needed elsewhere.
    """
    targets = split_units(own, shares_ppm)
    wanted_free = free + sum(quotas.values()) - own
    moves: dict[str, int] = {}
    for channel, units in sorted(quotas.items()):
        target = targets.get(channel, 0)
        surplus = units - target
        if surplus > 0 and (free < wanted_free or surplus >= max(1, target // WATERMARK_SHARE)):
            moves[channel] = -surplus
            free += surplus
    for channel, target in targets.items():
        lacking = min(target - quotas.get(channel, 0), free - wanted_free)
        if lacking >= max(1, target // WATERMARK_SHARE):
            moves[channel] = lacking
            free -= lacking
    return moves


def kept_back(policy: Policy | None) -> int:
    """Units of an item that a hub never promises online at a location that it hosts itself."""
    if policy is None:
        return 0
    safety = policy.safety_stock if policy.mode in ("safety", "both") else 0
    return max(safety, policy.last_units)
