"""Till receipts of entries that arrive: a journal finds each entry by the receipt that it names."""

from __future__ import annotations

import pytest

from replica.core.log.entry import start
from replica.core.log.entry_run import ReceivedRun
from replica.core.stock.requests import Sale, SkuLine
from tests.core.chain import STORE, Node, receipt
from tests.core.state.test_duplicates import hub


@pytest.mark.parametrize("held", [0, 1])
def test_each_receipt_of_a_merged_run_points_to_its_own_entry(held: int) -> None:
    """`held`: the entries that the replica had before. The run begins with them, as after a lost acknowledgement."""
    store, other = Node(), hub("hub-east")
    for number in (1, 2, 3):
        store.ask(Sale(lines=(SkuLine(1, "cola"),), till="t", receipt=f"R-{number}"), f"sale-{number}")
    (run,) = store.commit().runs
    other.ask(receipt(cola=1), "first")
    if held:
        other.take([ReceivedRun(run.stream, 1, start(run.stream).hash, list(run)[:held])])
        other.commit()

    other.take([ReceivedRun(run.stream, 1, start(run.stream).hash, list(run))])
    batch = other.commit()

    arrivals = {entry.content.reference: number for number, (entry, _) in enumerate(other.journal, start=1)}
    found = {row[1]: row[4] for row in batch.receipts}
    assert len(found) == 3 - held
    assert found == {name: arrivals[name] for name in found}
    assert {row[0] for row in batch.receipts} == {STORE}
