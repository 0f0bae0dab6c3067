"""Rebalancing: which free rights a node grants to others, and when it asks for some. Pure decisions over one item.

A store keeps what its policy leaves it and grants the rest to its hub. A hub grants to the hubs of other regions what
the policy gives them. Two watermarks prevent a grant per sale: a node grants a surplus once it is an eighth of the
smaller side, and a store asks for rights once it holds less than a quarter of its target. A grant leads exactly to
the target, which is far from both watermarks.

A node that sold past its rights, or counted less than it had, asks nobody. Every node sees its free units below zero,
and the node with the most free units covers the deficit (`covers`). This depends on balances only, and moves only
units that the covering node owns. So it does not depend on which nodes are connected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from replica.core.rights.allocation import online_units, split_units
from replica.core.rights.policies import Policy

SURPLUS_SHARE = 8
"""A node grants a surplus of at least the smaller side divided by this, and of at least one unit."""

LOW_SHARE = 4
"""A store asks for rights when it holds less than its target divided by this."""

STEP_IN_MS = 10_000
"""How much longer each next node waits before it covers a deficit. A grant between connected nodes takes far less
time, so two nodes cover one deficit only if they are not connected."""

NO_RIGHTS = "no-rights"
"""Denied: the holder has no free rights."""

KEPT = "kept"
"""Denied: the policy leaves the holder all it has."""

OLDER_REQUEST = "older-request"
"""Denied: the holder itself has waited longer for the same item."""


class Hub(Struct, frozen=True):
    """A hub this node has met: its region, and whether a grant reaches it now."""

    name: str
    region: str
    is_reachable: bool


class WantAnswer(Struct, frozen=True):
    """The answer of a holder to a request for rights: the units it grants, and the reason if it grants none."""

    granted: int
    reason: str = ""


def deficit(free: Mapping[str, int]) -> int:
    """The units that all nodes below zero lack, given the free units of each node by name."""
    return -sum(min(0, units) for units in free.values())


def covers(free: Mapping[str, int], node: str) -> dict[str, int]:
    """Units this node should grant to nodes below zero, by name, once it is its turn: at most the units each lacks."""
    own = free.get(node, 0)
    covered: dict[str, int] = {}
    for name, units in sorted(free.items()):
        given = min(own, -units)
        if given > 0:
            covered[name] = given
            own -= given
    return covered


def settlement_rank(free: Mapping[str, int], node: str) -> int:
    """How many nodes cover a deficit before this one: those with more free units, and of equals the lesser names."""
    own = (-free.get(node, 0), node)
    return sum(1 for name, units in free.items() if units > 0 and (-units, name) < own)


def store_gap(policy: Policy | None, own: int, available: int, low_share: int = LOW_SHARE) -> int:
    """Units a store should hand to its hub (above 0) or ask for (below 0); 0 between the watermarks.

    `low_share` says below which part of its target the store asks: 1 when the target is a new forecast, from which it
    has not sold yet. Without a policy the gap is 0. A store below zero waits until other nodes covered its deficit.
    """
    if policy is None or own < 0:
        return 0
    online = online_units(policy, available)
    kept = max(0, available) - online
    surplus = own - kept
    if surplus >= max(1, min(online, kept) // SURPLUS_SHARE):
        return surplus
    return surplus if own * low_share < kept else 0


def parts_to_pass_on(
    policy: Policy | None, rights: Mapping[str, int], available: int, node: str, region: str, hubs: Sequence[Hub]
) -> dict[str, int]:
    """Units this hub should grant to hubs of other regions, by hub, so that each region has its share.

    Each region gets its share of the online units that hubs hold; the rest stays where it is. While a store is below
    zero, a hub passes nothing on, because it is not settled yet which node covers the store. Only the hub with the most
    units of its region passes units on, so that two hubs do not fill one gap. A region without a reachable hub waits.
    """
    own = rights.get(node, 0)
    if policy is None or not policy.regions_ppm or own <= 0:
        return {}
    region_of = {node: region, **{hub.name: hub.region for hub in hubs}}
    held: dict[str, int] = {}
    for name, where in region_of.items():
        held[where] = held.get(where, 0) + max(0, rights.get(name, 0))
    if available < sum(held.values()):
        return {}
    target = split_units(min(sum(held.values()), online_units(policy, available)), policy.regions_ppm)
    spare = min(own, held[region] - target.get(region, 0))
    richest = min(
        (name for name in region_of if region_of[name] == region), key=lambda name: (-rights.get(name, 0), name)
    )
    passed: dict[str, int] = {}
    for where, units in target.items() if richest == node else ():
        lacking = units - held.get(where, 0)
        reachable = sorted(hub.name for hub in hubs if hub.region == where and hub.is_reachable)
        given = min(spare, lacking)
        if where != region and reachable and given >= max(1, units // SURPLUS_SHARE):
            passed[reachable[0]] = given
            spare -= given
    return passed


def units_to_split(
    policy: Policy | None, rights: Mapping[str, int], available: int, node: str, hubs: Sequence[Hub], passed: int
) -> int:
    """Units of its own that a hub may set aside for channels.

    Two kinds of units are excluded: those it is about to pass on, and those that hubs hold beyond the online units,
    because a store will ask for them or a node is below zero.
    """
    held = sum(max(0, rights.get(name, 0)) for name in (node, *(hub.name for hub in hubs)))
    beyond = max(0, held - online_units(policy, available))
    return max(0, rights.get(node, 0) - passed - beyond)


def answer_of_store(policy: Policy | None, wanted: int, own: int, available: int) -> WantAnswer:
    """Decide how many units a store grants to a peer that wants some. It keeps what its policy leaves it."""
    return _answer(wanted, own, own - (max(0, available) - _online(policy, available)))


def answer_of_hub(
    policy: Policy | None, wanted: int, own: int, available: int, held_by_store: int | None
) -> WantAnswer:
    """Decide how many units a hub grants to a peer that wants some.

    A store gets what hubs hold beyond the units that the policy puts online; without a policy it gets all. Another hub
    gets all. If the store forecasts its need, the hub relies on the forecast.

    Args:
        held_by_store: free units of the peer if it is the node of a store, else None.
    """
    spare = own if held_by_store is None else min(own, _due_to_store(policy, available, held_by_store, own))
    return _answer(wanted, own, spare)


def _answer(wanted: int, own: int, spare: int) -> WantAnswer:
    if own <= 0:
        return WantAnswer(0, NO_RIGHTS)
    return WantAnswer(min(wanted, spare)) if spare > 0 else WantAnswer(0, KEPT)


def units_to_fetch(
    policy: Policy | None, wanted: int, own: int, elsewhere: int, available: int, held_by_store: int
) -> int:
    """Units that a hub should have before it answers a store, if it lacks some that the store should get; else 0.

    A store reaches only one hub, so this hub asks other hubs on its behalf.

    Args:
        elsewhere: free units of the hubs that this hub can ask.
    """
    there = max(0, own) + elsewhere
    due = min(wanted, there, _due_to_store(policy, available, held_by_store, there))
    return due if due > max(0, own) else 0


def _online(policy: Policy | None, available: int) -> int:
    forecast = policy is not None and policy.quantile_ppm
    return 0 if forecast else online_units(policy, available)  # only the store knows the forecast


def _due_to_store(policy: Policy | None, available: int, held_by_store: int, there: int) -> int:
    """Units that hubs hold beyond the online units; without a policy all units there are."""
    return there if policy is None else available - held_by_store - _online(policy, available)
