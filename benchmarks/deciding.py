"""What the core alone costs: CPU time to decide, record and fold, without HTTP and without a disk.

`python -m benchmarks.deciding` prints one figure for each kind of work. To judge a change, run it in the tree before
and in the tree after, in turns, and compare the medians: one figure alone depends on the machine (docs/decisions/0016).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from replica.core.log.entry import Entry, start
from replica.core.log.entry_run import ReceivedRun
from replica.core.orders.context import OrderPolicy
from replica.core.orders.requests import OrderEvent, PlacedLine, Placement
from replica.core.state import decisions
from replica.core.state.commands import Command, Requests, Sales
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt, Sale, SkuLine

LOCATION = "store-1"
ITEMS = 50
BATCHES = 60
CALLERS = 50
REPEATS = 5
"""Times each kind of work is done; the least is printed, because other work on the machine only adds."""


def stocked(node: str = LOCATION) -> Replica:
    """A replica with stock of every item."""
    replica = Replica(f"{node}#0000000a", (LOCATION,), open_catalog=True, order_policy=OrderPolicy(hosted=(LOCATION,)))
    lines = tuple(GoodsLine(quantity=2_000_000, item=f"item-{number}") for number in range(ITEMS))
    decisions.execute(replica, Command(LOCATION, GoodsReceipt(lines), b"stock"), 1)
    replica.take_batch()
    return replica


def cost_us(replica: Replica, batches: Sequence[Sequence[Requests]]) -> float:
    """CPU microseconds a request takes in these batches."""
    began_s, number = time.process_time(), sum(len(requests) for batch in batches for requests in batch)
    for now_ms, batch in enumerate(batches, 1_000):
        decisions.execute_all(replica, batch, now_ms, {})
        replica.take_batch()
    return (time.process_time() - began_s) / number * 1e6


def batches_of(ask: Callable[[int, int], Command]) -> list[list[Requests]]:
    """Batches in which every caller asks for one thing."""
    return [[[ask(batch, caller)] for caller in range(CALLERS)] for batch in range(BATCHES)]


def sale(number: int) -> Sale:
    """One of an item."""
    return Sale((SkuLine(1, f"item-{number % ITEMS}"),))


def columns_of_sales() -> float:
    """Sales that one caller sends as a batch of 100."""
    keys = [[b"%d-%d" % (batch, number) for number in range(100)] for batch in range(BATCHES)]
    return cost_us(stocked(), [[Sales(LOCATION, [sale(number) for number in range(100)], some)] for some in keys])


def single_sales() -> float:
    """Sales of one line, one for each caller."""
    return cost_us(stocked(), batches_of(lambda batch, one: Command(LOCATION, sale(one), b"%d-%d" % (batch, one))))


def sales_with_receipts() -> float:
    """Sales of one line with a till and its receipt, one for each caller."""

    def ask(batch: int, one: int) -> Command:
        key = f"{batch}-{one}"
        return Command(LOCATION, Sale((SkuLine(1, f"item-{one % ITEMS}"),), till="t-1", receipt=key), key.encode())

    return cost_us(stocked(), batches_of(ask))


def sales_of_two_lines() -> float:
    """Sales that no fast path takes."""

    def ask(batch: int, one: int) -> Command:
        lines = (SkuLine(1, f"item-{one % ITEMS}"), SkuLine(2, f"item-{(one + 1) % ITEMS}"))
        return Command(LOCATION, Sale(lines), b"%d-%d" % (batch, one))

    return cost_us(stocked(), batches_of(ask))


def place(batch: int, one: int) -> Command:
    """A new order of one line."""
    lines = (PlacedLine(quantity=1, sku=f"item-{one % ITEMS}"),)
    return Command("", Placement(order=f"order-{batch}-{one}", lines=lines), b"place-%d-%d" % (batch, one))


def new_orders() -> float:
    """Orders of one line, one for each caller."""
    return cost_us(stocked("hub-east"), batches_of(place))


def order_events() -> float:
    """A payment, a pick and a shipment of each order."""
    replica = stocked("hub-east")
    cost_us(replica, batches_of(place))

    def ask(event: str) -> Callable[[int, int], Command]:
        def one_event(batch: int, one: int) -> Command:
            request = OrderEvent(order=f"order-{batch}-{one}", event=event)  # type: ignore[arg-type]
            return Command("", request, b"%b-%d-%d" % (event.encode(), batch, one))

        return one_event

    return sum(cost_us(replica, batches_of(ask(event))) for event in ("pay", "pick", "ship")) / 3


def merged_entries() -> float:
    """Entries of another node, in runs of 100."""
    store, hub = Replica(f"{LOCATION}#0000000a", (LOCATION,), open_catalog=True), stocked("hub-east")
    lines = tuple(GoodsLine(quantity=2_000_000, item=f"item-{number}") for number in range(ITEMS))
    decisions.execute(store, Command(LOCATION, GoodsReceipt(lines), b"delivery"), 1)
    (delivery,) = store.take_batch().entries
    entries: list[Entry] = []
    for batch in range(BATCHES):
        keys = [b"%d-%d" % (batch, number) for number in range(100)]
        decisions.execute_all(store, [Sales(LOCATION, [sale(number) for number in range(100)], keys)], 1_000, {})
        entries += store.take_batch().entries
    stream = delivery.stream
    decisions.merge(hub, [ReceivedRun(stream, 1, start(stream).hash, [delivery])], 5_000)
    hub.take_batch()
    previous, began_s = delivery.hash, time.process_time()
    for index in range(0, len(entries), 100):
        some = entries[index : index + 100]
        decisions.merge(hub, [ReceivedRun(stream, some[0].sequence, previous, some)], 5_000)
        hub.take_batch()
        previous = some[-1].hash
    return (time.process_time() - began_s) / len(entries) * 1e6


def main() -> None:
    """Print the cost of each kind of work."""
    sales = columns_of_sales, single_sales, sales_with_receipts, sales_of_two_lines
    for work in (*sales, new_orders, order_events, merged_entries):
        print(f"{min(work() for _ in range(REPEATS)):7.2f} us  {work.__name__.replace('_', ' ')}")


if __name__ == "__main__":
    main()
