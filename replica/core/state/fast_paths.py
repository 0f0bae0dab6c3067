"""Fast paths: they decide nearly all sales and orders, many at a time, and record them as columns.

A fast path takes requests from the front while they have the simplest form and new keys. It records the same bytes as
`decisions.execute`; tests compare the two. It refuses nothing, and leaves every other request to `decisions`.
See docs/decisions/0008, 0011 and 0012.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from replica.core.orders.fast_orders import FastOrders, hold_fast
from replica.core.state.commands import Placements, Sales
from replica.core.state.replica import Earlier, Replica
from replica.core.stock.fast_sales import FastSales, Times, sell_fast
from replica.core.stock.till_receipts import TillReceipt


def take_fast(
    replica: Replica, asked: Sales | Placements, index: int, end: int, now_ms: int, earlier: Earlier
) -> FastSales | FastOrders | None:
    """Decide and record requests from `index` up to `end`, while they have the simplest form.

    All keys in this range are new. None if the first request has another form; nothing changed then.
    """
    if isinstance(asked, Sales):
        return _sell(replica, asked, index, end, now_ms, earlier)
    return _hold(replica, asked, index, end, now_ms)


def _sell(replica: Replica, sales: Sales, index: int, end: int, now_ms: int, earlier: Earlier) -> FastSales | None:
    view = replica.view(sales.location)
    if view is None or len(sales.requests[index].lines) != 1:
        return None
    stream = replica.own_stream(sales.location)
    if replica.is_ahead(now_ms) or replica.clock_faults.is_going(replica.writer):
        return None
    sold = FastSales(stream, replica.head(stream), replica.next_stamp(now_ms), view.free)
    times = Times.at(now_ms, replica.counts.watched.get(sales.location, 0), replica.clock_faults.wrong_tills(stream))
    returned = returned_at(replica, sales.location, earlier)
    quotes = sales.quotes[index:end]
    sell_fast(view, sales.requests[index:end], sales.keys[index:end], sold, times, returned, quotes)
    if not len(sold):
        return None
    replica.record_run(sold)
    return sold


def _hold(replica: Replica, placements: Placements, index: int, end: int, now_ms: int) -> FastOrders | None:
    if replica.is_ahead(now_ms):
        return None
    context = replica.context(now_ms)

    def begin(location: str, source: str) -> FastOrders:
        stream = replica.own_stream(location)
        return FastOrders(stream, replica.head(stream), replica.next_stamp(now_ms), source, context.held)

    held = hold_fast(context, placements.requests[index:end], placements.keys[index:end], begin)
    if held is not None and not replica.clock_faults.is_going(replica.writer):
        replica.orders.begin(held.orders)
        replica.record_run(held)
        return held
    return None


def returned_at(replica: Replica, location: str, earlier: Earlier) -> Collection[str]:
    """The till receipts at a location whose goods came back before, as far as the replica and `earlier` know."""
    recent = replica.receipts.returned_at(location)
    return [*recent, *[name.number for name in earlier if isinstance(name, TillReceipt)]] if recent or earlier else ()


def first_used(replica: Replica, keys: Sequence[bytes], index: int, earlier: Earlier) -> int:
    """The index of the first key, from `index` on, that was used before. If all are new, the number of keys."""
    own: dict[bytes, None] = {}
    if index == 0:
        own = dict.fromkeys(keys)
        if len(own) == len(keys) and replica.keys.is_disjoint(own) and earlier.keys().isdisjoint(own):
            return len(keys)
        own.clear()
    for number in range(index, len(keys)):
        key = keys[number]
        if key in own or key in replica.keys or key in earlier:
            return number
        own[key] = None
    return len(keys)
