"""Policies are reached: when nothing happens any more, each node has the rights that the policy gives it.

The checker computes what each node should have from entries alone: the moves, the writes of policies, and the sales
behind a forecast. It leaves the nodes their watermarks, because a node does not move rights for a small difference. It
demands nothing of an item at a location where some node is below zero, because units that are missing cannot be shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgpack import unpackb
from msgspec import Struct

from replica.core.base.names import FREE, account
from replica.core.catalog.ranks import CHAIN_RANK
from replica.core.log.entry import DOCUMENT, Entry
from simulations.checkers.checker import Checker
from simulations.checkers.forecasts import Forecasts
from simulations.checkers.stocks import Stocks
from simulations.history import Pair

WATERMARK = 8
"""A surplus or a gap counts from this part of the smaller side on, and from one unit on."""

LOW = 4
"""A store has too few units if it has less than this part of what the policy leaves it."""

WHOLE = 1_000_000
"""Shares count in parts per million."""

_NOT_KNOWN = {"safety_stock": 0}
"""What hubs know of a forecast: only the store knows its number of units."""


class Held(Struct):
    """The rights to one item at one location, and what its policy says about them."""

    policy: Mapping[str, Any]
    rights: dict[str, int]
    available: int

    @property
    def online(self) -> int:
        """The units that the policy puts online."""
        there, policy = max(0, self.available), self.policy
        mode: str = policy.get("mode", "keep")
        safety: int = policy.get("safety_stock", 0)
        above = max(0, there - safety) if mode in ("safety", "both") else there
        share = _ppm(policy.get("share", 1.0)) if mode in ("share", "both") else WHOLE
        units = 0 if mode == "keep" else above * share // WHOLE
        last_units: int = policy.get("last_units", 0)
        return max(0, min(units, there - last_units))


class PoliciesChecker(Checker):
    """At rest, each store, region and channel has the rights that the policy gives it, as far as stock allows."""

    invariant = 4

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._stocks = Stocks()
        self._forecasts = Forecasts()
        self._forgets = any(setting.knob == "history-cells" for setting in self.chain.plan.knobs)
        """Whether stores remember fewer days than they should, so that nobody knows their forecasts."""
        self._policies: dict[str, tuple[tuple[int, int, str], Any]] = {}
        """By selector: the precedence of the write that won, and its value."""

    def appeared(self, entry: Entry) -> None:
        content, facts = entry.content, entry.content.facts
        self._stocks.add(entry)
        self._forecasts.add(entry)
        if content.kind != DOCUMENT or facts["kind"] != "policy" or facts["rank"] != CHAIN_RANK:
            return
        precedence = (facts["version"], content.clock, entry.stream.writer)
        if facts["key"] not in self._policies or precedence > self._policies[facts["key"]][0]:
            self._policies[facts["key"]] = (precedence, facts["value"])

    def due(self) -> Iterator[str]:
        for pair in self._stocks.pairs():
            policy = self._policy(pair)
            if min(self._stocks.free(pair).values(), default=0) < 0:
                continue
            rights, available = self._stocks.rights(pair), self._stocks.available(pair)
            if policy is not None and not (self._forgets and _quantile(policy)):
                yield from self._due_at_store(pair, Held(self._with_forecast(pair, policy), rights, available))
            held = Held({**(policy or {}), **_NOT_KNOWN} if _quantile(policy) else policy or {}, rights, available)
            yield from self._due_to_regions(pair, held)
            yield from self._due_to_channels(pair, held)

    def _with_forecast(self, pair: Pair, policy: Mapping[str, Any]) -> Mapping[str, Any]:
        """The policy as the store follows it: a forecast is its number of units now."""
        quantile = _quantile(policy)
        if not quantile:
            return policy
        self.history.tally("forecast checked")
        return {**policy, "safety_stock": self._forecasts.units(pair, quantile, self.chain.wall_ms)}

    def _policy(self, pair: Pair) -> Mapping[str, Any] | None:
        """The most specific policy, as a whole."""
        location, item = pair
        for selector in (f"location:{location},item:{item}", f"location:{location}", f"item:{item}", "default"):
            packed = self._policies[selector][1] if selector in self._policies else None
            if packed is not None:
                found: Mapping[str, Any] = unpackb(packed)
                return found
        return None

    def _due_at_store(self, pair: Pair, held: Held) -> Iterator[str]:
        """The store grants what the policy does not leave it, and gets what the policy leaves it."""
        store = next((one.name for one in self.chain.stores if pair[0] in one.role.locations), None)
        if store is None:
            return
        own, kept = held.rights.get(store, 0), max(0, held.available) - held.online
        if own - kept >= max(1, min(held.online, kept) // WATERMARK):
            yield f"{store} still has {own} units of {pair}, and the policy {held.policy} leaves it {kept}"
        if own * LOW < kept:
            yield f"{store} has only {own} units of {pair}, and the policy {held.policy} leaves it {kept}"

    def _due_to_regions(self, pair: Pair, held: Held) -> Iterator[str]:
        """Each region with a hub gets its share of the online units that hubs have."""
        shares: Mapping[str, float] = held.policy.get("regions", {})
        hubs: dict[str, list[int]] = {}
        for hub in self.chain.hubs:
            hubs.setdefault(hub.role.region, []).append(held.rights.get(hub.name, 0))
        split = min(held.online, sum(sum(units) for units in hubs.values()))
        targets = _split(split, shares)
        for region, target in targets.items():
            lacking = target[0] - sum(hubs.get(region, ()))
            for other, units in hubs.items() if region in hubs else ():
                spare = min(max(units), sum(units) - targets.get(other, (0, 0))[1])
                if other != region and min(spare, lacking) >= max(1, target[1] // WATERMARK):
                    yield (
                        f"region {region} lacks {lacking} units of {pair} that the policy {held.policy} gives it, and "
                        f"{other} can spare {spare}: {held.rights}"
                    )

    def _due_to_channels(self, pair: Pair, held: Held) -> Iterator[str]:
        """Each hub sets aside for a channel its share of the hub's units, less those that a store will ask for."""
        shares: Mapping[str, float] = held.policy.get("channels", {})
        names = [hub.name for hub in self.chain.hubs]
        beyond = max(0, sum(held.rights.get(name, 0) for name in names) - held.online)
        for name in names:
            own = max(0, held.rights.get(name, 0) - beyond)
            quotas = {one: self._stocks.balance(pair, account(name, f"channel.{one}")) for one in _channels(shares)}
            spare = self._stocks.balance(pair, account(name, FREE)) - (held.rights.get(name, 0) - own)
            targets = _split(own, shares)
            for channel, units in quotas.items():
                least, most = targets.get(channel, (0, 0))
                gap = min(least - units, spare - (own - sum(low for low, _ in targets.values())))
                if units - most >= max(1, most // WATERMARK) or gap >= max(1, most // WATERMARK):
                    yield f"{name} has {units} units of {pair} for {channel}, and the policy gives it {least}..{most}"


CHANNELS = ("mall", "web")
"""Channels of policies in simulations."""


def _channels(shares: Mapping[str, float]) -> Sequence[str]:
    """The channels of a policy, and those of the policies before it."""
    return sorted({*shares, *CHANNELS})


def _quantile(policy: Mapping[str, Any] | None) -> float:
    """The quantile of a forecast that a policy asks for; 0 if it asks for none."""
    safety = (policy or {}).get("safety_stock", 0)
    return 0.0 if isinstance(safety, int) else float(safety["forecast"]["quantile"])


def _split(units: int, shares: Mapping[str, float]) -> dict[str, tuple[int, int]]:
    """The least and the most units of each share: a remainder may go to any of them."""
    return {name: (units * _ppm(one) // WHOLE, -(-units * _ppm(one) // WHOLE)) for name, one in shares.items()}


def _ppm(share: float) -> int:
    return int(share * WHOLE + 1e-6)
