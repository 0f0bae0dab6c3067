"""Till receipts of entries that arrive: a journal finds each entry by the receipt that it names."""

from __future__ import annotations

import pytest

from replica.core.log.entry import start
from replica.core.log.entry_run import ReceivedRun
from replica.core.log.voids import RETURN_CORRECTION
from replica.core.stock.requests import Return, Sale, SkuLine
from tests.core.chain import STORE, Node, receipt
from tests.core.state.test_duplicates import entries, hub, send_all


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


SOLD = Sale(lines=(SkuLine(1, "set"),), receipt="R-1")


def with_return_in_journal() -> Node:
    """A shop that took back a set before it knew the sale, and started again. The recipe of a set changed since."""
    node = Node()
    node.write("set", {"recipe": {"cup": 1}})
    node.ask(Return(lines=(SkuLine(1, "set"),), original="R-1"), "back")
    node.write("set", {"recipe": {"box": 2}})
    node.commit()
    node.crash()
    return node


def on_hand(node: Node, *items: str) -> list[int]:
    return [node.replica.ledger.stock(STORE, item).figures.on_hand for item in items]


def test_a_return_that_only_the_journal_knows_is_corrected_when_its_sale_is_recorded() -> None:
    node = with_return_in_journal()
    assert on_hand(node, "cup", "box") == [1, 0]
    node.ask(SOLD, "sold")
    node.commit()
    assert (len(entries(node, RETURN_CORRECTION)), on_hand(node, "cup", "box")) == (1, [0, 0])


def test_a_return_that_only_the_journal_knows_is_corrected_when_its_sale_arrives() -> None:
    node, other = with_return_in_journal(), hub("hub-east")
    other.write("set", {"recipe": {"box": 2}})
    other.ask(SOLD, "sold")
    send_all(other, node)
    assert (len(entries(node, RETURN_CORRECTION)), on_hand(node, "cup", "box")) == (1, [0, 0])


def test_a_sale_that_only_the_journal_knows_tells_what_comes_back() -> None:
    node = Node()
    node.write("set", {"recipe": {"cup": 1}})
    node.ask(SOLD, "sold")
    node.write("set", {"recipe": {"box": 2}})
    node.commit()
    node.crash()
    node.ask(Return(lines=(SkuLine(1, "set"),), original="R-1"), "back")
    assert on_hand(node, "cup", "box") == [0, 0]
