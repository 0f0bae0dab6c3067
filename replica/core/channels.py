"""Channels: how a hub sets units aside for them, and what an order of a channel may take. Pure decisions.

A channel for which the policy of an item names a share has a quota: an account of the hub's own, `hub/channel.<name>`.
Its orders take from there and from nowhere else, and nobody else does, so two channels cannot sell the same unit; an
order of any other channel takes from `hub/free`. A unit is in one account at a time, so quotas never add up to more
than there is. The hub splits what it has to promise by the shares, as often as that differs by more than a watermark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from replica.core.allocation import split_units
from replica.core.catalog import Recipe
from replica.core.errors import Invalid, RightsExhausted
from replica.core.ledger import Ledger, Move, Stock
from replica.core.names import FREE, account, bucket_of, check_name
from replica.core.policies import Policies, Policy
from replica.core.requests import AllotmentLine
from replica.core.shares import Share
from replica.core.sourcing import Wanted

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


class Source(Struct, frozen=True):
    """What the orders of one channel may take at a node, and from which accounts."""

    ledger: Ledger
    policies: Policies
    node: str
    channel: str
    """Empty where the node splits nothing over channels, or the order names none."""
    hosted: tuple[str, ...]
    """Locations that the node keeps for lack of another and promises online, so that something is to be kept back."""

    def account(self, location: str, item: str) -> str:
        """The account that they take from."""
        return self._account(self.policies.policy(location, item) if self.channel else None)

    def units(self, location: str, item: str) -> int:
        """Units that they may take."""
        stock = self.ledger.stocks(location).get(item)
        return self.standing(stock)[1] if stock is not None else 0

    def standing(self, stock: Stock) -> tuple[str, int]:
        """The account that they take a pair from, and how many units they may take."""
        policy = self.policies.policy(stock.location, stock.item)
        taken_from = self._account(policy)
        is_free = taken_from == account(self.node, FREE)
        kept = kept_back(policy) if is_free and stock.location in self.hosted else 0
        return taken_from, max(0, stock.balance(taken_from) - kept)

    def units_of_all(self, location: str, item: str) -> int:
        """Units that the orders of all channels together may take."""
        return max(0, self.ledger.stock(location, item).rights(self.node) - self._kept(location, item))

    def _account(self, policy: Policy | None) -> str:
        has_quota = policy is not None and self.channel in policy.channels_ppm
        return channel_account(self.node, self.channel) if has_quota else account(self.node, FREE)

    def _kept(self, location: str, item: str) -> int:
        return kept_back(self.policies.policy(location, item)) if location in self.hosted else 0

    def shares(self, location: str, wanted: Sequence[Wanted], taken: Mapping[int, int]) -> tuple[Share, ...]:
        """So many of each line, by its place, as shares: one per SKU. The entry that takes them has no name yet."""
        counts: dict[tuple[str, Recipe], int] = {}
        for index, quantity in taken.items():
            name = (wanted[index].sku, wanted[index].recipe)
            counts[name] = counts.get(name, 0) + quantity
        shares = []
        for (sku, recipe), quantity in counts.items():
            sources = tuple(self.account(location, item) for item, _ in recipe)
            mixed = sources if len(dict.fromkeys(sources)) > 1 else ()
            shares.append(Share(b"", sku, quantity, recipe, sources[0], mixed))
        return tuple(shares)


def allotted(ledger: Ledger, location: str, node: str, lines: Sequence[AllotmentLine]) -> tuple[Move, ...]:
    """The moves of an allotment: line by line, none of them past what is there by then. Raises Refused."""
    free = account(node, FREE)
    left: dict[tuple[str, str], int] = {}
    moves = []
    for index, line in enumerate(lines):
        stock = ledger.stock(location, line.item)
        quota = channel_account(node, check_name(line.channel, f"lines[{index}].channel"))
        if line.units == 0:
            raise Invalid("an allotment of 0 changes nothing", field=f"lines[{index}].units")
        source, target = (free, quota) if line.units > 0 else (quota, free)
        for name in (source, target):
            left.setdefault((name, line.item), stock.balance(name))
        there, units = left[source, line.item], abs(line.units)
        if units > there:
            raise RightsExhausted([{"item": line.item, "wanted": units, "free": max(0, there)}])
        left[source, line.item] -= units
        left[target, line.item] += units
        moves.append(Move(line.item, source, target, units))
    return tuple(moves)


def allotment_line(move: Move) -> AllotmentLine:
    """The line of an allotment that led to a move."""
    is_back = bucket_of(move.target) == FREE
    channel = bucket_of(move.source if is_back else move.target).removeprefix(CHANNEL)
    return AllotmentLine(channel, move.item, -move.quantity if is_back else move.quantity)
