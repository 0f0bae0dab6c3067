"""Channels: how a hub sets units aside for them, and what an order of a channel may take. Pure decisions.

A channel for which the policy of an item names a share has a quota: an account of the hub's own, `hub/channel.<name>`.
Its orders take from there and from nowhere else, and nobody else does, so two channels cannot sell the same unit; an
order of any other channel takes from `hub/free`. A unit is in one account at a time, so quotas never add up to more
than there is. The hub splits what it has to promise by the shares, as often as that differs by more than a watermark.
"""

from __future__ import annotations

from collections.abc import Mapping

from replica.core.base.names import account
from replica.core.ledger.cells import Stock
from replica.core.rights.allocation import split_units
from replica.core.rights.policies import Policy

CHANNEL = "channel."
"""What the buckets of channels begin with."""

WATERMARK_SHARE = 8
"""A quota is changed by this part of what it should be at least, and by one unit at least."""


def channel_account(node: str, channel: str) -> str:
    """Name the account of a channel's quota at a hub."""
    return account(node, CHANNEL + channel)


def channel_units(stock: Stock, node: str) -> dict[str, int]:
    """Units a hub has set aside, by channel, of every channel that ever had some."""
    start = channel_account(node, "")
    return {name[len(start) :]: units for name, units in stock.balances.items() if name.startswith(start)}


def rebalance(shares_ppm: Mapping[str, int], free: int, quotas: Mapping[str, int], own: int) -> dict[str, int]:
    """Units to set aside (above 0) or give back to free (below 0), by channel, those given back first.

    Args:
        shares_ppm: the share of each channel; what they leave stays free.
        free: units of the hub that are set aside for nobody.
        quotas: what each channel has now.
        own: of free units and quotas together, what is the hub's to split; the rest is wanted elsewhere.
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
    """Units of an item that a hub never promises online where it keeps the location itself."""
    if policy is None:
        return 0
    safety = policy.safety_stock if policy.mode in ("safety", "both") else 0
    return max(safety, policy.last_units)
