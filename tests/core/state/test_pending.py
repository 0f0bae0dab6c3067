"""What is pending: the figures of a replica without it are those of its durable state."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replica.core.log.entry_run import EntryRun
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.pending import PENDING_READ_MAX, Pending
from replica.core.state.replica import Replica
from replica.core.stock.requests import (
    Action,
    Disposition,
    GoodsLine,
    GoodsReceipt,
    Quarantine,
    QuarantineLine,
    Return,
    Sale,
    SkuLine,
)

STORE = "store-1"
ITEMS = ("cola", "wings")
NOW_MS = 1_700_000_000_000

units = st.integers(1, 9)
items = st.sampled_from(ITEMS)
requests = (
    st.builds(lambda item, number: Sale((SkuLine(number, item),)), items, units)
    | st.builds(lambda number: Sale(tuple(SkuLine(number, item) for item in ITEMS)), units)
    | st.builds(lambda item, number: GoodsReceipt((GoodsLine(number, item=item),)), items, units)
    | st.builds(lambda item, how: Return((SkuLine(1, item),), disposition=how), items, st.sampled_from(Disposition))
    | st.builds(lambda item, number: Quarantine((QuarantineLine(item, number, Action.PUT),)), items, units)
)
stages = st.lists(requests, max_size=8)


def replica_that(*said: object) -> Replica:
    replica = Replica("store-1#0000000a", (STORE,), open_catalog=True)
    record(replica, GoodsReceipt(tuple(GoodsLine(20, item=item) for item in ITEMS)), *said)
    return replica


def record(replica: Replica, *said: object) -> list[EntryRun]:
    """Record some requests; returns the entries."""
    asked = [Command(STORE, one, b"%d-%d" % (replica.arrival, number)) for number, one in enumerate(said)]  # type: ignore[arg-type]
    decisions.execute_requests(replica, asked, NOW_MS, {})
    return list(replica.open_runs)


def available(replica: Replica) -> dict[str, int]:
    return {item: replica.ledger.stock(STORE, item).available for item in ITEMS}


@given(stages, stages, stages)
def test_without_what_is_pending_the_units_are_those_that_are_durable(
    durable: list[object], committing: list[object], waiting: list[object]
) -> None:
    replica = replica_that(*durable)
    replica.take_batch()
    before = available(replica)
    record(replica, *committing)
    runs = list(replica.take_batch().runs)
    record(replica, *waiting)
    pending = Pending.of([*runs, *replica.open_runs])
    assert pending is not None
    assert {item: now - pending.available(STORE, item) for item, now in available(replica).items()} == before


def test_pending_documents_are_no_matter_of_units() -> None:
    replica = replica_that()
    decisions.write(replica, DocumentWrite("price", "cola", None, b"w-1"), NOW_MS)
    assert Pending.of(replica.open_runs) is None


def test_a_reader_looks_through_a_bounded_number_of_entries() -> None:
    replica = replica_that(*[Sale((SkuLine(1, "cola"),))] * (PENDING_READ_MAX - 1))
    assert Pending.of(replica.open_runs) is not None
    record(replica, Sale((SkuLine(1, "cola"),)))
    assert Pending.of(replica.open_runs) is None


def test_units_at_another_location_are_not_those_here() -> None:
    replica = replica_that(Sale((SkuLine(3, "cola"),)))
    pending = Pending.of(replica.open_runs)
    assert pending is not None
    assert (pending.available(STORE, "cola"), pending.available("store-2", "cola")) == (17, 0)
