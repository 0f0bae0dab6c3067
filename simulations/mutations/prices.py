"""Mistakes in prices and promotions: ranks, limits, moments, and what is left of a document that was cleared."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

SCENARIO = "prices-of-a-week"

PRICES = (
    Mutation(
        name="store-prices-lost-at-start",
        breaks="a node that starts from its checkpoint does not look at promotions and overrides of the rank of stores",
        invariant=5,
        expected=("PricesChecker", "Checkpoint"),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.state.fold:_DocumentsPart.load",
                ("if self._documents.put(register) is not None:", "if self._documents.put(register) and rank < 200:"),
            ),
        ),
    ),
    Mutation(
        name="limits-of-yesterday",
        breaks="an override counts although it is past the limits, because they were narrowed after it was written",
        invariant=5,
        expected=("PricesChecker",),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.catalog.prices:_why_not",
                ("if rank != CHAIN_RANK and not _is_within", "if price.limits and not _is_within"),
            ),
        ),
    ),
    Mutation(
        name="cleared-rank-counts",
        breaks="a price that somebody cleared at its rank still counts, with its last value",
        invariant=5,
        expected=("PricesChecker",),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.catalog.documents:Documents.valued",
                (
                    "self.register(kind, key, *slot) for",
                    "self._pasts.get((kind, key, *slot), NO_PAST).former or self.register(kind, key, *slot) for",
                ),
            ),
        ),
    ),
    Mutation(
        name="scheduled-amount-late",
        breaks="a scheduled amount takes effect just after its moment, and not at it",
        invariant=5,
        expected=("PricesChecker",),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.catalog.prices:KnownPrice.amount_at",
                ("(moment_ms, AMOUNT_MAX)", "(moment_ms - 1, AMOUNT_MAX)"),
            ),
        ),
    ),
    Mutation(
        name="amount-of-the-chain",
        breaks="a scheduled override has the amount that the chain has then, one rank too low",
        invariant=5,
        expected=("PricesChecker",),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.catalog.prices:price_among",
                (
                    "found = (price, price.amount_at(moment_ms)",
                    "found = (price, (chain if chain and len(price.amounts) > 1 else price).amount_at(moment_ms)",
                ),
            ),
        ),
    ),
    Mutation(
        name="price-of-another-store",
        breaks="the override of one store is in effect at each store that has none of its own",
        invariant=5,
        expected=("PricesChecker",),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.catalog.documents:Documents.valued",
                (
                    "in ranks_at(location, region)",
                    "in (*ranks_at(location, region)[:1], *[(200, one.at) for one in self.ranked(kind, key)"
                    " if location and one.rank == 200][:1], *ranks_at(location, region)[1:])",
                ),
            ),
        ),
    ),
    Mutation(
        name="cleared-promotion-applies",
        breaks="the index of promotions keeps a promotion that somebody cleared",
        invariant=5,
        expected=("PricesChecker", "Checkpoint"),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.catalog.promotion_index:Promotions.put",
                (
                    "former = ranks.pop(rank, None)",
                    "former = ranks.pop(rank, None) if register.value is not None else None",
                ),
            ),
        ),
    ),
    Mutation(
        name="retry-at-the-new-price",
        breaks="a sale that is told again is answered with the price of today, and not with that of its first answer",
        invariant=3,
        expected=("PricesChecker",),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.state.decisions:execute",
                (
                    "return replica.orders.as_placed(_repeat(replica, known, same))",
                    "found = replica.orders.as_placed(_repeat(replica, known, same))\n"
                    "        facts = {**found.content.facts, QUOTE: command.quote}\n"
                    "        content = replace(found.content, facts=facts) if command.quote else found.content\n"
                    "        return replace(found, content=content)",
                ),
            ),
        ),
    ),
    Mutation(
        name="fast-sale-without-price",
        breaks="a sale that takes the fast path does not keep the price that it applied",
        invariant=5,
        expected=("PricesChecker",),
        scenario=SCENARIO,
        edits=(slip("replica.core.stock.fast_sales:sell_fast", ("{QUOTE: quote} if quote else _NOTHING", "_NOTHING")),),
    ),
    Mutation(
        name="offers-of-yesterday",
        breaks="a sale applies the prices and promotions of the first sale of its SKU, whatever was written since",
        invariant=5,
        expected=("PricesChecker",),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.catalog.offers:Offers.of",
                ("if self._writes != documents.writes or len(", "if len("),
            ),
        ),
    ),
    Mutation(
        name="lock-ignored",
        breaks="a store overrides a promotion that the chain locked",
        invariant=5,
        expected=("PricesChecker",),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.catalog.promotion_index:Promotions.effective",
                ("if chain is not None and chain.is_locked:", "if False:"),
            ),
        ),
    ),
    Mutation(
        name="discount-below-the-minimum",
        breaks="the promotion of a store takes a line below the least amount that the chain allows",
        invariant=5,
        expected=("PricesChecker",),
        scenario=SCENARIO,
        edits=(slip("replica.core.catalog.discounts:_limited", ("max(0, taken.line.room)", "taken.discount")),),
    ),
    Mutation(
        name="narrowed-limits-unlisted",
        breaks="a node does not list the overrides that are past new limits of the chain",
        invariant=5,
        expected=("PricesChecker", "Checkpoint"),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.catalog.price_conflicts:PriceConflicts.put",
                ("if register.rank == CHAIN_RANK else [register]", "if register.rank != CHAIN_RANK else [register]"),
            ),
        ),
    ),
    Mutation(
        name="ended-rivals-listed",
        breaks="two promotions that competed are listed after one of them was cleared or changed",
        invariant=5,
        expected=("PricesChecker", "Process"),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.catalog.promotion_conflicts:PromotionConflicts._review",
                ("self._of_document.pop(document, ())", "[]"),
            ),
        ),
    ),
    Mutation(
        name="store-documents-refused",
        breaks="a hub ends the session with a store that wrote a price of its own rank",
        invariant=1,
        expected=("Liveness",),
        scenario=SCENARIO,
        edits=(
            slip(
                "replica.core.sync.session:_is_of_others",
                (
                    'content.kind == DOCUMENT and (facts.get("rank"), facts.get("at")) != (STORE_RANK, scope)',
                    "content.kind == DOCUMENT and scope != CHAIN",
                ),
            ),
        ),
    ),
)
