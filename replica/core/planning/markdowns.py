"""Markdowns: lower prices for goods that will not sell in time, within what the chain lets a store manager set.

The part that is taken off grows with the cover: goods that last twice as long as they should are reduced a little, and
goods that nobody buys most. A proposal is never below the minimum of the price override limits, and changes nothing:
a manager writes the price of the store.
"""

from __future__ import annotations

from msgspec import Struct

STEPS = ((8, 40), (4, 30), (2, 20), (1, 10))
"""From how many times the cover that is enough, how many percent are taken off."""

UNSOLD_PERCENT = 50
"""What is taken off goods that nobody bought in the last weeks."""


class Markdown(Struct, frozen=True):
    """A lower price. `percent`: by how much, rounded down, after the limits."""

    amount: int
    percent: int
    is_limited: bool
    """Whether the limits of the chain allow no more."""


def markdown_of(amount: int, cover: int | None, enough: int, least: int) -> Markdown | None:
    """The lower price that is proposed; None if the goods sell in time, or the limits allow none.

    Args:
        amount: the price in force, in minor units.
        cover: for how many hundredths of a day the goods last; None if nobody buys them.
        enough: the cover that is enough.
        least: the lowest price that a manager may set.
    """
    percent = UNSOLD_PERCENT
    if cover is not None:
        percent = next((off for times, off in STEPS if cover > times * max(enough, 1)), 0)
    wanted = -(-amount * (100 - percent) // 100)
    allowed = max(wanted, least)
    if allowed >= amount:
        return None
    return Markdown(allowed, (amount - allowed) * 100 // amount, allowed > wanted)
