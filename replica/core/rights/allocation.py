"""Allocation: how many units may be promised online, and how they are split. Pure arithmetic in whole units.

All results are rounded down, and splits never add up to more than there is: a unit in doubt stays where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from replica.core.rights.policies import WHOLE_PPM, Policy


def online_units(policy: Policy | None, available: int) -> int:
    """Units of an item that may be promised online, of those available at its location; 0..max(0, available)."""
    there = max(0, available)
    if policy is None:
        return 0
    match policy.mode:
        case "keep":
            online = 0
        case "safety":
            online = there - policy.safety_stock
        case "share":
            online = there * policy.share_ppm // WHOLE_PPM
        case "both":
            online = max(0, there - policy.safety_stock) * policy.share_ppm // WHOLE_PPM
        case _:
            assert_never(policy.mode)
    return max(0, min(online, there - policy.last_units))


def split_units(units: int, parts_ppm: Mapping[str, int]) -> dict[str, int]:
    """Split units by shares that add up to at most 1: each within one unit of its share, together at most `units`.

    Units left over after rounding down go to the largest remainders, ties by name.
    Source: largest remainder method (Hamilton).
    """
    there = max(0, units)
    split = {name: there * ppm // WHOLE_PPM for name, ppm in sorted(parts_ppm.items())}
    left = there * sum(parts_ppm.values()) // WHOLE_PPM - sum(split.values())
    by_remainder = sorted(split, key=lambda name: (-(there * parts_ppm[name] % WHOLE_PPM), name))
    for name in by_remainder[:left]:
        split[name] += 1
    return split
