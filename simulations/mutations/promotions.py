"""Mistakes in what promotions give, to whom and when, and in what a sale or a write checks of them."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

SCENARIO = "prices-of-a-week"


def _mutation(name: str, breaks: str, target: str, *changes: tuple[str, str]) -> Mutation:
    return Mutation(
        name=name,
        breaks=breaks,
        invariant=5,
        expected=("PricesChecker",),
        scenario=SCENARIO,
        edits=(slip(target, *changes),),
    )


PROMOTIONS = (
    _mutation(
        "window-cut-at-midnight",
        "a window whose end lies on the next day ends at midnight",
        "replica.core.catalog.weekly_windows:minutes_in",
        ("end + (DAY_MINUTES if end <= start else 0)", "(DAY_MINUTES if end <= start else end)"),
    ),
    _mutation(
        "windows-never-meet",
        "exclusive promotions with windows never compete, also if their windows overlap",
        "replica.core.catalog.promotion_index:Promotions.overlapping",
        (
            "and meet(promotion.minutes, other.minutes, promotion.period.common(other.period))",
            "and promotion.minutes == other.minutes and not promotion.period.common(other.period).is_empty",
        ),
    ),
    _mutation(
        "groups-without-meaning",
        "a promotion for a customer group applies to every customer",
        "replica.core.catalog.promotions:Promotion.is_in_force",
        ("if self.customer_groups and customer_group not in self.customer_groups:", "if False:"),
    ),
    _mutation(
        "equal-groups-only",
        "exclusive promotions compete only if their customer groups are the same",
        "replica.core.catalog.promotions:groups_meet",
        ("return any(", "return one.customer_groups == other.customer_groups and any("),
    ),
    _mutation(
        "all-bundles-for-the-price-of-one",
        "of several bundles in one basket, only the first one is paid",
        "replica.core.catalog.discounts:_bundle",
        ("low * benefit.amount", "benefit.amount"),
    ),
    _mutation(
        "later-components-compete-not",
        "of two bundles, only the first components compete",
        "replica.core.catalog.promotion_index:_share_a_sku",
        (
            "for first in one.selected for second in other.selected",
            "for first in one.selected[:1] for second in other.selected[:1]",
        ),
    ),
    _mutation(
        "dearest-unit-free",
        "of a group of units the dearest are free, and not the cheapest",
        "replica.core.catalog.discounts:_n_for_m",
        ("max(0, rest - benefit.pay)", "min(rest, benefit.take - benefit.pay)"),
    ),
    _mutation(
        "grams-in-groups",
        "groups and bundles contain measured goods as one unit",
        "replica.core.catalog.discounts:_pieces",
        (" if not line.is_measured", ""),
    ),
    _mutation(
        "threshold-split-by-units",
        "the discount of a threshold is split by units, and not by what they cost",
        "replica.core.catalog.discounts:_threshold",
        ("[line.amount for line in lines], discount", "[line.pieces for line in lines], discount"),
    ),
    _mutation(
        "uses-for-each-line",
        "each line of a basket gets the uses that the whole basket has",
        "replica.core.catalog.discounts:_off_units",
        ("left -= pieces", "left -= 0"),
    ),
    _mutation(
        "combinable-first",
        "combinable promotions apply before exclusive ones",
        "replica.core.catalog.promotions:Promotion.precedence",
        ("(not self.is_exclusive,", "(self.is_exclusive,"),
    ),
    _mutation(
        "francs-off-euros",
        "an amount in one currency is taken off prices in another one",
        "replica.core.catalog.quotes:_quoted",
        ("if currency_of(promotion.benefit) not in (None, currency):", "if False:"),
    ),
    _mutation(
        "late-sale-at-todays-price",
        "a sale that a till tells later has the price of the moment at which the node hears of it",
        "replica.runtime.pricing:price_of_sale",
        ("now_ms if told is None else min(told, now_ms)", "now_ms"),
    ),
    _mutation(
        "windows-by-utc",
        "windows are read from a clock in UTC, and not from that of the store",
        "replica.runtime.pricing:occasion_at",
        ("time_zone(time_zone_of(replica.documents, location))", 'time_zone("UTC")'),
    ),
    _mutation(
        "store-override-unchecked",
        "a store may write an override past the limits of the chain",
        "replica.core.catalog.prices:admit_price",
        ("if price is None or rank == CHAIN_RANK:", "if price is None or rank in (CHAIN_RANK, 200):"),
    ),
)
