"""Holders: which node has which units of an item, by the accounts that it owns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from replica.core.base.names import FREE, HELD, QUARANTINE, bucket_of, owner_of
from replica.core.rights.quotas import CHANNEL

CAMPAIGN = "campaign."
"""The prefix of the buckets of campaigns."""


class Holder(Struct, frozen=True):
    """The units of one node: the balances of its accounts.

    `rights`: those that it may promise, which are `free` and the units set aside for channels and campaigns. `held`:
    those in orders. A balance below zero is a breach.
    """

    rights: int = 0
    free: int = 0
    held: int = 0
    quarantined: int = 0
    channels: dict[str, int] = {}
    campaigns: dict[str, int] = {}


def holders_of(balances: Mapping[str, int]) -> dict[str, Holder]:
    """The nodes that have units, by name, from the balance of each account. Accounts with a balance of 0 are left out.

    An account of a later version counts to the rights of its owner.
    """
    units: dict[str, dict[str, int]] = {}
    for name, balance in balances.items():
        owner = owner_of(name)
        if owner is not None and balance:
            units.setdefault(owner, {})[bucket_of(name)] = balance
    return {owner: _holder(buckets) for owner, buckets in sorted(units.items())}


def sum_of_holders(some: Iterable[Mapping[str, int]]) -> dict[str, Holder]:
    """The nodes that have units, from the balances at several locations."""
    total: dict[str, int] = {}
    for balances in some:
        for name, units in balances.items():
            total[name] = total.get(name, 0) + units
    return holders_of(total)


def _holder(buckets: Mapping[str, int]) -> Holder:
    return Holder(
        rights=sum(units for bucket, units in buckets.items() if bucket not in (HELD, QUARANTINE)),
        free=buckets.get(FREE, 0),
        held=buckets.get(HELD, 0),
        quarantined=buckets.get(QUARANTINE, 0),
        channels=_named(buckets, CHANNEL),
        campaigns=_named(buckets, CAMPAIGN),
    )


def _named(buckets: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {bucket[len(prefix) :]: units for bucket, units in sorted(buckets.items()) if bucket.startswith(prefix)}
