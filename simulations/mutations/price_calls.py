"""Mistakes in the adapters of prices: the HTTP calls, the quote that a sale gets, and the history in the journal."""

from __future__ import annotations

from simulations.mutations.mutation import Mutation, slip

SCENARIO = "prices-over-http"


def _mutation(name: str, breaks: str, expected: tuple[str, ...], target: str, *changes: tuple[str, str]) -> Mutation:
    return Mutation(
        name=name, breaks=breaks, invariant=5, expected=expected, scenario=SCENARIO, edits=(slip(target, *changes),)
    )


PRICE_CALLS = (
    _mutation(
        "quote-for-now",
        "a quote for another moment has the prices of now",
        ("Answers",),
        "replica.runtime.http.quotes_api:QuotesApi.quote",
        ("location, asked_ms, query", "location, self._node.clock.now().wall_ms, query"),
    ),
    _mutation(
        "quote-for-everybody",
        "a quote has the prices of customers who are in no group",
        ("Answers",),
        "replica.runtime.http.quotes_api:QuotesApi.quote",
        ("asked_ms, query.customer_group)", "asked_ms)"),
    ),
    _mutation(
        "fast-sale-without-a-price",
        "a sale on the fast path keeps no price",
        ("PricesChecker",),
        "edge_node.api:EdgeApi.read_sale",
        (
            "self._command(self._sale.decode(body), checked_key(key))",
            "Command(self._location, self._sale.decode(body), checked_key(key))",
        ),
    ),
    _mutation(
        "prices-of-another-sale",
        "the sales of a batch get each other's prices",
        ("PricesChecker",),
        "edge_node.sale_batches:SaleBatches._priced",
        ("quotes if any(quotes)", "quotes[::-1] if any(quotes)"),
    ),
    _mutation(
        "sale-in-no-group",
        "the price of a sale is that of customers who are in no group",
        ("PricesChecker",),
        "replica.runtime.pricing:price_of_sale",
        ("min(told, now_ms), sale.customer_group)", "min(told, now_ms))"),
    ),
    _mutation(
        "cleared-for-the-chain",
        "a call that clears the document of a store clears that of the chain",
        ("Answers",),
        "replica.runtime.http.documents_api:DocumentsApi._write",
        (
            'rank, at = request.query.get("rank", CHAIN_NAME), request.query.get("at", "")',
            "named = {} if value is None else request.query\n"
            '    rank, at = named.get("rank", CHAIN_NAME), named.get("at", "")',
        ),
    ),
    _mutation(
        "written-for-the-chain",
        "the answer to a write names the rank of the chain, whichever rank was written",
        ("Answers",),
        "replica.runtime.http.writes:_document",
        ('rank=rank_name(facts["rank"])', "rank=CHAIN_NAME"),
    ),
    _mutation(
        "lower-ranks-unshown",
        "a document in effect is shown without those that it overrides",
        ("Answers",),
        "replica.runtime.http.document_answers:DocumentView.answer",
        ("overridden=lower", "overridden=lower[1:]"),
    ),
    _mutation(
        "history-of-all-ranks",
        "the history of a document at one rank lists the writes of the other ranks, too",
        ("Answers",),
        "replica.runtime.journal.reading:writes_of",
        ("writes_slot(content.facts, slot)", 'content.facts["key"] == key'),
    ),
)
