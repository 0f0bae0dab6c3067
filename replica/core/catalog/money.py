"""Arithmetic of money in whole minor units: no floats, and no unit appears or vanishes."""

from __future__ import annotations

from collections.abc import Sequence


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number to a fraction of numbers that are not negative; a half goes up."""
    return (2 * numerator + denominator) // (2 * denominator)


def distribute(amount: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights: each part within one minor unit of its share, together exactly the amount.

    Units left over after rounding down go to the largest remainders, ties to the first. If the amount is at most the
    sum of the weights, no part is more than its weight.

    Args:
        amount: minor units, at least 0; 0 if all weights are 0.
        weights: whole numbers, at least 0.
    Source: largest remainder method (Hamilton).
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [amount * weight // whole for weight in weights]
    left = amount - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda index: (-(amount * weights[index] % whole), index))
    for index in by_remainder[:left]:
        parts[index] += 1
    return parts
